// The members of the built-in types: the machine's natives (natives.def, parsed here) and the
// methods that take a function, which are compiled into loops.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/check/type_table.h"

namespace rbk::check {

/// T, K and V stand for what the receiver holds: a list's or range's element, a map's key and
/// value.
struct Signature {
  std::string_view name;  // "string.split"
  bool property = false;  // read without parentheses
  std::vector<std::pair<std::string, TypeId>> parameters;
  TypeId result = types::kNothing;
};

class Signatures {
 public:
  explicit Signatures(TypeTable& table) : types_(table) {}

  /// The member of a built-in type ("string", "list" …), or null. Parsed at its first use.
  const Signature* find(std::string_view receiver, std::string_view member);
  /// Whether the type has functions of its own: `int.parse` is found as ("parse", "int").
  static bool has_type_functions(std::string_view type);
  static std::optional<LoopMethod> loop(std::string_view receiver, std::string_view member);
  /// Every member that the type has, for "did you mean".
  static std::vector<std::string_view> members(std::string_view receiver);

 private:
  Signature parse(std::string_view name, std::string_view text);

  TypeTable& types_;
  std::unordered_map<std::string_view, Signature> parsed_;
};

/// The name under which a type's members are listed; empty if it has none.
std::string_view receiver_name(Type::Shape shape);

/// The signature's type for a receiver of this type.
TypeId substitute(TypeTable& table, TypeId type, TypeId receiver_key, TypeId receiver_element);

}  // namespace rbk::check
