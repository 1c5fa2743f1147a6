#include "cli/secret_place.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace rbk::cli {
namespace {

class SecretPlaceTest : public ::testing::Test {
 protected:
  SecretPlaceTest() {
    char name[] = "/tmp/rbk-secret-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~SecretPlaceTest() override { std::filesystem::remove_all(folder_); }

  SecretPlace file(const std::string& content, mode_t mode = 0600) {
    const std::string path = folder_ + "/s";
    std::ofstream(path, std::ios::binary) << content;
    chmod(path.c_str(), mode);
    return {SecretPlace::Kind::kFile, "s"};
  }
  /// What is read, or "! " and what is wrong.
  std::string read(const SecretPlace& place) const {
    const Result<std::string> text = read_secret(place, "pw", folder_);
    if (text) return *text;
    EXPECT_EQ(text.error().kind, ErrorKind::kRefused);
    return "! " + text.error().message;
  }

  std::string folder_;
};

TEST_F(SecretPlaceTest, OneNewlineAtItsEndIsNoPartOfIt) {
  EXPECT_EQ(read(file("hunter2")), "hunter2");
  EXPECT_EQ(read(file("hunter2\n")), "hunter2");
  EXPECT_EQ(read(file("hunter2\r\n")), "hunter2");
  EXPECT_EQ(read(file("hunter2\n\n")), "hunter2\n");
  EXPECT_EQ(read(file("hunter2\r")), "hunter2\r");
  EXPECT_EQ(read(file("a\nb\nc ")), "a\nb\nc ");
}

TEST_F(SecretPlaceTest, WhatIsNoSecretIsSaidWithoutIt) {
  const std::string path = folder_ + "/s";
  const std::string begin = "! the secret `pw` can't be read: ";
  EXPECT_EQ(read(file("")), begin + path + " is empty");
  EXPECT_EQ(read(file("\n")), begin + path + " is empty");
  EXPECT_EQ(read(file("abc\n")), begin + path + " has fewer than 4 bytes");
  EXPECT_EQ(read(file(std::string(16384, 'x') + "\n")), std::string(16384, 'x'));
  EXPECT_EQ(read(file(std::string(16385, 'x'))), begin + path + " has more than 16KiB");
  EXPECT_EQ(read(file(std::string(1 << 20, 'x'))), begin + path + " has more than 16KiB");
  EXPECT_EQ(read(file(std::string("ab\0cd", 5))), begin + path + " is no text");
  EXPECT_EQ(read(file("ab\xff\xfe")), begin + path + " is no text");
  EXPECT_EQ(read(file("hunter2", 0622)), begin + "everybody may write to " + path);
  EXPECT_EQ(read({SecretPlace::Kind::kFile, "."}), begin + folder_ + "/ is no plain file");
  EXPECT_EQ(read({SecretPlace::Kind::kFile, "/no/such"}),
            begin + "/no/such: No such file or directory");
  EXPECT_EQ(read({SecretPlace::Kind::kVariable, "RBK_NO_SUCH"}),
            begin + "the variable RBK_NO_SUCH is not set");
  setenv("RBK_SECRET_TEST", "", 1);
  EXPECT_EQ(read({SecretPlace::Kind::kVariable, "RBK_SECRET_TEST"}),
            begin + "the variable RBK_SECRET_TEST is empty");
  setenv("RBK_SECRET_TEST", "from there", 1);
  EXPECT_EQ(read({SecretPlace::Kind::kVariable, "RBK_SECRET_TEST"}), "from there");
}

TEST_F(SecretPlaceTest, AFileForAllEyesIsDoubtful) {
  EXPECT_FALSE(doubtful(file("hunter2", 0640), folder_));
  EXPECT_NE(doubtful(file("hunter2", 0644), folder_).value_or("").find("chmod 600"),
            std::string::npos);
  EXPECT_FALSE(doubtful({SecretPlace::Kind::kVariable, "HOME"}, folder_));
}

}  // namespace
}  // namespace rbk::cli
