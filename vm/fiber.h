// What a run consists of while it lives: fibers with their stacks, groups of branches, requests
// that wait for an answer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vm/image.h"
#include "vm/machine.h"
#include "vm/value.h"

namespace rbk::vm {

struct Frame {
  enum class Purpose : uint8_t {
    kCall,  // returns into the frame below
    kRoot,  // the fiber's first: its return ends the fiber
    kUndo,  // a rollback or `defer`: its return goes on with what is left to undo
    kItem,  // names a branch's item, before the branch begins in the frame below
  };
  const Code* code = nullptr;
  const bytecode::Instruction* pc = nullptr;  // the instruction that is being executed
  uint32_t base = 0;                          // of its registers in the fiber's stack
  Purpose purpose = Purpose::kCall;

  uint32_t at() const { return static_cast<uint32_t>(pc - code->code); }
};

/// A step that has begun and not ended.
struct StepEntry {
  uint32_t step = bytecode::kNone;  // kNone: only a path, for what runs inside a rollback
  uint64_t number = 0;
  std::string path;
  uint32_t attempt = 1;
  uint32_t performed = 0;      // the last attempt that was performed
  RequestId last_perform = 0;  // for AskDoubt
  uint32_t generation = 0;     // how often a person had it tried again
  bool skipped = false;        // a person left it out: nothing of it is to be undone
};

struct ItemEntry {
  std::string text;
  uint32_t depth = 0;  // how many steps had begun when it was pushed
};

struct UndoEntry {
  uint64_t serial = 0;  // counts up within the fiber; marks compare it
  bool is_defer = false;
  Ref closure;
  std::string path;  // of the step that it undoes
  uint64_t step = 0;
  /// Not empty: the branches of a parallel block, undone side by side. Then there is no closure.
  std::vector<std::vector<UndoEntry>> branches;
  /// With one branch: what is undone under this lock. Alone: the lock is held, from here up.
  std::optional<Lock> lock;
  RequestId held = 0;  // held: the Acquire that gave it
};

/// Bytes that it counts for, without its branches.
inline uint64_t undo_cost(const UndoEntry& entry) {
  if (entry.held != 0) return 64 + entry.lock->name.size();
  return entry.branches.empty() ? 64 + entry.path.size() : 0;
}

/// A rollback that runs: what to put back when it is done.
struct Undoing {
  bool is_defer = false;
  Ref closure;
  std::string path;
  uint64_t step = 0;
  uint32_t steps = 0;
  uint32_t items = 0;
  uint32_t shield = 0;
  uint64_t serial = 0;  // what it pushes from here on is not undone itself
  /// What it is left of has failed or was cancelled. No part of a snapshot: see Machine::part_of.
  bool after_failure = false;
};

struct Timer {
  uint64_t id = 0;
  RequestId request = 0;  // its Sleep; 0 once it is due
  int64_t until = 0;
  uint32_t shield = 0;  // the fiber's when it began: shields begun later hold it up
  uint32_t frames = 0;  // how many frames there were
  bool due = false;
};

/// A time so much later, or the last one that there is.
inline int64_t later(int64_t time, int64_t by) {
  int64_t sum = 0;
  return __builtin_add_overflow(time, by < 0 ? 0 : by, &sum) ? INT64_MAX : sum;
}

/// Bytes that a fiber counts for, besides its values.
inline constexpr uint64_t kFiberCost = 1024;

struct Fiber {
  enum class Wait : uint8_t {
    kNothing,
    kPerform,
    kSleep,
    kApprove,
    kDoubt,
    kGroup,
    kSignal,
    kLock,
    kRun,  // that was started, or that undoes one
    kFailure,
  };

  uint64_t id = 0;
  uint64_t group = 0;   // that it is a branch of; 0: the run's first fiber
  uint32_t branch = 0;  // its place there
  uint32_t level = 0;   // groups around it

  std::unique_ptr<Slot[]> stack;
  uint32_t stack_size = 0;
  std::vector<Frame> frames;  // as many as there is room for
  uint32_t depth = 0;         // frames in use

  std::vector<StepEntry> steps;
  std::vector<ItemEntry> items;
  std::vector<UndoEntry> undo;
  std::vector<UndoEntry> kept;  // not to be undone by the rollback by hand that goes on
  std::vector<Undoing> undoing;
  std::vector<Timer> timers;
  uint64_t next_serial = 1;
  uint32_t shield = 0;
  uint32_t base_shield = 0;  // what it was born with
  StepEntry outer;           // the step around a branch: its path and number only

  Wait wait = Wait::kNothing;
  RequestId request = 0;  // that it waits for
  uint64_t waits_for_group = 0;
  bool stop_sent = false;     // that what it performs is to end
  bool kill_sent = false;     // at once
  bool cancel = false;        // asked to end
  bool cancel_taken = false;  // the error was raised
  bool leave = false;         // by a cancellation that leaves what was done as it is
  bool leaving = false;       // its rollbacks are not run any more
  std::string cancel_reason;
  Ref raise;               // to be raised when it goes on
  uint64_t charged = 0;    // bytes counted for its stack while it waits
  bool unwinding = false;  // its function is over, what it pushed is being undone
  bool failed = false;
  Value result;
  Ref error;            // failed: with what
  StepEntry last_step;  // that ended last: a rollback pushed after its step's end finds its path

  Frame& top() { return frames[depth - 1]; }
  const Frame& top() const { return frames[depth - 1]; }
  Slot* registers() { return stack.get() + top().base; }
};

/// The branches of one parallel block or of a wait for the first of several, or the parts of an
/// undo entry.
struct Group {
  enum class Policy : uint8_t {
    kFail,
    kContinue,
    kTolerate,
    kFirst,  // the first that ends well is the winner; a failure before that is the group's
  };
  struct Branch {
    uint64_t fiber = 0;  // while it runs
    bool done = false;
    Value result;
    std::vector<UndoEntry> undo;
  };

  uint64_t id = 0;
  uint64_t parent = 0;  // fiber
  bool unwinds = false;
  Policy policy = Policy::kFail;
  uint64_t tolerated = 0;
  uint64_t limit = 0;
  uint32_t next = 0;  // branch to be begun
  uint32_t running = 0;
  uint32_t failures = 0;
  bool closed = false;                // nothing new begins
  bool interrupted = false;           // from outside, before a branch failed
  uint32_t winner = bytecode::kNone;  // kFirst
  Ref list;                           // ParallelFor: the elements
  Ref body;                           // ParallelFor: the closure
  Ref item;                           // ParallelFor: the closure that names an element, or null
  /// Of each element of `list`, how many before it are equal; found at need, no part of the state.
  std::vector<uint32_t> equal_before;
  std::vector<Ref> bodies;  // ParallelBlock
  TypeId result_type = 0;   // the list's
  std::vector<Branch> branches;
  Ref error;                   // the first
  std::optional<Lock> lock;    // what is undone is undone under it
  RequestId lock_request = 0;  // its Acquire; 0 where something around holds it already
};

struct Pending {
  Request request;
  uint64_t fiber = 0;
  uint64_t timer = 0;        // a Timer of that fiber, else 0
  uint64_t bound_fiber = 0;  // a Perform whose timeout is that of a timer around it
  uint64_t bound_timer = 0;
};

/// Heights of a fiber's stacks, in an int register.
struct MarkHeights {
  uint32_t steps = 0;
  uint32_t items = 0;
  uint32_t shield = 0;
  uint64_t serial = 0;

  // What fits; a rollback puts a step and a shield on top of what the code begins itself.
  static constexpr uint32_t kMostSteps = 4095;
  static constexpr uint32_t kMostItems = 4095;
  static constexpr uint32_t kMostShields = 255;
  static constexpr uint64_t kMostSerial = 0xffffffff;
  static constexpr uint32_t kMostUndoing = 127;  // within each other in one fiber
  static constexpr uint32_t kMostOwnSteps = kMostSteps - kMostUndoing - 1;
  static constexpr uint32_t kMostOwnShields = 95;
  static constexpr uint32_t kMostUndoShields = 159;

  int64_t packed() const {
    return static_cast<int64_t>(uint64_t{steps} << 52 | uint64_t{items} << 40 |
                                uint64_t{shield} << 32 | serial);
  }
  static MarkHeights unpack(int64_t value) {
    const auto bits = static_cast<uint64_t>(value);
    return {static_cast<uint32_t>(bits >> 52), static_cast<uint32_t>(bits >> 40 & 0xfff),
            static_cast<uint32_t>(bits >> 32 & 0xff), bits & 0xffffffff};
  }
};

}  // namespace rbk::vm
