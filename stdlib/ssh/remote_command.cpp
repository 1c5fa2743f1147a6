#include "stdlib/ssh/remote_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/hash.h"

namespace rbk::stdlib {

namespace {

constexpr int64_t kSecond = 1'000'000;

// For any login shell: a word in single quotes without a quote, a newline, a `!` or a doubled
// backslash in it is the same in sh, bash, zsh, ksh, csh and fish. `read` takes no byte too many
// from what is no file, so that the command's input is left.
constexpr std::string_view kReader =
    R"sh(exec /bin/sh -c 'n=$(printf "\n_"); n=${{n%_}}; s=; while IFS= read -r l; do case $l in "{} end") eval "$s"; exit;; esac; s=$s$l$n; done')sh";

// Hands on the command's input, and then waits for the end of ours: we are gone, or want it to end.
// $1: bytes of input, $2: seconds of grace, $3: the process group, $4: the server's process. While
// input is left that the command does not read, nothing else is seen: then it is asked after the
// server.
constexpr std::string_view kFeeder = R"sh(trap "" TERM PIPE
p=
if [ "$1" -gt 0 ]; then
  if kill -0 "$4"; then
    ( while kill -0 "$4"; do sleep 2; done; kill -TERM "-$3"; sleep "$2"; kill -KILL "-$3" ) </dev/null >/dev/null 3<&- 4>&- &
    p=$!
  fi
  echo "$$ $p"
  if [ "$(printf ab | head -c 1)" = a ]; then head -c "$1" <&3; else dd bs=1 count="$1" <&3; fi
else
  echo "$$"
fi
exec >&-
while read -r l <&3; do :; done
kill -TERM "-$3"
i=0
while [ "$i" -lt "$2" ]; do sleep 1; i=$((i + 1)); done
kill -KILL "-$3")sh";

// Its marks: mark, feeder, bytes of input, seconds of grace, what the command's process does first,
// command. The server has given us a session, and with it a process group: all of it is ended.
constexpr std::string_view kScript = R"sh(t={0}
if ! kill -0 "-$$" 2>/dev/null; then
  printf '\n%s not-started %s\n' "$t" 'the server there gives commands no process group of their own, by which they could be ended' >&2
  exit 0
fi
printf '%s\n' "$t"
printf '\n%s began\n' "$t" >&2
exec 3<&0 4>&2 2>/dev/null
trap : TERM
/bin/sh -c {1} feeder {2} {3} $$ $PPID </dev/null | (
  exec 3<&-
  x=
  trap 'x=1' TERM
  read -r f p
  (
    trap - TERM
    exec 2>&4
{4}
    exec /bin/sh -ec {5} 4>&-
  )
  s=$?
  printf '\n%s ended %s\n' "$t" "$s" >&4
  if [ -n "$x" ]; then sleep 1; kill -KILL "-$$"; fi
  kill -KILL "$f" $p
)
exit 0
{0} end
)sh";

std::string in_quotes(std::string_view text) {
  std::string made = "'";
  for (const char c : text) {
    if (c == '\'')
      made += R"('\'')";
    else
      made += c;
  }
  return made + "'";
}

bool is_variable(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

/// A path in the value of an option.
std::string option_path(std::string_view path) {
  std::string made = "\"";
  for (const char c : path) {
    if (c == '"' || c == '\\') made += '\\';
    if (c == '%') made += '%';
    made += c;
  }
  return made + "\"";
}

constexpr std::array<std::string_view, 14> kOwnOptions = {
    "batchmode",     "localcommand",       "permitlocalcommand", "remotecommand",
    "controlmaster", "controlpath",        "controlpersist",     "requesttty",
    "escapechar",    "sessiontype",        "stdinnull",          "forkafterauthentication",
    "loglevel",      "clearallforwardings"};

}  // namespace

bool is_own_ssh_option(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return std::find(kOwnOptions.begin(), kOwnOptions.end(), lower) != kOwnOptions.end();
}

std::string remote_mark(std::string_view attempt_key) {
  return "rbk-" + to_hex(sha256(fmt::format("on host {}", attempt_key))).substr(0, 32);
}

std::string connected_sign(std::string_view mark) { return fmt::format("{} connected", mark); }

std::vector<std::string> ssh_arguments(const SshHost& host, const SshSettings& settings,
                                       std::string_view mark) {
  std::vector<std::string> words;
  const auto option = [&](std::string_view name, std::string_view value) {
    words.insert(words.end(), {"-o", fmt::format("{}={}", name, value)});
  };
  if (!settings.config.empty()) words.insert(words.end(), {"-F", settings.config});
  // Of several values for one option ssh takes the first. Those that it may not know yet come first
  // of all.
  option("IgnoreUnknown", "SessionType,StdinNull,ForkAfterAuthentication");
  option("BatchMode", "yes");
  option("PermitLocalCommand", "yes");
  option("LocalCommand", fmt::format("{{ echo; echo {}; }} >&2", connected_sign(mark)));
  option("RemoteCommand", "none");
  option("ControlMaster", "no");
  option("ControlPath", "none");
  option("ControlPersist", "no");
  option("RequestTTY", "no");
  option("EscapeChar", "none");
  option("SessionType", "default");
  option("StdinNull", "no");
  option("ForkAfterAuthentication", "no");
  option("LogLevel", "INFO");
  option("ClearAllForwardings", "yes");
  if (!settings.known_hosts.empty())
    option("UserKnownHostsFile", option_path(settings.known_hosts));
  if (!settings.identity.empty()) {
    option("IdentityFile", option_path(settings.identity));
    option("IdentitiesOnly", "yes");
  }
  for (const auto& [name, value] : settings.options) option(name, value);
  option("ConnectTimeout", "20");
  option("ServerAliveInterval", "15");
  option("ServerAliveCountMax", "4");
  const std::string& user = host.user.empty() ? settings.user : host.user;
  if (!user.empty()) words.insert(words.end(), {"-l", user});
  if (!host.port.empty()) words.insert(words.end(), {"-p", host.port});
  words.insert(words.end(), {"--", host.name, fmt::format(fmt::runtime(kReader), mark)});
  return words;
}

Result<std::string> remote_input(const RemoteCommand& command, std::string_view mark) {
  std::string first;
  if (!command.folder.empty()) {
    first += fmt::format(
        "    cd -- {} || {{ printf '\\n%s not-started %s\\n' \"$t\" 'its folder is not there' >&2; "
        "exit 1; }}\n",
        in_quotes(command.folder));
  }
  for (const auto& [name, value] : command.variables) {
    if (!is_variable(name))
      return fail(ErrorKind::kInvalid,
                  fmt::format("`{}` can't be a variable of the environment on another host; "
                              "nothing was run",
                              name),
                  "letters, digits and _ are expected, no digit first");
    first += fmt::format("    export {}={}\n", name, in_quotes(value));
  }
  if (first.empty()) first = "    :\n";
  first.pop_back();
  const int64_t grace = (std::max<int64_t>(command.grace, 0) + kSecond - 1) / kSecond;
  return fmt::format(fmt::runtime(kScript), mark, in_quotes(kFeeder), command.input.size(), grace,
                     first, in_quotes(command.text)) +
         command.input;
}

}  // namespace rbk::stdlib
