#include "stdlib/shell/shell_listener.h"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>

#include "base/units.h"
#include "stdlib/arguments.h"
#include "stdlib/utf8.h"

namespace rbk::stdlib {

namespace {

using supervisor::Ending;

constexpr size_t kMostOut = 1U << 20;
constexpr size_t kMostErr = 64U << 10;
constexpr size_t kCommandInMessage = 80;

// The first line, shortened.
std::string shown(std::string_view command) {
  const std::string_view line = command.substr(0, command.find('\n'));
  const std::string_view start = utf8_prefix(line, kCommandInMessage);
  return fmt::format("{}{}", start, start.size() < command.size() ? "…" : "");
}

// " and its last words" of standard error, for a message; empty if it said nothing.
std::string last_line(std::string_view text) {
  const size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  const size_t newline = text.rfind('\n');
  if (newline != std::string_view::npos) text.remove_prefix(newline + 1);
  return ": " + std::string(utf8_prefix(text, 300));
}

}  // namespace

ShellListener::ShellListener(const boost::json::object& arguments,
                             std::shared_ptr<engine::AttemptSink> sink, std::function<void()> over)
    : sink_(std::move(sink)),
      over_(std::move(over)),
      out_lines_([this](std::string_view line) { sink_->log(engine::LogStream::kOut, line); }),
      err_lines_([this](std::string_view line) { sink_->log(engine::LogStream::kErr, line); }),
      out_(kMostOut),
      err_(kMostErr) {
  Arguments given(arguments);
  command_ = shown(given.text("command").value_or(""));
  accept_ = given.numbers("accept").value_or(std::vector<int64_t>{0});
}

void ShellListener::output(supervisor::Stream stream, std::string_view bytes) {
  if (stream == supervisor::Stream::kOut) {
    out_.add(bytes);
    out_lines_.add(bytes);
  } else {
    err_.add(bytes);
    err_lines_.add(bytes);
  }
}

void ShellListener::dropped(uint64_t bytes, bool no_space) {
  out_lines_.flush();
  err_lines_.flush();
  dropped_ = true;
  sink_->log(engine::LogStream::kWarn,
             fmt::format("{} of output are not kept: {}", format_size(static_cast<int64_t>(bytes)),
                         no_space ? "there was no space for them where the store lies"
                                  : "they were printed faster than they could be read"));
}

void ShellListener::waits(const Error& why) {
  sink_->log(engine::LogStream::kWarn, fmt::format("{}; {}", why.message, why.cure));
}

void ShellListener::ended(const Ending& ending) {
  out_lines_.flush();
  err_lines_.flush();
  if (out_.truncated())
    sink_->log(
        engine::LogStream::kWarn,
        fmt::format("it printed more than {}: `stdout` holds only the beginning, the log all "
                    "of it",
                    format_size(kMostOut)));
  over_();
  sink_->finish(outcome_of(ending));
}

void ShellListener::add_output(boost::json::object& into) const {
  into["stdout"] = valid_utf8(out_.text());
  into["stderr"] = valid_utf8(err_.text());
}

engine::Outcome ShellListener::failed(std::string kind, std::string message,
                                      engine::Effect effect) const {
  engine::Outcome outcome;
  outcome.kind = engine::Outcome::Kind::kError;
  outcome.effect = effect;
  outcome.error.kind = std::move(kind);
  outcome.error.message = std::move(message);
  return outcome;
}

engine::Outcome ShellListener::exited(int64_t status) const {
  if (std::find(accept_.begin(), accept_.end(), status) == accept_.end()) {
    engine::Outcome outcome = failed("ShellError",
                                     fmt::format("`{}` ended with status {}{}", command_, status,
                                                 last_line(valid_utf8(err_.text()))),
                                     engine::Effect::kDone);
    outcome.error.retryable = true;
    outcome.error.fields["exit_code"] = status;
    add_output(outcome.error.fields);
    return outcome;
  }
  engine::Outcome outcome;
  boost::json::object output;
  output["exit_code"] = status;
  add_output(output);
  output["truncated"] = dropped_ || out_.truncated() || err_.truncated();
  outcome.output = std::move(output);
  return outcome;
}

engine::Outcome ShellListener::outcome_of(const Ending& ending) const {
  switch (ending.cause) {
    case Ending::Cause::kExited:
      return exited(ending.value);
    case Ending::Cause::kSignalled: {
      engine::Outcome outcome =
          failed("ShellError",
                 fmt::format("`{}` was ended by signal {} ({}), which did not come from here{}",
                             command_, ending.value, sigdescr_np(ending.value),
                             ending.value == 9 ? "; the system may have been out of memory" : ""),
                 engine::Effect::kUnknown);
      outcome.error.retryable = true;
      outcome.error.fields["exit_code"] = 128 + ending.value;
      add_output(outcome.error.fields);
      return outcome;
    }
    case Ending::Cause::kDeadline: {
      engine::Outcome outcome =
          failed("Timeout", fmt::format("`{}` was ended, as its time was up", command_),
                 engine::Effect::kUnknown);
      if (!ending.text.empty()) outcome.error.message += "; " + ending.text;
      outcome.error.retryable = true;
      return outcome;
    }
    case Ending::Cause::kStopped: {
      engine::Outcome outcome;
      outcome.kind = engine::Outcome::Kind::kStopped;
      outcome.effect = engine::Effect::kUnknown;
      return outcome;
    }
    case Ending::Cause::kTrouble: {
      engine::Outcome outcome = failed("ShellError", ending.text, engine::Effect::kNone);
      outcome.kind = engine::Outcome::Kind::kNotBegun;
      return outcome;
    }
    case Ending::Cause::kNotStarted: {
      engine::Outcome outcome =
          failed("ShellError", fmt::format("`{}` was not started: {}", command_, ending.text),
                 engine::Effect::kNone);
      outcome.error.fields["exit_code"] = -1;
      add_output(outcome.error.fields);
      return outcome;
    }
    case Ending::Cause::kLost:
      break;
  }
  engine::Outcome outcome =
      failed("ShellError", fmt::format("how `{}` ended is not known: {}", command_, ending.text),
             engine::Effect::kUnknown);
  outcome.kind = engine::Outcome::Kind::kUnknown;
  return outcome;
}

}  // namespace rbk::stdlib
