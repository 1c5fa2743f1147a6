#include "harness/body.h"

#include <fmt/format.h>

#include <charconv>
#include <deque>

namespace rbk::harness {

namespace json = boost::json;
using vm::Mark;

namespace {

/// Steps of a body are called "LINE what".
uint32_t line_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string_view name =
      std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1);
  uint32_t line = 0;
  std::from_chars(name.data(), name.data() + name.size(), line);
  return line;
}

}  // namespace

BodyEnd run_body(const lower::TestProgram& tests, uint32_t runbook, json::array arguments,
                 const AnswerBody& answer) {
  vm::Machine machine(tests.program, {});
  BodyEnd end;
  vm::event::Started started;
  started.runbook = runbook;
  started.arguments = std::move(arguments);
  std::deque<decltype(vm::Event::what)> events;
  events.emplace_back(std::move(started));
  while (!events.empty()) {
    Result<vm::Turn> turn = machine.deliver({kBegin, std::move(events.front())});
    events.pop_front();
    if (!turn) {
      end.message = turn.error().message;
      return end;
    }
    for (const Mark& mark : turn->marks) {
      if (mark.kind == Mark::Kind::kStepBegan) end.line = line_of(mark.path);
    }
    if (turn->ending) {
      if (turn->ending->error) {
        const vm::ErrorValue& error = *turn->ending->error;
        end.message = error.kind == "Failed" ? error.message
                                             : fmt::format("{}: {}", error.kind, error.message);
      }
      return end;
    }
    for (const vm::Request& one : turn->requests) {
      const auto* perform = std::get_if<vm::request::Perform>(&one.what);
      if (perform == nullptr) continue;
      Result<json::value> given =
          answer(tests.program->actions.at(perform->action).name, perform->arguments);
      if (!given) {
        end.message = given.error().message;
        return end;
      }
      vm::event::Performed performed;
      performed.request = one.id;
      performed.output = std::move(*given);
      events.emplace_back(std::move(performed));
    }
  }
  end.message = "the test waits for nothing that could come";
  return end;
}

std::string break_of(const lower::TestProgram& tests, const lower::Invariant& invariant,
                     const json::object& run, const std::vector<Call>& calls) {
  const BodyEnd end =
      run_body(tests, invariant.runbook, {run},
               [&](const std::string& action, const json::object&) -> Result<json::value> {
                 if (action.starts_with(lower::kCallsAction))
                   return json::value(calls_of(calls, action.substr(lower::kCallsAction.size())));
                 return fail(ErrorKind::kInternal, "an invariant asks for " + action);
               });
  if (end.message.empty()) return {};
  return fmt::format("the invariant \"{}\" ({}:{}) is broken: {}", invariant.title,
                     invariant.at.file, end.line == 0 ? invariant.at.line : end.line, end.message);
}

}  // namespace rbk::harness
