// Calendars: zones, days and times are read when compiling, and must close something.
#include <algorithm>

#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;
using std::chrono::seconds;
using timing::Calendar;

namespace {

/// The zone whose city is called so: "Berlin" for "Europe/Berlin".
std::string_view by_city(std::string_view name, const std::vector<std::string>& zones) {
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  for (const std::string_view zone : zones) {
    const std::string_view city = zone.substr(zone.rfind('/') + 1);
    if (std::equal(city.begin(), city.end(), name.begin(), name.end(), same)) return zone;
  }
  return {};
}

}  // namespace

std::optional<std::string> BodyChecker::known_text(ExprId written, std::string_view what) {
  expect(written, types::kString, {Why::Kind::kClause, what, {}, {}});
  if (!types_.is(info(written).value_type, Shape::kString)) return std::nullopt;
  const syntax::Ast* tree = &ast_;
  ExprId value = written;
  if (const Meaning* meaning = module_.meaning(written);
      meaning != nullptr && meaning->kind == Meaning::Kind::kSymbol && meaning->symbol != kNone) {
    const Symbol& symbol = program_.symbols[meaning->symbol];
    if (symbol.kind == Symbol::Kind::kConst) {
      tree = &program_.modules[symbol.module]->ast;
      value = std::get<syntax::ConstDecl>((*tree)[symbol.decl].node).value;
    }
  }
  const auto* literal = std::get_if<syntax::StringLit>(&(*tree)[value].node);
  if (literal == nullptr || !literal->is_plain_text()) {
    if (std::holds_alternative<syntax::ErrorExpr>((*tree)[value].node)) return std::nullopt;
    diagnostics_.report(Code::kNotKnown, span_of(written), fmt::format("`{}`", what))
        .labelled("this is computed")
        .help("write the text in place, or name a constant that is one");
    return std::nullopt;
  }
  return literal->parts.empty() ? std::string() : literal->parts.front().text;
}

Span BodyChecker::within_literal(ExprId literal, size_t begin, size_t end) const {
  const Span whole = span_of(literal);
  const auto* node = std::get_if<syntax::StringLit>(&ast_[literal].node);
  if (node == nullptr || node->parts.empty()) return whole;
  const std::string& text = node->parts.front().text;
  if (source(whole) != fmt::format("\"{}\"", text)) return whole;
  if (begin == end) return whole;
  return {whole.begin + 1 + static_cast<uint32_t>(begin),
          whole.begin + 1 + static_cast<uint32_t>(end), whole.file};
}

std::optional<timing::Zone> BodyChecker::zone_of(ExprId written) {
  if (!written.valid()) return timing::Zone();
  const auto name = known_text(written, "in");
  if (!name) return std::nullopt;
  const Zones& zones = all_.options.zones;
  if (!zones.find && *name == "UTC") return timing::Zone();
  Result<timing::Zone> found =
      zones.find ? zones.find(*name) : fail(ErrorKind::kNotFound, "", "only UTC is known here");
  if (found) return std::move(*found);
  const std::vector<std::string> names = zones.names ? zones.names() : std::vector<std::string>();
  std::string_view meant = by_city(*name, names);
  if (meant.empty()) meant = nearest(*name, {names.begin(), names.end()});
  auto& report = diagnostics_.report(Code::kUnknownZone, span_of(written), *name);
  report.labelled(found.error().kind == ErrorKind::kNotFound ? "the system knows none of this name"
                                                             : found.error().message);
  if (meant.empty()) {
    report.help(found.error().cure);
  } else {
    report.help(fmt::format("did you mean `{}`?", meant))
        .fix(fmt::format("write \"{}\"", meant), {{span_of(written), fmt::format("\"{}\"", meant)}},
             diagnostics::Applicability::kMaybeIncorrect);
  }
  return std::nullopt;
}

std::optional<timing::WrittenDate> BodyChecker::date_of(ExprId written) {
  const auto text = known_text(written, "closed");
  if (!text) return std::nullopt;
  auto date = timing::parse_date(*text);
  if (!date)
    diagnostics_.report(Code::kBadDate, span_of(written), fmt::format("\"{}\"", *text), "date")
        .labelled("no calendar has it")
        .help("write it like \"2026-12-20\", or with a time: \"2026-12-20 18:00\"");
  return date;
}

std::optional<seconds> BodyChecker::time_of_day(ExprId written, std::string_view clause) {
  const auto text = known_text(written, clause);
  if (!text) return std::nullopt;
  const auto time = timing::parse_time_of_day(*text);
  if (!time)
    diagnostics_
        .report(Code::kBadDate, span_of(written), fmt::format("\"{}\"", *text), "time of day")
        .labelled(fmt::format("`{}` takes hours and minutes", clause))
        .help("write it with two digits each: \"16:00\"");
  return time;
}

std::optional<Calendar::Dates> BodyChecker::closed_dates(const ClosedRule& written) {
  const auto* range = std::get_if<syntax::RangeExpr>(&ast_[written.range].node);
  const auto first = date_of(range != nullptr ? range->low : written.range);
  const auto last = range != nullptr ? date_of(range->high) : first;
  if (!first || !last) return std::nullopt;
  using std::chrono::days;
  Calendar::Dates dates{first->day + first->time.value_or(seconds(0)),
                        last->day + last->time.value_or(seconds(0))};
  // The last day is closed too; a time is where it opens.
  const bool half_open = range != nullptr && range->half_open;
  if (!last->time && !half_open) dates.end += days(1);
  if (dates.begin < dates.end) return dates;
  auto& report = diagnostics_.report(
      Code::kClosesNothing, span_of(written.range),
      dates.begin == dates.end ? "it begins where it ends" : "it ends before it begins");
  if (range != nullptr && dates.end < dates.begin) {
    report.labelled("the earlier day stands first")
        .help("swap the two")
        .fix("swap the two",
             {{span_of(range->low), std::string(source(span_of(range->high)))},
              {span_of(range->high), std::string(source(span_of(range->low)))}},
             diagnostics::Applicability::kMaybeIncorrect);
  } else {
    report.labelled("no time lies in it").help("write a whole day by its date: \"2026-12-20\"");
  }
  return std::nullopt;
}

std::optional<Calendar::Weekly> BodyChecker::closed_weekly(const ClosedRule& written) {
  Calendar::Weekly weekly;
  bool wrong = false;
  for (const syntax::Name& day : written.days) {
    if (day.empty()) continue;
    const unsigned bits = timing::parse_weekdays(day.text);
    weekly.weekdays |= static_cast<uint8_t>(bits);
    if (bits != 0) continue;
    wrong = true;
    diagnostics_.report(Code::kBadDate, day.span, fmt::format("`{}`", day.text), "weekday")
        .labelled("which days of the week?")
        .help("there are `mon tue wed thu fri sat sun`, `weekday`, `weekend` and `day`")
        .did_you_mean(day.span,
                      nearest(day.text, {"mon", "tue", "wed", "thu", "fri", "sat", "sun", "monday",
                                         "tuesday", "wednesday", "thursday", "friday", "saturday",
                                         "sunday", "weekday", "weekend", "day"}));
  }
  std::optional<seconds> after;
  std::optional<seconds> before;
  if (written.after.valid()) {
    after = time_of_day(written.after, "after");
    wrong = wrong || !after;
  }
  if (written.before.valid()) {
    before = time_of_day(written.before, "before");
    wrong = wrong || !before;
  }
  if (wrong || weekly.weekdays == 0) return std::nullopt;
  weekly.begin = after.value_or(seconds(0));
  weekly.end = before.value_or(seconds(86400));
  if (after && before && *before < *after) weekly.end += seconds(86400);  // until the next day
  if (weekly.begin < weekly.end) return weekly;
  diagnostics_.report(Code::kClosesNothing, written.span, "it begins where it ends")
      .labelled("no time lies in it")
      .help("for the whole day leave `after` and `before` out");
  return std::nullopt;
}

void BodyChecker::check_calendar(SymbolId id) {
  const Symbol& symbol = program_.symbols[id];
  const syntax::Decl& decl = ast_[symbol.decl];
  const auto& written = std::get<syntax::CalendarDecl>(decl.node);
  place_ = Place{};
  place_.pure_in = "a calendar";
  std::optional<timing::Zone> zone = zone_of(written.zone);
  bool wrong = !zone || ast_.unread.touches(decl.span);
  std::vector<Calendar::Rule> rules;
  for (const ClosedRule& one : written.closed) {
    Calendar::Rule rule;
    if (one.why.valid()) rule.why = known_text(one.why, "closed").value_or("");
    if (one.range.valid()) {
      const auto dates = closed_dates(one);
      if (dates) rule.when = *dates;
      wrong = wrong || !dates;
    } else {
      const auto weekly = closed_weekly(one);
      if (weekly) rule.when = *weekly;
      wrong = wrong || !weekly;
    }
    rules.push_back(std::move(rule));
  }
  if (wrong) return;
  Calendar calendar(symbol.name, std::move(*zone), std::move(rules));
  // Once all dates are past, only what comes every week is left.
  const auto closed = calendar.closed(calendar.last_date());
  if (closed && !closed->end)
    diagnostics_.report(Code::kNeverOpen, decl.name.span, symbol.name)
        .labelled("every hour of every week is closed")
        .help("leave some time open");
  program_.calendars.emplace(id, std::move(calendar));
}

SymbolId BodyChecker::calendar_of(const syntax::Path& path) {
  const SymbolId found = look_up_path(path);
  if (found == kNone) return kNone;
  const Symbol& symbol = program_.symbols[found];
  if (symbol.kind == Symbol::Kind::kCalendar) {
    if (path.parts.size() > 1 && path.last().text.starts_with('_'))
      diagnostics_.report(Code::kPrivateName, path.last().span, path.last().text)
          .labelled("a leading underscore keeps it in its file")
          .help(fmt::format("declare it in `{}` without the underscore", path.parts.front().text));
    all_.resolve(found);
    return found;
  }
  diagnostics_
      .report(Code::kNotACalendar, path.span, path.text(), ProgramChecker::kind_text(symbol))
      .labelled("`outside` names a calendar")
      .help("declare one: `calendar freeze { closed \"2026-12-20\"..\"2027-01-02\" }`");
  return kNone;
}

void BodyChecker::check_outside(SymbolId runbook, const std::vector<syntax::Outside>& written) {
  for (const syntax::Outside& one : written) {
    if (one.then != syntax::Outside::Then::kDefault)
      diagnostics_.report(Code::kClauseNotHere, one.span, "then")
          .labelled("a run that is closed out is refused")
          .help("leave `then` and what follows it out: it belongs in a `schedule`");
    const SymbolId calendar = calendar_of(one.calendar);
    if (calendar != kNone) program_.symbols[runbook].outside.push_back(calendar);
  }
}

}  // namespace rbk::check
