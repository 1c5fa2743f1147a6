#include "cli/interrupt.h"

#include <atomic>
#include <cerrno>

namespace rbk::cli {
namespace {

// A signal handler reaches nothing but what is global.
std::atomic<engine::Engine*> g_engine{nullptr};
std::atomic<int> g_count{0};
std::atomic<bool> g_at_once{false};

void on_signal(int signal) {
  const int before = errno;
  engine::Engine* engine = g_engine.load();
  const int count = g_count.fetch_add(1);
  const bool at_once = count > 0 || signal == SIGQUIT;
  if (at_once) g_at_once = true;
  if (engine != nullptr)
    engine->stop(at_once ? engine::StopHow::kAtOnce : engine::StopHow::kAtBorder);
  errno = before;
}

}  // namespace

Interrupts::Interrupts(engine::Engine& engine) {
  g_count = 0;
  g_at_once = false;
  g_engine = &engine;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &interrupt_before_);
  sigaction(SIGTERM, &action, &terminate_before_);
  sigaction(SIGQUIT, &action, &quit_before_);
}

Interrupts::~Interrupts() {
  sigaction(SIGINT, &interrupt_before_, nullptr);
  sigaction(SIGTERM, &terminate_before_, nullptr);
  sigaction(SIGQUIT, &quit_before_, nullptr);
  g_engine = nullptr;
}

int Interrupts::count() { return g_count; }
bool Interrupts::stopped_at_once() { return g_at_once; }

}  // namespace rbk::cli
