#include "engine/descriptions.h"

#include "base/units.h"
#include "engine/news.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;

std::string_view behaviour_word(bytecode::Behaviour behaviour) {
  static constexpr std::string_view kWords[] = {"reads", "idempotent", "writes"};
  return kWords[static_cast<size_t>(behaviour)];
}

std::string_view how_word(vm::event::Performed::How how) {
  static constexpr std::string_view kWords[] = {"ok",      "error",    "timeout",
                                                "stopped", "in_doubt", "left"};
  return kWords[static_cast<size_t>(how)];
}

std::string_view effect_word(vm::Effect effect) {
  static constexpr std::string_view kWords[] = {"none", "done", "unknown"};
  return kWords[static_cast<size_t>(effect)];
}

/// Adds its fields to `made`, which has the request's number.
struct Requester {
  const bytecode::Program& program;
  json::object& made;

  void expires(const std::optional<int64_t>& at) {
    if (at) made["expires"] = format_time(*at);
  }
  void operator()(const vm::request::Perform& perform) {
    made["what"] = "perform";
    made["path"] = perform.path;
    made["action"] = program.actions[perform.action].name;
    made["behaviour"] = behaviour_word(perform.behaviour);
    made["attempt"] = perform.attempt;
    made["arguments"] = perform.arguments;
    if (perform.timeout) made["timeout"] = format_duration(*perform.timeout);
  }
  void operator()(const vm::request::Stop& stop) {
    static constexpr std::string_view kWords[] = {"gentle", "let_finish", "kill"};
    made["what"] = "stop";
    made["of"] = stop.perform;
    made["how"] = kWords[static_cast<size_t>(stop.how)];
  }
  void operator()(const vm::request::Sleep& sleep) {
    made["what"] = "sleep";
    made["until"] = format_time(sleep.until);
  }
  void operator()(const vm::request::Approve& approve) {
    made["what"] = approve.is_question ? "question" : "approval";
    made["path"] = approve.path;
    made["description"] = approve.description;
    expires(approve.expires);
  }
  void operator()(const vm::request::AskDoubt& ask) {
    made["what"] = "doubt";
    made["path"] = ask.path;
    made["of"] = ask.perform;
  }
  void operator()(const vm::request::AskFailure& ask) {
    made["what"] = "failure";
    made["path"] = ask.path;
    made["error"] = error_json(ask.error);
    made["in_doubt"] = ask.in_doubt;
    if (!ask.by.is_null()) made["by"] = ask.by;
  }
  void operator()(const vm::request::Forget& forget) {
    made["what"] = "forget";
    made["of"] = forget.request;
  }
  void operator()(const vm::request::AwaitSignal& wait) {
    made["what"] = "signal";
    made["path"] = wait.path;
    made["name"] = wait.name;
    if (!wait.by.is_null()) made["by"] = wait.by;
    expires(wait.expires);
  }
  void operator()(const vm::request::Acquire& acquire) {
    static constexpr std::string_view kWords[] = {"queue", "reject", "cancel_running"};
    made["what"] = "lock";
    made["path"] = acquire.path;
    made["lock"] = vm::describe(acquire.lock);
    made["mode"] = kWords[static_cast<size_t>(acquire.mode)];
    expires(acquire.until);
  }
  void operator()(const vm::request::Release& release) {
    made["what"] = "unlock";
    made["of"] = release.acquire;
    made["lock"] = vm::describe(release.lock);
  }
  void operator()(const vm::request::Start& start) {
    made["what"] = "start";
    made["path"] = start.path;
    made["run"] = start.run;
    made["runbook"] = program.runbooks[start.runbook].name;
    made["arguments"] = start.arguments;
    made["detached"] = start.detached;
  }
  void operator()(const vm::request::CancelRun& cancel) {
    made["what"] = "cancel_run";
    made["of"] = cancel.start;
    made["rollback"] = cancel.rollback;
    made["now"] = cancel.now;
  }
  void operator()(const vm::request::UndoRun& undo) {
    made["what"] = "undo_run";
    made["path"] = undo.path;
    made["run"] = undo.run;
  }
};

/// Adds its fields to `made`.
struct Teller {
  const bytecode::Program& program;
  json::object& made;

  void by(const std::string& who) { made["by"] = who; }
  void operator()(const vm::event::Started& started) {
    made["kind"] = "started";
    if (started.runbook >= program.runbooks.size()) return;
    const bytecode::Runbook& runbook = program.runbooks[started.runbook];
    made["runbook"] = runbook.name;
    json::object arguments;
    for (size_t i = 0; i < started.arguments.size() && i < runbook.parameters.size(); ++i)
      arguments[runbook.parameters[i].name] = started.arguments[i];
    made["arguments"] = std::move(arguments);
    by(started.starter);
  }
  void operator()(const vm::event::Performed& performed) {
    made["kind"] = "performed";
    made["how"] = how_word(performed.how);
    made["effect"] = effect_word(performed.effect);
    if (performed.how == vm::event::Performed::How::kOk) made["output"] = performed.output;
    if (!performed.error.kind.empty()) made["error"] = error_json(performed.error);
  }
  void operator()(const vm::event::Woke&) { made["kind"] = "woke"; }
  void operator()(const vm::event::Decided& decided) {
    made["kind"] = "decided";
    made["approved"] = decided.approved;
    made["form"] = decided.form;
    made["by"] = json::array(decided.by.begin(), decided.by.end());
    if (!decided.reason.empty()) made["reason"] = decided.reason;
  }
  void operator()(const vm::event::Resolved& resolved) {
    static constexpr std::string_view kWords[] = {"done", "not_done", "fail", "leave", "skip"};
    made["kind"] = "resolved";
    made["how"] = kWords[static_cast<size_t>(resolved.how)];
    if (resolved.how == vm::event::Resolved::How::kDone ||
        resolved.how == vm::event::Resolved::How::kSkip)
      made["output"] = resolved.output;
    by(resolved.by);
  }
  void operator()(const vm::event::Cancelled& cancelled) {
    made["kind"] = "cancelled";
    made["rollback"] = cancelled.rollback;
    made["now"] = cancelled.now;
    by(cancelled.by);
  }
  void operator()(const vm::event::RollBack& roll_back) {
    made["kind"] = "roll_back";
    if (!roll_back.to.empty()) made["to"] = roll_back.to;
    by(roll_back.by);
  }
  void operator()(const vm::event::Signalled& signal) {
    made["kind"] = "signalled";
    made["name"] = signal.name;
    made["payload"] = signal.payload;
    by(signal.sender);
  }
  void operator()(const vm::event::Acquired& acquired) {
    static constexpr std::string_view kWords[] = {"granted", "deadlock", "taken"};
    made["kind"] = "acquired";
    made["how"] = kWords[static_cast<size_t>(acquired.how)];
    if (!acquired.message.empty()) made["message"] = acquired.message;
  }
  void operator()(const vm::event::RunEnded& ended) {
    made["kind"] = "run_ended";
    made["ok"] = ended.ok;
    if (ended.ok)
      made["output"] = ended.output;
    else
      made["error"] = error_json(ended.error);
  }
};

}  // namespace

json::object describe_request(const bytecode::Program& program, const vm::Request& request) {
  json::object made{{"request", request.id}};
  std::visit(Requester{program, made}, request.what);
  return made;
}

std::string_view path_of(const vm::Request& request) {
  return std::visit(
      [](const auto& what) -> std::string_view {
        if constexpr (requires { what.path; })
          return what.path;
        else
          return {};
      },
      request.what);
}

json::object describe_event(const bytecode::Program& program, const vm::Event& event,
                            const vm::Request* answered) {
  json::object made;
  std::visit(Teller{program, made}, event.what);
  if (answered == nullptr) return made;
  made["request"] = answered->id;
  if (const std::string_view path = path_of(*answered); !path.empty()) made["path"] = path;
  if (const auto* perform = std::get_if<vm::request::Perform>(&answered->what))
    made["action"] = program.actions[perform->action].name;
  if (const auto* acquire = std::get_if<vm::request::Acquire>(&answered->what))
    made["lock"] = vm::describe(acquire->lock);
  if (const auto* start = std::get_if<vm::request::Start>(&answered->what))
    made["run"] = start->run;
  if (const auto* undo = std::get_if<vm::request::UndoRun>(&answered->what))
    made["run"] = undo->run;
  return made;
}

std::string_view entry_word(Entry::Kind kind) {
  switch (kind) {
    case Entry::Kind::kEvent:
      return "event";
    case Entry::Kind::kRepeat:
      return "repeated";
    case Entry::Kind::kNotStarted:
      return "not_started";
    case Entry::Kind::kDoubt:
      return "doubt";
    case Entry::Kind::kBegun:
      return "begun";
    case Entry::Kind::kUpgraded:
      return "upgraded";
    case Entry::Kind::kPaused:
      return "paused";
    case Entry::Kind::kUnpaused:
      return "unpaused";
    case Entry::Kind::kTakenOver:
      return "taken_over";
  }
  return "";
}

}  // namespace rbk::engine
