// Statements that are neither steps nor loops.
#include <type_traits>

#include "compiler/lower/body.h"

namespace rbk::lower {

using check::kNone;
using Shape = check::Type::Shape;

void Body::block(BlockId id) {
  for (const StmtId stmt : ast()[id].stmts) statement(stmt);
}

void Body::statement(StmtId id) {
  const syntax::Stmt& stmt = ast()[id];
  TemporaryScope scope(code_);
  if (!std::holds_alternative<syntax::HandlerStmt>(stmt.node)) place(stmt.span);
  std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, syntax::LetStmt>) {
          lower_let(id, node);
        } else if constexpr (std::is_same_v<Node, syntax::AssignStmt>) {
          lower_assign(node);
        } else if constexpr (std::is_same_v<Node, syntax::ExprStmt>) {
          if (node.clauses.empty()) {
            discard(node.value);
          } else {
            call_step_into(id, node, kNoReg);
          }
        } else if constexpr (std::is_same_v<Node, syntax::StepStmt>) {
          lower_step(id, node);
        } else if constexpr (std::is_same_v<Node, syntax::ForStmt>) {
          lower_for(id, node);
        } else if constexpr (std::is_same_v<Node, syntax::RepeatStmt>) {
          lower_repeat(node);
        } else if constexpr (std::is_same_v<Node, syntax::HoldStmt>) {
          lower_hold(node);
        } else if constexpr (std::is_same_v<Node, syntax::UntilStmt>) {
          lower_until(node);
        } else if constexpr (std::is_same_v<Node, syntax::ReturnStmt>) {
          lower_return(node, stmt.span);
        } else if constexpr (std::is_same_v<Node, syntax::BreakStmt>) {
          lower_break(false, stmt.span);
        } else if constexpr (std::is_same_v<Node, syntax::ContinueStmt>) {
          lower_break(true, stmt.span);
        } else if constexpr (std::is_same_v<Node, syntax::RequireStmt>) {
          lower_require(node);
        } else if constexpr (std::is_same_v<Node, syntax::DeferStmt>) {
          lower_defer(node);
        } else if constexpr (std::is_same_v<Node, syntax::CommitStmt>) {
          code_.emit(Op::kUndoCommit, value(node.why));
        } else if constexpr (std::is_same_v<Node, syntax::LockStmt>) {
          lower_lock(node);
        } else if constexpr (std::is_same_v<Node, syntax::ApprovalStmt>) {
          lower_approval(id, node);
        } else if constexpr (std::is_same_v<Node, syntax::ExpectStmt>) {
          lower_expect(node);
        } else if constexpr (std::is_same_v<Node, syntax::GivenStmt>) {
          lower_given(id, node);
        } else if constexpr (std::is_same_v<Node, syntax::CrashStmt>) {
          lower_crash(node);
        } else if constexpr (std::is_same_v<Node, syntax::HandlerStmt>) {
          // Lowered with the scope that it belongs to.
        } else {
          fault(stmt.span, "a statement that has no meaning yet");
        }
      },
      stmt.node);
}

void Body::lower_let(StmtId id, const syntax::LetStmt& node) {
  const auto& symbols = module_->stmts.at(id.index).symbols;
  if (symbols.empty() || symbols[0] == kNone) return discard(node.value);
  // The value may use an outer name of the same spelling: its symbol is another one.
  const Reg to = declare(symbols[0]);
  into(node.value, to);
  note_defined(symbols[0]);
}

void Body::lower_assign(const syntax::AssignStmt& node) {
  const Meaning* meaning = module_->meaning(node.target);
  const Reg to = meaning == nullptr ? kNoReg : local(meaning->symbol);
  if (to == kNoReg) return fault(ast()[node.target].span, "an assignment to no name");
  into(node.value, to);
  note_defined(meaning->symbol);
}

void Body::lower_require(const syntax::RequireStmt& node) {
  const Label holds = code_.label();
  branch(node.condition, true, holds);
  if (code_.reachable()) {
    const Reg message =
        node.message.valid() ? value(node.message) : condition_message(node.condition);
    raise("Failed", message);
  }
  code_.bind(holds);
}

void Body::lower_defer(const syntax::DeferStmt& node) {
  const std::string name = code_.name() + "/defer" + std::to_string(++unnamed_);
  const Captures captures = captures_of(node.body);
  const uint32_t function = undo_function(name, node.body, captures);
  const Reg made = closure(function, captures);
  code_.emit(Op::kUndoPush, made, kNoReg, 1);
}

}  // namespace rbk::lower
