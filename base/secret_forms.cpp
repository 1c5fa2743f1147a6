#include "base/secret_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <utility>

#include "base/encoding.h"

namespace rbk {

namespace {

constexpr size_t kShortestLine = 8;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  const size_t begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlanks) + 1 - begin);
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

std::string percent_encoded(std::string_view text, std::string_view kept, bool plus, bool upper) {
  std::string made;
  for (const char c : text) {
    if (is_alphanumeric(c) || is_one_of(c, kept))
      made += c;
    else if (c == ' ' && plus)
      made += '+';
    else
      made +=
          fmt::format(fmt::runtime(upper ? "%{:02X}" : "%{:02x}"), static_cast<unsigned char>(c));
  }
  return made;
}

void add_percent(Forms& forms, std::string_view secret) {
  struct Variant {
    std::string_view kept;
    bool plus;
  };
  constexpr std::array<Variant, 7> kVariants = {
      Variant{"-._~", false},                   // RFC 3986, curl --data-urlencode
      Variant{"-._~/", false},                  // Python's quote
      Variant{"-._~", true},                    // Python's quote_plus
      Variant{"-_.*", true},                    // application/x-www-form-urlencoded, Java
      Variant{"-_.", true},                     // PHP
      Variant{"-_.!~*'()", false},              // encodeURIComponent
      Variant{"-_.!~*'();/?:@&=+$,#", false}};  // encodeURI
  for (const Variant& one : kVariants)
    for (const bool upper : {true, false})
      forms.add(percent_encoded(secret, one.kept, one.plus, upper));
}

struct JsonStyle {
  bool slash = false;  // `/` as `\/`
  bool ascii = false;  // everything else as \u…
  bool upper = false;  // its digits
  bool html = false;   // < > & as \u…, as Go has it
};

std::string json_inside(std::string_view text, const JsonStyle& style) {
  std::string made;
  const auto escaped = [&](uint32_t code) {
    made += fmt::format(fmt::runtime(style.upper ? "\\u{:04X}" : "\\u{:04x}"), code);
  };
  constexpr std::string_view kShort = "\b\f\n\r\t\"\\";
  constexpr std::string_view kLetters = "bfnrt\"\\";
  while (!text.empty()) {
    const auto [code, size] = code_point(text);
    const char c = text.front();
    if (const size_t at = kShort.find(c); at != std::string_view::npos) {
      made += '\\';
      made += kLetters[at];
    } else if (c == '/' && style.slash) {
      made += "\\/";
    } else if (is_control(c) && c != 0x7f) {
      escaped(code);
    } else if (style.html && (is_one_of(c, "<>&") || code == 0x2028 || code == 0x2029)) {
      escaped(code);
    } else if (style.ascii && size > 1) {
      if (code >= 0x10000) {
        escaped(0xd800 + ((code - 0x10000) >> 10));
        escaped(0xdc00 + ((code - 0x10000) & 0x3ff));
      } else {
        escaped(code);
      }
    } else {
      made += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return made;
}

void add_json(Forms& forms, std::string_view secret) {
  for (const bool slash : {false, true})
    for (const bool html : {false, true})
      for (const bool ascii : {false, true})
        for (const bool upper : {false, true})
          forms.add(json_inside(secret, {slash, ascii, upper, html}));
  for (const bool ascii : {false, true})
    forms.add(json_inside(json_inside(secret, {.ascii = ascii}), {}));
}

std::string replaced(std::string_view text, char what, std::string_view by) {
  std::string made;
  for (const char c : text) made += c == what ? by : std::string_view(&c, 1);
  return made;
}

std::string backslashed(std::string_view text, std::string_view set) {
  std::string made;
  for (const char c : text) {
    if (is_one_of(c, set)) made += '\\';
    made += c;
  }
  return made;
}

/// As bash shows it in `$'…'`.
std::string dollar_quoted(std::string_view text, bool octal) {
  std::string made;
  constexpr std::string_view kShort = "\a\b\x1b\f\n\r\t\v\\'";
  constexpr std::string_view kLetters = "abEfnrtv\\'";
  for (const char c : text) {
    if (const size_t at = kShort.find(c); at != std::string_view::npos) {
      made += '\\';
      made += kLetters[at];
    } else if (is_control(c) || (octal && static_cast<unsigned char>(c) >= 0x80)) {
      made += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    } else {
      made += c;
    }
  }
  return made;
}

void add_shell(Forms& forms, std::string_view secret) {
  forms.add(replaced(secret, '\'', R"('\'')"));
  forms.add(replaced(secret, '\'', R"('"'"')"));
  forms.add(backslashed(secret, R"("\$`)"));                     // inside double quotes
  forms.add(backslashed(secret, " \t!\"$&'()*,;<>?[\\]^`{|}"));  // printf %q
  forms.add(backslashed(secret, " \t!\"$&'()*,;<>?[\\]^`{|}#~"));
  for (const bool octal : {false, true}) forms.add(dollar_quoted(secret, octal));
}

void add_html(Forms& forms, std::string_view secret) {
  std::string made = replaced(secret, '&', "&amp;");
  made = replaced(replaced(made, '<', "&lt;"), '>', "&gt;");
  forms.add(made);
  for (const std::string_view quote : {"&quot;", "&#34;"})
    for (const std::string_view single : {"'", "&#39;", "&#x27;", "&apos;"})
      forms.add(replaced(replaced(made, '"', quote), '\'', single));
}

void add_all(Forms& forms, std::string_view secret) {
  forms.add(std::string(secret));
  for (const size_t before : {0U, 1U, 2U}) add_base64(forms, secret, before);
  std::string digits = to_hex(secret);
  forms.add(digits, true);
  std::transform(digits.begin(), digits.end(), digits.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  forms.add(digits, true);
  add_percent(forms, secret);
  add_json(forms, secret);
  add_shell(forms, secret);
  add_html(forms, secret);
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
