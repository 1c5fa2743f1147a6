// One run that this engine holds: its machine, what it has asked for, and what of it is not durable
// yet. The machine may run ahead of the store; what it wants leaves only by `committed`.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/action.h"
#include "engine/asked.h"
#include "engine/ids.h"
#include "engine/journal.h"
#include "engine/limits.h"
#include "engine/news.h"
#include "engine/notices.h"
#include "engine/recovery.h"
#include "engine/run_secrets.h"
#include "engine/store.h"
#include "engine/takeover.h"
#include "vm/machine.h"

namespace rbk::engine {

/// Both clocks, read once for all that happens together.
struct Moment {
  int64_t wall = 0;  // microseconds since the epoch
  int64_t boot = 0;  // microseconds, Clock::boot
};

/// A line that the runbook itself logs.
struct RunLogLine {
  uint64_t step = 0;
  std::string path;
  LogStream stream = LogStream::kInfo;
  int64_t time = 0;
  std::string text;
  size_t after_news = 0;  // so many of the news that leave with it came before it
};

/// What may leave once its cause is durable.
struct Leaving {
  std::vector<News> news;
  std::vector<RunLogLine> lines;
  std::vector<vm::RequestId> requests;   // to carry out
  std::vector<vm::request::Stop> stops;  // attempts that are not wanted any more
  std::vector<uint64_t> acknowledged;    // attempts whose outcome is durable
};

class RunDriver {
 public:
  RunDriver(RunRow row, std::shared_ptr<const bytecode::Program> program, RecoveredRun run,
            EngineKey engine);

  /// Gives the machine an event, with its time, and writes down what follows. `answers`: the
  /// request that it answers, 0 if none; `attempt`: whose outcome it is, 0 if nobody's. Errors are
  /// the machine's: kInvalid leaves everything as it was.
  Status deliver(decltype(vm::Event::what) what, Moment now, vm::RequestId answers = 0,
                 uint64_t attempt = 0);

  /// Writes one of the engine's own entries about requests that wait.
  void note(Entry::Kind kind, const std::vector<vm::RequestId>& requests, Moment now);
  /// Nothing further begins, or goes on to.
  void pause(bool paused, const std::string& by, Moment now);
  /// What became of an attempt in another run is what becomes of this one; that is delivered next.
  void take_over(const TakenOver& taken, const std::string& run, bool in_doubt, Moment now);
  /// From here on the run has the program that this driver was made with.
  void change_program(const Upgraded& upgraded, Moment now);
  /// News of earlier entries are told with what is to be committed next, as of its time.
  void tell_now(std::vector<News> news);
  /// The message is dealt with, by what was delivered just before or without effect.
  void take_message(int64_t key);
  /// The run is let go with what is to be committed next. `with_snapshot`: so that resuming is
  /// quick.
  void let_go(bool with_snapshot);

  /// Something is to be committed.
  bool dirty() const { return dirty_; }
  bool in_flight() const { return in_flight_; }
  /// Hands over what is to be committed.
  RunChange take();
  /// Of what is to be committed: whom to tell of it, but for waits.
  std::vector<Occasion> take_occasions() { return std::exchange(occasions_, {}); }
  /// The change that was taken is durable.
  Leaving committed();

  bool over() const { return is_over(row_.status); }
  bool paused() const { return paused_; }
  const RunRow& row() const { return row_; }
  const bytecode::Program& program() const { return *program_; }
  const std::shared_ptr<const bytecode::Program>& shared_program() const { return program_; }
  AskedRequests& asked() { return asked_; }
  const vm::Machine& machine() const { return machine_; }
  /// The time of its last entry.
  int64_t time() const { return time_; }

  /// Lines of the change that was taken.
  const std::vector<RunLogLine>& lines_in_flight() const { return in_flight_leaving_.lines; }
  /// A new run, once the store has given it a key; `row` as it was committed.
  void adopt(const RunRow& row, EngineKey holder);

  struct Starting {
    vm::RequestId request = 0;
    vm::request::Start start;
  };
  /// The runs that it begins by the change that is taken next.
  std::vector<Starting> take_starting() { return std::exchange(starting_, {}); }
  /// Its labels as they are now.
  const boost::json::object& labels() const { return labels_; }

  /// Something happened to it since it was brought back, and that is durable.
  bool got_further() const { return got_further_; }

  std::optional<Keys> keys;              // made when they are first needed
  std::optional<RunSecrets> secrets;     // likewise
  std::unique_ptr<Takeover> takeover;    // likewise; of a retry only
  std::shared_ptr<const Limits> limits;  // of its program; null: none
  bool somebody_listens = true;          // to the news
  std::optional<Error> broken;      // its machine did what it must not: it is to be quarantined
  std::optional<Error> held_up;     // why nothing more of it begins here; it goes on another time
  std::vector<std::string> acting;  // who really says what is delivered next: "root (as dan)"
  bool is_given_up = false;         // cancelled `now`: what would hold it up fails instead
  std::set<int64_t> messages_seen;
  size_t attempts = 0;    // that run in this process
  int64_t log_bytes = 0;  // stored so far

 private:
  Entry& begin_entry(Entry::Kind kind, Moment now);
  void tell_acting(boost::json::object& said) const;
  void tell_starter(const vm::event::Started& started, std::vector<News>& news) const;
  void tell_decision(const vm::Request& request, const vm::Event& event, std::vector<News>& news);
  void tell_locked(const vm::request::Acquire& acquire, const Asked& asked, const vm::Event& event,
                   std::vector<News>& news);
  void tell_run_ended(const vm::Request& request, const vm::event::RunEnded& ended,
                      std::vector<News>& news);
  void tell_marks(std::vector<vm::Mark> marks, std::vector<News>& news);
  void tell_requests(const std::vector<vm::Request>& requests, std::vector<News>& news);
  std::string begun_by(vm::RequestId request);
  bool settle_facts();
  void settle_status(std::vector<News>& news);
  void close_entry(Entry& entry, std::vector<News> news, const boost::json::value* output);
  void end(const vm::Ending& ending, std::vector<News>& news);

  RunRow row_;  // with what is not durable yet
  std::shared_ptr<const bytecode::Program> program_;
  vm::Machine machine_;
  AskedRequests asked_;
  EngineKey engine_;
  int64_t time_ = 0;
  RunChange change_;
  std::vector<Starting> starting_;
  Leaving leaving_;                  // waits for change_
  std::vector<Occasion> occasions_;  // likewise
  Leaving in_flight_leaving_;
  bool paused_ = false;
  bool dirty_ = false;
  bool in_flight_ = false;
  bool event_to_come_ = false;  // in change_
  bool event_in_flight_ = false;
  bool got_further_ = false;
  bool labels_changed_ = false;
  boost::json::object labels_;
  uint64_t entries_since_snapshot_ = 0;
  size_t bytes_since_snapshot_ = 0;
  size_t snapshot_bytes_ = 0;
};

}  // namespace rbk::engine
