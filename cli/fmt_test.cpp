#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/files.h"
#include "cli/ran_command.h"

namespace rbk::cli {
namespace {

class Fmt : public ::testing::Test {
 protected:
  void TearDown() override { unlink(own_file("fmt.rbk").c_str()); }
  std::string write(const std::string& text) {
    const std::string path = own_file("fmt.rbk");
    EXPECT_TRUE(write_file(path, text));
    return path;
  }
};

TEST_F(Fmt, WritesBackAndThenHasNothingToDo) {
  const std::string path = write("const   a=1\n");
  const Ran first = ran_command({"fmt", path});
  EXPECT_EQ(first.status, ExitStatus::kSucceeded);
  EXPECT_EQ(first.out, path + ": formatted\n");
  EXPECT_EQ(*read_file(path), "const a = 1\n");
  EXPECT_EQ(ran_command({"fmt", path}).out, "");
}

TEST_F(Fmt, CheckOnlySaysSo) {
  const std::string path = write("const   a=1\n");
  const Ran ran = ran_command({"fmt", "--check", path, "--json"});
  EXPECT_EQ(ran.status, ExitStatus::kFailed);
  EXPECT_EQ(ran.out, "{\"file\":\"" + path + "\",\"changed\":true,\"written\":false}\n");
  EXPECT_EQ(*read_file(path), "const   a=1\n");
}

TEST_F(Fmt, AFileWithErrorsIsFormattedAroundThem) {
  const std::string path = write("const   a=1\n\nfn  f( {\n");
  const Ran ran = ran_command({"fmt", path});
  EXPECT_EQ(ran.status, ExitStatus::kUsage);
  EXPECT_NE(ran.err.find("error[RBK00"), std::string::npos) << ran.err;
  EXPECT_EQ(*read_file(path), "const a = 1\n\nfn  f( {\n");
}

TEST_F(Fmt, AFileThatIsNotThereIsNamed) {
  const Ran ran = ran_command({"fmt", "/nowhere/a.rbk"});
  EXPECT_EQ(ran.status, ExitStatus::kUsage);
  EXPECT_NE(ran.err.find("/nowhere/a.rbk cannot be read"), std::string::npos);
}

TEST(Explain, ShowsThePageOrTheList) {
  const Ran page = ran_command({"explain", "RBK0302"});
  EXPECT_EQ(page.status, ExitStatus::kSucceeded);
  EXPECT_TRUE(page.out.starts_with("RBK0302: nothing says how to undo it\n")) << page.out;
  EXPECT_NE(page.out.find("\nwrong\n    runbook"), std::string::npos) << page.out;
  EXPECT_EQ(page.out.find("```"), std::string::npos);
  const Ran list = ran_command({"explain"});
  EXPECT_NE(list.out.find("RBK0100  there is no such name\n"), std::string::npos);
  const Ran unknown = ran_command({"explain", "RBK0392"});
  EXPECT_EQ(unknown.status, ExitStatus::kUsage);
  EXPECT_NE(unknown.err.find("did you mean RBK0302?"), std::string::npos) << unknown.err;
}

TEST(Files, ADeviceAndAPipeTakeTheBytesAndStayWhatTheyAre) {
  const std::string pipe = own_file("pipe");
  unlink(pipe.c_str());
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_TRUE(write_file(pipe, "one"));
  char read_back[8] = {};
  EXPECT_EQ(read(reader, read_back, sizeof read_back), 3);
  close(reader);
  struct stat facts {};
  ASSERT_EQ(stat(pipe.c_str(), &facts), 0);
  EXPECT_TRUE(S_ISFIFO(facts.st_mode));
  unlink(pipe.c_str());
  EXPECT_EQ(write_file("/dev/full", "x").error().kind, ErrorKind::kFull);
  ASSERT_EQ(stat("/dev/full", &facts), 0);
  EXPECT_TRUE(S_ISCHR(facts.st_mode));
}

TEST(Files, AreReplacedAtOnceAndKeepTheirPermissions) {
  const std::string path = own_file("file");
  ASSERT_TRUE(write_file(path, "one"));
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  ASSERT_TRUE(write_file(path, "two"));
  struct stat facts {};
  ASSERT_EQ(stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  EXPECT_EQ(*read_file(path), "two");
  EXPECT_EQ(write_file("/nowhere/x", "y").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(read_file("/").error().cure, "name a file in it");
  unlink(path.c_str());
}

}  // namespace
}  // namespace rbk::cli
