// What people decide and answer: approvals and questions, who may give them, and what they are
// asked.
#include <algorithm>
#include <optional>
#include <set>

#include "base/spelling.h"
#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;

void BodyChecker::check_who(const std::vector<syntax::Who>& who, std::string_view starter_cure) {
  for (const syntax::Who& one : who) {
    if (one.kind == syntax::Who::Kind::kStarter) {
      if (!starter_cure.empty()) not_supported(one.span, "`starter` here", starter_cure);
    } else {
      expect(one.name, types::kString,
             {Why::Kind::kClause, one.kind == syntax::Who::Kind::kUser ? "user" : "group", {}, {}});
    }
  }
}

void BodyChecker::check_expiry_time(const syntax::Expiry& expires, std::string_view example) {
  expect(expires.after, types::kDuration, {Why::Kind::kClause, "expires", {}, {}});
  within(expires.after, 1, INT64_MAX, "expires", "it would be over before anybody saw it",
         fmt::format("write how long people have, as `{}`", example));
  const auto longest = constant(expires.after);
  if (longest && place_.timeout && *longest > *place_.timeout)
    diagnostics_
        .report(Code::kLongerThanTimeout, span_of(expires.after), source(span_of(expires.after)),
                source(place_.timeout_span))
        .also(place_.timeout_span, "this timeout is around it")
        .help("make the timeout longer, or let it expire sooner");
}

void BodyChecker::check_expired(const syntax::ApprovalStmt& node) {
  if (!node.expires) return;
  check_expiry_time(*node.expires, "expires 4h then reject");
  switch (node.expires->then) {
    case syntax::Expiry::Then::kReject:
      break;
    case syntax::Expiry::Then::kEscalate:
      check_who(node.expires->to, "name a group or a user whom it is put before then");
      if (node.by.empty())
        diagnostics_.report(Code::kContradiction, node.expires->span, "escalate", "no `by`")
            .labelled("everybody may decide from the beginning")
            .help("say in `by` who decides until then, or write `then reject`");
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
  if (node.by.empty()) return;  // everybody may
  const auto named = [&](const syntax::Who& who) -> std::optional<std::string> {
    const auto* literal =
        who.name.valid() ? std::get_if<syntax::StringLit>(&ast_[who.name].node) : nullptr;
    if (literal == nullptr || !literal->is_plain_text() || literal->parts.empty())
      return std::nullopt;
    return literal->parts.front().text;
  };
  // Without groups in the project, who is in one is only known when it runs.
  const auto& groups = all_.options.groups;
  bool has_groups = false;
  std::set<std::string> barred;  // those that may not, as far as they are known
  for (const syntax::Who& who : node.not_by) {
    const auto name = named(who);
    if (!name) continue;
    if (who.kind == syntax::Who::Kind::kUser) barred.insert(*name);
    const auto group = groups.find(*name);
    if (who.kind == syntax::Who::Kind::kGroup && group != groups.end())
      barred.insert(group->second.begin(), group->second.end());
  }
  std::set<std::string> able;
  int64_t unnamed = 0;                     // `user x`: one person each, whoever that is
  std::vector<syntax::Who> may = node.by;  // in the end
  if (node.expires && node.expires->then == syntax::Expiry::Then::kEscalate)
    may.insert(may.end(), node.expires->to.begin(), node.expires->to.end());
  for (const syntax::Who& who : may) {
    const auto name = named(who);
    if (who.kind == syntax::Who::Kind::kUser) {
      if (name)
        able.insert(*name);
      else
        ++unnamed;
      continue;
    }
    has_groups = true;
    if (groups.empty() || !name || name->find(':') != std::string::npos) return;
    const auto group = groups.find(*name);
    if (group == groups.end() || group->second.empty()) return report_empty_group(who, *name);
    able.insert(group->second.begin(), group->second.end());
  }
  std::erase_if(able, [&](const std::string& name) { return barred.contains(name); });
  const int64_t most = static_cast<int64_t>(able.size()) + unnamed;
  // What groups hold may change before it runs: then it is a warning.
  const auto weigh = [&](diagnostics::Diagnostic& report) {
    if (has_groups) report.severity = diagnostics::Severity::kWarning;
  };
  if (!node.break_glass.empty()) return;  // one of those may decide alone
  if (most == 0) {
    auto& report = diagnostics_.report(Code::kNobodyApproves, node.not_by.front().span)
                       .labelled("nobody is left who could approve")
                       .also(node.by.front().span, "only those that `by` names may")
                       .help("name somebody else, or a group");
    return weigh(report);
  }
  if (!count || *count <= most) return;
  auto& report =
      diagnostics_.report(Code::kQuorumTooLarge, span_of(node.quorum), source(span_of(node.quorum)))
          .labelled(most == 1 ? std::string("one person may approve, and no more")
                              : fmt::format("{} people may approve, and no more", most))
          .also(node.by.front().span, "only those that `by` names may")
          .help(fmt::format("write `quorum {}`, name more people, or a group", most));
  weigh(report);
}

void BodyChecker::report_empty_group(const syntax::Who& who, const std::string& name) {
  const auto& groups = all_.options.groups;
  std::vector<std::string_view> names;
  for (const auto& [group, members] : groups)
    if (!members.empty()) names.push_back(group);
  const std::string_view near = nearest_name(name, names);
  diagnostics_.report(Code::kEmptyGroup, who.span, name)
      .labelled(groups.contains(name) ? "runbook.toml names no members of it"
                                      : "runbook.toml has no such group")
      .help(near.empty() || groups.contains(name)
                ? fmt::format("name its members in runbook.toml, under [groups]: {} = [\"ann\"]",
                              name)
                : fmt::format("did you mean `{}`? The groups are under [groups] in runbook.toml",
                              near));
}

void BodyChecker::check_notify(const std::vector<ExprId>& targets) {
  const auto& known = all_.options.notify;
  for (const ExprId target : targets) {
    expect(target, types::kString, {Why::Kind::kClause, "notify", {}, {}});
    const auto* literal = std::get_if<syntax::StringLit>(&ast_[target].node);
    if (!known || literal == nullptr || !literal->is_plain_text() || literal->parts.empty())
      continue;
    const std::string& name = literal->parts.front().text;
    if (known->contains(name)) continue;
    std::vector<std::string_view> names(known->begin(), known->end());
    const std::string_view near = nearest_name(name, names);
    diagnostics_.report(Code::kUnknownTarget, span_of(target), name)
        .labelled("nobody would be told")
        .help(near.empty() ? fmt::format("describe it in runbook.toml: [notify.{}] with "
                                         "`webhook = \"https://…\"` or `command = \"…\"`",
                                         name)
                           : fmt::format("did you mean `{}`? The targets are under [notify] in "
                                         "runbook.toml",
                                         near));
  }
}

/// The fields as types, and their symbols after the one of the whole.
std::vector<std::pair<std::string, TypeId>> BodyChecker::check_form(
    const syntax::ApprovalStmt& node, std::vector<SymbolId>& symbols) {
  std::vector<std::pair<std::string, TypeId>> fields;
  symbols = {kNone};
  const Scopes::Open scope(scopes_);
  const Restore<Place> place(place_);
  place_.top_level = false;
  for (const syntax::Field& field : node.form) {
    const TypeId type = all_.resolve_type(module_.id, field.type);
    if (field.default_value.valid())
      expect(field.default_value, type,
             {Why::Kind::kField, field.name.text, node.name.text, field.name.span});
    if (field.default_value.valid())
      all_.defaults.push_back({module_.id, field.default_value, field.name.text});
    if (all_.holds_secret(type))
      not_supported(field.span, "a `secret` in a form", "take it as a parameter of the runbook");
    symbols.push_back(declare_local(field.name, type, Symbol::Kind::kLocal, false));
    check_where(field);
    fields.emplace_back(field.name.text, type);
  }
  return fields;
}

void BodyChecker::check_approval(syntax::StmtId stmt, const syntax::ApprovalStmt& node, Span span) {
  allow_effect(span, "`approval`");
  expect(node.question, types::kString, {Why::Kind::kClause, "approval", {}, {}});
  check_who(node.by, "whoever started the run may approve with `allow starter`");
  for (const syntax::Who& who : node.not_by) {
    if (who.kind == syntax::Who::Kind::kStarter) {
      if (!node.allow_starter) continue;
      diagnostics_.report(Code::kContradiction, who.span, "not by starter", "allow starter")
          .help("keep one of the two");
    } else {
      check_who({who}, "");
    }
  }
  check_quorum(node);
  check_notify(node.notify);
  check_expired(node);
  check_who(node.break_glass, "name a group or a user; of those whoever started the run may too");
  std::vector<SymbolId> symbols;
  std::vector<std::pair<std::string, TypeId>> fields = check_form(node, symbols);
  fields.emplace_back("approvers", types_.list(types::kString));
  symbols.front() =
      declare_local(node.name, types_.form(std::move(fields)), Symbol::Kind::kLocal, false);
  module_.stmts[stmt.index].symbols = std::move(symbols);
  if (place_.code == Place::Code::kRunbook) rules_.may_fail();
}

// ---- Questions

/// What an approval has and a question has not: nobody is kept from answering it, and one does.
void BodyChecker::refuse_approval_clauses(const syntax::ApprovalStmt& node, Span span) {
  const auto refuse = [&](Span at, std::string_view clause, std::string_view label,
                          std::string_view cure) {
    diagnostics_.report(Code::kQuestionClause, at, clause)
        .labelled(std::string(label))
        .help(std::string(cure));
  };
  if (!node.not_by.empty())
    refuse(node.not_by.front().span, "not by", "whoever `by` names may answer a question",
           "say in `by` who may, or write an `approval`");
  if (node.quorum.valid())
    refuse(span_of(node.quorum), "quorum", "a question is answered by one person",
           "remove it, or write an `approval`");
  if (node.allow_starter)
    refuse(Span{span.begin, span_of(node.question).end, span.file}, "allow starter",
           "whoever started the run may answer it as well as others",
           "remove it; `by starter` lets nobody else answer");
  if (!node.break_glass.empty())
    refuse(node.break_glass.front().span, "break_glass", "a question is no approval",
           "say in `by` who may answer");
}

void BodyChecker::check_unanswered(const syntax::ApprovalStmt& node) {
  if (!node.expires) return;
  using Then = syntax::Expiry::Then;
  check_expiry_time(*node.expires, "expires 30m then fail");
  bound_by_timeout(node.expires->after, span_of(node.expires->after), "`expires`");
  if (node.expires->then == Then::kReject || node.expires->then == Then::kEscalate) {
    const bool rejects = node.expires->then == Then::kReject;
    diagnostics_
        .report(Code::kQuestionClause, node.expires->span,
                rejects ? "then reject" : "then escalate")
        .labelled(rejects ? "a question is not rejected" : "a question has nobody above it")
        .help("write `then fail`, or `then default` where each field has a default");
    return;
  }
  if (node.expires->then != Then::kDefault) return;
  for (const syntax::Field& field : node.form) {
    const bool fills_itself =
        field.default_value.valid() ||
        (field.type.valid() && types_.is_optional(all_.resolve_type(module_.id, field.type)));
    if (!fills_itself)
      diagnostics_.report(Code::kMissingField, field.name.span, "then default", field.name.text)
          .labelled("nothing says what it is when nobody answers")
          .also(node.expires->span, "then the defaults are taken")
          .help(fmt::format("give `{}` a default, or write `then fail`", field.name.text));
  }
}

void BodyChecker::check_ask(syntax::StmtId stmt, const syntax::ApprovalStmt& node, Span span) {
  allow_effect(span, "`ask`");
  expect(node.question, types::kString, {Why::Kind::kClause, "ask", {}, {}});
  check_who(node.by, "");
  refuse_approval_clauses(node, span);
  check_notify(node.notify);
  check_unanswered(node);
  std::vector<SymbolId> symbols;
  std::vector<std::pair<std::string, TypeId>> fields = check_form(node, symbols);
  symbols.front() =
      declare_local(node.name, types_.form(std::move(fields)), Symbol::Kind::kLocal, false);
  module_.stmts[stmt.index].symbols = std::move(symbols);
  const bool may_fail =
      node.expires &&
      (node.expires->then == syntax::Expiry::Then::kFail ||
       std::any_of(node.form.begin(), node.form.end(),
                   [](const syntax::Field& field) { return !field.where.empty(); }));
  if (may_fail && place_.code == Place::Code::kRunbook) rules_.may_fail();
}

}  // namespace rbk::check
