#include "harness/rehearsal.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>

#include "base/units.h"
#include "harness/samples.h"
#include "harness/stand_ins.h"
#include "vm/json_secrets.h"
#include "vm/lock_queue.h"

namespace rbk::harness {

namespace json = boost::json;
namespace request = vm::request;
using vm::Effect;
using vm::Mark;
using vm::event::Performed;

namespace {

/// Turns of one run; more of them mean that it never ends.
constexpr size_t kMostTurns = 100'000;
/// Lines of the story.
constexpr size_t kMostLines = 10'000;

bool ends_with_path(const std::string& path, const std::string& end) {
  return path == end || path.ends_with("/" + end);
}

std::string_view status_text(Mark::StepStatus status) {
  switch (status) {
    case Mark::StepStatus::kSucceeded:
      return "succeeded";
    case Mark::StepStatus::kFailed:
      return "failed";
    case Mark::StepStatus::kSkipped:
      return "skipped";
    case Mark::StepStatus::kCancelled:
      return "cancelled";
  }
  return "";
}

std::string_view status_text(vm::Ending::Status status) {
  switch (status) {
    case vm::Ending::Status::kSucceeded:
      return "succeeded";
    case vm::Ending::Status::kPartial:
      return "partial";
    case vm::Ending::Status::kFailed:
      return "failed";
    case vm::Ending::Status::kRollbackFailed:
      return "rollback_failed";
    case vm::Ending::Status::kCancelled:
      return "cancelled";
  }
  return "";
}

/// The run itself, or one that it has begun.
struct Member {
  Member(const lower::TestProgram& tests, std::string run)
      : id(std::move(run)), machine(tests.program, {}) {}
  std::string id;
  int64_t key = 0;     // 0: the run itself
  std::string prefix;  // of its paths: those of a run that was begun stand below the step
  std::string runbook;
  vm::Machine machine;
  std::optional<vm::Ending> ending;
  Member* parent = nullptr;   // who waits for its end; null: nobody
  vm::RequestId request = 0;  // by which that one waits
  std::set<vm::RequestId> stopped;
  std::set<vm::RequestId> lost_before;  // an attempt at it was lost with the engine
};

class Rehearsing {
 public:
  Rehearsing(const lower::TestProgram& tests, World& world, std::vector<Crash>& crashes)
      : tests_(tests), world_(world), crashes_(crashes) {
    members_.push_back(std::make_unique<Member>(tests, "run000001"));
  }

  Rehearsal run(uint32_t runbook, const json::object& parameters) {
    const bytecode::Runbook& of = tests_.program->runbooks.at(runbook);
    const Result<std::optional<int64_t>> clock = world_.clock();
    if (!clock) {
      made_.problem = clock.error().message;
      return std::move(made_);
    }
    time_ = made_.began = clock->value_or(kBegin);
    Result<json::array> arguments = vm::check_parameters(*tests_.program, of, parameters);
    if (!arguments) {
      made_.refused = arguments.error().message;
      made_.ended = time_;
      tell(fmt::format("refused: {}", made_.refused));
      return std::move(made_);
    }
    if (!enter_calendars(of, clock->has_value())) return std::move(made_);
    Result<std::vector<double>> draws = world_.draws();
    if (!draws) {
      made_.problem = draws.error().message;
      return std::move(made_);
    }
    masks_ = masks_of(of, *arguments);
    vm::event::Started started;
    started.runbook = runbook;
    started.arguments = std::move(*arguments);
    started.run = members_.front()->id;
    started.url = "https://runbook.test/run000001";
    started.starter = "tester";
    started.reason = "test";
    started.seed = 1;
    started.draws = std::move(*draws);
    members_.front()->runbook = of.name;
    deliver(*members_.front(), std::move(started));
    // What it has detached goes on after its end.
    for (size_t turns = 0; made_.problem.empty() && !abandoned_; ++turns) {
      if (turns == kMostTurns) {
        made_.problem = fmt::format("the run has not ended after {} events", kMostTurns);
        break;
      }
      if (!go_on()) break;
    }
    if (!made_.ending) made_.ended = time_;
    return std::move(made_);
  }

 private:
  /// Of the secrets that the test wrote; one that is named has no text here.
  Masks masks_of(const bytecode::Runbook& runbook, json::array arguments) const {
    const std::set<std::string> named = vm::named_secrets(*tests_.program);
    std::vector<std::string> texts;
    for (size_t i = 0; i < arguments.size(); ++i)
      (void)vm::each_secret(*tests_.program, runbook.parameters[i].type, arguments[i],
                            [&](const std::string& text, json::value&) -> Status {
                              if (!named.contains(text)) texts.push_back(text);
                              return {};
                            });
    return Masks(texts);
  }

  /// A run that must not begin is refused; where nothing sets the clock, it waits for the time.
  bool enter_calendars(const bytecode::Runbook& runbook, bool clock_is_set) {
    constexpr int kMostClosings = 1000;  // that follow each other: then it never opens
    for (int closings = 0;; ++closings) {
      const auto closed = vm::closed_out(*tests_.program, runbook, time_);
      if (closed.empty()) return true;
      if (clock_is_set || !closed.front().until || closings == kMostClosings) {
        made_.refused = closed.front().message;
        made_.ended = time_;
        tell(fmt::format("refused: {}", made_.refused));
        return false;
      }
      time_ = made_.began = *closed.front().until;
    }
  }

  void tell(const std::string& line) {
    if (made_.story.size() >= kMostLines) return;
    made_.story.push_back(fmt::format("{:>8}  {}", format_duration(time_ - made_.began), line));
  }

  void deliver(Member& member, decltype(vm::Event::what) what) {
    Result<vm::Turn> turn = member.machine.deliver({time_, std::move(what)});
    if (!turn) {
      made_.problem = turn.error().message;
      return;
    }
    for (Mark& mark : turn->marks) {
      if (mark.kind == Mark::Kind::kLabel && member.key != 0) continue;  // that one's own
      mark.path = member.prefix + mark.path;
      take(mark);
    }
    for (const vm::Request& one : turn->requests) {
      if (const auto* stop = std::get_if<request::Stop>(&one.what))
        member.stopped.insert(stop->perform);
      locks_.take(member.key, one);
      take_family(member, one);
    }
    if (turn->ending) end(member, std::move(*turn->ending));
  }

  // ---- Runs of their own

  void take_family(Member& member, const vm::Request& one) {
    if (const auto* start = std::get_if<request::Start>(&one.what)) {
      begin(member, one.id, *start);
    } else if (const auto* cancel = std::get_if<request::CancelRun>(&one.what)) {
      for (const auto& child : members_)
        if (child->parent == &member && child->request == cancel->start && !child->ending)
          errands_.emplace_back([this, child = child.get(), cancel = *cancel] {
            const vm::event::Cancelled event{cancel.rollback, cancel.now, {}};
            if (!child->ending) deliver(*child, event);
          });
    } else if (const auto* undo = std::get_if<request::UndoRun>(&one.what)) {
      errands_.emplace_back(
          [this, &member, id = one.id, undo = *undo] { begin_undo(member, id, undo); });
    }
  }

  void begin(Member& member, vm::RequestId id, const request::Start& start) {
    Member& child = *members_.emplace_back(std::make_unique<Member>(tests_, start.run));
    child.key = static_cast<int64_t>(members_.size()) - 1;
    child.prefix = member.prefix + start.path + "/";
    child.runbook = tests_.program->runbooks.at(start.runbook).name;
    if (!start.detached) wait_for(member, id, child, start.under);
    tell(fmt::format("{}: run {} of {} {}", member.prefix + start.path, child.id, child.runbook,
                     start.detached ? "is detached" : "is started"));
    vm::event::Started started;
    started.runbook = start.runbook;
    started.arguments = start.arguments;
    started.run = start.run;
    started.url = "https://runbook.test/" + start.run;
    started.starter = "tester";
    started.reason = "test";
    started.seed = static_cast<uint64_t>(members_.size());
    started.overrides = start.overrides;
    errands_.emplace_back([this, &child, started] { deliver(child, started); });
  }

  void wait_for(Member& member, vm::RequestId id, Member& child,
                const std::vector<vm::RequestId>& under) {
    child.parent = &member;
    child.request = id;
    locks_.waits({member.key, id, under, child.key, child.id});
  }

  void begin_undo(Member& member, vm::RequestId id, const request::UndoRun& undo) {
    const auto found = std::find_if(members_.begin(), members_.end(),
                                    [&](const auto& one) { return one->id == undo.run; });
    if (found == members_.end() || (*found)->machine.undoable().empty()) {
      vm::event::RunEnded done;
      done.request = id;
      done.ok = true;
      return deliver(member, std::move(done));
    }
    Member& child = **found;
    if (child.ending && child.ending->status == vm::Ending::Status::kRollbackFailed) {
      // It is not told to try again at once, as in engine/children.cpp.
      vm::event::RunEnded failed = ended(child);
      failed.request = id;
      return deliver(member, std::move(failed));
    }
    wait_for(member, id, child, undo.under);
    child.ending.reset();
    tell(fmt::format("run {} is undone", child.id));
    deliver(child, vm::event::RollBack{{}, {}});
  }

  void end(Member& member, vm::Ending ending) {
    locks_.ended(member.key);
    const std::string who = member.key == 0 ? "the run" : "run " + member.id;
    tell(fmt::format("{} {}{}{}", who, status_text(ending.status),
                     ending.rolled_back ? ", rolled back" : "",
                     ending.error ? ": " + ending.error->message : std::string()));
    member.ending = std::move(ending);
    if (member.key == 0) {
      made_.ending = member.ending;
      made_.ended = time_;
    }
    if (Member* parent = std::exchange(member.parent, nullptr))
      errands_.emplace_back([this, parent, event = ended(member)] {
        if (!parent->ending) deliver(*parent, event);
      });
  }

  /// What the one who waits for it is told, as engine/children.cpp does.
  static vm::event::RunEnded ended(const Member& member) {
    using Status = vm::Ending::Status;
    const vm::Ending& ending = *member.ending;
    vm::event::RunEnded event;
    event.request = member.request;
    event.ok = ending.status == Status::kSucceeded || ending.status == Status::kPartial;
    event.partial = ending.status == Status::kPartial;
    if (event.ok) {
      event.output = ending.output;
      return event;
    }
    event.undo_failed = ending.status == Status::kRollbackFailed;
    const vm::ErrorValue cause = ending.error.value_or(vm::ErrorValue());
    event.error = run_failed(member.id, member.runbook, ending.status, cause);
    return event;
  }

  /// What the step fails with that has started the run.
  static vm::ErrorValue run_failed(const std::string& run, const std::string& runbook,
                                   vm::Ending::Status status, const vm::ErrorValue& cause) {
    return {
        "RunFailed",
        fmt::format("run {} of {} {}: {}", run, runbook, status_text(status), cause.message),
        status == vm::Ending::Status::kFailed && cause.retryable,
        {{"run", run}, {"name", runbook}, {"status", status_text(status)}, {"cause", cause.kind}}};
  }

  void take(const Mark& mark) {
    switch (mark.kind) {
      case Mark::Kind::kStepEnded:
        made_.steps[mark.path] = status_text(mark.status);
        if (mark.status != Mark::StepStatus::kSucceeded || mark.error)
          tell(fmt::format("step {} {}{}", mark.path, status_text(mark.status),
                           mark.error ? ": " + mark.error->message : std::string()));
        break;
      case Mark::Kind::kAttemptFailed:
        tell(fmt::format("step {}: attempt {} failed, again in {}", mark.path, mark.attempt,
                         format_duration(mark.wait)));
        break;
      case Mark::Kind::kUndoBegan:
        tell(fmt::format("undoing {}", mark.path));
        break;
      case Mark::Kind::kUndoEnded:
        if (mark.error) {
          tell(fmt::format("undoing {} failed: {}", mark.path, mark.error->message));
        } else {
          made_.undone.push_back(mark.path);
          made_.steps[mark.path] = "rolled_back";
        }
        break;
      case Mark::Kind::kLog:
        made_.logs.push_back(mark.text);
        tell(fmt::format("log.{}: {}", mark.level, mark.text));
        break;
      case Mark::Kind::kLabel:
        if (mark.output.is_string()) made_.labels[mark.text] = std::string(mark.output.as_string());
        break;
      case Mark::Kind::kCommitted:
        tell(fmt::format("commit: {}", mark.text));
        break;
      default:
        break;
    }
  }

  using Waiting = std::pair<Member*, vm::Request>;

  std::vector<Waiting> pending() const {
    std::vector<Waiting> all;
    for (const auto& member : members_)
      if (!member->ending)
        for (vm::Request& one : member->machine.pending())
          all.emplace_back(member.get(), std::move(one));
    return all;
  }

  /// Answers one thing that the run waits for. False: nothing can be answered.
  bool go_on() {
    if (!errands_.empty()) {
      const std::function<void()> errand = std::move(errands_.front());
      errands_.pop_front();
      errand();
      return true;
    }
    if (const auto answer = locks_.next()) {
      deliver(*members_.at(static_cast<size_t>(answer->run)), answer->event);
      return true;
    }
    const std::vector<Waiting> waiting = pending();
    for (const auto& [member, one] : waiting) {
      if (const auto* perform = std::get_if<request::Perform>(&one.what)) {
        this->perform(*member, one.id, *perform);
        return true;
      }
    }
    for (const auto& [member, one] : waiting) {
      const auto* approve = std::get_if<request::Approve>(&one.what);
      if (approve != nullptr && decide(*member, one.id, *approve)) return true;
      const auto* signal = std::get_if<request::AwaitSignal>(&one.what);
      if (signal != nullptr && send(*member, *signal)) return true;
      const auto* failure = std::get_if<request::AskFailure>(&one.what);
      if (failure != nullptr && say(*member, one.id, *failure)) return true;
    }
    for (const auto& [member, one] : waiting) {
      const auto* doubt = std::get_if<request::AskDoubt>(&one.what);
      if (doubt == nullptr) continue;
      const std::string path = member->prefix + doubt->path;
      if (const auto said = world_.resolve(path)) {
        resolved(*member, one.id, path, *said);
        return true;
      }
      made_.in_doubt = true;
      made_.waits_for = path;
      tell(fmt::format("a person has to say what became of {}", path));
      return false;
    }
    return wake(waiting);
  }

  void perform(Member& member, vm::RequestId id, const request::Perform& perform) {
    const std::string path = member.prefix + perform.path;
    Performed event;
    event.request = id;
    if (member.stopped.erase(id) != 0) {
      event.how = Performed::How::kStopped;
      event.effect = Effect::kNone;
      return deliver(member, std::move(event));
    }
    if (crash(path, true)) restart(path, "before");
    if (!made_.problem.empty()) return;
    Call call;
    call.target = tests_.program->actions.at(perform.action).name;
    const bool is_start = call.target.starts_with(lower::kStartAction);
    if (is_start) call.target.erase(0, lower::kStartAction.size());
    call.arguments = handed_over(perform.arguments);
    call.step = path;
    call.attempt = perform.attempt;
    call.at = time_;
    actions_[path] = perform.action;
    Reply reply = world_.call(call);
    if (is_start && reply.how == Reply::How::kFails && reply.error.kind != "RunFailed")
      reply.error = run_failed("given", call.target, vm::Ending::Status::kFailed, reply.error);
    mask(reply, perform.action);
    if (reply.how == Reply::How::kNone || reply.how == Reply::How::kProblem) {
      made_.problem = fmt::format("step {}: {}", path, reply.problem);
      return;
    }
    if (reply.how == Reply::How::kFails) call.error = reply.error.kind;
    made_.calls.push_back(call);
    tell(fmt::format("{}{}: {} {}{}", path,
                     perform.attempt > 1 ? fmt::format(" #{}", perform.attempt) : std::string(),
                     call.target, first_argument(perform),
                     reply.how == Reply::How::kOk
                         ? std::string("succeeds")
                         : fmt::format("fails: {}: {}", reply.error.kind, reply.error.message)));
    if (crash(path, false)) return lose(member, id, perform, std::move(reply));
    if (reply.how == Reply::How::kOk) {
      event.output = std::move(reply.output);
    } else {
      event.error = std::move(reply.error);
      event.how = event.error.kind == "Timeout"   ? Performed::How::kTimeout
                  : event.error.kind == "InDoubt" ? Performed::How::kInDoubt
                                                  : Performed::How::kError;
      // An action that fails in a test has failed for certain; `Timeout` is what leaves it open.
      const bool is_open =
          perform.behaviour != bytecode::Behaviour::kReads && member.lost_before.contains(id);
      event.effect =
          event.how == Performed::How::kError && !is_open ? Effect::kDone : Effect::kUnknown;
    }
    deliver(member, std::move(event));
  }

  /// As in earnest, what comes back shows no secret of the run.
  void mask(Reply& reply, uint32_t action) const {
    if (masks_.empty()) return;
    reply.output = vm::masked(*tests_.program, tests_.program->actions.at(action).result,
                              reply.output, masks_);
    reply.error.message = masks_.apply(reply.error.message);
    reply.error.fields = vm::masked_fields(reply.error.fields, masks_);
  }

  /// What the call is mostly about: its first argument, if it is a text.
  std::string first_argument(const request::Perform& perform) const {
    constexpr size_t kMost = 100;
    const auto& parameters = tests_.program->actions.at(perform.action).parameters;
    if (parameters.empty()) return {};
    const json::value* value = perform.arguments.if_contains(parameters.front().name);
    if (value == nullptr || !value->is_string()) return {};
    std::string text(value->as_string());
    if (const size_t line = text.find('\n'); line != std::string::npos)
      text = text.substr(0, line) + " …";
    if (text.size() > kMost) text = text.substr(0, kMost) + "…";
    return fmt::format("\"{}\" ", text);
  }

  /// Whether the engine dies here; it does so once.
  bool crash(const std::string& path, bool before) {
    const std::string plain = without_items(path);
    const auto found = std::find_if(crashes_.begin(), crashes_.end(), [&](const Crash& one) {
      if (one.before != before) return false;
      return one.exact ? path == one.step : ends_with_path(plain, one.step);
    });
    if (found == crashes_.end()) return false;
    crashes_.erase(found);
    return true;
  }

  /// Another engine takes the run up, from what the first has kept.
  void restart(const std::string& path, std::string_view when) {
    tell(fmt::format("the engine dies {} {} was done; another goes on", when, path));
    for (const auto& member : members_) {
      Result<vm::Machine> again =
          vm::Machine::restore(tests_.program, {}, member->machine.snapshot());
      if (!again) {
        made_.problem = again.error().message;
        return;
      }
      member->machine = std::move(*again);
    }
  }

  /// Of a step that is said to be done: what it gave, or might have given.
  json::value output_of(const std::string& path) const {
    if (const auto lost = lost_.find(path); lost != lost_.end()) return lost->second;
    const auto action = actions_.find(path);
    if (action == actions_.end()) return nullptr;
    const bytecode::TypeId result = tests_.program->actions.at(action->second).result;
    return result == bytecode::kNone ? json::value() : sample(*tests_.program, result);
  }

  /// A person's answer to a doubt that the program itself asks about.
  void resolved(Member& member, vm::RequestId id, const std::string& path, Doubted said) {
    tell(fmt::format("a person says that {} was {}", path,
                     said == Doubted::kDone ? "done" : "not done"));
    vm::event::Resolved event;
    event.request = id;
    event.how = said == Doubted::kDone ? vm::event::Resolved::How::kDone
                                       : vm::event::Resolved::How::kNotDone;
    event.output = output_of(path);
    event.by = "tester";
    deliver(member, std::move(event));
  }

  /// The action was done, and nobody knows: the rules of engine/attempts.cpp (effect_unknown).
  void lose(Member& member, vm::RequestId id, const request::Perform& perform, Reply reply) {
    const std::string path = member.prefix + perform.path;
    restart(path, "after");
    if (!made_.problem.empty()) return;
    const bool repeatable = perform.behaviour != bytecode::Behaviour::kWrites ||
                            perform.doubt == bytecode::Doubt::kRetry;
    if (repeatable) {  // it is still pending, and done again
      member.lost_before.insert(id);
      return;
    }
    if (reply.how == Reply::How::kOk) lost_[path] = reply.output;
    if (perform.doubt != bytecode::Doubt::kDefault) {
      Performed event;
      event.request = id;
      event.how = Performed::How::kInDoubt;
      event.effect = Effect::kUnknown;
      return deliver(member, std::move(event));
    }
    const auto said = world_.resolve(path);
    if (!said) {
      made_.in_doubt = abandoned_ = true;
      made_.waits_for = path;
      return tell(fmt::format("a person has to say what became of {}", path));
    }
    tell(fmt::format("a person says that {} was {}", path,
                     *said == Doubted::kDone ? "done" : "not done"));
    if (*said == Doubted::kNotDone) return;  // it is still pending, and done again
    Performed event;
    event.request = id;
    event.output = output_of(path);
    deliver(member, std::move(event));
  }

  bool decide(Member& member, vm::RequestId id, const request::Approve& approve) {
    const json::value* name = approve.description.is_object()
                                  ? approve.description.as_object().if_contains("name")
                                  : nullptr;
    const std::string wanted =
        name != nullptr && name->is_string() ? std::string(name->as_string()) : std::string();
    Result<std::optional<Decision>> decision = world_.decide(wanted, approve.is_question);
    if (!decision) {
      made_.problem = decision.error().message;
      return true;
    }
    if (!*decision) return false;
    vm::event::Decided event;
    event.request = id;
    event.approved = (*decision)->approved;
    event.form = (*decision)->form;
    event.by = {"approver"};
    const json::value* quorum = approve.description.as_object().if_contains("quorum");
    if (event.approved && quorum != nullptr && quorum->is_int64()) {
      for (int64_t i = 2; i <= std::min<int64_t>(quorum->as_int64(), 100); ++i)
        event.by.push_back(fmt::format("approver-{}", i));
    }
    if (!event.approved) event.reason = "rejected in the test";
    tell(approve.is_question
             ? fmt::format("question {} is answered", wanted)
             : fmt::format("approval {} is {}", wanted, event.approved ? "given" : "rejected"));
    const std::string path = approve.path;
    deliver(member, std::move(event));
    // A form that does not fit its `where` is asked for again: this one will never fit.
    for (const vm::Request& one : member.machine.pending()) {
      const auto* again = std::get_if<request::Approve>(&one.what);
      if (again != nullptr && again->path == path && one.id != id && made_.problem.empty())
        made_.problem = made_.logs.empty() ? "`" + wanted + "` is asked again" : made_.logs.back();
    }
    return true;
  }

  /// Somebody says what becomes of a step that has failed.
  bool say(Member& member, vm::RequestId id, const request::AskFailure& failure) {
    const std::string path = member.prefix + failure.path;
    Result<std::optional<Resolution>> said = world_.failed(path);
    if (!said) {
      made_.problem = said.error().message;
      return true;
    }
    if (!*said) return false;
    using How = vm::event::Resolved::How;
    const How how = (*said)->how;
    tell(fmt::format("{} has failed, and a person says {}", path,
                     how == How::kNotDone ? "retry"
                     : how == How::kDone  ? "done"
                     : how == How::kFail  ? "fail"
                                          : "leave"));
    deliver(member, vm::event::Resolved{id, how, std::move((*said)->output), "tester"});
    return true;
  }

  /// Somebody who may sends the signal that is waited for.
  bool send(Member& member, const request::AwaitSignal& wait) {
    Result<std::optional<json::value>> brought = world_.signal(wait.name);
    if (!brought) {
      made_.problem = brought.error().message;
      return true;
    }
    if (!*brought) return false;
    vm::event::Signalled event;
    event.name = wait.name;
    event.payload = std::move(**brought);
    event.sender = "tester";
    if (wait.by.is_array() && !wait.by.as_array().empty()) {
      const json::object& who = wait.by.as_array().front().as_object();
      if (const json::value* user = who.if_contains("user"); user != nullptr && user->is_string())
        event.sender = std::string(user->as_string());
      if (const json::value* group = who.if_contains("group");
          group != nullptr && group->is_string())
        event.groups.emplace_back(group->as_string());
    }
    tell(fmt::format("signal {} is sent", wait.name));
    deliver(member, std::move(event));
    return true;
  }

  /// The earliest time that is waited for has come.
  bool wake(const std::vector<Waiting>& waiting) {
    vm::RequestId first = 0;
    Member* of = nullptr;
    int64_t when = INT64_MAX;
    for (const auto& [member, one] : waiting) {
      std::optional<int64_t> until;
      if (const auto* sleep = std::get_if<request::Sleep>(&one.what)) until = sleep->until;
      if (const auto* approve = std::get_if<request::Approve>(&one.what)) {
        until = approve->expires;
        if (made_.waits_for.empty()) made_.waits_for = member->prefix + approve->path;
      }
      if (const auto* signal = std::get_if<request::AwaitSignal>(&one.what)) {
        until = signal->expires;
        if (made_.waits_for.empty()) made_.waits_for = member->prefix + signal->path;
      }
      if (const auto* failure = std::get_if<request::AskFailure>(&one.what)) {
        if (made_.waits_for.empty()) made_.waits_for = member->prefix + failure->path;
      }
      if (const auto* acquire = std::get_if<request::Acquire>(&one.what)) {
        until = acquire->until;
        if (made_.waits_for.empty()) made_.waits_for = vm::describe(acquire->lock);
      }
      if (!until || *until >= when) continue;
      when = *until;
      first = one.id;
      of = member;
    }
    if (of == nullptr) {
      if (made_.ending) return false;
      tell(made_.waits_for.empty()
               ? std::string("the run waits for nothing that could come")
               : fmt::format("nothing comes of {}: the run waits", made_.waits_for));
      return false;
    }
    made_.waits_for.clear();
    time_ = std::max(time_, when);
    deliver(*of, vm::event::Woke{first});
    return true;
  }

  const lower::TestProgram& tests_;
  World& world_;
  std::vector<Crash>& crashes_;
  std::vector<std::unique_ptr<Member>> members_;  // the run itself first
  std::deque<std::function<void()>> errands_;     // what members tell each other, in order
  Rehearsal made_;
  Masks masks_{{}};  // of the run's secrets
  int64_t time_ = kBegin;
  vm::LockTable locks_;                      // nobody else has any
  std::map<std::string, json::value> lost_;  // by path: the output that nobody got
  std::map<std::string, uint32_t> actions_;  // by path: what was called last
  bool abandoned_ = false;
};

json::object error_json(const vm::ErrorValue& error) {
  json::object made = error.fields;
  made["kind"] = error.kind;
  made["message"] = error.message;
  made["retryable"] = error.retryable;
  return made;
}

}  // namespace

std::string without_items(std::string_view path) {
  std::string made;
  int depth = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\') {
      ++i;
    } else if (path[i] == '[') {
      ++depth;
    } else if (path[i] == ']') {
      --depth;
    } else if (depth == 0) {
      made += path[i];
    }
  }
  return made;
}

Rehearsal rehearse(const lower::TestProgram& tests, uint32_t runbook,
                   const json::object& parameters, World& world, std::vector<Crash>& crashes) {
  return Rehearsing(tests, world, crashes).run(runbook, parameters);
}

json::object outcome(const Rehearsal& run) {
  using Status = vm::Ending::Status;
  const auto is = [&](Status status) { return run.ending && run.ending->status == status; };
  json::object made;
  const bool refused = !run.refused.empty();
  made["status"] = run.ending     ? status_text(run.ending->status)
                   : refused      ? "refused"
                   : run.in_doubt ? "in_doubt"
                                  : "waiting";
  made["succeeded"] = is(Status::kSucceeded) || is(Status::kPartial);
  made["failed"] = is(Status::kFailed) || is(Status::kRollbackFailed);
  made["cancelled"] = is(Status::kCancelled);
  made["refused"] = refused;
  made["waiting"] = !run.ending && !refused;
  made["in_doubt"] = run.in_doubt;
  made["rolled_back"] = run.ending && run.ending->rolled_back;
  if (run.ending && run.ending->error) {
    made["error"] = error_json(*run.ending->error);
  } else if (refused) {
    made["error"] = error_json({"Failed", run.refused, false, {}});
  } else {
    made["error"] = nullptr;
  }
  made["waits_for"] =
      run.waits_for.empty() || run.ending ? json::value() : json::value(run.waits_for);
  made["took"] = format_duration(run.ended - run.began);
  json::object steps;
  for (const auto& [path, status] : run.steps) steps[path] = status;
  made["steps"] = std::move(steps);
  made["undone"] = json::array(run.undone.begin(), run.undone.end());
  made["logs"] = json::array(run.logs.begin(), run.logs.end());
  json::object labels;
  for (const auto& [key, value] : run.labels) labels[key] = value;
  made["labels"] = std::move(labels);
  made["output"] = run.ending ? run.ending->output : json::value();
  return made;
}

json::array calls_of(const std::vector<Call>& calls, const std::string& target) {
  json::array made;
  for (const Call& call : calls) {
    if (call.target != target) continue;
    json::object one{{"step", call.step}, {"attempt", call.attempt}, {"at", format_time(call.at)}};
    one["error"] = call.error.empty() ? json::value() : json::value(call.error);
    for (const auto& [name, value] : call.arguments) one[name] = value;
    made.push_back(std::move(one));
  }
  return made;
}

}  // namespace rbk::harness
