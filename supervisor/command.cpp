#include "supervisor/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/boot.h"

namespace rbk::supervisor {

namespace {

constexpr int64_t kMillisecond = 1000;
constexpr int64_t kFirstPause = 2 * kMillisecond;
constexpr int64_t kLongestPause = 50 * kMillisecond;
// How long after SIGKILL a process may hang in the kernel before its attempt ends without it.
constexpr int64_t kKillPatience = 10'000 * kMillisecond;

}  // namespace

Command::Command(EventLoop& loop, Spool spool, std::function<void()> news)
    : loop_(loop), spool_(std::move(spool)), news_(std::move(news)), settled_(spool_.ending()) {}

Command::~Command() {
  loop_.cancel(timer_);
  close_source(out_);
  close_source(err_);
  close_input();
}

void Command::begin(Start start, const rlimit& files) {
  auto child = start_process(start, spool_.mark(), files);
  if (!child) {
    std::string text = child.error().message;
    if (!child.error().cure.empty()) text += "; " + child.error().cure;
    end({Ending::Cause::kNotStarted, 0, std::move(text)});
    return;
  }
  (void)spool_.record_process(child->identity);  // a full disk: it is in memory as well
  if (const auto masks = std::make_shared<const Masks>(start.secrets); !masks->empty()) {
    out_.masking.emplace(masks);
    err_.masking.emplace(masks);
  }
  open_source(out_, std::move(child->out), Stream::kOut);
  open_source(err_, std::move(child->err), Stream::kErr);
  if (child->in) {
    input_ = std::move(start.input);
    ends_by_input_ = std::move(start.ends_by_input);
    input_pipe_ = std::move(child->in);
    writes_input_ = true;
    input_watch_ = loop_.watch(input_pipe_.get(), EPOLLOUT, [this](uint32_t) { write_input(); });
  }
  grace_ = std::max<int64_t>(start.grace, 0);
  if (start.deadline >= 0) {
    timer_ =
        loop_.at(EventLoop::now() + start.deadline, [this] { stop_for(Ending::Cause::kDeadline); });
  }
}

void Command::abandon() {
  status_ = 0;
  grace_ = 0;
  if (spool_.boot() != boot_identity()) {  // the processes of another life are gone with it
    end({Ending::Cause::kLost, 0, "the host was started anew while the command ran"});
    return;
  }
  stop_for(Ending::Cause::kLost);
}

void Command::stop() { stop_for(Ending::Cause::kStopped); }

void Command::stop_for(Ending::Cause cause) {
  if (ended() || stopping_) return;
  stopping_ = cause;
  kill_at_ = EventLoop::now() + grace_;
  give_up_at_ = kill_at_ + kKillPatience;
  pause_ = kFirstPause;
  if (grace_ > 0) ask_to_end();
  settle();
}

void Command::reaped(int status) {
  status_ = status;
  if (stopping_) {
    settle();
  } else {
    end(ending_of(status));
  }
}

void Command::ask_to_end() {
  if (input_ends_it_ && input_pipe_)
    close_input();
  else
    signal_members(SIGTERM);
}

void Command::signal_members(int signal) {
  const ProcessIdentity leader = spool_.process().value_or(ProcessIdentity{});
  for (const pid_t member : living_members(leader, spool_.mark())) {
    kill(member, signal);
    if (signal == SIGTERM) kill(member, SIGCONT);  // a stopped one could not end by itself
  }
}

// While the attempt is being stopped: looks again and again whether anything of it lives, and kills
// once the grace time is over. It ends when nothing is left.
void Command::settle() {
  if (ended()) return;
  loop_.cancel(timer_);
  const int64_t now = EventLoop::now();
  if (now >= kill_at_) signal_members(SIGKILL);
  const ProcessIdentity leader = spool_.process().value_or(ProcessIdentity{});
  const bool alive = !living_members(leader, spool_.mark()).empty();
  const bool hopeless = now >= give_up_at_;
  if ((status_ && !alive) || hopeless) {
    Ending ending{*stopping_, status_.value_or(0), {}};
    if (hopeless && alive) ending.text = "some of its processes could not be killed";
    if (*stopping_ == Ending::Cause::kLost) {
      ending.text = "the process that watched the command ended before it";
    }
    end(std::move(ending));
    return;
  }
  const int64_t next = std::min(now + pause_, now < kill_at_ ? kill_at_ : now + kFirstPause * 5);
  pause_ = std::min(pause_ * 2, kLongestPause);
  timer_ = loop_.at(next, [this] { settle(); });
}

void Command::end(Ending ending) {
  loop_.cancel(timer_);
  // What was written before the end is still in the pipes, at most what a pipe holds.
  for (auto* const source : {&out_, &err_}) {
    if (!source->pipe) continue;
    const int capacity = fcntl(source->pipe.get(), F_GETPIPE_SZ);
    const Stream stream = source == &out_ ? Stream::kOut : Stream::kErr;
    for (int read = 0; read < capacity && read_source(*source, stream); read += 4096) {
    }
  }
  give_rest(out_, Stream::kOut);
  give_rest(err_, Stream::kErr);
  close_input();
  settled_ = spool_.record_ending(ending).has_value();
  tell();
}

void Command::tell() {
  const auto news = news_;  // it may destroy this command, and with it its own closure
  news();
}

Ending Command::ending_of(int status) const {
  if (WIFSIGNALED(status)) return {Ending::Cause::kSignalled, WTERMSIG(status), {}};
  return {Ending::Cause::kExited, WEXITSTATUS(status), {}};
}

void Command::open_source(Source& source, Descriptor pipe, Stream stream) {
  source.pipe = std::move(pipe);
  source.watch = loop_.watch(source.pipe.get(), EPOLLIN, [this, &source, stream](uint32_t) {
    read_source(source, stream);
    tell();
  });
}

void Command::close_source(Source& source) {
  if (!source.pipe) return;
  loop_.forget(source.watch);
  source.pipe.close();
}

bool Command::read_source(Source& source, Stream stream) {
  std::array<char, 64U << 10> buffer;
  const ssize_t length = read(source.pipe.get(), buffer.data(), buffer.size());
  if (length > 0) {
    const std::string_view bytes(buffer.data(), static_cast<size_t>(length));
    if (ended()) return true;
    if (stream == Stream::kErr) look_for_sign(bytes);
    if (!source.masking)
      spool_.append(stream, bytes);
    else if (const std::string given = source.masking->add(bytes); !given.empty())
      spool_.append(stream, given);
    return true;
  }
  if (length == 0 || (errno != EAGAIN && errno != EINTR)) close_source(source);
  return false;
}

/// From when on the end of its input ends the command.
void Command::look_for_sign(std::string_view bytes) {
  if (ends_by_input_.empty() || input_ends_it_) return;
  seen_ += bytes;
  input_ends_it_ = seen_.find(ends_by_input_) != std::string::npos;
  const size_t kept = ends_by_input_.size() - 1;
  if (seen_.size() > kept) seen_.erase(0, seen_.size() - kept);
}

/// What was held back, as it could have become a secret.
void Command::give_rest(Source& source, Stream stream) {
  if (!source.masking) return;
  if (const std::string given = source.masking->finish(); !given.empty())
    spool_.append(stream, given);
  source.masking.reset();
}

void Command::write_input() {
  const ssize_t written =
      write(input_pipe_.get(), input_.data() + input_written_, input_.size() - input_written_);
  if (written > 0) input_written_ += static_cast<size_t>(written);
  const bool refused = written < 0 && errno != EAGAIN && errno != EINTR;
  const bool is_whole = input_written_ == input_.size();
  if (refused || (is_whole && ends_by_input_.empty())) {
    close_input();
  } else if (is_whole) {
    stop_writing();
  }
}

void Command::stop_writing() {
  if (writes_input_) loop_.forget(input_watch_);
  writes_input_ = false;
  input_.clear();
  input_.shrink_to_fit();
}

void Command::close_input() {
  if (!input_pipe_) return;
  stop_writing();
  input_pipe_.close();
}

}  // namespace rbk::supervisor
