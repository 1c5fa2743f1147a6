#include "harness/explore.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>

#include "harness/body.h"
#include "harness/faults.h"
#include "harness/path_text.h"

namespace rbk::harness {

namespace json = boost::json;

namespace {

/// Things that go wrong on one path.
constexpr size_t kMostFaults = 2;
/// Of a place that a run comes to many times (a loop, branches) so many visits are tried, and the
/// last.
constexpr size_t kVisits = 2;

using Faults = std::vector<Fault>;

class Exploring {
 public:
  Exploring(const lower::TestProgram& tests, const lower::Test& test, size_t most)
      : tests_(tests), most_(most) {
    made_.test = test.title;
    made_.at = test.at;
  }

  Exploration run(const lower::Test& test) {
    StandIns stand_ins(tests_);
    std::optional<FirstRun> first = first_run(tests_, test.runbook, stand_ins);
    if (!first) {
      made_.problem = "it runs no runbook";
      return std::move(made_);
    }
    first_ = std::move(*first);
    made_.runbook = tests_.program->runbooks.at(first_.runbook).name;
    if (first_.crashes) {
      made_.problem = "it lets the engine die itself";
      return std::move(made_);
    }
    stand_ins_ = &stand_ins;
    const Faults none;
    const Path base = go(none);
    using Status = vm::Ending::Status;
    const bool succeeds = base.run.problem.empty() && base.run.ending &&
                          (base.run.ending->status == Status::kSucceeded ||
                           base.run.ending->status == Status::kPartial);
    if (!succeeds) {
      made_.problem = "its run does not succeed";
      return std::move(made_);
    }
    std::deque<Faults> waiting;
    look_at(none, base);
    extend(none, base, waiting);
    while (!waiting.empty()) {
      if (made_.paths >= most_) {
        made_.complete = false;
        break;
      }
      const Faults faults = std::move(waiting.front());
      waiting.pop_front();
      const Path path = go(faults);
      look_at(faults, path);
      // The same once more, where this was only the first of several attempts, or somebody was
      // asked what became of it.
      if (const Fault& last = faults.back(); last.kind == Fault::Kind::kError && !last.for_good) {
        if (tried_again(last, path)) {
          Faults again = faults;
          again.back().for_good = true;
          waiting.push_front(std::move(again));
        }
      } else if (last.kind == Fault::Kind::kCrashAfter && last.said == Doubted::kDone &&
                 path.was_asked) {
        Faults again = faults;
        again.back().said = Doubted::kNotDone;
        waiting.push_front(std::move(again));
      }
      if (faults.size() < kMostFaults) extend(faults, path, waiting);
    }
    return std::move(made_);
  }

 private:
  struct Path {
    Rehearsal run;
    std::vector<FaultyWorld::Answered> answered;
    std::vector<FaultyWorld::Decided> decided;
    std::vector<std::pair<std::string, json::value>> sent;
    std::vector<FaultyWorld::Said> failures;
    bool was_asked = false;
  };

  Path go(const Faults& faults) {
    FaultyWorld world(tests_, *stand_ins_, faults);
    std::vector<Crash> crashes = world.crashes();
    Path path;
    path.run = rehearse(tests_, first_.runbook, first_.parameters, world, crashes);
    path.answered = world.answered();
    path.decided = world.decided();
    path.sent = world.sent();
    path.failures = world.failures();
    path.was_asked = world.was_asked();
    ++made_.paths;
    return path;
  }

  void look_at(const Faults& faults, const Path& path) {
    if (!path.run.problem.empty()) return broken(path.run.problem, path.run.problem, faults, path);
    const json::object record = outcome(path.run);
    ++made_.ends[std::string(record.at("status").as_string())];
    for (const lower::Invariant& invariant : tests_.invariants) {
      if (invariant.about != made_.runbook) continue;
      const std::string message = break_of(tests_, invariant, record, path.run.calls);
      if (!message.empty()) broken(invariant.title, message, faults, path);
    }
  }

  void broken(const std::string& what, const std::string& message, const Faults& faults,
              const Path& path) {
    const auto [known, is_new] = known_.emplace(what, made_.broken.size());
    if (is_new) {
      Broken one;
      one.message = as_written(tests_, message);
      for (const Fault& fault : faults) one.faults.push_back(fault.text());
      for (const std::string& line : path.run.story) one.story.push_back(as_written(tests_, line));
      one.test =
          path_text(tests_, first_, faults, path.answered, path.decided, path.sent, path.failures,
                    path.run.problem.empty() ? outcome(path.run) : json::object());
      made_.broken.push_back(std::move(one));
    }
    ++made_.broken[known->second].paths;
  }

  static bool tried_again(const Fault& fault, const Path& path) {
    return std::any_of(path.answered.begin(), path.answered.end(), [&](const auto& one) {
      return one.call.step == fault.place && one.occurrence > fault.occurrence;
    });
  }

  /// Everything that can go wrong on this path after what went wrong on it already.
  void extend(const Faults& faults, const Path& path, std::deque<Faults>& waiting) {
    const auto add = [&](Fault fault) {
      Faults next = faults;
      next.push_back(std::move(fault));
      waiting.push_back(std::move(next));
    };
    size_t at = 0;
    if (!faults.empty()) {
      while (at < path.answered.size() && path.answered[at].call.step != faults.back().place) ++at;
      if (at == path.answered.size())
        at = 0;  // it was no call
      else
        ++at;
    }
    const auto place_of = [](const FaultyWorld::Answered& one) {
      return without_items(one.call.step) + " " + one.call.target;
    };
    std::map<std::string, size_t> last;
    for (size_t i = at; i < path.answered.size(); ++i) last[place_of(path.answered[i])] = i;
    std::map<std::string, size_t> visits;
    for (; at < path.answered.size(); ++at) {
      const FaultyWorld::Answered& one = path.answered[at];
      if (visits[place_of(one)]++ >= kVisits && last[place_of(one)] != at) {
        made_.all_visits = false;
        continue;
      }
      add_at(one, add);
    }
    std::set<std::string> seen;
    for (const auto& [approval, is_question, decision] : path.decided) {
      const bool is_fault =
          std::any_of(faults.begin(), faults.end(),
                      [&, &name = approval](const Fault& fault) { return fault.place == name; });
      if (is_fault || !decision || !seen.insert(approval).second) continue;
      Fault fault;
      fault.place = approval;
      fault.kind = Fault::Kind::kReject;
      if (!is_question) add(fault);
      fault.kind = Fault::Kind::kNoDecision;
      add(fault);
    }
    extend_failures(faults, path, add);
    for (const auto& [name, brought] : path.sent) {
      if (!seen.insert(name).second) continue;
      Fault fault;
      fault.place = name;
      fault.kind = Fault::Kind::kNoDecision;
      add(fault);
    }
  }

  /// What else a person may say of a step that has failed and asks.
  template <typename Add>
  void extend_failures(const Faults& faults, const Path& path, const Add& add) {
    using How = vm::event::Resolved::How;
    std::set<std::string> seen;
    for (const FaultyWorld::Said& one : path.failures) {
      const bool is_said = std::any_of(faults.begin(), faults.end(), [&](const Fault& fault) {
        return fault.kind == Fault::Kind::kSaid && fault.place == one.path;
      });
      if (is_said || !seen.insert(one.path).second) continue;
      // Only the call of one action has an output that can be made up.
      const bool is_call =
          std::any_of(path.answered.begin(), path.answered.end(),
                      [&](const auto& answered) { return answered.call.step == one.path; });
      for (const How how : {How::kNotDone, How::kDone, How::kLeave}) {
        if (how == one.resolution.how || (how == How::kDone && !is_call)) continue;
        Fault fault;
        fault.kind = Fault::Kind::kSaid;
        fault.place = one.path;
        fault.resolution = how;
        add(std::move(fault));
      }
    }
  }

  template <typename Add>
  void add_at(const FaultyWorld::Answered& one, const Add& add) {
    Fault fault;
    fault.place = one.call.step;
    fault.target = one.call.target;
    fault.occurrence = one.occurrence;
    std::vector<std::string> kinds = {"Timeout"};
    const auto declared = tests_.errors.find(one.call.target);
    if (declared != tests_.errors.end())
      kinds.insert(kinds.begin(), declared->second.begin(), declared->second.end());
    // A command on this host calls none that could be out of reach.
    const auto* host = one.call.arguments.if_contains("on");
    if (one.call.target == "shell" && (host == nullptr || host->is_null()))
      std::erase(kinds, "shell.Unreachable");
    for (const std::string& kind : kinds) {
      fault.error = kind;
      add(fault);
    }
    if (one.occurrence != 0) return;
    fault.error.clear();
    fault.kind = Fault::Kind::kCrashBefore;
    add(fault);
    fault.kind = Fault::Kind::kCrashAfter;
    add(fault);
  }

  const lower::TestProgram& tests_;
  size_t most_;
  Exploration made_;
  FirstRun first_;
  const StandIns* stand_ins_ = nullptr;
  std::map<std::string, size_t> known_;  // what is broken -> its place in made_.broken
};

}  // namespace

Exploration explore(const lower::TestProgram& tests, const lower::Test& test, size_t most) {
  return Exploring(tests, test, most).run(test);
}

}  // namespace rbk::harness
