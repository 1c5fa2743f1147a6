// `match`: arms are tried in order. The checker has shown that one fits, so that the last arm
// without a guard is not tested.
#include "compiler/check/type_table.h"
#include "compiler/lower/body.h"

namespace rbk::lower {

using check::kNone;
using Shape = check::Type::Shape;

void Body::match_into(const syntax::MatchExpr& node, Reg to) {
  Subject subject;
  subject.reg = stable_value(node.subject);
  subject.type = info(node.subject).type;
  const Label end = code_.label();
  for (size_t i = 0; i < node.arms.size(); ++i) {
    const syntax::MatchExpr::Arm& arm = node.arms[i];
    const bool certain = i + 1 == node.arms.size() && !arm.guard.valid();
    const Label next = code_.label();
    place(arm.span);
    {
      TemporaryScope scope(code_);
      Subject tested = subject;
      pattern(arm.pattern, tested, next, certain);
      // What the first test found out serves the next ones, if it is found out on every path.
      if (i == 0) subject.member = tested.member;
      if (arm.guard.valid()) branch(arm.guard, false, next);
    }
    block_into(arm.body, to);
    code_.jump(end);
    code_.bind(next);
  }
  code_.bind(end);
}

void Body::pattern(PatternId id, Subject& subject, Label otherwise, bool certain) {
  const syntax::Pattern& of = ast()[id];
  const check::PatternInfo& meaning = module_->patterns.at(id.index);
  if (std::holds_alternative<syntax::WildcardPattern>(of.node)) return;
  if (std::holds_alternative<syntax::NullPattern>(of.node)) {
    if (certain || code_.kind(subject.reg) != Kind::kRef) return;
    const Reg is_null = temporary(Kind::kBool);
    code_.emit(Op::kIsNull, is_null, subject.reg);
    code_.jump_on(Op::kJumpUnless, is_null, otherwise);
    return;
  }
  if (std::holds_alternative<syntax::BindPattern>(of.node)) {
    // A name for a value that is not null any more.
    if (meaning.symbol != kNone) bind_pattern(meaning.symbol, subject);
    return;
  }
  if (const auto* node = std::get_if<syntax::OrPattern>(&of.node)) {
    return or_pattern(*node, subject, otherwise, certain);
  }
  // Every other pattern is of a value: take it out of its box first.
  if (is_optional(subject.type)) {
    if (!certain) code_.jump_on(Op::kJumpIfNull, subject.reg, otherwise);
    Subject inner;
    inner.type = element_of(subject.type);
    inner.reg = subject.reg;
    if (kind(inner.type) != Kind::kRef) {
      inner.reg = temporary(kind(inner.type));
      code_.emit(Op::kUnbox, inner.reg, subject.reg);
    }
    return pattern(id, inner, otherwise, certain);
  }
  if (const auto* node = std::get_if<syntax::LiteralPattern>(&of.node)) {
    if (!certain) jump_unless_equal(subject, node->value, otherwise);
  } else if (const auto* range = std::get_if<syntax::RangePattern>(&of.node)) {
    if (certain) return;
    jump_compare(Op::kJumpLtInt, subject.reg, range->low, otherwise);
    jump_compare(range->half_open ? Op::kJumpGeInt : Op::kJumpGtInt, subject.reg, range->high,
                 otherwise);
  } else if (const auto* member = std::get_if<syntax::MemberPattern>(&of.node)) {
    member_pattern(id, *member, subject, otherwise, certain);
  } else if (const auto* record = std::get_if<syntax::RecordPattern>(&of.node)) {
    record_pattern(id, *record, subject, otherwise, certain);
  } else {
    fault(of.span, "a pattern that has no meaning yet");
  }
}

void Body::bind_pattern(SymbolId symbol, const Subject& subject) {
  const Reg to = declare(symbol);
  if (code_.kind(to) == code_.kind(subject.reg)) {
    code_.move(to, subject.reg);
  } else if (code_.kind(to) == Kind::kRef) {
    box(to, subject.reg);
  } else {
    unbox(to, subject.reg);
  }
}

void Body::jump_unless_equal(const Subject& subject, ExprId literal, Label otherwise) {
  const Kind of = code_.kind(subject.reg);
  if (of != Kind::kRef && of != Kind::kFloat) {
    jump_compare(Op::kJumpNeInt, subject.reg, literal, otherwise);
    return;
  }
  const Reg wanted = value(literal);
  const Reg equal = temporary(Kind::kBool);
  Reg other = wanted;
  if (code_.kind(wanted) != of) {
    // JSON is compared with JSON.
    other = temporary(Kind::kRef);
    code_.emit(Op::kToJson, other, wanted, program_.narrow(type(info(literal).type), "types"));
  }
  code_.emit(of == Kind::kFloat ? Op::kEqFloat : Op::kEqRef, equal, subject.reg, other);
  code_.jump_on(Op::kJumpUnless, equal, otherwise);
}

void Body::member_pattern(PatternId id, const syntax::MemberPattern& node, Subject& subject,
                          Label otherwise, bool certain) {
  const check::PatternInfo& meaning = module_->patterns.at(id.index);
  if (meaning.symbol == kNone) {  // a Result
    const bool is_ok = meaning.index == 0;
    if (!certain) {
      const Reg holds_value = temporary(Kind::kBool);
      code_.emit(Op::kResultIsOk, holds_value, subject.reg);
      code_.jump_on(is_ok ? Op::kJumpUnless : Op::kJumpIf, holds_value, otherwise);
    }
    if (node.payload.empty()) return;
    Subject part;
    part.type = is_ok ? element_of(subject.type) : module_->patterns.at(node.payload[0].index).type;
    part.reg = temporary(is_ok ? kind(part.type) : Kind::kRef);
    code_.emit(is_ok ? Op::kResultValue : Op::kResultError, part.reg, subject.reg);
    return pattern(node.payload[0], part, otherwise, certain);
  }
  if (!certain) {
    if (subject.member == kNoReg) {
      subject.member = code_.local(Kind::kInt, {});
      code_.emit(Op::kGetMember, subject.member, subject.reg);
    }
    if (meaning.index <= INT16_MAX) {
      code_.jump_compare(Op::kJumpNeImm, subject.member, static_cast<uint16_t>(meaning.index),
                         otherwise);
    } else {
      code_.jump_compare(Op::kJumpNeInt, subject.member, load_number(Kind::kInt, meaning.index),
                         otherwise);
    }
  }
  const auto& payload = program_.symbol(meaning.symbol).members.at(meaning.index).payload;
  for (size_t i = 0; i < node.payload.size() && i < payload.size(); ++i) {
    Subject part;
    part.type = payload[i].type;
    part.reg = temporary(kind(part.type));
    code_.emit(Op::kGetField, part.reg, subject.reg, static_cast<uint16_t>(i));
    pattern(node.payload[i], part, otherwise, certain);
  }
}

void Body::record_pattern(PatternId id, const syntax::RecordPattern& node, Subject& subject,
                          Label otherwise, bool certain) {
  const check::PatternInfo& meaning = module_->patterns.at(id.index);
  const check::Symbol& of = program_.symbol(meaning.symbol);
  const bool is_error = of.kind == check::Symbol::Kind::kErrorKind;
  if (is_error && !certain && checked_type(subject.type).shape == Shape::kError) {
    const Reg is_kind = temporary(Kind::kBool);
    code_.emit(Op::kErrorIs, is_kind, subject.reg, program_.narrow(type(of.type), "types"));
    code_.jump_on(Op::kJumpUnless, is_kind, otherwise);
  }
  for (size_t i = 0; i < node.fields.size(); ++i) {
    const uint32_t index = i < meaning.field_indices.size() ? meaning.field_indices[i] : kNone;
    if (index == kNone) {
      fault(node.fields[i].name.span, "a field without an index");
      return;
    }
    Subject part;
    if (index >= of.fields.size()) {
      // What every error has, whatever its kind; the checker counts it after the kind's own fields.
      const bool is_message = index == of.fields.size();
      part.type = is_message ? check::types::kString : check::types::kBool;
      part.reg = temporary(kind(part.type));
      code_.emit(is_message ? Op::kErrorMessage : Op::kErrorRetryable, part.reg, subject.reg);
      if (node.fields[i].pattern.valid()) {
        pattern(node.fields[i].pattern, part, otherwise, certain);
      } else if (i < meaning.field_symbols.size() && meaning.field_symbols[i] != kNone) {
        bind_pattern(meaning.field_symbols[i], part);
      }
      continue;
    }
    part.type = of.fields.at(index).type;
    part.reg = temporary(is_error ? Kind::kRef : kind(part.type));
    code_.emit(Op::kGetField, part.reg, subject.reg, static_cast<uint16_t>(index));
    if (node.fields[i].pattern.valid()) {
      const check::TypeId wanted = module_->patterns.at(node.fields[i].pattern.index).type;
      if (is_error && !is_optional(wanted) && kind(wanted) != Kind::kRef) {
        // Any field of an error may be unset: then it does not match.
        if (!certain) code_.jump_on(Op::kJumpIfNull, part.reg, otherwise);
        const Reg plain = temporary(kind(wanted));
        code_.emit(Op::kUnbox, plain, part.reg);
        part.reg = plain;
      }
      part.type = wanted;
      pattern(node.fields[i].pattern, part, otherwise, certain);
    } else if (i < meaning.field_symbols.size() && meaning.field_symbols[i] != kNone) {
      bind_pattern(meaning.field_symbols[i], part);
    }
  }
}

void Body::or_pattern(const syntax::OrPattern& node, Subject& subject, Label otherwise,
                      bool certain) {
  const Label matched = code_.label();
  for (size_t i = 0; i < node.alternatives.size(); ++i) {
    const bool last = i + 1 == node.alternatives.size();
    const Label next = last ? otherwise : code_.label();
    pattern(node.alternatives[i], subject, next, last && certain);
    if (last) break;
    code_.jump(matched);
    code_.bind(next);
  }
  code_.bind(matched);
}

}  // namespace rbk::lower
