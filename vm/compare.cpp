// Equality, hashes and order of values.
#include <bit>
#include <cmath>

#include "vm/value.h"

namespace rbk::vm {

namespace {

uint64_t mix(uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ULL;
  return value ^ value >> 33;
}

bool equal_boxes(const Box& a, const Box& b) {
  if (a.kind == b.kind) return equal(a.value, b.value, a.kind);
  if (a.kind == Kind::kInt && b.kind == Kind::kFloat) {
    return static_cast<double>(a.value.i) == b.value.f;
  }
  if (a.kind == Kind::kFloat && b.kind == Kind::kInt) {
    return a.value.f == static_cast<double>(b.value.i);
  }
  return false;
}

bool equal_maps(const Map& a, const Map& b) {
  if (a.size != b.size || a.kind != b.kind || a.key_kind != b.key_kind) return false;
  for (const Map::Entry& entry : a.entries) {
    const Map::Entry* other = find(&b, entry.key);
    if (other == nullptr || !equal(entry.value, other->value, a.kind)) return false;
  }
  return true;
}

bool equal_fields(const Slot* a, const Slot* b, const Kind* kinds, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    if (!equal(a[i], b[i], kinds == nullptr ? Kind::kRef : kinds[i])) return false;
  }
  return true;
}

}  // namespace

bool equal(Slot a, Slot b, Kind kind) {
  if (kind == Kind::kRef) return equal(a.o, b.o);
  if (kind == Kind::kFloat) return a.f == b.f;
  return a.i == b.i;
}

bool equal(const Object* a, const Object* b) {
  if (a == b) return true;
  if (a == nullptr || b == nullptr || a->tag != b->tag || !a->heap->visit()) return false;
  switch (a->tag) {
    case Tag::kString:
    case Tag::kSecret:
      return static_cast<const String*>(a)->view() == static_cast<const String*>(b)->view();
    case Tag::kBox:
      return equal_boxes(*static_cast<const Box*>(a), *static_cast<const Box*>(b));
    case Tag::kList: {
      const auto& x = static_cast<const List*>(a)->items;
      const auto& y = static_cast<const List*>(b)->items;
      if (x.size() != y.size() || a->kind != b->kind) return false;
      for (size_t i = 0; i < x.size(); ++i) {
        if (!equal(x[i], y[i], a->kind)) return false;
      }
      return true;
    }
    case Tag::kMap:
      return equal_maps(*static_cast<const Map*>(a), *static_cast<const Map*>(b));
    case Tag::kRecord:
    case Tag::kEnum: {
      const auto* x = static_cast<const Record*>(a);
      const auto* y = static_cast<const Record*>(b);
      return x->type == y->type && x->member == y->member && x->size == y->size &&
             equal_fields(x->fields(), y->fields(), x->kinds, x->size);
    }
    case Tag::kError: {
      const auto* x = static_cast<const ErrorObject*>(a);
      const auto* y = static_cast<const ErrorObject*>(b);
      return x->type == y->type && x->retryable == y->retryable && x->size == y->size &&
             equal(x->name, y->name) && equal(x->message, y->message) &&
             equal(x->others, y->others) &&
             equal_fields(x->fields(), y->fields(), nullptr, x->size);
    }
    case Tag::kResult: {
      const auto* x = static_cast<const ResultObject*>(a);
      const auto* y = static_cast<const ResultObject*>(b);
      return x->ok == y->ok && x->kind == y->kind && equal(x->value, y->value, x->kind) &&
             equal(x->item, y->item);
    }
    case Tag::kRange: {
      const auto* x = static_cast<const Range*>(a);
      const auto* y = static_cast<const Range*>(b);
      return x->kind == y->kind && x->low.i == y->low.i && x->high.i == y->high.i;
    }
    case Tag::kClosure:
      return false;  // the same one only
  }
  return false;
}

uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
  return mix(hash);
}

uint64_t hash_of(Slot value, Kind kind) {
  if (kind == Kind::kFloat && value.f == 0) return 0;  // 0.0 equals -0.0
  if (kind != Kind::kRef) return mix(static_cast<uint64_t>(value.i));
  const Object* object = value.o;
  if (object == nullptr || !object->heap->visit()) return 0;
  switch (object->tag) {
    case Tag::kString:
    case Tag::kSecret: {
      const auto* string = static_cast<const String*>(object);
      if (string->hash == 0) string->hash = hash_of(string->view());
      return string->hash;
    }
    case Tag::kClosure:
      return 1;
    // Ints equal floats, and entries may stand in any order: only the size tells.
    case Tag::kBox:
      return 2;
    case Tag::kMap:
      return mix(object->size);
    default:
      break;
  }
  uint64_t hash = static_cast<uint64_t>(object->tag);
  if (object->tag == Tag::kEnum) hash += static_cast<const Record*>(object)->member * 31ULL;
  for_each_part(object, [&hash](Slot part, Kind part_kind) {
    hash = mix(hash * 31 + hash_of(part, part_kind));
  });
  return hash;
}

int order(Slot a, Slot b, Kind kind) {
  if (kind == Kind::kFloat) {
    // NaN stands after every number, so that there is one order.
    if (std::isnan(a.f) || std::isnan(b.f))
      return (std::isnan(a.f) ? 1 : 0) - (std::isnan(b.f) ? 1 : 0);
    return a.f < b.f ? -1 : (a.f > b.f ? 1 : 0);
  }
  if (kind != Kind::kRef) return a.i < b.i ? -1 : (a.i > b.i ? 1 : 0);
  if (a.o == nullptr || b.o == nullptr) return (a.o == nullptr ? 0 : 1) - (b.o == nullptr ? 0 : 1);
  if (a.o->tag != b.o->tag) return static_cast<int>(a.o->tag) - static_cast<int>(b.o->tag);
  switch (a.o->tag) {
    case Tag::kString:
      return static_cast<const String*>(a.o)->view().compare(
          static_cast<const String*>(b.o)->view());
    case Tag::kEnum: {
      const uint32_t x = static_cast<const Record*>(a.o)->member;
      const uint32_t y = static_cast<const Record*>(b.o)->member;
      return x < y ? -1 : (x > y ? 1 : 0);
    }
    case Tag::kBox:
      if (a.o->kind != b.o->kind) return static_cast<int>(a.o->kind) - static_cast<int>(b.o->kind);
      return order(static_cast<const Box*>(a.o)->value, static_cast<const Box*>(b.o)->value,
                   a.o->kind);
    default:
      return 0;
  }
}

}  // namespace rbk::vm
