// What a finished run did, with its rollbacks by hand: each attempt with what became of it, and
// whether that still stands. Made by replaying their journals.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/paths.h"
#include "engine/recovery.h"
#include "engine/store.h"
#include "engine/takeover.h"
#include "vm/machine.h"

namespace rbk::engine {

/// What makes two attempts the same: path, action and arguments.
std::string attempt_key(const bytecode::Program& program, const vm::request::Perform& perform);
/// Of two runs that are begun: path, runbook and arguments.
std::string start_key(const bytecode::Program& program, const vm::request::Start& start);
/// The attempts that a journal tells of, with their paths.
Result<std::vector<std::pair<vm::RequestId, std::string>>> attempts_begun(
    const std::vector<Entry>& entries);

class History {
 public:
  struct Attempt {
    enum class End : uint8_t { kNone, kDone, kFailed, kUnknown };
    RunKey run = 0;
    std::string run_id;
    vm::RequestId request = 0;
    std::string path;
    std::string key;
    uint64_t step = 0;
    vm::Part part = vm::Part::kWork;
    bool reads = false;
    bool repeatable = false;  // not known to have taken effect, it may be repeated by itself
    uint32_t action = 0;
    End end = End::kNone;
    vm::event::Performed outcome;
    bool undone = false;
    bool superseded = false;  // its step was tried again, or it was read again
    uint64_t order = 0;
  };
  /// A run that it began.
  struct Begun {
    std::string id;
    std::string path;
    std::string key;
    uint64_t step = 0;
    uint64_t order = 0;
    bool undone = false;
  };

  /// `last`: the run, or the last of its rollbacks by hand. `only`: of the rule that is asked for.
  static Result<std::unique_ptr<History>> read(
      Store& store, const RunRow& last, const std::shared_ptr<const bytecode::Program>& program,
      std::vector<std::string> only);

  const RunRow& run() const { return run_; }
  const std::vector<Attempt>& attempts() const { return attempts_; }
  const std::vector<Begun>& runs() const { return begun_; }
  /// What it has passed a `commit` for; null: it has passed none.
  const std::optional<std::string>& committed() const { return committed_; }
  /// The paths of steps whose rollback failed, and was not run well later.
  std::set<std::string> not_undone() const;
  const std::set<ItemOf>& failed_items() const { return failed_items_; }
  /// The paths of each `defer` that ran when its scope failed, with something done that stands.
  const std::vector<std::string>& failed_defers() const { return failed_defers_; }
  bool is_in_failed_item(const std::string& path) const;
  /// In an item, and not in one that failed.
  bool is_in_good_item(const std::string& path) const;

  /// When a step of that path, or one in it, began first: an order of attempts.
  std::optional<uint64_t> first_begin(const std::string& path) const;
  tl::unexpected<Error> no_step(const std::string& path) const;
  /// Whether all other items of the loops of these can end as they did.
  Status check_only() const;

  /// What a retry takes over of it by this rule; nothing: it is begun anew. `cut`: the order from
  /// which on nothing is.
  std::optional<TakenAttempt::What> what_of(const Attempt& attempt, const RetryRule& rule,
                                            std::optional<uint64_t> cut) const;
  /// It lies in an item that is to run again.
  bool is_dropped(const std::string& path, const RetryRule& rule) const;

 private:
  struct Step {
    std::string path;
    uint64_t began = 0;
    std::optional<vm::Mark::StepStatus> ended;
  };
  History(Store& store, std::shared_ptr<const bytecode::Program> program)
      : store_(store), program_(std::move(program)) {}
  Status replay(const RunRow& row, RecoveredRun& run);
  void take(const vm::Event& event);
  void take_resolved(const vm::event::Resolved& resolved);
  Status take(const vm::Mark& mark);
  void take(const RunRow& row, const vm::Request& request, const vm::Machine& machine);
  void try_again(uint64_t step);
  Status undo(uint64_t step);
  Attempt* by_request(vm::RequestId request);
  void finish();
  enum class Place : uint8_t { kOutside, kNamed, kBeside };
  /// In an item that `only` names, or in another one of its loop.
  Place place_of(const std::string& path) const;
  bool is_named(const std::string& item) const;
  /// Of what was done in another item: whether that can't be left to its own failure.
  bool is_undone_from_outside(const Attempt& attempt) const;
  void find_failed_defers();
  /// Calls `each` with the number of the step and of each step in it.
  void in_step(uint64_t step, const std::function<void(uint64_t)>& each) const;

  Store& store_;
  std::shared_ptr<const bytecode::Program> program_;
  RunRow run_;  // the first
  bool is_rolled_back_by_hand_ = false;
  std::optional<std::string> committed_;
  std::vector<Attempt> attempts_;
  std::unordered_map<vm::RequestId, size_t> by_request_;
  std::unordered_map<vm::RequestId, vm::RequestId> doubts_;  // AskDoubt: of which attempt
  std::unordered_map<vm::RequestId, std::pair<std::string, uint64_t>> failures_;  // AskFailure
  std::vector<Begun> begun_;
  std::set<std::string> undone_as_runs_;  // the ids of started runs that an UndoRun named
  std::unordered_map<uint64_t, Step> steps_;
  std::unordered_map<uint64_t, std::vector<uint64_t>> inner_;      // steps, by the one around
  std::unordered_map<uint64_t, std::vector<size_t>> attempts_in_;  // by step
  std::unordered_map<uint64_t, std::vector<size_t>> begun_in_;     // by step
  std::vector<std::string> step_paths_;
  std::map<uint64_t, std::string> not_undone_;
  std::set<ItemOf> failed_items_;
  std::set<ItemOf> items_;
  std::vector<std::string> failed_defers_;
  std::vector<std::string> only_;
  std::set<std::string> named_loops_;  // that have an item which `only_` names
  std::vector<std::string> asked_;     // the paths of what people were asked, and signals
  uint64_t order_ = 0;
};

}  // namespace rbk::engine
