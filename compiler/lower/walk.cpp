#include "compiler/lower/walk.h"

#include <type_traits>

namespace rbk::lower {
namespace {

using namespace syntax;  // NOLINT: every node type is named below

class Walker {
 public:
  Walker(const Ast& ast, const Visitor& visitor) : ast_(ast), visitor_(visitor) {}

  void go(ExprId id) {
    if (!id.valid()) return;
    if (visitor_.expr && !visitor_.expr(id)) return;
    std::visit([this](const auto& node) { children(node); }, ast_[id].node);
  }
  void go(StmtId id) {
    if (!id.valid()) return;
    if (visitor_.stmt && !visitor_.stmt(id)) return;
    std::visit([this](const auto& node) { children(node); }, ast_[id].node);
  }
  void go(BlockId id) {
    if (!id.valid()) return;
    for (const StmtId stmt : ast_[id].stmts) go(stmt);
  }
  void go(const Clauses& clauses) {
    for (const Clause& clause : clauses.items) {
      std::visit([this](const auto& node) { children(node); }, clause.node);
    }
  }

 private:
  void go(const std::vector<Argument>& args) {
    for (const Argument& arg : args) go(arg.value);
  }
  void go(const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      go(entry.key);
      go(entry.value);
      if (!entry.value.valid() && visitor_.short_entry) visitor_.short_entry(entry);
    }
  }
  void go(const std::vector<Who>& people) {
    for (const Who& who : people) go(who.name);
  }
  void go(const std::vector<ExprId>& exprs) {
    for (const ExprId expr : exprs) go(expr);
  }
  void go(const std::vector<Field>& fields) {
    for (const Field& field : fields) {
      go(field.default_value);
      for (const Refinement& where : field.where) {
        go(where.condition);
        go(where.message);
      }
    }
  }

  // Expressions
  void children(const StringLit& node) {
    for (const StringLit::Part& part : node.parts) go(part.value);
  }
  void children(const MemberExpr& node) { go(node.base); }
  void children(const IndexExpr& node) { go(node.base), go(node.index); }
  void children(const SliceExpr& node) { go(node.base), go(node.low), go(node.high); }
  void children(const CallExpr& node) { go(node.callee), go(node.args); }
  void children(const LambdaExpr& node) { go(node.params), go(node.value), go(node.block); }
  void children(const UnaryExpr& node) { go(node.operand); }
  void children(const BinaryExpr& node) { go(node.left), go(node.right); }
  void children(const RangeExpr& node) { go(node.low), go(node.high); }
  void children(const CastExpr& node) { go(node.value); }
  void children(const ListExpr& node) { go(node.items); }
  void children(const BraceExpr& node) { go(node.entries); }
  void children(const IfExpr& node) {
    go(node.condition), go(node.then_block), go(node.else_block);
  }
  void children(const MatchExpr& node) {
    go(node.subject);
    for (const MatchExpr::Arm& arm : node.arms) go(arm.guard), go(arm.body);
  }
  void children(const TryExpr& node) { go(node.body), go(node.handler); }
  void children(const ParallelExpr& node) { go(node.policy.tolerance), go(node.body); }
  void children(const ParallelForExpr& node) {
    go(node.items), go(node.limit), go(node.policy.tolerance), go(node.body);
  }
  void children(const WaitExpr& node) { go(node.duration); }
  void children(const WaitUntilExpr& node) { go(node.time); }
  void children(const WaitSignalExpr& node) { go(node.by), go(node.timeout); }
  void children(const WaitFirstExpr& node) {
    for (const WaitFirstExpr::Arm& arm : node.arms) go(arm.value), go(arm.work), go(arm.body);
  }
  void children(const FailExpr& node) { go(node.error); }

  // Statements
  void children(const LetStmt& node) { go(node.value); }
  void children(const AssignStmt& node) { go(node.target), go(node.value); }
  void children(const ExprStmt& node) { go(node.value), go(node.clauses); }
  void children(const StepStmt& node) {
    go(node.title), go(node.value), go(node.block), go(node.clauses);
  }
  void children(const ForStmt& node) { go(node.items), go(node.body); }
  void children(const RepeatStmt& node) { go(node.every), go(node.at_most), go(node.body); }
  void children(const UntilStmt& node) { go(node.condition); }
  void children(const HoldStmt& node) { go(node.duration), go(node.every), go(node.body); }
  void children(const ReturnStmt& node) { go(node.value); }
  void children(const RequireStmt& node) { go(node.condition), go(node.message); }
  void children(const DeferStmt& node) { go(node.body); }
  void children(const CommitStmt& node) { go(node.why); }
  void children(const LockStmt& node) {
    go(node.name), go(node.limit), go(node.timeout), go(node.expires), go(node.body);
  }
  void children(const HandlerStmt& node) { go(node.body); }
  void children(const ApprovalStmt& node) {
    go(node.question), go(node.by), go(node.not_by), go(node.quorum), go(node.form);
    go(node.notify), go(node.break_glass);
    if (node.expires) go(node.expires->after), go(node.expires->to);
  }
  void children(const ExpectStmt& node) { go(node.condition); }
  void children(const GivenStmt& node) {
    go(node.args), go(node.condition), go(node.value), go(node.values), go(node.entries);
  }

  // Clauses
  void children(const TimeoutClause& node) { go(node.duration); }
  void children(const RetryClause& node) { go(node.times), go(node.backoff), go(node.condition); }
  void children(const RollbackClause& node) { go(node.block), go(node.why); }
  void children(const IrreversibleClause& node) { go(node.why); }
  void children(const OnDoubtClause& node) { go(node.verify), go(node.by); }
  void children(const OnFailureClause& node) { go(node.by); }
  void children(const WhenClause& node) { go(node.condition); }
  void children(const SandboxClause& node) { go(node.image), go(node.entries); }

  /// Everything that holds nothing more.
  template <typename Leaf>
  requires std::is_empty_v<Leaf> || std::is_same_v<Leaf, BoolLit> || std::is_same_v<Leaf, IntLit> ||
      std::is_same_v<Leaf, FloatLit> || std::is_same_v<Leaf, DurationLit> ||
      std::is_same_v<Leaf, SizeLit> || std::is_same_v<Leaf, NameExpr> ||
      std::is_same_v<Leaf, ShorthandExpr> || std::is_same_v<Leaf, CrashStmt>
  void children(const Leaf& /*node*/) {}

  const Ast& ast_;
  const Visitor& visitor_;
};

}  // namespace

void walk(const Ast& ast, ExprId id, const Visitor& visitor) { Walker(ast, visitor).go(id); }
void walk(const Ast& ast, StmtId id, const Visitor& visitor) { Walker(ast, visitor).go(id); }
void walk(const Ast& ast, BlockId id, const Visitor& visitor) { Walker(ast, visitor).go(id); }
void walk(const Ast& ast, const Clauses& clauses, const Visitor& visitor) {
  Walker(ast, visitor).go(clauses);
}

}  // namespace rbk::lower
