// Parallel blocks: each branch is a function of its own, a scope, and unwinds by itself.
#include "compiler/lower/body.h"

namespace rbk::lower {

using syntax::FailurePolicy;
using syntax::StepStmt;
using Shape = check::Type::Shape;

Body::Policy Body::policy_of(const FailurePolicy& written) {
  Policy policy;
  switch (written.kind) {
    case FailurePolicy::Kind::kFail:
      break;
    case FailurePolicy::Kind::kContinue:
      policy.number = 1;
      break;
    case FailurePolicy::Kind::kTolerate:
      policy.number = 2;
      policy.percent = written.percent ? 1 : 0;
      policy.tolerance = stable_value(written.tolerance);
      break;
  }
  return policy;
}

// ---- parallel for

void Body::parallel_for_into(ExprId id, const syntax::ParallelForExpr& node, Reg to) {
  TemporaryScope scope(code_);
  const check::TypeId items_type = info(node.items).type;
  const check::TypeId results = info(id).value_type;
  const bool gives_list = checked_type(results).shape == Shape::kList;
  const Policy policy = policy_of(node.policy);
  check::TypeId result = gives_list ? element_of(results) : check::kNone;
  if (policy.number != 0 && result != check::kNone) result = element_of(result);
  if (result != check::kNone && checked_type(result).shape == Shape::kNothing) {
    result = check::kNone;
  }

  const Captures captures = captures_of(node.body);
  const std::string name = code_.name() + "/parallel" + std::to_string(++unnamed_);
  const uint32_t function = program_.reserve_function(name);
  {
    Body branch(program_, *module_, name, Role::kBranch, function);
    branch.take_captures(*this, captures);
    branch.for_branch(id, node, result);
  }
  const Reg list = list_of(node.items);
  Reg limit = kNoReg;
  if (node.limit.valid()) {
    limit = stable_value(node.limit);
  } else {
    limit = load_number(Kind::kInt, 0);
  }
  const Reg made = closure(function, captures);
  const uint32_t item = item_function(element_of(items_type));
  const Reg item_closure = item == bytecode::kNone ? kNoReg : closure(item, {});
  const bytecode::TypeId null_type = program_.shape_type(bytecode::Type::Shape::kNull);
  bytecode::TypeId list_type = 0;
  if (gives_list) {
    list_type = type(results);
  } else {
    list_type =
        program_.list_type(policy.number == 0 ? null_type : program_.result_type(null_type));
  }
  const Reg given = to == kNoReg ? kNoReg : gives_list ? to : temporary(Kind::kRef);
  place(ast()[id].span);
  code_.emit(Op::kParallelFor, given, list, made);
  code_.extra(limit, program_.narrow(list_type, "types"), policy.number);
  code_.extra(policy.tolerance, policy.percent, item_closure);
  if (to != kNoReg && !gives_list) code_.emit(Op::kLoadNull, to);
}

/// The machine makes branches of a list's elements; a range becomes one first.
Reg Body::list_of(ExprId items) {
  const check::TypeId of = info(items).type;
  const Reg given = stable_value(items);
  if (checked_type(of).shape != Shape::kRange) return given;
  const Reg list = temporary(Kind::kRef);
  const bytecode::TypeId made = program_.list_type(type(element_of(of)));
  code_.emit_run(Op::kMakeList, list, program_.narrow(made, "types"), 0, 0);
  code_.extra(0);
  const Label leave = code_.label();
  loop_over(
      given, of, [&](Reg item, Reg, Label) { code_.emit(Op::kListAppend, list, list, item); },
      leave);
  code_.bind(leave);
  return list;
}

void Body::for_branch(ExprId id, const syntax::ParallelForExpr& node, check::TypeId result) {
  const auto& symbols = module_->expr_symbols.at(id.index);
  const check::TypeId items = info(node.items).type;
  const Reg item = code_.parameter(kind(element_of(items)), node.item.text);
  const Reg index = code_.parameter(Kind::kInt, node.index.text);
  if (!symbols.empty()) bind(symbols[0], item);
  if (symbols.size() > 1) bind(symbols[1], index);
  const Reg made = result == check::kNone ? kNoReg : code_.local(kind(result), {});
  scope(made, {}, [&] { block_into(node.body, made); });
  finish(result == check::kNone ? bytecode::kNone : type(result));
}

uint32_t Body::item_function(check::TypeId item) {
  switch (checked_type(item).shape) {
    case Shape::kString:
    case Shape::kUrl:
    case Shape::kInt:
    case Shape::kFloat:
    case Shape::kBool:
    case Shape::kDuration:
    case Shape::kSize:
    case Shape::kTime:
      break;
    case Shape::kEnum:
      for (const auto& member : program_.symbol(checked_type(item).symbol).members) {
        if (!member.payload.empty()) return bytecode::kNone;
      }
      break;
    default:
      return bytecode::kNone;  // the machine shows the item's place in the list
  }
  const std::string name = code_.name() + "/item" + std::to_string(++unnamed_);
  const uint32_t function = program_.reserve_function(name);
  Body body(program_, *module_, name, Role::kPure, function);
  const Reg given = body.code_.parameter(kind(item), "item");
  const Reg text = body.as_text(given, item);
  body.code_.leave(Op::kReturn, text);
  body.finish(program_.string_type());
  return function;
}

// ---- parallel { }

void Body::parallel_block_into(const syntax::ParallelExpr& node, Reg to) {
  TemporaryScope scope(code_);
  const Policy policy = policy_of(node.policy);
  const std::vector<StmtId>& branches = ast()[node.body].stmts;
  std::vector<Slot> closures;
  for (const StmtId stmt : branches) {
    const auto* step = std::get_if<StepStmt>(&ast()[stmt].node);
    const std::string name = code_.name() + "/parallel" + std::to_string(++unnamed_) +
                             (step == nullptr ? std::string() : "/" + step->name.text);
    const Captures captures = captures_of(stmt);
    const uint32_t function = program_.reserve_function(name);
    Body branch(program_, *module_, name, Role::kBranch, function);
    branch.take_captures(*this, captures);
    branch.step_branch(stmt);
    closures.push_back({Kind::kRef, [this, function, captures](Reg reg) {
                          code_.move(reg, closure(function, captures));
                        }});
  }
  const Reg limit = load_number(Kind::kInt, 0);
  const Reg first = fill_run(closures);
  // The branches' results are refs of any type.
  const bytecode::TypeId any = program_.json_type();
  const bytecode::TypeId list_type =
      program_.list_type(policy.number == 0 ? any : program_.result_type(any));
  const Reg list = temporary(Kind::kRef);
  code_.emit_run(Op::kParallelBlock, list, first, static_cast<uint16_t>(closures.size()),
                 closures.size());
  code_.extra(program_.narrow(list_type, "types"), limit, policy.number);
  code_.extra(policy.tolerance, policy.percent, kNoReg);
  for (size_t i = 0; i < branches.size(); ++i) {
    const auto* step = std::get_if<StepStmt>(&ast()[branches[i]].node);
    if (step == nullptr) continue;
    take_branch_result(spec_of(branches[i], *step), list, i, policy.number != 0);
  }
  if (to != kNoReg) code_.emit(Op::kLoadNull, to);
}

/// The step's name gets its value; with `as_result` a Result of it.
void Body::take_branch_result(const StepSpec& spec, Reg list, size_t index, bool as_result) {
  if (spec.symbol == check::kNone ||
      checked_type(program_.symbol(spec.symbol).type).shape == Shape::kNothing) {
    return;
  }
  TemporaryScope scope(code_);
  const Reg to = declare(spec.symbol);
  const Reg at = load_number(Kind::kInt, static_cast<int64_t>(index));
  const Reg held = temporary(Kind::kRef);
  code_.emit(Op::kListGet, held, list, at);
  const Kind plain_kind = value_kind(spec);
  if (!as_result) {
    unbox(to, held);
  } else if (plain_kind == Kind::kRef) {
    code_.move(to, held);
  } else {
    // The branch gave a box; a Result<int> holds the number itself.
    const Label failed = code_.label();
    const Label end = code_.label();
    const Reg is_ok = temporary(Kind::kBool);
    const Reg boxed = temporary(Kind::kRef);
    const Reg plain = temporary(plain_kind);
    const uint16_t result = program_.narrow(type(program_.symbol(spec.symbol).type), "types");
    code_.emit(Op::kResultIsOk, is_ok, held);
    code_.jump_on(Op::kJumpUnless, is_ok, failed);
    code_.emit(Op::kResultValue, boxed, held);
    code_.emit(Op::kUnbox, plain, boxed);
    code_.emit(Op::kMakeResult, to, result, plain);
    code_.jump(end);
    code_.bind(failed);
    code_.emit(Op::kResultError, boxed, held);
    code_.emit(Op::kMakeErrorResult, to, result, boxed);
    code_.bind(end);
  }
  note_defined(spec.symbol);
}

void Body::step_branch(StmtId stmt) {
  const auto* step = std::get_if<StepStmt>(&ast()[stmt].node);
  const Reg result = code_.local(Kind::kRef, {});
  scope(result, {}, [&] {
    TemporaryScope temporaries(code_);
    code_.emit(Op::kLoadNull, result);
    if (step == nullptr) return statement(stmt);
    const StepSpec spec = spec_of(stmt, *step);
    const Reg plain = temporary(value_kind(spec));
    const bool wanted = has_output(spec) || value_kind(spec) != Kind::kRef;
    step_into(spec, wanted || continues(spec) ? plain : kNoReg);
    if (wanted || continues(spec)) box(result, plain);
  });
  finish(program_.json_type());
}

}  // namespace rbk::lower
