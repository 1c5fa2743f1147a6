#include "stdlib/http/http_action.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>

#include "base/masking.h"
#include "base/units.h"

namespace rbk::stdlib {

namespace {

using Clock = std::chrono::steady_clock;

engine::Outcome not_sent(const engine::Attempt& attempt, const Error& error) {
  engine::Outcome outcome;
  outcome.kind = engine::Outcome::Kind::kError;
  outcome.effect = engine::Effect::kNone;
  outcome.error.kind = "http.ConnectionError";
  outcome.error.message =
      error.cure.empty() ? error.message : fmt::format("{}; {}", error.message, error.cure);
  const boost::json::value* url = attempt.arguments.if_contains("url");
  outcome.error.fields["url"] = url == nullptr ? boost::json::value("") : *url;
  return outcome;
}

std::string summary(const HttpRequest& request, const HttpReply& reply, Clock::time_point begun) {
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun).count();
  return fmt::format("{} {}: {}, {} in {}", request.method, reply.url, reply.status,
                     format_size(static_cast<int64_t>(reply.body.size())),
                     format_duration(took * 1000));
}

}  // namespace

void HttpAction::start(const engine::Attempt& attempt, std::shared_ptr<engine::AttemptSink> sink) {
  auto request = http_request(attempt);
  if (!request) {
    sink->finish(not_sent(attempt, request.error()));
    return;
  }
  if (attempt.behaviour == engine::Behaviour::kWrites) {
    const std::lock_guard lock(mutex_);
    let_finish_.insert(attempt.id);
  }
  // The transport takes the request; what the outcome needs of it stays here.
  HttpRequest kept = *request;
  kept.body.clear();
  kept.headers.clear();
  transport_.send(attempt.id, std::move(*request),
                  [this, id = attempt.id, kept = std::move(kept), sink = std::move(sink),
                   begun = Clock::now(), masks = attempt.masks](HttpReply reply) {
                    // Of what is no answer as it was wanted, only the beginning is told.
                    const bool is_whole =
                        reply.problem == HttpReply::Problem::kNothing && kept.accepts(reply.status);
                    if (masks && !is_whole) reply.body = masks->apply(reply.body);
                    {
                      const std::lock_guard lock(mutex_);
                      let_finish_.erase(id);
                    }
                    if (reply.problem == HttpReply::Problem::kNothing) {
                      sink->log(engine::LogStream::kInfo, summary(kept, reply, begun));
                    }
                    sink->finish(http_outcome(kept, std::move(reply)));
                  });
}

void HttpAction::stop(uint64_t attempt, engine::StopMode mode) {
  if (mode == engine::StopMode::kGentle) {
    const std::lock_guard lock(mutex_);
    if (let_finish_.contains(attempt)) return;
  }
  transport_.cancel(attempt);
}

}  // namespace rbk::stdlib
