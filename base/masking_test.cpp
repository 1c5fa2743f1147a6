#include "base/masking.h"

#include <gtest/gtest.h>

#include <fmt/core.h>
#include <random>

#include "base/encoding.h"

namespace rbk {
namespace {

std::string masked(const std::vector<std::string>& secrets, std::string_view text) {
  return Masks(secrets).apply(text);
}

using Bytes = std::vector<SourceByte>;

Bytes level_below(const Bytes& bytes, EscapeReader reader) {
  Bytes made;
  for (const SourceByte& byte : bytes) reader.take(byte, made);
  reader.finish(made);
  return made;
}

/// The bytes that stand for `form` from `begin` on; 0 if it does not stand there.
size_t length_at(const Bytes& bytes, size_t begin, const SecretForm& form) {
  size_t at = begin;
  size_t read = 0;
  bool in_break = false;
  for (; read < form.text.size() && at < bytes.size(); ++at) {
    const char byte = bytes[at].byte;
    const bool is_same =
        byte == form.text[read] || (!form.wraps && (byte == ' ' || byte == '+') &&
                                    (form.text[read] == ' ' || form.text[read] == '+'));
    if (is_same) {
      ++read;
      in_break = false;
    } else if (!form.wraps || read == 0) {
      return 0;
    } else if (byte == '\n' && !in_break) {
      in_break = true;
    } else if (byte != ' ' && byte != '\t' && byte != '\r') {
      return 0;
    }
  }
  return read == form.text.size() ? at - begin : 0;
}

/// Each occurrence of each form on each level of escapes, looked for at each place; a run of bytes
/// in any of them is a mask.
std::string naively_masked(const std::vector<std::string>& secrets, std::string_view text) {
  std::vector<Bytes> levels(1);
  for (size_t i = 0; i < text.size(); ++i) levels[0].push_back({text[i], i, i + 1});
  for (size_t i = 0; i < kEscapeLevels; ++i)
    levels.push_back(level_below(levels[i], EscapeReader()));
  levels.push_back(level_below(levels[0], EscapeReader(EscapeReader::Backslash::kNoLetters)));
  std::vector<bool> covered(text.size());
  for (const std::string& secret : secrets) {
    for (const SecretForm& form : secret_forms(secret)) {
      for (const Bytes& bytes : levels) {
        for (size_t begin = 0; begin < bytes.size(); ++begin) {
          const size_t length = length_at(bytes, begin, form);
          if (length == 0) continue;
          for (uint64_t i = bytes[begin].begin; i < bytes[begin + length - 1].end; ++i)
            covered[i] = true;
        }
      }
    }
  }
  std::string made;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!covered[i])
      made += text[i];
    else if (i == 0 || !covered[i - 1])
      made += kMask;
  }
  return made;
}

TEST(Masking, PlainAndEncoded) {
  const std::string secret = "p@ss/w\"o'r d$é";
  const auto is_masked = [&](const std::string& shown) {
    EXPECT_EQ(masked({secret}, "<" + shown + ">"), "<***>") << shown;
  };
  is_masked(secret);
  is_masked("p%40ss%2Fw%22o%27r%20d%24%C3%A9");
  is_masked("p%40ss%2fw%22o%27r%20d%24%c3%a9");
  is_masked("p%40ss/w%22o%27r%20d%24%C3%A9");  // Python's quote
  is_masked("p%40ss%2Fw%22o%27r+d%24%C3%A9");  // a form
  is_masked("p%40ss%2Fw%22o'r%20d%24%C3%A9");  // encodeURIComponent
  is_masked("p@ss/w%22o'r%20d$%C3%A9");        // encodeURI
  is_masked(R"(p@ss/w\"o'r d$é)");             // JSON
  is_masked(R"(p@ss\/w\"o'r d$\u00e9)");       // PHP's
  is_masked(R"(p@ss/w\"o'r d$\u00E9)");
  is_masked(R"(p@ss/w\\\"o'r d$é)");   // JSON in JSON
  is_masked(R"(p@ss/w"o'\''r d$é)");   // 'single quoted'
  is_masked(R"(p@ss/w"o'"'"'r d$é)");  // as Python's shlex has it
  is_masked(R"(p@ss/w\"o'r d\$é)");    // "double quoted"
  is_masked(R"(p@ss/w\"o\'r\ d\$é)");  // printf %q
  is_masked(R"(p@ss/w"o\'r d$é)");     // $'…'
  is_masked(R"(p@ss/w"o\'r d$\303\251)");
  is_masked("p@ss/w&quot;o&#39;r d$é");
  is_masked(to_hex(secret));
  is_masked(
      "704073732F77226F277220642"
      "4C3A9");
}

TEST(Masking, EachCharacterInAnySpelling) {
  const std::string secret = "a+b/c='<&>\"\\ é😀~";
  const auto is_masked = [&](const std::string& shown) {
    EXPECT_EQ(masked({secret}, "<" + shown + ">"), "<***>") << shown;
  };
  is_masked(R"(a\u002Bb/c=\u0027\u003c\u0026\u003E\u0022\\ é😀~)");  // System.Text.Json
  is_masked(R"(a\u002bb\/c\u003d'<&>\"\u005C\u0020\u00E9\ud83d\uDE00\u007e)");
  is_masked(R"(\u0061\u002b\u0062/c='<&>\"\\ é😀~)");
  is_masked(R"(a+b/c=\x27<\x26>"\\ \303\251\xf0\x9f\x98\x80~)");
  is_masked(R"(a+b/c='<&>\"\\ \u{e9}\U0001F600~)");
  is_masked("a+b/c=&#039;&lt;&amp;&gt;&#034;\\ é😀~");
  is_masked("a&#43;b&sol;c&equals;&#x27;&lt;&amp;&gt;&quot;&bsol; &#xE9;&#128512;&#x7E;");
  is_masked("a+b/c=&apos;&lt;&AMP;&#0000062;&quot;\\ &#xe9;&#x1f600;~");
  is_masked("%61%2bb/c%3D'<%26>%22%5c+%c3%A9%F0%9f%98%80~");
  is_masked("a%2Bb%2Fc%3d%27%3C%26%3e%22%5C%20%C3%A9%f0%9F%98%80%7e");
  is_masked("a+b/c='<&>\"\\%20%u00E9%uD83D%uDE00~");
  is_masked(R"(a%252Bb/c='<%2526>"\ é😀~)");                     // twice
  is_masked(R"(a\\u002bb/c='<&>\\\"\\\\ é😀~)");                 // JSON in JSON
  is_masked(R"(a+b/c='\u0026lt;\u0026amp;\u0026gt;\"\\ é😀~)");  // HTML in JSON
  is_masked(R"(a%2Bb\/c='<&amp;>\"\\ é😀~)");                    // a link in HTML in JSON
}

TEST(Masking, SecretsThatLookLikeEscapes) {
  for (const std::string secret :
       {R"(50%41\n&amp;x)", R"(C:\new\x41\)", R"(\\\\u0041)", "%25%32%35"}) {
    EXPECT_EQ(masked({secret}, "<" + secret + ">"), "<***>") << secret;
    std::string json;
    std::string percent;
    for (const char c : secret) {
      if (c == '\\') json += '\\';
      json += c;
      percent += fmt::format("%{:02X}", c);
    }
    EXPECT_EQ(masked({secret}, "{\"a\":\"" + json + "\"}"), "{\"a\":\"***\"}") << secret;
    EXPECT_EQ(masked({secret}, "?a=" + percent + "&b"), "?a=***&b") << secret;
  }
}

TEST(Masking, WhatStandsBeforeChangesNothing) {
  for (const std::string before :
       {"\\", "DOMAIN\\", "\\\\", "%", "100%", "&", "&#", "\\u00", "%u", "\\x4"}) {
    EXPECT_EQ(masked({"name@1secret"}, before + "name@1secret"), before + "***");
    EXPECT_EQ(masked({"name@1secret"}, before + "name%401secret"), before + "***");
  }
}

TEST(Masking, DigitsInOtherSpellings) {
  const std::string secret = "correct horse battery staple>>>???";
  const std::string digits = to_base64(secret);
  std::string slashed;
  std::string percent;
  std::string spaced;
  for (const char c : digits) {
    slashed += c == '/' ? "\\/" : c == '+' ? "\\u002B" : std::string(1, c);
    percent += c == '/' ? "%2F" : c == '+' ? "%2b" : c == '=' ? "%3D" : std::string(1, c);
    spaced += std::string(1, c) + (spaced.size() % 5 == 0 ? "\n        " : "");
  }
  EXPECT_LT(masked({secret}, slashed).size(), 10U);
  EXPECT_LT(masked({secret}, percent).size(), 10U);
  EXPECT_LT(masked({secret}, spaced).size(), 40U);
  std::string in_json = digits;
  in_json.insert(20, "\\n");
  in_json.insert(9, "\\r\\n  ");
  EXPECT_LT(masked({secret}, in_json).size(), 10U);
  EXPECT_EQ(masked({"abcdefgh"}, "0000 61 62 63 64 65 66 67 68 |"), "0000 *** |");
  EXPECT_EQ(masked({"abcdefgh"}, "6162 6364\n\t 6566 6768."), "***.");
  const std::string wide(kWidestGap + 1, ' ');
  EXPECT_EQ(masked({"abcdefgh"}, "61626364" + wide + "65666768"), "61626364" + wide + "65666768");
}

TEST(Masking, Base64AtEachAlignment) {
  const std::string secret = "correct horse battery";
  for (size_t before = 0; before < 7; ++before) {
    for (size_t after = 0; after < 4; ++after) {
      const std::string text = std::string(before, 'u') + secret + std::string(after, 'v');
      const std::string shown = masked({secret}, to_base64(text));
      EXPECT_NE(shown.find("***"), std::string::npos) << text;
      // At most a digit at either end tells some bits of it.
      EXPECT_LE(shown.size(), before * 8 / 6 + 1 + kMask.size() + 1 + after * 8 / 6 + 3) << shown;
    }
  }
  EXPECT_EQ(masked({"\xff\xfe?>secret"}, "//4_PnNlY3JldA"), "//4_PnNlY3JldA");  // no alphabet
  EXPECT_EQ(masked({"\xff\xfe?>secret"},
                   "_\x5f"
                   "4_PnNlY3JldA"),
            "***");
}

TEST(Masking, BrokenLinesOfDigits) {
  std::string secret;
  for (int i = 0; i < 30; ++i) secret += fmt::format("key-{} ", i * i);
  const std::string digits = to_base64("user:" + secret);
  for (const std::string end : {"\n", "\r\n"}) {
    std::string wrapped;
    for (size_t at = 0; at < digits.size(); at += 76) wrapped += digits.substr(at, 76) + end;
    const std::string shown = masked({secret}, wrapped);
    EXPECT_LT(shown.size(), 20U) << shown;
  }
  EXPECT_EQ(masked({"abcdefgh"}, "61626364\n\n65666768"), "61626364\n\n65666768");
  EXPECT_EQ(masked({"abcdefgh"}, "x6162\n63646\n5666768\ny"), "x***\ny");
}

TEST(Masking, LinesOfASecretToo) {
  const std::string key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nshort\nkqhkiG9w0BAQEF\n";
  EXPECT_EQ(masked({key}, "key: " + key + "."), "key: ***.");
  EXPECT_EQ(masked({key}, "a MIIEvQIBADANBg b kqhkiG9w0BAQEF c short"), "a *** b *** c short");
  EXPECT_EQ(masked({key}, R"("-----BEGIN KEY-----\nMIIEvQIBADANBg\nshort\nkqhkiG9w0BAQEF\n")"),
            "\"***\"");
}

TEST(Masking, IndentedLinesOfASecret) {
  const std::string account = "{\n  \"type\": \"robot\",\r\n\t\"key\": \"0123456789\"  \n}";
  EXPECT_EQ(masked({account}, "key was: \"key\": \"0123456789\""), "key was: ***");
  EXPECT_EQ(masked({account}, account), "***");
}

TEST(Masking, WhatIsTooShortIsLeftAlone) {
  EXPECT_TRUE(Masks({"abc", ""}).empty());
  EXPECT_EQ(masked({"abc", ""}, "abcabc"), "abcabc");
  EXPECT_EQ(masked({"abcd"}, "abcabcd"), "abc***");
}

TEST(Masking, OverlapsAreOneMask) {
  EXPECT_EQ(masked({"abcdef", "defghi"}, "xabcdefghix"), "x***x");
  EXPECT_EQ(masked({"abcdef", "ghijkl"}, "xabcdefghijklx"), "x***x");
  EXPECT_EQ(masked({"aaaa"}, "baaaaaaab"), "b***b");
  EXPECT_EQ(masked({"abcdef", "bcde"}, "abcdeg"), "a***g");
}

TEST(Masking, NothingIsHeldBackThatIsNoBeginning) {
  MaskingStream stream(std::make_shared<const Masks>(std::vector<std::string>{"secret-1"}));
  EXPECT_EQ(stream.add("ready\n"), "ready\n");
  EXPECT_EQ(stream.add("a sec"), "a ");
  EXPECT_EQ(stream.add("ond"), "second");
  EXPECT_EQ(stream.add(" secret-"), " ");
  EXPECT_EQ(stream.add("1."), "***.");
  EXPECT_EQ(stream.add(" secret"), " ");
  EXPECT_EQ(stream.finish(), "secret");
}

TEST(Masking, MemoryStaysBounded) {
  const std::string secret(64, 'a');
  MaskingStream stream(std::make_shared<const Masks>(std::vector<std::string>{secret}));
  std::string out;
  for (int i = 0; i < 2000; ++i) out += stream.add(std::string(1000, 'a'));
  for (int i = 0; i < 2000; ++i) out += stream.add("YWFh\n");
  EXPECT_LE(out.size(), 8U);
  out += stream.finish();
  EXPECT_EQ(out, "***\n");
}

/// Small alphabets, so that forms overlap, repeat, and are cut everywhere.
TEST(Masking, IsWhatLookingAtEachPlaceFinds) {
  std::mt19937 random(7);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  for (int round = 0; round < 3000; ++round) {
    const std::string_view alphabet = round % 3 == 0   ? "ab"
                                      : round % 3 == 1 ? "a'\"\\/\n&"
                                                       : "aZ+?\xc3\xa9 %";
    const auto made_up = [&](size_t least, size_t most) {
      std::string text;
      const size_t size = least + below(most - least + 1);
      while (text.size() < size) text += alphabet[below(alphabet.size())];
      return text;
    };
    // Each character in some spelling.
    const auto escaped = [&](std::string_view plain) {
      std::string made;
      for (const char c : plain) {
        const auto byte = static_cast<unsigned char>(c);
        switch (below(8)) {
          case 0:
            made += fmt::format("%{:02x}", byte);
            break;
          case 1:
            made += byte < 0x80 ? fmt::format("\\u{:04X}", byte) : fmt::format("\\{:03o}", byte);
            break;
          case 2:
            made += byte < 0x80 ? fmt::format("&#{};", byte) : std::string(1, c);
            break;
          case 3:
            if (c == '"' || c == '\\' || c == '/') made += '\\';
            made += c;
            break;
          default:
            made += c;
        }
      }
      return made;
    };
    std::vector<std::string> secrets;
    for (size_t i = 0; i <= below(3); ++i) secrets.push_back(made_up(2, 9));
    std::string text;
    while (text.size() < 160) {
      const std::string& secret = secrets[below(secrets.size())];
      const std::vector<SecretForm> forms = secret_forms(secret);
      std::string piece = forms.empty() ? made_up(1, 5) : forms[below(forms.size())].text;
      if (below(3) == 0) piece = piece.substr(below(piece.size()));
      if (below(3) == 0) piece = piece.substr(0, 1 + below(piece.size()));
      if (below(3) == 0) piece.insert(below(piece.size() + 1), below(2) == 0 ? "\n " : "\r\n");
      if (below(2) == 0) piece = escaped(piece);
      if (below(4) == 0) piece = escaped(piece);
      text += below(3) == 0 ? made_up(0, 4) : piece;
    }
    const std::string expected = naively_masked(secrets, text);
    const auto masks = std::make_shared<const Masks>(secrets);
    ASSERT_EQ(masks->apply(text), expected) << text;
    MaskingStream stream(masks);
    std::string given;
    for (size_t at = 0; at < text.size();) {
      const size_t size = 1 + below(9);
      given += stream.add(std::string_view(text).substr(at, size));
      at += size;
    }
    given += stream.finish();
    ASSERT_EQ(given, expected) << text;
  }
}

}  // namespace
}  // namespace rbk
