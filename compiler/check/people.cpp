// What people decide: approvals, who may give them, and what they are asked.
#include <algorithm>
#include <optional>

#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;

void BodyChecker::check_who(const std::vector<syntax::Who>& who, std::string_view starter_cure) {
  for (const syntax::Who& one : who) {
    if (one.kind == syntax::Who::Kind::kStarter) {
      not_supported(one.span, "`starter` here", starter_cure);
    } else {
      expect(one.name, types::kString,
             {Why::Kind::kClause, one.kind == syntax::Who::Kind::kUser ? "user" : "group", {}, {}});
    }
  }
}

void BodyChecker::check_expired(const syntax::ApprovalStmt& node) {
  if (!node.expires) return;
  expect(node.expires->after, types::kDuration, {Why::Kind::kClause, "expires", {}, {}});
  within(node.expires->after, 1, INT64_MAX, "expires", "it would be over before anybody saw it",
         "write how long people have, as `expires 4h then reject`");
  switch (node.expires->then) {
    case syntax::Expiry::Then::kReject:
      break;
    case syntax::Expiry::Then::kEscalate:
      not_supported(node.expires->span, "`escalate`", "write `then reject` until then");
      break;
    case syntax::Expiry::Then::kDefault:
    case syntax::Expiry::Then::kFail:
      diagnostics_
          .report(Code::kClauseNotHere, node.expires->span,
                  node.expires->then == syntax::Expiry::Then::kFail ? "then fail" : "then default")
          .labelled("an approval is rejected when its time is up")
          .help("write `then reject`");
      break;
  }
}

void BodyChecker::check_quorum(const syntax::ApprovalStmt& node) {
  std::optional<int64_t> count = 1;
  if (node.quorum.valid()) {
    expect(node.quorum, types::kInt, {Why::Kind::kClause, "quorum", {}, {}});
    within(node.quorum, 1, INT64_MAX, "quorum", "at least one person has to approve",
           "write how many have to, as `quorum 2`, or leave it out: then one has");
    count = constant(node.quorum);
  }
  // Who is in a group is only known when it runs; without `by`, everybody may.
  if (node.by.empty() || std::any_of(node.by.begin(), node.by.end(), [](const syntax::Who& who) {
        return who.kind != syntax::Who::Kind::kUser;
      }))
    return;
  const auto named = [&](const syntax::Who& who) -> std::optional<std::string> {
    const auto* literal =
        who.name.valid() ? std::get_if<syntax::StringLit>(&ast_[who.name].node) : nullptr;
    if (literal == nullptr || !literal->is_plain_text() || literal->parts.empty())
      return std::nullopt;
    return literal->parts.front().text;
  };
  std::vector<std::string> told;  // those that may not, and those that were counted
  for (const syntax::Who& who : node.not_by) {
    if (const auto name = named(who); name && who.kind == syntax::Who::Kind::kUser)
      told.push_back(*name);
  }
  int64_t most = 0;
  for (const syntax::Who& who : node.by) {
    const auto name = named(who);
    if (name && std::find(told.begin(), told.end(), *name) != told.end()) continue;
    if (name) told.push_back(*name);
    ++most;
  }
  if (most == 0) {
    diagnostics_.report(Code::kClauseNotHere, node.not_by.front().span, "not by")
        .labelled("nobody is left who could approve")
        .also(node.by.front().span, "only those that `by` names may")
        .help("name somebody else, or a group");
    return;
  }
  if (!count || *count <= most) return;
  diagnostics_
      .report(Code::kOutsideWhere, span_of(node.quorum), source(span_of(node.quorum)), "quorum")
      .labelled(most == 1 ? std::string("one person may approve, and no more")
                          : fmt::format("{} people may approve, and no more", most))
      .also(node.by.front().span, "only those that `by` names may")
      .help(fmt::format("write `quorum {}`, name more people, or a group", most));
}

void BodyChecker::check_approval(syntax::StmtId stmt, const syntax::ApprovalStmt& node, Span span) {
  StmtInfo& statement = module_.stmts[stmt.index];
  if (node.is_ask) {
    not_supported(Span{span.begin, span_of(node.question).end, span.file}, "`ask`",
                  "use an `approval` with a `form`");
    statement.symbols = {declare_local(node.name, types::kUnknown, Symbol::Kind::kLocal, false)};
    return;
  }
  allow_effect(span, "`approval`");
  expect(node.question, types::kString, {Why::Kind::kClause, "approval", {}, {}});
  check_who(node.by, "whoever started the run may approve with `allow starter`");
  for (const syntax::Who& who : node.not_by) {
    if (who.kind == syntax::Who::Kind::kStarter) {
      if (!node.allow_starter) continue;
      diagnostics_.report(Code::kClauseNotHere, who.span, "not by starter")
          .labelled("`allow starter` says the opposite")
          .help("keep one of the two");
    } else {
      check_who({who}, "");
    }
  }
  check_quorum(node);
  for (const ExprId target : node.notify)
    expect(target, types::kString, {Why::Kind::kClause, "notify", {}, {}});
  if (!node.notify.empty())
    not_supported(span_of(node.notify.front()), "`notify`",
                  "remove it until then: people see what waits for them by `rbk inbox`");
  check_expired(node);
  if (!node.break_glass.empty())
    not_supported(node.break_glass.front().span, "`break_glass`",
                  "name a group that can always approve");
  std::vector<std::pair<std::string, TypeId>> fields;
  std::vector<SymbolId> symbols{kNone};
  {
    const Scopes::Open scope(scopes_);
    const Restore<Place> place(place_);
    place_.top_level = false;
    for (const syntax::Field& field : node.form) {
      const TypeId type = all_.resolve_type(module_.id, field.type);
      if (field.default_value.valid())
        expect(field.default_value, type,
               {Why::Kind::kField, field.name.text, node.name.text, field.name.span});
      if (type == types::kSecret)
        not_supported(field.span, "a `secret` in a form", "take it as a parameter of the runbook");
      symbols.push_back(declare_local(field.name, type, Symbol::Kind::kLocal, false));
      for (const syntax::Refinement& where : field.where) {
        condition(where.condition);
        if (where.message.valid())
          expect(where.message, types::kString, {Why::Kind::kClause, "else", {}, {}});
      }
      fields.emplace_back(field.name.text, type);
    }
  }
  fields.emplace_back("approvers", types_.list(types::kString));
  symbols.front() =
      declare_local(node.name, types_.form(std::move(fields)), Symbol::Kind::kLocal, false);
  module_.stmts[stmt.index].symbols = std::move(symbols);
  if (place_.code == Place::Code::kRunbook) rules_.may_fail();
}

}  // namespace rbk::check
