#include "base/quoting.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>

namespace rbk {
namespace {

/// What a shell takes the word for.
std::string read_by(const char* shell, const std::string& word) {
  const std::string script = "printf %s " + word;
  std::string command = std::string(shell) + " -c " + shell_word(script);
  FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  std::array<char, 256> buffer;
  for (size_t length; (length = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    text.append(buffer.data(), length);
  pclose(pipe);
  return text;
}

TEST(ShellWord, IsReadByTheShellAsItWas) {
  for (const char* text : {"go", "", "go[a]", "w[a b]", "$(touch x)", "it's", "a;b", "*", "-x", "~",
                           "`id`", "a\nb", "\\", "ü"}) {
    EXPECT_EQ(read_by("sh", shell_word(text)), text);
    EXPECT_EQ(read_by("bash", shown_shell_word(text)), text);
  }
  EXPECT_EQ(shell_word("go"), "go");
  EXPECT_EQ(shell_word("go[a]"), "'go[a]'");
}

TEST(ShellWord, IsShownOnOneLineWithoutControlCharacters) {
  EXPECT_EQ(shown_shell_word("w[a\n\x1b[31m'x']"), "$'w[a\\x0a\\x1b[31m\\'x\\']'");
  EXPECT_EQ(read_by("bash", shown_shell_word("w[a\n\x1b[31m'x'\\]")), "w[a\n\x1b[31m'x'\\]");
}

}  // namespace
}  // namespace rbk
