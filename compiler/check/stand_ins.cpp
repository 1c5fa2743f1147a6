// `given`: what stands in for an action, a runbook, a person's decision or the clock in a test.
#include <algorithm>

#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;

SymbolId BodyChecker::look_up_path(const syntax::Path& path) {
  if (path.empty() || path.last().empty()) return kNone;
  const syntax::Name& first = path.parts.front();
  SymbolId found =
      look_up(first.text, first.span, path.parts.size() > 1 ? After::kMember : After::kNothing);
  if (found == kNone) return kNone;
  if (program_.symbols[found].kind == Symbol::Kind::kModule) {
    const ModuleId home = all_.module_of(found);
    if (home == kNone) return kNone;
    // `shell` is the action of the module's own name.
    const std::string module_name = program_.symbols[found].name;
    const std::string& wanted = path.parts.size() == 1 ? module_name : path.last().text;
    const SymbolId inner = path.parts.size() > 2 ? kNone : all_.find_declared(home, wanted);
    if (inner == kNone && path.parts.size() > 1) {
      diagnostics_.report(Code::kUnknownInModule, path.last().span, module_name, path.last().text)
          .labelled(fmt::format("not declared in `{}`", module_name))
          .did_you_mean(path.last().span, nearest(path.last().text, all_.declared_names(home)));
      return kNone;
    }
    if (inner != kNone) {
      found = inner;
      use(found, path.last().span);
    }
  }
  return found;
}

SymbolId BodyChecker::replaceable(const syntax::Path& path) {
  const SymbolId found = look_up_path(path);
  if (found == kNone) return kNone;
  const Symbol& symbol = program_.symbols[found];
  const bool is_drawn =
      symbol.kind == Symbol::Kind::kBuiltin && (symbol.name == "now" || symbol.name == "random");
  if (symbol.kind == Symbol::Kind::kAction || symbol.kind == Symbol::Kind::kRunbook || is_drawn)
    return found;
  diagnostics_
      .report(Code::kNotReplaceable, path.span, path.text(), ProgramChecker::kind_text(symbol))
      .labelled("only actions, runbooks, `now` and `random` are replaced")
      .help(symbol.kind == Symbol::Kind::kFunction
                ? "a `fn` only computes: it runs in a test as it does everywhere"
                : "name the action that the runbook calls");
  return kNone;
}

void BodyChecker::check_given(syntax::StmtId stmt, const syntax::GivenStmt& node, Span span) {
  if (place_.pure_in == kInInvariant)
    diagnostics_.report(Code::kStandInInInvariant, span, "given")
        .labelled("an invariant looks at runs, it does not make them")
        .help("move it into a `test`");
  const Scopes::Open scope(scopes_);
  const Restore<Facts> facts(facts_);
  const Restore<bool> reach(reachable_);  // `=> fail …` is for whoever calls
  switch (node.kind) {
    case syntax::GivenStmt::Kind::kCall:
      return given_call(stmt, node);
    case syntax::GivenStmt::Kind::kApproval:
    case syntax::GivenStmt::Kind::kAsk:
      return given_decision(stmt, node);
    case syntax::GivenStmt::Kind::kSignal:
      return given_signal(stmt, node);
  }
}

void BodyChecker::given_call(syntax::StmtId stmt, const syntax::GivenStmt& node) {
  const SymbolId target = replaceable(node.target);
  module_.stmts[stmt.index].symbols = {target};
  if (target == kNone) {
    for (const syntax::Argument& argument : node.args) {
      const auto* name = std::get_if<syntax::NameExpr>(&ast_[argument.value].node);
      if (name != nullptr && scopes_.find(name->name) == kNone)
        declare_local({name->name, argument.span}, types::kUnknown, Symbol::Kind::kLocal, false);
    }
    return;  // what else may be wrong may follow from it
  }
  all_.resolve(target);
  replaced_.insert(target);
  const Symbol& symbol = program_.symbols[target];
  Callee callee = callee_of(target, node.target.text());
  if (symbol.kind == Symbol::Kind::kRunbook) {
    // Its own result: what a test sees of a whole run is another matter.
    for (size_t i = 0; i < symbol.fields.size(); ++i)
      callee.parameters[i].type = symbol.fields[i].type;
  }
  std::vector<SymbolId> bound = given_arguments(stmt, node, callee);
  auto& symbols = module_.stmts[stmt.index].symbols;
  symbols.insert(symbols.end(), bound.begin(), bound.end());
  if (node.condition.valid()) facts_.add(condition(node.condition).when_true);
  const bool is_built_in = symbol.kind == Symbol::Kind::kBuiltin;
  check_reply(node, is_built_in              ? symbol.name == "now" ? types::kTime : types::kFloat
                    : symbol.result == kNone ? types::kNothing
                                             : symbol.result);
}

std::vector<SymbolId> BodyChecker::given_arguments(syntax::StmtId stmt,
                                                   const syntax::GivenStmt& node,
                                                   const Callee& callee) {
  std::vector<SymbolId> bound(callee.parameters.size(), kNone);
  std::vector<uint32_t>& places = module_.stmts[stmt.index].places;
  std::vector<bool> seen(callee.parameters.size());
  size_t position = 0;
  for (const syntax::Argument& argument : node.args) {
    places.push_back(kNone);
    size_t index = 0;
    if (argument.label.empty()) {
      index = position++;
    } else {
      while (index < callee.parameters.size() &&
             callee.parameters[index].name != argument.label.text)
        ++index;
    }
    const auto* name = std::get_if<syntax::NameExpr>(&ast_[argument.value].node);
    const bool binds = name != nullptr && scopes_.find(name->name) == kNone &&
                       all_.find_top_level(module_.id, name->name) == kNone;
    if (index >= callee.parameters.size() || seen[index]) {
      if (binds)
        declare_local({name->name, span_of(argument.value)}, types::kUnknown, Symbol::Kind::kLocal,
                      false);
      else
        infer(argument.value, types::kUnknown);
      if (callee.unsure) continue;
      std::vector<std::string_view> names;
      std::string listed;
      for (const auto& parameter : callee.parameters) {
        names.push_back(parameter.name);
        listed += fmt::format("{}`{}`", listed.empty() ? "" : ", ", parameter.name);
      }
      if (index < callee.parameters.size()) {
        diagnostics_.report(Code::kDuplicateArgument, argument.span, callee.parameters[index].name)
            .labelled("again")
            .help("leave one of the two out");
      } else if (argument.label.empty()) {
        diagnostics_
            .report(Code::kWrongArgumentCount, argument.span, callee.name,
                    fmt::format("{} arguments", callee.parameters.size()),
                    std::to_string(node.args.size()))
            .labelled("there is no parameter for this");
      } else {
        diagnostics_
            .report(Code::kUnknownLabel, argument.label.span, callee.name, argument.label.text)
            .labelled(names.empty() ? std::string("it has no parameters")
                                    : fmt::format("it has {}", listed))
            .did_you_mean(argument.label.span, nearest(argument.label.text, names));
      }
      continue;
    }
    seen[index] = true;
    places.back() = static_cast<uint32_t>(index);
    const TypeId type = handed_over(callee.parameters[index].type);
    if (binds) {
      bound[index] =
          declare_local({name->name, span_of(argument.value)}, type, Symbol::Kind::kLocal, true);
    } else {
      expect(argument.value, type,
             {Why::Kind::kArgument, callee.parameters[index].name, callee.name, callee.declared});
    }
  }
  return bound;
}

void BodyChecker::check_reply(const syntax::GivenStmt& node, TypeId result) {
  const auto one = [&](ExprId value) {
    if (!value.valid()) return;
    if (result != types::kNothing) {
      expect(value, result, {Why::Kind::kClause, kept(node.target.text()), {}, {}});
      return;
    }
    const TypeId found = infer(value);
    if (types_.is_silent(found) || found == types::kNull || found == types::kNothing) return;
    diagnostics_.report(Code::kWrongType, span_of(value), "null", text(found))
        .labelled(fmt::format("`{}` gives nothing", node.target.text()))
        .help("write `=> null`, or `=> fail …`");
  };
  switch (node.reply) {
    case syntax::GivenStmt::Reply::kValue:
      return one(node.value);
    case syntax::GivenStmt::Reply::kInOrder:
      for (const ExprId value : node.values) one(value);
      return;
    case syntax::GivenStmt::Reply::kApprove:
    case syntax::GivenStmt::Reply::kReject:
    case syntax::GivenStmt::Reply::kAnswer:
      for (const syntax::Entry& entry : node.entries) infer(entry.value, types::kUnknown);
      diagnostics_
          .report(Code::kWrongType, node.target.span, text(result),
                  node.reply == syntax::GivenStmt::Reply::kApprove  ? "approve"
                  : node.reply == syntax::GivenStmt::Reply::kAnswer ? "answer"
                                                                    : "reject")
          .labelled("only people are stood in for so")
          .help("write `given approval NAME => …`, or `given ask NAME => …`");
      return;
  }
}

// ---- People

std::vector<BodyChecker::Asked> BodyChecker::asked(std::string_view name, bool is_ask) {
  std::vector<Asked> found;
  for (const auto& module : program_.modules) {
    if (module->standard) continue;
    for (size_t i = 0; i < module->ast.stmts.size(); ++i) {
      const auto* one = std::get_if<syntax::ApprovalStmt>(&module->ast.stmts[i].node);
      if (one == nullptr || one->is_ask != is_ask || one->name.text != name) continue;
      const auto& symbols = module->stmts[i].symbols;
      if (!symbols.empty() && symbols.front() != kNone) found.push_back({symbols.front(), one});
    }
  }
  return found;
}

namespace {

bool asks_on_failure(const syntax::Clauses& clauses) {
  const auto* failure = clauses.find<syntax::OnFailureClause>();
  return failure != nullptr && failure->kind == syntax::OnFailureClause::Kind::kAsk;
}

}  // namespace

/// `given ask drain => .retry`: what a person says when the step `drain` has failed. False: no step
/// of this name asks.
bool BodyChecker::given_resolution(syntax::StmtId stmt, const syntax::GivenStmt& node) {
  for (const auto& module : program_.modules) {
    if (module->standard) continue;
    for (size_t i = 0; i < module->ast.stmts.size(); ++i) {
      const auto* step = std::get_if<syntax::StepStmt>(&module->ast.stmts[i].node);
      if (step == nullptr || step->name.text != node.target.last().text ||
          !asks_on_failure(step->clauses) || module->stmts[i].resolution == kNone)
        continue;
      module_.stmts[stmt.index].brought = module->stmts[i].resolution;
      check_reply(node, module->stmts[i].resolution);
      return true;
    }
  }
  return false;
}

void BodyChecker::given_decision(syntax::StmtId stmt, const syntax::GivenStmt& node) {
  if (node.condition.valid()) condition(node.condition);
  if (node.target.empty() || node.target.last().empty()) return;
  const bool is_ask = node.kind == syntax::GivenStmt::Kind::kAsk;
  const std::vector<Asked> found = asked(node.target.last().text, is_ask);
  if (found.empty() && is_ask && given_resolution(stmt, node)) return;
  if (found.empty()) {
    for (const syntax::Entry& entry : node.entries) infer(entry.value, types::kUnknown);
    std::vector<std::string_view> names;
    for (const auto& module : program_.modules) {
      for (const syntax::Stmt& one : module->ast.stmts) {
        const auto* approval = std::get_if<syntax::ApprovalStmt>(&one.node);
        if (approval != nullptr && approval->is_ask == is_ask) names.push_back(approval->name.text);
        const auto* step = std::get_if<syntax::StepStmt>(&one.node);
        if (step != nullptr && is_ask && asks_on_failure(step->clauses))
          names.push_back(step->name.text);
      }
    }
    diagnostics_
        .report(Code::kUnknownApproval, node.target.span, is_ask ? "a question" : "an approval",
                node.target.text())
        .labelled("nothing would ever ask for it")
        .did_you_mean(node.target.span, nearest(node.target.last().text, std::move(names)));
    return;
  }
  // Of several with that name the one whose form has these fields.
  Asked meant = found.front();
  for (const Asked& one : found) {
    const auto& fields = types_[program_.symbols[one.form].type].fields;
    const bool has_all =
        std::all_of(node.entries.begin(), node.entries.end(), [&](const syntax::Entry& entry) {
          return std::any_of(fields.begin(), fields.end(),
                             [&](const auto& field) { return field.first == entry.name.text; });
        });
    if (has_all) {
      meant = one;
      break;
    }
  }
  module_.stmts[stmt.index].symbols = {meant.form};
  using Reply = syntax::GivenStmt::Reply;
  if (node.reply == Reply::kReject && !is_ask) return;
  if (node.reply != (is_ask ? Reply::kAnswer : Reply::kApprove)) {
    for (const syntax::Entry& entry : node.entries) infer(entry.value, types::kUnknown);
    if (node.value.valid()) infer(node.value, types::kUnknown);
    for (const ExprId value : node.values) infer(value, types::kUnknown);
    diagnostics_
        .report(Code::kApprovalReply, node.value.valid() ? span_of(node.value) : node.target.span,
                is_ask ? "a question is answered by `answer`"
                       : "an approval is answered by `approve` or `reject`")
        .labelled(is_ask ? "this is no answer" : "this is neither")
        .help(is_ask ? fmt::format("write `given ask {} => answer {{ … }}`", node.target.text())
                     : fmt::format("write `given approval {} => approve {{ … }}`, or `=> reject`",
                                   node.target.text()));
    return;
  }
  check_form(node, meant);
}

void BodyChecker::check_form(const syntax::GivenStmt& node, const Asked& asked) {
  const TypeId form = program_.symbols[asked.form].type;
  bool wrong = false;
  if (!types_.is(form, Shape::kForm)) {
    for (const syntax::Entry& entry : node.entries) infer(entry.value, types::kUnknown);
    return;
  }
  const auto fields = types_[form].fields;  // a copy: inferring may add types
  // Behind the fields stands who decided.
  const auto last = fields.begin() + static_cast<ptrdiff_t>(asked.written->form.size());
  for (size_t i = 0; i < node.entries.size(); ++i) {
    const syntax::Entry& entry = node.entries[i];
    const auto field = std::find_if(fields.begin(), last,
                                    [&](const auto& one) { return one.first == entry.name.text; });
    const bool again =
        std::any_of(node.entries.begin(), node.entries.begin() + static_cast<ptrdiff_t>(i),
                    [&](const auto& one) { return one.name.text == entry.name.text; });
    if (field == last || again) {
      infer(entry.value, types::kUnknown);
      wrong = true;
      if (entry.name.empty()) continue;
      if (again) {
        diagnostics_.report(Code::kDuplicateArgument, entry.name.span, entry.name.text)
            .labelled("again")
            .help("leave one of the two out");
        continue;
      }
      std::vector<std::string_view> names;
      std::string listed;
      for (auto one = fields.begin(); one != last; ++one) {
        names.push_back(one->first);
        listed += fmt::format("{}`{}`", listed.empty() ? "" : ", ", one->first);
      }
      diagnostics_
          .report(Code::kUnknownField, entry.name.span,
                  fmt::format("form of {}", node.target.text()), entry.name.text)
          .labelled(names.empty() ? std::string("it has no form")
                                  : fmt::format("it has {}", listed))
          .did_you_mean(entry.name.span, nearest(entry.name.text, names));
      continue;
    }
    expect(entry.value, field->second,
           {Why::Kind::kField, kept(entry.name.text), kept(node.target.text()), {}});
  }
  if (wrong) return;
  for (size_t i = 0; i < asked.written->form.size() && i < fields.size(); ++i) {
    const syntax::Field& written = asked.written->form[i];
    const bool is_given =
        std::any_of(node.entries.begin(), node.entries.end(),
                    [&](const auto& entry) { return entry.name.text == written.name.text; });
    if (is_given || written.default_value.valid() || types_.is_optional(fields[i].second)) continue;
    diagnostics_
        .report(Code::kMissingField, node.target.span, node.target.text(), written.name.text)
        .labelled(fmt::format("its form asks for `{}`", written.name.text))
        .help(fmt::format("write `{} {{ {}: … }}`", asked.written->is_ask ? "answer" : "approve",
                          written.name.text));
  }
}

// ---- Signals

void BodyChecker::given_signal(syntax::StmtId stmt, const syntax::GivenStmt& node) {
  if (node.condition.valid()) condition(node.condition);
  if (node.target.empty() || node.target.last().empty()) return;
  const std::string& name = node.target.last().text;
  const auto found = std::find_if(all_.signals.begin(), all_.signals.end(),
                                  [&](const AwaitedSignal& one) { return one.name == name; });
  if (found == all_.signals.end()) {
    std::vector<std::string_view> names;
    for (const AwaitedSignal& one : all_.signals) names.push_back(one.name);
    diagnostics_.report(Code::kUnknownApproval, node.target.span, "a wait for the signal", name)
        .labelled("nothing would ever wait for it")
        .did_you_mean(node.target.span, nearest(name, std::move(names)));
    return;
  }
  module_.stmts[stmt.index].brought = found->type;
  check_reply(node, found->type);
}

}  // namespace rbk::check
