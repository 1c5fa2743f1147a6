#include "harness/faults.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/samples.h"

namespace rbk::harness {

std::string_view word_of(vm::event::Resolved::How resolution) {
  constexpr std::string_view kWords[] = {"done", "retry", "fail", "leave"};
  return kWords[static_cast<size_t>(resolution)];
}

std::string Fault::text() const {
  switch (kind) {
    case Kind::kError:
      return fmt::format(
          "{}: {} at {}", place, error,
          for_good ? occurrence == 0 ? "every attempt" : "a later attempt, and all after it"
          : occurrence == 0 ? "the first attempt"
                            : "a later attempt");
    case Kind::kCrashBefore:
      return fmt::format("the engine dies before {}", place);
    case Kind::kCrashAfter:
      return fmt::format("the engine dies after {}{}", place,
                         said == Doubted::kNotDone ? ", a person says that it was not done" : "");
    case Kind::kReject:
      return fmt::format("{} is rejected", place);
    case Kind::kNoDecision:
      return fmt::format("nobody decides on {}", place);
    case Kind::kSaid:
      return fmt::format("{} has failed, and a person says {}", place, word_of(resolution));
  }
  return {};
}

Reply FaultyWorld::made_up(const std::string& target) const {
  Reply reply;
  reply.how = Reply::How::kOk;
  for (const bytecode::ActionImport& action : tests_.program->actions) {
    if (action.name == target && action.result != bytecode::kNone)
      reply.output = sample(*tests_.program, action.result);
  }
  return reply;
}

Reply FaultyWorld::call(const Call& call) {
  const size_t occurrence = calls_[call.step]++;
  Reply reply;
  for (const Fault& fault : faults_) {
    const bool hits =
        fault.kind == Fault::Kind::kError && fault.place == call.step &&
        fault.target == call.target &&
        (fault.for_good ? occurrence >= fault.occurrence : occurrence == fault.occurrence);
    if (!hits) continue;
    reply.how = Reply::How::kFails;
    reply.error.kind = fault.error;
    reply.error.message = fmt::format("{} of {}, as explored", fault.error, call.target);
    reply.error.fields = sample_error(tests_, fault.error);
    reply.error.retryable = is_retryable(reply.error);
    break;
  }
  if (reply.how == Reply::How::kNone) {
    reply = stand_ins_.call(call);
    if (reply.how == Reply::How::kNone) reply = made_up(call.target);
  }
  answered_.push_back({call, reply, occurrence});
  return reply;
}

Result<std::optional<Decision>> FaultyWorld::decide(const std::string& approval, bool is_question) {
  for (const Fault& fault : faults_) {
    if (fault.place != approval) continue;
    if (fault.kind == Fault::Kind::kNoDecision) {
      decided_.push_back({approval, is_question, std::nullopt});
      return std::nullopt;
    }
    if (fault.kind == Fault::Kind::kReject) {
      decided_.push_back({approval, is_question, Decision{}});
      return Decision{};
    }
  }
  auto decision = stand_ins_.decide(approval, is_question);
  if (decision) decided_.push_back({approval, is_question, *decision});
  return decision;
}

Result<std::optional<boost::json::value>> FaultyWorld::signal(const std::string& name) {
  for (const Fault& fault : faults_) {
    if (fault.kind == Fault::Kind::kNoDecision && fault.place == name) return std::nullopt;
  }
  auto brought = stand_ins_.signal(name);
  if (brought && *brought) sent_.emplace_back(name, **brought);
  return brought;
}

/// The output that a step has given where a person says that it counts as done: its action's.
Result<std::optional<Resolution>> FaultyWorld::failed(const std::string& path) {
  Resolution said;  // somebody looks, and leaves it failed
  const auto fault = std::find_if(faults_.begin(), faults_.end(), [&](const Fault& one) {
    return one.kind == Fault::Kind::kSaid && one.place == path;
  });
  if (fault != faults_.end() && answered_failures_.insert(path).second) {
    said.how = fault->resolution;
    const auto last = std::find_if(answered_.rbegin(), answered_.rend(),
                                   [&](const Answered& one) { return one.call.step == path; });
    if (said.how == vm::event::Resolved::How::kDone && last != answered_.rend())
      said.output = made_up(last->call.target).output;
  } else if (fault == faults_.end()) {
    auto given = stand_ins_.failed(path);
    if (!given) return given;
    if (*given) said = std::move(**given);
  }
  failures_.push_back({path, said});
  return said;
}

std::optional<Doubted> FaultyWorld::resolve(const std::string& path) {
  was_asked_ = true;
  for (const Fault& fault : faults_) {
    if (fault.kind == Fault::Kind::kCrashAfter && path == fault.place && said_.insert(path).second)
      return fault.said;
  }
  // Left open by a timeout: a person looks, and finds it done.
  return Doubted::kDone;
}

std::vector<Crash> FaultyWorld::crashes() const {
  std::vector<Crash> made;
  for (const Fault& fault : faults_) {
    if (fault.kind == Fault::Kind::kCrashBefore || fault.kind == Fault::Kind::kCrashAfter)
      made.push_back({fault.kind == Fault::Kind::kCrashBefore, fault.place, true});
  }
  return made;
}

}  // namespace rbk::harness
