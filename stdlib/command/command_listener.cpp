#include "stdlib/command/command_listener.h"

#include <fmt/format.h>
#include <string.h>

#include "base/units.h"
#include "stdlib/utf8.h"

namespace rbk::stdlib {

namespace {

using supervisor::Ending;

constexpr size_t kMostErr = 64U << 10;
constexpr size_t kLineInMessage = 300;

}  // namespace

engine::Outcome not_started(std::string kind, const Error& why) {
  engine::Outcome outcome;
  outcome.kind = engine::Outcome::Kind::kError;
  outcome.effect = engine::Effect::kNone;
  outcome.error.kind = std::move(kind);
  outcome.error.message = why.message;
  if (!why.cure.empty()) outcome.error.message += "; " + why.cure;
  outcome.error.fields = {{"exit_code", -1}, {"stdout", ""}, {"stderr", ""}};
  return outcome;
}

std::string last_lines(std::string_view text, size_t most) {
  std::string lines;
  while (most > 0) {
    const size_t end = text.find_last_not_of(" \t\r\n");
    if (end == std::string_view::npos) break;
    text = text.substr(0, end + 1);
    const size_t newline = text.rfind('\n');
    std::string_view line = newline == std::string_view::npos ? text : text.substr(newline + 1);
    line = utf8_prefix(line, kLineInMessage);
    lines = lines.empty() ? std::string(line) : fmt::format("{} | {}", line, lines);
    if (newline == std::string_view::npos) break;
    text = text.substr(0, newline);
    --most;
  }
  return lines;
}

CommandListener::CommandListener(About about, std::shared_ptr<engine::AttemptSink> sink,
                                 std::function<void()> over)
    : about_(std::move(about)),
      sink_(std::move(sink)),
      over_(std::move(over)),
      out_lines_([this](std::string_view line) { sink_->log(engine::LogStream::kOut, line); }),
      err_lines_([this](std::string_view line) { sink_->log(engine::LogStream::kErr, line); }),
      out_(about_.most_out),
      err_(kMostErr) {}

void CommandListener::output(supervisor::Stream stream, std::string_view bytes) {
  if (stream == supervisor::Stream::kOut) {
    out_.add(bytes);
    if (about_.logs_out) out_lines_.add(bytes);
  } else {
    err_.add(bytes);
    err_lines_.add(bytes);
  }
}

void CommandListener::dropped(uint64_t bytes, bool no_space) {
  out_lines_.flush();
  err_lines_.flush();
  dropped_ = true;
  sink_->log(engine::LogStream::kWarn,
             fmt::format("{} of output are not kept: {}", format_size(static_cast<int64_t>(bytes)),
                         no_space ? "there was no space for them where the store lies"
                                  : "they were printed faster than they could be read"));
}

void CommandListener::waits(const Error& why) {
  sink_->log(engine::LogStream::kWarn, fmt::format("{}; {}", why.message, why.cure));
}

void CommandListener::ended(const Ending& ending) {
  out_lines_.flush();
  err_lines_.flush();
  if (about_.logs_out && out_.truncated())
    sink_->log(
        engine::LogStream::kWarn,
        fmt::format("it printed more than {}: `stdout` holds only the beginning, the log all "
                    "of it",
                    format_size(static_cast<int64_t>(about_.most_out))));
  over_();
  sink_->finish(outcome_of(ending));
}

std::string CommandListener::err() const { return valid_utf8(err_.text()); }

void CommandListener::add_output(boost::json::object& into) const {
  into["stdout"] = valid_utf8(out_.text());
  into["stderr"] = err();
}

engine::Outcome CommandListener::failed(std::string message, engine::Effect effect,
                                        int64_t exit_code) const {
  engine::Outcome outcome;
  outcome.kind = engine::Outcome::Kind::kError;
  outcome.effect = effect;
  outcome.error.kind = about_.error;
  outcome.error.message = std::move(message);
  outcome.error.fields["exit_code"] = exit_code;
  add_output(outcome.error.fields);
  return outcome;
}

engine::Outcome CommandListener::outcome_of(const Ending& ending) const {
  switch (ending.cause) {
    case Ending::Cause::kExited:
      return exited(ending.value);
    case Ending::Cause::kSignalled: {
      engine::Outcome outcome =
          failed(fmt::format("{} was ended by signal {} ({}), which did not come from here{}",
                             name(), ending.value, sigdescr_np(ending.value),
                             ending.value == 9 ? "; the system may have been out of memory" : ""),
                 engine::Effect::kUnknown, 128 + ending.value);
      outcome.error.retryable = true;
      return outcome;
    }
    case Ending::Cause::kDeadline: {
      engine::Outcome outcome;
      outcome.kind = engine::Outcome::Kind::kError;
      outcome.effect = engine::Effect::kUnknown;
      outcome.error.kind = "Timeout";
      outcome.error.message = fmt::format("{} was ended, as its time was up", name());
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
      engine::Outcome outcome = failed(ending.text, engine::Effect::kNone, -1);
      outcome.kind = engine::Outcome::Kind::kNotBegun;
      return outcome;
    }
    case Ending::Cause::kNotStarted:
      return failed(fmt::format("{} was not started: {}{}", name(), ending.text, why_not_started()),
                    engine::Effect::kNone, -1);
    case Ending::Cause::kLost:
      break;
  }
  engine::Outcome outcome =
      failed(fmt::format("how {} ended is not known: {}", name(), ending.text),
             engine::Effect::kUnknown, -1);
  outcome.kind = engine::Outcome::Kind::kUnknown;
  return outcome;
}

}  // namespace rbk::stdlib
