// Types as JSON Schema: docs/formats/values.md says how each looks. Of this folder only.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <unordered_map>

#include "compiler/check/checked.h"
#include "compiler/plan/value.h"

namespace rbk::schema {

class Types {
 public:
  enum class Direction {
    kIn,   // what is read: unknown fields are refused, those with a default may be missing
    kOut,  // what is written: every field is there
  };
  /// `where`: the JSON pointer of the object into which `definitions` will be put.
  Types(const check::CheckedProgram& program, Direction direction, std::string where)
      : program_(program), direction_(direction), where_(std::move(where)) {}

  boost::json::object of(check::TypeId id);
  /// Records and enums that were named, by the name in their `$ref`.
  boost::json::object& definitions() { return definitions_; }

 private:
  boost::json::object reference(check::TypeId id);
  /// `names`: the fields as their conditions see them; empty if there are none.
  boost::json::object fields(const std::vector<check::Field>& fields, check::ModuleId module,
                             const std::vector<check::SymbolId>& names);
  boost::json::object enumeration(const check::Symbol& symbol);
  boost::json::object error();
  boost::json::object result(const check::Type& type);

  const check::CheckedProgram& program_;
  Direction direction_;
  std::string where_;
  boost::json::object definitions_;
  std::unordered_map<check::TypeId, std::string> names_;
};

/// The value as it is written in JSON where the type is wanted; nothing if it is not known or has
/// no such form.
std::optional<boost::json::value> json_of(const check::CheckedProgram& program, check::TypeId type,
                                          const plan::Value& value);

/// Without `?`.
check::TypeId without_null(const check::CheckedProgram& program, check::TypeId id);

}  // namespace rbk::schema
