#include "vm/json.h"

#include <boost/json.hpp>
#include <cmath>

#include "base/units.h"
#include "vm/image.h"

namespace rbk::vm {

namespace json = boost::json;
using bytecode::Type;

namespace {

Ref in(Heap& heap, const json::value& value, int depth) {
  if (depth > kDeepest) heap.fault = Fault::kDepth;
  if (!heap.visit()) return {};
  switch (value.kind()) {
    case json::kind::null:
      return {};
    case json::kind::bool_:
      return make_box(heap, Kind::kBool, slot_of(value.get_bool() ? 1 : 0));
    case json::kind::int64:
      return make_box(heap, Kind::kInt, slot_of(value.get_int64()));
    case json::kind::uint64: {
      const uint64_t number = value.get_uint64();
      if (number <= static_cast<uint64_t>(INT64_MAX)) {
        return make_box(heap, Kind::kInt, slot_of(static_cast<int64_t>(number)));
      }
      return make_box(heap, Kind::kFloat, slot_of_float(static_cast<double>(number)));
    }
    case json::kind::double_:
      return make_box(heap, Kind::kFloat, slot_of_float(value.get_double()));
    case json::kind::string:
      return make_string(heap, value.get_string());
    case json::kind::array: {
      List* list = new_list(heap, Kind::kRef, value.get_array().size());
      Ref owner(list);
      for (const json::value& item : value.get_array()) {
        push(list, slot_of(in(heap, item, depth + 1).give()));
        if (heap.fault != Fault::kNone) break;
      }
      return owner;
    }
    case json::kind::object: {
      Map* map = new_map(heap, Kind::kRef, Kind::kRef);
      Ref owner(map);
      for (const auto& [key, item] : value.get_object()) {
        Ref name = make_string(heap, key);
        const uint64_t hash = hash_of(std::string_view(key));
        put_new(map, slot_of(name.give()), slot_of(in(heap, item, depth + 1).give()), hash);
        if (heap.fault != Fault::kNone) break;
      }
      return owner;
    }
  }
  return {};
}

json::value out(Heap& heap, const Object* object, uint64_t& bytes) {
  bytes += 32;
  if (object == nullptr || !heap.visit() || !heap.fits(bytes)) return nullptr;
  switch (object->tag) {
    case Tag::kString: {
      const std::string_view text = static_cast<const String*>(object)->view();
      bytes += text.size();
      if (!heap.fits(bytes)) return nullptr;
      return json::value(json::string(text));
    }
    case Tag::kBox: {
      const Slot value = static_cast<const Box*>(object)->value;
      if (object->kind == Kind::kBool) return value.i != 0;
      if (object->kind != Kind::kFloat) return value.i;
      if (!std::isfinite(value.f)) return json::value(json::string(float_text(value.f)));
      return value.f;
    }
    case Tag::kList: {
      json::array array;
      for (const Slot item : static_cast<const List*>(object)->items) {
        array.push_back(out(heap, item.o, bytes));
        if (heap.fault != Fault::kNone) return nullptr;
      }
      return array;
    }
    case Tag::kMap: {
      json::object made;
      for (const Map::Entry& entry : static_cast<const Map*>(object)->entries) {
        const String* key = as_string(entry.key.o);
        if (key == nullptr) continue;
        bytes += key->size;
        made.insert_or_assign(key->view(), out(heap, entry.value.o, bytes));
        if (heap.fault != Fault::kNone) return nullptr;
      }
      return made;
    }
    default:
      return nullptr;
  }
}

std::string raw_text(Slot value, Kind kind) {
  switch (kind) {
    case Kind::kBool:
      return value.i != 0 ? "true" : "false";
    case Kind::kInt:
      return std::to_string(value.i);
    case Kind::kFloat:
      return float_text(value.f);
    case Kind::kDuration:
      return format_duration(value.i);
    case Kind::kSize:
      return format_size(value.i);
    case Kind::kTime:
      return format_time(value.i);
    case Kind::kRef:
      break;
  }
  return {};
}

/// Makes JSON of any value.
class ToJson {
 public:
  explicit ToJson(Image& image) : image_(image), heap_(image.heap()) {}

  Ref slot(Slot value, Kind kind) {
    switch (kind) {
      case Kind::kRef:
        return object(value.o);
      case Kind::kBool:
      case Kind::kInt:
      case Kind::kFloat:
        return make_box(heap_, kind, value);
      default:
        return make_string(heap_, raw_text(value, kind));
    }
  }

  Ref object(Object* from) {
    if (from == nullptr || !heap_.visit()) return {};
    switch (from->tag) {
      case Tag::kString:
        return Ref::to(from);
      case Tag::kBox: {
        const auto* box = static_cast<const Box*>(from);
        if (box->kind <= Kind::kFloat) return Ref::to(from);
        return slot(box->value, box->kind);
      }
      case Tag::kSecret: {
        Map* map = object_of(from);
        add(map, "secret", make_string(heap_, static_cast<const String*>(from)->view()));
        return Ref(map);
      }
      case Tag::kList: {
        const auto* list = static_cast<const List*>(from);
        List* made = new_list(heap_, Kind::kRef, list->items.size());
        Ref owner(made);
        for (const Slot item : list->items) {
          push(made, slot_of(slot(item, list->kind).give()));
          if (heap_.fault != Fault::kNone) break;
        }
        return owner;
      }
      case Tag::kMap:
        return map_of(static_cast<const Map*>(from));
      case Tag::kRecord: {
        const auto* record = static_cast<const Record*>(from);
        Map* map = object_of(from);
        Ref owner(map);
        fields(map, record->fields(), record->kinds, image_.type(record->type).fields);
        return owner;
      }
      case Tag::kEnum: {
        const auto* record = static_cast<const Record*>(from);
        const Type::Member& member = image_.type(record->type).members[record->member];
        if (member.payload.empty()) return make_string(heap_, member.outer_name);
        Map* payload = object_of(from);
        Ref owner(payload);
        fields(payload, record->fields(), record->kinds, member.payload);
        Map* map = object_of(from);
        add(map, member.outer_name, std::move(owner));
        return Ref(map);
      }
      case Tag::kError: {
        const auto* error = static_cast<const ErrorObject*>(from);
        Map* map = object_of(from);
        Ref owner(map);
        add(map, "kind", Ref::to(error->name));
        add(map, "message", Ref::to(error->message));
        add(map, "retryable", make_box(heap_, Kind::kBool, slot_of(error->retryable ? 1 : 0)));
        error_fields(map, error);
        return owner;
      }
      case Tag::kResult: {
        const auto* result = static_cast<const ResultObject*>(from);
        Map* map = object_of(from);
        Ref owner(map);
        add(map, result->ok ? "ok" : "error", slot(result->value, result->kind));
        if (result->item != nullptr) add(map, "item", slot(Slot{.o = result->item}, Kind::kRef));
        return owner;
      }
      case Tag::kRange: {
        const auto* range = static_cast<const Range*>(from);
        Map* map = object_of(from);
        Ref owner(map);
        add(map, "from", slot(range->low, range->kind));
        add(map, "to", slot(range->high, range->kind));
        return owner;
      }
      case Tag::kClosure:
        return {};
    }
    return {};
  }

  void error_fields(Map* map, const ErrorObject* error) {
    if (error->type != bytecode::kNone) {
      const auto& types = image_.type(error->type).fields;
      for (uint32_t i = 0; i < error->size; ++i) {
        if (error->fields()[i].o == nullptr) continue;
        add(map, types[i].outer_name, object(error->fields()[i].o));
      }
    }
    if (error->others == nullptr) return;
    for (const Map::Entry& entry : static_cast<const Map*>(error->others)->entries) {
      retain(entry.key.o);
      put(map, entry.key, slot_of(object(entry.value.o).give()));
    }
  }

 private:
  Map* object_of(const Object* /*from*/) { return new_map(heap_, Kind::kRef, Kind::kRef); }
  void add(Map* map, std::string_view key, Ref value) {
    put(map, slot_of(make_string(heap_, key).give()), slot_of(value.give()));
  }
  void fields(Map* map, const Slot* values, const Kind* kinds,
              const std::vector<Type::Field>& types) {
    for (size_t i = 0; i < types.size() && heap_.fault == Fault::kNone; ++i) {
      add(map, types[i].outer_name, slot(values[i], kinds[i]));
    }
  }
  Ref map_of(const Map* from) {
    Map* made = new_map(heap_, Kind::kRef, Kind::kRef);
    Ref owner(made);
    for (const Map::Entry& entry : from->entries) {
      const String* text = from->key_kind == Kind::kRef ? as_string(entry.key.o) : nullptr;
      Ref key;
      if (text != nullptr) {
        key = Ref::to(entry.key.o);
      } else {
        std::string shown;
        if (!to_text(image_, entry.key, from->key_kind, shown)) shown = "***";
        key = make_string(heap_, shown);
      }
      put(made, slot_of(key.give()), slot_of(slot(entry.value, from->kind).give()));
      if (heap_.fault != Fault::kNone) break;
    }
    return owner;
  }

  Image& image_;
  Heap& heap_;
};

bool holds_secret(const Object* object, Heap& heap) {
  if (object == nullptr || !heap.visit()) return false;
  if (object->tag == Tag::kSecret) return true;
  bool found = false;
  for_each_part(object, [&](Slot part, Kind kind) {
    if (!found && kind == Kind::kRef) found = holds_secret(part.o, heap);
  });
  return found;
}

}  // namespace

Ref json_in(Heap& heap, const json::value& value) { return in(heap, value, 0); }

json::value json_out(Heap& heap, const Object* object) {
  uint64_t bytes = 0;
  json::value value = out(heap, object, bytes);
  heap.send(bytes);
  return heap.fault == Fault::kNone ? value : nullptr;
}

Ref to_json(Image& image, Slot value, Kind kind) { return ToJson(image).slot(value, kind); }

json::value to_outside(Image& image, Slot value, Kind kind) {
  return json_out(image.heap(), to_json(image, value, kind).get());
}

json::object fields_to_outside(Image& image, const ErrorObject* error) {
  Map* map = new_map(image.heap(), Kind::kRef, Kind::kRef);
  Ref owner(map);
  ToJson(image).error_fields(map, error);
  json::value value = json_out(image.heap(), map);
  return value.is_object() ? std::move(value.get_object()) : json::object();
}

bool to_text(Image& image, Slot value, Kind kind, std::string& out) {
  if (kind != Kind::kRef) {
    out += raw_text(value, kind);
    return true;
  }
  const Object* object = value.o;
  if (object == nullptr) {
    out += "null";
    return true;
  }
  switch (object->tag) {
    case Tag::kSecret:
      return false;
    case Tag::kString:
      out += static_cast<const String*>(object)->view();
      return true;
    case Tag::kBox:
      out += raw_text(static_cast<const Box*>(object)->value, object->kind);
      return true;
    case Tag::kEnum: {
      const auto* record = static_cast<const Record*>(object);
      const Type::Member& member = image.type(record->type).members[record->member];
      if (!member.payload.empty()) break;
      out += member.outer_name;
      return true;
    }
    case Tag::kError:
      out += static_cast<const String*>(static_cast<const ErrorObject*>(object)->message)->view();
      return true;
    case Tag::kRange: {
      const auto* range = static_cast<const Range*>(object);
      out += raw_text(range->low, range->kind) + ".." + raw_text(range->high, range->kind);
      return true;
    }
    case Tag::kClosure:
      out += "fn";
      return true;
    default:
      break;
  }
  if (holds_secret(object, image.heap())) return false;
  const Ref json = to_json(image, value, kind);
  write_json(image.heap(), json.get(), out);
  return true;
}

}  // namespace rbk::vm
