// Where a command writes: results to standard output, errors to standard error, colour only where a
// person reads it.
#pragma once

#include <boost/json/object.hpp>
#include <cstdio>
#include <string_view>

#include "base/result.h"

namespace rbk::cli {

struct Terminal {
  std::FILE* out;
  std::FILE* err;
  bool json = false;        // `--json`: one object a line
  bool out_colour = false;  // a terminal, and NO_COLOR is not set
  bool err_colour = false;

  /// The process's own streams, with colour where they are terminals.
  static Terminal of_process();

  void print(std::string_view text) const;
  void print_to_err(std::string_view text) const;
  void print_json(const boost::json::object& object) const;
  /// "error: message", and the cure on a line of its own; with `json` an object {"error", "cure"}
  /// instead.
  void print_error(const Error& error) const;
};

}  // namespace rbk::cli
