#include "supervisor/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <set>

namespace rbk::supervisor {

namespace {

constexpr std::string_view kAttemptVariable = "RUNBOOK_ATTEMPT=";

struct Pipe {
  Descriptor ours;
  Descriptor theirs;
};

Result<Pipe> make_pipe(bool we_read) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return fail(ErrorKind::kLimit, fmt::format("no pipe can be made: {}", std::strerror(errno)),
                "raise the limit of open files (ulimit -n), or run fewer commands at once");
  }
  Pipe made{Descriptor(ends[we_read ? 0 : 1]), Descriptor(ends[we_read ? 1 : 0])};
  fcntl(made.ours.get(), F_SETFL, O_NONBLOCK);
  return made;
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 2);
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  return pointers;
}

// What the child does between its birth and its program, with all its words ready: it borrows our
// memory, so that it may only call the system. posix_spawn asks for the disposition of every
// signal there is, and can set neither a mask of files nor a limit.
struct Plan {
  char* const* words;
  char* const* environment;
  const char* directory;
  int in;  // below 0: none
  int out;
  int err;
  mode_t file_mask;
  const rlimit* files;
};

// Returns only if it fails, with errno.
void become(const Plan& plan) {
  setsid();
  for (const int ignored : kIgnoredSignals) signal(ignored, SIG_DFL);
  const int in = plan.in < 0 ? open("/dev/null", O_RDONLY) : plan.in;
  if (in < 0 || dup2(in, STDIN_FILENO) < 0) return;
  if (plan.in < 0 && in != STDIN_FILENO) close(in);
  if (dup2(plan.out, STDOUT_FILENO) < 0 || dup2(plan.err, STDERR_FILENO) < 0) return;
  umask(plan.file_mask);
  if (setrlimit(RLIMIT_NOFILE, plan.files) != 0 || chdir(plan.directory) != 0) return;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(plan.words[0], plan.words, plan.environment);
}

// The child's number, or -1 and errno. We stand still until it runs its program.
pid_t spawn(const Plan& plan) {
  volatile int error = 0;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);  // a signal that is for us is not to run in the child
  const pid_t child = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): see Plan
  if (child == 0) {
    become(plan);
    error = errno;
    _exit(127);
  }
  const int fork_error = errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) {
    errno = fork_error;
    return -1;
  }
  if (error == 0) return child;
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  errno = error;
  return -1;
}

std::string spawn_failure(const Start& start, int error) {
  struct stat facts {};
  if (stat(start.directory.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) {
    return fmt::format("the folder '{}' to run it in is not there", start.directory);
  }
  if (error == E2BIG) {
    return fmt::format(
        "'{}' can't be run: its arguments and environment are longer than the "
        "system allows; hand long text over as its input or in a file",
        start.words[0]);
  }
  return fmt::format("'{}' can't be run in '{}': {}", start.words[0], start.directory,
                     std::strerror(error));
}

struct Stat {
  pid_t parent = 0;
  pid_t session = 0;
  char state = 0;
  uint64_t start_time = 0;
};

std::string read_small(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[4096];
  ssize_t length = 0;
  while (file && (length = read(file.get(), buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<size_t>(length));
  }
  return text;
}

std::optional<Stat> stat_of(pid_t process) {
  const std::string text = read_small(fmt::format("/proc/{}/stat", process));
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= text.size()) return std::nullopt;
  Stat found;
  found.state = text[name_end + 2];
  // The fields after the state, by their numbers in proc(5): 4 parent, 6 session, 22 start time.
  const char* at = text.data() + name_end + 3;
  const char* const end = text.data() + text.size();
  for (int field = 4; field <= 22; ++field) {
    while (at < end && *at == ' ') ++at;
    int64_t value = 0;
    at = std::from_chars(at, end, value).ptr;
    if (field == 4) found.parent = static_cast<pid_t>(value);
    if (field == 6) found.session = static_cast<pid_t>(value);
    if (field == 22) found.start_time = static_cast<uint64_t>(value);
  }
  return found;
}

bool carries(pid_t process, std::string_view mark) {
  const std::string environment = read_small(fmt::format("/proc/{}/environ", process));
  const std::string wanted = fmt::format("{}{}", kAttemptVariable, mark);
  size_t at = 0;
  while (at < environment.size()) {
    const size_t end = std::min(environment.find('\0', at), environment.size());
    if (std::string_view(environment).substr(at, end - at) == wanted) return true;
    at = end + 1;
  }
  return false;
}

std::map<pid_t, Stat> all_processes() {
  std::map<pid_t, Stat> found;
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return found;
  while (const dirent* entry = readdir(folder)) {
    pid_t process = 0;
    const char* const end = entry->d_name + std::strlen(entry->d_name);
    if (std::from_chars(entry->d_name, end, process).ptr != end) continue;
    if (const auto facts = stat_of(process)) found.emplace(process, *facts);
  }
  closedir(folder);
  return found;
}

}  // namespace

rlimit raise_file_limit() {
  constexpr rlim_t kEnough = 65'536;
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit raised = before;
  raised.rlim_cur = std::max(before.rlim_cur, std::min(before.rlim_max, kEnough));
  setrlimit(RLIMIT_NOFILE, &raised);
  return before;
}

Result<ChildProcess> start_process(const Start& start, const std::string& mark,
                                   const rlimit& files) {
  auto out = make_pipe(true);
  if (!out) return tl::unexpected<Error>(out.error());
  auto err = make_pipe(true);
  if (!err) return tl::unexpected<Error>(err.error());
  Pipe in;
  if (!start.input.empty()) {
    auto made = make_pipe(false);
    if (!made) return tl::unexpected<Error>(made.error());
    in = std::move(*made);
  }
  std::string attempt = fmt::format("{}{}", kAttemptVariable, mark);
  std::vector<char*> words = pointers_to(start.words);
  std::vector<char*> environment = pointers_to(start.environment);
  std::erase_if(environment, [](const char* entry) {
    return std::string_view(entry).starts_with(kAttemptVariable);
  });
  environment.push_back(attempt.data());
  words.push_back(nullptr);
  environment.push_back(nullptr);

  ChildProcess child;
  child.identity.pid =
      spawn({words.data(), environment.data(), start.directory.c_str(), in.theirs.get(),
             out->theirs.get(), err->theirs.get(), start.file_mask, &files});
  if (child.identity.pid < 0) return fail(ErrorKind::kInvalid, spawn_failure(start, errno));
  child.identity.start_time = start_time_of(child.identity.pid);
  child.out = std::move(out->ours);
  child.err = std::move(err->ours);
  child.in = std::move(in.ours);
  return child;
}

uint64_t start_time_of(pid_t process) {
  const auto facts = stat_of(process);
  return facts ? facts->start_time : 0;
}

std::vector<pid_t> living_members(const ProcessIdentity& leader, std::string_view mark) {
  const std::map<pid_t, Stat> processes = all_processes();
  const auto there = processes.find(leader.pid);
  // A number that another process has got by now leads to strangers: then only the mark counts.
  const bool ours =
      leader.pid > 0 && (there == processes.end() || there->second.start_time == leader.start_time);
  std::set<pid_t> members;
  if (ours) {
    for (const auto& [process, facts] : processes) {
      if (process == leader.pid ||
          (facts.session == leader.pid && facts.start_time >= leader.start_time)) {
        members.insert(process);
      }
    }
  }
  for (const auto& [process, facts] : processes) {
    if (!members.contains(process) && facts.state != 'Z' && process != getpid() &&
        facts.start_time >= leader.start_time && carries(process, mark)) {
      members.insert(process);
    }
  }
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& [process, facts] : processes) {
      if (members.contains(facts.parent) && members.insert(process).second) grown = true;
    }
  }
  std::vector<pid_t> living;
  for (const pid_t process : members) {
    if (processes.at(process).state != 'Z') living.push_back(process);
  }
  return living;
}

}  // namespace rbk::supervisor
