// What an Engine holds, and how its parts work together. Engine's thread only, but for
// `stop_level`.
//
//   drive.cpp      the loop: deliveries, commits, timers, messages, and when a run is let go
//   attempts.cpp   beginning, stopping and ending attempts; what a crash left
//   people.cpp     approvals, questions, cancellations, doubts: checking and posting them
//   messages.cpp   taking up what was posted
//   signals.cpp    signals: what may be sent, and sending it
//   locks.cpp      locks: what is told of them, and who has what
//   questions.cpp  what the store says of runs
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "engine/committer.h"
#include "engine/engine.h"
#include "engine/mailbox.h"
#include "engine/run_driver.h"
#include "engine/timers.h"

namespace rbk::engine {

/// An attempt that this process began and whose outcome is not durable yet.
struct LiveAttempt {
  RunKey run = 0;
  vm::RequestId request = 0;
  Action* action = nullptr;
  std::string key;  // attempt_key
  std::string path;
  uint64_t step = 0;
  uint32_t number = 1;
  bool timed_out = false;          // its time was up before it ended
  std::optional<Outcome> outcome;  // kept until durable
};

/// What news that only give a request refer to: the attempts that have not ended, by request.
struct KnownAttempts {
  struct Place {
    std::string path;
    uint64_t step = 0;
    uint32_t attempt = 0;
  };
  std::unordered_map<vm::RequestId, Place> places;
  uint64_t seen = 0;  // all entries up to this one are taken in

  /// Learns of attempts, and gives a repetition its path, step and attempt.
  void take(News& news);
};

struct Engine::State {
  State(std::unique_ptr<Store> opened, World given, ActionRegistry* registry);
  ~State();

  // ---- Parts
  std::unique_ptr<Store> store;
  World world;
  ActionRegistry* actions;
  std::shared_ptr<Mailbox> mailbox;
  std::unique_ptr<Committer> committer;
  Timers timers;
  std::map<RunKey, std::unique_ptr<RunDriver>> runs;  // that this engine holds
  std::unordered_map<uint64_t, LiveAttempt> attempts;
  uint64_t last_attempt = 0;
  std::set<RunKey> abandoned;  // let go while attempts ran
  std::set<RunKey> fresh;      // started and not driven yet: nothing of them has left
  std::vector<LogChunk> log_chunks;
  size_t log_chunk_bytes = 0;
  int64_t log_flush_at = 0;          // boot clock; 0: nothing to flush
  std::map<RunKey, DriveEnd> ended;  // of runs that were let go by the loop
  std::map<EngineKey, std::string> boots;
  EngineKey key = 0;  // 0 until it joined
  std::string boot;   // Clock::boot_identity
  Observer* observer = nullptr;
  std::function<bool(const AboutToWrite&)> confirm;
  int64_t look_at = 0;  // when to look for messages next, boot clock
  bool look_now = false;
  std::set<std::pair<RunKey, vm::RequestId>> locks_granted;  // at once, in a commit of ours
  int failures = 0;                                          // commits that failed in a row
  std::atomic<int> stop_level = 0;
  std::optional<Error> trouble;  // of the host: why nothing more was begun

  Moment now() { return {world.clock->wall(), world.clock->boot()}; }
  Status join();

  // ---- drive.cpp
  Result<RunDriver*> hold(const RunRow& row, int64_t patience_until = 0);
  Result<RunRow> claim(const RunRow& row, int64_t patience_until);
  Result<std::vector<DriveEnd>> drive(const std::vector<RunKey>& wanted,
                                      const DriveOptions& options);
  Status pump();
  Status flush(bool in_this_thread);
  Status settle_commit(Committed committed);
  Status restart_after(const Error& error, Group lost);
  void leave(RunDriver& driver, Leaving leaving);
  bool is_worth_telling(RunKey run, News& news);
  void note_locks(const CommitResult& result);
  void store_lines(RunDriver& driver);
  Result<std::string> begin_run(
      RunRow row, std::shared_ptr<const bytecode::Program> program,
      std::shared_ptr<const ProgramRow> stored,
      const std::function<Result<RecoveredRun>()>& beginning,
      const std::function<decltype(vm::Event::what)(const std::string&)>& first);
  Status check_origin(const RunRow& row);
  Result<RunRow> last_undoing(const std::string& run);
  Result<std::vector<vm::Undoable>> undoable(const RunRow& row);
  void open_fresh(RunDriver& driver);
  bool holder_lives(RunKey run);
  int64_t claim_patience();
  void fire(const Timer& timer);
  std::optional<DriveEnd::Why> resting(RunDriver& driver, const DriveOptions& options);
  Status let_go(RunDriver& driver, DriveEnd::Why why);
  /// Takes runs whose machines broke out of driving. They are only marked where it happens, since
  /// the driver is in use there.
  Status quarantine_broken();
  void remember_end(const RunRow& row, DriveEnd::Why why);
  void sleep_until_needed();
  void tell(const std::string& run, const News& news) {
    if (observer != nullptr) observer->on_news(run, news);
  }

  // ---- attempts.cpp
  void take_up(RunDriver& driver);
  void carry_out(RunDriver& driver, Asked& asked);
  bool may_begin(const RunDriver& driver, const Asked& asked);
  void begin_attempt(RunDriver& driver, Asked& asked);
  Result<RunSecrets*> secrets_of(RunDriver& driver);
  void hold_up(RunDriver& driver, Asked& asked, const Error& why);
  void find_again(RunDriver& driver, Asked& asked);
  void stop_attempt(RunDriver& driver, const vm::request::Stop& stop);
  void set_timer(RunDriver& driver, Asked& asked, int64_t until);
  void take_delivery(Delivery delivery);
  void end_attempt(uint64_t id, Outcome outcome);
  void effect_unknown(RunDriver& driver, Asked& asked);
  void stop_for(const RunDriver& driver, const std::string& why);
  void answer(RunDriver& driver, vm::event::Performed performed, uint64_t attempt = 0);
  bool same_boot(EngineKey engine);
  const std::string& boot_of(EngineKey engine);
  void tell_line(const RunDriver& driver, const LogLine& line);
  void store_line(RunDriver& driver, const LogLine& line);

  // ---- messages.cpp
  /// `in_time`: only those that were sent before the next time of their run is up.
  Status take_messages(bool in_time);
  static bool came_in_time(RunDriver& driver, const Message& message);
  void take_message(RunDriver& driver, const Message& message);
  void take_vote(RunDriver& driver, const Message& message);
  void take_resolution(RunDriver& driver, const Message& message, const boost::json::object& body);

  // ---- people.cpp
  Status check_output(const RunRow& row, vm::RequestId request, const boost::json::value& output,
                      const Person& by);
  Result<vm::Turn> try_on_machine(const RunRow& row, decltype(vm::Event::what) what);
  Status check_decision(const RunRow& row, const Wait& wait, vm::event::Decided decided);
  Status post(RunKey run, vm::RequestId request, Message::Kind kind,
              const boost::json::object& body, const Person& by, std::string id = {});
  Result<Wait> find_wait(const RunRow& row, Wait::Kind kind, const std::string& name);

  // ---- signals.cpp
  Status check_sender(const RunRow& row, const vm::event::Signalled& signal);
  Status check_signal(const RunRow& row, const std::shared_ptr<const bytecode::Program>& program,
                      const vm::event::Signalled& signal);

  // ---- locks.cpp
  Result<std::vector<LockState>> lock_states(const std::optional<RunKey>& run);

  // ---- questions.cpp
  Result<RunSummary> summarise(const RunRow& row);
  Result<WaitingFor> describe(const Wait& wait, const RunRow& row);
  Result<std::vector<WaitingFor>> waits_of(const RunRow& row);
  Result<std::vector<WaitingFor>> waits_of_kind(Wait::Kind kind, const std::string& run);
  Result<std::vector<News>> news_of(const RunRow& row, uint64_t after, KnownAttempts& known);
};

/// "user ann, group sre": of a list of people in a description.
std::string people_listed(const boost::json::object& description, std::string_view field);

/// A signal as its message holds it.
boost::json::object signal_body(const vm::event::Signalled& signal);
vm::event::Signalled signal_of(const boost::json::object& body);

/// The name of an approval, a question or a signal: its description's, else the last part of its
/// path.
std::string approval_name(const Wait& wait, const boost::json::object& description);

}  // namespace rbk::engine
