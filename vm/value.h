// Values while a run lives: 8-byte slots whose kind the program knows, and reference-counted
// objects that never change once they are shared. Counting is not atomic: all values belong to one
// machine.
//
// Objects know their depth, and none is deeper than kDeepest: so destroying, comparing, printing
// and encoding may recurse. What could visit a shared part again and again counts its visits
// (Heap::visit).
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vm/bytecode/program.h"

namespace rbk::vm {

using bytecode::Kind;
using bytecode::TypeId;

struct Object;

union Slot {
  int64_t i;  // bool, int, duration, size, time
  double f;
  Object* o;  // null stands for null
};

inline constexpr uint16_t kDeepest = 400;

enum class Tag : uint8_t {
  kBox,
  kString,
  kSecret,
  kList,
  kMap,
  kRecord,
  kEnum,
  kError,
  kResult,
  kRange,
  kClosure,
};

/// What went past a limit of the heap; the interpreter turns it into a LimitError.
enum class Fault : uint8_t { kNone, kMemory, kDepth, kWork };

/// Counts what lives, abstractly: the same for the same run on every host.
struct Heap {
  uint64_t used = 0;  // bytes
  uint64_t limit = 0;
  uint64_t visits = 0;  // of this turn
  uint64_t most_visits = 0;
  uint64_t sent = 0;  // bytes of this turn's requests and marks
  Fault fault = Fault::kNone;

  void charge(uint64_t bytes) {
    used += bytes;
    if (used > limit) fault = Fault::kMemory;
  }
  /// To be asked before an allocation that is not bounded by what lives already.
  bool fits(uint64_t bytes) {
    if (used <= limit && bytes <= limit - used) return true;
    fault = Fault::kMemory;
    return false;
  }
  void send(uint64_t bytes) {
    sent += bytes;
    if (sent > limit) fault = Fault::kMemory;
  }
  /// Before looking into one more object; false ends the walk.
  bool visit() {
    if (++visits > most_visits) fault = Fault::kWork;
    return fault == Fault::kNone;
  }
};

struct Object {
  Heap* heap;
  uint32_t references = 1;
  uint16_t depth = 0;
  Tag tag;
  Kind kind = Kind::kRef;  // of a box's or result's value, a list's elements, a map's values, ends
  uint32_t size = 0;       // bytes of a string; elements, entries, fields, captures
  uint32_t constant = bytecode::kNone;  // which constant of the program it is: not counted as used
};

struct Box : Object {
  Slot value;
};

/// Also kSecret: the secret's name. A text that string.parse cut out of another has kind kBool: it
/// may be read as a number (`out.parse(r"lag=(?<lag>\d+)") as Lag`).
struct String : Object {
  mutable uint64_t hash = 0;  // of the text; 0 until somebody asks for it
  std::string_view view() const { return {reinterpret_cast<const char*>(this + 1), size}; }
  char* data() { return reinterpret_cast<char*>(this + 1); }
};

struct List : Object {
  std::vector<Slot> items;
};

struct Map : Object {
  struct Entry {
    Slot key;
    Slot value;
    uint64_t hash;
  };
  Kind key_kind = Kind::kRef;
  std::vector<Entry> entries;   // in the order in which keys came
  std::vector<uint32_t> index;  // open addressing by hash, entry + 1; empty while small
};

/// A record, or a member of an enum with its payload.
struct Record : Object {
  TypeId type = 0;
  uint32_t member = 0;
  const Kind* kinds = nullptr;  // of the fields; the image owns them
  Slot* fields() { return reinterpret_cast<Slot*>(this + 1); }
  const Slot* fields() const { return reinterpret_cast<const Slot*>(this + 1); }
};

/// Who may catch an error.
enum class Reach : uint8_t {
  kOrdinary,  // any `catch`
  kCancel,    // only clean-up
  kTimer,     // the scope whose timer it is
  kLimit,     // only clean-up
  kLeave,     // only clean-up, and what was done is left as it is
};

/// Its fields are refs, null where they are not set.
struct ErrorObject : Object {
  TypeId type = bytecode::kNone;  // kNone: a kind that the program does not know
  Reach reach = Reach::kOrdinary;
  bool retryable = false;
  bool in_doubt = false;
  uint64_t timer = 0;
  Object* name = nullptr;     // String
  Object* message = nullptr;  // String
  Object* others = nullptr;   // Map: fields that the program does not know
  Slot* fields() { return reinterpret_cast<Slot*>(this + 1); }
  const Slot* fields() const { return reinterpret_cast<const Slot*>(this + 1); }
};

struct ResultObject : Object {
  bool ok = true;
  Object* item = nullptr;  // boxed: what the branch that gave it was the branch of; or null
  Slot value;              // not ok: an ErrorObject, kind is kRef
};

struct Range : Object {
  Slot low;
  Slot high;
};

struct Closure : Object {
  uint32_t function = 0;
  const Kind* kinds = nullptr;  // of the captures: the function's first registers
  Slot* captures() { return reinterpret_cast<Slot*>(this + 1); }
  const Slot* captures() const { return reinterpret_cast<const Slot*>(this + 1); }
};

void destroy(Object* object);

inline void retain(Object* object) {
  if (object != nullptr) ++object->references;
}
inline void release(Object* object) {
  if (object != nullptr && --object->references == 0) destroy(object);
}
inline void retain(Slot slot, Kind kind) {
  if (kind == Kind::kRef) retain(slot.o);
}
inline void release(Slot slot, Kind kind) {
  if (kind == Kind::kRef) release(slot.o);
}

/// Owns one reference.
class Ref {
 public:
  Ref() = default;
  /// Takes over a reference that the caller owns.
  explicit Ref(Object* owned) : object_(owned) {}
  static Ref to(Object* shared) {
    retain(shared);
    return Ref(shared);
  }
  Ref(const Ref& other) : object_(other.object_) { retain(object_); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { release(object_); }

  Object* get() const { return object_; }
  Object* give() { return std::exchange(object_, nullptr); }
  Object* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  Object* object_ = nullptr;
};

/// Owns a slot of a known kind.
class Value {
 public:
  Value() = default;
  Value(Kind kind, Slot owned) : kind_(kind), slot_(owned) {}
  explicit Value(Ref ref) : kind_(Kind::kRef) { slot_.o = ref.give(); }
  static Value to(Kind kind, Slot shared) {
    retain(shared, kind);
    return {kind, shared};
  }
  Value(const Value& other) : kind_(other.kind_), slot_(other.slot_) { retain(slot_, kind_); }
  Value(Value&& other) noexcept : kind_(other.kind_), slot_(other.slot_) {
    other.kind_ = Kind::kInt;
  }
  Value& operator=(Value other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~Value() { release(slot_, kind_); }

  Kind kind() const { return kind_; }
  Slot slot() const { return slot_; }
  Slot give() {
    kind_ = Kind::kInt;
    return slot_;
  }

 private:
  Kind kind_ = Kind::kInt;
  Slot slot_{.i = 0};
};

template <std::integral T>
Slot slot_of(T value) {
  return {.i = static_cast<int64_t>(value)};
}
inline Slot slot_of_float(double value) { return {.f = value}; }
inline Slot slot_of(Object* object) { return {.o = object}; }

// ---- Making objects. Each takes over the references that it is given, and returns an owned one.

Ref make_box(Heap& heap, Kind kind, Slot value);
/// The value as a ref: raw kinds boxed, a ref as it is. Takes over `value`.
Ref boxed(Heap& heap, Kind kind, Slot value);
Ref make_string(Heap& heap, std::string_view text);
/// Of so many bytes, to be filled in.
String* new_string(Heap& heap, size_t size);
Ref make_secret(Heap& heap, std::string_view name);
List* new_list(Heap& heap, Kind element, size_t capacity);
/// Takes over `item`; the list must not be shared.
void push(List* list, Slot item);
Map* new_map(Heap& heap, Kind key, Kind value);
/// Takes over key and value; replaces the value of a key that is there. Not for shared maps.
void put(Map* map, Slot key, Slot value);
/// Without looking for the key, which must be new.
void put_new(Map* map, Slot key, Slot value, uint64_t hash);
const Map::Entry* find(const Map* map, Slot key);
const Map::Entry* find(const Map* map, std::string_view key);
/// Fields are to be filled in (zeros until then); then `settle` is called.
Record* new_record(Heap& heap, Tag tag, TypeId type, uint32_t member, const Kind* kinds,
                   size_t fields);
ErrorObject* new_error(Heap& heap, TypeId type, size_t fields, std::string_view name,
                       std::string_view message);
/// Takes the value, and the item, boxed.
Ref make_result(Heap& heap, bool ok, Kind kind, Slot value, Ref item = Ref());
Ref make_range(Heap& heap, Kind kind, Slot low, Slot high);
Closure* new_closure(Heap& heap, uint32_t function, const Kind* kinds, size_t captures);
/// Computes the depth from the parts, after they were filled in.
void settle(Object* object);

Ref copy_list(const List* list);
Ref copy_map(const Map* map);

/// Bytes that an object counts for.
uint64_t cost(const Object* object);

/// Calls visit(Slot, Kind) for each part.
template <typename Visit>
void for_each_part(const Object* object, Visit visit);

// ---- Comparing

/// By value, deeply; a JSON int equals a JSON float of the same value.
bool equal(Slot a, Slot b, Kind kind);
bool equal(const Object* a, const Object* b);
uint64_t hash_of(Slot value, Kind kind);
uint64_t hash_of(std::string_view text);
/// Negative, 0 or positive: numbers, bools, strings by code points, enums by member. Other objects
/// have no order: 0.
int order(Slot a, Slot b, Kind kind);

inline const String* as_string(const Object* object) {
  return object != nullptr && object->tag == Tag::kString ? static_cast<const String*>(object)
                                                          : nullptr;
}

template <typename Visit>
void for_each_part(const Object* object, Visit visit) {
  switch (object->tag) {
    case Tag::kString:
    case Tag::kSecret:
      return;
    case Tag::kBox:
      visit(static_cast<const Box*>(object)->value, object->kind);
      return;
    case Tag::kList:
      for (const Slot item : static_cast<const List*>(object)->items) visit(item, object->kind);
      return;
    case Tag::kMap: {
      const auto* map = static_cast<const Map*>(object);
      for (const Map::Entry& entry : map->entries) {
        visit(entry.key, map->key_kind);
        visit(entry.value, map->kind);
      }
      return;
    }
    case Tag::kRecord:
    case Tag::kEnum: {
      const auto* record = static_cast<const Record*>(object);
      for (uint32_t i = 0; i < record->size; ++i) visit(record->fields()[i], record->kinds[i]);
      return;
    }
    case Tag::kError: {
      const auto* error = static_cast<const ErrorObject*>(object);
      visit(Slot{.o = error->name}, Kind::kRef);
      visit(Slot{.o = error->message}, Kind::kRef);
      visit(Slot{.o = error->others}, Kind::kRef);
      for (uint32_t i = 0; i < error->size; ++i) visit(error->fields()[i], Kind::kRef);
      return;
    }
    case Tag::kResult:
      visit(static_cast<const ResultObject*>(object)->value, object->kind);
      visit(Slot{.o = static_cast<const ResultObject*>(object)->item}, Kind::kRef);
      return;
    case Tag::kRange:
      visit(static_cast<const Range*>(object)->low, object->kind);
      visit(static_cast<const Range*>(object)->high, object->kind);
      return;
    case Tag::kClosure: {
      const auto* closure = static_cast<const Closure*>(object);
      for (uint32_t i = 0; i < closure->size; ++i) visit(closure->captures()[i], closure->kinds[i]);
      return;
    }
  }
}

}  // namespace rbk::vm
