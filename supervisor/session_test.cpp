#include "supervisor/session.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

namespace rbk::supervisor {
namespace {

void set_send_buffer(int socket, int bytes) {
  setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

// A socket that first takes little and then everything at once: the session's buffer goes from full
// to empty in one flush.
TEST(Session, GoesOnAfterItsBufferWasEmptiedAtOnce) {
  char name[] = "/tmp/rbk-session-XXXXXX";
  const std::string store = mkdtemp(name);
  const Folder folder = std::move(*Folder::open(store));
  constexpr size_t kBytes = 3U << 20;
  {
    auto spool = Spool::create(folder, "a", 0);
    ASSERT_TRUE(spool.has_value());
    spool->append(Stream::kOut, std::string(kBytes, 'x'));
    ASSERT_TRUE(spool->record_ending({}).has_value());
  }
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const Descriptor engine(ends[1]);
  const timeval patience{10, 0};
  setsockopt(engine.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const std::unique_ptr<EventLoop> loop = std::move(*EventLoop::make());
  Session session(
      *loop, Descriptor(ends[0]), [](const Message&) {}, [] {});
  session.attach(std::make_shared<Command>(*loop, std::move(*Spool::open(folder, "a")), [] {}), {});
  set_send_buffer(ends[0], 1);
  for (int i = 0; i < 8; ++i) session.pump();  // each adds a piece, up to the limit
  set_send_buffer(ends[0], 1 << 20);
  std::thread serving([&loop] { loop->run(); });
  std::string received;
  size_t read = 0;
  bool over = false;
  while (!over) {
    char buffer[4096];
    const ssize_t length = recv(engine.get(), buffer, sizeof buffer, 0);
    if (length <= 0) break;
    received.append(buffer, static_cast<size_t>(length));
    auto decoded = decode_frame(received);
    for (; decoded && *decoded; decoded = decode_frame(received)) {
      if (const auto* output = std::get_if<Output>(&(*decoded)->message)) {
        read += output->bytes.size();
      }
      over = over || std::holds_alternative<Ended>((*decoded)->message);
      received.erase(0, (*decoded)->size);
    }
  }
  EXPECT_TRUE(over) << "the session stopped after " << read << " bytes";
  EXPECT_EQ(read, kBytes);
  loop->stop();
  serving.join();
  std::filesystem::remove_all(store);
}

}  // namespace
}  // namespace rbk::supervisor
