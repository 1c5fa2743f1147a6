#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/units.h"
#include "stdlib/http/http_request.h"
#include "stdlib/utf8.h"

namespace rbk::stdlib {

namespace {

constexpr size_t kBodyOfError = 64U << 10;
constexpr size_t kBodyInMessage = 200;
constexpr size_t kDeepestJson = 100;

boost::json::value json_of(const std::string& body) {
  boost::json::error_code error;
  boost::json::parse_options options;
  options.max_depth = kDeepestJson;
  boost::json::value value = boost::json::parse(body, error, {}, options);
  return error ? boost::json::value() : value;
}

engine::Outcome answer(HttpReply reply) {
  boost::json::object headers;
  for (const auto& [name, value] : reply.headers) headers[name] = valid_utf8(value);
  engine::Outcome outcome;
  outcome.output = {{"status", reply.status},
                    {"headers", std::move(headers)},
                    {"body", valid_utf8(reply.body)},
                    {"json", json_of(reply.body)},
                    {"url", reply.url}};
  return outcome;
}

// ": " and the beginning of the body, on one line; empty if there is none.
std::string first_words(const std::string& body) {
  std::string text(utf8_prefix(body, kBodyInMessage));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text.empty() ? text : ": " + valid_utf8(text) + (text.size() < body.size() ? "…" : "");
}

/// Whoever gave this answer stands between, and does not know what became of the request behind it.
bool is_gateways(int64_t status) { return status == 502 || status == 504; }

engine::Outcome refused(const HttpRequest& request, const HttpReply& reply) {
  const int64_t status = reply.status;
  engine::Outcome outcome;
  outcome.kind = engine::Outcome::Kind::kError;
  outcome.effect = is_gateways(status) ? engine::Effect::kUnknown : engine::Effect::kDone;
  outcome.error.kind = status >= 500   ? "http.ServerError"
                       : status >= 400 ? "http.ClientError"
                                       : "http.StatusError";
  // Request timeout, too early, too many requests: the same request may pass later.
  outcome.error.retryable = status >= 500 || status == 408 || status == 425 || status == 429;
  outcome.error.message = fmt::format("{} {} was answered with {}{}", request.method, reply.url,
                                      status, first_words(reply.body));
  const auto to = reply.headers.find("location");
  if (status >= 300 && status < 400 && to != reply.headers.end()) {
    outcome.error.message =
        fmt::format("{} {} was answered with {}, a redirect to {} that is not followed",
                    request.method, reply.url, status, valid_utf8(to->second));
    if (reply.leads_out)
      outcome.error.message += ": its host lies outside of the manifest that the run is held to";
    if (reply.redirects > 0 && reply.redirects == request.redirects)
      outcome.error.message +=
          fmt::format(": {} were followed, and `redirects` allows no more", reply.redirects);
  }
  outcome.error.fields = {{"status", status},
                          {"body", valid_utf8(utf8_prefix(reply.body, kBodyOfError))},
                          {"url", reply.url}};
  return outcome;
}

engine::Outcome failed(const HttpRequest& request, const HttpReply& reply) {
  engine::Outcome outcome;
  outcome.kind = engine::Outcome::Kind::kError;
  // An answer that says yes and is cut off: it did what it does, as far as that goes.
  const bool said_no =
      reply.answered && !request.accepts(reply.status) && !is_gateways(reply.status);
  outcome.effect = said_no                        ? engine::Effect::kDone
                   : reply.sent || reply.answered ? engine::Effect::kUnknown
                                                  : engine::Effect::kNone;
  outcome.error.retryable = true;
  outcome.error.fields = {{"url", reply.url}};
  const std::string what = fmt::format("{} {}", request.method, reply.url);
  switch (reply.problem) {
    case HttpReply::Problem::kTimeout:
      outcome.error.kind = "Timeout";
      outcome.error.message = fmt::format("{} took longer than {}: {}", what,
                                          format_duration(request.timeout), reply.text);
      outcome.error.fields.clear();
      break;
    case HttpReply::Problem::kTooLarge:
      outcome.error.kind = "http.TooLarge";
      outcome.error.retryable = false;
      outcome.error.message =
          fmt::format("the answer to {} is larger than {}; `max_body` allows more", what,
                      format_size(request.max_body));
      break;
    case HttpReply::Problem::kCancelled:
      outcome.kind = engine::Outcome::Kind::kStopped;
      break;
    case HttpReply::Problem::kConnection:
    case HttpReply::Problem::kNothing:
      outcome.error.kind = "http.ConnectionError";
      outcome.error.message = fmt::format("{} failed: {}", what, reply.text);
      break;
  }
  return outcome;
}

}  // namespace

engine::Outcome http_outcome(const HttpRequest& request, HttpReply reply) {
  if (reply.problem != HttpReply::Problem::kNothing) return failed(request, reply);
  if (!request.accepts(reply.status)) return refused(request, reply);
  return answer(std::move(reply));
}

}  // namespace rbk::stdlib
