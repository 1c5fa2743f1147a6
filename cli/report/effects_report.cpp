#include "cli/report/effects_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/text_width.h"

namespace rbk::cli {
namespace {

using effects::Bound;
using effects::Phase;
using effects::Place;
using effects::Summary;

/// One line of a text: commands may have many.
std::string one_line(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \n");
  if (begin == std::string::npos) return {};
  const size_t end = text.find('\n', begin);
  const size_t last = text.find_last_not_of(" \n");
  std::string line = printable(text.substr(begin, std::min(end, last + 1) - begin));
  if (end != std::string::npos && end < last) {
    const auto more = std::count(text.begin() + static_cast<ptrdiff_t>(end),
                                 text.begin() + static_cast<ptrdiff_t>(last), '\n');
    line += fmt::format(" … ({} more line{})", more, more == 1 ? "" : "s");
  }
  return line;
}

std::string comma(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// Whether what the step does is undone by a step around it.
bool is_covered(const Summary& summary, const effects::Step& step) {
  return std::any_of(summary.steps.begin(), summary.steps.end(), [&](const effects::Step& outer) {
    return !outer.undo.empty() && step.path.starts_with(outer.path + "/");
  });
}

class SummaryPrinter {
 public:
  SummaryPrinter(const Summary& summary, bool colour) : summary_(summary), colour_(colour) {}

  std::string print() {
    text_ = fmt::format("{}  {}:{}\n", bold(summary_.runbook), summary_.path, summary_.line);
    parameters();
    hosts();
    requests();
    commands();
    queries();
    secrets();
    files();
    decisions();
    calls();
    times();
    undone();
    time("takes", summary_.forward);
    time("undoing", summary_.rollback);
    if (summary_.cut_short)
      text_ += "  It calls too many runbooks to follow all of them: this is not all.\n";
    return std::move(text_);
  }

 private:
  using Row = std::vector<std::string>;

  std::string bold(const std::string& text) const {
    return colour_ ? "\033[1m" + text + "\033[0m" : text;
  }

  /// The rows' cells below each other, the section's name before the first. Rows that differ only
  /// in the cell `joined` become one, with both of these.
  void section(std::string_view name, const std::vector<Row>& rows, size_t joined = kNoCell) {
    std::vector<Row> merged;
    std::map<Row, size_t> places;  // where the row without its joined cell is
    std::vector<std::set<std::string>> cells;
    for (const Row& row : rows) {
      Row key = row;
      if (joined != kNoCell) key[joined].clear();
      const auto [found, is_new] = places.emplace(std::move(key), merged.size());
      if (is_new) {
        merged.push_back(row);
        cells.emplace_back();
      }
      if (joined == kNoCell || !cells[found->second].insert(row[joined]).second || is_new) continue;
      const size_t count = cells[found->second].size();
      if (count <= kMostPlaces) merged[found->second][joined] += ", " + row[joined];
    }
    for (size_t i = 0; i < merged.size(); ++i)
      if (cells[i].size() > kMostPlaces)
        merged[i][joined] += fmt::format(" and {} more", cells[i].size() - kMostPlaces);
    std::vector<size_t> widths;
    for (const Row& row : merged) {
      widths.resize(std::max(widths.size(), row.size()));
      for (size_t i = 0; i < row.size(); ++i)
        widths[i] = std::max(widths[i], std::min(text_width(row[i]), kWidest));
    }
    for (const Row& row : merged) {
      std::string line = fmt::format("  {:<11} ", name);
      name = {};
      for (size_t i = 0; i < row.size(); ++i) {
        if (widths[i] == 0) continue;
        line += coloured(row[i]);
        const size_t width = text_width(row[i]);
        line += std::string(width < widths[i] ? widths[i] - width + 2 : 2, ' ');
      }
      text_ += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
  }

  std::string coloured(const std::string& word) const {
    if (!colour_) return word;
    if (word == "writes") return "\033[33m" + word + "\033[0m";
    if (word == "reads") return "\033[32m" + word + "\033[0m";
    return word;
  }

  void parameters() {
    std::vector<Row> rows;
    for (const effects::Parameter& one : summary_.parameters) {
      std::string more;
      if (!one.default_value.empty()) more = "default " + one.default_value;
      for (const std::string& where : one.where)
        more += (more.empty() ? "where " : ", where ") + where;
      std::string type;
      for (const std::string& member : one.members) type += (type.empty() ? "" : " | ") + member;
      rows.push_back({one.name, type.empty() ? one.type : type, more});
    }
    section("takes in", rows);
    if (!summary_.result.empty()) section("gives", {{summary_.result}});
    if (!summary_.allow.empty()) section("started by", {{comma(summary_.allow)}});
    if (!summary_.worker.empty()) section("on worker", {{one_line(summary_.worker)}});
  }

  void hosts() {
    std::vector<Row> rows;
    for (const effects::Host& one : summary_.hosts) rows.push_back({one.name, one.by});
    section("hosts", rows, 1);
  }

  void requests() {
    std::vector<Row> rows;
    for (const effects::Request& one : summary_.requests)
      rows.push_back({one.behaviour, place_text(one.place), one.method.empty() ? "?" : one.method,
                      printable(one.url)});
    section("requests", rows, 1);
  }

  void commands() {
    std::vector<Row> rows;
    std::vector<std::string> programs;
    for (const effects::Command& one : summary_.commands) {
      std::string text = one_line(one.text);
      if (!one.host.empty()) text += "  on " + one.host;
      rows.push_back({one.behaviour, place_text(one.place), text});
      for (const std::string& program : one.programs)
        if (std::find(programs.begin(), programs.end(), program) == programs.end())
          programs.push_back(program);
    }
    section("commands", rows, 1);
    if (!programs.empty()) section("programs", {{comma(programs)}});
  }

  void queries() {
    std::vector<Row> rows;
    for (const effects::Query& one : summary_.queries)
      rows.push_back({one.behaviour, place_text(one.place), one.database, one_line(one.text)});
    section("queries", rows, 1);
  }

  void secrets() {
    std::vector<Row> rows;
    for (const effects::Secret& one : summary_.secrets)
      rows.push_back({one.name, one.to, place_text(one.place)});
    section("secrets", rows, 2);
  }

  void files() {
    std::vector<Row> rows;
    for (const effects::File& one : summary_.files)
      rows.push_back({one.use, place_text(one.place), printable(one.path)});
    section("files", rows, 1);
  }

  void decisions() {
    std::vector<Row> rows;
    std::vector<Row> asks;
    for (const effects::Approval& one : summary_.approvals) {
      std::string who = one.by.empty() ? "anybody" : comma(one.by);
      if (!one.quorum.empty()) who = fmt::format("{} of {}", one.quorum, who);
      if (!one.not_by.empty()) who += ", not " + comma(one.not_by);
      if (one.allow_starter) who += ", the starter too";
      if (!one.form.empty()) who += ", fills in " + comma(one.form);
      who += one.expires.empty() ? ", never expires" : ", expires " + one.expires;
      if (!one.escalates_to.empty()) who += " to " + comma(one.escalates_to);
      if (!one.break_glass.empty()) who += ", broken by " + comma(one.break_glass);
      (one.is_ask ? asks : rows).push_back({one.name, "\"" + one_line(one.question) + "\"", who});
    }
    section("approvals", rows);
    section("asks", asks);
    rows.clear();
    for (const effects::Signal& one : summary_.signals)
      rows.push_back({one.name, one.by.empty() ? "from anybody" : "from " + comma(one.by),
                      place_text(one.place)});
    section("signals", rows);
    rows.clear();
    for (const effects::Lock& one : summary_.locks)
      rows.push_back({one.kind, one.name, one.terms, place_text(one.place)});
    section("locks", rows);
  }

  void calls() {
    std::vector<Row> rows;
    for (const effects::Call& one : summary_.calls)
      rows.push_back({one.launch.empty() ? one.runbook : one.launch + " " + one.runbook,
                      place_text(one.place)});
    section("runbooks", rows, 1);
  }

  void times() {
    std::vector<Row> rows;
    for (const effects::Outside& one : summary_.outside)
      rows.push_back({one.calendar, one_line(one.closed)});
    section("outside", rows);
    rows.clear();
    for (const effects::Schedule& one : summary_.schedules)
      rows.push_back({one.name, one_line(one.when), one_line(one.arguments)});
    section("schedules", rows);
  }

  /// What stays when it fails: the first thing to know at night.
  void undone() {
    std::vector<Row> rows;
    for (const effects::Step& step : summary_.steps) {
      if (step.phase != Phase::kForward || step.behaviour != "writes") continue;
      if (step.undo == "rollback" || is_covered(summary_, step)) continue;
      if (step.undo.empty())
        rows.push_back({step.path, "nothing says how to undo it"});
      else
        rows.push_back(
            {step.path, (step.undo == "irreversible" ? "irreversible: " : "") + step.why});
    }
    section("not undone", rows);
    rows.clear();
    for (const std::string& why : summary_.commits) rows.push_back({why});
    section("no return", rows);
  }

  void time(std::string_view name, const Bound& bound) {
    if (bound.is_nothing()) return;
    if (bound.is_bounded()) return section(name, {{"at most " + effects::text_of(bound)}});
    std::vector<Row> rows;
    for (const Bound::Open& open : bound.open) rows.push_back({"no bound", open.why, open.step});
    section(name, rows, 2);
    Bound known = bound;
    known.open.clear();
    if (!known.is_nothing()) section("", {{"the rest", "at most " + effects::text_of(known)}});
  }

  static constexpr size_t kNoCell = SIZE_MAX;
  static constexpr size_t kMostPlaces = 8;
  static constexpr size_t kWidest = 40;

  const Summary& summary_;
  bool colour_;
  std::string text_;
};

// ---- JSON

using boost::json::array;
using boost::json::object;

array list(const std::vector<std::string>& words) { return array(words.begin(), words.end()); }

/// The place's fields, behind those of what happens there.
object at(object made, const Place& place) {
  if (!place.step.empty()) made["step"] = place.step;
  made["phase"] = phase_name(place.phase);
  return made;
}

void put(object& into, std::string_view name, const std::string& text) {
  if (!text.empty()) into[name] = text;
}

object bound_json(const Bound& bound) {
  object made{{"bounded", bound.is_bounded()}, {"seconds", static_cast<double>(bound.fixed) / 1e6}};
  array terms;
  for (const Bound::Term& term : bound.terms)
    terms.push_back(object{{"over", term.over},
                           {"at_a_time", term.at_a_time},
                           {"seconds", static_cast<double>(term.each) / 1e6}});
  if (!terms.empty()) made["for_each"] = std::move(terms);
  array open;
  for (const Bound::Open& one : bound.open) {
    object why{{"why", one.why}};
    put(why, "step", one.step);
    open.push_back(std::move(why));
  }
  if (!open.empty()) made["unbounded"] = std::move(open);
  return made;
}

template <typename T, typename Make>
void add(object& into, std::string_view name, const std::vector<T>& all, Make make) {
  array made;
  for (const T& one : all) made.push_back(make(one));
  into[name] = std::move(made);
}

object parameter_json(const effects::Parameter& one) {
  object made{{"name", one.name}, {"type", one.type}};
  put(made, "default", one.default_value);
  if (!one.where.empty()) made["where"] = list(one.where);
  if (!one.members.empty()) made["members"] = list(one.members);
  put(made, "doc", one.doc);
  return made;
}

object texts_json(const std::vector<std::pair<std::string, std::string>>& texts) {
  object made;
  for (const auto& [name, text] : texts) put(made, name, text);
  return made;
}

object step_object(const effects::Step& one) {
  object made{{"path", one.path}, {"phase", phase_name(one.phase)}};
  put(made, "calls", one.calls);
  put(made, "behaviour", one.behaviour);
  put(made, "timeout", one.timeout);
  put(made, "retry", one.retry);
  put(made, "undo", one.undo);
  put(made, "why", one.why);
  put(made, "on_doubt", one.on_doubt);
  put(made, "on_failure", one.on_failure);
  put(made, "when", one.when);
  put(made, "only_if", one.only_if);
  if (!one.arguments.empty()) made["arguments"] = texts_json(one.arguments);
  return made;
}

object rule_json(const effects::Rule& one) {
  object made{{"kind", one.kind}, {"text", one.text}};
  if (!one.aspects.empty()) made["aspects"] = texts_json(one.aspects);
  put(made, "only_if", one.only_if);
  return at(std::move(made), one.place);
}

object approval_json(const effects::Approval& one) {
  object made{{"name", one.name},
              {"kind", one.is_ask ? "ask" : "approval"},
              {"question", one.question},
              {"by", list(one.by)}};
  if (!one.not_by.empty()) made["not_by"] = list(one.not_by);
  put(made, "quorum", one.quorum);
  put(made, "expires", one.expires);
  if (!one.escalates_to.empty()) made["escalates_to"] = list(one.escalates_to);
  if (!one.break_glass.empty()) made["break_glass"] = list(one.break_glass);
  made["allow_starter"] = one.allow_starter;
  if (!one.form.empty()) made["form"] = list(one.form);
  put(made, "only_if", one.only_if);
  return at(std::move(made), one.place);
}

object command_json(const effects::Command& one) {
  object made{{"text", one.text},
              {"programs", list(one.programs)},
              {"behaviour", one.behaviour},
              {"action", one.action}};
  put(made, "host", one.host);
  return at(std::move(made), one.place);
}

}  // namespace

std::string_view phase_name(Phase phase) {
  switch (phase) {
    case Phase::kForward:
      return "forward";
    case Phase::kRollback:
      return "rollback";
    case Phase::kVerify:
      return "verify";
    case Phase::kDefer:
      return "defer";
    case Phase::kBeforeRollback:
      return "before rollback";
    case Phase::kAfterSuccess:
      return "after success";
    case Phase::kAfterFailure:
      return "after failure";
    case Phase::kAfterCancel:
      return "after cancel";
  }
  return "forward";
}

std::string place_text(const Place& place) {
  if (place.phase == Phase::kForward) return place.step;
  const std::string phase =
      fmt::format("({})", place.phase == Phase::kRollback ? "undo" : phase_name(place.phase));
  return place.step.empty() ? phase : place.step + " " + phase;
}

std::string effects_text(const Summary& summary, bool colour) {
  return SummaryPrinter(summary, colour).print();
}

object effects_json(const Summary& summary) {
  object made{{"runbook", summary.runbook}, {"file", summary.path}, {"line", summary.line}};
  put(made, "doc", summary.doc);
  add(made, "parameters", summary.parameters, parameter_json);
  put(made, "result", summary.result);
  made["allow"] = list(summary.allow);
  put(made, "worker", summary.worker);
  add(made, "hosts", summary.hosts, [](const effects::Host& one) {
    return at({{"name", one.name}, {"by", one.by}}, one.place);
  });
  add(made, "requests", summary.requests, [](const effects::Request& one) {
    return at({{"method", one.method},
               {"url", one.url},
               {"host", one.host},
               {"behaviour", one.behaviour},
               {"action", one.action}},
              one.place);
  });
  add(made, "commands", summary.commands, command_json);
  add(made, "queries", summary.queries, [](const effects::Query& one) {
    return at({{"text", one.text},
               {"database", one.database},
               {"behaviour", one.behaviour},
               {"action", one.action}},
              one.place);
  });
  add(made, "secrets", summary.secrets, [](const effects::Secret& one) {
    return at({{"name", one.name}, {"to", one.to}}, one.place);
  });
  add(made, "files", summary.files, [](const effects::File& one) {
    return at({{"path", one.path}, {"use", one.use}}, one.place);
  });
  add(made, "approvals", summary.approvals, approval_json);
  made["people"] = list(summary.people);
  add(made, "signals", summary.signals, [](const effects::Signal& one) {
    object signal{{"name", one.name}, {"by", list(one.by)}};
    put(signal, "type", one.type);
    put(signal, "timeout", one.timeout);
    return at(std::move(signal), one.place);
  });
  add(made, "runbooks", summary.calls, [](const effects::Call& one) {
    return at({{"name", one.runbook}, {"launch", one.launch.empty() ? "inside" : one.launch}},
              one.place);
  });
  add(made, "locks", summary.locks, [](const effects::Lock& one) {
    return at({{"name", one.name}, {"kind", one.kind}, {"terms", one.terms}}, one.place);
  });
  add(made, "outside", summary.outside, [](const effects::Outside& one) {
    return object{{"calendar", one.calendar}, {"closed", one.closed}};
  });
  add(made, "schedules", summary.schedules, [](const effects::Schedule& one) {
    return object{{"name", one.name}, {"when", one.when}, {"arguments", one.arguments}};
  });
  add(made, "steps", summary.steps, step_object);
  add(made, "rules", summary.rules, rule_json);
  made["commits"] = list(summary.commits);
  made["forward"] = bound_json(summary.forward);
  made["rollback"] = bound_json(summary.rollback);
  if (summary.cut_short) made["cut_short"] = true;
  return made;
}

}  // namespace rbk::cli
