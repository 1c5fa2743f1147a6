#include "base/escapes.h"

#include <gtest/gtest.h>

namespace rbk {
namespace {

TEST(Escapes, AreUndone) {
  EXPECT_EQ(without_escapes(
                R"(\u002B\u002b\u{2B}\U0000002b\x2b\053%2B%2b%u002b&#43;&#043;&#x2b;&#X2B;&plus;)"),
            "++++++++++++++");
  EXPECT_EQ(without_escapes(R"(\"\'\\\/\ \$\n\t\r\b\f\e)"), "\"'\\/ $\n\t\r\b\f\x1b");
  EXPECT_EQ(without_escapes(R"(\u00e9\u20AC\U0001f600%C3%a9\303\251&#233;&#x1F600;)"), "é€😀ééé😀");
  EXPECT_EQ(without_escapes(R"(\ud83d)"), "\xed\xa0\xbd");
}

TEST(Escapes, WhatIsNoneStays) {
  for (const char* text : {"100% sure",
                           "%",
                           "%4",
                           "%zz",
                           "%%",
                           "a & b",
                           "&",
                           "&;",
                           "&#;",
                           "&#x;",
                           "&#xg;",
                           "&amp",
                           "&ampx;",
                           "&nothing;",
                           "&#1114112;",
                           "&#99999999999999;",
                           R"(\)",
                           R"(\q)",
                           R"(\u12)",
                           R"(\u12G4)",
                           R"(\u{})",
                           R"(\u{1234567})",
                           R"(\u{110000})",
                           R"(\U00110000)",
                           R"(\x4)",
                           R"(\400)",
                           R"(\38)",
                           "\\\n",
                           "\\é"})
    EXPECT_EQ(without_escapes(text), text);
  EXPECT_EQ(without_escapes("%%41"), "%A");
  EXPECT_EQ(without_escapes("&&amp;"), "&&");
  EXPECT_EQ(without_escapes(R"(\u00%41)"), R"(\u00A)");
}

TEST(Escapes, OneLevelAtATime) {
  EXPECT_EQ(without_escapes(R"(\\u0041%2541&amp;lt;)"), R"(\u0041%41&lt;)");
}

TEST(Escapes, BeforeALetterABackslashMayBeItself) {
  EscapeReader reader(EscapeReader::Backslash::kNoLetters);
  std::vector<SourceByte> bytes;
  uint64_t at = 0;
  for (const char byte : std::string_view(R"(D\name\x41\101\u0041\")")) {
    reader.take({byte, at, at + 1}, bytes);
    ++at;
  }
  std::string text;
  for (const SourceByte& byte : bytes) text += byte.byte;
  EXPECT_EQ(text, R"(D\name\x41\101A")");
}

TEST(Escapes, SayWhereTheyStood) {
  EscapeReader reader;
  std::vector<SourceByte> bytes;
  uint64_t at = 10;
  for (const char byte : std::string_view(R"(a\u00e9%zb)")) {
    reader.take({byte, at, at + 1}, bytes);
    ++at;
  }
  const std::vector<SourceByte> expected = {{'a', 10, 11}, {'\xc3', 11, 17}, {'\xa9', 11, 17},
                                            {'%', 17, 18}, {'z', 18, 19},    {'b', 19, 20}};
  EXPECT_EQ(bytes, expected);
}

}  // namespace
}  // namespace rbk
