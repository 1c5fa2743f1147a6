// Locks: `lock` blocks, and what a runbook's head says of runs at the same time. Whether the locks
// of a program go together is in lock_order.cpp.
#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;

void BodyChecker::check_lock_name(ExprId name, std::string_view clause) {
  check_name(name, clause, "what only one may use at a time", "database");
}

/// `what` it names, and an example.
void BodyChecker::check_name(ExprId name, std::string_view clause, std::string_view what,
                             std::string_view example) {
  expect(name, types::kString, {Why::Kind::kClause, clause, {}, {}});
  const auto* literal = std::get_if<syntax::StringLit>(&ast_[name].node);
  if (literal == nullptr || !literal->is_plain_text() ||
      (!literal->parts.empty() && !literal->parts.front().text.empty()))
    return;
  diagnostics_.report(Code::kClauseValue, span_of(name), clause, source(span_of(name)))
      .labelled("a name says what it is for")
      .help(fmt::format("write {}, as `{} \"{}\"`", what, clause, example));
}

void BodyChecker::check_lock(const syntax::LockStmt& node, Span span) {
  const Span head{span.begin, span_of(node.name).end, span.file};
  if (place_.code == Place::Code::kVerify)
    diagnostics_.report(Code::kVerifyWrites, head, "lock", "may wait for another run")
        .help("ask by actions that read");
  else
    allow_effect(head, "`lock`");
  check_lock_name(node.name, "lock");
  if (node.limit.valid()) {
    expect(node.limit, types::kInt, {Why::Kind::kClause, "limit", {}, {}});
    within(node.limit, 1, INT64_MAX, "limit", "nobody could ever have it",
           "write how many may have it at once, as `limit 2`, or leave it out: then one has");
  }
  if (node.timeout.valid()) {
    expect(node.timeout, types::kDuration, {Why::Kind::kClause, "timeout", {}, {}});
    within(node.timeout, 1, INT64_MAX, "timeout", "it would be over before it begins",
           "write how long it may be waited for, as `timeout 5m`");
    bound_by_timeout(node.timeout, span_of(node.timeout), "the time to wait for the lock");
  }
  if (node.expires.valid()) {
    expect(node.expires, types::kDuration, {Why::Kind::kClause, "expires", {}, {}});
    within(node.expires, 1, INT64_MAX, "expires", "nothing could be done under it",
           "write how long it may be held, as `expires 1h`");
    bound_by_timeout(node.expires, span_of(node.expires), "the time to hold the lock");
  }
  if (place_.code == Place::Code::kRunbook) rules_.may_fail();
  check_block(node.body, Want::kDiscard, kNone, {});
}

void BodyChecker::check_concurrency(const syntax::RunbookDecl& runbook) {
  const Restore<Place> place(place_);
  place_ = Place{};
  place_.pure_in = "the head of a runbook";
  if (runbook.worker.valid())
    check_name(runbook.worker, "on worker", "which workers may go on with it", "dc-fra");
  for (const syntax::Exclusive& one : runbook.exclusive) check_lock_name(one.name, "exclusive");
  if (!runbook.max.valid()) return;
  expect(runbook.max, types::kInt, {Why::Kind::kClause, "max", {}, {}});
  within(runbook.max, 1, INT64_MAX, "max", "no run of it could ever begin",
         "write how many may run at once, as `max 5`");
}

}  // namespace rbk::check
