// JSON read as a type of the program. docs/formats/values.md says how each type looks.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/spelling.h"
#include "base/units.h"
#include "vm/bytecode/type_text.h"
#include "vm/image.h"
#include "vm/json.h"

namespace rbk::vm {

namespace {

using bytecode::Type;
using Shape = Type::Shape;

/// A scheme, `://`, a host, and no character that no URL has: what the compiler asks of one that is
/// written.
bool is_url(std::string_view text) {
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto in_scheme = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  };
  if (!letter(text[0]) || !std::all_of(text.begin(), text.begin() + scheme, in_scheme))
    return false;
  const std::string_view rest = text.substr(scheme + 3);
  if (rest.empty() || rest[0] == '/' || rest[0] == '?' || rest[0] == '#') return false;
  return std::none_of(rest.begin(), rest.end(), [](char c) {
    const auto code = static_cast<unsigned char>(c);
    return code <= 0x20 || code == 0x7f ||
           std::string_view("\"<>\\^`{|}").find(c) != std::string_view::npos;
  });
}

class FromJson {
 public:
  FromJson(Image& image, Unknown unknown, Conditions& conditions)
      : image_(image), heap_(image.heap()), unknown_(unknown), conditions_(conditions) {}

  Result<Value> run(const Object* json, TypeId type) {
    Value value;
    if (!read(json, type, value)) {
      return fail(ErrorKind::kInvalid, "$" + path_ + ": " + message_);
    }
    return value;
  }

 private:
  bool wrong(std::string expected, const Object* json) {
    message_ = fmt::format("expected {}, got {}", expected, json_summary(json));
    return false;
  }
  bool wrong_type(TypeId type, const Object* json) {
    return wrong(bytecode::type_text(image_.program(), type), json);
  }

  bool give(Value& out, Kind kind, int64_t value) {
    out = Value(kind, slot_of(value));
    return true;
  }
  bool give(Value& out, Ref ref) {
    out = Value(std::move(ref));
    return true;
  }

  /// Runs `inner` with the path longer by a part, which stays when it fails.
  template <typename Inner>
  bool at(std::string part, Inner inner) {
    const size_t before = path_.size();
    path_ += part;
    if (!inner()) return false;
    path_.resize(before);
    return true;
  }
  static std::string key_part(std::string_view key) {
    const bool plain = !key.empty() && key.find_first_not_of(
                                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
                                           "0123456789-") == std::string_view::npos;
    return plain ? fmt::format(".{}", key) : fmt::format("[\"{}\"]", key);
  }

  bool read(const Object* json, TypeId id, Value& out) {
    if (!heap_.visit()) return wrong_type(id, json);
    TypeId inner = id;
    while (image_.type(inner).shape == Shape::kOptional) {
      if (json == nullptr) return give(out, Ref());
      inner = image_.type(inner).element;
    }
    if (inner != id) {
      if (!read(json, inner, out)) return false;
      if (out.kind() != Kind::kRef) {
        const Kind kind = out.kind();
        out = Value(make_box(heap_, kind, out.give()));
      }
      return true;
    }
    const Type& type = image_.type(id);
    const String* text = as_string(json);
    if (text != nullptr && text->kind == Kind::kBool && type.shape <= Shape::kFloat) {
      return read_cut_text(text, id, out);
    }
    switch (type.shape) {
      case Shape::kNull:
        return json == nullptr ? give(out, Ref()) : wrong("null", json);
      case Shape::kJson:
        return give(out, Ref::to(const_cast<Object*>(json)));
      case Shape::kUrl:
        if (text != nullptr && !is_url(text->view())) {
          message_ = fmt::format("expected a URL like \"https://example.com/path\", got \"{}\"",
                                 text->view().substr(0, 100));
          return false;
        }
        [[fallthrough]];
      case Shape::kString:
      case Shape::kCommand:
      case Shape::kRegex:
        if (text == nullptr) return wrong_type(id, json);
        return give(out, Ref::to(const_cast<Object*>(json)));
      case Shape::kQuery: {
        const Map* query = map_of(json);
        const Map::Entry* written = query == nullptr ? nullptr : find(query, "text");
        const Map::Entry* values = query == nullptr ? nullptr : find(query, "values");
        const bool fits = written != nullptr && as_string(written->value.o) != nullptr &&
                          values != nullptr && list_of(values->value.o) != nullptr;
        return fits ? give(out, Ref::to(const_cast<Object*>(json))) : wrong_type(id, json);
      }
      case Shape::kBool: {
        const Box* box = box_of(json, Kind::kBool);
        return box == nullptr ? wrong_type(id, json) : give(out, Kind::kBool, box->value.i);
      }
      case Shape::kInt:
        return read_int(json, id, out);
      case Shape::kFloat:
        return read_float(json, id, out);
      case Shape::kDuration:
        return read_units(text, json, "a duration like \"5m30s\"", parse_duration, Kind::kDuration,
                          out);
      case Shape::kSize:
        // Bytes are what a number without a unit is taken for everywhere; a duration has no such
        // unit.
        if (const Box* box = box_of(json, Kind::kInt)) return give(out, Kind::kSize, box->value.i);
        return read_units(text, json, "a size like \"10MiB\"", parse_size, Kind::kSize, out);
      case Shape::kTime:
        return read_units(text, json, "a time like \"2026-11-24T13:00:00Z\"", parse_time,
                          Kind::kTime, out);
      case Shape::kSecret:
        return read_secret(json, out);
      case Shape::kList:
        return read_list(json, id, out);
      case Shape::kMap:
        return read_map(json, id, out);
      case Shape::kRange:
        return read_range(json, id, out);
      case Shape::kResult:
        return read_result(json, id, out);
      case Shape::kRecord: {
        const Map* map = map_of(json);
        if (map == nullptr) return wrong_type(id, json);
        Record* record =
            new_record(heap_, Tag::kRecord, id, 0, image_.kinds(id), type.fields.size());
        out = Value(Ref(record));
        return read_fields(map, type.fields, type.name, record);
      }
      case Shape::kEnum:
        return read_enum(json, id, out);
      case Shape::kError:
        return read_error(json, id, out);
      case Shape::kFunction:
        return wrong("no function: none comes from JSON", json);
      case Shape::kOptional:
        break;
    }
    return wrong_type(id, json);
  }

  static const Box* box_of(const Object* json, Kind kind) {
    return json != nullptr && json->tag == Tag::kBox && json->kind == kind
               ? static_cast<const Box*>(json)
               : nullptr;
  }
  static const Map* map_of(const Object* json) {
    if (json == nullptr || json->tag != Tag::kMap) return nullptr;
    const auto* map = static_cast<const Map*>(json);
    return map->key_kind == Kind::kRef && map->kind == Kind::kRef ? map : nullptr;
  }
  static const List* list_of(const Object* json) {
    return json != nullptr && json->tag == Tag::kList && json->kind == Kind::kRef
               ? static_cast<const List*>(json)
               : nullptr;
  }

  /// A text that string.parse cut out: the digits of a number are one.
  bool read_cut_text(const String* text, TypeId id, Value& out) {
    const Result<Ref> number = parse_json(heap_, text->view());
    const bool is_number =
        number && *number && (*number)->tag == Tag::kBox && image_.type(id).shape != Shape::kNull;
    return is_number ? read(number->get(), id, out) : wrong_type(id, text);
  }

  bool read_int(const Object* json, TypeId id, Value& out) {
    if (const Box* box = box_of(json, Kind::kInt)) return give(out, Kind::kInt, box->value.i);
    // 1e3 and 5.0 are whole numbers, as far as floats are exact.
    if (const Box* box = box_of(json, Kind::kFloat)) {
      const double real = box->value.f;
      if (std::abs(real) <= 9007199254740992.0 && real == std::trunc(real)) {
        return give(out, Kind::kInt, static_cast<int64_t>(real));
      }
    }
    return wrong_type(id, json);
  }

  bool read_float(const Object* json, TypeId id, Value& out) {
    double real = 0;
    if (const Box* box = box_of(json, Kind::kFloat)) {
      real = box->value.f;
    } else if (const Box* whole = box_of(json, Kind::kInt)) {
      real = static_cast<double>(whole->value.i);
    } else if (const String* text = as_string(json)) {
      if (text->view() == "NaN") {
        real = std::nan("");
      } else if (text->view() == "Infinity") {
        real = INFINITY;
      } else if (text->view() == "-Infinity") {
        real = -INFINITY;
      } else {
        return wrong_type(id, json);
      }
    } else {
      return wrong_type(id, json);
    }
    out = Value(Kind::kFloat, slot_of_float(real));
    return true;
  }

  bool read_units(const String* text, const Object* json, const char* expected,
                  Result<int64_t> (*parse)(std::string_view), Kind kind, Value& out) {
    if (text == nullptr) return wrong(expected, json);
    const Result<int64_t> value = parse(text->view());
    return value ? give(out, kind, *value) : wrong(expected, json);
  }

  bool read_secret(const Object* json, Value& out) {
    const String* name = as_string(json);
    std::string_view text;
    if (name != nullptr && name->view().starts_with('@')) {
      text = name->view().substr(1);
    } else if (const Map* map = map_of(json)) {
      const Map::Entry* entry = find(map, "secret");
      if (entry != nullptr && map->size == 1 && as_string(entry->value.o) != nullptr) {
        text = as_string(entry->value.o)->view();
      }
    }
    if (text.empty()) {
      // What was given may be the secret itself: it must not be shown.
      message_ =
          "expected where a secret is kept, never its value: \"@lb_token\" by its name, "
          "\"@env:LB_TOKEN\" or \"@file:PATH\"";
      return false;
    }
    return give(out, make_secret(heap_, text));
  }

  bool read_list(const Object* json, TypeId id, Value& out) {
    const List* from = list_of(json);
    if (from == nullptr) return wrong_type(id, json);
    const TypeId element = image_.type(id).element;
    List* list = new_list(heap_, image_.kind(element), from->items.size());
    out = Value(Ref(list));
    for (size_t i = 0; i < from->items.size(); ++i) {
      const bool fits = at(fmt::format("[{}]", i), [&] {
        Value item;
        if (!read(from->items[i].o, element, item)) return false;
        push(list, item.give());
        return heap_.fault == Fault::kNone || wrong_type(id, json);
      });
      if (!fits) return false;
    }
    return true;
  }

  bool read_key(std::string_view key, TypeId id, Value& out) {
    const Type& type = image_.type(id);
    Ref text = make_string(heap_, key);
    if (type.shape == Shape::kInt) {
      int64_t value = 0;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), value);
      if (error != std::errc() || end != key.data() + key.size()) {
        return wrong_type(id, text.get());
      }
      return give(out, Kind::kInt, value);
    }
    if (type.shape == Shape::kBool) {
      if (key != "true" && key != "false") return wrong_type(id, text.get());
      return give(out, Kind::kBool, key == "true" ? 1 : 0);
    }
    return read(text.get(), id, out);
  }

  bool read_map(const Object* json, TypeId id, Value& out) {
    const Map* from = map_of(json);
    if (from == nullptr) return wrong_type(id, json);
    const TypeId key_type = image_.type(id).key;
    const TypeId element = image_.type(id).element;
    Map* map = new_map(heap_, image_.kind(key_type), image_.kind(element));
    out = Value(Ref(map));
    for (const Map::Entry& entry : from->entries) {
      const String* name = as_string(entry.key.o);
      if (name == nullptr) return wrong_type(id, json);
      const bool fits = at(key_part(name->view()), [&] {
        Value key;
        Value value;
        if (!read_key(name->view(), key_type, key) || !read(entry.value.o, element, value)) {
          return false;
        }
        put(map, key.give(), value.give());
        return heap_.fault == Fault::kNone || wrong_type(id, json);
      });
      if (!fits) return false;
    }
    return true;
  }

  bool read_range(const Object* json, TypeId id, Value& out) {
    const Map* from = map_of(json);
    const Map::Entry* low = from == nullptr ? nullptr : find(from, "from");
    const Map::Entry* high = from == nullptr ? nullptr : find(from, "to");
    if (low == nullptr || high == nullptr) return wrong_type(id, json);
    const TypeId element = image_.type(id).element;
    Value ends[2];
    if (!at(".from", [&] { return read(low->value.o, element, ends[0]); }) ||
        !at(".to", [&] { return read(high->value.o, element, ends[1]); })) {
      return false;
    }
    return give(out, make_range(heap_, image_.kind(element), ends[0].slot(), ends[1].slot()));
  }

  bool read_result(const Object* json, TypeId id, Value& out) {
    const Map* from = map_of(json);
    const TypeId element = image_.type(id).element;
    Ref item;
    if (from != nullptr && !read_item(from, image_.type(id).key, item)) return false;
    if (const Map::Entry* ok = from == nullptr ? nullptr : find(from, "ok")) {
      Value value;
      if (!at(".ok", [&] { return read(ok->value.o, element, value); })) return false;
      const Kind kind = value.kind();
      return give(out, make_result(heap_, true, kind, value.give(), std::move(item)));
    }
    if (const Map::Entry* error = from == nullptr ? nullptr : find(from, "error")) {
      Value value;
      if (!at(".error", [&] { return read_error(error->value.o, bytecode::kNone, value); })) {
        return false;
      }
      return give(out, make_result(heap_, false, Kind::kRef, value.give(), std::move(item)));
    }
    return wrong_type(id, json);
  }

  /// Of a result that knows whose branch gave it.
  bool read_item(const Map* from, TypeId type, Ref& out) {
    if (type == bytecode::kNone) return true;
    return at(".item", [&] {
      const Map::Entry* entry = find(from, "item");
      Value value;
      if (!read(entry == nullptr ? nullptr : entry->value.o, type, value)) return false;
      const Kind kind = value.kind();
      out = Ref(boxed(heap_, kind, value.give()));
      return true;
    });
  }

  bool read_fields(const Map* from, const std::vector<Type::Field>& fields, std::string_view name,
                   Record* record) {
    for (size_t i = 0; i < fields.size(); ++i) {
      const Type::Field& field = fields[i];
      const bool fits = at(key_part(field.outer_name), [&] {
        Value value;
        if (!read_field(find(from, field.outer_name), field, value)) return false;
        record->fields()[i] = value.give();
        return true;
      });
      if (!fits) return false;
    }
    settle(record);
    if (unknown_ == Unknown::kRefuse && !no_others(from, fields, name)) return false;
    return meets_conditions(fields, record);
  }

  bool meets_conditions(const std::vector<Type::Field>& fields, const Record* record) {
    if (image_.checks(record->type, record->member).empty()) return true;
    if (heap_.fault != Fault::kNone) return true;  // the caller tells it
    std::optional<Conditions::Unmet> unmet = conditions_.unmet(*record);
    if (!unmet) return true;
    path_ += key_part(fields[unmet->field].outer_name);
    message_ = std::move(unmet->message);
    return false;
  }

  bool read_field(const Map::Entry* entry, const Type::Field& field, Value& out) {
    if (entry != nullptr) return read(entry->value.o, field.type, out);
    if (field.default_constant != bytecode::kNone) {
      out = image_.constant(field.default_constant);
      const Kind kind = out.kind();
      if (image_.kind(field.type) == Kind::kRef && kind != Kind::kRef) {
        out = Value(make_box(heap_, kind, out.give()));
      }
      return true;
    }
    if (image_.type(field.type).shape == Shape::kOptional) return give(out, Ref());
    message_ = fmt::format("expected {}, but it is missing",
                           bytecode::type_text(image_.program(), field.type));
    return false;
  }

  bool no_others(const Map* from, const std::vector<Type::Field>& fields, std::string_view name) {
    std::vector<std::string_view> names;
    names.reserve(std::size(fields));
    for (const Type::Field& field : fields) names.push_back(field.outer_name);
    for (const Map::Entry& entry : from->entries) {
      const String* key = as_string(entry.key.o);
      if (key == nullptr || std::find(names.begin(), names.end(), key->view()) != names.end()) {
        continue;
      }
      const std::string_view near = nearest_name(key->view(), names);
      path_ += key_part(key->view());
      message_ = fmt::format("{} has no field of this name{}", name,
                             near.empty() ? std::string() : fmt::format("; is {} meant?", near));
      return false;
    }
    return true;
  }

  bool read_enum(const Object* json, TypeId id, Value& out) {
    const Type& type = image_.type(id);
    std::string_view name;
    const Object* payload = nullptr;
    if (const String* text = as_string(json)) {
      name = text->view();
    } else if (const Map* map = map_of(json); map != nullptr && map->size == 1) {
      const String* key = as_string(map->entries[0].key.o);
      if (key != nullptr) name = key->view();
      payload = map->entries[0].value.o;
    }
    for (uint32_t i = 0; i < type.members.size(); ++i) {
      const Type::Member& member = type.members[i];
      if (member.outer_name != name || member.payload.empty() != (payload == nullptr)) continue;
      Record* record =
          new_record(heap_, Tag::kEnum, id, i, image_.kinds(id, i), member.payload.size());
      out = Value(Ref(record));
      if (member.payload.empty()) return true;
      return at(key_part(name), [&] {
        const Map* fields = map_of(payload);
        if (fields == nullptr) return wrong("an object with the payload", payload);
        return read_fields(fields, member.payload, member.name, record);
      });
    }
    std::string members;
    for (size_t i = 0; i < type.members.size(); ++i) {
      const Type::Member& member = type.members[i];
      // It is there, but with its values or without.
      if (member.outer_name == name)
        return wrong(fmt::format("{} ({} {})", written(member), name,
                                 member.payload.empty() ? "has no values" : "has values with it"),
                     json);
      if (i == 8) members += ", ...";
      if (i < 8) members += (i == 0 ? "" : ", ") + written(member);
    }
    return wrong(fmt::format("{} (one of {})", type.name, members), json);
  }

  /// A member as JSON has it: its name, or {"large": {"n": ...}}.
  static std::string written(const Type::Member& member) {
    if (member.payload.empty()) return member.outer_name;
    std::string payload;
    for (const Type::Field& field : member.payload)
      payload += fmt::format("{}\"{}\": ...", payload.empty() ? "" : ", ", field.outer_name);
    return fmt::format("{{\"{}\": {{{}}}}}", member.outer_name, payload);
  }

  /// `id` is the declared type, or kNone; the kind that JSON names decides which fields there are.
  bool read_error(const Object* json, TypeId id, Value& out) {
    const Map* from = map_of(json);
    const Map::Entry* kind = from == nullptr ? nullptr : find(from, "kind");
    const Map::Entry* message = from == nullptr ? nullptr : find(from, "message");
    const String* name = kind == nullptr ? nullptr : as_string(kind->value.o);
    const String* text = message == nullptr ? nullptr : as_string(message->value.o);
    if (name == nullptr || text == nullptr) return wrong("an error with kind and message", json);
    const TypeId declared = image_.error_type(name->view());
    if (id != bytecode::kNone && image_.type(id).name != "error" && declared != id) {
      return wrong("an error of kind " + image_.type(id).name, kind->value.o);
    }
    const size_t count = declared == bytecode::kNone ? 0 : image_.fields(declared);
    ErrorObject* error = new_error(heap_, declared, count, name->view(), text->view());
    out = Value(Ref(error));
    if (const Map::Entry* retryable = find(from, "retryable")) {
      const Box* box = box_of(retryable->value.o, Kind::kBool);
      error->retryable = box != nullptr && box->value.i != 0;
    }
    for (size_t i = 0; i < count; ++i) {
      const Type::Field& field = image_.type(declared).fields[i];
      const Map::Entry* entry = find(from, field.outer_name);
      if (entry == nullptr || entry->value.o == nullptr) continue;
      const bool fits = at(key_part(field.outer_name), [&] {
        Value value;
        if (!read(entry->value.o, field.type, value)) return false;
        const Kind value_kind = value.kind();
        error->fields()[i].o = boxed(heap_, value_kind, value.give()).give();
        return true;
      });
      if (!fits) return false;
    }
    settle(error);
    return true;
  }

  Image& image_;
  Heap& heap_;
  Unknown unknown_;
  Conditions& conditions_;
  std::string path_;
  std::string message_;
};

}  // namespace

Result<Value> read_json(Image& image, const Object* json, TypeId type, Unknown unknown,
                        Conditions& conditions) {
  return FromJson(image, unknown, conditions).run(json, type);
}

}  // namespace rbk::vm
