#include "stdlib/http/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstring>

namespace rbk::stdlib {

namespace {

int64_t now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

long milliseconds(int64_t microseconds) {
  return static_cast<long>(std::clamp<int64_t>((microseconds + 999) / 1000, 1, INT32_MAX));
}

// "https://host:8443" of a URL, in lower case.
std::string origin(std::string_view url) {
  const size_t authority = url.find("//");
  if (authority == std::string_view::npos) return {};
  std::string text(url.substr(0, url.find_first_of("/?#", authority + 2)));
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string_view header_trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace

Exchange::Exchange(const CurlLibrary& curl, HttpRequest request)
    : curl_(curl), request_(std::move(request)) {
  redirects_left_ = request_.redirects;
  deadline_ = now() + request_.timeout;
  reply_.url = request_.url;
  handle_ = curl_.easy_init();
  if (handle_ != nullptr) prepare();
}

Exchange::~Exchange() {
  if (handle_ != nullptr) curl_.easy_cleanup(handle_);
  curl_.slist_free_all(headers_);
}

void Exchange::add_headers() {
  headers_ = curl_.slist_append(headers_, "Expect:");  // no waiting for "100 Continue"
  for (const auto& [name, value] : request_.headers) {
    const std::string line = value.empty() ? name + ";" : fmt::format("{}: {}", name, value);
    headers_ = curl_.slist_append(headers_, line.c_str());
  }
}

void Exchange::prepare() {
  const auto set = [this](CURLoption option, auto value) {
    curl_.easy_setopt(handle_, option, value);
  };
  add_headers();
  set(CURLOPT_URL, reply_.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_HTTPHEADER, headers_);
  set(CURLOPT_USERAGENT, "runbook");  // a header of the request's own replaces it
  set(CURLOPT_ACCEPT_ENCODING, "");
  set(CURLOPT_ERRORBUFFER, error_);
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_HEADERFUNCTION, &Exchange::take_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Exchange::take_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_TIMEOUT_MS, milliseconds(deadline_ - now()));
  set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request_.connect_timeout));
  // An empty name: not even the environment's. All hosts go through one that is given.
  set(CURLOPT_PROXY, request_.proxy.c_str());
  set(CURLOPT_NOPROXY, "");
  if (!request_.ca_file.empty()) {
    set(CURLOPT_CAINFO, request_.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  // On a kept connection that turns out to be closed, libcurl sends a request again by itself:
  // only what may be repeated goes over one.
  if (!request_.repeatable) set(CURLOPT_FRESH_CONNECT, 1L);

  if (request_.has_body || request_.method == "POST") {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, request_.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  }
  if (request_.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request_.method != "GET" && request_.method != "POST") {
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  } else if (request_.method == "GET" && request_.has_body) {
    set(CURLOPT_CUSTOMREQUEST, "GET");
  }
}

size_t Exchange::take_header(char* data, size_t size, size_t count, void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) {  // of the next answer: after "100 Continue", or a proxy's
    exchange.reply_.headers.clear();
    const size_t blank = line.find(' ');
    exchange.headers_ended_ = false;
    exchange.reply_.answered = blank != std::string_view::npos && line[blank + 1] != '1';
    return line.size();
  }
  if (header_trimmed(line).empty()) exchange.headers_ended_ = true;
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string& value = exchange.reply_.headers[name];
  if (!value.empty()) value += ", ";
  value += header_trimmed(line.substr(colon + 1));
  return line.size();
}

size_t Exchange::take_body(char* data, size_t size, size_t count, void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  const size_t length = size * count;
  if (exchange.reply_.body.size() + length > static_cast<size_t>(exchange.request_.max_body)) {
    exchange.too_large_ = true;
    return 0;
  }
  exchange.reply_.body.append(data, length);
  return length;
}

void Exchange::note_sent() {
  long sent = 0;
  curl_.easy_getinfo(handle_, CURLINFO_REQUEST_SIZE, &sent);
  long status = 0;
  curl_.easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  reply_.sent = sent > 0;
  reply_.status = status;
}

std::string Exchange::explain(CURLcode code) const {
  const std::string text = error_[0] != '\0' ? error_ : curl_.easy_strerror(code);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return text + "; look at the name, or at this host's DNS";
    case CURLE_COULDNT_CONNECT:
      return text + "; nobody listens there, or a firewall forbids it";
    case CURLE_PEER_FAILED_VERIFICATION:
      return text +
             "; the certificate is not valid for this host: `ca_file` names the authority of "
             "one that is not public";
    case CURLE_SSL_CACERT_BADFILE:
      return text + "; `ca_file` has to be a file of PEM certificates";
    default:
      return text;
  }
}

// Goes on with the answer's Location, if it may be followed.
bool Exchange::follow() {
  const int64_t status = reply_.status;
  const bool redirect =
      status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  if (!redirect || redirects_left_ <= 0 || request_.accepts(status)) return false;
  const char* target = nullptr;
  curl_.easy_getinfo(handle_, CURLINFO_REDIRECT_URL, &target);
  if (target == nullptr) return false;
  const std::string to = target;
  const std::string from_origin = origin(reply_.url);
  const std::string to_origin = origin(to);
  const bool leaves = from_origin != to_origin;
  const bool weakens = from_origin.starts_with("https:") && !to_origin.starts_with("https:");
  const bool known = to_origin.starts_with("https://") || to_origin.starts_with("http://");
  if (!known || weakens || (leaves && request_.private_headers)) return false;
  reply_.leads_out = request_.may_be_led_to && !request_.may_be_led_to(to);
  if (reply_.leads_out) return false;
  --redirects_left_;
  const int64_t redirects = reply_.redirects + 1;
  reply_ = {};
  reply_.url = to;
  reply_.redirects = redirects;
  error_[0] = '\0';
  curl_.easy_setopt(handle_, CURLOPT_URL, reply_.url.c_str());
  curl_.easy_setopt(handle_, CURLOPT_TIMEOUT_MS, milliseconds(deadline_ - now()));
  return true;
}

bool Exchange::ended(CURLcode code) {
  note_sent();
  // An answer that is cut off in its headers passes for a whole one without a body.
  const bool cut = code == CURLE_OK && !headers_ended_;
  if (code == CURLE_OK && !cut) return follow();
  reply_.text = cut ? "the answer ended in its headers" : explain(code);
  if (too_large_) {
    reply_.problem = HttpReply::Problem::kTooLarge;
  } else if (code == CURLE_OPERATION_TIMEDOUT && now() >= deadline_ - 1000) {
    reply_.problem = HttpReply::Problem::kTimeout;
  } else {
    reply_.problem = HttpReply::Problem::kConnection;
  }
  return false;
}

HttpReply Exchange::cancelled() {
  note_sent();
  reply_.problem = HttpReply::Problem::kCancelled;
  return take_reply();
}

}  // namespace rbk::stdlib
