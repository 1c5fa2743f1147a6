#include <unistd.h>

#include <filesystem>

#include "cli/files.h"
#include "cli/ran_command.h"

namespace rbk::cli {
namespace {

namespace fs = std::filesystem;

/// Works in an empty folder.
class CompilerCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = fs::current_path();
    folder_ =
        fs::path(::testing::TempDir()) / ("rbk_compiler_commands_" + std::to_string(getpid()));
    fs::create_directories(folder_ / "lib");
    fs::current_path(folder_);
  }
  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }
  void write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(write_file(path, text));
  }

  fs::path before_;
  fs::path folder_;
};

constexpr const char* kGood = R"(runbook hello(name: string = "world") -> string {
  step greet = shell("echo hello ${name}")
    rollback none "it only prints"
  return greet.stdout
}
)";
constexpr const char* kBad = "fn f() -> int {\n  return hots\n}\n";

TEST_F(CompilerCommands, CheckShowsWhatIsWrong) {
  write("bad.rbk", kBad);
  const Ran ran = ran_command({"check", "bad.rbk"});
  EXPECT_EQ(ran.status, ExitStatus::kUsage);
  EXPECT_NE(ran.err.find("error[RBK0100]: there is no `hots` here\n --> bad.rbk:2:10\n"),
            std::string::npos)
      << ran.err;
  EXPECT_EQ(ran.out, "1 file checked: 1 error\n");
  const Ran json = ran_command({"check", "--json", "bad.rbk"});
  EXPECT_TRUE(json.out.starts_with("{\"code\":\"RBK0100\",\"severity\":\"error\"")) << json.out;
  EXPECT_TRUE(json.out.ends_with("{\"checked\":1,\"errors\":1,\"warnings\":0,\"fixed\":0}\n"));
}

TEST_F(CompilerCommands, CheckFindsAllFilesOfTheProject) {
  write("a.rbk", kGood);
  write("lib/b.rbk", "fn one() -> int {\n  return 1\n}\n");
  const Ran ran = ran_command({"check"});
  EXPECT_EQ(ran.status, ExitStatus::kSucceeded) << ran.err;
  EXPECT_EQ(ran.out, "2 files checked: no errors\n");
}

TEST_F(CompilerCommands, ImportsAreFoundFromTheFileThatNamesThem) {
  write("lib/one.rbk",
        "import \"two.rbk\" as two\n\nfn one() -> int {\n  return two.two() - 1\n}\n");
  write("lib/two.rbk", "fn two() -> int {\n  return 2\n}\n");
  write("a.rbk", "import \"lib/one.rbk\" as one\n\nrunbook r() -> int {\n  return one.one()\n}\n");
  EXPECT_EQ(ran_command({"check", "a.rbk"}).err, "");
}

TEST_F(CompilerCommands, StrictMakesWarningsErrors) {
  write("a.rbk", R"(runbook r() {
  step a = shell("touch a")
  step b = shell("touch b") rollback none "harmless"
}
)");
  EXPECT_EQ(ran_command({"check", "a.rbk"}).status, ExitStatus::kSucceeded);
  const Ran strict = ran_command({"check", "--strict", "a.rbk"});
  EXPECT_EQ(strict.status, ExitStatus::kUsage);
  EXPECT_NE(strict.err.find("error[RBK0302]"), std::string::npos) << strict.err;
}

TEST_F(CompilerCommands, WhatIsFixedChecksClean) {
  write("a.rbk", R"(runbook r(host: string) -> int {
  http.get("http://${host}/health")
  let freeSpace = shell("df ${host}")
  return freeSpace.stdout.lines.length
}
)");
  const Ran fixing = ran_command({"check", "--fix", "a.rbk"});
  EXPECT_EQ(fixing.status, ExitStatus::kSucceeded) << fixing.err;
  EXPECT_EQ(fixing.out, "1 file checked: no errors, 3 fixed\n");
  EXPECT_EQ(*read_file("a.rbk"), R"(runbook r(host: string) -> int {
  step get = http.get("http://${host}/health")
  step free_space = shell("df ${host}")
  return free_space.stdout.lines.length
}
)");
  EXPECT_EQ(ran_command({"check", "a.rbk"}).out, "1 file checked: no errors\n");
}

TEST_F(CompilerCommands, EffectsAreShownOfEachPublicRunbook) {
  write("a.rbk",
        "runbook a() {\n  step x = _b()\n}\nrunbook _b() {\n  step y = shell(\"df\") reads\n}\n");
  const Ran ran = ran_command({"check", "--effects", "a.rbk"});
  EXPECT_EQ(ran.status, ExitStatus::kSucceeded) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("a  a.rbk:1\n  commands    reads  x/y  df\n")) << ran.out;
  EXPECT_EQ(ran.out.find("_b  a.rbk"), std::string::npos) << ran.out;
}

TEST_F(CompilerCommands, ACompiledProgramIsTakenApart) {
  write("a.rbk", kGood);
  const Ran compiled = ran_command({"compile", "a.rbk"});
  ASSERT_EQ(compiled.status, ExitStatus::kSucceeded) << compiled.err;
  EXPECT_TRUE(compiled.out.starts_with("a.rbkc: ")) << compiled.out;
  const Ran from_text = ran_command({"disasm", "a.rbk"});
  const Ran from_program = ran_command({"disasm", "a.rbkc"});
  EXPECT_EQ(from_program.status, ExitStatus::kSucceeded) << from_program.err;
  EXPECT_EQ(from_text.out, from_program.out);
  EXPECT_NE(from_text.out.find("hello"), std::string::npos);
}

TEST_F(CompilerCommands, ABrokenProgramIsNamed) {
  write("a.rbk", kGood);
  ASSERT_EQ(ran_command({"compile", "a.rbk"}).status, ExitStatus::kSucceeded);
  std::string bytes = *read_file("a.rbkc");
  bytes[bytes.size() / 2] ^= 1;
  write("a.rbkc", bytes);
  const Ran ran = ran_command({"disasm", "a.rbkc"});
  EXPECT_EQ(ran.status, ExitStatus::kUsage);
  EXPECT_NE(ran.err.find("a.rbkc is no program that can be run"), std::string::npos) << ran.err;
}

TEST_F(CompilerCommands, WithErrorsNothingIsCompiled) {
  write("bad.rbk", kBad);
  const Ran ran = ran_command({"compile", "bad.rbk"});
  EXPECT_EQ(ran.status, ExitStatus::kUsage);
  EXPECT_NE(ran.err.find("bad.rbk has 1 error; nothing was run"), std::string::npos) << ran.err;
  EXPECT_FALSE(fs::exists("bad.rbkc"));
}

TEST_F(CompilerCommands, APlanShowsWhatWouldBeDone) {
  write("a.rbk", kGood);
  const Ran ran = ran_command({"plan", "a.rbk", "--name", "bob"});
  EXPECT_EQ(ran.status, ExitStatus::kSucceeded) << ran.err;
  EXPECT_NE(ran.out.find("greet"), std::string::npos);
  EXPECT_NE(ran.out.find("bob"), std::string::npos) << ran.out;
  EXPECT_TRUE(ran.out.ends_with("1 writes, 0 idempotent, 0 reads\n")) << ran.out;
  const Ran wrong = ran_command({"plan", "a.rbk", "--nam", "bob"});
  EXPECT_EQ(wrong.status, ExitStatus::kUsage);
  EXPECT_NE(wrong.err.find("did you mean --name?"), std::string::npos) << wrong.err;
}

TEST_F(CompilerCommands, SeveralRunbooksAreListed) {
  write("a.rbk", "runbook one() {\n}\n\nrunbook two() {\n}\n");
  const Ran ran = ran_command({"plan", "a.rbk"});
  EXPECT_EQ(ran.status, ExitStatus::kUsage);
  EXPECT_NE(ran.err.find("say which: a.rbk:one, a.rbk:two"), std::string::npos) << ran.err;
  EXPECT_EQ(ran_command({"plan", "a.rbk:two"}).status, ExitStatus::kSucceeded);
  EXPECT_NE(ran_command({"plan", "a.rbk:tow"}).err.find("did you mean a.rbk:two?"),
            std::string::npos);
}

}  // namespace
}  // namespace rbk::cli
