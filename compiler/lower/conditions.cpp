// What a condition that does not hold shows: the values of its parts, as
// "`a.length < limit` does not hold: a.length = 3, limit = 2". Only parts that decided are shown:
// of `a and b` the first that is false, so that nothing is read that the condition would not read.
#include "compiler/lower/body.h"

namespace rbk::lower {

using syntax::BinaryExpr;
using syntax::BinaryOp;
using Shape = check::Type::Shape;

namespace {

/// `a.b[0]` is shown as it is written, on one line.
std::string one_line(std::string_view text) {
  std::string made;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!blank) {
      made += c;
    } else if (!made.empty() && made.back() != ' ') {
      made += ' ';
    }
  }
  return made;
}

}  // namespace

struct Body::Shown {
  Reg message = kNoReg;           // text so far
  std::vector<std::string> done;  // parts that are in it, as written
};

std::string condition_text(const CheckedModule& module, ExprId condition) {
  const std::string_view all = module.source->text();
  const Span span = module.ast[condition].span;
  size_t end = span.end;
  int open = 0;
  for (size_t i = span.begin; i < end; ++i) open += all[i] == '(' ? 1 : all[i] == ')' ? -1 : 0;
  // The parentheses around the last operand are no part of it, but of what is read here.
  for (size_t i = end; i < all.size() && open > 0; ++i) {
    if (all[i] == ')') {
      --open;
      end = i + 1;
    } else if (all[i] != ' ' && all[i] != '\n') {
      break;
    }
  }
  return std::string(all.substr(span.begin, end - span.begin));
}

Reg Body::condition_message(ExprId condition) {
  const std::string text = condition_text(*module_, condition);
  Shown shown;
  shown.message = temporary(Kind::kRef);
  const uint32_t head = program_.string_constant("`" + one_line(text) + "` does not hold");
  code_.load_constant(shown.message, head);
  show_parts(condition, shown, true);
  return shown.message;
}

bool Body::show_parts(ExprId condition, Shown& shown, bool first) {
  const syntax::Expr& expr = ast()[condition];
  if (const auto* unary = std::get_if<syntax::UnaryExpr>(&expr.node)) {
    if (unary->op == syntax::UnaryOp::kNot) return show_parts(unary->operand, shown, first);
  }
  const auto* node = std::get_if<BinaryExpr>(&expr.node);
  if (node != nullptr && (node->op == BinaryOp::kAnd || node->op == BinaryOp::kOr)) {
    // Which operand decided is found out by looking at the left one once more.
    const Label right = code_.label();
    const Label end = code_.label();
    branch(node->left, node->op == BinaryOp::kAnd, right);
    Shown left = shown;
    const bool left_shows = show_parts(node->left, left, first);
    code_.jump(end);
    code_.bind(right);
    const bool right_shows = show_parts(node->right, shown, first);
    code_.bind(end);
    return left_shows || right_shows;
  }
  std::vector<ExprId> parts;
  if (node != nullptr) {
    parts = {node->left, node->right};
  } else if (const auto* call = std::get_if<syntax::CallExpr>(&expr.node)) {
    if (const auto* callee = std::get_if<syntax::MemberExpr>(&ast()[call->callee].node)) {
      parts.push_back(callee->base);
    }
    for (const syntax::Argument& argument : call->args) parts.push_back(argument.value);
  } else {
    const auto* member = std::get_if<syntax::MemberExpr>(&expr.node);
    if (member != nullptr && is_outcome(info(member->base).type))
      return show_outcome(member->base, shown, first);
    const Meaning* meaning = module_->meaning(condition);
    if (member != nullptr && meaning != nullptr && meaning->kind == Meaning::Kind::kNativeProperty)
      return show_part(member->base, shown, first);
    return false;  // a bool by itself: it is false, which the text says already
  }
  bool any = false;
  for (const ExprId part : parts) any = show_part(part, shown, first && !any) || any;
  return any;
}

/// What a test sees of a run, rather than of an approval or a call.
bool Body::is_outcome(check::TypeId id) const {
  const check::Type& form = checked_type(id);
  return form.shape == Shape::kForm && !form.fields.empty() && form.fields[0].first == "status";
}

/// How the run ended: its status, and its error if it has one.
bool Body::show_outcome(ExprId run, Shown& shown, bool first) {
  const auto& fields = checked_type(info(run).type).fields;
  const auto field = [&](std::string_view name) {
    uint16_t index = 0;
    while (index + 1u < fields.size() && fields[index].first != name) ++index;
    return index;
  };
  const std::string text = one_line(text_of(ast()[run].span)) + ".status";
  for (const std::string& done : shown.done) {
    if (done == text) return false;
  }
  TemporaryScope scope(code_);
  const Reg from = value(run);
  const auto add = [&](const std::string& before, Reg what) {
    const Reg parts =
        fill_run({Slot{Kind::kRef, [&](Reg to) { code_.move(to, shown.message); }, shown.message},
                  Slot{Kind::kRef,
                       [&](Reg to) { code_.load_constant(to, program_.string_constant(before)); }},
                  Slot{Kind::kRef, [&](Reg to) { code_.move(to, what); }, what}});
    code_.emit_run(Op::kConcat, shown.message, parts, 3, 3);
  };
  const Reg status = temporary(Kind::kRef);
  code_.emit(Op::kGetField, status, from, field("status"));
  add((first ? ": " : ", ") + text + " = ", status);
  const Label none = code_.label();
  const Reg error = temporary(Kind::kRef);
  code_.emit(Op::kGetField, error, from, field("error"));
  code_.jump_on(Op::kJumpIfNull, error, none);
  const Reg part = temporary(Kind::kRef);
  code_.emit(Op::kErrorKindName, part, error);
  add(", its error is ", part);
  code_.emit(Op::kErrorMessage, part, error);
  add(": ", part);
  code_.bind(none);
  shown.done.push_back(text);
  return true;
}

bool Body::show_part(ExprId part, Shown& shown, bool first) {
  const syntax::Expr& expr = ast()[part];
  const check::ExprInfo& of = info(part);
  const Meaning* meaning = module_->meaning(part);
  const bool says_itself = std::holds_alternative<syntax::IntLit>(expr.node) ||
                           std::holds_alternative<syntax::BoolLit>(expr.node) ||
                           std::holds_alternative<syntax::FloatLit>(expr.node) ||
                           std::holds_alternative<syntax::StringLit>(expr.node) ||
                           std::holds_alternative<syntax::DurationLit>(expr.node) ||
                           std::holds_alternative<syntax::SizeLit>(expr.node) ||
                           std::holds_alternative<syntax::NullLit>(expr.node) ||
                           std::holds_alternative<syntax::LambdaExpr>(expr.node) ||
                           std::holds_alternative<syntax::UnaryExpr>(expr.node) ||
                           (meaning != nullptr && (meaning->kind == Meaning::Kind::kEnumMember ||
                                                   meaning->kind == Meaning::Kind::kCallEmit));
  if (says_itself) return false;
  if (const auto* range = std::get_if<syntax::RangeExpr>(&expr.node)) {
    const bool low = show_part(range->low, shown, first);
    return show_part(range->high, shown, first && !low) || low;
  }
  if (const auto* list = std::get_if<syntax::ListExpr>(&expr.node)) {
    bool any = false;
    for (const ExprId item : list->items) any = show_part(item, shown, first && !any) || any;
    return any;
  }
  switch (checked_type(of.value_type).shape) {
    case Shape::kForm:  // too much to read: what a run did stands below the message
    case Shape::kSecret:
    case Shape::kEnvironment:
    case Shape::kFunction:
    case Shape::kRegex:
    case Shape::kNothing:
    case Shape::kNever:
    case Shape::kUnknown:
      return false;
    default:
      break;
  }
  const check::Type& shape = checked_type(of.value_type);
  if (shape.shape == Shape::kList && checked_type(shape.element).shape == Shape::kForm)
    return false;
  std::string text = one_line(text_of(expr.span));
  for (const std::string& done : shown.done) {
    if (done == text) return false;
  }
  TemporaryScope scope(code_);
  const bool quoted = checked_type(of.value_type).shape == Shape::kString;
  std::string before = (first ? ": " : ", ") + text + " = ";
  if (quoted) before += '"';
  const std::string after = quoted ? "\"" : "";
  std::vector<Slot> slots;
  slots.push_back({Kind::kRef, [&](Reg to) { code_.move(to, shown.message); }, shown.message});
  slots.push_back(
      {Kind::kRef, [&](Reg to) { code_.load_constant(to, program_.string_constant(before)); }});
  slots.push_back({Kind::kRef, [&](Reg to) {
                     const Reg shown_value = plain_value(part);
                     to_text(shown_value, of.value_type, to);
                   }});
  if (quoted) {
    slots.push_back(
        {Kind::kRef, [&](Reg to) { code_.load_constant(to, program_.string_constant(after)); }});
  }
  const Reg run = fill_run(slots);
  code_.emit_run(Op::kConcat, shown.message, run, static_cast<uint16_t>(slots.size()),
                 slots.size());
  shown.done.push_back(std::move(text));
  return true;
}

}  // namespace rbk::lower
