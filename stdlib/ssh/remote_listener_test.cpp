#include "stdlib/ssh/remote_listener.h"

#include <gtest/gtest.h>

#include "stdlib/recording_sink.h"

namespace rbk::stdlib {
namespace {

using engine::Effect;
using engine::Outcome;
using supervisor::Ending;
using supervisor::Stream;

constexpr const char* kTheMark = "rbk-1";

/// What comes of these bytes, cut into pieces of `size`.
Outcome told(const std::string& out, const std::string& err, Ending ending, size_t size) {
  auto sink = std::make_shared<RecordingSink>([] {});
  const boost::json::object arguments = {{"command", "uptime"}};
  RemoteListener listener(arguments, "web-1", kTheMark, sink, [] {});
  for (size_t at = 0; at < out.size(); at += size)
    listener.output(Stream::kOut, std::string_view(out).substr(at, size));
  for (size_t at = 0; at < err.size(); at += size)
    listener.output(Stream::kErr, std::string_view(err).substr(at, size));
  listener.ended(ending);
  return sink->wait();
}

TEST(RemoteListener, TellsTheCommandsOutputFromTheRest) {
  for (const size_t size : {1U, 3U, 1000U}) {
    const Outcome outcome =
        told("Welcome\nrbk-1\nup\nrbk-1\n",
             "\nrbk-1 connected\n\nrbk-1 began\na\n\nb rbk-1 \nc\nrbk-1 ended 0\n", {}, size);
    ASSERT_EQ(outcome.kind, Outcome::Kind::kOk);
    EXPECT_EQ(outcome.output.at("stdout").as_string(), "up\nrbk-1\n");
    EXPECT_EQ(outcome.output.at("stderr").as_string(), "a\n\nb rbk-1 \nc");
  }
}

TEST(RemoteListener, SaysWhatIsKnownOfTheEffect) {
  const auto exited = [](int status) { return Ending{Ending::Cause::kExited, status, {}}; };
  Outcome outcome =
      told("", "ssh: connect to host web-1 port 22: Connection refused\n", exited(255), 1000);
  EXPECT_EQ(outcome.error.kind, "shell.Unreachable");
  EXPECT_EQ(outcome.effect, Effect::kNone);
  EXPECT_TRUE(outcome.error.retryable);
  EXPECT_EQ(outcome.error.fields.at("host").as_string(), "web-1");
  outcome = told("", "me@web-1: Permission denied (publickey).\n", exited(255), 1000);
  EXPECT_EQ(outcome.error.kind, "shell.Unreachable");
  EXPECT_FALSE(outcome.error.retryable);
  // Once we are in, it may have begun.
  outcome =
      told("", "\nrbk-1 connected\nclient_loop: send disconnect: Broken pipe\n", exited(255), 1000);
  EXPECT_EQ(outcome.kind, Outcome::Kind::kUnknown);
  EXPECT_EQ(outcome.effect, Effect::kUnknown);
  outcome = told("rbk-1\n", "\nrbk-1 connected\n\nrbk-1 began\n", exited(255), 1000);
  EXPECT_EQ(outcome.kind, Outcome::Kind::kUnknown);
  outcome = told("This account is not available.\n", "\nrbk-1 connected\n", exited(1), 1000);
  EXPECT_EQ(outcome.error.kind, "ShellError");
  EXPECT_EQ(outcome.effect, Effect::kNone);
  outcome =
      told("rbk-1\n", "\nrbk-1 connected\n\nrbk-1 began\n\nrbk-1 ended 255\n", exited(0), 1000);
  EXPECT_EQ(outcome.error.fields.at("exit_code").as_int64(), 255);
  EXPECT_EQ(outcome.effect, Effect::kDone);
  const Ending late = {Ending::Cause::kDeadline, 0, {}};
  EXPECT_EQ(told("", "", late, 1).effect, Effect::kNone);
  EXPECT_EQ(told("", "\nrbk-1 connected\n", late, 1).effect, Effect::kUnknown);
}

}  // namespace
}  // namespace rbk::stdlib
