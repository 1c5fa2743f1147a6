#include "supervisor/client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "supervisor/event_loop.h"
#include "supervisor/folder.h"
#include "supervisor/reach.h"
#include "supervisor/spool.h"

namespace rbk::supervisor {

namespace {

constexpr int64_t kIdle = 5'000'000;
constexpr auto kConnectAgain = std::chrono::milliseconds(500);
// A command is handed to a new supervisor so often when one after another dies of it.
constexpr int kMostTries = 3;

size_t size_of(const Start& start) {
  size_t size = 1024 + start.key.size() + start.directory.size() + start.input.size();
  for (const std::string& word : start.words) size += word.size() + sizeof(uint32_t);
  for (const std::string& entry : start.environment) size += entry.size() + sizeof(uint32_t);
  return size;
}

std::string text_of(const Error& error) {
  return error.cure.empty() ? error.message : fmt::format("{}; {}", error.message, error.cure);
}

}  // namespace

class Client::Core {
 public:
  explicit Core(Options options) : options_(std::move(options)) {}
  ~Core() {
    {
      const std::lock_guard lock(patience_mutex_);
      leaving_ = true;
    }
    patience_.notify_all();
    if (connector_.joinable()) connector_.join();
  }

  void start(Start start, std::shared_ptr<Listener> listener);
  void stop(const std::string& key);
  Found recover(const std::string& key, uint64_t fence, bool same_boot,
                std::shared_ptr<Listener> listener);
  void acknowledge(const std::string& key);
  int descriptor() const { return loop_ ? loop_->descriptor() : -1; }
  void turn() {
    if (loop_) loop_->turn();
  }

 private:
  struct Job {
    std::shared_ptr<Listener> listener;
    std::optional<Start> to_start;  // until the supervisor says that it is started
    Cursor at;
    bool sent = false;  // on the connection that is open now
    bool stop = false;
    bool waits = false;  // for a supervisor that does not answer, as its listener was told
    int tries = 0;
  };

  Status prepare();
  void send_job(const std::string& key, Job& job);
  void write_out();
  void request_connection();
  void connect();  // the connector's thread
  bool wait_to_try_again();
  void connected(Result<Descriptor> socket);
  void ready(uint32_t events);
  void receive();
  void handle(Message message);
  void finish(const std::string& key, const Ending& ending);
  void disconnected();
  void lose_connection();
  bool rescue(const std::string& key, Job& job);
  void tell_waiting(const Error& error);
  void fail_all(const Error& error);
  void consider_idle();

  const Options options_;
  std::optional<Folder> folder_;
  std::unique_ptr<EventLoop> loop_;
  std::map<std::string, Job> jobs_;
  Descriptor socket_;
  std::string in_;
  std::string out_;
  bool wants_out_ = false;
  EventLoop::Id watch_ = 0;
  EventLoop::Id idle_timer_ = 0;

  // Reaching a supervisor may take seconds: a thread does it. It uses `folder_` and `options_`,
  // which stay as they are, and posts what it comes to.
  bool connecting_ = false;
  std::thread connector_;
  std::mutex patience_mutex_;
  std::condition_variable patience_;
  bool leaving_ = false;
};

Status Client::Core::prepare() {
  if (!folder_) {
    auto folder = Folder::open(options_.store);
    if (!folder) return tl::unexpected<Error>(folder.error());
    folder_ = std::move(*folder);
  }
  if (!loop_) {
    auto loop = EventLoop::make();
    if (!loop) return tl::unexpected<Error>(loop.error());
    loop_ = std::move(*loop);
  }
  return {};
}

void Client::Core::start(Start start, std::shared_ptr<Listener> listener) {
  const Status prepared = prepare();
  const char* const refused = jobs_.contains(start.key) ? "the attempt runs already"
                              : size_of(start) > kLargestFrame
                                  ? "its command, environment and input "
                                    "are larger than 24 MiB together"
                                  : nullptr;
  if (!prepared || refused != nullptr) {
    if (prepared) {
      listener->ended({Ending::Cause::kNotStarted, 0, refused});
    } else {
      listener->ended({Ending::Cause::kTrouble, 0, text_of(prepared.error())});
    }
    return;
  }
  const std::string key = start.key;
  Job& job = jobs_[key];
  job.listener = std::move(listener);
  job.to_start = std::move(start);
  if (socket_) {
    send_job(key, job);
    write_out();
  } else {
    request_connection();
  }
}

void Client::Core::stop(const std::string& key) {
  const auto job = jobs_.find(key);
  if (job == jobs_.end() || job->second.stop) return;
  job->second.stop = true;
  if (!job->second.sent) return;
  append_frame(out_, Stop{key});
  write_out();
}

Found Client::Core::recover(const std::string& key, uint64_t fence, bool same_boot,
                            std::shared_ptr<Listener> listener) {
  if (!prepare() || jobs_.contains(key)) return Found::kUnknown;
  if (!same_boot && !Spool::exists(*folder_, key)) return Found::kUnknown;
  const auto is_void = Spool::find_or_void(*folder_, key, fence);
  if (!is_void) return Found::kUnknown;
  if (*is_void) return Found::kNeverStarted;
  Job& job = jobs_[key];
  job.listener = std::move(listener);
  if (socket_) {
    send_job(key, job);
    write_out();
  } else {
    request_connection();
  }
  return Found::kFound;
}

void Client::Core::acknowledge(const std::string& key) {
  if (!prepare()) return;
  if (socket_) {
    append_frame(out_, Acknowledge{key});
    write_out();
  } else {
    Spool::remove(*folder_, key);
  }
}

void Client::Core::send_job(const std::string& key, Job& job) {
  if (job.to_start) {
    append_frame(out_, *job.to_start);
  } else {
    append_frame(out_, Attach{key, job.at});
  }
  if (job.stop) append_frame(out_, Stop{key});
  job.sent = true;
  job.waits = false;
}

void Client::Core::write_out() {
  size_t sent = 0;
  while (sent < out_.size()) {
    const ssize_t length =
        send(socket_.get(), out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) {
      if (errno != EAGAIN)
        shutdown(socket_.get(), SHUT_RDWR);  // the loop hears of it, and connects again
      break;
    }
    sent += static_cast<size_t>(length);
  }
  out_.erase(0, sent);
  const bool wants_out = !out_.empty();
  if (wants_out == wants_out_) return;
  wants_out_ = wants_out;
  loop_->change(watch_, wants_out ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Client::Core::request_connection() {
  if (connecting_) return;
  connecting_ = true;
  if (connector_.joinable()) connector_.join();  // the last one's work is done
  connector_ = std::thread([this] { connect(); });
}

void Client::Core::connect() {
  while (true) {
    const auto reached =
        std::make_shared<Result<Descriptor>>(reach_supervisor(*folder_, options_.program));
    const bool silent = !*reached && reached->error().kind == ErrorKind::kLocked;
    if (!silent) {
      loop_->post([this, reached] { connected(std::move(*reached)); });
      return;
    }
    // Its commands may be alive: whoever took them for dead could do twice what they do.
    loop_->post([this, reached] { tell_waiting(reached->error()); });
    if (!wait_to_try_again()) return;
  }
}

bool Client::Core::wait_to_try_again() {
  std::unique_lock lock(patience_mutex_);
  return !patience_.wait_for(lock, kConnectAgain, [this] { return leaving_; });
}

void Client::Core::connected(Result<Descriptor> socket) {
  connecting_ = false;
  if (!socket) {
    fail_all(socket.error());
    return;
  }
  socket_ = std::move(*socket);
  in_.clear();
  out_.clear();
  wants_out_ = false;
  watch_ = loop_->watch(socket_.get(), EPOLLIN, [this](uint32_t events) { ready(events); });
  for (auto& [key, job] : jobs_) send_job(key, job);
  write_out();
}

/// Once for each time that a command has to wait.
void Client::Core::tell_waiting(const Error& error) {
  std::vector<std::shared_ptr<Listener>> listeners;
  for (auto& [key, job] : jobs_) {
    if (!std::exchange(job.waits, true)) listeners.push_back(job.listener);
  }
  for (const auto& listener : listeners) listener->waits(error);
}

void Client::Core::fail_all(const Error& error) {
  std::map<std::string, Job> failed;
  failed.swap(jobs_);
  const std::string text = text_of(error);
  for (auto& [key, job] : failed) {
    // What is to be started was not handed to any supervisor, or to none that began it.
    const auto cause = job.to_start ? Ending::Cause::kTrouble : Ending::Cause::kLost;
    job.listener->ended({cause, 0, text});
  }
}

void Client::Core::ready(uint32_t events) {
  if ((events & EPOLLOUT) != 0) write_out();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive();
}

void Client::Core::receive() {
  std::array<char, 64U << 10> buffer;
  const ssize_t length = recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length <= 0) {
    disconnected();
    return;
  }
  in_.append(buffer.data(), static_cast<size_t>(length));
  size_t used = 0;
  while (true) {
    auto decoded = decode_frame(std::string_view(in_).substr(used));
    if (!decoded) {
      disconnected();
      return;
    }
    if (!*decoded) break;
    used += (*decoded)->size;
    handle(std::move((*decoded)->message));
  }
  in_.erase(0, used);
}

void Client::Core::handle(Message message) {
  const auto listener_of = [this](const std::string& key, Cursor at) {
    const auto job = jobs_.find(key);
    if (job == jobs_.end()) return std::shared_ptr<Listener>();
    job->second.at = at;
    job->second.tries = 0;
    return job->second.listener;
  };
  if (const auto* output = std::get_if<Output>(&message)) {
    if (const auto listener = listener_of(output->key, output->after)) {
      listener->output(output->stream, output->bytes);
    }
  } else if (const auto* dropped = std::get_if<Dropped>(&message)) {
    if (const auto listener = listener_of(dropped->key, dropped->after)) {
      listener->dropped(dropped->bytes, dropped->no_space);
    }
  } else if (const auto* started = std::get_if<Started>(&message)) {
    const auto job = jobs_.find(started->key);
    if (job != jobs_.end()) job->second.to_start.reset();
  } else if (const auto* ended = std::get_if<Ended>(&message)) {
    finish(ended->key, ended->ending);
  }
}

void Client::Core::finish(const std::string& key, const Ending& ending) {
  const auto job = jobs_.find(key);
  if (job == jobs_.end()) return;
  const std::shared_ptr<Listener> listener = std::move(job->second.listener);
  jobs_.erase(job);
  listener->ended(ending);
  consider_idle();
}

void Client::Core::lose_connection() {
  loop_->forget(watch_);
  socket_.close();
  out_.clear();
  wants_out_ = false;
  for (auto& [key, job] : jobs_) job.sent = false;
}

// The supervisor died. What it was told to start and did not confirm may have been started: its
// spool decides. False if no further supervisor should try.
bool Client::Core::rescue(const std::string& key, Job& job) {
  if (job.to_start) {
    const auto is_void = Spool::find_or_void(*folder_, key, job.to_start->fence);
    if (!is_void || !*is_void) job.to_start.reset();  // to be attached to
  }
  return ++job.tries < kMostTries;
}

void Client::Core::disconnected() {
  lose_connection();
  std::vector<Job> given_up;
  for (auto job = jobs_.begin(); job != jobs_.end();) {
    if (rescue(job->first, job->second)) {
      ++job;
    } else {
      given_up.push_back(std::move(job->second));
      job = jobs_.erase(job);
    }
  }
  if (!jobs_.empty()) request_connection();
  for (const Job& job : given_up) {
    job.listener->ended({job.to_start ? Ending::Cause::kTrouble : Ending::Cause::kLost, 0,
                         fmt::format("{} supervisors died one after another", kMostTries)});
  }
}

void Client::Core::consider_idle() {
  loop_->cancel(idle_timer_);
  idle_timer_ = loop_->at(EventLoop::now() + kIdle, [this] {
    if (socket_ && jobs_.empty() && out_.empty()) lose_connection();
  });
}

Client::Client(Options options) : core_(std::make_unique<Core>(std::move(options))) {}
Client::~Client() = default;
void Client::start(Start start, std::shared_ptr<Listener> listener) {
  core_->start(std::move(start), std::move(listener));
}
void Client::stop(const std::string& key) { core_->stop(key); }
Found Client::recover(const std::string& key, uint64_t fence, bool same_boot,
                      std::shared_ptr<Listener> listener) {
  return core_->recover(key, fence, same_boot, std::move(listener));
}
void Client::acknowledge(const std::string& key) { core_->acknowledge(key); }
int Client::descriptor() const { return core_->descriptor(); }
void Client::turn() { core_->turn(); }

}  // namespace rbk::supervisor
