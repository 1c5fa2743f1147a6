#include "stdlib/ssh/remote_listener.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace rbk::stdlib {

namespace {

using supervisor::Ending;
using supervisor::Stream;

/// The exit status by which `ssh` says that something of its own went wrong.
constexpr int kSshFailed = 255;
constexpr size_t kRemoteLinesInMessage = 3;

/// What a repetition can't put right.
constexpr std::array<std::string_view, 6> kLasting = {"Permission denied",
                                                      "Host key verification failed",
                                                      "REMOTE HOST IDENTIFICATION HAS CHANGED",
                                                      "Too many authentication failures",
                                                      "Bad configuration option",
                                                      "terminating, "};

/// Bytes at the end of `text` with which `sign` may begin.
size_t begun_at_end(std::string_view text, std::string_view sign) {
  for (size_t size = std::min(text.size(), sign.size()); size > 0; --size)
    if (text.substr(text.size() - size) == sign.substr(0, size)) return size;
  return 0;
}

}  // namespace

RemoteListener::RemoteListener(const boost::json::object& arguments, std::string host,
                               const std::string& mark, std::shared_ptr<engine::AttemptSink> sink,
                               std::function<void()> over)
    : ShellListener(arguments, std::move(sink), std::move(over)),
      host_(std::move(host)),
      out_sign_(mark + "\n"),
      err_sign_("\n" + mark + " ") {}

void RemoteListener::output(Stream stream, std::string_view bytes) {
  if (stream == Stream::kOut)
    read_out(bytes);
  else
    read_err(bytes);
}

/// What the login shell's own files print comes first, and is none of the command's.
void RemoteListener::read_out(std::string_view bytes) {
  if (out_began_) {
    ShellListener::output(Stream::kOut, bytes);
    return;
  }
  out_ += bytes;
  const size_t at = out_.find(out_sign_);
  if (at == std::string::npos) {
    const size_t kept = out_sign_.size() - 1;
    if (out_.size() > kept) out_.erase(0, out_.size() - kept);
    return;
  }
  out_began_ = true;
  const std::string rest = out_.substr(at + out_sign_.size());
  out_.clear();
  if (!rest.empty()) ShellListener::output(Stream::kOut, rest);
}

void RemoteListener::read_err(std::string_view bytes) {
  err_ += bytes;
  while (true) {
    const size_t at = err_.find(err_sign_);
    const size_t text = at == std::string::npos ? err_.size() - begun_at_end(err_, err_sign_) : at;
    if (text > 0) ShellListener::output(Stream::kErr, std::string_view(err_).substr(0, text));
    err_.erase(0, text);
    if (at == std::string::npos) return;
    const size_t end = err_.find('\n', err_sign_.size());
    if (end == std::string::npos) return;
    read_sign(std::string_view(err_).substr(err_sign_.size(), end - err_sign_.size()));
    err_.erase(0, end + 1);
  }
}

void RemoteListener::read_sign(std::string_view sign) {
  const std::string_view word = sign.substr(0, sign.find(' '));
  const std::string_view rest =
      word.size() < sign.size() ? sign.substr(word.size() + 1) : std::string_view();
  if (word == "connected") connected_ = true;
  if (word == "began") connected_ = began_ = true;
  if (word == "not-started") not_started_ = rest;
  if (word == "ended") {
    int64_t status = 0;
    if (std::from_chars(rest.data(), rest.data() + rest.size(), status).ec == std::errc())
      status_ = status;
  }
}

void RemoteListener::ended(const Ending& ending) {
  if (!err_.empty()) ShellListener::output(Stream::kErr, err_);
  err_.clear();
  ShellListener::ended(ending);
}

engine::Outcome RemoteListener::unreachable(const std::string& why) const {
  engine::Outcome outcome;
  outcome.kind = engine::Outcome::Kind::kError;
  outcome.effect = engine::Effect::kNone;
  outcome.error.kind = "shell.Unreachable";
  outcome.error.message = fmt::format("{} could not be reached, and nothing was run there{}{}",
                                      host_, why.empty() ? "" : ": ", why);
  const std::string said = err();
  outcome.error.retryable =
      std::none_of(kLasting.begin(), kLasting.end(),
                   [&](std::string_view text) { return said.find(text) != std::string::npos; });
  outcome.error.fields = {{"host", host_}};
  return outcome;
}

engine::Outcome RemoteListener::lost() const {
  const std::string why = last_lines(err(), 1);
  engine::Outcome outcome =
      failed(fmt::format("how {} ended on {} is not known, as the connection was lost{}{}", name(),
                         host_, why.empty() ? "" : ": ", why),
             engine::Effect::kUnknown, -1);
  outcome.kind = engine::Outcome::Kind::kUnknown;
  return outcome;
}

engine::Outcome RemoteListener::outcome_of(const Ending& ending) const {
  if (ending.cause != Ending::Cause::kExited && ending.cause != Ending::Cause::kSignalled) {
    engine::Outcome outcome = ShellListener::outcome_of(ending);
    const bool is_asked =
        ending.cause == Ending::Cause::kDeadline || ending.cause == Ending::Cause::kStopped;
    // The supervisor had ended `ssh` before anything was sent.
    if (is_asked && !connected_) outcome.effect = engine::Effect::kNone;
    return outcome;
  }
  if (!not_started_.empty())
    return failed(fmt::format("{} was not started on {}: {}", name(), host_, not_started_),
                  engine::Effect::kNone, -1);
  if (status_) return exited(*status_);
  const std::string said = last_lines(err(), kRemoteLinesInMessage);
  if (!connected_) return unreachable(said);
  const bool is_own = ending.cause == Ending::Cause::kExited && ending.value != kSshFailed;
  // What it printed came through, and our script had said nothing.
  if (!began_ && is_own)
    return failed(fmt::format("{} was not started on {}: its login shell ended with status {}{}{}",
                              name(), host_, ending.value, said.empty() ? "" : ": ", said),
                  engine::Effect::kNone, -1);
  return lost();
}

}  // namespace rbk::stdlib
