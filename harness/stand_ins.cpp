#include "harness/stand_ins.h"

#include <fmt/format.h>

#include <array>

#include "base/units.h"
#include "harness/rehearsal.h"

namespace rbk::harness {

namespace json = boost::json;
using lower::StandIn;

namespace {

std::string place_of(const StandIn& one) { return fmt::format("{}:{}", one.at.file, one.at.line); }

/// Raised by what computes a reply, never by an action: a mistake in the test.
bool is_mistake(const std::string& kind) {
  static constexpr std::array<std::string_view, 4> kMistakes = {"ArithmeticError", "IndexError",
                                                                "NullError", "LimitError"};
  for (const std::string_view one : kMistakes) {
    if (one == kind) return true;
  }
  return false;
}

json::value plain(const json::value& value) {
  if (const auto* object = value.if_object()) {
    if (object->size() == 1 && object->begin()->key() == "secret" &&
        object->begin()->value().is_string())
      return object->begin()->value();
    json::object made;
    for (const auto& [key, inner] : *object) made[key] = plain(inner);
    return made;
  }
  if (const auto* array = value.if_array()) {
    json::array made;
    for (const json::value& inner : *array) made.push_back(plain(inner));
    return made;
  }
  return value;
}

/// Those that say something: neither null nor empty.
std::string brief(const json::object& arguments) {
  constexpr size_t kMost = 300;
  std::string text;
  for (const auto& [name, value] : arguments) {
    const bool is_empty = value.is_null() || (value.is_array() && value.as_array().empty()) ||
                          (value.is_object() && value.as_object().empty());
    if (is_empty) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", std::string_view(name),
                        json::serialize(value));
  }
  if (text.size() > kMost) text = text.substr(0, kMost) + "…";
  return text.empty() ? "none" : text;
}

}  // namespace

/// As the standard modules raise them (stdlib/shell, stdlib/http).
bool is_retryable(const vm::ErrorValue& error) {
  if (error.kind == "ShellError" || error.kind == "Timeout" || error.kind == "http.ServerError" ||
      error.kind == "http.ConnectionError")
    return true;
  const json::value* status = error.fields.if_contains("status");
  if (!error.kind.starts_with("http.") || status == nullptr || !status->is_int64())
    return error.retryable;
  const int64_t code = status->as_int64();
  return code >= 500 || code == 408 || code == 425 || code == 429;
}

json::object handed_over(const json::object& arguments) {
  json::object made;
  for (const auto& [name, value] : arguments) made[name] = plain(value);
  return made;
}

void StandIns::add(uint32_t index, json::array captures) {
  given_.push_back({&tests_->stand_ins.at(index), std::move(captures), 0});
}

Result<vm::Ending> StandIns::evaluate(uint32_t runbook, json::array arguments) const {
  vm::Machine machine(tests_->program, {});
  vm::event::Started started;
  started.runbook = runbook;
  started.arguments = std::move(arguments);
  Result<vm::Turn> turn = machine.deliver({0, std::move(started)});
  while (turn && !turn->ending) {
    // All that it may wait for is what was called before.
    const auto* perform = turn->requests.empty()
                              ? nullptr
                              : std::get_if<vm::request::Perform>(&turn->requests.front().what);
    if (perform == nullptr)
      return fail(ErrorKind::kInternal, "a stand-in waits", "please report it with the file");
    const std::string& action = tests_->program->actions.at(perform->action).name;
    if (!action.starts_with(lower::kCallsAction))
      return fail(ErrorKind::kInternal, "a stand-in asks for " + action,
                  "please report it with the file");
    vm::event::Performed performed;
    performed.request = turn->requests.front().id;
    performed.output = calls_of(calls_, action.substr(lower::kCallsAction.size()));
    turn = machine.deliver({0, std::move(performed)});
  }
  if (!turn) return tl::unexpected(turn.error());
  return std::move(*turn->ending);
}

json::array StandIns::arguments_of(const Given& given, const json::object& call) const {
  json::array arguments = given.captures;
  for (const std::string& name : given.what->parameters) {
    const json::value* value = call.if_contains(name);
    arguments.push_back(value == nullptr ? json::value() : *value);
  }
  arguments.emplace_back(given.replied);
  return arguments;
}

Result<bool> StandIns::fits(const Given& given, const json::object& call) const {
  if (given.what->replies != bytecode::kNone && given.replied >= given.what->replies) return false;
  Result<vm::Ending> ending = evaluate(given.what->matches, arguments_of(given, call));
  if (!ending) return tl::unexpected(ending.error());
  if (ending->error)
    return fail(ErrorKind::kInvalid, fmt::format("{}: the `given` for `{}` can't be tried: {}: {}",
                                                 place_of(*given.what), given.what->target,
                                                 ending->error->kind, ending->error->message));
  return ending->output.is_bool() && ending->output.as_bool();
}

std::optional<Doubted> StandIns::resolve(const std::string& /*path*/) { return std::nullopt; }

Reply StandIns::call(const Call& call) {
  Reply reply = answer(call);
  calls_.push_back(call);
  if (reply.how == Reply::How::kFails) calls_.back().error = reply.error.kind;
  return reply;
}

Reply StandIns::answer(const Call& call) {
  const std::string& target = call.target;
  const json::object& arguments = call.arguments;
  const auto problem = [](std::string text) {
    Reply reply;
    reply.how = Reply::How::kProblem;
    reply.problem = std::move(text);
    return reply;
  };
  const StandIn* used_up = nullptr;
  const StandIn* other = nullptr;
  for (Given& given : given_) {
    if (given.what->kind != StandIn::Kind::kCall || given.what->target != target) continue;
    if (given.what->replies != bytecode::kNone && given.replied >= given.what->replies) {
      used_up = given.what;
      continue;
    }
    const Result<bool> fitting = fits(given, arguments);
    if (!fitting) return problem(fitting.error().message);
    if (!*fitting) {
      other = given.what;
      continue;
    }
    Result<vm::Ending> ending = evaluate(given.what->reply, arguments_of(given, arguments));
    if (!ending) return problem(ending.error().message);
    ++given.replied;
    if (ending->error && is_mistake(ending->error->kind))
      return problem(fmt::format("{}: the reply for `{}` goes wrong: {}: {}", place_of(*given.what),
                                 target, ending->error->kind, ending->error->message));
    Reply reply;
    reply.how = ending->error ? Reply::How::kFails : Reply::How::kOk;
    reply.output = std::move(ending->output);
    if (ending->error) {
      reply.error = std::move(*ending->error);
      if (!given.what->says_retryable) reply.error.retryable = is_retryable(reply.error);
    }
    return reply;
  }
  Reply reply;
  const std::string shown = brief(arguments);
  if (used_up != nullptr) {
    reply.problem = fmt::format(
        "`{}` is called once more than `in order […]` in line {} has replies ({})\n  arguments: "
        "{}\n"
        "  cure: add a reply, or a further `given {} => …` for the calls after them",
        target, used_up->at.line, used_up->replies, shown, target);
  } else if (other != nullptr) {
    reply.problem = fmt::format(
        "no `given {0}` fits this call\n  arguments: {1}\n"
        "  cure: add one that does, or `given {0} => …` for every other call",
        target, shown);
  } else {
    reply.problem = fmt::format(
        "nothing stands in for `{0}`\n  arguments: {1}\n"
        "  cure: say in the test what happens when it is called: `given {0} => …`",
        target, shown);
  }
  return reply;
}

Result<std::optional<Decision>> StandIns::decide(const std::string& approval, bool is_question) {
  const auto kind = is_question ? StandIn::Kind::kQuestion : StandIn::Kind::kApproval;
  for (Given& given : given_) {
    if (given.what->kind != kind || given.what->target != approval) continue;
    const Result<bool> fitting = fits(given, {});
    if (!fitting) return tl::unexpected(fitting.error());
    if (!*fitting) continue;
    Decision decision;
    if (given.what->reply == bytecode::kNone) return decision;
    Result<vm::Ending> ending = evaluate(given.what->reply, arguments_of(given, {}));
    if (!ending) return tl::unexpected(ending.error());
    if (ending->error)
      return fail(ErrorKind::kInvalid,
                  fmt::format("{}: the form for `{}` goes wrong: {}", place_of(*given.what),
                              approval, ending->error->message));
    ++given.replied;
    decision.approved = true;
    if (ending->output.is_object()) decision.form = std::move(ending->output.as_object());
    return decision;
  }
  return std::nullopt;
}

Result<std::optional<json::value>> StandIns::signal(const std::string& name) {
  for (Given& given : given_) {
    if (given.what->kind != StandIn::Kind::kSignal || given.what->target != name) continue;
    const Result<bool> fitting = fits(given, {});
    if (!fitting) return tl::unexpected(fitting.error());
    if (!*fitting) continue;
    Result<vm::Ending> ending = evaluate(given.what->reply, arguments_of(given, {}));
    if (!ending) return tl::unexpected(ending.error());
    if (ending->error)
      return fail(ErrorKind::kInvalid,
                  fmt::format("{}: what the signal `{}` brings goes wrong: {}",
                              place_of(*given.what), name, ending->error->message));
    ++given.replied;
    return std::move(ending->output);
  }
  return std::nullopt;
}

namespace {

/// "retry", "fail", "leave", {"done": {"output": …}} or "done", as the language writes the enum.
Resolution resolution_of(const json::value& said) {
  using How = vm::event::Resolved::How;
  Resolution made;
  if (const json::object* object = said.if_object(); object != nullptr && !object->empty()) {
    made.how = How::kDone;
    const json::object* payload = object->begin()->value().if_object();
    const json::value* output = payload == nullptr ? nullptr : payload->if_contains("output");
    if (output != nullptr) made.output = *output;
    return made;
  }
  const std::string_view word = said.is_string() ? std::string_view(said.get_string()) : "";
  made.how = word == "retry"   ? How::kNotDone
             : word == "done"  ? How::kDone
             : word == "leave" ? How::kLeave
                               : How::kFail;
  return made;
}

}  // namespace

Result<std::optional<Resolution>> StandIns::failed(const std::string& path) {
  const std::string plain = without_items(path);
  const std::string name = plain.substr(plain.rfind('/') + 1);
  for (Given& given : given_) {
    if (given.what->kind != StandIn::Kind::kFailure || given.what->target != name) continue;
    const Result<bool> fitting = fits(given, {});
    if (!fitting) return tl::unexpected(fitting.error());
    if (!*fitting) continue;
    Result<vm::Ending> ending = evaluate(given.what->reply, arguments_of(given, {}));
    if (!ending) return tl::unexpected(ending.error());
    if (ending->error)
      return fail(ErrorKind::kInvalid,
                  fmt::format("{}: what is said of the failed step `{}` goes wrong: {}",
                              place_of(*given.what), name, ending->error->message));
    ++given.replied;
    return resolution_of(ending->output);
  }
  return std::nullopt;
}

Result<std::optional<int64_t>> StandIns::clock() {
  for (const Given& given : given_) {
    if (given.what->kind != StandIn::Kind::kClock) continue;
    Result<vm::Ending> ending = evaluate(given.what->reply, arguments_of(given, {}));
    if (!ending) return tl::unexpected(ending.error());
    if (ending->error || !ending->output.is_string())
      return fail(ErrorKind::kInvalid,
                  fmt::format("{}: `given now` gives no time", place_of(*given.what)));
    const Result<int64_t> time = parse_time(std::string(ending->output.as_string()));
    if (!time) return tl::unexpected(time.error());
    return *time;
  }
  return std::nullopt;
}

Result<std::vector<double>> StandIns::draws() {
  std::vector<double> drawn;
  for (Given& given : given_) {
    if (given.what->kind != StandIn::Kind::kRandom) continue;
    const uint32_t replies = given.what->replies == bytecode::kNone ? 1 : given.what->replies;
    for (given.replied = 0; given.replied < replies; ++given.replied) {
      Result<vm::Ending> ending = evaluate(given.what->reply, arguments_of(given, {}));
      if (!ending) return tl::unexpected(ending.error());
      const json::value& output = ending->output;
      const double value = output.is_double()  ? output.as_double()
                           : output.is_int64() ? static_cast<double>(output.as_int64())
                                               : -1.0;
      if (ending->error || value < 0.0 || value >= 1.0)
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: `given random` gives {}, which is no number from 0 to below 1",
                                place_of(*given.what),
                                ending->error        ? ending->error->message
                                : output.is_double() ? fmt::format("{}", value)
                                                     : json::serialize(output)));
      drawn.push_back(value);
    }
  }
  return drawn;
}

}  // namespace rbk::harness
