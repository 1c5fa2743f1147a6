#include "compiler/syntax/ast.h"

#include <algorithm>
#include <iterator>

namespace rbk::syntax {
namespace {

template <typename Node>
Id<Node> push(std::vector<Node>& nodes, Node node) {
  nodes.push_back(std::move(node));
  return Id<Node>{static_cast<uint32_t>(nodes.size() - 1)};
}

}  // namespace

std::string Path::text() const {
  std::string joined;
  for (const Name& part : parts) {
    if (!joined.empty()) joined += '.';
    joined += part.text;
  }
  return joined;
}

bool Unread::touches(Span span) const {
  const auto after =
      std::upper_bound(stretches.begin(), stretches.end(), span.end,
                       [](uint32_t offset, const Span& one) { return offset < one.begin; });
  return after != stretches.begin() && std::prev(after)->end >= span.begin;
}

bool Unread::holds(uint32_t offset) const { return touches({offset, offset, 0}); }

ExprId Ast::add(Expr node) { return push(exprs, std::move(node)); }
StmtId Ast::add(Stmt node) { return push(stmts, std::move(node)); }
DeclId Ast::add(Decl node) { return push(all_decls, std::move(node)); }
TypeRefId Ast::add(TypeRef node) { return push(types, std::move(node)); }
PatternId Ast::add(Pattern node) { return push(patterns, std::move(node)); }
BlockId Ast::add(Block node) { return push(blocks, std::move(node)); }

}  // namespace rbk::syntax
