#include "cli/command.h"

#include "cli/ran_command.h"

namespace rbk::cli {
namespace {

Ran rbk(const std::vector<std::string>& words) { return ran_command(words); }

TEST(Command, VersionSaysWhatItIs) {
  const Ran ran = rbk({"version"});
  EXPECT_EQ(ran.status, ExitStatus::kSucceeded);
  EXPECT_TRUE(ran.out.starts_with("rbk " RBK_VERSION "\n")) << ran.out;
  EXPECT_NE(ran.out.find("\nstore SQLite 3."), std::string::npos) << ran.out;
  EXPECT_EQ(rbk({"--version"}).out, ran.out);
}

TEST(Command, JsonStandsAnywhereAndIsOneLine) {
  const Ran ran = rbk({"--json", "version"});
  EXPECT_EQ(ran.out, rbk({"version", "--json"}).out);
  EXPECT_TRUE(ran.out.starts_with("{\"version\":\"" RBK_VERSION "\"")) << ran.out;
  EXPECT_EQ(ran.out.find('\n'), ran.out.size() - 1);
}

TEST(Command, AnUnknownOneNamesTheNearest) {
  const Ran ran = rbk({"versoin"});
  EXPECT_EQ(ran.status, ExitStatus::kUsage);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err,
            "error: there is no command \"versoin\"\n  help: did you mean `rbk version`?\n");
  EXPECT_NE(rbk({"frobnicate"}).err.find("`rbk --help`"), std::string::npos);
}

TEST(Command, ErrorsAreJsonWhereAsked) {
  EXPECT_EQ(rbk({"versoin", "--json"}).err,
            "{\"error\":\"there is no command \\\"versoin\\\"\",\"cure\":\"did you mean `rbk "
            "version`?\"}\n");
}

TEST(Command, NothingIsUsage) { EXPECT_EQ(rbk({}).status, ExitStatus::kUsage); }

TEST(Command, WhatAVersionDoesNotTakeIsNamed) {
  const Ran ran = rbk({"version", "--verbose"});
  EXPECT_EQ(ran.status, ExitStatus::kUsage);
  EXPECT_NE(ran.err.find("--verbose"), std::string::npos);
}

TEST(Command, EachHasHelpWithAnExample) {
  for (const Command& command : commands()) {
    const std::string name(command.name);
    const Ran ran = rbk({name.c_str(), "--help"});
    EXPECT_EQ(ran.status, ExitStatus::kSucceeded);
    EXPECT_NE(ran.out.find("example: rbk " + name), std::string::npos) << ran.out;
    EXPECT_NE(rbk({"--help"}).out.find(command.summary), std::string::npos);
  }
}

TEST(ExitStatus, MistakesOfTheCallerAreUsageAndTheSystemsAreFailures) {
  EXPECT_EQ(exit_status({ErrorKind::kInvalid, "", ""}), ExitStatus::kUsage);
  EXPECT_EQ(exit_status({ErrorKind::kRefused, "", ""}), ExitStatus::kRefused);
  EXPECT_EQ(exit_status({ErrorKind::kFull, "", ""}), ExitStatus::kFailed);
}

}  // namespace
}  // namespace rbk::cli
