// The machine: runs one run of one program, and touches nothing outside itself. It reads no clock,
// does no I/O and draws no random number: events come in, in one order, each with its time;
// requests and marks come out. The same events give the same turns, always, on every host: that is
// what makes a run resumable. Not thread-safe; different machines may run on different threads.
//
//   Machine machine(program, limits);
//   Turn turn = machine.deliver(Event::start(...));   // runs until every fiber waits
//   ... journal the event, commit, then carry out turn.requests ...
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "vm/bytecode/program.h"

namespace rbk::vm {

/// Names what a machine has asked for; counts from 1 within a run, the same at every replay.
using RequestId = uint64_t;

/// An error of the language as it crosses the machine's border.
struct ErrorValue {
  std::string kind;  // "ShellError", "http.ServerError", "Timeout"
  std::string message;
  bool retryable = false;
  boost::json::object fields;
  friend bool operator==(const ErrorValue&, const ErrorValue&) = default;
};

/// What is known of an attempt's effect when it ends.
enum class Effect : uint8_t { kNone, kDone, kUnknown };

// ---- In: what happened
// -----------------------------------------------------------------------------

namespace event {
/// First of all. `seed` feeds what looks random (jitter, `random()`).
struct Started {
  uint32_t runbook = 0;          // index into Program::runbooks
  boost::json::array arguments;  // one for each parameter, defaults filled in
  std::string run;               // the run's id, for run.id
  std::string url;
  std::string starter;
  std::string reason;
  boost::json::object labels;
  uint64_t seed = 0;
  std::vector<std::string> overrides;  // names of calendars that do not hold it back
  std::vector<double> draws;           // in tests: what `random` draws, each from 0 to below 1
};
/// The one terminal event of a Perform.
struct Performed {
  enum class How : uint8_t {
    kOk,       // output
    kError,    // error, effect
    kTimeout,  // its time was up; effect says what is known
    kStopped,  // it was asked to stop; effect
    kInDoubt,  // whoever ran it died (a crash): only for steps whose on doubt is not retry
    kLeft,     // nobody knows, and a person says that it failed and that all is to be left; error
  };
  RequestId request = 0;
  How how = How::kOk;
  boost::json::value output;
  ErrorValue error;
  Effect effect = Effect::kDone;
};
/// A Sleep's or Timer's time has come; an Approve's expiry too.
struct Woke {
  RequestId request = 0;
};
/// A person decided on an Approve, or answered a question: that is approved.
struct Decided {
  RequestId request = 0;
  bool approved = false;
  boost::json::object form;  // approved: by field name
  std::vector<std::string> by;
  std::string reason;  // rejected; approved: why one person broke the glass, else empty
};
/// A person answered an AskDoubt, or an AskFailure: there kNotDone tries the step again. kSkip, of
/// an AskFailure or of a Perform that was certainly not begun: the step is left out, with this
/// output, and nothing of it is undone later. kInvalid while something is being undone.
struct Resolved {
  enum class How : uint8_t { kDone, kNotDone, kFail, kLeave, kSkip };
  RequestId request = 0;
  How how = How::kDone;
  boost::json::value output;
  std::string by;
};
/// A person cancels the run. What is shielded goes on first: rollbacks, defers and handlers run to
/// their end. A second one is taken only if it is the first that says `now`.
struct Cancelled {
  bool rollback = false;  // undo what was done; otherwise it is left
  bool now = false;       // what would be let finish is killed
  std::string by;
};
/// An Acquire is decided: the only answer to it besides Woke.
struct Acquired {
  enum class How : uint8_t {
    kGranted,
    kDeadlock,  // to wait for it would close a circle; message
    kTaken,     // it was to be refused if it is taken; message
  };
  RequestId request = 0;
  How how = How::kGranted;
  std::string message;
};
/// Somebody sent a signal of a name that the program waits for. The oldest wait for it that lets
/// this sender takes it: a Forget of its request follows. Otherwise it is kept for a wait to come.
struct Signalled {
  std::string name;
  boost::json::value payload;
  std::string sender;
  std::vector<std::string> groups;  // that the sender belonged to
};
/// The run of a Start or of an UndoRun has ended.
struct RunEnded {
  RequestId request = 0;
  bool ok = false;           // it did what it was to do: output
  bool partial = false;      // ok, but for failures that it tolerates
  bool undo_failed = false;  // not ok: something of it could not be undone
  boost::json::value output;
  ErrorValue error;  // not ok: a RunFailed {run, runbook, status, cause}
};
/// A person undoes what a run did, after it has ended: the newest first, down to the step `to` and
/// with it (empty: everything). Only a machine that has ended takes it; it goes on, and ends anew:
/// kSucceeded (all was undone) or kRollbackFailed. It stands in the journal of a run of its own,
/// whose machine is made by replaying the first run's journal before.
struct RollBack {
  std::string to;  // a path of `undoable`
  std::string by;
};
}  // namespace event

struct Event {
  int64_t time = 0;  // microseconds since the epoch; never smaller than the event's before
  std::variant<event::Started, event::Performed, event::Woke, event::Decided, event::Resolved,
               event::Cancelled, event::RollBack, event::Signalled, event::Acquired,
               event::RunEnded>
      what;
};

/// The journal's form of an event: versioned, compact. Decoding trusts nothing.
std::string encode(const Event& event);
Result<Event> decode_event(std::string_view bytes);

/// What is held by one at a time, or by `limit` of them: a name in one of several spaces.
struct Lock {
  enum class Space : uint8_t {
    kLock,       // `lock "name"`
    kExclusive,  // `exclusive "name"` of a runbook
    kMax,        // `max n` of a runbook, by the runbook's name
    kRunEnd,     // what one who waits for a run waits for, by its id; nobody asks for it
  };
  Space space = Space::kLock;
  std::string name;
  int64_t limit = 1;
  bool same(const Lock& other) const { return space == other.space && name == other.name; }
};

// ---- Out: what is wanted
// -------------------------------------------------------------------------

namespace request {
/// Carry out an action; answered by exactly one Performed.
struct Perform {
  uint32_t action = 0;  // index into Program::actions
  boost::json::object arguments;
  bytecode::Behaviour behaviour = bytecode::Behaviour::kWrites;
  bytecode::Doubt doubt = bytecode::Doubt::kDefault;
  std::optional<int64_t> timeout;  // microseconds
  std::string path;                // the step's: "patch[web-1]/boot"
  uint64_t step = 0;               // the step's number in this run: part of its idempotency key
  uint32_t attempt = 1;            // of this step, from 1
  uint32_t generation = 0;         // how often a person had it tried again: part of that key too
};
/// A Perform is not wanted any more. Its Performed still comes.
struct Stop {
  enum class How : uint8_t {
    kGentle,     // end it, gently
    kLetFinish,  // if it runs, let it; it is not begun or repeated any more, nor asked about
    kKill,       // end it at once
  };
  RequestId perform = 0;
  How how = How::kGentle;
};
/// Answer with Woke at this time.
struct Sleep {
  int64_t until = 0;
};
/// Put it before people; answered by Decided, or by Woke at `expires`.
struct Approve {
  std::string path;                // its name's, as a step's: "patch[web-1]/go"
  boost::json::value description;  // {name, question, by: [{user|group: "x"}], not_by, quorum,
                                   // allow_starter, notify, form: {fields}, escalate_after
                                   // (a duration's text), escalate_to, break_glass}
  std::optional<int64_t> expires;
  /// Its answer is all that is wanted. Described by {name, question, by, form}, where `by` may hold
  /// {"starter": true}.
  bool is_question = false;
};
/// Ask a person what became of the last attempt; answered by Resolved.
struct AskDoubt {
  RequestId perform = 0;
  std::string path;
};
/// A step has failed for good, and a person is to say what becomes of it; answered by Resolved.
struct AskFailure {
  std::string path;  // the step's
  uint64_t step = 0;
  ErrorValue error;                         // what it failed with
  bool in_doubt = false;                    // whether its last attempt had its effect is not known
  bytecode::TypeId type = bytecode::kNone;  // of its output; kNone: it has none
  boost::json::value by;                    // as of an AwaitSignal
};
/// A Sleep, Timer, Approve, AskDoubt, AskFailure, AwaitSignal, Acquire or UndoRun is not wanted any
/// more; no answer comes.
struct Forget {
  RequestId request = 0;
};
/// Wait for a signal: a Signalled of this name answers it, or Woke at `expires`.
struct AwaitSignal {
  std::string path;  // as of an Approve
  std::string name;
  boost::json::value by;  // who may send it: [{user|group: "x"}, {"starter": true}]; null: anybody
  std::optional<int64_t> expires;
};
/// Wait for a lock: answered by Acquired, or by Woke at `until`. It is held until a Release names
/// this request, or the run ends.
struct Acquire {
  enum class Mode : uint8_t {
    kQueue,
    kReject,         // if it is taken: answer so, at once
    kCancelRunning,  // if it is taken: cancel the runs that hold it or wait for it, then wait
  };
  std::string path;  // of the step around it; empty: the run's own
  Lock lock;
  Mode mode = Mode::kQueue;
  std::optional<int64_t> until;
  bool unwinds = false;  // something can't be undone without it
  /// The Acquires of this run that can't be released before this one is answered.
  std::vector<RequestId> under;
};
/// What an Acquire gave is free.
struct Release {
  RequestId acquire = 0;
  Lock lock;
};
/// Begin a run of its own of a runbook of this program. Answered by RunEnded once it has ended; one
/// that is detached is not waited for: no answer comes.
struct Start {
  uint32_t runbook = 0;                // index into Program::runbooks
  boost::json::array arguments;        // one for each parameter; they keep its conditions
  std::string run;                     // its id: this run's, `-`, and which of its runs it is
  std::vector<std::string> overrides;  // calendars that do not hold this run back
  bool detached = false;
  std::string path;      // of the step
  uint64_t step = 0;     // the step's number in this run
  uint32_t attempt = 1;  // of this step, from 1
  /// The Acquires of this run that can't be released before the answer.
  std::vector<RequestId> under;
};
/// The run of a Start is not wanted any more: it is to be cancelled so. Its RunEnded still comes.
struct CancelRun {
  RequestId start = 0;
  bool rollback = false;
  bool now = false;
};
/// Undo what a started run did that has ended, by a run of its own; answered by RunEnded.
struct UndoRun {
  std::string run;   // that is to be undone
  std::string path;  // of the step that started it
  std::vector<RequestId> under;
};
}  // namespace request

/// "the lock `db`", "`exclusive \"restart-api\"`": for people.
std::string describe(const Lock& lock);

/// Whether somebody may send it to a wait with this `by`.
bool may_send(const boost::json::value& by, const event::Signalled& signal,
              const std::string& starter);

struct Request {
  RequestId id = 0;
  std::variant<request::Perform, request::Stop, request::Sleep, request::Approve, request::AskDoubt,
               request::Forget, request::AwaitSignal, request::Acquire, request::Release,
               request::Start, request::CancelRun, request::UndoRun, request::AskFailure>
      what;
};

/// News for people: what the store shows. Follows from the events, so a replay makes it again.
struct Mark {
  enum class Kind : uint8_t {
    kStepBegan,      // path, step, title
    kStepEnded,      // path, step, status, output (ok) or error
    kAttemptFailed,  // path, step, attempt, error; `wait` before the next
    kUndoBegan,      // path: the step that is undone
    kUndoEnded,      // path; error if it failed
    kLog,            // level, text
    kNote,           // text
    kLabel,          // text: key, output: value
    kProgress,       // output: [done, total]
    kAttach,         // text: a path
    kCommitted,      // text: why
  };
  enum class StepStatus : uint8_t { kSucceeded, kFailed, kSkipped, kCancelled };
  Kind kind = Kind::kLog;
  std::string path;
  uint64_t step = 0;
  uint64_t parent = 0;  // the step around it, 0 at the top
  std::string title;
  StepStatus status = StepStatus::kSucceeded;
  uint32_t attempt = 0;
  std::string level;  // info warn error debug
  std::string text;
  int64_t wait = 0;  // microseconds
  boost::json::value output;
  std::optional<ErrorValue> error;
};

/// How the run ended.
struct Ending {
  enum class Status : uint8_t { kSucceeded, kPartial, kFailed, kRollbackFailed, kCancelled };
  Status status = Status::kSucceeded;
  bool rolled_back = false;  // everything that had a rollback was undone
  boost::json::value output;
  std::optional<ErrorValue> error;
};

/// A finished step that can still be undone.
struct Undoable {
  std::string path;
  uint64_t step = 0;
  friend bool operator==(const Undoable&, const Undoable&) = default;
};

struct FiberState;

/// What of a run an attempt belongs to.
enum class Part : uint8_t {
  kWork,
  kDefer,        // a `defer` of something that ended well
  kFailedDefer,  // a `defer` of something that failed or was cancelled
  kCleanUp,      // a rollback, or a handler
};

/// What one event led to.
struct Turn {
  std::vector<Request> requests;
  std::vector<Mark> marks;
  std::optional<Ending> ending;
};

// ---- The machine
// --------------------------------------------------------------------------------

/// A machine keeps that many signals which nothing has waited for yet.
inline constexpr size_t kMostSignals = 200;
/// Runs start runs so deep: a run that was started by one that was started …
inline constexpr size_t kDeepestRuns = 16;

struct Limits {
  uint64_t fuel = 2'000'000'000;          // backward jumps, calls and waits in one turn
  uint64_t memory = uint64_t{256} << 20;  // bytes of live values, counted abstractly
  uint32_t call_depth = 1000;
};

class Machine {
 public:
  /// The program must have come from `load` or `verify`. The machine shares it.
  Machine(std::shared_ptr<const bytecode::Program> program, Limits limits);
  ~Machine();
  Machine(Machine&&) noexcept;
  Machine& operator=(Machine&&) noexcept;

  /// Runs until every fiber waits, or the run has ended. kInvalid: an event that nothing waits for,
  /// which leaves the machine unchanged (a decision taken twice, a late answer); the engine decides
  /// what that means. kLimit never comes from here: it ends the run with an error.
  Result<Turn> deliver(const Event& event);

  /// From now on what a person gives (an output, a signal) is refused if it has fields that its
  /// type lacks: a slip of the pen would otherwise be a default. Only for what is tried before it
  /// is journaled: what is journaled is taken as it was.
  void refuse_unknown_fields();

  bool ended() const;
  /// What RollBack would undo: the steps whose rollbacks were neither run nor committed, newest
  /// first. `since`: the `step` of one of them; of branches, which have no order among them, what
  /// began before it stays.
  std::vector<Undoable> undoable(uint64_t since = 0) const;
  /// The requests that wait for an answer now, oldest first: what a restored run has to carry out
  /// again, or find again.
  std::vector<Request> pending() const;
  /// When the time of what an action is performed in is up, by the clock of the events: its attempt
  /// must not begin then. INT64_MIN: it is up. Nothing if there is none.
  std::optional<int64_t> deadline(RequestId perform) const;
  /// What a Perform that waits belongs to. A machine that was restored from a snapshot does not
  /// know of a `defer` that ran then whether it is one of something that failed: kDefer.
  Part part_of(RequestId perform) const;
  /// What a person sees of it: its fibers, in the order in which they began (vm/inspect.h). A
  /// machine that has ended has none.
  std::vector<FiberState> inspect() const;
  /// How many signals are kept for waits to come.
  size_t kept_signals() const;

  /// The whole state between two turns. Format: docs/formats/snapshot.md.
  std::string snapshot() const;
  /// kCorrupt or kUnsupported: the snapshot is thrown away and the journal replayed. A snapshot of
  /// another program is kInvalid.
  static Result<Machine> restore(std::shared_ptr<const bytecode::Program> program, Limits limits,
                                 std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads a run's parameters from JSON by their types, fills in defaults and tests every `where`.
/// The result is what event::Started takes. kInvalid names the parameter, says what was expected,
/// what was given, and shows the values of a failed condition's parts; all faults, one a line.
Result<boost::json::array> check_parameters(const bytecode::Program& program,
                                            const bytecode::Runbook& runbook,
                                            const boost::json::object& given);

/// The label of the workers that a run of the runbook with these arguments is for, as
/// event::Started has them; empty: any worker's. kInvalid: its `on worker` fails, or names nobody.
Result<std::string> worker_label(const bytecode::Program& program, const bytecode::Runbook& runbook,
                                 const boost::json::array& arguments);

/// A calendar that is closed.
struct ClosedOut {
  std::string calendar;
  std::string why;               // empty: it does not say
  std::optional<int64_t> until;  // microseconds since the epoch; none: it never opens
  std::string message;           // "`freeze` is closed until 2027-01-03T00:00:00+01:00: year end"
};

/// What the calendars are closed that a runbook must not begin in, at that time (microseconds since
/// the epoch), but for those that are overridden.
std::vector<ClosedOut> closed_out(const bytecode::Program& program,
                                  const bytecode::Runbook& runbook, int64_t time,
                                  const std::vector<std::string>& overrides = {});

/// Whether JSON can be read as a type of the program. kInvalid says where it can't:
/// "$.id: expected int, got \"x\"".
Status check_output(const bytecode::Program& program, bytecode::TypeId type,
                    const boost::json::value& output);

/// Whether these are the fields of an error of this kind: all of them, and no others. kInvalid, as
/// above.
Status check_error_fields(const bytecode::Program& program, bytecode::TypeId kind,
                          const boost::json::object& fields);

}  // namespace rbk::vm
