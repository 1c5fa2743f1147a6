#include "stdlib/output_text.h"

#include <gtest/gtest.h>

#include "stdlib/utf8.h"

namespace rbk::stdlib {
namespace {

std::vector<std::string> lines_of(const std::vector<std::string>& pieces) {
  std::vector<std::string> lines;
  LineSplitter splitter([&lines](std::string_view line) { lines.emplace_back(line); });
  for (const std::string& piece : pieces) splitter.add(piece);
  splitter.flush();
  return lines;
}

TEST(LineSplitter, LinesAreTheSameHoweverTheTextIsCut) {
  const std::vector<std::string> expected = {"a", "", "bc", "d"};
  EXPECT_EQ(lines_of({"a\n\nbc\nd"}), expected);
  EXPECT_EQ(lines_of({"a", "\n", "\nb", "c\n", "d"}), expected);
  EXPECT_EQ(lines_of({"a\n\nbc\nd\n"}), expected);
  EXPECT_TRUE(lines_of({}).empty());
}

TEST(LineSplitter, LongLinesComeInPieces) {
  const std::string line(40'000, 'x');
  const auto lines = lines_of({line.substr(0, 10'000), line.substr(10'000) + "\nnext"});
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0].size(), 16U << 10);
  EXPECT_EQ(lines[0] + lines[1] + lines[2], line);
  EXPECT_EQ(lines[3], "next");
  std::string umlauts;
  for (int i = 0; i < 10'000; ++i) umlauts += "xä";
  const auto pieces = lines_of({umlauts});
  EXPECT_EQ(valid_utf8(pieces[0]), pieces[0]);  // none is cut
}

TEST(HeadAndTail, KeepTheirEnds) {
  Head head(5);
  Tail tail(5);
  for (const char* piece : {"abc", "def", "ghi"}) {
    head.add(piece);
    tail.add(piece);
  }
  EXPECT_EQ(head.text(), "abcde");
  EXPECT_EQ(tail.text(), "efghi");
  EXPECT_TRUE(head.truncated());
  EXPECT_TRUE(tail.truncated());
  Head exact(3);
  exact.add("abc");
  EXPECT_FALSE(exact.truncated());
  Head cut(3);
  cut.add("abä");
  EXPECT_EQ(cut.text(), "ab");
}

TEST(Utf8, WhatIsNoTextIsReplaced) {
  EXPECT_EQ(valid_utf8("a\xff"
                       "b"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(valid_utf8("ä€😀"), "ä€😀");
  EXPECT_EQ(valid_utf8("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd");       // too long a form
  EXPECT_EQ(valid_utf8("\xed\xa0\x80").substr(0, 3), "\xef\xbf\xbd");  // a surrogate
  EXPECT_EQ(valid_utf8("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd");       // cut
}

}  // namespace
}  // namespace rbk::stdlib
