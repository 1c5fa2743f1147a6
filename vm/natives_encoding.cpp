// Quoting for the shell and for URLs; base64, hexadecimal and hashes.
#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/quoting.h"
#include "base/sql_text.h"
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

// ---- Queries

Ref make_query(Heap& heap, std::string_view text, Ref values) {
  Map* query = new_map(heap, Kind::kRef, Kind::kRef);
  Ref owner(query);
  put(query, slot_of(make_string(heap, "text").give()), slot_of(make_string(heap, text).give()));
  put(query, slot_of(make_string(heap, "values").give()), slot_of(values.give()));
  return owner;
}

/// Text and values of a query that was made here; false after having raised.
bool take_piece(NativeCall& call, const Object* object, std::string& text, List* values) {
  const Map* query =
      object != nullptr && object->tag == Tag::kMap ? static_cast<const Map*>(object) : nullptr;
  const Map::Entry* written = query == nullptr ? nullptr : find(query, "text");
  const Map::Entry* given = query == nullptr ? nullptr : find(query, "values");
  const String* own = written == nullptr ? nullptr : as_string(written->value.o);
  const bool has_list = given != nullptr && given->value.o != nullptr &&
                        given->value.o->tag == Tag::kList && given->value.o->kind == Kind::kRef;
  if (own == nullptr || !has_list) return call.raise("NullError", "expected a query");
  text += renumbered(own->view(), values->items.size());
  for (const Slot value : static_cast<const List*>(given->value.o)->items) {
    retain(value, Kind::kRef);
    push(values, value);
  }
  return true;
}

bool query_build(NativeCall& call) {
  const List* parts = call.list(0);
  if (parts == nullptr) return false;
  if (parts->kind != Kind::kRef) return call.raise("NullError", "expected the parts of a query");
  std::string text;
  List* values = new_list(call.heap, Kind::kRef, parts->items.size());
  Ref owner(values);
  for (const Slot slot : parts->items) {
    const Object* part = slot.o;
    if (const String* own = as_string(part)) {
      text += own->view();
    } else if (part != nullptr && part->tag == Tag::kList && part->kind == Kind::kRef) {
      const auto* bound = static_cast<const List*>(part);
      if (bound->items.empty())
        return call.raise("QueryError",
                          "an empty list has no place in a query: `in ()` is none. Ask `.is_empty` "
                          "before");
      for (size_t i = 0; i < bound->items.size(); ++i) {
        retain(bound->items[i], Kind::kRef);
        push(values, bound->items[i]);
        text += fmt::format("{}${}", i == 0 ? "" : ", ", values->items.size());
      }
    } else if (!take_piece(call, part, text, values)) {
      return false;
    }
    if (!call.heap.fits(text.size())) return call.give(Ref());
  }
  return call.give(make_query(call.heap, text, std::move(owner)));
}

bool sql_ident(NativeCall& call) {
  const String* name = call.string(0);
  if (name == nullptr) return false;
  const std::string_view view = name->view();
  if (view.empty() || view.find('\0') != std::string_view::npos)
    return call.raise("QueryError", fmt::format("{} is no name of a query", json_summary(name)));
  std::string quoted = "\"";
  for (const char c : view) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  quoted += '"';
  return call.give(make_query(call.heap, quoted, Ref(new_list(call.heap, Kind::kRef, 0))));
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

constexpr NativeEntry kEncodingNatives[] = {
    {"shell.quote", shell_quote},
    {"shell.quote_all", shell_quote_all},
    {"url.encode_path", encode_path},
    {"url.encode_query", encode_query},
    {"url.encode_host", encode_host},
    {"query.build", query_build},
    {"sql.ident", sql_ident},
    {"string.url_encode", encode_query},
    {"string.url_decode", decoded<from_percent>},
    {"string.to_base64", encoded<to_base64>},
    {"string.from_base64", decoded<from_base64>},
    {"string.to_hex", encoded<hex_text>},
    {"string.from_hex", decoded<from_hex>},
    {"string.sha256", encoded<sha256_text>},
};

}  // namespace

std::span<const NativeEntry> encoding_natives() { return kEncodingNatives; }

}  // namespace rbk::vm
