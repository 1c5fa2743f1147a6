#include "compiler/plan/plan.h"

#include <fmt/format.h>

#include "compiler/plan/evaluate.h"

namespace rbk::plan {
namespace {

using namespace syntax;  // NOLINT: this file reads trees and little else

std::string_view behaviour_name(uint8_t behaviour) {
  return behaviour == 0 ? "reads" : behaviour == 1 ? "idempotent" : "writes";
}

/// Walks the statements of one function with what is known there.
class Walker {
 public:
  Walker(Plan& plan, Evaluator& evaluator, std::string path, int depth)
      : plan_(plan), known_(evaluator), path_(std::move(path)), depth_(depth) {}

  std::vector<Node> block(BlockId id) {
    std::vector<Node> nodes;
    if (!id.valid()) return nodes;
    for (const StmtId stmt : ast()[id].stmts) {
      // Handlers stand behind a `return` and run after it.
      const bool is_handler = std::holds_alternative<HandlerStmt>(ast()[stmt].node);
      if (leaves_ == Leaves::kNo || is_handler) statement(stmt, nodes);
    }
    return nodes;
  }

  /// The locks of its head, then the body.
  std::vector<Node> runbook(const RunbookDecl& decl);

 private:
  static constexpr int kDeepestCall = 16;  // runbooks that call each other in a circle
  /// What certainly ends here: nothing that follows is reached.
  enum class Leaves : uint8_t { kNo, kRound, kLoop, kRunbook };

  const Ast& ast() const { return known_.module().ast; }

  /// Where a node stands: its expression (not valid for a statement), the statement around it, and
  /// that one's clauses, if it has any.
  struct Place {
    ExprId expr;
    StmtId stmt;
    const Clauses* written;
  };

  void statement(StmtId id, std::vector<Node>& out);
  void expression(ExprId id, const Clauses* written, StmtId owner, std::vector<Node>& out);
  /// What has nothing to show.
  template <typename T>
  void show(const T&, const Place&, std::vector<Node>&) {}
  void show(const IfExpr& node, const Place& place, std::vector<Node>& out);
  void show(const MatchExpr& node, const Place& place, std::vector<Node>& out);
  void show(const TryExpr& node, const Place& place, std::vector<Node>& out);
  void show(const ParallelExpr& node, const Place& place, std::vector<Node>& out);
  void show(const ParallelForExpr& node, const Place& place, std::vector<Node>& out);
  void show(const WaitExpr& node, const Place& place, std::vector<Node>& out);
  void show(const WaitUntilExpr& node, const Place& place, std::vector<Node>& out);
  void show(const WaitSignalExpr& node, const Place& place, std::vector<Node>& out);
  void show(const WaitFirstExpr& node, const Place& place, std::vector<Node>& out);
  void show(const FailExpr& node, const Place& place, std::vector<Node>& out);
  void show(const CallExpr& node, const Place& place, std::vector<Node>& out);
  void show(const LetStmt& node, const Place& place, std::vector<Node>& out);
  void show(const AssignStmt& node, const Place& place, std::vector<Node>& out);
  void show(const ExprStmt& node, const Place& place, std::vector<Node>& out);
  void show(const BreakStmt& node, const Place& place, std::vector<Node>& out);
  void show(const ContinueStmt& node, const Place& place, std::vector<Node>& out);
  void show(const StepStmt& node, const Place& place, std::vector<Node>& out);
  void show(const ForStmt& node, const Place& place, std::vector<Node>& out);
  void show(const RepeatStmt& node, const Place& place, std::vector<Node>& out);
  void show(const HoldStmt& node, const Place& place, std::vector<Node>& out);
  void show(const ReturnStmt& node, const Place& place, std::vector<Node>& out);
  void show(const RequireStmt& node, const Place& place, std::vector<Node>& out);
  void show(const CommitStmt& node, const Place& place, std::vector<Node>& out);
  void show(const ApprovalStmt& node, const Place& place, std::vector<Node>& out);
  void show(const DeferStmt& node, const Place& place, std::vector<Node>& out);
  void show(const HandlerStmt& node, const Place& place, std::vector<Node>& out);
  void show(const LockStmt& node, const Place& place, std::vector<Node>& out);

  void call(const CallExpr& node, ExprId id, StmtId owner, Node& into);
  void branch(std::string text, BlockId body, std::vector<Node>& out);
  std::vector<Node> maybe(BlockId body);
  void handler(std::string text, BlockId body, std::vector<Node>& out);
  void loop(std::string text, ExprId items, check::SymbolId item, check::SymbolId index,
            BlockId body, std::vector<Node>& out);
  check::SymbolId declared(StmtId stmt, size_t at) const {
    const auto& symbols = known_.module().stmts.at(stmt.index).symbols;
    return at < symbols.size() ? symbols[at] : check::kNone;
  }
  std::vector<std::string> clauses(const Clauses& written) const;
  std::string people(const std::vector<Who>& who) const;
  std::string signal(const Name& name, TypeRefId type) const {
    return type.valid() ? fmt::format("{}: {}", name.text, source(ast()[type].span)) : name.text;
  }
  std::string source(source::Span span) const {
    return std::string(known_.module().source->text(span));
  }
  void count(const std::string& behaviour) {
    if (behaviour == "reads") ++plan_.reads;
    if (behaviour == "idempotent") ++plan_.idempotent;
    if (behaviour == "writes") ++plan_.writes;
  }
  Node plain(Node::Kind kind, std::string text) const {
    Node node;
    node.kind = kind;
    node.text = std::move(text);
    return node;
  }

  Plan& plan_;
  Evaluator& known_;
  std::string path_;   // with a trailing slash unless empty
  std::string items_;  // "[web-1]": of the loops since the last step
  int depth_;
  Leaves leaves_ = Leaves::kNo;
  int branches_ = 0;  // that may be taken or not, around this
};

std::string Walker::people(const std::vector<Who>& who) const {
  std::string joined;
  for (const Who& one : who) {
    if (!joined.empty()) joined += ", ";
    if (one.kind == Who::Kind::kStarter)
      joined += "starter";
    else
      joined += fmt::format("{} {}", one.kind == Who::Kind::kUser ? "user" : "group",
                            known_.show(one.name));
  }
  return joined;
}

std::vector<std::string> Walker::clauses(const Clauses& written) const {
  std::vector<std::string> texts;
  for (const Clause& clause : written.items) {
    if (std::holds_alternative<RollbackClause>(clause.node)) {
      const auto& rollback = std::get<RollbackClause>(clause.node);
      if (!rollback.block.valid()) texts.push_back("rollback none " + known_.show(rollback.why));
      continue;
    }
    if (const auto* timeout = std::get_if<TimeoutClause>(&clause.node)) {
      texts.push_back("timeout " + known_.show(timeout->duration));
    } else if (const auto* retry = std::get_if<RetryClause>(&clause.node)) {
      texts.push_back(fmt::format("retry {} times", known_.show(retry->times)));
    } else if (const auto* when = std::get_if<WhenClause>(&clause.node)) {
      if (!known_.evaluate(when->condition).known())
        texts.push_back("when " + known_.show(when->condition));
    } else if (const auto* doubt = std::get_if<OnDoubtClause>(&clause.node)) {
      static constexpr const char* kKinds[] = {"retry", "verify", "undo", "fail", "ask"};
      texts.push_back(fmt::format("on doubt {}", kKinds[static_cast<int>(doubt->kind)]));
    } else if (const auto* failure = std::get_if<OnFailureClause>(&clause.node)) {
      texts.push_back(failure->kind == OnFailureClause::Kind::kContinue ? "on failure continue"
                                                                        : "on failure ask");
      if (!failure->by.empty()) texts.back() += " by " + people(failure->by);
    } else if (const auto* irreversible = std::get_if<IrreversibleClause>(&clause.node)) {
      texts.push_back("irreversible " + known_.show(irreversible->why));
    }
  }
  return texts;
}

void Walker::branch(std::string text, BlockId body, std::vector<Node>& out) {
  Node node = plain(Node::Kind::kBranch, std::move(text));
  node.children = maybe(body);
  if (!node.children.empty()) out.push_back(std::move(node));
}

/// What may be reached or not: what leaves it leaves nothing for certain.
std::vector<Node> Walker::maybe(BlockId body) {
  const Leaves outer = leaves_;
  leaves_ = Leaves::kNo;
  ++branches_;
  std::vector<Node> nodes = block(body);
  --branches_;
  leaves_ = outer;
  return nodes;
}

void Walker::show(const IfExpr& node, const Place&, std::vector<Node>& out) {
  const Value condition = known_.evaluate(node.condition);
  if (condition.shape == Value::Shape::kBool) {
    const BlockId taken = condition.number != 0 ? node.then_block : node.else_block;
    for (Node& child : block(taken)) out.push_back(std::move(child));
    return;
  }
  const std::string text = known_.show(node.condition);
  branch("if " + text, node.then_block, out);
  branch("if not " + text, node.else_block, out);
}

void Walker::show(const MatchExpr& node, const Place&, std::vector<Node>& out) {
  const Value subject = known_.evaluate(node.subject);
  for (const MatchExpr::Arm& arm : node.arms) {
    const auto* member = std::get_if<MemberPattern>(&ast()[arm.pattern].node);
    const bool is_simple = member != nullptr && !member->has_payload;
    if (subject.is_member && is_simple) {
      if (subject.text != member->member.text) continue;
      if (!arm.guard.valid()) {
        for (Node& child : block(arm.body)) out.push_back(std::move(child));
        return;
      }
    }
    branch(fmt::format("if {} is {}", known_.show(node.subject), source(ast()[arm.pattern].span)),
           arm.body, out);
  }
}

void Walker::loop(std::string text, ExprId items, check::SymbolId item, check::SymbolId index,
                  BlockId body, std::vector<Node>& out) {
  Node node = plain(Node::Kind::kLoop, std::move(text));
  const Value list = known_.evaluate(items);
  if (list.shape != Value::Shape::kList) {
    const std::string outer = items_;
    items_ += "[*]";
    node.children = maybe(body);
    items_ = outer;
    if (!node.children.empty()) out.push_back(std::move(node));
    return;
  }
  int64_t at = 0;
  for (const Value& value : list.items) {
    const std::string outer = items_;
    items_ += fmt::format("[{}]", value.shown());
    if (item != check::kNone) known_.set(item, value);
    if (index != check::kNone) known_.set(index, Value::of_int(at));
    ++at;
    for (Node& child : block(body)) node.children.push_back(std::move(child));
    items_ = outer;
    if (leaves_ == Leaves::kRound) leaves_ = Leaves::kNo;
    if (leaves_ != Leaves::kNo) break;
  }
  if (leaves_ == Leaves::kLoop) leaves_ = Leaves::kNo;
  if (item != check::kNone) known_.set(item, {});
  if (index != check::kNone) known_.set(index, {});
  if (!node.children.empty()) out.push_back(std::move(node));
}

void Walker::show(const ParallelForExpr& node, const Place& place, std::vector<Node>& out) {
  const auto& symbols = known_.module().expr_symbols.at(place.expr.index);
  const check::SymbolId item = symbols.empty() ? check::kNone : symbols[0];
  const check::SymbolId index = symbols.size() < 2 ? check::kNone : symbols[1];
  std::string text = fmt::format("parallel for {} in {}", node.item.text, known_.show(node.items));
  if (node.limit.valid()) text += fmt::format(", {} at a time", known_.show(node.limit));
  if (node.policy.kind == FailurePolicy::Kind::kContinue) text += ", going on after failures";
  if (node.policy.kind == FailurePolicy::Kind::kTolerate)
    text += fmt::format(", tolerating {}{} failures", known_.show(node.policy.tolerance),
                        node.policy.percent ? "%" : "");
  loop(std::move(text), node.items, item, index, node.body, out);
}

void Walker::show(const RepeatStmt& node, const Place&, std::vector<Node>& out) {
  std::string text = "repeat every " + known_.show(node.every);
  if (node.at_most.valid())
    text +=
        fmt::format(" at most {}{}", known_.show(node.at_most), node.at_most_times ? " times" : "");
  Node made = plain(Node::Kind::kLoop, std::move(text));
  made.children = maybe(node.body);
  out.push_back(std::move(made));
}

void Walker::show(const HoldStmt& node, const Place&, std::vector<Node>& out) {
  Node made = plain(Node::Kind::kLoop, fmt::format("hold {} every {}", known_.show(node.duration),
                                                   known_.show(node.every)));
  made.children = maybe(node.body);
  out.push_back(std::move(made));
}

void Walker::show(const ApprovalStmt& node, const Place&, std::vector<Node>& out) {
  Node made = plain(node.is_ask ? Node::Kind::kQuestion : Node::Kind::kApproval,
                    known_.show_text(node.question));
  made.path = path_ + node.name.text;
  if (!node.by.empty()) made.clauses.push_back("by " + people(node.by));
  if (!node.not_by.empty()) made.clauses.push_back("not by " + people(node.not_by));
  if (node.quorum.valid()) made.clauses.push_back("quorum " + known_.show(node.quorum));
  if (node.expires) {
    made.clauses.push_back("expires " + known_.show(node.expires->after));
    if (node.is_ask)
      made.clauses.back() +=
          node.expires->then == Expiry::Then::kDefault ? " then default" : " then fail";
    else if (node.expires->then == Expiry::Then::kEscalate)
      made.clauses.back() += " then escalate " + people(node.expires->to);
  }
  if (!node.break_glass.empty()) made.clauses.push_back("break_glass " + people(node.break_glass));
  for (const ExprId target : node.notify) made.clauses.push_back("notify " + known_.show(target));
  ++(node.is_ask ? plan_.questions : plan_.approvals);
  out.push_back(std::move(made));
}

void Walker::call(const CallExpr& node, ExprId id, StmtId owner, Node& into) {
  const check::Meaning* meaning = known_.module().meaning(id);
  into.text += known_.show(id);
  if (meaning == nullptr) return;
  if (meaning->kind == check::Meaning::Kind::kCallAction) {
    into.action = source(ast()[node.callee].span);
    into.behaviour = behaviour_name(known_.module().stmts.at(owner.index).behaviour);
    count(into.behaviour);
    return;
  }
  if (meaning->kind != check::Meaning::Kind::kCallRunbook || depth_ >= kDeepestCall) return;
  const check::Symbol& called = known_.program().symbol(meaning->symbol);
  const check::CheckedModule& home = *known_.program().modules.at(called.module);
  const auto* decl = std::get_if<RunbookDecl>(&home.ast[called.decl].node);
  if (decl == nullptr) return;
  Evaluator inner(known_.program(), home);
  const std::vector<check::SymbolId>& parameters = called.parameters;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const bool given = i < meaning->arguments.size() && meaning->arguments[i].valid();
    inner.set(parameters[i], given ? known_.evaluate(meaning->arguments[i])
                                   : inner.evaluate(decl->params[i].default_value));
  }
  into.children = Walker(plan_, inner, into.path + "/", depth_ + 1).runbook(*decl);
}

void Walker::show(const StepStmt& node, const Place& place, std::vector<Node>& out) {
  Node made;
  made.path = path_ + node.name.text + items_;
  made.title = known_.show_text(node.title);
  made.clauses = clauses(node.clauses);
  if (const auto* when = node.clauses.find<WhenClause>()) {
    const Value condition = known_.evaluate(when->condition);
    if (condition.shape == Value::Shape::kBool && condition.number == 0) return;
  }
  if (const auto* written =
          std::get_if<CallExpr>(node.value.valid() ? &ast()[node.value].node : nullptr)) {
    if (node.launch != StepStmt::Launch::kInline)
      made.text = node.launch == StepStmt::Launch::kStart ? "start " : "detach ";
    call(*written, node.value, place.stmt, made);
  }
  const std::string outer_path = path_;
  const std::string outer_items = items_;
  path_ = made.path + "/";
  items_.clear();
  if (node.block.valid()) made.children = block(node.block);
  if (const auto* rollback = node.clauses.find<RollbackClause>(); rollback && rollback->block) {
    const Plan before = plan_;  // what undoing takes is shown, and not counted as what the run does
    made.undo = maybe(rollback->block);
    plan_.reads = before.reads;
    plan_.idempotent = before.idempotent;
    plan_.writes = before.writes;
  }
  path_ = outer_path;
  items_ = outer_items;
  out.push_back(std::move(made));
}

void Walker::expression(ExprId id, const Clauses* written, StmtId owner, std::vector<Node>& out) {
  if (!id.valid()) return;
  const Place place{id, owner, written};
  std::visit([&](const auto& node) { show(node, place, out); }, ast()[id].node);
}

void Walker::show(const TryExpr& node, const Place&, std::vector<Node>& out) {
  branch("try", node.body, out);
  branch("if that fails", node.handler, out);
}

void Walker::show(const ParallelExpr& node, const Place&, std::vector<Node>& out) {
  Node made = plain(Node::Kind::kParallel, "parallel");
  made.children = maybe(node.body);
  out.push_back(std::move(made));
}

void Walker::show(const WaitExpr& node, const Place&, std::vector<Node>& out) {
  out.push_back(plain(Node::Kind::kWait, "wait " + known_.show(node.duration)));
}

void Walker::show(const WaitUntilExpr& node, const Place&, std::vector<Node>& out) {
  out.push_back(plain(Node::Kind::kWait, "wait until " + known_.show(node.time)));
}

void Walker::show(const WaitSignalExpr& node, const Place&, std::vector<Node>& out) {
  Node made = plain(Node::Kind::kWait, "wait for signal " + signal(node.signal, node.type));
  if (!node.by.empty()) made.clauses.push_back("by " + people(node.by));
  if (node.timeout.valid()) made.clauses.push_back("timeout " + known_.show(node.timeout));
  out.push_back(std::move(made));
}

void Walker::show(const WaitFirstExpr& node, const Place&, std::vector<Node>& out) {
  using Kind = WaitFirstExpr::Arm::Kind;
  Node made = plain(Node::Kind::kParallel, "wait first");
  for (const WaitFirstExpr::Arm& arm : node.arms) {
    Node one = plain(Node::Kind::kBranch, {});
    if (arm.kind == Kind::kWork) {
      one.text = "case";
      statement(arm.work, one.children);
    } else {
      one.text = arm.kind == Kind::kSignal  ? "case signal " + signal(arm.signal, arm.type)
                 : arm.kind == Kind::kUntil ? "case until " + known_.show(arm.value)
                                            : "case " + known_.show(arm.value);
    }
    for (Node& child : maybe(arm.body)) one.children.push_back(std::move(child));
    made.children.push_back(std::move(one));
  }
  out.push_back(std::move(made));
}

void Walker::show(const FailExpr& node, const Place&, std::vector<Node>& out) {
  out.push_back(plain(Node::Kind::kFail, known_.show(node.error)));
  leaves_ = Leaves::kRunbook;
}

void Walker::show(const CallExpr& node, const Place& place, std::vector<Node>& out) {
  Node made = plain(Node::Kind::kCall, {});
  call(node, place.expr, place.stmt, made);
  if (made.action.empty() && made.children.empty()) return;  // a log line, a pure function
  if (place.written != nullptr) made.clauses = clauses(*place.written);
  out.push_back(std::move(made));
}

void Walker::statement(StmtId id, std::vector<Node>& out) {
  std::visit([&](const auto& node) { show(node, Place{{}, id, nullptr}, out); }, ast()[id].node);
}

void Walker::show(const LetStmt& node, const Place& place, std::vector<Node>& out) {
  expression(node.value, nullptr, place.stmt, out);
  const check::SymbolId symbol = declared(place.stmt, 0);
  if (!node.is_var && symbol != check::kNone) known_.set(symbol, known_.evaluate(node.value));
}

void Walker::show(const AssignStmt& node, const Place& place, std::vector<Node>& out) {
  expression(node.value, nullptr, place.stmt, out);
}

void Walker::show(const ExprStmt& node, const Place& place, std::vector<Node>& out) {
  expression(node.value, &node.clauses, place.stmt, out);
}

void Walker::show(const ForStmt& node, const Place& place, std::vector<Node>& out) {
  loop(fmt::format("for {} in {}", node.item.text, known_.show(node.items)), node.items,
       declared(place.stmt, 0), declared(place.stmt, 1), node.body, out);
}

void Walker::show(const ReturnStmt& node, const Place& place, std::vector<Node>& out) {
  expression(node.value, nullptr, place.stmt, out);
  if (branches_ > 0)
    out.push_back(plain(Node::Kind::kReturn, node.value.valid() ? known_.show(node.value) : ""));
  leaves_ = Leaves::kRunbook;
}

void Walker::show(const BreakStmt&, const Place&, std::vector<Node>&) { leaves_ = Leaves::kLoop; }

void Walker::show(const ContinueStmt&, const Place&, std::vector<Node>&) {
  leaves_ = Leaves::kRound;
}

void Walker::show(const RequireStmt& node, const Place&, std::vector<Node>& out) {
  if (!known_.evaluate(node.condition).known())
    out.push_back(plain(Node::Kind::kRequire, known_.show(node.condition)));
}

void Walker::show(const CommitStmt& node, const Place&, std::vector<Node>& out) {
  out.push_back(plain(Node::Kind::kCommit, known_.show_text(node.why)));
}

void Walker::show(const DeferStmt& node, const Place&, std::vector<Node>& out) {
  handler("at the end in any case", node.body, out);
}

void Walker::show(const HandlerStmt& node, const Place&, std::vector<Node>& out) {
  static constexpr const char* kNames[] = {"before rollback", "after success", "after failure",
                                           "after cancel"};
  handler(kNames[static_cast<int>(node.kind)], node.body, out);
}

void Walker::show(const LockStmt& node, const Place&, std::vector<Node>& out) {
  Node made = plain(Node::Kind::kLock, known_.show(node.name));
  if (node.limit.valid()) made.clauses.push_back("limit " + known_.show(node.limit));
  if (node.timeout.valid()) made.clauses.push_back("timeout " + known_.show(node.timeout));
  if (node.expires.valid()) made.clauses.push_back("expires " + known_.show(node.expires));
  made.children = block(node.body);
  out.push_back(std::move(made));
}

std::vector<Node> Walker::runbook(const RunbookDecl& decl) {
  static constexpr const char* kModes[] = {"queue", "queue", "reject", "cancel_running"};
  std::vector<Node> nodes;
  if (decl.worker.valid()) nodes.push_back(plain(Node::Kind::kWorker, known_.show(decl.worker)));
  for (const Exclusive& one : decl.exclusive)
    nodes.push_back(plain(Node::Kind::kLock, fmt::format("exclusive {} {}", known_.show(one.name),
                                                         kModes[static_cast<int>(one.mode)])));
  if (decl.max.valid()) nodes.push_back(plain(Node::Kind::kLock, "max " + known_.show(decl.max)));
  for (Node& node : block(decl.body)) nodes.push_back(std::move(node));
  return nodes;
}

void Walker::handler(std::string text, BlockId body, std::vector<Node>& out) {
  Node made = plain(Node::Kind::kHandler, std::move(text));
  made.children = maybe(body);
  if (!made.children.empty()) out.push_back(std::move(made));
}

}  // namespace

Plan plan(const check::CheckedProgram& program, check::SymbolId runbook,
          const std::map<std::string, Value>& arguments) {
  const check::Symbol& symbol = program.symbol(runbook);
  const check::CheckedModule& module = *program.modules.at(symbol.module);
  Plan made;
  made.runbook = symbol.name;
  const auto* decl = std::get_if<RunbookDecl>(&module.ast[symbol.decl].node);
  if (decl == nullptr) return made;
  Evaluator known(program, module);
  const std::vector<check::SymbolId>& parameters = symbol.parameters;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto given = arguments.find(decl->params[i].name.text);
    known.set(parameters[i], given != arguments.end()
                                 ? given->second
                                 : known.evaluate(decl->params[i].default_value));
  }
  made.nodes = Walker(made, known, {}, 0).runbook(*decl);
  return made;
}

}  // namespace rbk::plan
