// Scopes, and whole functions: what a failure undoes, and which handlers run when.
#include <utility>

#include "compiler/lower/body.h"
#include "compiler/lower/walk.h"

namespace rbk::lower {

using bytecode::Handler;
using check::kNone;
using syntax::HandlerStmt;
using Shape = check::Type::Shape;

// ---- Functions

void Body::function(SymbolId id) {
  const check::Symbol& symbol = program_.symbol(id);
  const auto& decl = std::get<syntax::FnDecl>(ast()[symbol.decl].node);
  take_parameters(symbol.parameters, symbol.parameters.size());
  const bool has_result =
      symbol.result != kNone && checked_type(symbol.result).shape != Shape::kNothing;
  check_own(decl.params, " of `" + program_.full_name(id) + "`");
  exits_.push_back({Exit::Kind::kFunction, kNoReg, {}, {}});
  block(decl.body);
  exits_.pop_back();
  finish(has_result ? type(symbol.result) : bytecode::kNone);
}

void Body::constant(SymbolId id) {
  const check::Symbol& symbol = program_.symbol(id);
  const auto& decl = std::get<syntax::ConstDecl>(ast()[symbol.decl].node);
  TemporaryScope scope(code_);
  place(ast()[decl.value].span);
  const Reg made = value(decl.value);
  code_.leave(Op::kReturn, made);
  finish(type(symbol.type));
}

void Body::runbook(SymbolId id, bool caller_undoes) {
  leaves_undoing_ = caller_undoes;
  const check::Symbol& symbol = program_.symbol(id);
  const auto& decl = std::get<syntax::RunbookDecl>(ast()[symbol.decl].node);
  take_parameters(symbol.parameters, symbol.parameters.size());
  const bool has_result =
      symbol.result != kNone && checked_type(symbol.result).shape != Shape::kNothing;
  const Handlers handlers = handlers_of(decl.body);
  make_shadows(decl.body, handlers);
  const Reg result = has_result ? code_.local(kind(symbol.result), {}) : kNoReg;
  const Reg locks = take_head_locks(
      decl,
      (module_->source == nullptr ? std::string() : module_->source->path() + ":") + symbol.name);
  scope(
      result, handlers, [&] { block(decl.body); }, locks);
  finish(has_result ? type(symbol.result) : bytecode::kNone);
}

/// The whole of a function that is a scope: the body, what follows success, what follows failure.
void Body::scope(Reg result, const Handlers& handlers, const std::function<void()>& body,
                 Reg locks) {
  TemporaryScope temporaries(code_);
  const Reg mark = temporary(Kind::kInt);
  const Reg error = temporary(Kind::kRef);
  const Label leave = code_.label();
  const Label failed = code_.label();
  const Label left = code_.label();
  const bool caller_undoes = leaves_undoing_;
  code_.emit(Op::kMark, mark);
  const uint32_t begin = code_.here();
  exits_.push_back({Exit::Kind::kFunction, result, leave, {}});
  body();
  exits_.pop_back();
  code_.bind(leave);
  code_.emit(Op::kCancelPoint);  // from here on it is a success
  if (caller_undoes) code_.handler(begin, code_.here(), Handler::Reach::kCatch, left, error, mark);
  code_.handler(begin, code_.here(), Handler::Reach::kCleanup, failed, error, mark);
  code_.emit(Op::kUnwind, mark, 1);
  if (!handlers.after_success.empty()) {
    code_.emit(Op::kShieldBegin);
    for (const StmtId handler : handlers.after_success) run_handler(handler, kNoReg);
    code_.emit(Op::kShieldEnd);
  }
  if (locks != kNoReg) code_.emit(Op::kUnwind, locks, 1);
  if (result == kNoReg) {
    code_.leave(Op::kReturnNothing);
  } else {
    code_.leave(Op::kReturn, result);
  }
  code_.bind(failed);
  if (role_ == Role::kBranch) code_.emit(Op::kBranchFails, error);
  fail_scope(handlers, error, mark);
  const auto end = [&] {
    after_failure(handlers, error);
    if (locks != kNoReg) code_.emit(Op::kUnwind, locks, 1);
    code_.leave(Op::kRaise, error);
  };
  end();
  if (!caller_undoes) return;
  code_.bind(left);
  fail_scope(handlers, error, mark, true);
  end();
}

/// Evidence first, then everything is undone, or only what was deferred is done.
void Body::fail_scope(const Handlers& handlers, Reg error, Reg mark, bool only_defers) {
  if (!handlers.before_rollback.empty()) {
    code_.emit(Op::kShieldBegin);
    for (const StmtId handler : handlers.before_rollback) run_handler(handler, error);
  }
  code_.emit(Op::kUnwind, mark, static_cast<uint16_t>(only_defers));
  if (!handlers.before_rollback.empty()) code_.emit(Op::kShieldEnd);
}

void Body::after_failure(const Handlers& handlers, Reg error) {
  if (handlers.after_failure.empty() && handlers.after_cancel.empty()) return;
  TemporaryScope temporaries(code_);
  code_.emit(Op::kShieldBegin);
  const Reg cancelled = temporary(Kind::kBool);
  const Label is_failure = code_.label();
  const Label end = code_.label();
  code_.emit(Op::kIsCancel, cancelled, error);
  code_.jump_on(Op::kJumpUnless, cancelled, is_failure);
  for (const StmtId handler : handlers.after_cancel) run_handler(handler, error);
  code_.jump(end);
  code_.bind(is_failure);
  for (const StmtId handler : handlers.after_failure) run_handler(handler, error);
  code_.bind(end);
  code_.emit(Op::kShieldEnd);
}

// ---- Handlers

Body::Handlers Body::handlers_of(BlockId block) const {
  Handlers found;
  for (const StmtId id : ast()[block].stmts) {
    const auto* node = std::get_if<HandlerStmt>(&ast()[id].node);
    if (node == nullptr) continue;
    switch (node->kind) {
      case HandlerStmt::Kind::kBeforeRollback:
        found.before_rollback.push_back(id);
        break;
      case HandlerStmt::Kind::kAfterSuccess:
        found.after_success.push_back(id);
        break;
      case HandlerStmt::Kind::kAfterFailure:
        found.after_failure.push_back(id);
        break;
      case HandlerStmt::Kind::kAfterCancel:
        found.after_cancel.push_back(id);
        break;
    }
  }
  return found;
}

void Body::handler_body(StmtId id, Reg error) {
  const auto& node = std::get<HandlerStmt>(ast()[id].node);
  const auto& symbols = module_->stmts.at(id.index).symbols;
  TemporaryScope temporaries(code_);
  place(ast()[id].span);
  if (error != kNoReg && !symbols.empty() && symbols[0] != kNone) {
    code_.move(declare(symbols[0]), error);
  }
  const bool outer = in_handler_;
  in_handler_ = true;
  const bool leaves = std::exchange(leaves_undoing_, false);
  block(node.body);
  leaves_undoing_ = leaves;
  in_handler_ = outer;
}

/// A handler that fails does not hide the error that it was called for: its own is logged.
void Body::run_handler(StmtId id, Reg error) {
  static constexpr std::string_view kNames[] = {"before rollback", "after success", "after failure",
                                                "after cancel"};
  const auto& node = std::get<HandlerStmt>(ast()[id].node);
  TemporaryScope temporaries(code_);
  const Reg mark = temporary(Kind::kInt);
  const Reg own_error = temporary(Kind::kRef);
  const Label failed = code_.label();
  const Label end = code_.label();
  code_.emit(Op::kMark, mark);
  const uint32_t begin = code_.here();
  handler_body(id, error);
  const uint32_t finish = code_.here();
  code_.jump(end);
  code_.handler(begin, finish, Handler::Reach::kCatch, failed, own_error, mark);
  code_.bind(failed);
  if (has_lock(node.body)) code_.emit(Op::kUnwind, mark, 1);
  const std::string what(kNames[static_cast<size_t>(node.kind)]);
  const uint32_t head = program_.string_constant("`" + what + "` failed: ");
  const Reg parts =
      fill_run({Slot{Kind::kRef, [&](Reg to) { code_.load_constant(to, head); }},
                Slot{Kind::kRef, [&](Reg to) { code_.emit(Op::kErrorMessage, to, own_error); }}});
  const Reg text = temporary(Kind::kRef);
  code_.emit_run(Op::kConcat, text, parts, 2, 2);
  const uint32_t name = program_.string_constant("log.error");
  code_.emit(Op::kEmit, program_.narrow(name, "constants"), text, kNoReg);
  code_.bind(end);
}

/// Names of the body that a handler uses may have no value yet: they get a register that is null
/// until then.
void Body::make_shadows(BlockId body, const Handlers& handlers) {
  std::vector<SymbolId> names;
  const auto add = [&](StmtId id) {
    const auto& symbols = module_->stmts.at(id.index).symbols;
    if (!symbols.empty() && symbols[0] != kNone) names.push_back(symbols[0]);
  };
  for (const StmtId id : ast()[body].stmts) {
    const auto& node = ast()[id].node;
    if (std::holds_alternative<syntax::LetStmt>(node) ||
        std::holds_alternative<syntax::StepStmt>(node) ||
        std::holds_alternative<syntax::ApprovalStmt>(node)) {
      add(id);
    } else if (const auto* expr = std::get_if<syntax::ExprStmt>(&node)) {
      const auto* parallel = std::get_if<syntax::ParallelExpr>(&ast()[expr->value].node);
      if (parallel == nullptr) continue;
      for (const StmtId inner : ast()[parallel->body].stmts) add(inner);
    }
  }
  const auto used = [&](SymbolId symbol) {
    for (const auto* list : {&handlers.before_rollback, &handlers.after_success,
                             &handlers.after_failure, &handlers.after_cancel}) {
      for (const StmtId id : *list) {
        if (uses(std::get<HandlerStmt>(ast()[id].node).body, symbol)) return true;
      }
    }
    return false;
  };
  for (const SymbolId symbol : names) {
    if (!used(symbol)) continue;
    const Reg reg = declare(symbol);
    const Reg shadow =
        code_.kind(reg) == Kind::kRef ? reg : code_.local(Kind::kRef, program_.symbol(symbol).name);
    code_.emit(Op::kLoadNull, shadow);
    shadows_[symbol] = shadow;
  }
}

// ---- try

bool Body::needs_scope(BlockId block) const {
  bool found = has_steps(block);
  Visitor visitor;
  visitor.stmt = [&](StmtId id) {
    found = found || std::holds_alternative<syntax::DeferStmt>(ast()[id].node) ||
            std::holds_alternative<syntax::LockStmt>(ast()[id].node);
    return !found;
  };
  walk(ast(), block, visitor);
  return found;
}

void Body::try_into(ExprId id, const syntax::TryExpr& node, Reg to) {
  TemporaryScope temporaries(code_);
  const bool undoes = needs_scope(node.body);
  const Handlers handlers = handlers_of(node.body);
  const Reg mark = temporary(Kind::kInt);
  const Reg error = temporary(Kind::kRef);
  const Label caught = code_.label();
  const Label cut_off = code_.label();
  const Label end = code_.label();
  code_.emit(Op::kMark, mark);
  const uint32_t begin = code_.here();
  if (undoes) exits_.push_back({Exit::Kind::kScope, mark, {}, {}});
  const bool outer = std::exchange(leaves_undoing_, false);
  block_into(node.body, to);
  leaves_undoing_ = outer;
  if (undoes) exits_.pop_back();
  const uint32_t finish = code_.here();
  if (undoes) code_.emit(Op::kUnwind, mark, 1);
  code_.jump(end);
  code_.handler(begin, finish, Handler::Reach::kCatch, caught, error, mark);
  if (undoes) {
    code_.handler(begin, finish, Handler::Reach::kCleanup, cut_off, error, mark);
    code_.bind(cut_off);
    fail_scope(handlers, error, mark);
    code_.leave(Op::kRaise, error);
  }
  code_.bind(caught);
  if (undoes) fail_scope(handlers, error, mark);
  if (not_yet_ != kNoReg) code_.load_int(not_yet_, 0);
  const auto& symbols = module_->expr_symbols.at(id.index);
  if (!symbols.empty() && symbols[0] != kNone) code_.move(declare(symbols[0]), error);
  if (node.handler.valid()) block_into(node.handler, to);
  code_.bind(end);
}

}  // namespace rbk::lower
