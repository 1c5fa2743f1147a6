// `rbk run --confirm`: a person is asked before each step that writes.
#pragma once

#include <set>
#include <string>

#include "cli/terminal.h"
#include "engine/engine.h"

namespace rbk::cli {

/// Asks on `err` and reads the answers, a line each, from the descriptor `in`: yes, no, or all for
/// no further questions. The end of the input and Ctrl-C are a no. Attempts after a step's first
/// are not asked for again.
class Confirmation {
 public:
  Confirmation(const Terminal& terminal, int in) : terminal_(terminal), in_(in) {}

  /// Whether the attempt may begin.
  bool ask(const engine::AboutToWrite& attempt);

  /// The step that was refused; empty if none was.
  const std::string& refused() const { return refused_; }

 private:
  const Terminal terminal_;
  int in_;
  bool all_ = false;
  std::set<std::string> confirmed_;  // paths
  std::string refused_;
};

}  // namespace rbk::cli
