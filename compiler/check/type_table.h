// The types of a program, each kept once: equal types have equal ids, so that comparing two types
// is comparing two numbers. Knows how one type is made to fit another; nothing of names or syntax.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/check/checked.h"

namespace rbk::check {

/// The types without parts have the same id in every program.
namespace types {
inline constexpr TypeId kUnknown = 0;
inline constexpr TypeId kNever = 1;
inline constexpr TypeId kNothing = 2;
inline constexpr TypeId kNull = 3;
inline constexpr TypeId kBool = 4;
inline constexpr TypeId kInt = 5;
inline constexpr TypeId kFloat = 6;
inline constexpr TypeId kDuration = 7;
inline constexpr TypeId kSize = 8;
inline constexpr TypeId kTime = 9;
inline constexpr TypeId kString = 10;
inline constexpr TypeId kUrl = 11;
inline constexpr TypeId kCommand = 12;
inline constexpr TypeId kQuery = 13;
inline constexpr TypeId kRegex = 14;
inline constexpr TypeId kJson = 15;
inline constexpr TypeId kSecret = 16;
inline constexpr TypeId kEnvironment = 17;
inline constexpr TypeId kError = 18;
}  // namespace types

/// How a value of one type gets where another is wanted.
struct Conversion {
  bool fits = false;
  Convert first = Convert::kNothing;
  Convert then = Convert::kNothing;
  TypeId type = types::kUnknown;  // what the value is afterwards
};

class TypeTable {
 public:
  /// Fills `storage` with the types without parts; it must be empty and outlive the table.
  explicit TypeTable(std::vector<Type>& storage);

  /// Valid until the next type is made.
  const Type& operator[](TypeId id) const { return types_[id]; }
  Type::Shape shape(TypeId id) const { return types_[id].shape; }
  bool is(TypeId id, Type::Shape shape) const { return types_[id].shape == shape; }
  TypeId element(TypeId id) const { return types_[id].element; }

  TypeId intern(Type type);
  TypeId list(TypeId element);
  TypeId map(TypeId key, TypeId element);
  /// T? of T; of T? and of types that are never a value of their own, the same.
  TypeId optional(TypeId element);
  TypeId range(TypeId element);
  /// `item`: of a branch of `parallel for`, what it was the branch of; else kNone.
  TypeId result(TypeId element, TypeId item = kNone);
  TypeId nominal(Type::Shape shape, SymbolId symbol);
  TypeId function(std::vector<TypeId> parameters, TypeId result);
  TypeId form(std::vector<std::pair<std::string, TypeId>> fields);
  /// T, K or V of a native's signature: 0, 1, 2.
  TypeId variable(uint32_t number);

  /// T of T?, any other type itself.
  TypeId without_optional(TypeId id) const;
  bool is_optional(TypeId id) const { return is(id, Type::Shape::kOptional); }
  /// After an error, or of what never ends: nothing more is to be said about it.
  bool is_silent(TypeId id) const { return id == types::kUnknown || id == types::kNever; }

  /// Equal, but for parts that are not known after an error.
  bool compatible(TypeId a, TypeId b) const;
  /// No part of it is left open by an error or by what was asked for.
  bool is_known(TypeId id) const;
  Conversion convert(TypeId from, TypeId to);
  /// The type that both can be made to fit, or kNone.
  TypeId join(TypeId a, TypeId b);

  /// Values of it can be compared with `==`.
  bool comparable(TypeId id) const;
  /// Values of it have an order.
  bool ordered(TypeId id) const;
  /// It can be written as JSON.
  bool writable_as_json(TypeId id) const;

 private:
  TypeId cached(std::vector<TypeId>& cache, Type::Shape shape, TypeId element);

  std::vector<Type>& types_;
  std::unordered_multimap<size_t, TypeId> ids_;
  std::vector<TypeId> lists_;  // by element
  std::vector<TypeId> optionals_;
};

}  // namespace rbk::check
