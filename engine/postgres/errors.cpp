#include "engine/postgres/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace rbk::engine::postgres {
namespace {

struct Meaning {
  std::string_view state;  // a whole one, or the class that it begins with
  ErrorKind kind;
  std::string_view what;  // empty: what the server says
  std::string_view cure;
};

// The first that fits; whole states stand before their class.
constexpr Meaning kMeanings[] = {
    {"28", ErrorKind::kPermission, "",
     "check the user and the password: in the URL, PGPASSWORD, ~/.pgpass or a service file"},
    {"3D000", ErrorKind::kNotFound, "", "create it with `createdb`, or name another in the URL"},
    {"42501", ErrorKind::kPermission, "",
     "let the database's owner grant it: `create schema NAME authorization USER` is enough"},
    {"25006", ErrorKind::kPermission, "the server takes no writes (a standby, or read only)",
     "name the primary in the URL; with several hosts add target_session_attrs=read-write"},
    {"42P01", ErrorKind::kCorrupt, "", "its tables were dropped: restore them from a backup"},
    {"3F000", ErrorKind::kCorrupt, "", "its schema was dropped: restore it from a backup"},
    {"53100", ErrorKind::kFull, "the server's disk is full", "free space on it"},
    {"53200", ErrorKind::kIo, "the server has no memory left", "look at the server"},
    {"53300", ErrorKind::kLocked, "the server has no connection left",
     "end others, or raise its max_connections"},
    {"53", ErrorKind::kFull, "", "look at the server"},
    {"54", ErrorKind::kLimit, "", "one value is larger than the server takes"},
    {"55P03", ErrorKind::kLocked, "another session has kept a row locked for ten seconds",
     "end that session (pg_locks names it), then try again"},
    {"57P03", ErrorKind::kIo, "the server does not take connections yet, or no more",
     "wait until it is up"},
    {"57P", ErrorKind::kIo, "the server ended the connection", "wait until it is up"},
    {"25P03", ErrorKind::kLocked, "this process stood still for longer than its lease",
     "try again"},
    {"40", ErrorKind::kLocked, "other sessions were in the way, again and again", "try again"},
    {"XX001", ErrorKind::kCorrupt, "", "look at the server's log; restore it from a backup"},
    {"XX002", ErrorKind::kCorrupt, "", "look at the server's log; rebuild the index that it names"},
    {"58", ErrorKind::kIo, "", "look at the server's log"},
    {"0A000", ErrorKind::kUnsupported, "", "use PostgreSQL 12 or a newer one"},
    {"22", ErrorKind::kInvalid, "", "a value is not one that the server takes"},
};

// For servers that speak English and a libpq that was not asked for the SQLSTATE.
constexpr std::pair<std::string_view, std::string_view> kWords[] = {
    {"password authentication failed", "28P01"},
    {"no password supplied", "28P01"},
    {"authentication failed", "28000"},
    {"no pg_hba.conf entry", "28000"},
    {"role \"", "28000"},
    {"database \"", "3D000"},
    {"is starting up", "57P03"},
    {"is shutting down", "57P03"},
    {"not accepting connections", "57P03"},
    {"not yet accepting connections", "57P03"},
    {"too many clients", "53300"},
    {"remaining connection slots", "53300"},
    {"session is read-only", "25006"},
    {"server is in hot standby mode", "25006"},
    {"too many connections", "53300"}};

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) line += c == '\n' || c == '\t' ? ' ' : c;
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace

bool ends_session(std::string_view state) {
  return state.starts_with("57P") || state.starts_with("08") || state == "25P03";
}

bool Failure::is_transient() const { return !lost && (state == "40001" || state == "40P01"); }

Error translate(std::string_view place, std::string_view doing, const Failure& failure) {
  const auto say = [&](ErrorKind kind, std::string_view what, std::string_view cure) {
    return Error{kind, fmt::format("store {}: can't {}: {}", place, doing, what),
                 std::string(cure)};
  };
  const std::string detail = one_line(failure.detail);
  if (!failure.state.empty() && failure.state.substr(0, 2) != "08") {
    for (const Meaning& meaning : kMeanings)
      if (failure.state.starts_with(meaning.state))
        return say(meaning.kind,
                   meaning.what.empty() ? detail : fmt::format("{} ({})", meaning.what, detail),
                   meaning.cure);
    if (!failure.lost)
      return say(ErrorKind::kIo, fmt::format("{} (SQLSTATE {})", detail, failure.state),
                 "look at the server's log");
  }
  return say(ErrorKind::kIo, detail.empty() ? "the connection to the server was lost" : detail,
             "check that the server runs and can be reached");
}

std::string state_in(std::string_view message) {
  // "FATAL:  28P01: password authentication failed", as PQERRORS_VERBOSE has it.
  for (size_t at = message.find(":  "); at != std::string_view::npos;
       at = message.find(":  ", at + 1)) {
    const std::string_view state = message.substr(at + 3, 5);
    const auto fits = [](unsigned char c) { return std::isdigit(c) != 0 || std::isupper(c) != 0; };
    if (state.size() == 5 && std::all_of(state.begin(), state.end(), fits) &&
        message.substr(at + 8, 2) == ": ")
      return std::string(state);
  }
  for (const auto& [words, state] : kWords)
    if (message.find(words) != std::string_view::npos) return std::string(state);
  return {};
}

}  // namespace rbk::engine::postgres
