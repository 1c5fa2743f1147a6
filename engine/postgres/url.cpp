#include "engine/postgres/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/encoding.h"
#include "base/units.h"

namespace rbk::engine::postgres {
namespace {

/// What PostgreSQL keeps of a name; longer ones it would cut off without a word.
constexpr size_t kLongestName = 63;

size_t scheme_length(std::string_view url) {
  for (const std::string_view scheme : {"postgresql://", "postgres://"})
    if (url.starts_with(scheme)) return scheme.size();
  return 0;
}

std::vector<std::string_view> parts_of(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

Status take_schema(Url& made, const std::string& value) {
  const bool fits = !value.empty() && value.size() <= kLongestName && is_utf8(value) &&
                    value.find('\0') == std::string::npos && !value.starts_with("pg_");
  if (!fits)
    return fail(ErrorKind::kInvalid, fmt::format("`{}` can't be the schema of a store", value),
                "write schema=NAME, a name of at most 63 bytes that does not begin with pg_");
  made.schema = value;
  return {};
}

Status take_lease(Url& made, const std::string& value) {
  const auto lease = parse_duration(value);
  if (!lease || *lease < kShortestLease || *lease > kLongestLease)
    return fail(ErrorKind::kInvalid, fmt::format("`{}` can't be the lease of a store", value),
                "write lease=15s: from 1s to 1h");
  made.lease = *lease;
  return {};
}

Status take_durability(Url& made, const std::string& value) {
  if (value != "best_effort" && value != "full")
    return fail(ErrorKind::kInvalid, fmt::format("`{}` is no durability of a store", value),
                "write durability=full, which is the default, or durability=best_effort");
  made.best_effort = value == "best_effort";
  return {};
}

}  // namespace

bool is_url(std::string_view url) { return scheme_length(url) > 0; }

Result<Url> parse_url(std::string_view url) {
  Url made;
  const size_t mark = url.find('?');
  made.connection = url.substr(0, std::min(mark, url.size()));
  if (mark == std::string_view::npos) return made;
  std::string kept;
  for (const std::string_view parameter : parts_of(url.substr(mark + 1), '&')) {
    const size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view name = parameter.substr(0, equals);
    const bool is_own = name == "schema" || name == "lease" || name == "durability";
    if (!is_own) {
      kept += (kept.empty() ? "?" : "&") + std::string(parameter);
      continue;
    }
    const std::string_view raw = parameter.substr(std::min(equals + 1, parameter.size()));
    const std::string value = from_percent(raw).value_or(std::string());
    Status taken = name == "schema"  ? take_schema(made, value)
                   : name == "lease" ? take_lease(made, value)
                                     : take_durability(made, value);
    if (!taken) return tl::unexpected(taken.error());
  }
  made.connection += kept;
  return made;
}

std::string without_password(std::string_view url) {
  const size_t begin = scheme_length(url);
  if (begin == 0) return std::string(url);
  const size_t mark = std::min(url.find('?'), url.size());
  std::string shown(url.substr(0, begin));
  std::string_view place = url.substr(begin, mark - begin);
  // A password may hold what it should have been escaped: all up to the last `@` is the user's.
  if (const size_t at = place.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = place.substr(0, std::min(place.find(':'), at));
    shown += user;
    place.remove_prefix(at);
  }
  shown += place;
  std::string kept;
  for (const std::string_view parameter : parts_of(url.substr(mark), '&')) {
    const std::string_view bare = parameter.starts_with('?') ? parameter.substr(1) : parameter;
    if (bare.starts_with("password") || bare.starts_with("sslpassword")) continue;
    kept += (kept.empty() ? "?" : "&") + std::string(bare);
  }
  return shown + kept;
}

}  // namespace rbk::engine::postgres
