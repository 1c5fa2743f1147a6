// `for`, and the methods that are compiled into loops. Ranges of ints count in a register; nothing
// is allocated for them.
#include "compiler/lower/body.h"
#include "compiler/lower/walk.h"

namespace rbk::lower {

using check::kNone;
using check::LoopMethod;
using Shape = check::Type::Shape;

/// Whether what has a path can begin in it, steps, approvals, questions and signals, which should
/// carry the loop's item.
bool Body::has_steps(BlockId id) const {
  bool found = false;
  Visitor visitor;
  visitor.stmt = [&](StmtId stmt) {
    const auto& node = ast()[stmt].node;
    found = found || std::holds_alternative<syntax::StepStmt>(node) ||
            std::holds_alternative<syntax::ApprovalStmt>(node);
    return !found;
  };
  visitor.expr = [&](ExprId expr) {
    const Meaning* meaning = module_->meaning(expr);
    found = found || (meaning != nullptr && (meaning->kind == Meaning::Kind::kCallAction ||
                                             meaning->kind == Meaning::Kind::kCallRunbook));
    found = found || std::holds_alternative<syntax::WaitSignalExpr>(ast()[expr].node) ||
            std::holds_alternative<syntax::WaitFirstExpr>(ast()[expr].node);
    return !found;
  };
  walk(ast(), id, visitor);
  return found;
}

/// What a step's path shows of the item: `patch[web-1]`. Of what has no short text its place.
Reg Body::item_text(Reg item, check::TypeId of, Reg index) {
  switch (checked_type(of).shape) {
    case Shape::kString:
    case Shape::kUrl:
    case Shape::kBool:
    case Shape::kInt:
    case Shape::kFloat:
    case Shape::kDuration:
    case Shape::kSize:
    case Shape::kTime:
      return as_text(item, of);
    case Shape::kEnum: {
      bool plain = true;
      for (const auto& member : program_.symbol(checked_type(of).symbol).members) {
        plain = plain && member.payload.empty();
      }
      if (plain) return as_text(item, of);
      break;
    }
    default:
      break;
  }
  const Reg text = temporary(Kind::kRef);
  code_.emit(Op::kToText, text, index, program_.narrow(program_.int_type(), "types"));
  return text;
}

void Body::loop_body(const syntax::ForStmt& node, SymbolId item, Reg item_reg, Reg index,
                     Label again, Label leave) {
  const bool path = item_reg != kNoReg && has_steps(node.body);
  exits_.push_back({Exit::Kind::kLoop, kNoReg, leave, again});
  if (path) {
    TemporaryScope scope(code_);
    const check::TypeId of = program_.symbol(item).type;
    code_.emit(Op::kItemPush, item_text(item_reg, of, index));
    exits_.push_back({Exit::Kind::kItem, kNoReg, {}, {}});
  }
  block(node.body);
  if (path) {
    code_.emit(Op::kItemPop);
    exits_.pop_back();
  }
  exits_.pop_back();
}

void Body::lower_for(StmtId id, const syntax::ForStmt& node) {
  const auto& symbols = module_->stmts.at(id.index).symbols;
  const SymbolId item = symbols.empty() ? kNone : symbols[0];
  const SymbolId index = symbols.size() > 1 ? symbols[1] : kNone;
  TemporaryScope scope(code_);
  const check::TypeId of = info(node.items).type;
  const Shape shape = checked_type(of).shape;
  const Label leave = code_.label();
  const size_t outer_pins = pinned_.size();
  pin_numbers(node.body);
  if (shape == Shape::kRange) {
    for_range(node, item, index, leave);
  } else if (shape == Shape::kMap) {
    for_map(node, item, index, leave);
  } else {
    const Reg list = stable_value(node.items);
    loop_over(
        list, of,
        [&](Reg element, Reg at, Label again) {
          bind(item, element);
          bind(index, at);
          loop_body(node, item, element, at, again, leave);
        },
        leave, item, index);
  }
  code_.bind(leave);
  pinned_.resize(outer_pins);
}

void Body::for_range(const syntax::ForStmt& node, SymbolId item, SymbolId index, Label leave) {
  const auto* range = std::get_if<syntax::RangeExpr>(&ast()[node.items].node);
  const bool half_open = range != nullptr && range->half_open;
  const Kind of = kind(element_of(info(node.items).type));
  const Reg counter = item == kNone ? temporary(of) : declare(item);
  Reg high = kNoReg;
  if (range != nullptr) {
    into(range->low, counter);
    if (half_open) {
      high = temporary(of);  // is made the last one below
      into(range->high, high);
    } else {
      high = stable_value(range->high);
    }
  } else {
    const Reg whole = value(node.items);
    high = temporary(of);
    code_.emit(Op::kRangeLow, counter, whole);
    code_.emit(Op::kRangeHigh, high, whole);
  }
  code_.jump_compare(half_open ? Op::kJumpGeInt : Op::kJumpGtInt, counter, high, leave);
  if (half_open) code_.emit(Op::kAddImm, high, high, static_cast<uint16_t>(int16_t{-1}));
  Reg place_in = kNoReg;
  if (index != kNone) {
    place_in = declare(index);
    code_.load_int(place_in, 0);
  }
  const Label body = code_.label();
  const Label again = code_.label();
  code_.bind(body);
  loop_body(node, item, counter, counter, again, leave);
  code_.bind(again);
  if (index != kNone) code_.emit(Op::kAddImm, place_in, place_in, 1);
  code_.jump_compare(Op::kForLoop, counter, high, body);
}

void Body::for_map(const syntax::ForStmt& node, SymbolId item, SymbolId index, Label leave) {
  const Reg map = stable_value(node.items);
  const check::Type& of = checked_type(info(node.items).type);
  const Reg last = temporary(Kind::kInt);
  const Reg at = temporary(Kind::kInt);
  code_.emit(Op::kMapLength, last, map);
  code_.load_int(at, 0);
  code_.jump_compare(Op::kJumpGeInt, at, last, leave);
  code_.emit(Op::kAddImm, last, last, static_cast<uint16_t>(int16_t{-1}));
  const Label body = code_.label();
  const Label again = code_.label();
  code_.bind(body);
  {
    TemporaryScope scope(code_);
    const Reg key = index == kNone ? temporary(kind(of.key)) : declare(index);
    code_.emit(Op::kMapKeyAt, key, map, at);
    if (item != kNone) code_.emit(Op::kMapValueAt, declare(item), map, at);
    const bool path = has_steps(node.body);
    exits_.push_back({Exit::Kind::kLoop, kNoReg, leave, again});
    if (path) {
      code_.emit(Op::kItemPush, item_text(key, of.key, at));
      exits_.push_back({Exit::Kind::kItem, kNoReg, {}, {}});
    }
    block(node.body);
    if (path) {
      code_.emit(Op::kItemPop);
      exits_.pop_back();
    }
    exits_.pop_back();
  }
  code_.bind(again);
  code_.jump_compare(Op::kForLoop, at, last, body);
}

/// Calls `body` once, to lower what is done with each element; `leave` must be bound after it.
void Body::loop_over(Reg list, check::TypeId of, const EachElement& body, Label leave,
                     SymbolId item, SymbolId index) {
  const bool is_range = checked_type(of).shape == Shape::kRange;
  const Kind element = kind(element_of(of));
  const Reg last = temporary(is_range ? element : Kind::kInt);
  const Reg at =
      !is_range && index != kNone ? declare(index) : temporary(is_range ? element : Kind::kInt);
  if (is_range) {
    code_.emit(Op::kRangeLow, at, list);
    code_.emit(Op::kRangeHigh, last, list);
    code_.jump_compare(Op::kJumpGtInt, at, last, leave);
  } else {
    code_.emit(Op::kListLength, last, list);
    code_.load_int(at, 0);
    code_.jump_compare(Op::kJumpGeInt, at, last, leave);
    code_.emit(Op::kAddImm, last, last, static_cast<uint16_t>(int16_t{-1}));
  }
  const Label next = code_.label();
  const Label again = code_.label();
  code_.bind(next);
  {
    TemporaryScope scope(code_);
    Reg current = at;
    if (!is_range) {
      current = item == kNone ? temporary(element) : declare(item);
      code_.emit(Op::kListGet, current, list, at);
    }
    body(current, at, again);
  }
  code_.bind(again);
  code_.jump_compare(Op::kForLoop, at, last, next);
}

// ---- map, filter and their like

Body::Each Body::each_of(ExprId id) {
  Each each;
  each.expr = id;
  each.lambda = std::get_if<syntax::LambdaExpr>(&ast()[id].node);
  each.result = element_of(info(id).value_type);
  if (each.lambda == nullptr) each.closure = stable_value(id);
  return each;
}

void Body::bind_each(const Each& each, Reg item, Reg index) {
  const std::vector<SymbolId>& symbols = module_->expr_symbols.at(each.expr.index);
  if (!symbols.empty()) bind(symbols[0], item);
  if (symbols.size() > 1) bind(symbols[1], index);
  check_own(each.lambda->params, {});
}

void Body::call_each(const Each& each, Reg item, Reg index, Reg to) {
  if (each.lambda == nullptr) {
    const size_t count = checked_type(info(each.expr).value_type).parameters.size();
    std::vector<Slot> slots{Slot{code_.kind(item), {}, item}};
    if (count > 1) slots.push_back(Slot{code_.kind(index), {}, index});
    const Reg first = fill_run(slots);
    code_.emit_run(Op::kCallClosure, to, each.closure, first, slots.size());
    return;
  }
  bind_each(each, item, index);
  if (each.lambda->value.valid()) return into(each.lambda->value, to);
  const Label end = code_.label();
  exits_.push_back({Exit::Kind::kInline, to, end, {}});
  block(each.lambda->block);
  exits_.pop_back();
  code_.bind(end);
}

void Body::branch_each(const Each& each, Reg item, Reg index, bool when, Label to) {
  if (each.lambda != nullptr && each.lambda->value.valid()) {
    bind_each(each, item, index);
    return branch(each.lambda->value, when, to);
  }
  const Reg answer = temporary(Kind::kBool);
  call_each(each, item, index, answer);
  code_.jump_on(when ? Op::kJumpIf : Op::kJumpUnless, answer, to);
}

void Body::call_loop_into(ExprId id, const syntax::CallExpr& node, const Meaning& meaning, Reg to) {
  const auto* callee = std::get_if<syntax::MemberExpr>(&ast()[node.callee].node);
  if (callee == nullptr || meaning.arguments.empty()) {
    return fault(ast()[id].span, "a loop without a receiver");
  }
  const check::TypeId of = info(id).value_type;
  const Kind result = meaning.loop == LoopMethod::kAny || meaning.loop == LoopMethod::kAll
                          ? Kind::kBool
                      : meaning.loop == LoopMethod::kCount ? Kind::kInt
                                                           : Kind::kRef;
  if (to == kNoReg) to = temporary(kind(of));
  with_receiver(callee->base, callee->optional, result, to,
                [&](Reg base, check::TypeId base_type, Reg where) {
                  // The lambda may use the names that the list is in and that the result goes to.
                  const Reg list = temporary(Kind::kRef);
                  code_.move(list, base);
                  const Reg made = temporary(code_.kind(where));
                  loop_method(meaning.loop, list, base_type, of, each_of(meaning.arguments[0]),
                              made);
                  code_.move(where, made);
                });
}

void Body::loop_method(LoopMethod method, Reg list, check::TypeId of, check::TypeId result,
                       const Each& each, Reg to) {
  const Label leave = code_.label();
  const Label end = code_.label();
  const check::TypeId plain =
      is_optional(result) && method != LoopMethod::kFind ? element_of(result) : result;
  const auto empty_list = [&](Reg reg) {
    code_.emit_run(Op::kMakeList, reg, program_.narrow(type(plain), "types"), 0, 0);
    code_.extra(0);
  };
  switch (method) {
    case LoopMethod::kMap:
      empty_list(to);
      loop_over(
          list, of,
          [&](Reg item, Reg at, Label) {
            const Reg made = temporary(kind(element_of(plain)));
            call_each(each, item, at, made);
            code_.emit(Op::kListAppend, to, to, made);
          },
          leave);
      break;
    case LoopMethod::kFilter:
      empty_list(to);
      loop_over(
          list, of,
          [&](Reg item, Reg at, Label again) {
            branch_each(each, item, at, false, again);
            code_.emit(Op::kListAppend, to, to, item);
          },
          leave);
      break;
    case LoopMethod::kFlatMap:
      empty_list(to);
      loop_over(
          list, of,
          [&](Reg item, Reg at, Label again) {
            const Reg inner = temporary(Kind::kRef);
            call_each(each, item, at, inner);
            loop_over(
                inner, each.result,
                [&](Reg part, Reg, Label) { code_.emit(Op::kListAppend, to, to, part); }, again);
          },
          leave);
      break;
    case LoopMethod::kAny:
    case LoopMethod::kAll: {
      const bool stops_at = method == LoopMethod::kAny;
      const Label found = code_.label();
      loop_over(
          list, of, [&](Reg item, Reg at, Label) { branch_each(each, item, at, stops_at, found); },
          leave);
      code_.bind(leave);
      code_.load_int(to, stops_at ? 0 : 1);
      code_.jump(end);
      code_.bind(found);
      code_.load_int(to, stops_at ? 1 : 0);
      code_.bind(end);
      return;
    }
    case LoopMethod::kFind:
      code_.emit(Op::kLoadNull, to);
      loop_over(
          list, of,
          [&](Reg item, Reg at, Label again) {
            branch_each(each, item, at, false, again);
            box(to, item);
            code_.jump(leave);
          },
          leave);
      break;
    case LoopMethod::kCount:
      code_.load_int(to, 0);
      loop_over(
          list, of,
          [&](Reg item, Reg at, Label again) {
            branch_each(each, item, at, false, again);
            code_.emit(Op::kAddImm, to, to, 1);
          },
          leave);
      break;
    case LoopMethod::kEach:
      loop_over(
          list, of, [&](Reg item, Reg at, Label) { call_each(each, item, at, kNoReg); }, leave);
      code_.bind(leave);
      code_.emit(Op::kLoadNull, to);
      return;
    case LoopMethod::kSortBy: {
      const Reg keys = temporary(Kind::kRef);
      const bytecode::TypeId of_keys = program_.list_type(type(each.result));
      code_.emit_run(Op::kMakeList, keys, program_.narrow(of_keys, "types"), 0, 0);
      code_.extra(0);
      // A range's numbers are a list only after this.
      const bool is_range = checked_type(of).shape == Shape::kRange;
      const Reg items = is_range ? temporary(Kind::kRef) : list;
      if (is_range) empty_list(items);
      loop_over(
          list, of,
          [&](Reg item, Reg at, Label) {
            const Reg key = temporary(kind(each.result));
            call_each(each, item, at, key);
            code_.emit(Op::kListAppend, keys, keys, key);
            if (is_range) code_.emit(Op::kListAppend, items, items, item);
          },
          leave);
      code_.bind(leave);
      native_into("sort.by_keys", {Slot{Kind::kRef, {}, items}, Slot{Kind::kRef, {}, keys}}, to);
      return;
    }
  }
  code_.bind(leave);
}

}  // namespace rbk::lower
