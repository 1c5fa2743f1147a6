#include "base/secret_forms.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "base/encoding.h"
#include "base/escapes.h"

namespace rbk {

namespace {

constexpr size_t kShortestLine = 8;

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kEnds = " \t\r";
  const size_t begin = line.find_first_not_of(kEnds);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kEnds) + 1 - begin);
}

/// A code point of well-formed UTF-8, and its bytes; other bytes stand for themselves.
std::pair<uint32_t, size_t> code_point(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const size_t size = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (size == 1 || size > text.size()) return {first, 1};
  uint32_t code = first & (0x7fU >> size);
  for (size_t i = 1; i < size; ++i) code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  return {code, size};
}

class Forms {
 public:
  void add(std::string text, bool wraps = false) {
    if (text.size() < kShortestSecret || !seen_.emplace(text, wraps).second) return;
    forms_.push_back({std::move(text), wraps});
  }
  std::vector<SecretForm> take() { return std::move(forms_); }

 private:
  std::set<std::pair<std::string, bool>> seen_;
  std::vector<SecretForm> forms_;
};

/// The digits that `secret` alone decides, after `before` bytes of something else.
void add_base64(Forms& forms, std::string_view secret, size_t before) {
  const size_t begin = before == 0 ? 0 : before + 1;
  const size_t end = (before + secret.size()) * 8 / 6;
  const std::string digits = to_base64(std::string(before, '\0') + std::string(secret));
  std::string url_digits = digits;
  std::replace(url_digits.begin(), url_digits.end(), '+', '-');
  std::replace(url_digits.begin(), url_digits.end(), '/', '_');
  for (const std::string& all : {digits, url_digits}) {
    if (end <= begin) continue;
    forms.add(all.substr(begin, end - begin), true);
    // The last one too, where nothing follows.
    if ((before + secret.size()) % 3 != 0) forms.add(all.substr(begin, end + 1 - begin), true);
  }
}

std::string replaced(std::string_view text, char what, std::string_view by) {
  std::string made;
  for (const char c : text) made += c == what ? by : std::string_view(&c, 1);
  return made;
}

/// Half pairs of surrogates in place of what lies beyond them, as two `\u…` are read.
std::string with_surrogates(std::string_view text) {
  std::string made;
  const auto add = [&](uint32_t code) {
    made += static_cast<char>(0xe0 | code >> 12);
    made += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    made += static_cast<char>(0x80 | (code & 0x3f));
  };
  while (!text.empty()) {
    const auto [code, size] = code_point(text);
    if (size == 4) {
      add(0xd800 + ((code - 0x10000) >> 10));
      add(0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
      made += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return made;
}

/// As it reads once escapes are undone: what is one in the secret itself is undone with them.
void add_read(Forms& forms, std::string_view secret) {
  std::string text(secret);
  for (size_t level = 0; level <= kEscapeLevels; ++level) {
    forms.add(text);
    forms.add(with_surrogates(text));
    text = without_escapes(text);
  }
}

void add_all(Forms& forms, std::string_view secret) {
  add_read(forms, secret);
  for (const size_t before : {0U, 1U, 2U}) add_base64(forms, secret, before);
  std::string digits = to_hex(secret);
  forms.add(digits, true);
  std::transform(digits.begin(), digits.end(), digits.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  forms.add(digits, true);
  // Quoted for a shell.
  forms.add(replaced(secret, '\'', R"('\'')"));
  forms.add(replaced(secret, '\'', R"('"'"')"));
}

}  // namespace

std::vector<SecretForm> secret_forms(std::string_view secret) {
  Forms forms;
  if (secret.size() < kShortestSecret) return {};
  add_all(forms, secret);
  if (secret.find('\n') == std::string_view::npos) return forms.take();
  forms.add(replaced(secret, '\n', "\r\n"));  // as a terminal has it
  for (std::string_view rest = secret; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    line = trimmed(line);
    if (line.size() >= kShortestLine) add_all(forms, line);
  }
  return forms.take();
}

}  // namespace rbk
