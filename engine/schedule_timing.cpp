#include "engine/schedule_timing.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/units.h"
#include "engine/json_fields.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;
using timing::Calendar;
using timing::local_seconds;
using timing::seconds;

Error damaged(std::string_view what) {
  return {ErrorKind::kCorrupt, fmt::format("the timing of the schedule is damaged: {}", what),
          "add the schedule again"};
}

/// The whole range of a reading, years below 0 and above 9999 too.
int64_t count_of(local_seconds reading) { return reading.time_since_epoch().count(); }

json::object calendar_json(const Calendar& calendar) {
  json::array rules;
  for (const Calendar::Rule& rule : calendar.rules()) {
    json::object one;
    if (const auto* dates = std::get_if<Calendar::Dates>(&rule.when)) {
      one["begin"] = count_of(dates->begin);
      one["end"] = count_of(dates->end);
    } else {
      const auto& weekly = std::get<Calendar::Weekly>(rule.when);
      one["weekdays"] = weekly.weekdays;
      one["from"] = weekly.begin.count();
      one["to"] = weekly.end.count();
    }
    if (!rule.why.empty()) one["why"] = rule.why;
    rules.push_back(std::move(one));
  }
  return {{"name", calendar.name()}, {"zone", calendar.zone().name()}, {"rules", rules}};
}

Result<Calendar> calendar_of(const json::object& object, const ZoneSource& zones) {
  auto zone = zones(text_of(object, "zone"));
  if (!zone) return tl::unexpected(zone.error());
  std::vector<Calendar::Rule> rules;
  const json::value* list = object.if_contains("rules");
  if (list == nullptr || !list->is_array()) return tl::unexpected(damaged("a calendar's rules"));
  for (const json::value& item : list->get_array()) {
    if (!item.is_object()) return tl::unexpected(damaged("a calendar's rule"));
    const json::object& one = item.get_object();
    Calendar::Rule rule;
    rule.why = text_of(one, "why");
    if (one.contains("begin"))
      rule.when = Calendar::Dates{local_seconds(seconds(number_of(one, "begin", 0))),
                                  local_seconds(seconds(number_of(one, "end", 0)))};
    else
      rule.when =
          Calendar::Weekly{static_cast<uint8_t>(number_of(one, "weekdays", 0)),
                           seconds(number_of(one, "from", 0)), seconds(number_of(one, "to", 0))};
    rules.push_back(std::move(rule));
  }
  return Calendar::make(text_of(object, "name"), std::move(*zone), std::move(rules));
}

Status read_rule(const json::object& one, const ZoneSource& zones, timing::Timing& made) {
  if (const int64_t every = number_of(one, "every", 0); every > 0) {
    made.rules.emplace_back(seconds(every));
    return {};
  }
  const auto cron = timing::Cron::parse(text_of(one, "cron"));
  if (!cron) return tl::unexpected(damaged(cron.error().message));
  auto zone = zones(text_of(one, "zone"));
  if (!zone) return tl::unexpected(zone.error());
  made.rules.emplace_back(timing::CronIn{*cron, std::move(*zone)});
  return {};
}

}  // namespace

std::string timing_json(const timing::Timing& timing) {
  json::array rules;
  for (const auto& rule : timing.rules) {
    if (const auto* cron = std::get_if<timing::CronIn>(&rule))
      rules.push_back(json::object{{"cron", cron->cron.text()}, {"zone", cron->zone.name()}});
    else
      rules.push_back(json::object{{"every", std::get<seconds>(rule).count()}});
  }
  json::array outside;
  for (const timing::Closing& one : timing.closings)
    outside.push_back(
        json::object{{"then", one.then == timing::Closing::Then::kDelay ? "delay" : "skip"},
                     {"calendar", calendar_json(one.calendar)}});
  return json::serialize(json::object{{"rules", rules}, {"outside", outside}});
}

Result<timing::Timing> parse_timing(std::string_view text, const ZoneSource& zones) {
  const json::object object = object_of(text);
  timing::Timing made;
  const json::value* rules = object.if_contains("rules");
  const json::value* outside = object.if_contains("outside");
  if (rules == nullptr || !rules->is_array() || rules->get_array().empty() || outside == nullptr ||
      !outside->is_array())
    return tl::unexpected(damaged("it has no rules"));
  for (const json::value& rule : rules->get_array()) {
    if (!rule.is_object()) return tl::unexpected(damaged("a rule"));
    if (auto read = read_rule(rule.get_object(), zones, made); !read)
      return tl::unexpected(read.error());
  }
  for (const json::value& item : outside->get_array()) {
    const json::object* one = item.if_object();
    const json::value* calendar = one == nullptr ? nullptr : one->if_contains("calendar");
    if (calendar == nullptr || !calendar->is_object()) return tl::unexpected(damaged("a calendar"));
    auto read = calendar_of(calendar->get_object(), zones);
    if (!read) return tl::unexpected(read.error());
    made.closings.push_back({std::move(*read), text_of(*one, "then") == "delay"
                                                   ? timing::Closing::Then::kDelay
                                                   : timing::Closing::Then::kSkip});
  }
  return made;
}

std::string timing_text(const timing::Timing& timing) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  for (const auto& rule : timing.rules) {
    if (const auto* cron = std::get_if<timing::CronIn>(&rule))
      add(fmt::format("cron \"{}\" in \"{}\"", cron->cron.text(), cron->zone.name()));
    else
      add("every " + format_duration(std::get<seconds>(rule).count() * 1'000'000));
  }
  for (const timing::Closing& one : timing.closings)
    add(fmt::format("outside {} then {}", one.calendar.name(),
                    one.then == timing::Closing::Then::kDelay ? "delay" : "skip"));
  return text;
}

}  // namespace rbk::engine
