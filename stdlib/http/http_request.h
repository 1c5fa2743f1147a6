// A request as it goes out, and what came back. No I/O here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/action.h"

namespace rbk::stdlib {

struct HttpRequest {
  std::string method;  // upper case
  std::string url;     // http or https, with its query
  std::vector<std::pair<std::string, std::string>> headers;
  bool has_body = false;
  std::string body;
  bool private_headers = false;  // some of `headers` are not for another host
  bool repeatable = false;       // a lost connection may be tried again by the transport
  int64_t redirects = 0;         // to follow
  std::function<bool(std::string_view url)> may_be_led_to;  // by redirects; empty: to anything
  int64_t max_body = 8 << 20;                               // bytes, decoded
  std::string ca_file;                                      // empty: the system's
  std::string proxy;                                        // empty: none
  int64_t connect_timeout = 10'000'000;                     // microseconds
  int64_t timeout = 300'000'000;                            // of all of it, microseconds

  /// What the action accepts.
  std::pair<int64_t, int64_t> accept = {200, 299};
  std::vector<int64_t> also_accept;

  bool accepts(int64_t status) const;
};

/// From an attempt at `http.…`. Any error means that nothing was sent.
Result<HttpRequest> http_request(const engine::Attempt& attempt);

struct HttpReply {
  enum class Problem : uint8_t {
    kNothing,     // there is an answer
    kConnection,  // text says what
    kTimeout,
    kTooLarge,
    kCancelled,
  };
  Problem problem = Problem::kNothing;
  std::string text;
  bool sent = false;      // a part of the request has left, in the last exchange
  bool answered = false;  // a status has come
  int64_t status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::string url;         // of the last exchange
  int64_t redirects = 0;   // followed before it
  bool leads_out = false;  // it redirects to where its limits do not let it
};

/// What the attempt comes to.
engine::Outcome http_outcome(const HttpRequest& request, HttpReply reply);

}  // namespace rbk::stdlib
