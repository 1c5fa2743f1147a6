#include "stdlib/ssh/ssh_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rbk::stdlib {

namespace {

constexpr std::string_view kScheme = "ssh://";

bool is_made_of(std::string_view text, std::string_view marks) {
  return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  });
}

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 1 && number <= 65535;
}

tl::unexpected<Error> no_host(std::string_view text, std::string_view why) {
  return fail(ErrorKind::kInvalid,
              fmt::format("`on` is \"{}\", and {}; nothing was run", text, why),
              "write HOST, USER@HOST, HOST:PORT, [ADDRESS]:PORT or ssh://USER@HOST:PORT");
}

}  // namespace

Result<SshHost> parse_ssh_host(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with(kScheme)) {
    rest.remove_prefix(kScheme.size());
    if (rest.ends_with('/')) rest.remove_suffix(1);
  }
  SshHost host;
  if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
    host.user = rest.substr(0, at);
    rest.remove_prefix(at + 1);
    if (!is_made_of(host.user, "._+-@$\\"))
      return no_host(text, fmt::format("'{}' can't be a user", host.user));
  }
  bool is_address = false;
  if (rest.starts_with('[')) {
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) return no_host(text, "its '[' is not closed");
    host.name = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    is_address = true;
    if (!rest.empty() && rest.front() != ':')
      return no_host(text, "only :PORT may stand behind an address in brackets");
  } else if (std::count(rest.begin(), rest.end(), ':') > 1) {
    host.name = rest;
    rest = {};
    is_address = true;
  } else {
    host.name = rest.substr(0, rest.find(':'));
    rest.remove_prefix(host.name.size());
  }
  if (!rest.empty()) {
    host.port = rest.substr(1);
    if (!is_port(host.port)) return no_host(text, fmt::format("'{}' is no port", host.port));
  }
  if (!is_made_of(host.name, is_address ? ".:%_-" : "._-"))
    return no_host(text, fmt::format("'{}' can't be a host", host.name));
  return host;
}

}  // namespace rbk::stdlib
