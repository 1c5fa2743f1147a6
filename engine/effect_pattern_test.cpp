#include "engine/effect_pattern.h"

#include <gtest/gtest.h>

#include "base/quoting.h"

namespace rbk::engine {
namespace {

using Reading = EffectPattern::Reading;

bool command(std::string_view pattern, std::string_view reached) {
  return EffectPattern(Reading::kCommand, pattern).matches(reached);
}
bool url(std::string_view pattern, std::string_view reached) {
  return EffectPattern(Reading::kUrl, pattern).matches(reached);
}
bool host(std::string_view pattern, std::string_view reached) {
  return EffectPattern(Reading::kHost, pattern).matches(reached);
}

TEST(EffectPattern, WhatIsKnownIsWhatIsReached) {
  EXPECT_TRUE(command("systemctl restart api", "systemctl restart api"));
  EXPECT_FALSE(command("systemctl restart api", "systemctl restart api2"));
  EXPECT_FALSE(command("systemctl restart api", "systemctl restart ap"));
  EXPECT_TRUE(host("db-1", "db-1"));
  EXPECT_FALSE(host("db-1", "db-1.evil.example"));
}

TEST(EffectPattern, AValueIsAWordOrSeveral) {
  const std::string pattern = "systemctl restart ${service} | cat";
  for (const std::string word : {"api", "it's", "a b", "", "$(reboot)", "x; reboot", "ä\n"})
    EXPECT_TRUE(command(pattern, "systemctl restart " + shell_word(word) + " | cat")) << word;
  EXPECT_TRUE(command(pattern, "systemctl restart api web 'c d' | cat"));
}

TEST(EffectPattern, NothingButWordsStandsForAValue) {
  const std::string pattern = "systemctl restart ${service}";
  for (const char* more :
       {"api; reboot", "api && reboot", "api | sh", "$(reboot)", "`reboot`", "api > /etc/passwd",
        "\"$(reboot)\"", "$HOME", "api\nreboot", "~root", "a*"})
    EXPECT_FALSE(command(pattern, std::string("systemctl restart ") + more)) << more;
}

TEST(EffectPattern, WhatIsQuotedThereMeansNoMoreHere) {
  EXPECT_TRUE(command("grep 'a;b' log", "grep 'a;b' log"));
  EXPECT_FALSE(command("grep 'a;b' log", "grep a;b log"));
  EXPECT_TRUE(command("rm /data/a b", "rm /data/'a b'"))
      << "a value that was known, as it is shown";
}

TEST(EffectPattern, AVariableOfTheShellIsItself) {
  EXPECT_TRUE(command("echo ${HOME} \"${USER}\"", "echo ${HOME} \"${USER}\""));
  EXPECT_FALSE(command("echo \"${USER}\"", "echo root"));
}

TEST(EffectPattern, WhatIsTakenAsItIsIsOpen) {
  EXPECT_TRUE(command("sh -c ${shell.raw(text)}", "sh -c a; b > c"));
  EXPECT_TRUE(command("${command}", "anything; at all"));
  EXPECT_TRUE(EffectPattern(Reading::kCommand, "${command}").is_open());
  EXPECT_FALSE(EffectPattern(Reading::kCommand, "sh ${command}").is_open());
}

TEST(EffectPattern, AUrlsValuesAreEncoded) {
  const std::string pattern = "https://lb.${env}.example.com/pool/${host}/drain?by=${who}";
  EXPECT_TRUE(url(pattern, "https://lb.prod.example.com/pool/web-1/drain?by=ann%26co"));
  EXPECT_FALSE(url(pattern, "https://lb.prod.example.com/pool/web-1/x/drain?by=ann"));
  EXPECT_FALSE(url(pattern, "https://lb.prod.example.com/pool/web-1/drain?by=ann&all=1"));
  EXPECT_FALSE(url(pattern, "https://lb.x/.example.com/pool/web-1/drain?by=ann"));
  EXPECT_TRUE(url("https://a/${x}", "https://a/p%2Fq"));
  EXPECT_TRUE(url("https://a/p q/ä", "https://a/p%20q/%C3%A4")) << "shown as it is, sent encoded";
  EXPECT_FALSE(url("https://a/p%3Fq", "https://a/p?q"));
  EXPECT_TRUE(url("${lb}/pool", "https://any.example.com/path/pool"));
}

TEST(EffectPattern, AHostsValuesAreNames) {
  EXPECT_TRUE(host("lb.${env}.example.com", "lb.prod.example.com"));
  EXPECT_FALSE(host("lb.${env}.example.com", "lb.prod.example.org"));
  EXPECT_FALSE(host("lb.${env}.example.com", "evil.org/lb.x.example.com"));
  EXPECT_TRUE(host("${host}", "root@anything"));
}

TEST(EffectPattern, AQuerysValuesStandForThemselves) {
  const EffectPattern pattern(Reading::kQuery, "delete from t where id = ${id} and kind = a");
  EXPECT_TRUE(
      pattern.matches(query_text("delete from t where id = $1 and kind = $2", {"x' or", "a"})));
  EXPECT_FALSE(pattern.matches(query_text("delete from t where id = id and kind = $1", {"a"})));
  EXPECT_FALSE(pattern.matches("delete from t where id = 1 or 1 = 1 and kind = a"));
  EXPECT_TRUE(
      EffectPattern(Reading::kQuery, "select * from ${table}").matches("select * from \"T\""));
}

TEST(EffectPattern, WhatWasTooLongIsHeldToItsBeginning) {
  const std::string begin(2000, 'x');
  EXPECT_TRUE(command(begin + "…", begin + "; y"));
  EXPECT_FALSE(command(begin + "…", "y"));
}

TEST(EffectPattern, TheHostOfAUrl) {
  EXPECT_EQ(host_of_url("https://me@db.example.com:8443/x@y"), "db.example.com");
  EXPECT_EQ(host_of_url("http://[::1]:80/"), "[::1]");
  EXPECT_EQ(host_of_url("https://good.example\\@evil.example/"), "good.example");
  EXPECT_EQ(host_of_url("root@web-1:22"), "web-1");
}

}  // namespace
}  // namespace rbk::engine
