// Operations that make and take apart heap objects.
#include <fmt/format.h>

#include "vm/execution.h"
#include "vm/json.h"

namespace rbk::vm {

using bytecode::kNoRegister;

// ---- Making

Next Execution::op_MakeList(Slot* r, const Instruction* at) {
  const uint16_t count = at[1].a;
  List* list = new_list(heap_, image_.kind(image_.type(at->b).element), count);
  for (uint32_t i = 0; i < count; ++i) {
    retain(r[at->c + i], list->kind);
    push(list, r[at->c + i]);
  }
  set(r[at->a], Ref(list));
  return Next::kNext;
}

Next Execution::op_MakeMap(Slot* r, const Instruction* at) {
  const bytecode::Type& type = image_.type(at->b);
  Map* map = new_map(heap_, image_.kind(type.key), image_.kind(type.element));
  for (uint32_t i = 0; i < at[1].a; ++i) {
    const Slot key = r[at->c + 2 * i];
    const Slot value = r[at->c + 2 * i + 1];
    retain(key, map->key_kind);
    retain(value, map->kind);
    put(map, key, value);
  }
  set(r[at->a], Ref(map));
  return Next::kNext;
}

Next Execution::op_MakeRecord(Slot* r, const Instruction* at) {
  const size_t count = image_.fields(at->b);
  Record* record = new_record(heap_, Tag::kRecord, at->b, 0, image_.kinds(at->b), count);
  for (size_t i = 0; i < count; ++i) {
    record->fields()[i] = r[at->c + i];
    retain(r[at->c + i], record->kinds[i]);
  }
  settle(record);
  set(r[at->a], Ref(record));
  return Next::kNext;
}

Next Execution::op_MakeEnum(Slot* r, const Instruction* at) {
  const uint32_t member = at[1].a;
  const size_t count = image_.fields(at->b, member);
  Record* record = new_record(heap_, Tag::kEnum, at->b, member, image_.kinds(at->b, member), count);
  for (size_t i = 0; i < count; ++i) {
    record->fields()[i] = r[at->c + i];
    retain(r[at->c + i], record->kinds[i]);
  }
  settle(record);
  set(r[at->a], Ref(record));
  return Next::kNext;
}

Next Execution::op_MakeError(Slot* r, const Instruction* at) {
  const std::string& name = image_.type(at->b).name;
  const Instruction& extra = at[1];
  std::string_view message = name;
  if (extra.a != kNoRegister) {
    const String* text = as_string(r[extra.a].o);
    if (text == nullptr) return raise_wrong(r[extra.a].o, "text as the error's message");
    message = text->view();
  }
  const size_t count = image_.fields(at->b);
  ErrorObject* error = new_error(heap_, at->b, count, name, message);
  for (size_t i = 0; i < count; ++i) {
    error->fields()[i] = r[at->c + i];
    retain(r[at->c + i].o);
  }
  error->retryable = extra.b != kNoRegister && r[extra.b].i != 0;
  settle(error);
  set(r[at->a], Ref(error));
  return Next::kNext;
}

Next Execution::op_MakeRange(Slot* r, const Instruction* at) {
  set(r[at->a], make_range(heap_, image_.kind(image_.type(at->b).element), r[at->c], r[at->c + 1]));
  return Next::kNext;
}

Next Execution::op_MakeResult(Slot* r, const Instruction* at) {
  const Kind kind = kinds()[at->c];
  retain(r[at->c], kind);
  set(r[at->a], make_result(heap_, true, kind, r[at->c]));
  return Next::kNext;
}

Next Execution::op_MakeErrorResult(Slot* r, const Instruction* at) {
  Object* error = r[at->c].o;
  if (error == nullptr || error->tag != Tag::kError) return raise_wrong(error, "an error");
  // Outside pure functions this is `on failure continue`: the run goes on, but not as if nothing
  // had been.
  if (!fiber_->top().code->pure) tolerated_ = true;
  retain(error);
  set(r[at->a], make_result(heap_, false, Kind::kRef, slot_of(error)));
  return Next::kNext;
}

// ---- Records, enums, errors

Next Execution::op_GetField(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr) return raise_wrong(object, "a record");
  if (object->tag == Tag::kError && at->c < object->size) {
    return set_part(r, at->a, static_cast<const ErrorObject*>(object)->fields()[at->c], Kind::kRef);
  }
  if ((object->tag == Tag::kRecord || object->tag == Tag::kEnum) && at->c < object->size) {
    const auto* record = static_cast<const Record*>(object);
    return set_part(r, at->a, record->fields()[at->c], record->kinds[at->c]);
  }
  return raise_wrong(object, fmt::format("an object with field {}", at->c));
}

Next Execution::op_GetMember(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kEnum) return raise_wrong(object, "an enum");
  r[at->a].i = static_cast<const Record*>(object)->member;
  return Next::kNext;
}

// ---- Lists

Next Execution::op_ListLength(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kList) return raise_wrong(object, "a list");
  r[at->a].i = object->size;
  return Next::kNext;
}

Next Execution::op_ListGet(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kList) return raise_wrong(object, "a list");
  const auto* list = static_cast<const List*>(object);
  const int64_t asked = r[at->c].i;
  const int64_t count = list->size;
  const int64_t index = asked < 0 ? asked + count : asked;
  if (asked < -count || asked >= count) {
    return raise("IndexError",
                 fmt::format("the list has {} elements, and none at {}", count, asked));
  }
  return set_part(r, at->a, list->items[static_cast<size_t>(index)], list->kind);
}

Next Execution::op_ListAppend(Slot* r, const Instruction* at) {
  Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kList) return raise_wrong(object, "a list");
  auto* list = static_cast<List*>(object);
  const Kind kind = kinds()[at->c];
  if (kind != list->kind && list->size != 0) return raise_wrong(object, "a list of another kind");
  const Value item =
      Value::to(kind, r[at->c]);  // before the count is looked at: it may be the list
  if (at->a == at->b && list->references == 1 && kind == list->kind) {
    retain(item.slot(), kind);
    push(list, item.slot());
    return Next::kNext;
  }
  Ref copy = copy_list(list);
  copy->kind = kind;
  retain(item.slot(), kind);
  push(static_cast<List*>(copy.get()), item.slot());
  set(r[at->a], std::move(copy));
  return Next::kNext;
}

// ---- Maps

Next Execution::op_MapLength(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kMap) return raise_wrong(object, "a map");
  r[at->a].i = object->size;
  return Next::kNext;
}

Next Execution::op_MapKeyAt(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kMap) return raise_wrong(object, "a map");
  const auto* map = static_cast<const Map*>(object);
  if (static_cast<uint64_t>(r[at->c].i) >= map->entries.size()) {
    return raise("IndexError",
                 fmt::format("the map has {} entries, and none at {}", map->size, r[at->c].i));
  }
  return set_part(r, at->a, map->entries[static_cast<size_t>(r[at->c].i)].key, map->key_kind);
}

Next Execution::op_MapValueAt(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kMap) return raise_wrong(object, "a map");
  const auto* map = static_cast<const Map*>(object);
  if (static_cast<uint64_t>(r[at->c].i) >= map->entries.size()) {
    return raise("IndexError",
                 fmt::format("the map has {} entries, and none at {}", map->size, r[at->c].i));
  }
  return set_part(r, at->a, map->entries[static_cast<size_t>(r[at->c].i)].value, map->kind);
}

Next Execution::op_MapGet(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kMap) return raise_wrong(object, "a map");
  const auto* map = static_cast<const Map*>(object);
  if (kinds()[at->c] != map->key_kind) return raise_wrong(object, "a map with other keys");
  const Map::Entry* entry = find(map, r[at->c]);
  Ref value;
  if (entry != nullptr) {
    retain(entry->value, map->kind);
    value = boxed(heap_, map->kind, entry->value);
  }
  set(r[at->a], std::move(value));
  return Next::kNext;
}

Next Execution::op_MapGetOr(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kMap) return raise_wrong(object, "a map");
  const auto* map = static_cast<const Map*>(object);
  const Kind kind = kinds()[at->a];
  if (kinds()[at->c] != map->key_kind || (map->kind != kind && map->size != 0))
    return raise_wrong(object, "a map with other keys or values");
  const Map::Entry* entry = find(map, r[at->c]);
  const Slot value = entry == nullptr ? r[at[1].a] : entry->value;
  if (kind != Kind::kRef) {
    r[at->a] = value;
    return Next::kNext;
  }
  set(r[at->a], Ref::to(value.o));
  return Next::kNext;
}

Next Execution::op_MapPut(Slot* r, const Instruction* at) {
  Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kMap) return raise_wrong(object, "a map");
  auto* map = static_cast<Map*>(object);
  if (kinds()[at->c] != map->key_kind || kinds()[at->c + 1] != map->kind) {
    return raise_wrong(object, "a map with other keys or values");
  }
  retain(r[at->c], map->key_kind);
  retain(r[at->c + 1], map->kind);
  if (at->a == at->b && map->references == 1) {
    put(map, r[at->c], r[at->c + 1]);
    return Next::kNext;
  }
  Ref copy = copy_map(map);
  put(static_cast<Map*>(copy.get()), r[at->c], r[at->c + 1]);
  set(r[at->a], std::move(copy));
  return Next::kNext;
}

// ---- Ranges and results

Next Execution::op_RangeLow(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kRange) return raise_wrong(object, "a range");
  return set_part(r, at->a, static_cast<const Range*>(object)->low, object->kind);
}

Next Execution::op_RangeHigh(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kRange) return raise_wrong(object, "a range");
  return set_part(r, at->a, static_cast<const Range*>(object)->high, object->kind);
}

Next Execution::op_ResultIsOk(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kResult) return raise_wrong(object, "a result");
  r[at->a].i = static_cast<const ResultObject*>(object)->ok ? 1 : 0;
  return Next::kNext;
}

Next Execution::op_ResultValue(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kResult) return raise_wrong(object, "a result");
  const auto* result = static_cast<const ResultObject*>(object);
  if (!result->ok) return raise(Ref::to(result->value.o));
  return set_part(r, at->a, result->value, result->kind);
}

Next Execution::op_ResultItem(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kResult) return raise_wrong(object, "a result");
  Object* item = static_cast<const ResultObject*>(object)->item;
  if (kinds()[at->a] == Kind::kRef) {
    set(r[at->a], Ref::to(item));
    return Next::kNext;
  }
  if (item == nullptr || item->tag != Tag::kBox) return raise_wrong(item, "the item of a result");
  return set_part(r, at->a, static_cast<const Box*>(item)->value, item->kind);
}

Next Execution::op_ResultError(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kResult) return raise_wrong(object, "a result");
  const auto* result = static_cast<const ResultObject*>(object);
  set(r[at->a], result->ok ? Ref() : Ref::to(result->value.o));
  return Next::kNext;
}

}  // namespace rbk::vm
