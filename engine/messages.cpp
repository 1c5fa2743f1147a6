// What was posted for a run is taken up by whoever drives it.
#include <fmt/format.h>

#include <algorithm>

#include "engine/engine_state.h"
#include "engine/json_fields.h"

namespace rbk::engine {

namespace json = boost::json;

namespace {

vm::event::Acquired acquired_of(vm::RequestId request, const json::object& body) {
  using How = vm::event::Acquired::How;
  const std::string how = text_of(body, "how");
  return {request,
          how == "granted"    ? How::kGranted
          : how == "deadlock" ? How::kDeadlock
                              : How::kTaken,
          text_of(body, "message")};
}

}  // namespace

bool Engine::State::came_in_time(RunDriver& driver, const Message& message) {
  const std::optional<int64_t> wake = driver.asked().wake();
  return !wake || message.time < *wake;
}

Status Engine::State::take_messages(bool in_time) {
  auto messages = store->messages(0);
  if (!messages) return tl::unexpected(messages.error());
  for (const Message& message : *messages) {
    const auto held = runs.find(message.run);
    if (held == runs.end() || held->second->broken) continue;
    if (in_time && !came_in_time(*held->second, message)) continue;
    take_message(*held->second, message);
  }
  return {};
}

void Engine::State::take_message(RunDriver& driver, const Message& message) {
  // What comes to a run that has ended stays in its inbox: it was not taken.
  if (driver.machine().ended()) return;
  // A message that was taken up and is not durable yet is still there: not twice.
  if (!driver.messages_seen.insert(message.key).second) return;
  const json::object body = object_of(message.body);
  driver.acting.clear();
  if (!message.by.empty()) driver.acting.push_back(message.by);
  Status done;
  switch (message.kind) {
    case Message::Kind::kVote:
      if (!take_vote(driver, message)) return ask_again(driver, message);
      break;
    case Message::Kind::kReject:
      if (driver.asked().find(message.request) != nullptr)
        done = driver.deliver(
            vm::event::Decided{
                message.request, false, {}, {text_of(body, "user")}, text_of(body, "reason")},
            now(), message.request);
      break;
    case Message::Kind::kAnswer:
      if (driver.asked().find(message.request) != nullptr)
        done = driver.deliver(
            vm::event::Decided{message.request, true, form_of(body), {text_of(body, "user")}, {}},
            now(), message.request);
      break;
    case Message::Kind::kCancel: {
      const bool was_paused = driver.paused();
      driver.is_given_up = driver.is_given_up || flag_of(body, "now");
      done = driver.deliver(
          vm::event::Cancelled{flag_of(body, "rollback"), flag_of(body, "now"), message.by}, now());
      if (was_paused && !driver.paused() && !driver.over()) go_on_unpaused(driver);
      break;
    }
    case Message::Kind::kPause:
      if (!driver.paused()) driver.pause(true, message.by, now());
      break;
    case Message::Kind::kUnpause:
      if (!driver.paused()) break;
      driver.pause(false, message.by, now());
      go_on_unpaused(driver);
      break;
    case Message::Kind::kResolve:
      take_resolution(driver, message, body);
      break;
    case Message::Kind::kLock:
      if (driver.asked().find(message.request) != nullptr)
        done = driver.deliver(acquired_of(message.request, body), now(), message.request);
      break;
    case Message::Kind::kSignal:
      done = driver.deliver(signal_of(body), now());
      break;
    case Message::Kind::kRunEnded:
      if (!take_run_end(driver, message, body)) return ask_again(driver, message);
      break;
  }
  if (!done && done.error().kind != ErrorKind::kInvalid &&
      done.error().kind != ErrorKind::kRefused) {
    driver.broken = done.error();
    return;
  }
  driver.take_message(message.key);
}

/// The store could not say what the message means: it is not taken.
void Engine::State::ask_again(RunDriver& driver, const Message& message) {
  driver.messages_seen.erase(message.key);
  look_now = true;
}

/// False: the store could not say; it is to be asked again.
bool Engine::State::take_vote(RunDriver& driver, const Message& message) {
  Asked* asked = driver.asked().find(message.request);
  const auto* approve =
      asked == nullptr ? nullptr : std::get_if<vm::request::Approve>(&asked->request.what);
  if (approve == nullptr || !approve->description.is_object()) return true;
  auto votes = store->votes(driver.row().key, message.request);
  if (!votes) return false;
  const int64_t quorum = number_of(approve->description.get_object(), "quorum", 1);
  // Whoever breaks the glass decides, however many votes there are besides.
  const auto glass = std::find_if(votes->begin(), votes->end(), [](const Message& vote) {
    return object_of(vote.body).contains("break_glass");
  });
  const bool alone = glass != votes->end();
  if (!alone && static_cast<int64_t>(votes->size()) < quorum) return true;
  vm::event::Decided decided;
  decided.request = message.request;
  decided.approved = true;
  if (alone) decided.reason = text_of(object_of(glass->body), "break_glass");
  driver.acting.clear();
  for (const Message& vote : *votes) {
    if (alone && vote.key != glass->key) continue;
    driver.acting.push_back(vote.by);
    const json::object body = object_of(vote.body);
    decided.by.push_back(text_of(body, "user"));
    if (decided.form.empty()) decided.form = form_of(body);
  }
  const auto done = driver.deliver(std::move(decided), now(), message.request);
  if (!done && done.error().kind != ErrorKind::kInvalid) driver.broken = done.error();
  return true;
}

void Engine::State::take_resolution(RunDriver& driver, const Message& message,
                                    const json::object& body) {
  Asked* asked = driver.asked().find(message.request);
  if (asked == nullptr) return;
  const std::string how = text_of(body, "how");
  const json::value* output = body.if_contains("output");
  const std::string user = text_of(body, "user");
  if (std::holds_alternative<vm::request::AskDoubt>(asked->request.what) ||
      std::holds_alternative<vm::request::AskFailure>(asked->request.what)) {
    using How = vm::event::Resolved::How;
    vm::event::Resolved resolved;
    resolved.request = message.request;
    resolved.how = how == "done"    ? How::kDone
                   : how == "fail"  ? How::kFail
                   : how == "leave" ? How::kLeave
                   : how == "skip"  ? How::kSkip
                                    : How::kNotDone;
    if (output != nullptr) resolved.output = *output;
    resolved.by = user;
    const auto done = driver.deliver(std::move(resolved), now(), message.request);
    if (!done && done.error().kind != ErrorKind::kInvalid) driver.broken = done.error();
    return;
  }
  if (how == "skip") {
    // Somebody may have begun it since: then it is too late.
    if (!asked->not_started || asked->out || asked->stop || asked->may_have_taken_effect()) return;
    vm::event::Resolved skipped{message.request, vm::event::Resolved::How::kSkip, {}, user};
    if (output != nullptr) skipped.output = *output;
    const auto done = driver.deliver(std::move(skipped), now(), message.request);
    if (!done && done.error().kind != ErrorKind::kInvalid) driver.broken = done.error();
    return;
  }
  if (!asked->in_doubt) return;
  if (how == "not_done" || how == "retry") {
    driver.note(Entry::Kind::kRepeat, {message.request}, now());
    return;
  }
  vm::event::Performed performed;
  performed.request = message.request;
  if (how == "done") {
    if (output != nullptr) performed.output = *output;
  } else {
    // What it did nobody knows, so its rollback is run, unless all is to be left.
    performed.how =
        how == "leave" ? vm::event::Performed::How::kLeft : vm::event::Performed::How::kError;
    performed.error = {"InDoubt",
                       fmt::format("{} said that {} failed", user,
                                   driver.program().actions[asked->perform()->action].name),
                       false,
                       {}};
    performed.effect = vm::Effect::kUnknown;
  }
  answer(driver, std::move(performed));
}

}  // namespace rbk::engine
