// A compact text of a tree, for tests and for comparing trees: two files with the same dump mean
// the same. Spans and comments are left out.
#pragma once

#include <string>

#include "compiler/syntax/ast.h"

namespace rbk::syntax {

/// S-expressions: one line a declaration and a statement, two blanks a level. What is not written
/// is left out; an error node reads `<error>`.
std::string dump(const Ast& ast);
/// The same of one declaration.
std::string dump(const Ast& ast, DeclId decl);

}  // namespace rbk::syntax
