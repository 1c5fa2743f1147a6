// Where a command writes: results to standard output, errors to standard error, colour only where a
// person reads it.
#pragma once

#include <atomic>
#include <boost/json/object.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rbk::cli {

struct Terminal {
  std::FILE* out;
  std::FILE* err;
  bool json = false;        // `--json`: one object a line
  bool out_colour = false;  // a terminal, and NO_COLOR is not set
  bool err_colour = false;
  /// " --store URL" where one was given: what a printed command needs to find the same store.
  std::string store_option = {};
  std::shared_ptr<std::atomic<int>> out_failed = std::make_shared<std::atomic<int>>(0);

  /// The process's own streams, with colour where they are terminals.
  static Terminal of_process();

  /// The `errno` of the first `print` or `print_json` that did not reach `out`; 0 if all did.
  int out_error() const { return *out_failed; }

  void print(std::string_view text) const;
  void print_to_err(std::string_view text) const;
  void print_json(const boost::json::object& object) const;
  /// "error: message", and the cure on a line of its own; with `json` an object {"error", "cure"}
  /// instead.
  void print_error(const Error& error) const;
};

}  // namespace rbk::cli
