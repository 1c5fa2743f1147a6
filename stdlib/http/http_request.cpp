#include "stdlib/http/http_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>

#include "stdlib/arguments.h"

namespace rbk::stdlib {

namespace {

constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           kTokenMarks.find(c) != std::string_view::npos;
  });
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return result;
}

// RFC 3986's unreserved characters stay.
std::string encoded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 ||
        std::string_view("-._~").find(c) != std::string_view::npos) {
      result += c;
    } else {
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return result;
}

Status check_url(const std::string& url) {
  const std::string start = lower(url.substr(0, 8));
  const size_t scheme = start.starts_with("https://") ? 8 : start.starts_with("http://") ? 7 : 0;
  if (scheme == 0) {
    return fail(ErrorKind::kInvalid, fmt::format("`{}` is no http:// or https:// URL", url));
  }
  if (has_control(url) || url.find(' ') != std::string::npos) {
    return fail(ErrorKind::kInvalid, "a URL can't hold blanks or control characters",
                "give such values as `query`, where they are encoded");
  }
  const std::string_view authority =
      std::string_view(url).substr(scheme, url.find_first_of("/?#", scheme) - scheme);
  if (authority.find('@') != std::string_view::npos) {
    return fail(ErrorKind::kInvalid, "a URL with a user's name in it would be shown in logs",
                "hand credentials over as `bearer`, or as `headers: env { Authorization: … }`");
  }
  return {};
}

std::string with_query(std::string url,
                       const std::vector<std::pair<std::string, std::string>>& query) {
  const size_t fragment = url.find('#');
  if (fragment != std::string::npos) url.resize(fragment);
  for (const auto& [name, value] : query) {
    url += url.find('?') == std::string::npos ? '?' : '&';
    url += encoded(name) + "=" + encoded(value);
  }
  return url;
}

Status add_headers(HttpRequest& request, Arguments& arguments) {
  for (auto& [name, value] : arguments.texts("headers")) {
    if (!is_token(name)) {
      return fail(ErrorKind::kInvalid, fmt::format("`{}` can't be a header's name", name),
                  "letters, digits and - are expected");
    }
    if (has_control(value)) {
      return fail(ErrorKind::kInvalid,
                  fmt::format("the header `{}` has a newline or another control character", name),
                  "remove it, or encode the value");
    }
    const std::string known = lower(name);
    if (known == "content-length" || known == "transfer-encoding" || known == "connection") {
      return fail(ErrorKind::kInvalid, fmt::format("the header `{}` is set by the transport", name),
                  "leave it out");
    }
    request.headers.emplace_back(name, std::move(value));
    request.private_headers = true;
  }
  if (auto bearer = arguments.text("bearer")) {
    if (has_control(*bearer)) {
      return fail(ErrorKind::kInvalid, "`bearer` has a newline or another control character",
                  "store the secret without a newline at its end");
    }
    request.headers.emplace_back("Authorization", "Bearer " + *bearer);
    request.private_headers = true;
  }
  return {};
}

bool has_header(const HttpRequest& request, std::string_view name) {
  return std::any_of(request.headers.begin(), request.headers.end(),
                     [name](const auto& header) { return lower(header.first) == name; });
}

Status add_body(HttpRequest& request, Arguments& arguments) {
  const boost::json::value* json = arguments.value("json");
  auto body = arguments.text("body");
  if (json != nullptr && body) {
    return fail(ErrorKind::kInvalid, "a request has one body: `json` and `body` were both given");
  }
  if (json == nullptr && !body) return {};
  request.has_body = true;
  request.body = json != nullptr ? boost::json::serialize(*json) : std::move(*body);
  const std::string type =
      arguments.text("content_type")
          .value_or(json != nullptr ? "application/json" : "text/plain; charset=utf-8");
  if (has_control(type)) return fail(ErrorKind::kInvalid, "`content_type` has a newline");
  if (!has_header(request, "content-type")) request.headers.emplace_back("Content-Type", type);
  return {};
}

Status add_limits(HttpRequest& request, Arguments& arguments, const engine::Attempt& attempt) {
  request.accept = arguments.range("accept").value_or(request.accept);
  request.also_accept = arguments.numbers("also_accept").value_or(std::vector<int64_t>{});
  request.max_body = arguments.size("max_body").value_or(request.max_body);
  request.ca_file = arguments.text("ca_file").value_or("");
  request.proxy = arguments.text("proxy").value_or("");
  request.connect_timeout = arguments.duration("connect_timeout").value_or(request.connect_timeout);
  request.timeout = attempt.timeout.value_or(request.timeout);
  const std::string proxy = lower(request.proxy.substr(0, 10));
  if (!proxy.empty() && !proxy.starts_with("http://") && !proxy.starts_with("https://") &&
      !proxy.starts_with("socks5h://")) {
    return fail(ErrorKind::kInvalid, fmt::format("`{}` is no proxy", request.proxy),
                "as http://proxy.example.com:3128; https:// and socks5h:// work too");
  }
  if (request.max_body < 0 || request.connect_timeout <= 0) {
    return fail(ErrorKind::kInvalid, "`max_body` and `connect_timeout` have to be positive");
  }
  return {};
}

}  // namespace

bool HttpRequest::accepts(int64_t status) const {
  return (status >= accept.first && status <= accept.second) ||
         std::find(also_accept.begin(), also_accept.end(), status) != also_accept.end();
}

Result<HttpRequest> http_request(const engine::Attempt& attempt) {
  Arguments arguments(attempt.arguments);
  HttpRequest request;
  request.may_be_led_to = attempt.may_be_led_to;
  const std::string verb = attempt.name.substr(attempt.name.find('.') + 1);
  request.method = upper(verb == "request" ? arguments.text("method").value_or("") : verb);
  const bool known_to_read = verb == "get" || verb == "head";
  request.repeatable = attempt.behaviour == engine::Behaviour::kReads;
  if (known_to_read) request.redirects = arguments.number("redirects").value_or(5);
  const std::string url = arguments.text("url").value_or("");
  const auto query = arguments.texts("query");
  if (!is_token(request.method)) {
    return fail(ErrorKind::kInvalid, fmt::format("`{}` is no method", request.method),
                "as PURGE: letters only");
  }
  if (request.method == "CONNECT") {
    return fail(ErrorKind::kInvalid, "CONNECT is for proxies", "name one with `proxy`");
  }
  for (const Status& status :
       {check_url(url), add_headers(request, arguments), add_body(request, arguments),
        add_limits(request, arguments, attempt)}) {
    if (!status) return tl::unexpected<Error>(status.error());
  }
  if (!arguments.fault().empty()) {
    return fail(ErrorKind::kInvalid, arguments.fault(), "nothing was sent");
  }
  request.url = with_query(url, query);
  if (attempt.behaviour != engine::Behaviour::kReads && !has_header(request, "idempotency-key")) {
    request.headers.emplace_back("Idempotency-Key", attempt.key);
  }
  return request;
}

}  // namespace rbk::stdlib
