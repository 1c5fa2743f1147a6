// Methods of list.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

#include "vm/json.h"
#include "vm/natives_tables.h"

namespace rbk::vm {

namespace {

bool list_length(NativeCall& call) {
  const List* list = call.list(0);
  return list != nullptr && call.give_int(list->size);
}

bool list_is_empty(NativeCall& call) {
  const List* list = call.list(0);
  return list != nullptr && call.give_bool(list->size == 0);
}

bool give_boxed(NativeCall& call, const List* list, size_t index) {
  retain(list->items[index], list->kind);
  return call.give(boxed(call.heap, list->kind, list->items[index]));
}

bool first(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  return list->size == 0 ? call.give(Ref()) : give_boxed(call, list, 0);
}

bool last(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  return list->size == 0 ? call.give(Ref()) : give_boxed(call, list, list->size - 1);
}

/// The item in argument 1 is of the list's kind. An empty list may be of any: `oks` of errors
/// alone.
bool same_kind(NativeCall& call, const List* list) {
  if (call.kinds[1] == list->kind || list->size == 0) return true;
  return call.raise("ProgramError", "a list holds no items of this kind");
}

bool contains(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr || !same_kind(call, list)) return false;
  return call.give_bool(std::any_of(list->items.begin(), list->items.end(), [&](Slot item) {
    return equal(item, call.arguments[1], list->kind);
  }));
}

bool append(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr || !same_kind(call, list)) return false;
  Ref copy = copy_list(list);
  copy->kind = call.kinds[1];
  retain(call.arguments[1], copy->kind);
  push(static_cast<List*>(copy.get()), call.arguments[1]);
  return call.give(std::move(copy));
}

bool concat(NativeCall& call) {
  const List* list = call.list(0);
  const List* other = list == nullptr ? nullptr : call.list(1);
  if (other == nullptr) return false;
  if (list->size == 0) return call.give(Ref::to(const_cast<List*>(other)));
  if (list->kind != other->kind && other->size != 0) {
    return call.raise("ProgramError", "lists of different kinds are joined");
  }
  Ref copy = copy_list(list);
  for (const Slot item : other->items) {
    retain(item, other->kind);
    push(static_cast<List*>(copy.get()), item);
  }
  return call.give(std::move(copy));
}

Ref part(NativeCall& call, const List* list, size_t from, size_t to) {
  List* made = new_list(call.heap, list->kind, to - from);
  for (size_t i = from; i < to; ++i) {
    retain(list->items[i], list->kind);
    push(made, list->items[i]);
  }
  return Ref(made);
}

bool slice(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  const int64_t count = list->size;
  const auto position = [count](int64_t index) {
    return std::clamp<int64_t>(index < 0 ? index + count : index, 0, count);
  };
  const int64_t from = position(call.arguments[1].i);
  const int64_t to = std::max(from, position(call.arguments[2].i));
  return call.give(part(call, list, static_cast<size_t>(from), static_cast<size_t>(to)));
}

bool reverse(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  Ref copy = copy_list(list);
  auto& items = static_cast<List*>(copy.get())->items;
  std::reverse(items.begin(), items.end());
  return call.give(std::move(copy));
}

bool sort(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  Ref copy = copy_list(list);
  auto& items = static_cast<List*>(copy.get())->items;
  const Kind kind = list->kind;
  std::stable_sort(items.begin(), items.end(),
                   [kind](Slot a, Slot b) { return order(a, b, kind) < 0; });
  return call.give(std::move(copy));
}

bool sort_by_keys(NativeCall& call) {
  const List* list = call.list(0);
  const List* keys = list == nullptr ? nullptr : call.list(1);
  if (keys == nullptr) return false;
  if (keys->size != list->size) return call.raise("ProgramError", "a list is sorted by other keys");
  std::vector<uint32_t> order_of(list->size);
  std::iota(order_of.begin(), order_of.end(), 0U);
  std::stable_sort(order_of.begin(), order_of.end(), [&](uint32_t a, uint32_t b) {
    return order(keys->items[a], keys->items[b], keys->kind) < 0;
  });
  List* made = new_list(call.heap, list->kind, list->size);
  call.give(Ref(made));
  for (const uint32_t i : order_of) {
    retain(list->items[i], list->kind);
    push(made, list->items[i]);
  }
  return true;
}

bool unique(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  Map* seen = new_map(call.heap, list->kind, Kind::kBool);
  const Ref owner(seen);
  List* made = new_list(call.heap, list->kind, 0);
  call.give(Ref(made));
  for (const Slot item : list->items) {
    if (find(seen, item) != nullptr) continue;
    retain(item, list->kind);
    retain(item, list->kind);
    put(seen, item, slot_of(1));
    push(made, item);
    if (call.heap.fault != Fault::kNone) break;
  }
  return true;
}

bool join(NativeCall& call) {
  const List* list = call.list(0);
  const String* separator = list == nullptr ? nullptr : call.string(1);
  if (separator == nullptr) return false;
  std::string out;
  for (size_t i = 0; i < list->items.size(); ++i) {
    const String* text = list->kind == Kind::kRef ? as_string(list->items[i].o) : nullptr;
    if (text == nullptr) return call.raise("NullError", fmt::format("element {} is no text", i));
    if (i > 0) out += separator->view();
    out += text->view();
    if (!call.heap.fits(out.size())) return call.give(Ref());
  }
  return call.give(make_string(call.heap, out));
}

bool sum(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  if (list->kind == Kind::kFloat) {
    double total = 0;
    for (const Slot item : list->items) total += item.f;
    return call.give(Kind::kFloat, slot_of_float(total));
  }
  if (list->kind == Kind::kRef) return call.raise("ProgramError", "the sum of no numbers");
  int64_t total = 0;
  for (const Slot item : list->items) {
    if (__builtin_add_overflow(total, item.i, &total)) {
      return call.raise("ArithmeticError", "the sum does not fit 64 bits");
    }
  }
  return call.give(list->kind, slot_of(total));
}

template <int kSign>
bool extreme(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  if (list->size == 0) return call.give(Ref());
  size_t best = 0;
  for (size_t i = 1; i < list->items.size(); ++i) {
    if (kSign * order(list->items[i], list->items[best], list->kind) > 0) best = i;
  }
  return give_boxed(call, list, best);
}

bool chunks(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  const int64_t size = call.arguments[1].i;
  if (size < 1) return call.raise("IndexError", fmt::format("chunks of {} elements", size));
  List* made = new_list(call.heap, Kind::kRef, 0);
  call.give(Ref(made));
  const auto step = static_cast<size_t>(std::min<int64_t>(size, list->size));
  for (size_t i = 0; i < list->items.size(); i += step) {
    push(made, slot_of(part(call, list, i, std::min(i + step, list->items.size())).give()));
    if (call.heap.fault != Fault::kNone) break;
  }
  return true;
}

bool index_of(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr || !same_kind(call, list)) return false;
  for (size_t i = 0; i < list->items.size(); ++i) {
    if (!equal(list->items[i], call.arguments[1], list->kind)) continue;
    return call.give(make_box(call.heap, Kind::kInt, slot_of(static_cast<int64_t>(i))));
  }
  return call.give(Ref());
}

template <bool kTake>
bool take_or_drop(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  const int64_t count = call.arguments[1].i;
  if (count < 0) return call.raise("IndexError", fmt::format("{} elements", count));
  const size_t border = static_cast<size_t>(std::min<int64_t>(count, list->size));
  return call.give(kTake ? part(call, list, 0, border) : part(call, list, border, list->size));
}

/// The elements that are (or are not) in the other list, in their order.
template <bool kIn>
bool those_in(NativeCall& call) {
  const List* list = call.list(0);
  const List* other = list == nullptr ? nullptr : call.list(1);
  if (other == nullptr) return false;
  Map* wanted = new_map(call.heap, other->kind, Kind::kBool);
  const Ref owner(wanted);
  for (const Slot item : other->items) {
    if (find(wanted, item) != nullptr) continue;
    retain(item, other->kind);
    put(wanted, item, slot_of(1));
  }
  List* made = new_list(call.heap, list->kind, 0);
  call.give(Ref(made));
  for (const Slot item : list->items) {
    const bool found = list->kind == other->kind && find(wanted, item) != nullptr;
    if (found != kIn) continue;
    retain(item, list->kind);
    push(made, item);
    if (call.heap.fault != Fault::kNone) break;
  }
  return true;
}

bool flatten(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  Kind kind = Kind::kRef;
  for (const Slot item : list->items) {
    if (list->kind != Kind::kRef || item.o == nullptr || item.o->tag != Tag::kList)
      return call.raise("ProgramError", "a list of lists holds something else");
    if (item.o->size > 0) kind = static_cast<const List*>(item.o)->kind;
  }
  List* made = new_list(call.heap, kind, 0);
  call.give(Ref(made));
  for (const Slot item : list->items) {
    for (const Slot inner : static_cast<const List*>(item.o)->items) {
      retain(inner, kind);
      push(made, inner);
      if (call.heap.fault != Fault::kNone) return true;
    }
  }
  return true;
}

/// How many of `count` elements "5" or "20%" are, a part of one counting as one.
std::optional<int64_t> share_of(std::string_view text, int64_t count) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  if (!percent) return std::min(value, count);
  if (value > 100) return std::nullopt;
  return (count * value + 99) / 100;
}

/// The list cut for a rollout: each size says how much of it is done after its wave.
bool waves(NativeCall& call) {
  const List* list = call.list(0);
  const List* sizes = list == nullptr ? nullptr : call.list(1);
  if (sizes == nullptr) return false;
  List* made = new_list(call.heap, Kind::kRef, 0);
  call.give(Ref(made));
  int64_t done = 0;
  for (const Slot item : sizes->items) {
    const String* text = sizes->kind == Kind::kRef ? as_string(item.o) : nullptr;
    const auto until = text == nullptr ? std::nullopt : share_of(text->view(), list->size);
    if (!until) {
      return call.raise("ParseError",
                        fmt::format("{} is no size of a wave: a number of elements or "
                                    "a percentage was expected, such as \"1\" or "
                                    "\"25%\"",
                                    json_summary(item.o)));
    }
    if (*until <= done) continue;
    const auto from = static_cast<size_t>(done);
    push(made, slot_of(part(call, list, from, static_cast<size_t>(*until)).give()));
    done = *until;
    if (call.heap.fault != Fault::kNone) break;
  }
  return true;
}

/// Null after having raised.
const ResultObject* result_at(NativeCall& call, const List* list, size_t i) {
  const Object* item = list->kind == Kind::kRef ? list->items[i].o : nullptr;
  if (item != nullptr && item->tag == Tag::kResult) return static_cast<const ResultObject*>(item);
  call.raise("ProgramError", "a list of results holds something else");
  return nullptr;
}

bool oks(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  // The kind of the values is known from the results; without any there is none to tell.
  Kind kind = Kind::kRef;
  for (size_t i = 0; i < list->items.size(); ++i) {
    const ResultObject* result = result_at(call, list, i);
    if (result == nullptr) return false;
    if (result->ok) kind = result->kind;
  }
  List* made = new_list(call.heap, kind, 0);
  call.give(Ref(made));
  for (const Slot item : list->items) {
    const auto* result = static_cast<const ResultObject*>(item.o);
    if (!result->ok || result->kind != kind) continue;
    retain(result->value, kind);
    push(made, result->value);
  }
  return true;
}

bool errors(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  List* made = new_list(call.heap, Kind::kRef, 0);
  call.give(Ref(made));
  for (size_t i = 0; i < list->items.size(); ++i) {
    const ResultObject* result = result_at(call, list, i);
    if (result == nullptr) return false;
    if (result->ok) continue;
    retain(result->value.o);
    push(made, result->value);
  }
  return true;
}

constexpr NativeEntry kListNatives[] = {
    {"list.length", list_length},
    {"list.is_empty", list_is_empty},
    {"list.first", first},
    {"list.last", last},
    {"list.contains", contains},
    {"list.append", append},
    {"list.concat", concat},
    {"list.slice", slice},
    {"list.reverse", reverse},
    {"list.sort", sort},
    {"list.unique", unique},
    {"list.join", join},
    {"list.sum", sum},
    {"list.min", extreme<-1>},
    {"list.max", extreme<1>},
    {"list.chunks", chunks},
    {"list.waves", waves},
    {"list.index_of", index_of},
    {"list.take", take_or_drop<true>},
    {"list.drop", take_or_drop<false>},
    {"list.intersect", those_in<true>},
    {"list.without", those_in<false>},
    {"list.flatten", flatten},
    {"list.oks", oks},
    {"list.errors", errors},
    {"sort.by_keys", sort_by_keys},
};

}  // namespace

std::span<const NativeEntry> list_natives() { return kListNatives; }

}  // namespace rbk::vm
