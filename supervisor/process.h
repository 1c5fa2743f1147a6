// Starting processes, telling them apart, and ending a whole tree of them.
#pragma once

#include <signal.h>
#include <sys/resource.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "supervisor/descriptor.h"
#include "supervisor/spool.h"
#include "supervisor/wire.h"

namespace rbk::supervisor {

struct ChildProcess {
  ProcessIdentity identity;
  Descriptor out;  // its standard output; does not block
  Descriptor err;
  Descriptor in;  // not open if the command's input is empty
};

/// What a supervisor ignores, and its commands do not: its terminal's end, an engine that has gone,
/// and a file that may not grow, which is as a full disk.
inline constexpr std::array kIgnoredSignals = {SIGHUP, SIGPIPE, SIGXFSZ};

/// Lets this process open as many files as it may: it holds some for each command. Returns the
/// limit as it was, which is the commands'.
rlimit raise_file_limit();

/// Runs start.words in a session of its own, with RUNBOOK_ATTEMPT=mark added to its environment and
/// `files` as its limit of open files. An error means that nothing runs.
Result<ChildProcess> start_process(const Start& start, const std::string& mark,
                                   const rlimit& files);

/// Clock ticks since boot, from /proc; 0 if no such process is there.
uint64_t start_time_of(pid_t process);

/// Everything that lives of what an attempt started, as far as the system can tell: the session,
/// the descendants, and what has left both but still carries the attempt's mark in its environment.
/// Zombies don't count. `leader` may be dead.
std::vector<pid_t> living_members(const ProcessIdentity& leader, std::string_view mark);

}  // namespace rbk::supervisor
