// The machine's own pure functions (vm/bytecode/natives.def).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "vm/value.h"

namespace re2 {
class RE2;
}

namespace rbk::vm {

/// Patterns that were compiled already; no part of a run's state.
class PatternCache {
 public:
  PatternCache();
  ~PatternCache();
  PatternCache(const PatternCache&) = delete;
  PatternCache& operator=(const PatternCache&) = delete;
  /// Never null; the caller asks `ok()`.
  const re2::RE2& find(std::string_view pattern);

 private:
  std::unordered_map<std::string, std::unique_ptr<re2::RE2>> patterns_;
};

/// One call. The arguments are borrowed. A native sets `result` and returns true, or raises.
struct NativeCall {
  Heap& heap;
  PatternCache& patterns;
  const Slot* arguments;
  const Kind* kinds;  // of the arguments
  Value result;
  std::string_view error_kind;
  std::string& message;

  bool give(Ref ref) {
    result = Value(std::move(ref));
    return true;
  }
  bool give(Kind kind, Slot raw) {
    result = Value(kind, raw);
    return true;
  }
  bool give_int(int64_t value) { return give(Kind::kInt, slot_of(value)); }
  bool give_bool(bool value) { return give(Kind::kBool, slot_of(value ? 1 : 0)); }
  bool raise(std::string_view kind, std::string text) {
    error_kind = kind;
    message = std::move(text);
    return false;
  }

  /// Argument `index` as an object of this tag; null after having raised.
  const Object* object(size_t index, Tag tag);
  const String* string(size_t index) {
    return static_cast<const String*>(object(index, Tag::kString));
  }
  const List* list(size_t index) { return static_cast<const List*>(object(index, Tag::kList)); }
  const Map* map(size_t index) { return static_cast<const Map*>(object(index, Tag::kMap)); }
};

using Native = bool (*)(NativeCall&);

/// Null if there is none of that name.
Native find_native_function(std::string_view name);

struct NativeEntry {
  std::string_view name;
  Native function;
};

}  // namespace rbk::vm
