// Quoting for the shell and for URLs; base64, hexadecimal and hashes.
#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/quoting.h"
#include "vm/json.h"
#include "vm/natives_tables.h"

namespace rbk::vm {

namespace {

// ---- Quoting

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// False after having raised.
bool add_quoted(NativeCall& call, std::string_view word, std::string& out) {
  if (word.find('\0') != std::string_view::npos) {
    return call.raise("ParseError", "a word for the shell holds a zero byte");
  }
  out += shell_word(word);
  return true;
}

bool shell_quote(NativeCall& call) {
  const String* word = call.string(0);
  std::string out;
  return word != nullptr && add_quoted(call, word->view(), out) &&
         call.give(make_string(call.heap, out));
}

bool shell_quote_all(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  std::string out;
  for (size_t i = 0; i < list->items.size(); ++i) {
    const String* word = list->kind == Kind::kRef ? as_string(list->items[i].o) : nullptr;
    if (word == nullptr) return call.raise("NullError", fmt::format("word {} is no text", i));
    if (i > 0) out += ' ';
    if (!add_quoted(call, word->view(), out)) return false;
    if (!call.heap.fits(out.size())) return call.give(Ref());
  }
  return call.give(make_string(call.heap, out));
}

/// RFC 3986: all but the unreserved characters as %XX.
std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<uint8_t>(c));
    }
  }
  return out;
}

bool encode_path(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  if (text->view() == "." || text->view() == "..") {
    return call.raise(
        "UrlError", fmt::format("{} as a part of a URL's path would leave it", json_summary(text)));
  }
  return call.give(make_string(call.heap, percent_encoded(text->view())));
}

bool encode_query(NativeCall& call) {
  const String* text = call.string(0);
  return text != nullptr && call.give(make_string(call.heap, percent_encoded(text->view())));
}

bool encode_host(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  constexpr std::string_view kOthers = ".-_:[]";
  const std::string_view view = text->view();
  const bool fits = !view.empty() && std::all_of(view.begin(), view.end(), [&](char c) {
    return is_alphanumeric(c) || kOthers.find(c) != std::string_view::npos;
  });
  if (!fits) {
    return call.raise("UrlError", fmt::format("{} is no host of a URL", json_summary(text)));
  }
  return call.give(Ref::to(const_cast<String*>(text)));
}

// ---- Bytes as text

template <std::string (*encode)(std::string_view)>
bool encoded(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  if (!call.heap.fits(uint64_t{text->size} * 2)) return call.give(Ref());
  return call.give(make_string(call.heap, encode(text->view())));
}

/// Null if it is not in that form, or is no text once decoded.
template <std::optional<std::string> (*decode)(std::string_view)>
bool decoded(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  const auto bytes = decode(text->view());
  return call.give(bytes && is_utf8(*bytes) ? make_string(call.heap, *bytes) : Ref());
}

std::string hex_text(std::string_view text) { return to_hex(text); }
std::string sha256_text(std::string_view text) { return to_hex(sha256(text)); }

constexpr NativeEntry kTable[] = {
    {"shell.quote", shell_quote},
    {"shell.quote_all", shell_quote_all},
    {"url.encode_path", encode_path},
    {"url.encode_query", encode_query},
    {"url.encode_host", encode_host},
    {"string.url_encode", encode_query},
    {"string.url_decode", decoded<from_percent>},
    {"string.to_base64", encoded<to_base64>},
    {"string.from_base64", decoded<from_base64>},
    {"string.to_hex", encoded<hex_text>},
    {"string.from_hex", decoded<from_hex>},
    {"string.sha256", encoded<sha256_text>},
};

}  // namespace

std::span<const NativeEntry> encoding_natives() { return kTable; }

}  // namespace rbk::vm
