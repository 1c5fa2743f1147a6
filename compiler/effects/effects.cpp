#include "compiler/effects/effects.h"

#include <fmt/format.h>

#include "compiler/effects/walk.h"

namespace rbk::effects {

using namespace syntax;  // NOLINT: this file reads trees and little else
using check::Type;

namespace {

const Type& without_null(const check::CheckedProgram& program, check::TypeId id) {
  const Type* type = &program.type(id);
  while (type->shape == Type::Shape::kOptional) type = &program.type(type->element);
  return *type;
}

struct Range {
  std::optional<int64_t> least;
  std::optional<int64_t> most;
};

/// What a condition lets a whole number, duration or size be: `x in a..b`, `x <= b`.
Range range_of(const check::CheckedProgram& program, const check::CheckedModule& module,
               ExprId condition, check::SymbolId of) {
  const auto* test = std::get_if<BinaryExpr>(&module.ast[condition].node);
  if (test == nullptr) return {};
  const check::Meaning* tested = module.meaning(test->left);
  if (tested == nullptr || tested->symbol != of) return {};
  const plan::Evaluator known(program, module);
  const auto number = [&](ExprId id, int64_t more) -> std::optional<int64_t> {
    const plan::Value value = known.evaluate(id);
    int64_t moved = 0;
    if (value.shape != plan::Value::Shape::kInt ||
        __builtin_add_overflow(value.number, more, &moved))
      return std::nullopt;
    return moved;
  };
  if (const auto* range = std::get_if<RangeExpr>(&module.ast[test->right].node);
      range != nullptr && test->op == BinaryOp::kIn)
    return {number(range->low, 0), number(range->high, range->half_open ? -1 : 0)};
  if (test->op == BinaryOp::kLe) return {{}, number(test->right, 0)};
  if (test->op == BinaryOp::kLt) return {{}, number(test->right, -1)};
  if (test->op == BinaryOp::kGe) return {number(test->right, 0), {}};
  if (test->op == BinaryOp::kGt) return {number(test->right, 1), {}};
  return {};
}

Parameter parameter(const check::CheckedProgram& program, const check::CheckedModule& module,
                    const check::Field& field, const Field& written, check::SymbolId symbol) {
  const auto source = [&](ExprId id) {
    return std::string(module.source->text(module.ast[id].span));
  };
  Parameter made;
  made.name = field.name;
  made.type = program.text(field.type);
  if (written.default_value.valid()) made.default_value = source(written.default_value);
  for (const Refinement& where : written.where) {
    made.where.push_back(source(where.condition));
    const Range range = range_of(program, module, where.condition, symbol);
    if (range.least) made.least = range.least;
    if (range.most) made.most = range.most;
  }
  const Type& type = without_null(program, field.type);
  made.is_secret = type.shape == Type::Shape::kSecret;
  if (type.shape == Type::Shape::kEnum) {
    for (const check::Symbol::Member& member : program.symbol(type.symbol).members)
      made.members.push_back(member.outer_name.empty() ? member.name : member.outer_name);
  }
  made.doc = written.doc;
  return made;
}

}  // namespace

void note_largest(const check::CheckedProgram& program, check::SymbolId runbook, Gathered& all) {
  const check::Symbol& symbol = program.symbol(runbook);
  const check::CheckedModule& module = *program.modules.at(symbol.module);
  const auto* decl = std::get_if<RunbookDecl>(&module.ast[symbol.decl].node);
  if (decl == nullptr) return;
  for (size_t i = 0; i < symbol.parameters.size() && i < decl->params.size(); ++i) {
    for (const Refinement& where : decl->params[i].where) {
      const Range range = range_of(program, module, where.condition, symbol.parameters[i]);
      if (range.most) all.largest[symbol.parameters[i]] = *range.most;
    }
  }
}

namespace {

/// As it stands in the text, on one line.
std::string written(const check::CheckedModule& module, source::Span span) {
  std::string text;
  bool blank = false;
  for (const char letter : module.source->text(span)) {
    blank = blank || letter == '\n' || letter == ' ';
    if (letter == '\n' || letter == ' ') continue;
    if (blank && !text.empty()) text += ' ';
    blank = false;
    text += letter;
  }
  return text;
}

void add_times(const check::CheckedProgram& program, check::SymbolId runbook, Summary& made) {
  const auto join = [](std::string& to, const std::string& text) {
    to += (to.empty() ? "" : ", ") + text;
  };
  for (const check::SymbolId id : program.symbol(runbook).outside) {
    const check::Symbol& calendar = program.symbol(id);
    const check::CheckedModule& home = *program.modules.at(calendar.module);
    const auto& decl = std::get<CalendarDecl>(home.ast[calendar.decl].node);
    Outside one{calendar.name, {}};
    if (decl.zone.valid()) join(one.closed, "in " + written(home, home.ast[decl.zone].span));
    for (const CalendarDecl::Closed& closed : decl.closed)
      join(one.closed, written(home, closed.span));
    made.outside.push_back(std::move(one));
  }
  for (const check::Schedule& schedule : program.schedules) {
    if (schedule.runbook != runbook) continue;
    const check::Symbol& symbol = program.symbol(schedule.symbol);
    const check::CheckedModule& home = *program.modules.at(symbol.module);
    const auto& decl = std::get<ScheduleDecl>(home.ast[symbol.decl].node);
    Schedule one{symbol.name, {}, {}};
    for (const ScheduleDecl::Firing& firing : decl.firings)
      join(one.when, written(home, firing.span));
    static constexpr const char* kOverlap[] = {"", "skip", "queue", "cancel_running"};
    static constexpr const char* kMissed[] = {"", "skip", "run once", "run all"};
    if (decl.overlap != ScheduleDecl::Overlap::kDefault)
      join(one.when, fmt::format("overlap {}", kOverlap[static_cast<int>(decl.overlap)]));
    if (decl.missed != ScheduleDecl::Missed::kDefault)
      join(one.when, fmt::format("missed {}", kMissed[static_cast<int>(decl.missed)]));
    if (decl.missed_within.valid())
      one.when += " within " + written(home, home.ast[decl.missed_within].span);
    for (const syntax::Outside& outside : decl.outside) join(one.when, written(home, outside.span));
    for (const Argument& argument : decl.args) join(one.arguments, written(home, argument.span));
    made.schedules.push_back(std::move(one));
  }
}

}  // namespace

std::vector<check::SymbolId> runbooks_of(const check::CheckedProgram& program) {
  std::vector<check::SymbolId> found;
  const check::CheckedModule& module = *program.modules.front();
  for (const DeclId decl : module.ast.decls) {
    const check::SymbolId symbol = module.decls.at(decl.index);
    if (symbol != check::kNone && program.symbol(symbol).kind == check::Symbol::Kind::kRunbook)
      found.push_back(symbol);
  }
  return found;
}

Summary summarise(const check::CheckedProgram& program, check::SymbolId runbook) {
  const check::Symbol& symbol = program.symbol(runbook);
  const check::CheckedModule& module = *program.modules.at(symbol.module);
  Summary made;
  made.runbook = symbol.name;
  made.path = module.source->path();
  made.line = module.source->position(symbol.span.begin).line;
  made.is_private = symbol.name.starts_with('_');
  made.doc = module.ast[symbol.decl].doc;
  const auto* decl = std::get_if<RunbookDecl>(&module.ast[symbol.decl].node);
  if (decl == nullptr) return made;
  if (decl->result.valid()) made.result = program.text(symbol.result);
  for (size_t i = 0; i < symbol.fields.size() && i < decl->params.size(); ++i)
    made.parameters.push_back(
        parameter(program, module, symbol.fields[i], decl->params[i], symbol.parameters.at(i)));
  Gathered all(made);
  note_largest(program, runbook, all);
  all.called.push_back(runbook);
  Texts texts(program, module);
  for (const Who& who : decl->allow) {
    made.allow.push_back(who.kind == Who::Kind::kStarter
                             ? std::string("starter")
                             : fmt::format("{} \"{}\"",
                                           who.kind == Who::Kind::kUser ? "user" : "group",
                                           texts.text(who.name)));
    all.touches.person(made.allow.back());
  }
  if (decl->worker.valid()) made.worker = texts.text(decl->worker);
  head_locks(*decl, symbol.name, texts, {}, made.locks);
  all.bodies.emplace_back(&module, decl->body);
  add_times(program, runbook, made);
  Cost cost = Walker(all, texts, {}, Phase::kForward).runbook_body(*decl);
  if (!decl->exclusive.empty() || decl->max.valid())
    cost = cost + waiting(Bound::unbounded({}, "it waits until others have ended"));
  note_declarations(program, all);
  made.forward = cost.forward;
  made.rollback = cost.rollback();
  return made;
}

}  // namespace rbk::effects
