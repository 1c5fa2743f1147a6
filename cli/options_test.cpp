#include "cli/options.h"

namespace rbk::cli {
namespace {

struct Parsed {
  bool check = false;
  std::optional<std::string> out;
  std::vector<std::string> labels;
  std::string file;
  std::vector<std::string> rest;
  std::vector<OtherOption> others;
  Status status;
};

Parsed parse(const Arguments& arguments, bool others = false) {
  Parsed parsed;
  Options options("run", "FILE");
  options.flag("--check", parsed.check)
      .value("-o", parsed.out)
      .values("--label", parsed.labels)
      .word("FILE", parsed.file);
  if (others)
    options.others(parsed.others);
  else
    options.words("MORE", parsed.rest);
  parsed.status = options.parse(arguments);
  return parsed;
}

TEST(Options, FlagsValuesAndWordsInAnyOrder) {
  const Parsed parsed =
      parse({"--label", "a=1", "f.rbk", "--check", "-o", "x", "--label=b=2", "g"});
  ASSERT_TRUE(parsed.status) << parsed.status.error().message;
  EXPECT_TRUE(parsed.check);
  EXPECT_EQ(parsed.out, "x");
  EXPECT_EQ(parsed.labels, (std::vector<std::string>{"a=1", "b=2"}));
  EXPECT_EQ(parsed.file, "f.rbk");
  EXPECT_EQ(parsed.rest, (std::vector<std::string>{"g"}));
}

TEST(Options, WhatIsWrongIsNamed) {
  EXPECT_EQ(parse({"f", "--chekc"}).status.error().cure, "did you mean --check?");
  EXPECT_EQ(parse({}).status.error().message, "`rbk run` needs FILE");
  EXPECT_EQ(parse({}).status.error().cure, "usage: rbk run FILE");
  EXPECT_EQ(parse({"f", "-o"}).status.error().message, "-o needs a value");
  EXPECT_EQ(parse({"f", "-o", "a", "-o", "b"}).status.error().message, "-o is given twice");
  EXPECT_EQ(parse({"f", "--check=1"}).status.error().message, "--check takes no value");
  EXPECT_EQ(parse({"f", "x"}, true).status.error().message, "`rbk run` takes no \"x\"");
}

TEST(Options, TwoDashesEndThem) {
  EXPECT_EQ(parse({"--", "--check"}).file, "--check");
  EXPECT_EQ(parse({"-"}).file, "-");
}

TEST(Options, OthersAreParameters) {
  const Parsed parsed =
      parse({"f", "--batch", "3", "--hosts=a", "--offset", "-1", "--force", "--check"}, true);
  ASSERT_TRUE(parsed.status);
  ASSERT_EQ(parsed.others.size(), 4u);
  EXPECT_EQ(parsed.others[0].name, "batch");
  EXPECT_EQ(parsed.others[0].value, "3");
  EXPECT_EQ(parsed.others[1].value, "a");
  EXPECT_EQ(parsed.others[2].value, "-1");
  EXPECT_EQ(parsed.others[3].value, std::nullopt);
  EXPECT_TRUE(parsed.check);
}

TEST(Options, KeysAndValues) {
  EXPECT_EQ(key_and_value("--set", "a=b=c"), (std::pair<std::string, std::string>("a", "b=c")));
  EXPECT_EQ(key_and_value("--set", "a").error().cure, "write --set NAME=VALUE");
}

}  // namespace
}  // namespace rbk::cli
