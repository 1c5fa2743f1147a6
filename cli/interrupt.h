// Ctrl-C while a run goes on.
#pragma once

#include <csignal>

#include "engine/engine.h"

namespace rbk::cli {

/// While it lives, the first SIGINT or SIGTERM stops the engine at the next step border, the second
/// and any SIGQUIT at once. One at a time in a process.
class Interrupts {
 public:
  explicit Interrupts(engine::Engine& engine);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// How often it was asked to stop. Any thread.
  static int count();
  /// Whether it was to stop at once. Any thread.
  static bool stopped_at_once();

 private:
  struct sigaction interrupt_before_ {};
  struct sigaction terminate_before_ {};
  struct sigaction quit_before_ {};
};

}  // namespace rbk::cli
