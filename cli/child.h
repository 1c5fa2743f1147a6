// A program that is run for a short while, with text in and text out: what tells a target, what
// knows groups. Commands of runbooks are no such thing: they have their supervisor.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace rbk::cli {

struct Child {
  std::vector<std::string> words;  // the program by its path, and its arguments
  std::string folder;              // that it runs in; empty: this process's
  std::string input;
  std::vector<std::pair<std::string, std::string>> environment;  // besides this process's own
  int64_t timeout = 0;                                           // microseconds; then it is killed
  size_t most_output = 64 * 1024;                                // bytes; more is an error
};

/// Its output, once it has ended with 0. It is killed with all that it has started when its time is
/// up, or `stopped` is set. Errors say what it ended with and the end of what it said; kLimit: too
/// much output; kIo: it can't be started. Blocks; any thread.
Result<std::string> run_child(const Child& child, const std::atomic<bool>* stopped = nullptr);

/// Starts it in a session of its own, without input and output, and does not wait for it.
Status start_apart(const Child& child);

}  // namespace rbk::cli
