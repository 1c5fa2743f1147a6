#include "vm/testing/driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>

#include "base/units.h"
#include "vm/testing/assembler.h"

namespace rbk::vm::testing {

namespace json = boost::json;

namespace {

[[noreturn]] void stop(const std::string& text) {
  fmt::print(stderr, "driver: {}\n", text);
  std::abort();
}

std::string short_text(const ErrorValue& error) {
  std::string text = fmt::format("{}: {}", error.kind, error.message);
  if (!error.fields.empty()) text += " " + json::serialize(error.fields);
  return text;
}

std::string describe_mark(const Mark& mark) {
  static constexpr std::string_view kStatus[] = {"succeeded", "failed", "skipped", "cancelled"};
  switch (mark.kind) {
    case Mark::Kind::kStepBegan:
      return fmt::format("began {}{}", mark.path,
                         mark.title.empty() ? std::string() : " \"" + mark.title + "\"");
    case Mark::Kind::kStepEnded:
      return fmt::format("ended {} {}{}{}", mark.path, kStatus[static_cast<size_t>(mark.status)],
                         mark.output.is_null() ? std::string() : " " + json::serialize(mark.output),
                         mark.error ? " " + short_text(*mark.error) : std::string());
    case Mark::Kind::kAttemptFailed:
      return fmt::format("attempt {} of {} failed, {}: {}", mark.attempt, mark.path,
                         format_duration(mark.wait), short_text(*mark.error));
    case Mark::Kind::kUndoBegan:
      return "undo " + mark.path;
    case Mark::Kind::kUndoEnded:
      return fmt::format("undone {}{}", mark.path,
                         mark.error ? " failed " + short_text(*mark.error) : std::string());
    case Mark::Kind::kLog:
      return fmt::format("{}: {}", mark.level, mark.text);
    case Mark::Kind::kNote:
      return "note: " + mark.text;
    case Mark::Kind::kLabel:
      return fmt::format("label {}={}", mark.text, json::serialize(mark.output));
    case Mark::Kind::kProgress:
      return "progress " + json::serialize(mark.output);
    case Mark::Kind::kAttach:
      return "attach " + mark.text;
    case Mark::Kind::kCommitted:
      return "committed: " + mark.text;
  }
  return "?";
}

}  // namespace

Driver::Driver(std::string_view text, Limits limits) : limits_(limits) {
  bytecode::Program program = assemble(text);
  if (const Status status = bytecode::verify(program); !status) stop(status.error().message);
  program_ = std::make_shared<const bytecode::Program>(std::move(program));
  machine_ = std::make_unique<Machine>(program_, limits_);
}

std::string Driver::describe(const Turn& turn) const {
  std::string text;
  for (const Mark& mark : turn.marks) text += describe_mark(mark) + "\n";
  for (const Request& request : turn.requests) {
    if (const auto* perform = std::get_if<request::Perform>(&request.what)) {
      text += fmt::format("> {}{} {}", program_->actions[perform->action].name,
                          json::serialize(perform->arguments), perform->path);
      if (perform->attempt != 1) text += fmt::format(" #{}", perform->attempt);
      if (perform->generation != 0) text += fmt::format(" generation {}", perform->generation);
      if (perform->timeout) text += " within " + format_duration(*perform->timeout);
      text += "\n";
    } else if (const auto* stopped = std::get_if<request::Stop>(&request.what)) {
      static constexpr std::string_view kHow[] = {"stop", "let finish", "kill"};
      text += fmt::format("> {} {}\n", kHow[static_cast<size_t>(stopped->how)], stopped->perform);
    } else if (const auto* sleep = std::get_if<request::Sleep>(&request.what)) {
      text += fmt::format("> sleep until {}\n", format_duration(sleep->until - kStart));
    } else if (const auto* approve = std::get_if<request::Approve>(&request.what)) {
      text += fmt::format("> {} {}{}\n", approve->is_question ? "ask" : "approve",
                          json::serialize(approve->description),
                          approve->expires ? " until " + format_duration(*approve->expires - kStart)
                                           : std::string());
    } else if (const auto* doubt = std::get_if<request::AskDoubt>(&request.what)) {
      text += fmt::format("> doubt {} of {}\n", doubt->path, doubt->perform);
    } else if (const auto* failed = std::get_if<request::AskFailure>(&request.what)) {
      text += fmt::format("> failed {}{}: {}{}\n", failed->path,
                          failed->in_doubt ? " in doubt" : "", short_text(failed->error),
                          failed->by.is_null() ? "" : " by " + json::serialize(failed->by));
    } else if (const auto* signal = std::get_if<request::AwaitSignal>(&request.what)) {
      text += fmt::format(
          "> await {}{}{}\n", signal->path,
          signal->by.is_null() ? std::string() : " by " + json::serialize(signal->by),
          signal->expires ? " until " + format_duration(*signal->expires - kStart) : std::string());
    } else if (const auto* acquire = std::get_if<request::Acquire>(&request.what)) {
      text += fmt::format(
          "> acquire {} ({} at once){}{}{} under [{}]\n", vm::describe(acquire->lock),
          acquire->lock.limit, acquire->unwinds ? " to undo" : "",
          acquire->until ? " until " + format_duration(*acquire->until - kStart) : std::string(),
          acquire->mode == request::Acquire::Mode::kQueue    ? ""
          : acquire->mode == request::Acquire::Mode::kReject ? " or reject"
                                                             : " or cancel",
          fmt::join(acquire->under, " "));
    } else if (const auto* release = std::get_if<request::Release>(&request.what)) {
      text += fmt::format("> release {}\n", release->acquire);
    } else if (const auto* start = std::get_if<request::Start>(&request.what)) {
      text +=
          fmt::format("> {} {} {}{} as {} under [{}]\n", start->detached ? "detach" : "start",
                      start->path, program_->runbooks[start->runbook].name,
                      json::serialize(start->arguments), start->run, fmt::join(start->under, " "));
    } else if (const auto* cancel = std::get_if<request::CancelRun>(&request.what)) {
      text += fmt::format("> cancel run of {}{}{}\n", cancel->start,
                          cancel->rollback ? " rollback" : "", cancel->now ? " now" : "");
    } else if (const auto* undo = std::get_if<request::UndoRun>(&request.what)) {
      text += fmt::format("> undo run {} of {} under [{}]\n", undo->run, undo->path,
                          fmt::join(undo->under, " "));
    } else if (const auto* forget = std::get_if<request::Forget>(&request.what)) {
      text += fmt::format("> forget {}\n", forget->request);
    }
  }
  if (turn.ending) {
    static constexpr std::string_view kStatus[] = {"succeeded", "partial", "failed",
                                                   "rollback_failed", "cancelled"};
    text += fmt::format(
        "= {}{}{}{}\n", kStatus[static_cast<size_t>(turn.ending->status)],
        turn.ending->rolled_back ? " rolled_back" : "",
        turn.ending->output.is_null() ? std::string() : " " + json::serialize(turn.ending->output),
        turn.ending->error ? " " + short_text(*turn.ending->error) : std::string());
  }
  return text;
}

Result<Turn> Driver::send(decltype(Event::what) what) {
  const Event event{time_, std::move(what)};
  const Result<Event> decoded = decode_event(encode(event));
  if (!decoded) stop("an event does not decode: " + decoded.error().message);
  if (encode(*decoded) != encode(event)) stop("an event changes when encoded");

  const std::string before = machine_->snapshot();
  Result<Machine> twin = Machine::restore(program_, limits_, before);
  if (!twin) stop("a snapshot does not restore: " + twin.error().message);
  if (twin->snapshot() != before) stop("a restored machine has another snapshot");

  Result<Turn> turn = machine_->deliver(event);
  const Result<Turn> other = twin->deliver(*decoded);
  if (turn.has_value() != other.has_value()) stop("a restored machine takes another turn");
  if (!turn) {
    if (machine_->snapshot() != before) stop("a refused event changed the machine");
    return turn;
  }
  if (describe(*turn) != describe(*other)) {
    stop("a restored machine does otherwise:\n" + describe(*turn) + "---\n" + describe(*other));
  }
  if (machine_->snapshot() != twin->snapshot()) {
    stop("a restored machine comes to another state after:\n" + describe(*turn));
  }
  events_.push_back(event);
  snapshots_.push_back(machine_->snapshot());
  pending_ = machine_->pending();
  trace_ += describe(*turn);
  all_ += describe(*turn);
  if (turn->ending) ending_ = turn->ending;
  return turn;
}

void Driver::deliver(decltype(Event::what) what) {
  if (const Result<Turn> turn = send(std::move(what)); !turn) stop(turn.error().message);
}

std::string Driver::trace() { return std::exchange(trace_, {}); }

std::string Driver::finish() {
  Machine replay(program_, limits_);
  std::string again;
  for (size_t i = 0; i < events_.size(); ++i) {
    Result<Turn> turn = replay.deliver(events_[i]);
    if (!turn) stop("a replay refuses an event: " + turn.error().message);
    again += describe(*turn);
    if (replay.snapshot() != snapshots_[i]) stop("a replay comes to another state");
  }
  if (again != all_) stop("a replay does otherwise");
  return all_;
}

void Driver::start(std::string_view arguments) {
  event::Started started;
  started.arguments = json::parse(arguments).as_array();
  started.run = "run1";
  started.url = "https://rbk.example/run1";
  started.starter = "eve";
  started.reason = "test";
  started.labels = {{"team", "sre"}};
  started.seed = 42;
  deliver(std::move(started));
}

const Request* Driver::find(size_t kind, std::string_view path) {
  const Request* found = nullptr;
  for (const Request& request : pending_) {
    if (request.what.index() != kind) continue;
    if (const auto* perform = std::get_if<request::Perform>(&request.what)) {
      if (!path.empty() && perform->path != path) continue;
    }
    if (const auto* sleep = std::get_if<request::Sleep>(&request.what)) {
      if (found != nullptr && std::get<request::Sleep>(found->what).until <= sleep->until) continue;
      found = &request;
      continue;
    }
    const auto* acquire = std::get_if<request::Acquire>(&request.what);
    if (acquire != nullptr && !path.empty() && acquire->lock.name != path) continue;
    return &request;
  }
  if (found == nullptr) stop(fmt::format("nothing waits so (request of kind {}, {})", kind, path));
  return found;
}

void Driver::ok(std::string_view output, std::string_view path) {
  event::Performed event;
  event.request = find(0, path)->id;
  event.output = json::parse(output);
  deliver(std::move(event));
}

void Driver::fails(std::string_view kind, std::string_view message, bool retryable, Effect effect,
                   std::string_view path) {
  event::Performed event;
  event.request = find(0, path)->id;
  event.how = event::Performed::How::kError;
  event.error.kind = kind;
  event.error.message = message;
  event.error.retryable = retryable;
  event.effect = effect;
  deliver(std::move(event));
}

void Driver::ends(event::Performed::How how, Effect effect, std::string_view path) {
  event::Performed event;
  event.request = find(0, path)->id;
  event.how = how;
  event.effect = effect;
  deliver(std::move(event));
}

void Driver::wake() {
  const Request* sleep = find(2, {});
  time_ = std::max(time_, std::get<request::Sleep>(sleep->what).until);
  deliver(event::Woke{sleep->id});
}

void Driver::approve(std::string_view form, std::vector<std::string> by) {
  deliver(event::Decided{find(3, {})->id, true, json::parse(form).as_object(), std::move(by), ""});
}

void Driver::reject(std::string_view reason) {
  deliver(event::Decided{find(3, {})->id, false, {}, {"eve"}, std::string(reason)});
}

void Driver::expire() {
  const Request* approve = find(3, {});
  time_ = *std::get<request::Approve>(approve->what).expires;
  deliver(event::Woke{approve->id});
}

void Driver::resolve(event::Resolved::How how, std::string_view output) {
  const bool failed = std::any_of(pending_.begin(), pending_.end(), [](const Request& request) {
    return std::holds_alternative<request::AskFailure>(request.what);
  });
  const bool skips = how == event::Resolved::How::kSkip;
  const size_t kind = failed ? 12 : skips ? 0 : 4;
  deliver(event::Resolved{find(kind, {})->id, how, json::parse(output), "eve"});
}

void Driver::signal(std::string_view name, std::string_view payload, std::string_view sender,
                    std::vector<std::string> groups) {
  deliver(event::Signalled{std::string(name), json::parse(payload), std::string(sender),
                           std::move(groups)});
}

void Driver::signal_late() {
  const Request* wait = find(6, {});
  time_ = *std::get<request::AwaitSignal>(wait->what).expires;
  deliver(event::Woke{wait->id});
}

void Driver::lock(event::Acquired::How how, std::string_view name) {
  deliver(event::Acquired{find(7, name)->id, how, {}});
}

void Driver::lock_late() {
  const Request* wait = find(7, {});
  time_ = *std::get<request::Acquire>(wait->what).until;
  deliver(event::Woke{wait->id});
}

void Driver::cancel(bool rollback, bool now) { deliver(event::Cancelled{rollback, now, "eve"}); }

void Driver::roll_back(std::string_view to) { deliver(event::RollBack{std::string(to), "eve"}); }

}  // namespace rbk::vm::testing
