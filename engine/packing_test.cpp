#include "engine/packing.h"

#include <gtest/gtest.h>

#include <random>

namespace rbk::engine {
namespace {

Group group_of(const std::string& output, const std::string& lines) {
  Group group;
  group.changes.emplace_back();
  group.changes.back().blobs.push_back({{}, output});
  group.logs.push_back({0, 1, 2, 3, "step", lines});
  return group;
}

TEST(PackingTest, LongTextsBecomeShorterAndComeBack) {
  const std::string output(20'000, 'x');
  std::string lines;
  for (int i = 0; i < 300; ++i) lines += "line " + std::to_string(i) + "\n";
  Group group = group_of(output, lines);
  pack(group);
  const Blob& blob = group.changes[0].blobs[0];
  const LogChunk& chunk = group.logs[0];
  EXPECT_EQ(blob.plain_size, 20'000);
  EXPECT_LT(blob.bytes.size(), 200u);
  EXPECT_EQ(chunk.plain_size, static_cast<int64_t>(lines.size()));
  EXPECT_LT(chunk.lines.size(), lines.size() / 2);
  EXPECT_EQ(unpack(blob.bytes, blob.plain_size).value(), output);
  EXPECT_EQ(unpack(chunk.lines, chunk.plain_size).value(), lines);
  // A commit that is tried again packs nothing twice.
  const std::string once = chunk.lines;
  pack(group);
  EXPECT_EQ(group.logs[0].lines, once);
}

TEST(PackingTest, WhatGainsNothingStaysAsItIs) {
  std::mt19937_64 random(1);  // NOLINT: the same each time
  std::string noise(4'000, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  Group group = group_of(noise, "short");
  pack(group);
  EXPECT_EQ(group.changes[0].blobs[0].plain_size, 0);
  EXPECT_EQ(group.changes[0].blobs[0].bytes, noise);
  EXPECT_EQ(group.logs[0].plain_size, 0);
  EXPECT_EQ(unpack("short", 0).value(), "short");
}

TEST(PackingTest, WhatIsDamagedIsRefused) {
  Group group = group_of(std::string(20'000, 'x'), "");
  pack(group);
  const Blob& blob = group.changes[0].blobs[0];
  EXPECT_EQ(unpack(blob.bytes, blob.plain_size + 1).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(unpack(blob.bytes, -1).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(unpack(blob.bytes, INT64_MAX).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(unpack("", 10).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(unpack(blob.bytes.substr(0, blob.bytes.size() - 1), blob.plain_size).error().kind,
            ErrorKind::kCorrupt);
  std::string other = blob.bytes;
  other[other.size() / 2] ^= 0x40;
  // What a damaged frame yields is held against the text's hash where there is one.
  EXPECT_NE(unpack(other, blob.plain_size).value_or(""), std::string(20'000, 'x'));
}

}  // namespace
}  // namespace rbk::engine
