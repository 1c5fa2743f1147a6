#include "supervisor/wire.h"

#include <gtest/gtest.h>

namespace rbk::supervisor {
namespace {

template <typename T>
T round_trip(const T& message) {
  std::string bytes;
  append_frame(bytes, message);
  auto decoded = decode_frame(bytes);
  EXPECT_TRUE(decoded.has_value() && decoded->has_value());
  EXPECT_EQ((*decoded)->size, bytes.size());
  return std::get<T>((*decoded)->message);
}

Start sample() {
  Start start;
  start.key = "run1/step:1";
  start.fence = 7;
  start.words = {"/bin/sh", "-c", std::string("a\0b", 3)};
  start.environment = {"A=1", "B="};
  start.directory = "/tmp";
  start.input = "in";
  start.ends_by_input = "connected";
  start.deadline = 1'000'000;
  start.grace = -7;
  start.secrets = {"s3cret", "a\nb"};
  return start;
}

TEST(Wire, MessagesComeBackAsTheyWere) {
  const Start start = round_trip(sample());
  EXPECT_EQ(start.key, "run1/step:1");
  EXPECT_EQ(start.words, sample().words);
  EXPECT_EQ(start.environment, sample().environment);
  EXPECT_EQ(start.deadline, 1'000'000);
  EXPECT_EQ(start.grace, -7);
  EXPECT_EQ(start.secrets, sample().secrets);
  const Output output = round_trip(Output{"k", {3, 99, 12}, Stream::kErr, "text"});
  EXPECT_EQ(output.after, (Cursor{3, 99, 12}));
  EXPECT_EQ(output.stream, Stream::kErr);
  EXPECT_EQ(output.bytes, "text");
  const Ended ended = round_trip(Ended{"k", {Ending::Cause::kSignalled, 9, "why"}});
  EXPECT_EQ(ended.ending.cause, Ending::Cause::kSignalled);
  EXPECT_EQ(ended.ending.value, 9);
  EXPECT_EQ(round_trip(Dropped{"k", {1, 2, 0}, 1U << 20}).bytes, 1U << 20);
  EXPECT_EQ(round_trip(Hello{4, 77}).process, 77U);
}

TEST(Wire, AFrameThatIsNotWholeIsWaitedFor) {
  std::string bytes;
  append_frame(bytes, sample());
  for (size_t length = 0; length < bytes.size(); ++length) {
    const auto decoded = decode_frame(std::string_view(bytes).substr(0, length));
    ASSERT_TRUE(decoded.has_value());
    EXPECT_FALSE(decoded->has_value());
  }
}

TEST(Wire, HostileFramesAreRefused) {
  EXPECT_FALSE(decode_frame(std::string(4, '\xff')).has_value());          // too long
  EXPECT_FALSE(decode_frame(std::string(4, '\0')).has_value());            // empty
  EXPECT_FALSE(decode_frame(std::string("\1\0\0\0\x7f", 5)).has_value());  // unknown type
  std::string bytes;
  append_frame(bytes, sample());
  for (size_t i = 4; i < bytes.size(); ++i) {  // no byte may make it crash
    std::string broken = bytes;
    broken[i] = '\xff';
    (void)decode_frame(broken);
  }
  bytes[0] = static_cast<char>(bytes[0] - 1);  // its last field is cut
  EXPECT_FALSE(decode_frame(bytes).has_value());
}

}  // namespace
}  // namespace rbk::supervisor
