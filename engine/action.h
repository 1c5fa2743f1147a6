// The seam between the engine and what acts on the world. The engine knows nothing of HTTP or
// processes; an action knows nothing of runs, journals or the machine.
//
// Threads: the engine calls every method of Action from its own thread, and none may block: work
// that takes time goes to a thread of the action's, or is done in turns (ActionRegistry). An
// AttemptSink may be called from any thread, and outlives the engine's wish to hear from it: calls
// after `finish` are ignored.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

namespace rbk {
class Masks;
}

namespace rbk::engine {

/// How an action behaves towards the world, declared with it or said by its step.
enum class Behaviour : uint8_t {
  kReads,       // no side effect: may be repeated, may run in a plan
  kIdempotent,  // may be repeated with the same key
  kWrites,      // must not be repeated unless somebody says so
};

/// What is known of an attempt's effect when it ends without a result.
enum class Effect : uint8_t {
  kNone,     // it certainly did nothing: refused before sending, never started
  kDone,     // it did what it does, then failed: a command's exit status, an HTTP answer
  kUnknown,  // it may have: a timeout, a kill, a connection lost after sending
};

/// A typed error of the language (`ShellError { exit_code: 1 }`), as an action raises it.
struct ActionError {
  std::string kind;        // the error's name in the module's declarations: "ShellError", "Timeout"
  std::string message;     // names the thing and says what was expected
  bool retryable = false;  // a repetition may end otherwise
  boost::json::object fields;  // the kind's own fields
};

/// The one terminal event of an attempt.
struct Outcome {
  enum class Kind : uint8_t {
    kOk,
    kError,
    kStopped,
    kUnknown,
    kNotBegun,  // nothing was done, as the host is not fit for it (no space): the run stops here
                // and goes on later; error.message says why
    kHeldUp,    // nothing was done, as what this run needs is not what it was (its program was
                // changed): this run alone stops here, and goes on once that is put right.
                // Once it is cancelled `now` it is `error` instead
  };
  Kind kind = Kind::kOk;
  boost::json::value output;      // kOk: fits the action's declared output type
  ActionError error;              // kError
  Effect effect = Effect::kDone;  // kError, kStopped: what is known of the effect
};

enum class LogStream : uint8_t { kOut, kErr, kInfo, kWarn, kError, kDebug };

/// Where an attempt's news goes. Thread-safe.
class AttemptSink {
 public:
  virtual ~AttemptSink() = default;

  /// One line, without its newline, in UTF-8 (bytes that are not are replaced by the engine). A
  /// line longer than 16 KiB is to be split by the caller.
  virtual void log(LogStream stream, std::string_view line) = 0;

  /// Exactly once an attempt.
  virtual void finish(Outcome outcome) = 0;
};

/// What the program of an own action (`= exec`) may answer, by the action's declaration.
class Declaration {
 public:
  virtual ~Declaration() = default;
  /// Whether this is an output of the action. kInvalid: "$.id: expected int, got \"x\"".
  virtual Status check_output(const boost::json::value& output) const = 0;
  /// The full name of the kind of error that the action's file knows by this one, to be raised with
  /// these fields. kNotFound lists those that there are; kInvalid says which field does not fit.
  virtual Result<std::string> check_error(std::string_view kind,
                                          const boost::json::object& fields) const = 0;
};

/// The program of an own action.
struct OwnProgram {
  std::string path;  // relative to the project; empty: the action is none of these
  Digest hash{};     // of the file, as it was when the run's program was compiled
  std::shared_ptr<const Declaration> declaration;
};

/// One attempt at one step, as its action sees it.
struct Attempt {
  uint64_t id = 0;   // unique in this engine process; names the attempt in `stop`
  std::string name;  // the action as imported: "shell.run", "http.request"
  boost::json::object
      arguments;  // by parameter name; each as its declared type's JSON form, absent ones as null;
                  // secrets as their texts, but to `recover` as {"secret": NAME}
  std::vector<std::string> secrets;    // values that nothing may show which it leaves on this host:
                                       // output that is kept, words of processes
  std::shared_ptr<const Masks> masks;  // of these; null: there are none. What it says is masked by
                                       // the engine: it masks what it shortens before that
  std::vector<std::string> withheld;   // variables of this process that no command is to inherit
  OwnProgram own;
  std::function<bool(std::string_view url)> may_be_led_to;  // beyond its arguments, which keep to
                                                            // the manifest. Empty: to anything
  uint32_t number = 1;                                      // of the step's attempts
  std::string key;  // idempotency key: 64 hexadecimal digits, the same over retries and crashes
  std::string attempt_key;  // unique to this attempt, the same after a crash: names its spool
  std::string folder;       // absolute: where the run was started; empty: not known
  int32_t umask = -1;       // the file mask of the run; below 0: not known
  std::string run;          // the run's id and the step's path, for messages and environment
  std::string path;
  std::string origin;  // recover: boot_identity() (base/boot.h), `@` and ActionRegistry::place() of
                       // the engine that journaled the attempt's intent; in another life of the
                       // host or another place, that nothing is found proves nothing
  uint64_t fence = 0;  // grows with each engine that takes the run up
  Behaviour behaviour = Behaviour::kWrites;
  std::optional<int64_t>
      timeout;  // microseconds left for this attempt; the engine asks for a stop by itself as well
};

enum class StopMode : uint8_t {
  kGentle,  // ask; a `writes` attempt under way is let finish, a `reads` one ends at once
  kKill,    // end it; the effect is then unknown unless the action knows better
};

/// The answer to "was this attempt, journaled by an engine that died, ever started?"
enum class Recovery : uint8_t {
  kNeverStarted,  // certain: it may be started now
  kReattached,    // it was found; its outcome will come through the sink given
  kUnknown,       // it may have run; nobody will ever say how it ended
};

class Action {
 public:
  virtual ~Action() = default;

  /// Begins the attempt. Even an immediate failure is told by sink->finish, never by an exception.
  virtual void start(const Attempt& attempt, std::shared_ptr<AttemptSink> sink) = 0;

  /// Asks for the attempt's end. Its terminal event still comes through its sink, and says what
  /// became true first.
  virtual void stop(uint64_t attempt, StopMode mode) = 0;

  /// After a crash: finds an attempt again. Actions whose work dies with their process keep this
  /// default.
  virtual Recovery recover(const Attempt& attempt, std::shared_ptr<AttemptSink> sink) {
    (void)attempt;
    (void)sink;
    return Recovery::kUnknown;
  }

  /// Whether what was killed certainly ends, however long that takes. What does not is given up
  /// some seconds after it was killed, its effect unknown.
  virtual bool always_ends() const { return false; }

  /// The engine has made the outcome durable: what was kept for recovery (a spool) may go.
  virtual void acknowledge(const std::string& attempt_key) { (void)attempt_key; }
};

/// Finds actions by the name under which a program imports them.
class ActionRegistry {
 public:
  virtual ~ActionRegistry() = default;
  /// Names the place where its actions keep what outlives the process, and changes when that is
  /// made anew; empty if there is none. Part of Attempt::origin.
  virtual std::string place() { return {}; }
  /// Readable when `turn` has something to do; below 0 while there is nothing to wait for.
  virtual int descriptor() { return -1; }
  /// Lets actions that have no thread of their own go on with what they have begun. Without
  /// blocking, as all their methods.
  virtual void turn() {}
  /// kNotFound names the action and the modules that exist. The pointer lives as long as the
  /// registry.
  virtual Result<Action*> find(std::string_view name) = 0;
  /// The one that carries out all own actions (Attempt::own). kUnsupported: there is none.
  virtual Result<Action*> find_own() {
    return fail(ErrorKind::kUnsupported, "own actions can't be carried out here");
  }
};

}  // namespace rbk::engine
