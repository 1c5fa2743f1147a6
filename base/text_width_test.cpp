#include "base/text_width.h"

namespace rbk {
namespace {

TEST(TextWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(text_width("abc"), 3u);
  EXPECT_EQ(text_width("größe"), 5u);
  EXPECT_EQ(text_width("日本"), 4u);
  EXPECT_EQ(text_width("🚀"), 2u);
  EXPECT_EQ(text_width("e\u0301"), 1u);
  EXPECT_EQ(text_width("✓"), 1u);
}

TEST(TextWidth, BytesThatAreNoUtf8CountOneEach) {
  EXPECT_EQ(text_width("\xff\xfe"), 2u);
  EXPECT_EQ(text_width("a\xc3"), 2u);
  EXPECT_EQ(utf8_at("\xed\xa0\x80", 0).size, 1u);   // a surrogate
  EXPECT_EQ(utf8_at("\xc0\x80", 0).code, 0xfffdu);  // overlong
  EXPECT_EQ(utf8_at("", 0).size, 0u);
}

TEST(TextWidth, CutsAtCharacters) {
  EXPECT_EQ(cut_to_width("abcdef", 6), "abcdef");
  EXPECT_EQ(cut_to_width("abcdef", 4), "abc\u2026");
  EXPECT_EQ(cut_to_width("日本語", 4), "日\u2026");
  EXPECT_EQ(cut_to_width("abc", 0), "");
}

}  // namespace
}  // namespace rbk
