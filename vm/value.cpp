#include "vm/value.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace rbk::vm {

namespace {

constexpr uint64_t kObjectCost = 32;
/// From so many entries on a map has an index.
constexpr size_t kIndexed = 9;

/// An object with `bytes` behind it, which are set to zero.
template <typename T>
T* allocate(Heap& heap, Tag tag, size_t bytes) {
  void* memory = ::operator new(sizeof(T) + bytes);
  auto* object = new (memory) T();
  object->heap = &heap;
  object->tag = tag;
  if (bytes > 0) std::memset(static_cast<void*>(object + 1), 0, bytes);
  return object;
}

template <typename T>
void free_object(T* object) {
  object->~T();
  ::operator delete(object);
}

template <typename T>
T* counted(T* object) {
  object->heap->charge(cost(object));
  return object;
}

void set_depth(Object* object, uint32_t depth) {
  object->depth = static_cast<uint16_t>(std::min<uint32_t>(depth, 0xffff));
  if (depth > kDeepest) object->heap->fault = Fault::kDepth;
}

uint32_t depth_over(Slot part, Kind kind) {
  return kind == Kind::kRef && part.o != nullptr ? part.o->depth + 1U : 1U;
}

void deepen(Object* object, Slot part, Kind kind) {
  const uint32_t depth = depth_over(part, kind);
  if (depth > object->depth) set_depth(object, depth);
}

void reindex(Map* map) {
  size_t capacity = 16;
  while (capacity < map->entries.size() * 2) capacity *= 2;
  map->index.assign(capacity, 0);
  for (size_t i = 0; i < map->entries.size(); ++i) {
    size_t at = map->entries[i].hash & (capacity - 1);
    while (map->index[at] != 0) at = (at + 1) & (capacity - 1);
    map->index[at] = static_cast<uint32_t>(i + 1);
  }
}

template <typename Same>
const Map::Entry* find_by(const Map* map, uint64_t hash, Same same) {
  if (map->index.empty()) {
    for (const Map::Entry& entry : map->entries) {
      if (entry.hash == hash && same(entry.key)) return &entry;
    }
    return nullptr;
  }
  const size_t mask = map->index.size() - 1;
  for (size_t at = hash & mask; map->index[at] != 0; at = (at + 1) & mask) {
    const Map::Entry& entry = map->entries[map->index[at] - 1];
    if (entry.hash == hash && same(entry.key)) return &entry;
  }
  return nullptr;
}

/// In a small map the very same text is found without its hash.
const Map::Entry* find_same(const Map* map, Slot key) {
  if (!map->index.empty() || map->key_kind != Kind::kRef || as_string(key.o) == nullptr)
    return nullptr;
  for (const Map::Entry& entry : map->entries)
    if (entry.key.o == key.o) return &entry;
  return nullptr;
}

}  // namespace

uint64_t cost(const Object* object) {
  switch (object->tag) {
    case Tag::kString:
    case Tag::kSecret:
      return kObjectCost + object->size;
    case Tag::kMap:
      return kObjectCost + uint64_t{object->size} * 32;
    case Tag::kError:
      return kObjectCost + 32 + uint64_t{object->size} * 8;
    default:
      return kObjectCost + uint64_t{object->size} * 8;
  }
}

void destroy(Object* object) {
  if (object->constant == bytecode::kNone) object->heap->used -= cost(object);
  for_each_part(object, [](Slot part, Kind kind) { release(part, kind); });
  switch (object->tag) {
    case Tag::kBox:
      return free_object(static_cast<Box*>(object));
    case Tag::kString:
    case Tag::kSecret:
      return free_object(static_cast<String*>(object));
    case Tag::kList:
      return free_object(static_cast<List*>(object));
    case Tag::kMap:
      return free_object(static_cast<Map*>(object));
    case Tag::kRecord:
    case Tag::kEnum:
      return free_object(static_cast<Record*>(object));
    case Tag::kError:
      return free_object(static_cast<ErrorObject*>(object));
    case Tag::kResult:
      return free_object(static_cast<ResultObject*>(object));
    case Tag::kRange:
      return free_object(static_cast<Range*>(object));
    case Tag::kClosure:
      return free_object(static_cast<Closure*>(object));
  }
}

Ref make_box(Heap& heap, Kind kind, Slot value) {
  Box* box = allocate<Box>(heap, Tag::kBox, 0);
  box->kind = kind;
  box->value = value;
  deepen(box, value, kind);
  return Ref(counted(box));
}

Ref boxed(Heap& heap, Kind kind, Slot value) {
  return kind == Kind::kRef ? Ref(value.o) : make_box(heap, kind, value);
}

String* new_string(Heap& heap, size_t size) {
  void* memory = ::operator new(sizeof(String) + size);
  auto* string = new (memory) String();
  string->heap = &heap;
  string->tag = Tag::kString;
  string->size = static_cast<uint32_t>(size);
  return counted(string);
}

Ref make_string(Heap& heap, std::string_view text) {
  String* string = new_string(heap, text.size());
  if (!text.empty()) std::memcpy(string->data(), text.data(), text.size());
  return Ref(string);
}

Ref make_secret(Heap& heap, std::string_view name) {
  Ref secret = make_string(heap, name);
  secret->tag = Tag::kSecret;
  return secret;
}

List* new_list(Heap& heap, Kind element, size_t capacity) {
  List* list = allocate<List>(heap, Tag::kList, 0);
  list->kind = element;
  list->depth = 1;
  list->items.reserve(capacity);
  return counted(list);
}

void push(List* list, Slot item) {
  list->items.push_back(item);
  ++list->size;
  list->heap->charge(8);
  deepen(list, item, list->kind);
}

Map* new_map(Heap& heap, Kind key, Kind value) {
  Map* map = allocate<Map>(heap, Tag::kMap, 0);
  map->key_kind = key;
  map->kind = value;
  map->depth = 1;
  return counted(map);
}

void put_new(Map* map, Slot key, Slot value, uint64_t hash) {
  map->entries.push_back({key, value, hash});
  ++map->size;
  map->heap->charge(32);
  deepen(map, key, map->key_kind);
  deepen(map, value, map->kind);
  if (map->entries.size() < kIndexed) return;
  if (map->index.size() < map->entries.size() * 2) return reindex(map);
  const size_t mask = map->index.size() - 1;
  size_t at = hash & mask;
  while (map->index[at] != 0) at = (at + 1) & mask;
  map->index[at] = static_cast<uint32_t>(map->entries.size());
}

void put(Map* map, Slot key, Slot value) {
  const Map::Entry* found = find_same(map, key);
  if (found == nullptr) {
    const uint64_t hash = hash_of(key, map->key_kind);
    found = find_by(map, hash, [&](Slot other) { return equal(key, other, map->key_kind); });
    if (found == nullptr) return put_new(map, key, value, hash);
  }
  release(key, map->key_kind);
  Map::Entry& entry = map->entries[static_cast<size_t>(found - map->entries.data())];
  std::swap(entry.value, value);
  deepen(map, entry.value, map->kind);
  release(value, map->kind);
}

const Map::Entry* find(const Map* map, Slot key) {
  if (const Map::Entry* same = find_same(map, key); same != nullptr) return same;
  return find_by(map, hash_of(key, map->key_kind),
                 [&](Slot other) { return equal(key, other, map->key_kind); });
}

const Map::Entry* find(const Map* map, std::string_view key) {
  if (map->key_kind != Kind::kRef) return nullptr;
  return find_by(map, hash_of(key), [&](Slot other) {
    const String* string = as_string(other.o);
    return string != nullptr && string->view() == key;
  });
}

Record* new_record(Heap& heap, Tag tag, TypeId type, uint32_t member, const Kind* kinds,
                   size_t fields) {
  Record* record = allocate<Record>(heap, tag, fields * sizeof(Slot));
  record->type = type;
  record->member = member;
  record->kinds = kinds;
  record->size = static_cast<uint32_t>(fields);
  record->depth = 1;
  return counted(record);
}

ErrorObject* new_error(Heap& heap, TypeId type, size_t fields, std::string_view name,
                       std::string_view message) {
  ErrorObject* error = allocate<ErrorObject>(heap, Tag::kError, fields * sizeof(Slot));
  error->type = type;
  error->size = static_cast<uint32_t>(fields);
  error->depth = 1;
  error->name = make_string(heap, name).give();
  error->message = make_string(heap, message).give();
  return counted(error);
}

Ref make_result(Heap& heap, bool ok, Kind kind, Slot value, Ref item) {
  ResultObject* result = allocate<ResultObject>(heap, Tag::kResult, 0);
  result->ok = ok;
  result->kind = kind;
  result->value = value;
  result->item = item.give();
  deepen(result, value, kind);
  deepen(result, Slot{.o = result->item}, Kind::kRef);
  return Ref(counted(result));
}

Ref make_range(Heap& heap, Kind kind, Slot low, Slot high) {
  Range* range = allocate<Range>(heap, Tag::kRange, 0);
  range->kind = kind;
  range->low = low;
  range->high = high;
  return Ref(counted(range));
}

Closure* new_closure(Heap& heap, uint32_t function, const Kind* kinds, size_t captures) {
  Closure* closure = allocate<Closure>(heap, Tag::kClosure, captures * sizeof(Slot));
  closure->function = function;
  closure->kinds = kinds;
  closure->size = static_cast<uint32_t>(captures);
  closure->depth = 1;
  return counted(closure);
}

void settle(Object* object) {
  for_each_part(object, [object](Slot part, Kind kind) { deepen(object, part, kind); });
}

Ref copy_list(const List* list) {
  List* copy = new_list(*list->heap, list->kind, list->items.size() + 1);
  copy->items = list->items;
  copy->size = list->size;
  copy->depth = list->depth;
  copy->heap->charge(uint64_t{copy->size} * 8);
  for (const Slot item : copy->items) retain(item, copy->kind);
  return Ref(copy);
}

Ref copy_map(const Map* map) {
  Map* copy = new_map(*map->heap, map->key_kind, map->kind);
  copy->entries = map->entries;
  copy->index = map->index;
  copy->size = map->size;
  copy->depth = map->depth;
  copy->heap->charge(uint64_t{copy->size} * 32);
  for (const Map::Entry& entry : copy->entries) {
    retain(entry.key, copy->key_kind);
    retain(entry.value, copy->kind);
  }
  return Ref(copy);
}

}  // namespace rbk::vm
