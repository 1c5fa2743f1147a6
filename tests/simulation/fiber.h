// Several processes in one thread: each has a stack of its own, and goes on until it yields.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>

namespace rbk::simulation {

/// Must have ended before it is destroyed.
class Fiber {
 public:
  explicit Fiber(std::function<void()> body);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// From outside: goes on with it until it yields or ends.
  void resume();
  /// From inside: back to whoever resumed it.
  void yield();
  bool ended() const { return ended_; }

 private:
  static void enter(unsigned low, unsigned high);
  void leave(bool for_good);

  std::function<void()> body_;
  ucontext_t own_{};
  ucontext_t outside_{};
  void* stack_ = nullptr;
  bool ended_ = false;
  // What the sanitizers want to know of both stacks.
  [[maybe_unused]] void* own_shadow_ = nullptr;
  [[maybe_unused]] void* outside_shadow_ = nullptr;
  [[maybe_unused]] const void* outside_stack_ = nullptr;
  [[maybe_unused]] size_t outside_size_ = 0;
};

}  // namespace rbk::simulation
