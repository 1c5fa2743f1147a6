// Statements, but for steps (steps.cpp), those that hold values (blocks.cpp), those that wait for
// people (people.cpp) and locks (locks.cpp).
#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;

void BodyChecker::not_supported(Span span, std::string_view what, std::string_view cure) {
  diagnostics_.report(Code::kNotSupported, span, what).help(std::string(cure));
}

void BodyChecker::check_statement(syntax::StmtId id) {
  const syntax::Stmt& stmt = ast_[id];
  const Why plain;
  std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, syntax::LetStmt>) {
          check_let(id, node);
        } else if constexpr (std::is_same_v<Node, syntax::AssignStmt>) {
          check_assign(node);
        } else if constexpr (std::is_same_v<Node, syntax::ExprStmt>) {
          check_expression_statement(id, node, Want::kDiscard, kNone, plain);
        } else if constexpr (std::is_same_v<Node, syntax::StepStmt>) {
          check_step(id, node, stmt.span);
        } else if constexpr (std::is_same_v<Node, syntax::ForStmt>) {
          check_for(id, node);
        } else if constexpr (std::is_same_v<Node, syntax::RepeatStmt>) {
          allow_effect(stmt.span, "`repeat`");
          check_repeat(node);
        } else if constexpr (std::is_same_v<Node, syntax::UntilStmt>) {
          condition(node.condition);
        } else if constexpr (std::is_same_v<Node, syntax::HoldStmt>) {
          allow_effect(stmt.span, "`hold`");
          check_hold(node);
        } else if constexpr (std::is_same_v<Node, syntax::ReturnStmt>) {
          check_return(node, stmt.span);
        } else if constexpr (std::is_same_v<Node, syntax::BreakStmt>) {
          check_jump("break", stmt.span);
        } else if constexpr (std::is_same_v<Node, syntax::ContinueStmt>) {
          check_jump("continue", stmt.span);
        } else if constexpr (std::is_same_v<Node, syntax::RequireStmt>) {
          check_require(node);
        } else if constexpr (std::is_same_v<Node, syntax::DeferStmt>) {
          allow_effect(stmt.span, "`defer`");
          check_undo_block(node.body, Place::Code::kUndo, "a `defer`");
        } else if constexpr (std::is_same_v<Node, syntax::CommitStmt>) {
          allow_effect(stmt.span, "`commit`");
          expect(node.why, types::kString, {Why::Kind::kClause, "commit", {}, {}});
          if (place_.code == Place::Code::kRunbook) rules_.commit();
        } else if constexpr (std::is_same_v<Node, syntax::LockStmt>) {
          check_lock(node, stmt.span);
        } else if constexpr (std::is_same_v<Node, syntax::HandlerStmt>) {
          check_handler(id, node, stmt.span);
        } else if constexpr (std::is_same_v<Node, syntax::ApprovalStmt>) {
          if (node.is_ask)
            check_ask(id, node, stmt.span);
          else
            check_approval(id, node, stmt.span);
        } else if constexpr (std::is_same_v<Node, syntax::ExpectStmt>) {
          check_expect(node, stmt.span);
        } else if constexpr (std::is_same_v<Node, syntax::GivenStmt>) {
          check_given(id, node, stmt.span);
        } else if constexpr (std::is_same_v<Node, syntax::CrashStmt>) {
          check_crash(node, stmt.span);
        }
      },
      stmt.node);
}

void BodyChecker::check_let(syntax::StmtId stmt, const syntax::LetStmt& node) {
  TypeId type = types::kUnknown;
  const Restore<OwnStatement> own(own_statement_);
  if (node.value.valid())
    own_statement_ = {
        node.value,     {ast_[stmt].span.begin, span_of(node.value).begin, ast_[stmt].span.file},
        node.name.text, node.is_var,
        kNone,          false};
  if (node.type.valid()) {
    own_statement_.type = type = all_.resolve_type(module_.id, node.type);
    expect(node.value, type, {Why::Kind::kName, node.name.text, {}, ast_[node.type].span});
  } else {
    type = infer(node.value);
    if (type == types::kNothing) {
      diagnostics_.report(Code::kNoValue, span_of(node.value), "value")
          .labelled(fmt::format("there is nothing to call `{}`", node.name.text))
          .help("leave out what stands before it");
      type = types::kUnknown;
    } else if (type == types::kNull) {
      diagnostics_
          .report(Code::kCannotInfer, span_of(node.value), fmt::format("`{}`", node.name.text))
          .labelled("null of which type?")
          .help(fmt::format("write it: `{} {}: string? = null`", node.is_var ? "var" : "let",
                            node.name.text));
      type = types::kUnknown;
    } else if (type == types::kNever) {
      type = types::kUnknown;
    }
  }
  // A run that a test makes can be looked at by what it called.
  const bool is_run = in_test() && types_.is(type, Shape::kForm);
  const SymbolId symbol = declare_local(node.name, type, Symbol::Kind::kLocal, !is_run);
  module_.stmts[stmt.index].symbols = {symbol};
  if (const auto number = constant(node.value); number && symbol != kNone && !node.is_var)
    constants_[symbol] = *number;
  if (symbol == kNone || !node.is_var) return;
  program_.symbols[symbol].is_var = true;
  var_borders_[symbol] = borders_.size();
}

void BodyChecker::check_assign(const syntax::AssignStmt& node) {
  const auto* name = std::get_if<syntax::NameExpr>(&ast_[node.target].node);
  if (name == nullptr) {
    infer(node.target);
    infer(node.value, types::kUnknown);
    return;  // the parser told it
  }
  SymbolId symbol = scopes_.find(name->name);
  if (symbol == kNone) symbol = all_.find_top_level(module_.id, name->name);
  if (symbol == kNone) {
    infer(node.value, types::kUnknown);
    std::vector<std::string_view> names = scopes_.names();
    auto& report = diagnostics_.report(Code::kUnknownName, span_of(node.target), name->name)
                       .labelled("nothing of this name can be assigned");
    const std::string_view near = nearest(name->name, std::move(names));
    if (near.empty())
      report.help(fmt::format("declare it first: `var {} = …`", name->name));
    else
      report.did_you_mean(span_of(node.target), near);
    return;
  }
  mean(node.target, Meaning::Kind::kSymbol).symbol = symbol;
  const Symbol& target = program_.symbols[symbol];
  info(node.target).value_type = info(node.target).type = target.type;
  if (!target.is_var) {
    infer(node.value, target.type);
    if (target.kind != Symbol::Kind::kLocal && target.kind != Symbol::Kind::kParameter &&
        target.kind != Symbol::Kind::kStep && target.kind != Symbol::Kind::kConst) {
      diagnostics_.report(Code::kNotAssignable, span_of(node.target))
          .labelled(fmt::format("`{}` is {}", name->name, ProgramChecker::kind_text(target)))
          .help(fmt::format("for a value of its own declare another name: `var x = …`"));
      return;
    }
    std::string what(ProgramChecker::kind_text(target));
    if (target.kind == Symbol::Kind::kLocal) what = "a `let`";
    auto& report = diagnostics_.report(Code::kAssignToLet, span_of(node.target), name->name, what)
                       .labelled("only a `var` can be assigned");
    if (!target.span.empty()) report.also(target.span, "declared here");
    report.help(
        target.kind == Symbol::Kind::kLocal
            ? fmt::format("declare it with `var {}`, or give the new value a new name", name->name)
            : "give the new value a new name");
    return;
  }
  const auto border = var_borders_.find(symbol);
  if (border != var_borders_.end() && border->second < borders_.size()) {
    switch (borders_[border->second]) {
      case Border::kBranch:
        diagnostics_.report(Code::kAssignInBranch, span_of(node.target), name->name)
            .labelled("branches run side by side: which value would it have?")
            .also(target.span, "declared outside of the branch")
            .help("let each branch give its value, and use the list that `parallel` gives");
        break;
      case Border::kLambda:
        diagnostics_
            .report(Code::kEffectInFn, span_of(node.target),
                    fmt::format("`{}` of outside is changed", name->name), place_.pure_in)
            .also(target.span, "declared outside")
            .help("give the value back, and assign it there");
        break;
      case Border::kUndo:
        diagnostics_
            .report(Code::kAssignToLet, span_of(node.target), name->name,
                    "seen here as it was when this was reached")
            .also(target.span, "declared outside")
            .help("keep what is needed here in a name of its own");
        break;
    }
  }
  const TypeId type = target.type;
  expect(node.value, type, {Why::Kind::kName, name->name, {}, target.span});
  facts_.drop_if([&](PathId path) { return paths_.root_of(path) == symbol; });
  const Convert made = info(node.value).convert;
  if (types_.is_optional(type) &&
      (made == Convert::kToOptional || info(node.value).then == Convert::kToOptional))
    facts_.add(paths_.root(symbol));
}

// ---- Loops

TypeId BodyChecker::iterate(ExprId items, TypeId& key, bool with_key) {
  const TypeId type = infer(items);
  key = types::kInt;
  switch (types_.shape(type)) {
    case Shape::kUnknown:
    case Shape::kNever:
      key = types::kUnknown;
      return types::kUnknown;
    case Shape::kList:
      return types_.element(type);
    case Shape::kRange:
      if (types_.element(type) == types::kInt || types_.is_silent(types_.element(type)))
        return types_.element(type);
      diagnostics_.report(Code::kNotIterable, span_of(items), "range<int>", text(type))
          .labelled("only whole numbers can be counted through");
      return types::kUnknown;
    case Shape::kMap:
      key = types_[type].key;
      if (with_key) return types_.element(type);
      diagnostics_.report(Code::kNotIterable, span_of(items), "list", text(type))
          .labelled("a map has keys and values")
          .help(fmt::format("write `for key, value in {0}`, or go through `{0}.keys`",
                            source(span_of(items))));
      return types::kUnknown;
    case Shape::kOptional:
      report_mismatch(items, type, types_.element(type), {});
      return types::kUnknown;
    case Shape::kJson:
      diagnostics_.report(Code::kJsonCastNeeded, span_of(items), "list<json>")
          .labelled("it may be no list at all")
          .help(fmt::format("say what it is: `{} as list<json>`", source(span_of(items))));
      return types::kUnknown;
    default:
      diagnostics_.report(Code::kNotIterable, span_of(items), "list", text(type))
          .labelled("lists, ranges and maps can be gone through")
          .help(type == types::kInt ? fmt::format("write a range: `1..{}`", source(span_of(items)))
                                    : "");
      return types::kUnknown;
  }
}

void BodyChecker::enter_loop() {
  place_.in_loop = true;
  facts_.drop_if([&](PathId path) { return is_var(paths_.root_of(path)); });
}

void BodyChecker::check_for(syntax::StmtId stmt, const syntax::ForStmt& node) {
  TypeId key = types::kInt;
  const TypeId element = iterate(node.items, key, !node.index.empty());
  const Scopes::Open scope(scopes_);
  const Restore<Place> place(place_);
  place_.top_level = false;
  enter_loop();
  const Facts before = facts_;
  module_.stmts[stmt.index].symbols = {
      declare_local(node.item, element, Symbol::Kind::kLocal, false),
      declare_local(node.index, key, Symbol::Kind::kLocal, false)};
  rules_.open(RollbackRules::Region::kLoop);
  check_block(node.body, Want::kDiscard, kNone, {});
  rules_.close();
  reachable_ = true;
  facts_ = before;
}

void BodyChecker::check_repeat(const syntax::RepeatStmt& node) {
  expect(node.every, types::kDuration, {Why::Kind::kClause, "every", {}, {}});
  within(node.every, 0, INT64_MAX, "every", "a pause takes time, or none",
         "write the pause between two rounds, as `every 5s`");
  if (node.at_most.valid()) {
    expect(node.at_most, node.at_most_times ? types::kInt : types::kDuration,
           {Why::Kind::kClause, "at most", {}, {}});
    within(node.at_most, 1, INT64_MAX, "at most", "it would be up before it begins",
           node.at_most_times ? "write how many rounds there may be, as `at most 20 times`"
                              : "write how long it may take, as `at most 10m`");
  }
  if (node.at_most.valid() && !node.at_most_times)
    bound_by_timeout(node.at_most, span_of(node.at_most), "`at most`");
  const Restore<Place> place(place_);
  enter_loop();
  const Facts before = facts_;
  rules_.open(RollbackRules::Region::kLoop);
  check_block(node.body, Want::kDiscard, kNone, {});
  rules_.close();
  if (place_.code == Place::Code::kRunbook && node.at_most.valid()) rules_.may_fail();
  reachable_ = true;
  facts_ = before;
}

void BodyChecker::check_hold(const syntax::HoldStmt& node) {
  expect(node.duration, types::kDuration, {Why::Kind::kClause, "hold", {}, {}});
  within(node.duration, 1, INT64_MAX, "hold", "it would be over at its first check",
         "write how long it must hold, as `hold 10m every 30s`");
  expect(node.every, types::kDuration, {Why::Kind::kClause, "every", {}, {}});
  within(node.every, 1, INT64_MAX, "every", "its checks would leave no time for anything else",
         "write how often it is checked, as `every 30s`");
  bound_by_timeout(node.duration, span_of(node.duration), "the time to hold");
  const Restore<Place> place(place_);
  enter_loop();
  const Facts before = facts_;
  rules_.open(RollbackRules::Region::kLoop);
  check_block(node.body, Want::kDiscard, kNone, {});
  rules_.close();
  reachable_ = true;
  facts_ = before;
}

/// Reports a time that is known to be longer than the timeout around it.
void BodyChecker::bound_by_timeout(ExprId time, Span span, std::string_view what) {
  const auto longest = time.valid() ? constant(time) : std::nullopt;
  if (!place_.timeout || !longest || *longest <= *place_.timeout) return;
  diagnostics_
      .report(Code::kLongerThanTimeout, span, source(span_of(time)), source(place_.timeout_span))
      .also(place_.timeout_span, "this timeout is around it")
      .help(fmt::format("make the timeout longer, or {} shorter", what));
}

void BodyChecker::check_jump(std::string_view word, Span span) {
  if (!place_.in_loop) {
    auto& report = diagnostics_.report(Code::kOutsideLoop, span, word);
    if (place_.loop_border.empty()) {
      report.labelled("there is no loop around it");
    } else {
      report.labelled(fmt::format("it cannot leave {}", place_.loop_border))
          .help("decide in the loop itself, by what this gives");
    }
    return;
  }
  reachable_ = false;
}

// ---- Leaving

void BodyChecker::check_return(const syntax::ReturnStmt& node, Span span) {
  if (!place_.no_return.empty()) {
    if (node.value.valid()) infer(node.value, place_.result);
    diagnostics_.report(Code::kReturnInStep, span, place_.no_return)
        .labelled(fmt::format("{} ends by its last line", place_.no_return))
        .help("let the last expression be its value, and `return` outside");
    return;
  }
  check_returned(node, span);
  reachable_ = false;
}

void BodyChecker::check_returned(const syntax::ReturnStmt& node, Span span) {
  TypeId& given = place_.found != nullptr ? *place_.found : place_.result;
  if (!node.value.valid()) {
    if (given == kNone) {
      given = types::kNothing;
    } else if (given != types::kNothing && !types_.is_silent(given)) {
      diagnostics_.report(Code::kNoValue, span, text(given))
          .labelled(fmt::format("{} returns `{}`",
                                place_.returns_to.empty() ? std::string("this `fn`")
                                                          : fmt::format("`{}`", place_.returns_to),
                                text(given)))
          .help("write what it gives: `return …`");
    }
    return;
  }
  if (given == kNone) {
    const TypeId type = infer(node.value);
    if (!types_.is_silent(type)) given = type;
  } else if (given == types::kNothing) {
    const TypeId type = infer(node.value);
    if (types_.is_silent(type) || type == types::kNothing) return;
    diagnostics_.report(Code::kWrongType, span_of(node.value), "nothing", text(type))
        .labelled(place_.returns_to.empty()
                      ? std::string("the `return` before gives nothing")
                      : fmt::format("`{}` returns nothing", place_.returns_to))
        .help(fmt::format("say what it returns in its head: `-> {}`", text(type)));
  } else {
    expect(node.value, given,
           {place_.returns_to.empty() ? Why::Kind::kBranch : Why::Kind::kReturn,
            place_.returns_to,
            {},
            {}});
  }
}

void BodyChecker::check_require(const syntax::RequireStmt& node) {
  const Branching branching = condition(node.condition);
  if (node.message.valid()) {
    const Restore<Facts> facts(facts_);
    facts_.add(branching.when_false);
    expect(node.message, types::kString, {Why::Kind::kClause, "else", {}, {}});
  }
  facts_.add(branching.when_true);
  if (place_.code == Place::Code::kRunbook) rules_.may_fail();
}

void BodyChecker::check_handler(syntax::StmtId stmt, const syntax::HandlerStmt& node, Span span) {
  if (!place_.top_level) {
    const std::string_view text = source(span);
    diagnostics_.report(Code::kHandlerPlace, span, text.substr(0, text.find(" {")), "the runbook")
        .labelled("here it would belong to nothing")
        .help("move it to the end of the runbook's body");
    return;
  }
  const Restore<std::vector<SymbolId>> absent(maybe_absent_);
  const Restore<bool> reach(reachable_);
  maybe_absent_ = top_level_names_;
  const Scopes::Open scope(scopes_);
  const Restore<Place> place(place_);
  place_.top_level = false;
  SymbolId binding = kNone;
  if (!node.binding.empty()) {
    if (node.kind == syntax::HandlerStmt::Kind::kAfterSuccess)
      diagnostics_.report(Code::kClauseNotHere, node.binding.span, node.binding.text)
          .labelled("after success there is no error")
          .help("leave the name out");
    binding = declare_local(node.binding, types::kError, Symbol::Kind::kLocal, false);
  }
  module_.stmts[stmt.index].symbols = {binding};
  reachable_ = true;
  check_undo_block(node.body, Place::Code::kHandler, "a handler");
}

}  // namespace rbk::check
