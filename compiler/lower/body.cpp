// What all of lowering a body needs: registers for names, places, leaving early, closures.
#include "compiler/lower/body.h"

#include <limits>

#include "compiler/lower/walk.h"

namespace rbk::lower {

using check::kNone;
using Shape = check::Type::Shape;

Body::Body(ProgramLowering& program, const CheckedModule& module, std::string name, Role role,
           uint32_t index)
    : program_(program), module_(&module), code_(std::move(name)), role_(role), index_(index) {}

void Body::place(Span span) {
  if (module_->source == nullptr) return;
  const source::LineColumn at = module_->source->position(span.begin);
  code_.place(module_->source->id(), at.line, at.column);
}

Reg Body::load_text(std::string text) {
  const Reg to = temporary(Kind::kRef);
  code_.load_constant(to, program_.string_constant(std::move(text)));
  return to;
}

Reg Body::load_number(Kind kind, int64_t value) {
  const Reg to = temporary(kind);
  load_number_into(to, value);
  return to;
}

void Body::load_number_into(Reg to, int64_t value) {
  if (value >= std::numeric_limits<int32_t>::min() &&
      value <= std::numeric_limits<int32_t>::max()) {
    code_.load_int(to, value);
    return;
  }
  using To = bytecode::Type::Shape;
  bytecode::Constant constant;
  const Kind kind = code_.kind(to);
  constant.type = program_.shape_type(kind == Kind::kDuration ? To::kDuration
                                      : kind == Kind::kSize   ? To::kSize
                                      : kind == Kind::kTime   ? To::kTime
                                                              : To::kInt);
  constant.bits = value;
  code_.load_constant(to, program_.constant(std::move(constant)));
}

Reg Body::declare(SymbolId id) {
  const check::Symbol& symbol = program_.symbol(id);
  const auto known = locals_.find(id);
  if (known != locals_.end()) return known->second;  // made before, for the handlers at the end
  const Reg reg = code_.local(kind(symbol.type), symbol.name);
  locals_[id] = reg;
  return reg;
}

void Body::bind(SymbolId id, Reg reg) {
  if (id != kNone) locals_[id] = reg;
}

Reg Body::local(SymbolId id) const {
  if (in_handler_) {
    const auto shadow = shadows_.find(id);
    if (shadow != shadows_.end()) return shadow->second;
  }
  const auto found = locals_.find(id);
  return found == locals_.end() ? kNoReg : found->second;
}

void Body::note_defined(SymbolId id) {
  const auto shadow = shadows_.find(id);
  const auto known = locals_.find(id);
  if (shadow == shadows_.end() || known == locals_.end() || in_handler_) return;
  if (shadow->second != known->second) box(shadow->second, known->second);
}

void Body::take_parameters(const std::vector<SymbolId>& names, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const SymbolId parameter = names.at(i);
    locals_[parameter] =
        code_.parameter(kind(program_.symbol(parameter).type), program_.symbol(parameter).name);
  }
}

void Body::finish(bytecode::TypeId result) {
  if (result == bytecode::kNone) {
    code_.leave(Op::kReturnNothing);
  } else if (code_.reachable()) {
    // The checker has shown that this is not reached; the code must not run past its end.
    Reg message = load_text("`" + code_.name() + "` ended without a result");
    raise("Failed", message);
  }
  code_.set_result(result);
  program_.define_function(index_, code_);
}

// ---- Leaving early

void Body::leave_to(size_t depth) {
  for (size_t i = exits_.size(); i > depth; --i) {
    const Exit& exit = exits_[i - 1];
    if (exit.kind == Exit::Kind::kItem) code_.emit(Op::kItemPop);
    if (exit.kind == Exit::Kind::kTimer) code_.emit(Op::kTimerStop, exit.reg);
    if (exit.kind == Exit::Kind::kScope) code_.emit(Op::kUnwind, exit.reg, 1);
  }
}

void Body::lower_break(bool again, Span span) {
  for (size_t i = exits_.size(); i > 0; --i) {
    const Exit exit = exits_[i - 1];
    if (exit.kind != Exit::Kind::kLoop) continue;
    leave_to(i);
    code_.jump(again ? exit.again : exit.leave);
    return;
  }
  fault(span, "`break` or `continue` outside a loop");
}

void Body::lower_return(const syntax::ReturnStmt& node, Span span) {
  for (size_t i = exits_.size(); i > 0; --i) {
    const Exit exit = exits_[i - 1];
    if (exit.kind != Exit::Kind::kInline && exit.kind != Exit::Kind::kFunction) continue;
    if (node.value.valid()) {
      // Without anything to do on the way, a register that holds it already may be returned.
      if (exit.kind == Exit::Kind::kFunction && !exit.leave.valid()) {
        const Reg result = value(node.value);
        leave_to(i);
        code_.leave(Op::kReturn, result);
        return;
      }
      into(node.value, exit.reg);
    } else if (exit.reg != kNoReg && code_.kind(exit.reg) == Kind::kRef) {
      code_.emit(Op::kLoadNull, exit.reg);
    }
    leave_to(i);
    if (exit.leave.valid()) {
      code_.jump(exit.leave);
    } else {
      code_.leave(Op::kReturnNothing);
    }
    return;
  }
  fault(span, "`return` outside a function");
}

// ---- Closures

template <typename Piece>
Body::Captures Body::captures_in(Piece piece) const {
  Captures found;
  const auto add = [&](SymbolId symbol) {
    const Reg reg = symbol == kNone ? kNoReg : local(symbol);
    if (reg == kNoReg) return;
    for (const Capture& capture : found) {
      if (capture.symbol == symbol) return;
    }
    found.push_back({symbol, reg});
  };
  Visitor visitor;
  visitor.expr = [&](ExprId id) {
    const Meaning* meaning = module_->meaning(id);
    if (meaning != nullptr) add(meaning->symbol);
    return true;
  };
  walk(ast(), piece, visitor);
  return found;
}

Body::Captures Body::captures_of(BlockId block) const { return captures_in(block); }
Body::Captures Body::captures_of(ExprId expr) const { return captures_in(expr); }
Body::Captures Body::captures_of(StmtId stmt) const { return captures_in(stmt); }

void Body::take_captures(const Body& outer, const Captures& captures) {
  for (const Capture& capture : captures) {
    locals_[capture.symbol] =
        code_.parameter(outer.code_.kind(capture.reg), program_.symbol(capture.symbol).name);
  }
}

Reg Body::closure(uint32_t function, const Captures& captures) {
  std::vector<Slot> slots;
  for (const Capture& capture : captures) {
    slots.push_back({code_.kind(capture.reg),
                     [this, reg = capture.reg](Reg to) { code_.move(to, reg); }, capture.reg});
  }
  const Reg first = fill_run(slots);
  const Reg made = temporary(Kind::kRef);
  code_.emit_run(Op::kMakeClosure, made, program_.narrow(function, "functions"), first,
                 captures.size());
  code_.extra(static_cast<uint16_t>(captures.size()));
  return made;
}

}  // namespace rbk::lower
