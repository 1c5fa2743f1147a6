#include "compiler/effects/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>

#include "compiler/effects/compare_rules.h"

namespace rbk::effects {
namespace {

using Kind = Change::Kind;
using What = Change::What;

std::string comma(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// Things of one kind by what makes each of them itself, in their order; of equal ones the first
/// counts.
template <typename T>
struct Keyed {
  std::vector<std::pair<std::string, const T*>> all;
  std::unordered_map<std::string, const T*> by_key;

  const T* find(const std::string& key) const {
    const auto found = by_key.find(key);
    return found == by_key.end() ? nullptr : found->second;
  }
};

template <typename T>
Keyed<T> keyed(const std::vector<T>& all, const std::function<std::string(const T&)>& key) {
  Keyed<T> made;
  for (const T& one : all) {
    std::string name = key(one);
    if (made.by_key.emplace(name, &one).second) made.all.emplace_back(std::move(name), &one);
  }
  return made;
}

class Comparison {
 public:
  Comparison(const Summary& before, const Summary& after) : before_(before), after_(after) {}

  std::vector<Change> run() {
    parameters();
    people();
    reach();
    commands();
    decisions();
    steps();
    for (Change& one : compare_rules(before_.rules, after_.rules))
      changes_.push_back(std::move(one));
    texts(What::kCommit, before_.commits, after_.commits, true, false);
    time(What::kForwardTime, before_.forward, after_.forward);
    time(What::kRollbackTime, before_.rollback, after_.rollback);
    times();
    return std::move(changes_);
  }

 private:
  void add(Kind kind, What what, std::string subject, const Place& place, bool widens) {
    changes_.push_back({kind, what, std::move(subject), {}, {}, {}, place, widens});
  }
  void changed(What what, const std::string& subject, std::string aspect, const std::string& before,
               const std::string& after, bool widens = false) {
    if (before != after)
      changes_.push_back(
          {Kind::kChanged, what, subject, std::move(aspect), before, after, {}, widens});
  }

  /// Those that came and went; `both` is called with each that is in both.
  template <typename T>
  void lists(What what, const std::vector<T>& before, const std::vector<T>& after,
             const std::function<std::string(const T&)>& key, bool added_widens,
             bool removed_widens, const std::function<void(const T&, const T&)>& both = nullptr) {
    const Keyed<T> old = keyed<T>(before, key);
    const Keyed<T> fresh = keyed<T>(after, key);
    const auto place_of = [](const T& one) {
      if constexpr (requires { one.place; })
        return one.place;
      else
        return Place{};
    };
    for (const auto& [name, one] : old.all)
      if (fresh.find(name) == nullptr)
        add(Kind::kRemoved, what, name, place_of(*one), removed_widens);
    for (const auto& [name, one] : fresh.all) {
      const T* was = old.find(name);
      if (was == nullptr)
        add(Kind::kAdded, what, name, place_of(*one), added_widens);
      else if (both)
        both(*was, *one);
    }
  }

  void texts(What what, const std::vector<std::string>& before,
             const std::vector<std::string>& after, bool added_widens, bool removed_widens) {
    lists<std::string>(
        what, before, after, [](const std::string& one) { return one; }, added_widens,
        removed_widens);
  }

  void parameters();
  void people();
  void reach();
  void commands();
  void decisions();
  void decisions_of(bool is_ask);
  void times();
  void steps();
  void time(What what, const Bound& before, const Bound& after);

  const Summary& before_;
  const Summary& after_;
  std::vector<Change> changes_;
};

/// Whether the conditions let a value in that they did not before: not of one range in another.
bool is_looser(const Parameter& was, const Parameter& is) {
  if (was.where.size() == 1 && is.where.size() == 1 && (was.least || was.most))
    return (was.least && (!is.least || *is.least < *was.least)) ||
           (was.most && (!is.most || *is.most > *was.most));
  return std::any_of(was.where.begin(), was.where.end(), [&](const std::string& one) {
    return std::find(is.where.begin(), is.where.end(), one) == is.where.end();
  });
}

void Comparison::parameters() {
  const size_t from = changes_.size();
  lists<Parameter>(
      What::kParameter, before_.parameters, after_.parameters,
      [](const Parameter& one) { return one.name; }, false, false,
      [&](const Parameter& was, const Parameter& is) {
        changed(What::kParameter, is.name, "type", was.type, is.type);
        const bool more = std::any_of(is.members.begin(), is.members.end(), [&](const auto& one) {
          return std::find(was.members.begin(), was.members.end(), one) == was.members.end();
        });
        if (was.type == is.type)
          changed(What::kParameter, is.name, "members", comma(was.members), comma(is.members),
                  more);
        changed(What::kParameter, is.name, "default", was.default_value, is.default_value);
        changed(What::kParameter, is.name, "where", comma(was.where), comma(is.where),
                is_looser(was, is));
      });
  for (size_t i = from; i < changes_.size(); ++i) {
    if (changes_[i].kind != Kind::kAdded) continue;
    for (const Parameter& one : after_.parameters)
      if (one.name == changes_[i].subject)
        changes_[i].after =
            one.default_value.empty() ? one.type : one.type + " = " + one.default_value;
  }
  changed(What::kResult, "", "type", before_.result, after_.result);
}

void Comparison::people() {
  // Nobody named: anybody may.
  texts(What::kStarters, before_.allow, after_.allow, !before_.allow.empty(), after_.allow.empty());
}

void Comparison::reach() {
  const auto at = [](const Place& place) {
    return place.phase == Phase::kForward ? std::string() : fmt::format("\n{}", int(place.phase));
  };
  const auto plain = [&](What what, size_t from) {
    for (size_t i = from; i < changes_.size(); ++i) {
      Change& one = changes_[i];
      if (one.what == what) one.subject = one.subject.substr(0, one.subject.find('\n'));
    }
  };
  lists<Host>(
      What::kHost, before_.hosts, after_.hosts, [](const Host& one) { return one.name; }, true,
      false);
  size_t from = changes_.size();
  lists<Request>(
      What::kRequest, before_.requests, after_.requests,
      [&](const Request& one) {
        return (one.method.empty() ? one.url : one.method + " " + one.url) + at(one.place);
      },
      true, false,
      [&](const Request& was, const Request& is) {
        changed(What::kRequest, is.method.empty() ? is.url : is.method + " " + is.url, "behaviour",
                was.behaviour, is.behaviour, is.behaviour == "writes");
      });
  plain(What::kRequest, from);
  from = changes_.size();
  lists<Query>(
      What::kQuery, before_.queries, after_.queries,
      [&](const Query& one) { return one.text + at(one.place); }, true, false);
  plain(What::kQuery, from);
  // A secret that somebody else is given too is one more; of a new one that is said once.
  lists<Secret>(
      What::kSecret, before_.secrets, after_.secrets, [](const Secret& one) { return one.name; },
      true, false);
  const auto receiver = [](const Secret& one) { return one.name + "\n" + one.to; };
  const Keyed<Secret> old = keyed<Secret>(before_.secrets, receiver);
  const Keyed<Secret> old_names =
      keyed<Secret>(before_.secrets, [](const Secret& one) { return one.name; });
  for (const auto& [name, one] : keyed<Secret>(after_.secrets, receiver).all)
    if (old.find(name) == nullptr && old_names.find(one->name) != nullptr)
      changes_.push_back(
          {Kind::kChanged, What::kSecret, one->name, "to", "", one->to, one->place, true});
  from = changes_.size();
  lists<File>(
      What::kFile, before_.files, after_.files,
      [](const File& one) { return one.path + "\n" + one.use; }, true, false);
  for (size_t i = from; i < changes_.size(); ++i) {
    Change& one = changes_[i];
    const size_t line = one.subject.find('\n');
    one.aspect = one.subject.substr(line + 1);
    one.subject.resize(line);
  }
}

/// The commands of each place, in the order of the summary.
struct CommandsAt {
  explicit CommandsAt(const Summary& summary) {
    for (const Command& one : summary.commands) {
      const auto [found, is_new] = index.emplace(key(one.place), all.size());
      if (is_new) all.emplace_back(one.place, std::vector<std::string>());
      all[found->second].second.push_back(
          one.host.empty() ? one.text : fmt::format("{} on {}", one.text, one.host));
    }
  }
  static std::string key(const Place& place) {
    return fmt::format("{}\n{}", place.step, static_cast<int>(place.phase));
  }
  std::vector<std::string> at(const Place& place) const {
    const auto found = index.find(key(place));
    return found == index.end() ? std::vector<std::string>() : all[found->second].second;
  }

  std::vector<std::pair<Place, std::vector<std::string>>> all;
  std::unordered_map<std::string, size_t> index;
};

void Comparison::commands() {
  const auto programs = [](const Summary& summary) {
    std::vector<std::string> all;
    for (const Command& one : summary.commands)
      all.insert(all.end(), one.programs.begin(), one.programs.end());
    return all;
  };
  texts(What::kProgram, programs(before_), programs(after_), true, false);
  // By their places: the same step runs something else. Of several in one place those that differ.
  const CommandsAt old(before_);
  const CommandsAt fresh(after_);
  const auto without = [](std::vector<std::string> all, const std::vector<std::string>& others) {
    for (const std::string& one : others) {
      const auto found = std::find(all.begin(), all.end(), one);
      if (found != all.end()) all.erase(found);
    }
    return all;
  };
  for (const auto& [place, commands] : old.all) {
    const std::vector<std::string> now = fresh.at(place);
    const std::vector<std::string> gone = without(commands, now);
    const std::vector<std::string> come = without(now, commands);
    for (size_t i = 0; i < std::max(gone.size(), come.size()); ++i) {
      Change one{Kind::kChanged, What::kCommand, place.step, "text", {}, {}, place, false};
      if (i < gone.size()) one.before = gone[i];
      if (i < come.size()) one.after = come[i];
      if (one.after.empty()) one.kind = Kind::kRemoved;
      if (one.before.empty()) one.kind = Kind::kAdded;
      one.widens = one.kind == Kind::kAdded;
      changes_.push_back(std::move(one));
    }
  }
  for (const auto& [place, commands] : fresh.all) {
    if (!old.at(place).empty()) continue;
    for (const std::string& text : commands)
      changes_.push_back({Kind::kAdded, What::kCommand, place.step, "text", "", text, place, true});
  }
}

void Comparison::decisions_of(bool is_ask) {
  const What what = is_ask ? What::kAsk : What::kApproval;
  const auto of = [&](const Summary& summary) {
    std::vector<Approval> some;
    for (const Approval& one : summary.approvals)
      if (one.is_ask == is_ask) some.push_back(one);
    return some;
  };
  lists<Approval>(
      what, of(before_), of(after_), [](const Approval& one) { return one.name; }, false, !is_ask,
      [&](const Approval& was, const Approval& is) {
        const auto one = [](const std::string& quorum) { return quorum.empty() ? "1" : quorum; };
        changed(what, is.name, "question", was.question, is.question);
        changed(what, is.name, "by", comma(was.by), comma(is.by), !was.by.empty());
        changed(what, is.name, "not_by", comma(was.not_by), comma(is.not_by),
                is.not_by.size() < was.not_by.size());
        const std::string old = one(was.quorum);
        const std::string fresh = one(is.quorum);
        changed(what, is.name, "quorum", old, fresh,
                fresh.size() < old.size() || (fresh.size() == old.size() && fresh < old));
        changed(what, is.name, "expires", was.expires, is.expires, !was.expires.empty());
        changed(what, is.name, "escalates_to", comma(was.escalates_to), comma(is.escalates_to),
                !is.escalates_to.empty());
        changed(what, is.name, "break_glass", comma(was.break_glass), comma(is.break_glass),
                !is.break_glass.empty());
        changed(what, is.name, "form", comma(was.form), comma(is.form), !was.form.empty());
        changed(what, is.name, "only_if", was.only_if, is.only_if, !is.only_if.empty());
        changed(what, is.name, "starter", was.allow_starter ? "allowed" : "not allowed",
                is.allow_starter ? "allowed" : "not allowed", is.allow_starter);
      });
}

void Comparison::decisions() {
  for (const bool is_ask : {false, true}) decisions_of(is_ask);
  lists<Signal>(
      What::kSignal, before_.signals, after_.signals, [](const Signal& one) { return one.name; },
      false, true,
      [&](const Signal& was, const Signal& is) {
        changed(What::kSignal, is.name, "by", comma(was.by), comma(is.by), !was.by.empty());
        changed(What::kSignal, is.name, "type", was.type, is.type);
        changed(What::kSignal, is.name, "timeout", was.timeout, is.timeout, is.timeout.empty());
      });
  lists<Lock>(
      What::kLock, before_.locks, after_.locks,
      [](const Lock& one) { return one.kind + " " + one.name; }, false, true,
      [this](const Lock& was, const Lock& is) {
        changed(What::kLock, is.kind + " " + is.name, "terms", was.terms, is.terms, true);
      });
  lists<Call>(
      What::kCall, before_.calls, after_.calls,
      [](const Call& one) {
        return one.launch.empty() ? one.runbook : one.launch + " " + one.runbook;
      },
      true, false);
}

void Comparison::times() {
  lists<Outside>(
      What::kOutside, before_.outside, after_.outside,
      [](const Outside& one) { return one.calendar; }, false, true,
      [&](const Outside& was, const Outside& is) {
        changed(What::kOutside, is.calendar, "closed", was.closed, is.closed, true);
      });
  lists<Schedule>(
      What::kSchedule, before_.schedules, after_.schedules,
      [](const Schedule& one) { return one.name; }, true, false,
      [&](const Schedule& was, const Schedule& is) {
        changed(What::kSchedule, is.name, "when", was.when, is.when);
        changed(What::kSchedule, is.name, "arguments", was.arguments, is.arguments);
      });
  const auto label = [](const Summary& summary) {
    return summary.worker.empty() ? std::vector<std::string>() : std::vector{summary.worker};
  };
  texts(What::kWorker, label(before_), label(after_), true, true);
}

void Comparison::steps() {
  const auto undo = [](const Step& one) {
    if (one.undo.empty()) return std::string();
    return one.why.empty() ? one.undo : fmt::format("{} \"{}\"", one.undo, one.why);
  };
  const size_t from = changes_.size();
  lists<Step>(
      What::kStep, before_.steps, after_.steps,
      [](const Step& one) {
        return one.phase == Phase::kForward ? one.path
                                            : fmt::format("{}\n{}", one.path, int(one.phase));
      },
      false, false,
      [&](const Step& was, const Step& is) {
        changed(What::kStep, is.path, "calls", was.calls, is.calls);
        changed(What::kStep, is.path, "behaviour", was.behaviour, is.behaviour,
                is.behaviour == "writes" || was.behaviour == "reads");
        changed(What::kStep, is.path, "undo", undo(was), undo(is),
                was.undo == "rollback" && is.undo != "rollback");
        changed(What::kStep, is.path, "timeout", was.timeout, is.timeout, is.timeout.empty());
        changed(What::kStep, is.path, "retry", was.retry, is.retry, !is.retry.empty());
        changed(What::kStep, is.path, "on_doubt", was.on_doubt, is.on_doubt,
                is.on_doubt == "retry" || was.on_doubt.starts_with("ask"));
        changed(What::kStep, is.path, "on_failure", was.on_failure, is.on_failure,
                is.on_failure == "continue");
        changed(What::kStep, is.path, "when", was.when, is.when, !was.when.empty());
        changed(What::kStep, is.path, "only_if", was.only_if, is.only_if, !was.only_if.empty());
        for (const auto& [name, value] : is.arguments)
          changed(What::kStep, is.path, "argument " + name, value_of(was.arguments, name), value);
        for (const auto& [name, value] : was.arguments)
          if (value_of(is.arguments, name).empty())
            changed(What::kStep, is.path, "argument " + name, value, "");
      });
  const auto path = [](const Step& one) { return one.path; };
  const Keyed<Step> old = keyed<Step>(before_.steps, path);
  const Keyed<Step> fresh = keyed<Step>(after_.steps, path);
  for (size_t i = from; i < changes_.size(); ++i) {
    Change& one = changes_[i];
    one.subject = one.subject.substr(0, one.subject.find('\n'));
    if (one.kind == Kind::kChanged) continue;
    const bool removed = one.kind == Kind::kRemoved;
    const Step* step = (removed ? old : fresh).find(one.subject);
    if (step == nullptr) continue;
    one.place.phase = step->phase;
    (removed ? one.before : one.after) =
        step->calls.empty() ? ""
                            : fmt::format("{}{}{}", step->behaviour,
                                          step->behaviour.empty() ? "" : ", ", step->calls);
  }
}

void Comparison::time(What what, const Bound& before, const Bound& after) {
  const auto text = [](const Bound& bound) {
    return bound.is_bounded() ? text_of(bound) : std::string("no bound");
  };
  changed(what, "", "bound", text(before), text(after), before.is_bounded() && !after.is_bounded());
}

}  // namespace

std::vector<Change> compare(const Summary& before, const Summary& after) {
  return Comparison(before, after).run();
}

}  // namespace rbk::effects
