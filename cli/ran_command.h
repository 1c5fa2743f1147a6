// Runs one command in this process, for tests.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "cli/command.h"

namespace rbk::cli {

struct Ran {
  ExitStatus status;
  std::string out;
  std::string err;
};

/// A file's path that no other test has, which may run at the same time.
inline std::string own_file(const std::string& name) {
  return ::testing::TempDir() + "rbk-" + std::to_string(getpid()) + "-" + name;
}

inline std::string read_back(std::FILE* file) {
  std::rewind(file);
  std::string text(1 << 16, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

inline Ran ran_command(const std::vector<std::string>& words) {
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  const Terminal terminal{std::tmpfile(), std::tmpfile()};
  Ran ran{dispatch(terminal, pointers), {}, {}};
  ran.out = read_back(terminal.out);
  ran.err = read_back(terminal.err);
  return ran;
}

}  // namespace rbk::cli
