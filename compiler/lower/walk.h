// Visits what stands in a piece of syntax, whatever its form: for finding the names that a block
// uses and whether it has effects. Knows no types.
#pragma once

#include <functional>

#include "compiler/syntax/ast.h"

namespace rbk::lower {

/// Either may be empty. Called before what stands inside; false leaves that out.
struct Visitor {
  std::function<bool(syntax::ExprId)> expr;
  std::function<bool(syntax::StmtId)> stmt;
  /// An entry of a value brace that has no value: its name stands for itself.
  std::function<void(const syntax::Entry&)> short_entry;
};

void walk(const syntax::Ast& ast, syntax::ExprId id, const Visitor& visitor);
void walk(const syntax::Ast& ast, syntax::StmtId id, const Visitor& visitor);
void walk(const syntax::Ast& ast, syntax::BlockId id, const Visitor& visitor);
void walk(const syntax::Ast& ast, const syntax::Clauses& clauses, const Visitor& visitor);

}  // namespace rbk::lower
