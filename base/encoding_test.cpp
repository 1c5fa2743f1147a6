#include "base/encoding.h"

#include <gtest/gtest.h>

namespace rbk {
namespace {

TEST(Encoding, Base64) {
  // RFC 4648, section 10.
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(plain), encoded);
    EXPECT_EQ(from_base64(encoded), plain);
  }
  EXPECT_EQ(from_base64("Zm9v\nYmFy\n"), "foobar");
  EXPECT_EQ(from_base64("Zm8"), "fo");
  for (const char* wrong : {"Z", "Zm9v!", "Zm8==", "=", "Zg==Zg=="})
    EXPECT_EQ(from_base64(wrong), std::nullopt) << wrong;
}

TEST(Encoding, Hexadecimal) {
  EXPECT_EQ(to_hex(std::string_view("\x00\xff"
                                    "a",
                                    3)),
            "00ff61");
  EXPECT_EQ(from_hex("00FF61"), std::string("\x00\xff"
                                            "a",
                                            3));
  EXPECT_EQ(from_hex(""), "");
  for (const char* wrong : {"0", "0g", " 00", "00 ", "0x00"})
    EXPECT_EQ(from_hex(wrong), std::nullopt);
}

TEST(Encoding, Percent) {
  EXPECT_EQ(from_percent("a%20b+%C3%A9"), "a b+\xc3\xa9");
  for (const char* wrong : {"%", "%2", "%zz"}) EXPECT_EQ(from_percent(wrong), std::nullopt);
}

TEST(Encoding, Utf8) {
  for (const char* good : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* wrong : {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80",
                            "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xff"})
    EXPECT_FALSE(is_utf8(wrong)) << wrong;
}

}  // namespace
}  // namespace rbk
