#include "vm/testing/player.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "vm/bytecode/signals.h"

namespace rbk::vm::testing {

namespace json = boost::json;
using bytecode::Program;
using bytecode::Type;

namespace {

[[noreturn]] void differs(std::string_view what) {
  fmt::print(stderr, "player: {}\n", what);
  std::abort();
}

/// Some JSON that reads as the type.
json::value made_up(const Program& program, bytecode::TypeId id, int depth) {
  if (id >= program.types.size() || depth > 20) return nullptr;
  const Type& type = program.types[id];
  switch (type.shape) {
    case Type::Shape::kBool:
      return true;
    case Type::Shape::kInt:
    case Type::Shape::kSize:
      return 3;
    case Type::Shape::kFloat:
      return 1.5;
    case Type::Shape::kDuration:
      return "1s";
    case Type::Shape::kTime:
      return "2026-11-24T13:00:00Z";
    case Type::Shape::kUrl:
      return "https://example.com/";
    case Type::Shape::kString:
    case Type::Shape::kCommand:
    case Type::Shape::kRegex:
      return "text";
    case Type::Shape::kQuery:
      return json::object{{"text", "select $1"}, {"values", json::array{1}}};
    case Type::Shape::kSecret:
      return "@name";
    case Type::Shape::kJson:
      return json::array{1, nullptr, "x"};
    case Type::Shape::kList:
      return json::array{made_up(program, type.element, depth + 1),
                         made_up(program, type.element, depth + 1)};
    case Type::Shape::kMap:
      return json::object{{"k", made_up(program, type.element, depth + 1)}};
    case Type::Shape::kRange:
      return json::object{{"from", made_up(program, type.element, depth + 1)},
                          {"to", made_up(program, type.element, depth + 1)}};
    case Type::Shape::kResult:
      if (type.key != bytecode::kNone)
        return json::object{{"ok", made_up(program, type.element, depth + 1)},
                            {"item", made_up(program, type.key, depth + 1)}};
      return json::object{{"ok", made_up(program, type.element, depth + 1)}};
    case Type::Shape::kRecord: {
      json::object object;
      for (const Type::Field& field : type.fields) {
        object[field.outer_name] = made_up(program, field.type, depth + 1);
      }
      return object;
    }
    case Type::Shape::kEnum:
      return json::string(type.members[0].outer_name);
    case Type::Shape::kError:
      return json::object{{"kind", type.name}, {"message", "made up"}};
    default:
      return nullptr;
  }
}

decltype(Event::what) answer(const Machine& machine, const Program& program, uint8_t choice) {
  const std::vector<Request> pending = machine.pending();
  if (choice >= 0xf0) return event::Cancelled{choice % 2 == 0, choice % 4 >= 2, "eve"};
  const std::vector<bytecode::Signal> signals = bytecode::signals_of(program);
  if (choice >= 0xe0 && !signals.empty()) {
    const bytecode::Signal& signal = signals[choice % signals.size()];
    return event::Signalled{signal.name, made_up(program, signal.type, 0), "eve", {"sre"}};
  }
  if (pending.empty()) return event::RollBack{"", "eve"};
  const Request& request = pending[choice / 16 % pending.size()];
  if (const auto* perform = std::get_if<request::Perform>(&request.what)) {
    event::Performed event;
    event.request = request.id;
    event.how = static_cast<event::Performed::How>(choice % 8 < 4 ? 0 : choice % 8 - 3);
    event.effect = static_cast<Effect>(choice % 3);
    if (event.how == event::Performed::How::kOk) {
      event.output = made_up(program, program.actions[perform->action].result, 0);
    }
    event.error = {"ShellError", "exit 1", choice % 2 == 0, {{"exit_code", 1}}};
    return event;
  }
  if (const auto* approve = std::get_if<request::Approve>(&request.what)) {
    if (choice % 4 == 0) return event::Woke{request.id};
    const bool answered = choice % 4 != 1 || approve->is_question;
    return event::Decided{request.id, answered, {{"ticket", "OPS-1"}}, {"eve"}, "why"};
  }
  if (const auto* await = std::get_if<request::AwaitSignal>(&request.what)) {
    if (choice % 4 == 0) return event::Woke{request.id};
    for (const bytecode::Signal& signal : signals)
      if (signal.name == await->name)
        return event::Signalled{signal.name, made_up(program, signal.type, 0), "eve", {"sre"}};
  }
  if (std::holds_alternative<request::Acquire>(request.what)) {
    if (choice % 8 == 0) return event::Woke{request.id};
    const int how = choice % 8 < 6 ? 0 : choice % 8 - 5;
    return event::Acquired{request.id, static_cast<event::Acquired::How>(how), {}};
  }
  if (std::holds_alternative<request::AskDoubt>(request.what)) {
    return event::Resolved{request.id, static_cast<event::Resolved::How>(choice % 3), "x", "eve"};
  }
  if (std::holds_alternative<request::AskFailure>(request.what)) {
    return event::Resolved{request.id, static_cast<event::Resolved::How>(choice % 4), "x", "eve"};
  }
  return event::Woke{request.id};
}

}  // namespace

Limits small_limits() { return {.fuel = 20'000, .memory = 1 << 20, .call_depth = 60}; }

bool start(Machine& machine, const Program& program) {
  if (program.runbooks.empty()) return false;
  event::Started started;
  for (const bytecode::Parameter& parameter : program.runbooks[0].parameters) {
    started.arguments.push_back(made_up(program, parameter.type, 0));
  }
  started.run = "run";
  started.labels = {{"team", "sre"}};
  return machine.deliver({1000, std::move(started)}).has_value();
}

void play(Machine& machine, const std::shared_ptr<const Program>& program, std::string_view bytes,
          int most) {
  int64_t time = INT64_MAX / 2;  // after whatever a snapshot says
  for (size_t i = 0; i < bytes.size() && static_cast<int>(i) < most; ++i) {
    const std::string before = machine.snapshot();
    Result<Machine> twin = Machine::restore(program, small_limits(), before);
    if (!twin) differs("a snapshot does not restore: " + twin.error().message);
    if (twin->snapshot() != before) differs("a restored machine has another snapshot");
    const Event event{++time, answer(machine, *program, static_cast<uint8_t>(bytes[i]))};
    const Result<Turn> turn = machine.deliver(event);
    const Result<Turn> other = twin->deliver(event);
    if (turn.has_value() != other.has_value()) differs("a restored machine takes another turn");
    if (turn && (turn->marks.size() != other->marks.size() ||
                 turn->requests.size() != other->requests.size() ||
                 turn->ending.has_value() != other->ending.has_value())) {
      differs("a restored machine does otherwise");
    }
    if (machine.snapshot() != twin->snapshot()) differs("a restored machine comes elsewhere");
    if (!turn && machine.snapshot() != before) differs("a refused event changed the machine");
    if (machine.ended() && machine.undoable().empty()) return;
  }
}

}  // namespace rbk::vm::testing
