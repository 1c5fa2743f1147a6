// Secrets in values that are JSON: by their types, as an object {"secret": …} may be anything.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <set>
#include <string>

#include "base/masking.h"
#include "base/result.h"
#include "vm/bytecode/program.h"

namespace rbk::vm {

/// Calls `each` with the name of every secret in a value of this type, and the place where it
/// stands, which may be overwritten. An object {"secret": …} in what is `json` is none. Ends at the
/// first failure of `each`.
Status each_secret(const bytecode::Program& program, bytecode::TypeId type,
                   boost::json::value& value,
                   const std::function<Status(const std::string&, boost::json::value&)>& each);

/// The secrets that the program itself names: `secrets.NAME`.
std::set<std::string> named_secrets(const bytecode::Program& program);

/// Its texts and keys masked; a number that is a secret becomes a text.
boost::json::value masked(const boost::json::value& value, const Masks& masks);
/// The same of a value of this type: the names of its fields and of the members of enums are the
/// program's, and stay. kNone: of no type.
boost::json::value masked(const bytecode::Program& program, bytecode::TypeId type,
                          const boost::json::value& value, const Masks& masks);
/// Whether a record in it has a field whose name was masked, before anybody knew it for a name.
bool has_masked_field(const bytecode::Program& program, bytecode::TypeId type,
                      const boost::json::value& value);
/// Values by the names of the program: only the values.
boost::json::object masked_fields(const boost::json::object& fields, const Masks& masks);

}  // namespace rbk::vm
