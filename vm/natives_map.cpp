// Methods of map and json.
#include <fmt/format.h>

#include "vm/json.h"
#include "vm/natives_tables.h"

namespace rbk::vm {

namespace {

bool map_length(NativeCall& call) {
  const Map* map = call.map(0);
  return map != nullptr && call.give_int(map->size);
}

bool map_is_empty(NativeCall& call) {
  const Map* map = call.map(0);
  return map != nullptr && call.give_bool(map->size == 0);
}

Ref keys_of(Heap& heap, const Map* map) {
  List* list = new_list(heap, map->key_kind, map->entries.size());
  for (const Map::Entry& entry : map->entries) {
    retain(entry.key, map->key_kind);
    push(list, entry.key);
  }
  return Ref(list);
}

bool keys(NativeCall& call) {
  const Map* map = call.map(0);
  return map != nullptr && call.give(keys_of(call.heap, map));
}

bool values(NativeCall& call) {
  const Map* map = call.map(0);
  if (map == nullptr) return false;
  List* list = new_list(call.heap, map->kind, map->entries.size());
  for (const Map::Entry& entry : map->entries) {
    retain(entry.value, map->kind);
    push(list, entry.value);
  }
  return call.give(Ref(list));
}

bool same_kinds(NativeCall& call, const Map* map, bool with_value) {
  if (call.kinds[1] == map->key_kind && (!with_value || call.kinds[2] == map->kind)) return true;
  return call.raise("ProgramError", "a map has no keys or values of this kind");
}

bool has(NativeCall& call) {
  const Map* map = call.map(0);
  return map != nullptr && same_kinds(call, map, false) &&
         call.give_bool(find(map, call.arguments[1]) != nullptr);
}

bool get(NativeCall& call) {
  const Map* map = call.map(0);
  if (map == nullptr || !same_kinds(call, map, false)) return false;
  const Map::Entry* entry = find(map, call.arguments[1]);
  if (entry == nullptr) return call.give(Ref());
  retain(entry->value, map->kind);
  return call.give(boxed(call.heap, map->kind, entry->value));
}

bool put_entry(NativeCall& call) {
  const Map* map = call.map(0);
  if (map == nullptr || !same_kinds(call, map, true)) return false;
  Ref copy = copy_map(map);
  retain(call.arguments[1], map->key_kind);
  retain(call.arguments[2], map->kind);
  put(static_cast<Map*>(copy.get()), call.arguments[1], call.arguments[2]);
  return call.give(std::move(copy));
}

bool remove(NativeCall& call) {
  const Map* map = call.map(0);
  if (map == nullptr || !same_kinds(call, map, false)) return false;
  const Map::Entry* gone = find(map, call.arguments[1]);
  if (gone == nullptr) return call.give(Ref::to(const_cast<Map*>(map)));
  Map* made = new_map(call.heap, map->key_kind, map->kind);
  for (const Map::Entry& entry : map->entries) {
    if (&entry == gone) continue;
    retain(entry.key, map->key_kind);
    retain(entry.value, map->kind);
    put_new(made, entry.key, entry.value, entry.hash);
  }
  return call.give(Ref(made));
}

bool merge(NativeCall& call) {
  const Map* map = call.map(0);
  const Map* other = map == nullptr ? nullptr : call.map(1);
  if (other == nullptr) return false;
  if (map->size == 0) return call.give(Ref::to(const_cast<Map*>(other)));
  if (other->size == 0) return call.give(Ref::to(const_cast<Map*>(map)));
  if (map->kind != other->kind || map->key_kind != other->key_kind)
    return call.raise("ProgramError", "maps of different kinds are merged");
  Ref copy = copy_map(map);
  for (const Map::Entry& entry : other->entries) {
    retain(entry.key, other->key_kind);
    retain(entry.value, other->kind);
    put(static_cast<Map*>(copy.get()), entry.key, entry.value);
  }
  return call.give(std::move(copy));
}

bool json_items(NativeCall& call) {
  const Object* json = call.arguments[0].o;
  if (json != nullptr && json->tag == Tag::kList)
    return call.give(Ref::to(const_cast<Object*>(json)));
  return call.raise("JsonError", fmt::format("items: expected a list, got {}", json_summary(json)));
}

bool json_length(NativeCall& call) {
  const Object* json = call.arguments[0].o;
  if (json != nullptr && (json->tag == Tag::kList || json->tag == Tag::kMap)) {
    return call.give_int(json->size);
  }
  return call.raise(
      "JsonError", fmt::format("length: expected a list or an object, got {}", json_summary(json)));
}

const Map* json_object(NativeCall& call, std::string_view what) {
  const Object* json = call.arguments[0].o;
  if (json != nullptr && json->tag == Tag::kMap) return static_cast<const Map*>(json);
  call.raise("JsonError", fmt::format("{}: expected an object, got {}", what, json_summary(json)));
  return nullptr;
}

bool json_keys(NativeCall& call) {
  const Map* map = json_object(call, "keys");
  return map != nullptr && call.give(keys_of(call.heap, map));
}

bool json_has(NativeCall& call) {
  const Map* map = json_object(call, "has");
  const String* key = map == nullptr ? nullptr : call.string(1);
  return key != nullptr && call.give_bool(find(map, key->view()) != nullptr);
}

bool json_text(NativeCall& call) {
  std::string text;
  write_json(call.heap, call.arguments[0].o, text);
  return call.give(make_string(call.heap, text));
}

constexpr NativeEntry kMapNatives[] = {
    {"map.length", map_length},
    {"map.is_empty", map_is_empty},
    {"map.keys", keys},
    {"map.values", values},
    {"map.has", has},
    {"map.get", get},
    {"map.put", put_entry},
    {"map.remove", remove},
    {"json.length", json_length},
    {"json.keys", json_keys},
    {"json.has", json_has},
    {"json.text", json_text},
    {"map.merge", merge},
    {"json.items", json_items},
};

}  // namespace

std::span<const NativeEntry> map_natives() { return kMapNatives; }

}  // namespace rbk::vm
