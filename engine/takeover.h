// What a retry takes over of the run that it retries: for each attempt that it is about to begin,
// what became of the same one there. The same is one of the same step, by its path, with the same
// action and arguments.
//
// Threads: one.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/asked.h"
#include "engine/store.h"
#include "vm/bytecode/program.h"
#include "vm/machine.h"

namespace rbk::engine {

/// What a retry does not take over, though it could. At most one of them is said.
struct RetryRule {
  std::string from;     // a step's path: what began with that step or after it
  bool failed = false;  // readings in items that failed; all other readings are taken over
  std::vector<std::string>
      only;  // items: all in them; all other items of their loops end as before
};
std::string encode_rule(const RetryRule& rule);
RetryRule decode_rule(std::string_view text);

/// An attempt as another run made it.
struct TakenAttempt {
  enum class What : uint8_t {
    kDone,
    kInDoubt,  // nobody knows whether it had its effect
    kEnded,    // of an item that ends as it did before
  };
  What what = What::kDone;
  RunKey run = 0;
  std::string run_id;
  vm::RequestId request = 0;     // there
  vm::event::Performed outcome;  // of that request
  size_t place = 0;              // in the Takeover
};

/// A run with its rollbacks by hand, as a retry looks at it.
class History;

class Takeover {
 public:
  /// What a retry that goes on from `last` (see RunRow::retries) by this rule would take over.
  /// kRefused, kNotFound, kInvalid: the rule or the run does not permit it, and why.
  static Result<std::unique_ptr<Takeover>> plan(
      Store& store, const RunRow& last, const RetryRule& rule,
      const std::shared_ptr<const bytecode::Program>& program);
  /// What is left of that for a run that was made: its own journal says what it has taken. `asked`:
  /// what waits now; of these attempts `begun` is told once they begin, or are found again.
  static Result<std::unique_ptr<Takeover>> open(
      Store& store, const RunRow& run, const std::shared_ptr<const bytecode::Program>& program,
      const AskedRequests& asked);

  /// What becomes of this attempt; null: it is to be begun.
  const TakenAttempt* find(const vm::request::Perform& perform, vm::Part part);
  void take(const TakenAttempt& attempt);
  /// The retry begins an attempt itself.
  void begun(const std::string& path) { begun_.insert(path); }
  /// The run that a Start of the retry goes on from; 0: none, it begins anew.
  RunKey find_run(const vm::request::Start& start);
  void take_run(RunKey run) { runs_taken_.insert(run); }

  /// The paths of what was not taken, in the order in which it was done, each once.
  std::vector<std::string> left() const;
  /// Of these, what was done or may have been: once the retry is over, nobody undoes it. Each path
  /// once, with the run that did it.
  std::vector<std::pair<std::string, std::string>> abandoned() const;
  /// Whether the step was done there with other arguments, so that it is done once more.
  bool differs(const vm::request::Perform& perform) const;
  /// Of all runs that what is taken over of Starts goes on from.
  std::vector<RunKey> runs() const;

 private:
  friend class History;
  struct Kept {
    TakenAttempt attempt;
    std::string key;
    std::string path;
    vm::Part part = vm::Part::kWork;
    bool reads = false;
    bool always = false;  // a reading that is taken over whatever the retry has begun
    bool taken = false;
    bool before = false;  // of a run before the one that is retried
  };
  struct KeptRun {
    std::string key;
    RunKey run = 0;
  };
  explicit Takeover(std::shared_ptr<const bytecode::Program> program)
      : program_(std::move(program)) {}
  static Result<std::unique_ptr<Takeover>> of(
      Store& store, const RunRow& last, const RetryRule& rule,
      const std::shared_ptr<const bytecode::Program>& program, bool is_new, int depth);
  Status learn_taken(Store& store, const RunRow& run, const AskedRequests& asked);
  void index();

  std::shared_ptr<const bytecode::Program> program_;
  std::vector<Kept> kept_;
  std::vector<KeptRun> kept_runs_;
  std::unordered_map<std::string, std::vector<size_t>> by_key_;
  std::set<std::string> begun_;
  std::set<RunKey> runs_taken_;
  bool doubted_ = false;
};

/// Of a run: the run itself, or the last of its rollbacks by hand.
Result<RunRow> last_of(Store& store, const RunRow& run);
/// The run that a retry retries. Its row names the last rollback by hand of it, if there is one.
Result<RunRow> retried_run(Store& store, const RunRow& retry);

}  // namespace rbk::engine
