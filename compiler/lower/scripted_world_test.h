// For tests: compiles a text, runs a runbook of it on the machine in a world that is written down
// beforehand, and gives back what happened as lines. Time is virtual.
#pragma once

#include <boost/json.hpp>
#include <deque>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "compiler/compile.h"
#include "gtest/gtest.h"
#include "vm/lock_queue.h"
#include "vm/machine.h"

namespace rbk::lower {

/// How one attempt of an action ends.
struct Outcome {
  vm::event::Performed::How how = vm::event::Performed::How::kOk;
  boost::json::value output;
  vm::ErrorValue error;
  vm::Effect effect = vm::Effect::kDone;
  int64_t takes = 0;  // microseconds
};

inline Outcome ok(boost::json::value output = nullptr, int64_t takes = 0) {
  Outcome made;
  made.output = std::move(output);
  made.takes = takes;
  return made;
}
inline Outcome fails(std::string kind, bool retryable = false,
                     vm::Effect effect = vm::Effect::kNone) {
  Outcome made;
  made.how = vm::event::Performed::How::kError;
  made.error = {kind, "no " + kind, retryable, {}};
  made.effect = effect;
  return made;
}
inline Outcome times_out(vm::Effect effect = vm::Effect::kUnknown) {
  Outcome made;
  made.how = vm::event::Performed::How::kTimeout;
  made.effect = effect;
  return made;
}
inline Outcome crashes() {
  Outcome made;
  made.how = vm::event::Performed::How::kInDoubt;
  made.effect = vm::Effect::kUnknown;
  return made;
}

inline Outcome stopped(vm::Effect effect = vm::Effect::kUnknown) {
  Outcome made;
  made.how = vm::event::Performed::How::kStopped;
  made.effect = effect;
  return made;
}

/// The text of a file of the source tree.
inline std::string source_file(const std::string& path) {
  std::ifstream file(std::string(RBK_SOURCE_DIR) + "/" + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class ScriptedWorld {
 public:
  explicit ScriptedWorld(std::string text, std::map<std::string, std::string> files = {}) {
    // Three actions that need no module's name: one of each behaviour.
    core_ = source_file("stdlib/core.rbk") +
            "action put(what: string) -> string writes = native\n"
            "action same(what: string) -> string idempotent = native\n"
            "action look(what: string) -> string reads = native\n"
            "action measure(what: string) -> int reads = native\n";
    shell_ = source_file("stdlib/shell/shell.rbk");
    http_ = source_file("stdlib/http/http.rbk");
    log_ = source_file("stdlib/log/log.rbk");
    check::Options options;
    options.standard = {{"core", core_}, {"shell", shell_}, {"http", http_}, {"log", log_}};
    options.read = [files = std::move(files)](const std::string& path) -> Result<std::string> {
      const auto found = files.find(path);
      if (found == files.end()) return fail(ErrorKind::kNotFound, "no file " + path);
      return found->second;
    };
    auto compiled = compiler::compile("test.rbk", std::move(text), options);
    if (!compiled) {
      ADD_FAILURE() << compiled.error().message;
      return;
    }
    for (const diagnostics::Diagnostic& one : compiled->checked.diagnostics.sorted()) {
      if (one.severity != diagnostics::Severity::kError) continue;
      const source::Source& file = compiled->checked.sources.get(one.primary.file);
      const source::LineColumn at = file.position(one.primary.begin);
      ADD_FAILURE() << file.path() << ":" << at.line << ":" << at.column << ": " << one.message
                    << " (" << one.label << ")";
    }
    if (!compiled->program) return;
    const Status verified = bytecode::verify(*compiled->program);
    if (!verified) {
      ADD_FAILURE() << verified.error().message;
      return;
    }
    program_ = std::make_shared<const bytecode::Program>(std::move(*compiled->program));
  }

  const bytecode::Program& program() const { return *program_; }
  bool compiled() const { return program_ != nullptr; }

  /// The outcomes of the attempts of the step at this path, in order; then what is the default.
  ScriptedWorld& at(std::string path, std::vector<Outcome> outcomes) {
    auto& list = outcomes_[std::move(path)];
    for (Outcome& outcome : outcomes) list.push_back(std::move(outcome));
    return *this;
  }
  /// The run is cancelled when the step at this path begins to act.
  ScriptedWorld& cancel_at(std::string path, bool rollback = true, bool now = false) {
    cancel_at_ = std::move(path);
    cancel_ = {rollback, now, "alice"};
    return *this;
  }
  ScriptedWorld& decide(boost::json::object form, bool approved = true) {
    decisions_.push_back({approved, std::move(form)});
    return *this;
  }
  ScriptedWorld& answer_doubt(vm::event::Resolved::How how, boost::json::value output = nullptr) {
    doubts_.push_back({how, std::move(output)});
    return *this;
  }

  /// That long after its begin somebody sends a signal.
  ScriptedWorld& signal(int64_t after, vm::event::Signalled signal) {
    signals_.emplace_back(after, std::move(signal));
    return *this;
  }

  /// Another run has the lock from the beginning, and frees it that long after.
  ScriptedWorld& taken(std::string name, int64_t until) {
    taken_.emplace_back(std::move(name), until);
    return *this;
  }

  /// Runs to the end; one line for each thing that happened.
  std::string run(const std::string& runbook, boost::json::object parameters = {}) {
    if (program_ == nullptr) return "not compiled\n";
    const bytecode::Runbook* found = program_->find_runbook(runbook);
    if (found == nullptr) return "no runbook " + runbook + "\n";
    auto arguments = vm::check_parameters(*program_, *found, parameters);
    if (!arguments) return "refused: " + arguments.error().message + "\n";
    machine_ = std::make_unique<vm::Machine>(program_, vm::Limits{});
    trace_.str({});
    queue_.clear();
    sleeping_.clear();
    now_ = 0;
    locks_ = {};
    for (const auto& [name, until] : std::exchange(taken_, {})) {
      const vm::RequestId other = 1'000'000 + ++order_;
      vm::request::Acquire acquire;
      acquire.lock.name = name;
      locks_.take(0, {other, acquire});
      locks_.next();
      later(until, [this, other] {
        line("another run frees what it had");
        locks_.take(0, {other + 1, vm::request::Release{other, {}}});
        answer_locks();
      });
    }
    vm::event::Started started;
    started.runbook = static_cast<uint32_t>(found - program_->runbooks.data());
    started.arguments = std::move(*arguments);
    started.run = "r1";
    started.starter = "alice";
    started.seed = 1;
    deliver(std::move(started));
    for (auto& [after, signal] : std::exchange(signals_, {})) {
      later(after, [this, signal] {
        line("signal " + signal.name);
        deliver(signal);
      });
    }
    for (int steps = 0; !machine_->ended() && steps < 10000; ++steps) {
      if (queue_.empty()) {
        line("stuck: nothing more happens");
        break;
      }
      const auto next = queue_.begin();
      now_ = std::max(now_, next->first.first);
      const auto event = next->second;
      queue_.erase(next);
      // Every state that waits can be kept and taken up again.
      auto restored = vm::Machine::restore(program_, vm::Limits{}, machine_->snapshot());
      if (!restored) {
        line("cannot be restored: " + restored.error().message);
        break;
      }
      *machine_ = std::move(*restored);
      event();
    }
    // What was written down for this run must have come about.
    for (const auto& [path, left] : outcomes_) {
      if (!left.empty()) line("not used: an outcome of " + path);
    }
    outcomes_.clear();
    return trace_.str();
  }

 private:
  using What = decltype(vm::Event::what);
  void line(const std::string& text) { trace_ << text << "\n"; }

  void later(int64_t by, std::function<void()> event) {
    queue_[{now_ + by, ++order_}] = std::move(event);
  }

  void deliver(What what) {
    if (const auto* acquired = std::get_if<vm::event::Acquired>(&what))
      sleeping_.erase(acquired->request);
    vm::Event event;
    event.time = now_;
    event.what = std::move(what);
    auto turn = machine_->deliver(event);
    if (!turn) {
      line("not taken: " + turn.error().message);
      return;
    }
    for (const vm::Mark& mark : turn->marks) show(mark);
    for (const vm::Request& request : turn->requests) {
      std::visit([&](const auto& what_) { carry_out(request.id, what_); }, request.what);
    }
    for (const vm::Request& request : turn->requests) locks_.take(0, request);
    answer_locks();
    if (turn->ending) show(*turn->ending);
  }

  // ---- Requests

  void answer_locks() {
    while (const auto answer = locks_.next())
      later(0, [this, answer = *answer] { deliver(answer.event); });
  }
  void carry_out(vm::RequestId id, const vm::request::Acquire& acquire) {
    std::string text = "acquire " + vm::describe(acquire.lock);
    if (acquire.lock.limit != 1) text += " limit " + std::to_string(acquire.lock.limit);
    if (acquire.unwinds) text += " to undo";
    names_[id] = vm::describe(acquire.lock);
    line(text);
    if (acquire.until) carry_out(id, vm::request::Sleep{*acquire.until});
  }
  void carry_out(vm::RequestId, const vm::request::Release& release) {
    sleeping_.erase(release.acquire);
    line("release " + names_[release.acquire]);
  }

  void carry_out(vm::RequestId id, const vm::request::Perform& perform) {
    const bytecode::ActionImport& action = program_->actions.at(perform.action);
    std::string text = "do " + perform.path + ": " + action.name + "(";
    std::string first;
    for (const auto& [name, value] : perform.arguments) {
      if (value.is_null()) continue;
      if (text.back() != '(') text += ", ";
      text += boost::json::serialize(value);
      if (first.empty() && value.is_string()) first = value.as_string().c_str();
    }
    text += ")";
    if (perform.attempt > 1) text += " #" + std::to_string(perform.attempt);
    if (perform.timeout) text += " timeout " + format_duration(*perform.timeout);
    line(text);
    Outcome outcome = ok(boost::json::value(first));
    auto& scripted = outcomes_[perform.path];
    if (!scripted.empty()) {
      outcome = scripted.front();
      scripted.pop_front();
    }
    later(outcome.takes, [this, id, outcome] {
      vm::event::Performed performed;
      performed.request = id;
      performed.how = outcome.how;
      performed.output = outcome.output;
      performed.error = outcome.error;
      performed.effect = outcome.effect;
      deliver(std::move(performed));
    });
    cancel_if_at(perform.path);
  }
  void cancel_if_at(const std::string& path) {
    if (cancel_at_.empty() || cancel_at_ != path) return;
    cancel_at_.clear();
    // It comes before the attempt ends.
    queue_[{now_, 0}] = [this] {
      line("cancel");
      deliver(cancel_);
    };
  }

  // ---- Runs of their own: they end as the step's outcomes say, or cancelled at once

  void end_run(vm::RequestId id, const Outcome& outcome, std::string_view status) {
    if (awaited_.erase(id) == 0) return;
    vm::event::RunEnded ended;
    ended.request = id;
    ended.ok = outcome.how == vm::event::Performed::How::kOk;
    ended.output = outcome.output;
    ended.error = {"RunFailed",
                   "the run " + std::string(status) + ": " + outcome.error.message,
                   outcome.error.retryable,
                   {{"run", "r1-1"}, {"status", status}, {"cause", outcome.error.kind}}};
    deliver(std::move(ended));
  }
  void carry_out(vm::RequestId id, const vm::request::Start& start) {
    line((start.detached ? "detach " : "start ") + start.path + ": " +
         program_->runbooks.at(start.runbook).name + boost::json::serialize(start.arguments) +
         " as " + start.run);
    if (start.detached) return;
    awaited_.insert(id);
    Outcome outcome;
    auto& scripted = outcomes_[start.path];
    if (!scripted.empty()) {
      outcome = scripted.front();
      scripted.pop_front();
    }
    later(outcome.takes, [this, id, outcome] { end_run(id, outcome, "failed"); });
    cancel_if_at(start.path);
  }
  void carry_out(vm::RequestId, const vm::request::CancelRun& cancel) {
    line(std::string("cancel its run") + (cancel.rollback ? " rollback" : "") +
         (cancel.now ? " now" : ""));
    Outcome cancelled;
    cancelled.how = vm::event::Performed::How::kStopped;
    later(0, [this, id = cancel.start, cancelled] { end_run(id, cancelled, "cancelled"); });
  }
  void carry_out(vm::RequestId id, const vm::request::UndoRun& undo) {
    line("undo run " + undo.run);
    awaited_.insert(id);
    Outcome outcome;
    auto& scripted = outcomes_["undo " + undo.run];
    if (!scripted.empty()) {
      outcome = scripted.front();
      scripted.pop_front();
    }
    later(outcome.takes, [this, id, outcome] { end_run(id, outcome, "rollback_failed"); });
  }
  void carry_out(vm::RequestId, const vm::request::Stop& stop) {
    using How = vm::request::Stop::How;
    if (stop.how != How::kLetFinish) line(stop.how == How::kKill ? "kill" : "stop");
  }
  void carry_out(vm::RequestId id, const vm::request::Sleep& sleep) {
    sleeping_[id] = {sleep.until, order_ + 1};
    later(sleep.until - now_, [this, id] {
      if (sleeping_.erase(id) == 0) return;
      vm::event::Woke woke;
      woke.request = id;
      deliver(woke);
    });
  }
  void carry_out(vm::RequestId id, const vm::request::AwaitSignal& wait) {
    line("await " + wait.path +
         (wait.by.is_null() ? std::string() : " by " + boost::json::serialize(wait.by)));
    if (wait.expires) carry_out(id, vm::request::Sleep{*wait.expires});
  }
  void carry_out(vm::RequestId, const vm::request::Forget& forget) {
    sleeping_.erase(forget.request);
  }
  void carry_out(vm::RequestId id, const vm::request::Approve& approve) {
    line((approve.is_question ? "ask: " : "approve: ") +
         boost::json::serialize(approve.description) +
         (approve.expires ? " expires in " + format_duration(*approve.expires - now_) : ""));
    if (decisions_.empty()) {
      if (!approve.expires) return;
      later(*approve.expires - now_, [this, id] {
        vm::event::Woke woke;
        woke.request = id;
        deliver(woke);
      });
      return;
    }
    const Decision decision = decisions_.front();
    decisions_.pop_front();
    later(0, [this, id, decision] {
      vm::event::Decided decided;
      decided.request = id;
      decided.approved = decision.approved;
      decided.form = decision.form;
      decided.by = {"bob"};
      deliver(std::move(decided));
    });
  }
  void carry_out(vm::RequestId id, const vm::request::AskFailure& ask) {
    line("ask what becomes of " + ask.path + ": " + ask.error.kind +
         (ask.in_doubt ? ", in doubt" : "") +
         (ask.by.is_null() ? std::string() : " by " + boost::json::serialize(ask.by)));
    resolve_later(id);
  }
  void carry_out(vm::RequestId id, const vm::request::AskDoubt& ask) {
    line("ask what became of " + ask.path);
    resolve_later(id);
  }
  void resolve_later(vm::RequestId id) {
    if (doubts_.empty()) return;
    const auto answer = doubts_.front();
    doubts_.pop_front();
    later(0, [this, id, answer] {
      vm::event::Resolved resolved;
      resolved.request = id;
      resolved.how = answer.first;
      resolved.output = answer.second;
      resolved.by = "bob";
      deliver(std::move(resolved));
    });
  }

  // ---- Marks

  static std::string text_of(const std::optional<vm::ErrorValue>& error) {
    return error ? error->kind + ": " + error->message : std::string("no error");
  }
  void show(const vm::Mark& mark) {
    static constexpr const char* kStatus[] = {"ok", "failed", "skipped", "cancelled"};
    using Kind = vm::Mark::Kind;
    switch (mark.kind) {
      case Kind::kStepBegan:
        line("begin " + mark.path + (mark.title.empty() ? "" : " \"" + mark.title + "\""));
        break;
      case Kind::kStepEnded: {
        std::string text = "end " + mark.path + " " + kStatus[static_cast<size_t>(mark.status)];
        if (!mark.output.is_null()) text += " " + boost::json::serialize(mark.output);
        if (mark.error) text += " " + mark.error->kind;
        line(text);
        break;
      }
      case Kind::kAttemptFailed:
        line("again " + mark.path + " after #" + std::to_string(mark.attempt) + " " +
             (mark.error ? mark.error->kind : "") + (mark.wait > 0 ? " in a while" : ""));
        break;
      case Kind::kUndoBegan:
        line("undo " + mark.path);
        break;
      case Kind::kUndoEnded:
        line("undone " + mark.path + (mark.error ? " " + text_of(mark.error) : ""));
        break;
      case Kind::kLog:
        line(mark.level + ": " + mark.text);
        break;
      case Kind::kNote:
        line("note: " + mark.text);
        break;
      case Kind::kLabel:
        line("label " + mark.text + " = " + boost::json::serialize(mark.output));
        break;
      case Kind::kProgress:
        line("progress " + boost::json::serialize(mark.output));
        break;
      case Kind::kAttach:
        line("attach " + mark.text);
        break;
      case Kind::kCommitted:
        line("committed: " + mark.text);
        break;
    }
  }
  void show(const vm::Ending& ending) {
    static constexpr const char* kStatus[] = {"succeeded", "partial", "failed", "rollback_failed",
                                              "cancelled"};
    std::string text = std::string("=> ") + kStatus[static_cast<size_t>(ending.status)];
    if (!ending.output.is_null()) text += " " + boost::json::serialize(ending.output);
    if (ending.error) text += " " + text_of(ending.error);
    if (ending.rolled_back) text += " (rolled back)";
    if (now_ > 0) text += " after " + format_duration(now_ - now_ % 1'000'000);
    line(text);
  }

  struct Decision {
    bool approved = true;
    boost::json::object form;
  };
  std::string core_, shell_, http_, log_;
  std::shared_ptr<const bytecode::Program> program_;
  std::unique_ptr<vm::Machine> machine_;
  std::map<std::string, std::deque<Outcome>> outcomes_;
  std::deque<Decision> decisions_;
  std::deque<std::pair<vm::event::Resolved::How, boost::json::value>> doubts_;
  std::vector<std::pair<int64_t, vm::event::Signalled>> signals_;
  std::string cancel_at_;
  vm::event::Cancelled cancel_;
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> queue_;
  std::map<vm::RequestId, std::pair<int64_t, uint64_t>> sleeping_;
  vm::LockTable locks_;
  std::vector<std::pair<std::string, int64_t>> taken_;
  std::map<vm::RequestId, std::string> names_;
  std::set<vm::RequestId> awaited_;  // runs
  uint64_t order_ = 0;
  int64_t now_ = 0;
  std::ostringstream trace_;
};

}  // namespace rbk::lower
