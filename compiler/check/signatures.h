// The functions and properties of the built-in types, as stdlib/values declares them, with their
// types; and which of them are compiled into loops, as they take a function.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/check/type_table.h"

namespace rbk::check {

/// What stands for a type in a declaration. The last three hold only what can do something.
enum class Variable : uint8_t { kT, kK, kV, kU, kOrdered, kComparable, kQuantity };
inline constexpr size_t kVariables = 7;

struct Signature {
  std::string native;       // the machine's name: "string.split", "parse.int"
  bool property = false;    // read without parentheses
  TypeId receiver = kNone;  // with variables; kNone: a function of the type itself
  std::vector<std::pair<std::string, TypeId>> parameters;
  TypeId result = types::kNothing;
};

class Signatures {
 public:
  explicit Signatures(TypeTable& table) : types_(table) {}

  /// The member of a built-in type ("string", "list" …), or null. Read at its first use.
  const Signature* find(std::string_view type, std::string_view member);
  /// The type's own function: `int.parse`; or null.
  const Signature* find_type_function(std::string_view type, std::string_view name);
  static bool has_type_functions(std::string_view type);
  static std::optional<LoopMethod> loop(std::string_view type, std::string_view member);
  /// Every member that the type's values have, for "did you mean".
  static std::vector<std::string_view> members(std::string_view type);
  static std::vector<std::string_view> type_functions(std::string_view type);

 private:
  const Signature* find(std::string_view type, std::string_view name, bool of_type);

  TypeTable& types_;
  std::unordered_map<size_t, Signature> read_;  // by place in value_functions()
};

/// The name under which a type's members are listed; empty if it has none.
std::string_view receiver_name(Type::Shape shape);

/// What the variables of a signature stand for in one call; kNone: not known yet.
class Bindings {
 public:
  explicit Bindings(TypeTable& table) : types_(table) { bound_.fill(kNone); }

  /// Learns from a type what the variables of the declared one stand for; false if it is another
  /// type, or one that cannot do what its variable says.
  bool bind(TypeId declared, TypeId actual);
  /// The declared type with what the variables stand for; kUnknown for those that are not known.
  TypeId substitute(TypeId declared) const;
  bool is_open(TypeId declared) const;

 private:
  TypeTable& types_;
  std::array<TypeId, kVariables> bound_{};
};

}  // namespace rbk::check
