// Schedules: what starts when, and with which arguments, is known when compiling; and it fires.
#include <algorithm>

#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

namespace {

/// The years in which changes of the clock are looked for. Fixed, so that a text has the same notes
/// whenever it is checked.
constexpr sys_seconds kFrom = sys_days(std::chrono::year(2025) / 1 / 1);
constexpr sys_seconds kUntil = sys_days(std::chrono::year(2045) / 1 / 1);

constexpr int64_t kMicroseconds = 1'000'000;

/// Readings of a cron that a zone's clocks skip, and that they show twice: the first of each.
struct Touched {
  std::optional<timing::local_seconds> skipped;
  std::optional<timing::local_seconds> twice;
};

Touched touched_by_changes(const timing::CronIn& cron) {
  Touched found;
  timing::Zone::Period now = cron.zone.period(kFrom);
  while (now.end < kUntil) {
    const timing::Zone::Period next = cron.zone.period(now.end);
    const seconds at = now.end.time_since_epoch();
    const timing::local_seconds low(at + std::min(now.offset, next.offset));
    const timing::local_seconds high(at + std::max(now.offset, next.offset));
    const auto reading = cron.cron.next(low - seconds(1));
    if (reading && *reading < high) {
      auto& kind = now.offset < next.offset ? found.skipped : found.twice;
      if (!kind) kind = reading;
    }
    now = next;
  }
  return found;
}

}  // namespace

std::optional<timing::Cron> BodyChecker::cron_of(ExprId written) {
  const auto text = known_text(written, "cron");
  if (!text) return std::nullopt;
  const auto cron = timing::Cron::parse(*text);
  if (!cron) {
    const timing::CronError& error = cron.error();
    diagnostics_
        .report(Code::kBadCron, within_literal(written, error.begin, error.end), error.message)
        .help(error.cure);
    return std::nullopt;
  }
  if (!cron->next(timing::local_seconds(kFrom.time_since_epoch()))) {
    diagnostics_.report(Code::kNeverFires, span_of(written), *text)
        .labelled("no year has a day of this kind")
        .help("name a day that the months have: `0 3 L * *` is the last one of each");
    return std::nullopt;
  }
  if (cron->either_day())
    diagnostics_.report(Code::kEitherDay, span_of(written))
        .labelled("a day of the month, or a weekday: one of the two is enough")
        .help(
            "write `*` for the one that is not meant; the month's first Friday is `fri#1`, and "
            "weekdays near a day are `15W`");
  return *cron;
}

void BodyChecker::note_clock_changes(const timing::CronIn& cron, ExprId written,
                                     std::string_view schedule) {
  if (cron.cron.every_hour()) return;  // a rhythm: it goes on, whatever the clocks show
  const Touched touched = touched_by_changes(cron);
  if (!touched.skipped && !touched.twice) return;
  std::string label;
  std::string cure;
  if (touched.skipped) {
    label = fmt::format("{} never was", timing::format(*touched.skipped));
    cure = "a time that is skipped fires at the first moment after the gap";
  }
  if (touched.twice) {
    label +=
        fmt::format("{}{} came twice", label.empty() ? "" : ", ", timing::format(*touched.twice));
    cure +=
        fmt::format("{}one that comes twice fires at the first of them", cure.empty() ? "" : ", ");
  }
  diagnostics_
      .report(Code::kClockChange, span_of(written), schedule,
              !touched.twice     ? "skip once a year"
              : !touched.skipped ? "show twice"
                                 : "skip and show twice")
      .labelled(label)
      .help(cure + "; choose another hour if that matters");
}

void BodyChecker::check_fires(const Schedule& schedule, const syntax::Decl& decl) {
  sys_seconds from = kFrom;
  for (const timing::Closing& one : schedule.timing.closings)
    from = std::max(from, one.calendar.last_date());
  if (timing::next_firing(schedule.timing, from)) return;
  diagnostics_.report(Code::kNeverFires, decl.name.span, decl.name.text)
      .labelled(fmt::format("`{}` is closed whenever it is due",
                            schedule.timing.closings.front().calendar.name()))
      .help("let it fire at a time that is open, or say `then delay`");
}

void BodyChecker::check_schedule(SymbolId id) {
  const Symbol& symbol = program_.symbols[id];
  const syntax::Decl& decl = ast_[symbol.decl];
  const auto& written = std::get<syntax::ScheduleDecl>(decl.node);
  place_ = Place{};
  place_.pure_in = "a schedule";
  facts_ = Facts{};
  reachable_ = true;
  const size_t errors = diagnostics_.error_count();
  Schedule made;
  made.symbol = id;
  made.runbook = look_up_path(written.runbook);
  if (made.runbook != kNone) {
    const Symbol& runbook = program_.symbols[made.runbook];
    if (runbook.kind == Symbol::Kind::kRunbook) {
      const Callee callee = callee_of(made.runbook, written.runbook.text());
      made.arguments = check_arguments(callee, written.args, written.runbook.span);
      note_refined(made.runbook, kNone, runbook.fields, made.arguments, written.runbook.span);
    } else {
      diagnostics_
          .report(Code::kNotARunbook, written.runbook.span, written.runbook.text(),
                  ProgramChecker::kind_text(runbook))
          .labelled("a schedule starts a runbook");
      infer_arguments(written.args);
    }
  } else {
    infer_arguments(written.args);
  }
  for (const syntax::ScheduleDecl::Firing& firing : written.firings) {
    if (!firing.is_cron) {
      expect(firing.value, types::kDuration, {Why::Kind::kClause, "every", {}, {}});
      within(firing.value, kMicroseconds, INT64_MAX, "every", "nothing fires more often than that",
             "write a second or more");
      if (firing.zone.valid())
        diagnostics_.report(Code::kClauseNotHere, span_of(firing.zone), "in")
            .labelled("a period counts elapsed time, which is the same in every zone")
            .help("leave it out; a time of day in a zone is a `cron`: `cron \"@daily\" in …`");
      const auto every = constant(firing.value);
      if (every && *every % kMicroseconds == 0 && *every > 0)
        made.timing.rules.emplace_back(seconds(*every / kMicroseconds));
      else if (every && *every > kMicroseconds)
        diagnostics_
            .report(Code::kClauseValue, span_of(firing.value), "every",
                    source(span_of(firing.value)))
            .labelled("a period is so many whole seconds")
            .help("leave the rest out");
      else if (!every && types_.is(info(firing.value).type, Shape::kDuration))
        diagnostics_.report(Code::kNotKnown, span_of(firing.value), "`every`")
            .labelled("this is computed")
            .help("write the period in place: `every 15m`");
      continue;
    }
    std::optional<timing::Cron> cron = cron_of(firing.value);
    std::optional<timing::Zone> zone = zone_of(firing.zone);
    if (!cron || !zone) continue;
    const timing::CronIn rule{std::move(*cron), std::move(*zone)};
    note_clock_changes(rule, firing.value, symbol.name);
    made.timing.rules.emplace_back(rule);
  }
  if (written.firings.empty() && !ast_.unread.touches(decl.span))
    diagnostics_.report(Code::kNoFiring, decl.name.span, symbol.name)
        .labelled("it has neither a `cron` nor an `every`")
        .help("say when: `cron \"0 3 * * *\" in \"Europe/Berlin\"`, or `every 1h`");
  using Overlap = syntax::ScheduleDecl::Overlap;
  made.overlap = written.overlap == Overlap::kQueue           ? Schedule::Overlap::kQueue
                 : written.overlap == Overlap::kCancelRunning ? Schedule::Overlap::kCancelRunning
                                                              : Schedule::Overlap::kSkip;
  using Missed = syntax::ScheduleDecl::Missed;
  made.missed = written.missed == Missed::kRunOnce  ? Schedule::Missed::kRunOnce
                : written.missed == Missed::kRunAll ? Schedule::Missed::kRunAll
                                                    : Schedule::Missed::kSkip;
  if (written.missed_within.valid()) {
    expect(written.missed_within, types::kDuration, {Why::Kind::kClause, "within", {}, {}});
    within(written.missed_within, kMicroseconds, INT64_MAX, "within", "nothing is so new",
           "write a second or more");
    made.missed_within = constant(written.missed_within);
    if (!made.missed_within && types_.is(info(written.missed_within).type, Shape::kDuration))
      diagnostics_.report(Code::kNotKnown, span_of(written.missed_within), "`within`")
          .labelled("this is computed")
          .help("write it in place: `within 6h`");
  }
  for (const syntax::Outside& one : written.outside) {
    const SymbolId calendar = calendar_of(one.calendar);
    const auto found = program_.calendars.find(calendar);
    if (calendar == kNone || found == program_.calendars.end()) continue;
    made.timing.closings.push_back({found->second, one.then == syntax::Outside::Then::kDelay
                                                       ? timing::Closing::Then::kDelay
                                                       : timing::Closing::Then::kSkip});
  }
  if (diagnostics_.error_count() != errors || ast_.unread.touches(decl.span)) return;
  check_fires(made, decl);
  program_.schedules.push_back(std::move(made));
}

}  // namespace rbk::check
