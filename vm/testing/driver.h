// Drives one run of a program in a test. Every event also goes through its encoding, and to a
// second machine that was restored from a snapshot taken just before; `finish` replays all events
// on a fresh one. All must agree in every request, mark and byte of their snapshots: so each test
// tests resumption at each of its waiting points.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vm/machine.h"

namespace rbk::vm::testing {

class Driver {
 public:
  /// Assembles and verifies the text; `runbook` 0 runs. Ends the process if it is not valid.
  explicit Driver(std::string_view text, Limits limits = {});

  /// Starts with the arguments, given as JSON text.
  void start(std::string_view arguments = "[]");

  // Answers to the oldest request that fits, or to one whose path is given. Outputs are JSON text.
  void ok(std::string_view output, std::string_view path = {});
  void fails(std::string_view kind, std::string_view message, bool retryable = false,
             Effect effect = Effect::kDone, std::string_view path = {});
  void ends(event::Performed::How how, Effect effect, std::string_view path = {});
  /// The earliest Sleep is due; time goes on to it.
  void wake();
  /// Only time goes on.
  void pass(int64_t microseconds) { time_ += microseconds; }
  void signal(std::string_view name, std::string_view payload = "null",
              std::string_view sender = "eve", std::vector<std::string> groups = {});
  void signal_late();
  /// Answers the oldest Acquire, or that of the lock of this name.
  void lock(event::Acquired::How how = event::Acquired::How::kGranted, std::string_view name = {});
  void lock_late();
  void approve(std::string_view form, std::vector<std::string> by = {"eve"});
  void reject(std::string_view reason);
  void expire();
  /// Answers an AskFailure or else an AskDoubt; a skip without one the oldest Perform.
  void resolve(event::Resolved::How how, std::string_view output = "null");
  void cancel(bool rollback, bool now = false);
  void roll_back(std::string_view to = {});

  /// Delivers anything. The answer of the machine itself.
  Result<Turn> send(decltype(Event::what) what);

  /// Replays everything, compares, and gives the trace: one line for each request, mark and ending.
  std::string finish();
  /// The trace since the last call.
  std::string trace();

  const Ending* ending() const { return ending_ ? &*ending_ : nullptr; }
  Machine& machine() { return *machine_; }
  const std::shared_ptr<const bytecode::Program>& program() const { return program_; }
  int64_t started() const { return kStart; }

  static constexpr int64_t kStart = 1'800'000'000'000'000;

 private:
  void deliver(decltype(Event::what) what);
  const Request* find(size_t kind, std::string_view path);
  std::string describe(const Turn& turn) const;

  std::shared_ptr<const bytecode::Program> program_;
  Limits limits_;
  std::unique_ptr<Machine> machine_;
  std::vector<Request> pending_;
  std::vector<Event> events_;
  std::vector<std::string> snapshots_;
  std::optional<Ending> ending_;
  int64_t time_ = kStart;
  std::string trace_;
  std::string all_;
};

}  // namespace rbk::vm::testing
