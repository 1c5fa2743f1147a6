// JSON as text, read and written without a detour: exact floats, a bounded depth, and errors with
// their place. RFC 8259.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "vm/json.h"

namespace rbk::vm {

namespace {

class Parser {
 public:
  Parser(Heap& heap, std::string_view text) : heap_(heap), text_(text) {}

  Result<Ref> run() {
    Ref value;
    if (!parse(value, 0)) return tl::unexpected(error_);
    blanks();
    if (at_ != text_.size()) {
      wrong("the end of the text");
      return tl::unexpected(error_);
    }
    return value;
  }

 private:
  bool wrong(std::string_view expected) {
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < at_ && i < text_.size(); ++i) {
      column = text_[i] == '\n' ? 1 : column + 1;
      if (text_[i] == '\n') ++line;
    }
    const std::string found = at_ < text_.size() && static_cast<uint8_t>(text_[at_]) >= 0x20 &&
                                      static_cast<uint8_t>(text_[at_]) < 0x7f
                                  ? fmt::format("'{}'", text_[at_])
                                  : (at_ < text_.size() ? "another character" : "the end");
    error_ = Error{ErrorKind::kInvalid,
                   fmt::format("no JSON: line {}, column {}: expected {}, got {}", line, column,
                               expected, found),
                   ""};
    return false;
  }

  void blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (next() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  bool word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return wrong("a value");
    at_ += word.size();
    return true;
  }

  bool parse(Ref& out, int depth) {
    if (depth >= kDeepest || heap_.fault != Fault::kNone) {
      error_ = Error{ErrorKind::kLimit,
                     fmt::format("JSON may be nested {} deep and must fit into memory",
                                 static_cast<int>(kDeepest)),
                     ""};
      return false;
    }
    blanks();
    switch (next()) {
      case '{':
        return object(out, depth);
      case '[':
        return list(out, depth);
      case '"':
        return string(out);
      case 't':
        out = make_box(heap_, Kind::kBool, slot_of(1));
        return word("true");
      case 'f':
        out = make_box(heap_, Kind::kBool, slot_of(0));
        return word("false");
      case 'n':
        out = Ref();
        return word("null");
      default:
        return number(out);
    }
  }

  bool object(Ref& out, int depth) {
    ++at_;
    Map* map = new_map(heap_, Kind::kRef, Kind::kRef);
    out = Ref(map);
    blanks();
    if (take('}')) return true;
    do {
      blanks();
      Ref key;
      if (next() != '"') return wrong("a key in quotes");
      if (!string(key)) return false;
      blanks();
      if (!take(':')) return wrong("':'");
      Ref value;
      if (!parse(value, depth + 1)) return false;
      put(map, slot_of(key.give()), slot_of(value.give()));
      blanks();
    } while (take(','));
    return take('}') || wrong("',' or '}'");
  }

  bool list(Ref& out, int depth) {
    ++at_;
    List* made = new_list(heap_, Kind::kRef, 0);
    out = Ref(made);
    blanks();
    if (take(']')) return true;
    do {
      Ref value;
      if (!parse(value, depth + 1)) return false;
      push(made, slot_of(value.give()));
      blanks();
    } while (take(','));
    return take(']') || wrong("',' or ']'");
  }

  bool digits() {
    const size_t begin = at_;
    while (next() >= '0' && next() <= '9') ++at_;
    return at_ > begin || wrong("a digit");
  }

  bool number(Ref& out) {
    const size_t begin = at_;
    bool whole = true;
    take('-');
    if (next() < '0' || next() > '9') return wrong("a value");
    if (!take('0') && !digits()) return false;
    if (take('.')) {
      whole = false;
      if (!digits()) return false;
    }
    if (take('e') || take('E')) {
      whole = false;
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    const char* first = text_.data() + begin;
    const char* last = text_.data() + at_;
    int64_t integer = 0;
    if (whole && std::from_chars(first, last, integer).ec == std::errc()) {
      out = make_box(heap_, Kind::kInt, slot_of(integer));
      return true;
    }
    double real = 0;
    if (std::from_chars(first, last, real).ec == std::errc::result_out_of_range) {
      // Too small is zero; too large is no number of ours.
      const std::string copy(first, last);
      real = std::strtod(copy.c_str(), nullptr);
      if (std::isinf(real)) return wrong("a number that a float can hold");
    }
    out = make_box(heap_, Kind::kFloat, slot_of_float(real));
    return true;
  }

  bool hex(uint32_t& value) {
    value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = next();
      value <<= 4;
      if (c >= '0' && c <= '9') {
        value |= static_cast<uint32_t>(c - '0');
      } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
        value |= static_cast<uint32_t>((c | 0x20) - 'a' + 10);
      } else {
        return wrong("four hexadecimal digits");
      }
    }
    return true;
  }

  static void append_utf8(std::string& out, uint32_t code) {
    const auto add = [&out](uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) return add(code);
    if (code < 0x800) {
      add(0xc0 | code >> 6);
    } else {
      if (code < 0x10000) {
        add(0xe0 | code >> 12);
      } else {
        add(0xf0 | code >> 18);
        add(0x80 | (code >> 12 & 0x3f));
      }
      add(0x80 | (code >> 6 & 0x3f));
    }
    add(0x80 | (code & 0x3f));
  }

  bool escape(std::string& out) {
    const char c = next();
    ++at_;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        out += c;
        return true;
      case 'b':
        out += '\b';
        return true;
      case 'f':
        out += '\f';
        return true;
      case 'n':
        out += '\n';
        return true;
      case 'r':
        out += '\r';
        return true;
      case 't':
        out += '\t';
        return true;
      case 'u':
        break;
      default:
        --at_;
        return wrong("an escape");
    }
    uint32_t code = 0;
    if (!hex(code)) return false;
    if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_).starts_with("\\u")) {
      const size_t low_at = at_;
      at_ += 2;
      uint32_t low = 0;
      if (!hex(low)) return false;
      if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      } else {
        at_ = low_at;
      }
    }
    // Half a pair has no UTF-8: it becomes U+FFFD.
    append_utf8(out, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
    return true;
  }

  bool string(Ref& out) {
    ++at_;
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<uint8_t>(text_[at_]) >= 0x20) {
      ++at_;
    }
    if (next() == '"' && at_ < text_.size()) {
      out = make_string(heap_, text_.substr(begin, at_++ - begin));
      return true;
    }
    std::string made(text_.substr(begin, at_ - begin));
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        out = make_string(heap_, made);
        return true;
      }
      if (static_cast<uint8_t>(c) < 0x20) return wrong("an escape instead of a control character");
      ++at_;
      if (c != '\\') {
        made += c;
      } else if (!escape(made)) {
        return false;
      }
    }
    return wrong("'\"'");
  }

  Heap& heap_;
  std::string_view text_;
  size_t at_ = 0;
  Error error_;
};

void write_string(std::string_view text, std::string& out) {
  out += '"';
  size_t done = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out.append(text, done, i - done);
    done = i + 1;
    switch (byte) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += fmt::format("\\u{:04x}", byte);
    }
  }
  out.append(text, done, std::string_view::npos);
  out += '"';
}

bool write(Heap& heap, const Object* json, std::string& out) {
  if (json == nullptr) {
    out += "null";
    return true;
  }
  if (!heap.visit() || !heap.fits(out.size())) return false;
  switch (json->tag) {
    case Tag::kString:
      write_string(static_cast<const String*>(json)->view(), out);
      return true;
    case Tag::kBox: {
      const Slot value = static_cast<const Box*>(json)->value;
      if (json->kind == Kind::kBool) {
        out += value.i != 0 ? "true" : "false";
      } else if (json->kind == Kind::kFloat) {
        if (std::isfinite(value.f)) {
          out += float_text(value.f);
        } else {
          write_string(float_text(value.f), out);
        }
      } else {
        out += fmt::format_int(value.i).str();
      }
      return true;
    }
    case Tag::kList: {
      const auto& list = static_cast<const List&>(*json);
      if (list.kind != Kind::kRef) break;
      out += '[';
      bool first = true;
      for (const Slot item : list.items) {
        if (!first) out += ',';
        first = false;
        if (!write(heap, item.o, out)) return false;
      }
      out += ']';
      return true;
    }
    case Tag::kMap: {
      const auto& map = static_cast<const Map&>(*json);
      if (map.kind != Kind::kRef || map.key_kind != Kind::kRef) break;
      out += '{';
      bool first = true;
      for (const Map::Entry& entry : map.entries) {
        if (!first) out += ',';
        first = false;
        const String* key = as_string(entry.key.o);
        write_string(key == nullptr ? std::string_view() : key->view(), out);
        out += ':';
        if (!write(heap, entry.value.o, out)) return false;
      }
      out += '}';
      return true;
    }
    default:
      break;
  }
  out += "null";
  return true;  // no JSON: to_json makes none of these
}

}  // namespace

Result<Ref> parse_json(Heap& heap, std::string_view text) { return Parser(heap, text).run(); }

bool write_json(Heap& heap, const Object* json, std::string& out) {
  return write(heap, json, out) && heap.fits(out.size());
}

std::string float_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  std::string text(buffer, end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string json_summary(const Object* json) {
  if (json == nullptr) return "null";
  switch (json->tag) {
    case Tag::kList:
      return "a list";
    case Tag::kMap:
      return "an object";
    case Tag::kString: {
      std::string_view text = static_cast<const String*>(json)->view();
      std::string out;
      size_t shown = text.size();
      if (shown > 40) {
        shown = 37;
        while (shown > 0 && (static_cast<uint8_t>(text[shown]) & 0xc0) == 0x80) --shown;
      }
      write_string(text.substr(0, shown), out);
      if (shown < text.size()) out.insert(out.size() - 1, "...");
      return out;
    }
    default: {
      Heap unlimited{.limit = UINT64_MAX, .most_visits = UINT64_MAX};
      std::string out;
      write(unlimited, json, out);
      return out;
    }
  }
}

}  // namespace rbk::vm
