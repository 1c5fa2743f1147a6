#include "stdlib/exec/program_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace rbk::stdlib {
namespace {

class ProgramFileTest : public ::testing::Test {
 protected:
  ProgramFileTest() {
    char name[] = "/tmp/rbk-program-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~ProgramFileTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text, mode_t mode = 0755) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  std::string unfit(const std::string& text, mode_t mode = 0755) {
    const auto file = read_program(write("p", text, mode));
    return file && file->unfit ? file->unfit->message : "";
  }
  std::string refusal(const std::string& path, const Digest& hash) {
    const Status fits = check_program(folder_, path, hash);
    return fits ? "" : fits.error().message + "; " + fits.error().cure;
  }

  std::string folder_;
};

TEST_F(ProgramFileTest, SaysWhatNobodyCanStart) {
  EXPECT_EQ(unfit("#!/bin/sh\n"), "");
  EXPECT_EQ(unfit("#!/bin/sh\n", 0644), "it is not executable");
  EXPECT_NE(unfit("echo\n").find("first line"), std::string::npos);
  EXPECT_NE(unfit("").find("first line"), std::string::npos);
  EXPECT_NE(unfit("#!/bin/sh\r\necho\r\n").find("Windows"), std::string::npos);
  EXPECT_NE(unfit("\xef\xbb\xbf#!/bin/sh\n").find("byte order mark"), std::string::npos);
  EXPECT_EQ(unfit(std::string("\x7f"
                              "ELF\0\0",
                              6)),
            "");
}

TEST_F(ProgramFileTest, OnlyAnOrdinaryFileIsRead) {
  write("near.py", "#!/bin/sh\n");
  const auto missing = read_program(folder_ + "/near");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(missing.error().cure.find("near.py"), std::string::npos);
  EXPECT_EQ(read_program(folder_ + "/near.py/x").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(read_program(folder_).error().message, "this is a folder");
  mkfifo((folder_ + "/pipe").c_str(), 0755);
  EXPECT_EQ(read_program(folder_ + "/pipe").error().message, "this is no ordinary file");
}

TEST_F(ProgramFileTest, AProgramThatIsNotWhatItWasIsRefused) {
  const Digest hash = sha256("#!/bin/sh\n");
  write("p", "#!/bin/sh\n");
  EXPECT_EQ(refusal("p", hash), "");
  write("p", "#!/bin/sh\n# changed\n");
  const std::string changed = refusal("p", hash);
  EXPECT_NE(changed.find("`p`"), std::string::npos) << changed;
  EXPECT_NE(changed.find(to_hex(hash).substr(0, 12)), std::string::npos) << changed;
  EXPECT_NE(changed.find(to_hex(sha256("#!/bin/sh\n# changed\n")).substr(0, 12)), std::string::npos)
      << changed;
  EXPECT_NE(changed.find("put that one back"), std::string::npos) << changed;
  write("p", "#!/bin/sh\n", 0644);
  EXPECT_NE(refusal("p", hash).find("chmod +x"), std::string::npos);
  EXPECT_NE(refusal("q", hash).find(folder_ + "/q"), std::string::npos);
  write("i", "#!/no/such/interpreter -x\n");
  EXPECT_NE(refusal("i", sha256("#!/no/such/interpreter -x\n")).find("/no/such/interpreter,"),
            std::string::npos);
}

}  // namespace
}  // namespace rbk::stdlib
