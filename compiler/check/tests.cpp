// Tests and invariants: the runs that a test makes, what it sees of them, what it expects.
#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;

void BodyChecker::check_test(syntax::DeclId id) {
  const syntax::Decl& decl = ast_[id];
  const auto* invariant = std::get_if<syntax::InvariantDecl>(&decl.node);
  const auto* test = std::get_if<syntax::TestDecl>(&decl.node);
  const ExprId title = test != nullptr ? test->title : invariant->title;
  const syntax::BlockId body = test != nullptr ? test->body : invariant->body;
  const Scopes::Open scope(scopes_);
  place_ = Place{};
  place_.pure_in = test != nullptr ? kInTest : kInInvariant;
  place_.no_return = place_.pure_in;
  facts_ = Facts{};
  reachable_ = true;
  expected_ = false;
  counted_.clear();
  replaced_.clear();
  if (title.valid()) expect(title, types::kString, {Why::Kind::kClause, "test", {}, {}});
  if (invariant != nullptr) check_invariant(id, *invariant);
  check_block(body, Want::kDiscard, kNone, {});
  for (const auto& [runbook, span] : counted_) {
    if (test == nullptr || replaced_.contains(runbook)) continue;
    const std::string& name = program_.symbols[runbook].name;
    diagnostics_.report(Code::kNeverCalled, span, name)
        .labelled(fmt::format("`{}` is run here, not replaced", name))
        .help(fmt::format("count what it calls itself, or write `given {} => …`", name));
  }
  if (expected_ || ast_.unread.touches(decl.span)) return;
  const Span head{decl.span.begin, title.valid() ? span_of(title).end : decl.span.end,
                  decl.span.file};
  diagnostics_.report(Code::kNothingExpected, head, test != nullptr ? "test" : "invariant")
      .labelled("it can only fail if something in it goes wrong")
      .help(test != nullptr ? "say what must be true after the run: `expect it.succeeded`"
                            : "say what must be true after every run: `expect …`");
}

void BodyChecker::check_invariant(syntax::DeclId id, const syntax::InvariantDecl& node) {
  const SymbolId runbook = replaceable(node.runbook);
  TypeId outcome = types::kUnknown;
  if (runbook != kNone) {
    const Symbol& symbol = program_.symbols[runbook];
    if (symbol.kind == Symbol::Kind::kRunbook) {
      all_.resolve(runbook);
      outcome = outcome_of(runbook);
    } else {
      diagnostics_
          .report(Code::kNotARunbook, node.runbook.span, node.runbook.text(),
                  ProgramChecker::kind_text(symbol))
          .labelled("an invariant is about the runs of a runbook");
    }
  }
  syntax::Name name;
  name.text = "it";
  name.span = node.runbook.span;
  const SymbolId it = declare_local(name, outcome, Symbol::Kind::kLocal, false);
  module_.looked_at[id.index] = it;
  module_.about[id.index] = runbook;
}

// ---- What a test sees

TypeId BodyChecker::outcome_of(SymbolId runbook) {
  const TypeId result = program_.symbols[runbook].result;
  const bool has_result = result != kNone && result != types::kNothing;
  std::vector<std::pair<std::string, TypeId>> fields = {
      {"status", types::kString},  {"succeeded", types::kBool},  {"failed", types::kBool},
      {"cancelled", types::kBool}, {"refused", types::kBool},    {"waiting", types::kBool},
      {"in_doubt", types::kBool},  {"rolled_back", types::kBool}};
  fields.emplace_back("error", types_.optional(types::kError));
  fields.emplace_back("waits_for", types_.optional(types::kString));
  fields.emplace_back("took", types::kDuration);
  fields.emplace_back("steps", types_.map(types::kString, types::kString));
  fields.emplace_back("undone", types_.list(types::kString));
  fields.emplace_back("logs", types_.list(types::kString));
  fields.emplace_back("labels", types_.map(types::kString, types::kString));
  if (has_result && !types_.is_silent(result)) fields.emplace_back("output", result);
  return types_.form(std::move(fields));
}

TypeId BodyChecker::handed_over(TypeId type) {
  switch (types_.shape(type)) {
    case Shape::kUrl:
    case Shape::kCommand:
    case Shape::kRegex:
    case Shape::kSecret:
      return types::kString;
    case Shape::kEnvironment:
      return types_.map(types::kString, types::kString);
    case Shape::kFunction:
    case Shape::kQuery:
      return types::kJson;
    case Shape::kOptional:
      return types_.optional(handed_over(types_.element(type)));
    case Shape::kList:
      return types_.list(handed_over(types_.element(type)));
    default:
      return type;
  }
}

TypeId BodyChecker::call_record(SymbolId callee) {
  std::vector<std::pair<std::string, TypeId>> fields;
  const auto add = [&](const std::string& name, TypeId type) {
    for (const auto& [taken, its_type] : fields) {
      if (taken == name) return;
    }
    fields.emplace_back(name, type);
  };
  for (const Field& field : program_.symbols[callee].fields) {
    if (!field.name.empty()) add(field.name, handed_over(field.type));
  }
  add("step", types::kString);
  add("attempt", types::kInt);
  add("at", types::kTime);
  add("error", types_.optional(types::kString));
  return types_.form(std::move(fields));
}

TypeId BodyChecker::call_tested(ExprId expr, const syntax::CallExpr& node, SymbolId id) {
  const Symbol& symbol = program_.symbols[id];
  const std::string shown = shown_name(node.callee);
  if (place_.impure_told) {
    infer_arguments(node.args);
    return types::kUnknown;
  }
  if (symbol.kind == Symbol::Kind::kAction) {
    infer_arguments(node.args);
    diagnostics_.report(Code::kActionInTest, span_of(expr), shown, place_.pure_in)
        .labelled("nothing is done in a test but by the run that it makes")
        .help(fmt::format("say what happens when the runbook calls it: `given {} => …`", shown));
    return types::kUnknown;
  }
  if (place_.pure_in == kInInvariant) {
    infer_arguments(node.args);
    diagnostics_.report(Code::kRunInInvariant, span_of(expr), shown)
        .labelled("an invariant looks at the runs that tests and `--explore` make")
        .help("look at `it`, the run: `expect it.failed or …`");
    return types::kUnknown;
  }
  const Callee callee = callee_of(id, shown);
  std::vector<ExprId> arguments = check_arguments(callee, node.args, span_of(expr));
  mean(node.callee, Meaning::Kind::kSymbol).symbol = id;
  Meaning& meaning = mean(expr, Meaning::Kind::kCallTested);
  meaning.symbol = id;
  meaning.arguments = std::move(arguments);
  return outcome_of(id);
}

TypeId BodyChecker::call_calls(ExprId expr, const syntax::CallExpr& node) {
  syntax::Path path;
  if (node.args.size() == 1 && node.args.front().label.empty()) {
    const syntax::Expr& written = ast_[node.args.front().value];
    path.span = written.span;
    if (const auto* name = std::get_if<syntax::NameExpr>(&written.node)) {
      path.parts = {{name->name, written.span}};
    } else if (const auto* member = std::get_if<syntax::MemberExpr>(&written.node)) {
      if (const auto* base = std::get_if<syntax::NameExpr>(&ast_[member->base].node))
        path.parts = {{base->name, span_of(member->base)}, member->name};
    }
  }
  if (path.empty()) {
    infer_arguments(node.args);
    diagnostics_
        .report(Code::kWrongArgumentCount, span_of(expr), "calls",
                "the name of an action or runbook", fmt::format("`{}`", source(span_of(expr))))
        .labelled("whose calls?")
        .help("name it without calling it: `calls(http.post)`");
    return types::kUnknown;
  }
  const SymbolId symbol = replaceable(path);
  if (symbol == kNone) return types::kUnknown;
  all_.resolve(symbol);
  if (program_.symbols[symbol].kind == Symbol::Kind::kBuiltin) {
    diagnostics_.report(Code::kNotReplaceable, path.span, path.text(), "no action")
        .labelled("only calls of actions and runbooks are counted");
    return types::kUnknown;
  }
  if (program_.symbols[symbol].kind == Symbol::Kind::kRunbook)
    counted_.emplace_back(symbol, span_of(expr));
  mean(expr, Meaning::Kind::kCallsOf).symbol = symbol;
  return types_.list(call_record(symbol));
}

TypeId BodyChecker::call_secret(ExprId expr, const syntax::CallExpr& node) {
  Callee callee;
  callee.name = "secret";
  callee.parameters.push_back({"value", types::kString, false});
  std::vector<ExprId> arguments = check_arguments(callee, node.args, span_of(expr));
  const ExprId given = arguments.front();
  if (!given.valid()) return types::kSecret;
  const auto* literal = std::get_if<syntax::StringLit>(&ast_[given].node);
  if (literal == nullptr || !literal->is_plain_text()) {
    diagnostics_
        .report(Code::kWrongType, span_of(given), "a text in quotes", source(span_of(given)))
        .labelled("a secret of a test is written in place")
        .help("write `secret(\"x\")`");
    return types::kSecret;
  }
  mean(expr, Meaning::Kind::kCallSecret).arguments = {given};
  return types::kSecret;
}

// ---- What it expects

void BodyChecker::check_expect(const syntax::ExpectStmt& node, Span span) {
  expected_ = true;
  const Branching branching = condition(node.condition);
  facts_.add(branching.when_true);
  const auto* literal = std::get_if<syntax::BoolLit>(&ast_[node.condition].node);
  if (literal != nullptr && literal->value)
    diagnostics_.report(Code::kNothingExpected, span, "`expect`")
        .labelled("this is always true")
        .help("look at the run: `expect it.succeeded`");
}

void BodyChecker::check_crash(const syntax::CrashStmt& node, Span span) {
  if (place_.pure_in == kInInvariant)
    diagnostics_.report(Code::kStandInInInvariant, span, "crash")
        .labelled("an invariant looks at runs, it does not make them")
        .help("move it into a `test`");
  if (node.step.empty() || node.step.last().empty()) return;
  std::vector<std::string_view> names;
  for (const auto& module : program_.modules) {
    for (const syntax::Stmt& stmt : module->ast.stmts) {
      const auto* step = std::get_if<syntax::StepStmt>(&stmt.node);
      if (step == nullptr || module->standard) continue;
      if (step->name.text == node.step.last().text) return;
      names.push_back(step->name.text);
    }
  }
  diagnostics_.report(Code::kUnknownStep, node.step.span, node.step.text())
      .labelled("the crash would never come")
      .did_you_mean(node.step.last().span, nearest(node.step.last().text, std::move(names)));
}

}  // namespace rbk::check
