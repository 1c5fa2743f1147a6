#include "stdlib/exec/exec_listener.h"

#include <fmt/format.h>

#include "base/units.h"
#include "stdlib/exec/answer.h"

namespace rbk::stdlib {

namespace {

constexpr size_t kLargestAnswer = 1U << 20;
constexpr size_t kLinesInMessage = 5;

}  // namespace

ExecListener::ExecListener(const engine::OwnProgram& own, std::shared_ptr<engine::AttemptSink> sink,
                           std::function<void()> over)
    : CommandListener({.name = fmt::format("`{}`", own.path),
                       .error = "ExecError",
                       .most_out = kLargestAnswer,
                       .logs_out = false},
                      std::move(sink), std::move(over)),
      declaration_(own.declaration) {}

engine::Outcome ExecListener::exited(int64_t status) const {
  const auto broken = [&](std::string_view what, engine::Effect effect) {
    const std::string last = last_lines(err(), kLinesInMessage);
    return failed(
        fmt::format("{} {}{}{}", name(), what,
                    last.empty() ? "" : "; on its standard error it said at last: ", last),
        effect, status);
  };
  if (lost_output())
    return broken("printed more than could be kept, so that its answer is not whole",
                  engine::Effect::kUnknown);
  if (out().truncated())
    return broken(fmt::format("printed more than {}, which is the most that an answer may have: "
                              "write what is larger to a file, and answer its path",
                              format_size(kLargestAnswer)),
                  engine::Effect::kUnknown);
  Answer answer = read_answer(out().text(), *declaration_);
  const bool nothing = out().text().find_first_not_of(" \t\r\n") == std::string::npos;
  if (status != 0 && nothing) {
    engine::Outcome outcome =
        broken(fmt::format("ended with status {} and without an answer", status),
               engine::Effect::kUnknown);
    outcome.error.retryable = true;
    return outcome;
  }
  if (answer.fault)
    return broken(fmt::format("{}{}", answer.fault->what,
                              status == 0 ? "" : fmt::format("; it ended with status {}", status)),
                  answer.fault->effect);
  if (status != 0 && answer.outcome.kind == engine::Outcome::Kind::kOk)
    return broken(fmt::format("answered `ok`, but ended with status {}: a failure is answered as "
                              "`error`, and a success ends with 0",
                              status),
                  engine::Effect::kDone);
  return std::move(answer.outcome);
}

}  // namespace rbk::stdlib
