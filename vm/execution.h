// A run while it lives: what Machine::State holds. interpreter.cpp has the loop; the operations
// that it calls are grouped by subject in *_ops.cpp, scopes.cpp, waits.cpp, signals.cpp,
// locks.cpp, runs.cpp and parallel.cpp; events.cpp takes in what happened.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "vm/fiber.h"
#include "vm/json.h"

namespace rbk::vm {

/// What the interpreter does after an operation.
enum class Next : uint8_t {
  kNext,   // the next instruction
  kRaise,  // `raised_` holds the error
  kWait,   // the fiber waits; it goes on after this instruction, or at it if `again_`
  kEnter,  // another frame is on top
};

class Execution : public Conditions {
 public:
  Execution(std::shared_ptr<const bytecode::Program> program, Limits limits);
  ~Execution() override;
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  Result<Turn> deliver(const Event& event);
  bool ended() const { return ended_; }
  void refuse_unknown_fields() { unknown_ = Unknown::kRefuse; }
  std::vector<Undoable> undoable(uint64_t since) const;
  std::vector<Request> pending() const;
  std::optional<int64_t> deadline(RequestId perform);
  Part part_of(RequestId perform);
  std::vector<FiberState> inspect();
  size_t kept_signals() const { return signals_.size(); }
  std::string snapshot() const;
  Status restore(std::string_view bytes);

  /// Runs a pure function by itself. The arguments must be of its parameters' kinds.
  Result<Value> evaluate(uint32_t function, const std::vector<Value>& arguments);
  /// The arguments of a run, as event::Started has them. kInvalid names the one that does not fit.
  Result<std::vector<Value>> values_of(const bytecode::Runbook& runbook,
                                       const boost::json::array& arguments);
  /// See vm::worker_label. Within a turn, or without one.
  Result<std::string> worker_label(const bytecode::Runbook& runbook,
                                   const std::vector<Value>& arguments);
  /// For a value that is being read: within a turn, or without one.
  std::optional<Unmet> unmet(const Record& value) override;
  Image& image() { return image_; }

 private:
  friend class SnapshotWriter;
  friend class SnapshotReader;
  using Instruction = bytecode::Instruction;
  using Operation = Next (Execution::*)(Slot* r, const Instruction* at);

  // ---- interpreter.cpp
  enum class Run : uint8_t { kWaits, kFinished };
  Run interpret(Fiber& fiber);
  static const Operation* operations();
  bool grow(Fiber& fiber, uint32_t registers);
  void enter(Fiber& fiber, const Code& code, Frame::Purpose purpose);
  void pop_frame(Fiber& fiber);
  void enter_closure(Fiber& fiber, const Closure& closure, Frame::Purpose purpose);

  // ---- Errors (errors.cpp)
  Ref make_error(std::string_view kind, std::string_view message, bool retryable = false);
  Ref make_error(const ErrorValue& value);
  Ref make_limit_error(std::string_view message);
  Ref error_copy(const ErrorObject* error);
  ErrorValue outside(const Object* error);
  Next raise(std::string_view kind, std::string_view message);
  Next raise(Ref error);
  Next raise_wrong(const Object* object, std::string_view wanted);
  Next raise_fault();
  void take_fault();
  /// Goes to the handler of `raised_`. False: no frame is left, the fiber has failed.
  bool handle_error(Fiber& fiber);
  const bytecode::Handler* find_handler(Fiber& fiber, ErrorObject* error);

  // ---- Operations on values: call_ops.cpp, object_ops.cpp, text_ops.cpp
  /// Of the registers of the frame whose operation is being done.
  const Kind* kinds() const { return kinds_; }
  static void set(Slot& slot, Ref value);
  Next set_checked(Slot& slot, Kind wanted, Value value);
  Next set_part(Slot* r, uint16_t a, Slot part, Kind kind);
#define RBK_OPERATION(name) Next op_##name(Slot* r, const Instruction* at);
#include "vm/operations.def"
#undef RBK_OPERATION
  Next call_closure(Slot* r, const Instruction* at);

  // ---- scopes.cpp
  MarkHeights heights(const Fiber& fiber) const;
  void cut_back(Fiber& fiber, MarkHeights to, const Object* error);
  void end_step(Fiber& fiber, Mark::StepStatus status, boost::json::value output,
                const Object* error);
  std::string step_path(const Fiber& fiber, std::string_view name) const;
  /// As a path shows it between brackets: no two texts look alike there.
  static std::string item_name(std::string_view text);
  const StepEntry& innermost(const Fiber& fiber) const;
  enum class Undo : uint8_t { kNone, kEntered, kWaits };
  Undo undo_next(Fiber& fiber, uint64_t from_serial, bool only_defers);
  void undo_ended(Fiber& fiber, const Object* error);
  void drop_undo(std::vector<UndoEntry>& entries);
  void forget_rollbacks(std::vector<UndoEntry>& entries);

  // ---- locks.cpp
  bool holds(const Fiber& fiber, const Lock& lock);
  std::vector<RequestId> held_by(const Fiber& fiber);
  request::Acquire acquisition(const Fiber& fiber, Lock lock);
  request::Release end_lock(std::vector<UndoEntry>& undo, size_t place);
  void end_locks(Fiber& fiber, uint64_t from_serial);
  std::vector<Lock> locks_around(const Fiber& fiber, uint64_t before_serial);
  void note_unfinished(UndoEntry entry, const std::vector<Lock>& around);
  void cannot_undo(std::vector<UndoEntry> entries, std::vector<Lock> around, const Object* error);
  Ref refusal(const event::Acquired& event, const Lock& lock);

  // ---- waits.cpp
  void send(Request request);
  void tell(Mark mark);
  RequestId ask(Fiber& fiber, decltype(Request::what) what, Fiber::Wait wait);
  void forget(RequestId request);
  Ref take_interrupt(Fiber& fiber);
  Ref take_cancel(Fiber& fiber, std::string_view meanwhile);
  bool has_interrupt(const Fiber& fiber) const;
  void interrupt(Fiber& fiber);
  static bool cancel_waits(const Fiber& fiber);
  void request_cancel(Fiber& fiber, std::string reason, bool leave);
  void stop(Fiber& fiber, request::Stop::How how);
  Timer* find_timer(Fiber& fiber, uint64_t id);
  void stop_timer(Fiber& fiber, uint64_t id);
  void fire_timer(Fiber& fiber, uint64_t id);
  struct Bound {
    int64_t until = INT64_MAX;
    uint64_t fiber = 0;
    uint64_t timer = 0;
  };
  Bound deadline_around(Fiber& fiber);
  Next put_before_people(Slot* r, const Instruction* at);
  void go_on(Fiber& fiber);
  void go_on_raising(Fiber& fiber, Ref error);
  /// Puts a result into register `a` of the waiting instruction and steps over it.
  void go_on_with(Fiber& fiber, uint16_t a, Value value);
  void clear_dead(Frame& frame, Slot* registers);
  void charge_stack(Fiber& fiber);

  // ---- runs.cpp
  bool is_start_of(const Instruction& at, uint32_t runbook) const;
  void cancel_run(Fiber& fiber);
  Ref run_error(Fiber& fiber, const event::RunEnded& event);

  // ---- signals.cpp
  Result<Value> signal_value(const event::Signalled& signal, TypeId type);

  // ---- parallel.cpp
  Next begin_group(Fiber& fiber, Group group);
  Ref item_of(const List& items, size_t index);
  Value group_result(Group& group);
  Ref group_error(Group& group);
  void pass_undo(Group& group, Fiber& parent);
  void fill_group(uint64_t id);
  bool start_branch(Group& group, uint32_t index);
  void name_branch(Fiber& fiber);
  void branch_ended(Fiber& fiber);
  void group_ended(Group& group);
  void first_ended(Fiber& parent, Group& group);
  void close_group(Group& group, const std::string& reason, bool leave);
  bool fits_branch(const Object* body, TypeId list_type, Group::Policy policy, const List* list);
  bool names_item(const Object* item, const List* list);
  void read_policy(Slot* r, const Instruction& extra, const Instruction& more, size_t count,
                   Group& group);

  // ---- events.cpp
  void run_ready();
  void run_fiber(Fiber& fiber);
  void end_fiber(Fiber& fiber);
  void run_ended(Fiber& fiber);
  void abort_run(Ref error);
  Status take(const event::Started& event);
  Status take(const event::Performed& event);
  Status take(const event::Woke& event);
  Status take(const event::Decided& event);
  Status take(const event::Resolved& event);
  Status take_failure(const event::Resolved& event, const Pending& pending);
  Status take_skip(const event::Resolved& event, const Pending& pending);
  Status take(const event::Cancelled& event);
  Status take(const event::RollBack& event);
  Status take(const event::Signalled& event);
  Status take(const event::Acquired& event);
  Status take(const event::RunEnded& event);
  Ref outcome_error(Fiber& fiber, const event::Performed& event, const request::Perform& perform);
  Pending* waiting(RequestId request, Fiber::Wait wait);
  Result<Value> run_alone(uint32_t function, const std::vector<Value>& arguments);
  Result<Value> evaluate_within(uint32_t function, const std::vector<Value>& arguments);
  Fiber& new_fiber();
  Fiber* find_fiber(uint64_t id);
  uint64_t random();
  double random_fraction();

  Limits limits_;
  Unknown unknown_ = Unknown::kIgnore;  // in what a person gives
  Heap heap_;
  Image image_;

  // The run
  struct Info {
    std::string run;
    std::string url;
    std::string starter;
    std::string reason;
    boost::json::object labels;
    int64_t started = 0;
    std::vector<std::string> overrides;
    std::vector<double> draws;
    size_t drawn = 0;  // of them
  } info_;
  bool begun_ = false;
  bool ended_ = false;
  bool cancelled_ = false;
  bool kill_ = false;          // cancelled at once
  bool rolling_back_ = false;  // after the end, by hand
  bool tolerated_ = false;     // a failure was: the run is partial
  bool undo_failed_ = false;
  bool committed_ = false;  // rollbacks were dropped for good
  bool memory_reserve_ = false;
  uint64_t undone_ = 0;
  uint32_t runbook_ = 0;
  int64_t now_ = 0;
  uint64_t seed_ = 0;
  uint64_t draws_ = 0;
  /// Of fibers, groups, timers, steps and requests each; fuel lets one turn add as many at most.
  static constexpr uint64_t kMostIds = uint64_t{1} << 62;
  uint64_t next_fiber_ = 1;
  uint64_t next_group_ = 1;
  uint64_t next_timer_ = 1;
  uint64_t next_step_ = 1;
  RequestId next_request_ = 1;
  uint64_t next_run_ = 1;  // of those that it starts
  uint64_t root_ = 0;
  std::map<uint64_t, std::unique_ptr<Fiber>> fibers_;
  std::map<uint64_t, std::unique_ptr<Group>> groups_;
  std::map<RequestId, Pending> pending_;
  std::vector<event::Signalled> signals_;  // that nothing has waited for yet, oldest first
  std::vector<UndoEntry> unfinished_;      // rollbacks that failed, in the order in which they did

  // One turn
  std::deque<uint64_t> ready_;
  Turn turn_;
  int64_t fuel_ = 0;
  bool fuel_reserve_ = false;
  bool aborted_ = false;
  int conditions_ = 0;           // being tested, one within the other
  Fiber* fiber_ = nullptr;       // that runs
  const Kind* kinds_ = nullptr;  // of its top frame, while an operation is done
  std::string native_message_;   // of the native that raised last
  Ref raised_;
};

}  // namespace rbk::vm
