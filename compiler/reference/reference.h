// The reference of what files declare, from their declarations and `///` comments. A plain result,
// without layout.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/source/source.h"
#include "compiler/syntax/ast.h"

namespace rbk::reference {

/// A parameter, a field, a member of an enum.
struct Field {
  std::string name;
  std::string type;           // as written; of an enum's member its payload: "(n: int)"
  std::string default_value;  // as written; empty: it has none
  std::vector<std::string> where;
  std::string doc;
};

struct Entry {
  enum class Kind : uint8_t {
    kAction,
    kRunbook,
    kFunction,
    kRecord,
    kEnum,
    kErrorKind,
    kConst,
    kCalendar,
    kSchedule,
    kOfValue,  // a function or property of a built-in type
  };
  Kind kind = Kind::kAction;
  std::string name;       // "get"
  std::string full_name;  // as it is called: "http.get", "shell", "Timeout", "string.split"
  std::string signature;  // on one line: "http.get(url: Url, …) -> Response", "list<T>.first -> T?"
  std::string doc;        // with "```rbk" examples
  std::string behaviour;  // of an action: "reads", "idempotent", "writes"
  std::vector<Field> fields;
  std::string result;       // the type as written; of a constant its value; of a calendar what it
                            // closes, of a schedule when it fires; empty: none
  bool is_program = false;  // an own action: a program of the project
  bool is_private = false;
  uint32_t line = 0;
};

struct Module {
  std::string name;  // "http"; of a file its path; of values their type: "string"
  std::string doc;
  bool of_values = false;      // it declares what the values of a type can do
  std::vector<Entry> entries;  // in the order of the text
};

/// What a file declares, private things too. `prefix`: what stands before the names, "http"; empty
/// for a user's file and for "core".
Module module_of(std::string name, std::string_view prefix, const source::Source& source,
                 const syntax::Ast& ast);

}  // namespace rbk::reference
