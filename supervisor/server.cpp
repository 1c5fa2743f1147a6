#include "supervisor/server.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace rbk::supervisor {

Result<std::unique_ptr<Server>> Server::make(Folder folder, Descriptor listener) {
  std::unique_ptr<Server> server(new Server(std::move(folder)));
  server->listener_ = std::move(listener);
  server->files_of_commands_ = raise_file_limit();
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  server->children_ = Descriptor(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  auto loop = EventLoop::make();
  if (!loop) return tl::unexpected<Error>(loop.error());
  server->loop_ = std::move(*loop);
  if (!server->children_) {
    return fail(ErrorKind::kLimit, fmt::format("no signalfd: {}", std::strerror(errno)));
  }
  return server;
}

void Server::run(int64_t patience) {
  patience_ = patience;
  loop_->watch(listener_.get(), EPOLLIN, [this](uint32_t) { accept_one(); });
  loop_->watch(children_.get(), EPOLLIN, [this](uint32_t) { reap(); });
  consider_leaving();
  loop_->run();
}

bool Server::accept_one() {
  Descriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) return false;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      peer.uid != geteuid()) {
    return true;  // the folder keeps others out; this is the second bolt
  }
  const uint64_t id = next_engine_++;
  Engine& engine = engines_[id];
  engine.session = std::make_unique<Session>(
      *loop_, std::move(socket), [this, id](Message message) { handle(id, std::move(message)); },
      [this, id] {
        engines_.erase(id);
        forget_finished();
        consider_leaving();
      });
  consider_leaving();
  return true;
}

void Server::reap() {
  signalfd_siginfo info{};
  while (read(children_.get(), &info, sizeof info) > 0) {
  }
  int status = 0;
  pid_t process = 0;
  while ((process = waitpid(-1, &status, WNOHANG)) > 0) {
    const auto found = by_process_.find(process);
    if (found == by_process_.end()) continue;  // one that a command left behind
    const auto command = found->second.lock();
    by_process_.erase(found);
    if (command) command->reaped(status);
  }
  // Only now does nobody but the table hold those that ended: an engine that is gone gives no
  // further occasion.
  forget_finished();
  consider_leaving();
}

void Server::handle(EventLoop::Id id, Message message) {
  const auto found = engines_.find(id);
  if (found == engines_.end()) return;
  Engine& engine = found->second;
  if (const auto* hello = std::get_if<Hello>(&message)) {
    engine.session->send(Hello{kProtocolVersion, static_cast<uint64_t>(getpid())});
    engine.greeted = hello->version == kProtocolVersion;
  }
  if (!engine.greeted) {
    engine.session->refuse(
        fmt::format("the supervisor of '{}' (process {}) speaks version {} of the protocol; it "
                    "goes when the commands of the rbk that started it are done",
                    folder_.store(), getpid(), kProtocolVersion));
    return;
  }
  if (auto* start_message = std::get_if<Start>(&message)) {
    start(engine, std::move(*start_message));
  } else if (const auto* attach_message = std::get_if<Attach>(&message)) {
    attach(engine, *attach_message);
  } else if (const auto* stop = std::get_if<Stop>(&message)) {
    const auto command = commands_.find(stop->key);
    if (command == commands_.end()) return;  // its end is on its way
    const std::shared_ptr<Command> kept = command->second;
    kept->stop();
  } else if (const auto* done = std::get_if<Acknowledge>(&message)) {
    acknowledge(done->key);
  }
}

std::shared_ptr<Command> Server::make_command(Spool spool) {
  const std::string key = spool.key();
  auto command = std::make_shared<Command>(*loop_, std::move(spool), [this] { news(); });
  commands_[key] = command;
  return command;
}

void Server::start(Engine& engine, Start message) {
  if (message.words.empty() || message.directory.empty()) {
    engine.session->send(
        Ended{message.key, {Ending::Cause::kNotStarted, 0, "a command without words or folder"}});
    return;
  }
  if (const auto known = commands_.find(message.key);
      known != commands_.end() && !Spool::open(folder_, message.key)) {
    // Somebody has removed its spool, so that whoever looked took it for never started.
    engine.session->send(Started{message.key});
    engine.session->attach(known->second, Cursor{});
    return;
  }
  auto spool = Spool::create(folder_, message.key, message.fence, &spares_);
  if (!spool) {
    std::string text = spool.error().message;
    if (!spool.error().cure.empty()) text += "; " + spool.error().cure;
    const bool started = spool.error().kind == ErrorKind::kExists;
    engine.session->send(Ended{
        message.key,
        {started ? Ending::Cause::kNotStarted : Ending::Cause::kTrouble, 0, std::move(text)}});
    return;
  }
  engine.session->send(Started{message.key});
  const auto command = make_command(std::move(*spool));
  engine.session->attach(command, Cursor{});
  command->begin(std::move(message), files_of_commands_);
  if (!command->ended()) by_process_[command->process()] = command;
}

void Server::attach(Engine& engine, const Attach& message) {
  const auto found = commands_.find(message.key);
  if (found != commands_.end()) {
    engine.session->attach(found->second, message.from);
    return;
  }
  auto spool = Spool::open(folder_, message.key);
  if (!spool) {
    const bool never = spool.error().kind == ErrorKind::kRefused;
    engine.session->send(Ended{
        message.key,
        {never ? Ending::Cause::kNotStarted : Ending::Cause::kLost, 0, spool.error().message}});
    return;
  }
  const auto command = make_command(std::move(*spool));
  engine.session->attach(command, message.from);
  if (!command->ended()) command->abandon();
}

void Server::acknowledge(const std::string& key) {
  const auto found = commands_.find(key);
  if (found != commands_.end()) {
    if (!found->second->ended()) return;
    found->second->acknowledged();
    Spool::remove(folder_, key);  // another engine may be reading it still
  } else {
    Spool::retire(folder_, key, spares_);
  }
  forget_finished();
}

void Server::news() {
  for (auto& [id, engine] : engines_) engine.session->pump();
  forget_finished();
  consider_leaving();
}

void Server::forget_finished() {
  std::erase_if(commands_, [](const auto& entry) {
    const Command& command = *entry.second;
    // One whose end could not be written is all that knows of it.
    return entry.second.use_count() == 1 && command.ended() && command.settled() &&
           !command.drains();
  });
}

void Server::consider_leaving() {
  loop_->cancel(leave_timer_);
  if (!engines_.empty() || !commands_.empty()) return;
  leave_timer_ = loop_->at(EventLoop::now() + patience_, [this] {
    if (accept_one()) return;
    folder_.remove_socket();
    loop_->stop();
  });
}

}  // namespace rbk::supervisor
