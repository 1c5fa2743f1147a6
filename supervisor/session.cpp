#include "supervisor/session.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace rbk::supervisor {

namespace {

// Output beyond this waits in the spool.
constexpr size_t kMostUnsent = 256U << 10;

}  // namespace

Session::Session(EventLoop& loop, Descriptor socket, std::function<void(Message)> message,
                 std::function<void()> closed)
    : loop_(loop),
      socket_(std::move(socket)),
      message_(std::move(message)),
      closed_(std::move(closed)) {
  watch_ = loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t events) { ready(events); });
}

Session::~Session() {
  if (socket_) loop_.forget(watch_);
}

void Session::send(const Message& message) { append_frame(out_, message); }

void Session::attach(std::shared_ptr<Command> command, Cursor from) {
  attachments_.push_back({std::move(command), from});
}

void Session::refuse(const std::string& text) {
  send(Refused{text});
  refusing_ = true;
  attachments_.clear();
  pump();
}

void Session::ready(uint32_t events) {
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !receive()) {
    close();
    return;
  }
  pump();
}

bool Session::receive() {
  std::array<char, 64U << 10> buffer;
  const ssize_t length = recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (length == 0) return false;
  if (length < 0) return errno == EAGAIN || errno == EINTR;
  if (refusing_) return true;
  in_.append(buffer.data(), static_cast<size_t>(length));
  size_t used = 0;
  while (!refusing_) {
    auto decoded = decode_frame(std::string_view(in_).substr(used));
    if (!decoded) {
      refuse(decoded.error().message);
      break;
    }
    if (!*decoded) break;
    used += (*decoded)->size;
    message_(std::move((*decoded)->message));
  }
  in_.erase(0, used);
  if (in_.empty() && in_.capacity() > kMostUnsent) in_.shrink_to_fit();
  return true;
}

// Appends the next piece of the attachment's output or its end; false if there is nothing new.
bool Session::advance(Attachment& attachment) {
  const Spool& spool = attachment.command->spool();
  if (auto piece = spool.next(attachment.at)) {
    if (piece->stream) {
      send(Output{spool.key(), attachment.at, *piece->stream, std::move(piece->bytes)});
    } else {
      send(Dropped{spool.key(), attachment.at, piece->dropped, piece->no_space});
    }
    return true;
  }
  if (!attachment.command->ended()) return false;
  send(Ended{spool.key(), *spool.ending()});
  attachment.command.reset();
  return true;
}

bool Session::fill() {
  bool any = false;
  for (Attachment& attachment : attachments_) {
    if (out_.size() >= kMostUnsent) break;
    if (advance(attachment)) any = true;
  }
  std::erase_if(attachments_, [](const Attachment& one) { return one.command == nullptr; });
  return any;
}

bool Session::flush() {
  size_t sent = 0;
  while (sent < out_.size()) {
    const ssize_t length =
        ::send(socket_.get(), out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (length >= 0) {
      sent += static_cast<size_t>(length);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      return false;
    }
  }
  out_.erase(0, sent);
  return true;
}

void Session::pump() {
  if (!socket_) return;
  // What is left in `out_` after a flush is sent when the socket has room; only then is there more
  // to add, and only when there is nothing to add may this end with an empty `out_`.
  do {
    if (!flush()) {  // what was to be said is in the spools: whoever is there connects again and
                     // reads on
      attachments_.clear();
      out_.clear();
      shutdown(socket_.get(), SHUT_RDWR);  // both loops hear of it
      return;
    }
  } while (out_.empty() && fill());
  if (refusing_ && out_.empty()) shutdown(socket_.get(), SHUT_WR);
  const bool wants_out = !out_.empty();
  if (wants_out != wants_out_) {
    wants_out_ = wants_out;
    loop_.change(watch_, wants_out ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
}

void Session::close() {
  if (!socket_) return;
  loop_.forget(watch_);
  socket_.close();
  const auto closed = closed_;  // it destroys this session
  closed();
}

}  // namespace rbk::supervisor
