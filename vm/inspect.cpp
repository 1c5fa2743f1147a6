#include "vm/inspect.h"

#include <algorithm>

#include "vm/execution.h"
#include "vm/snapshot_format.h"

namespace rbk::vm {
namespace {

Place place_of(const bytecode::Program& program, const Frame& frame) {
  const auto& places = frame.code->function->places;
  const auto after = std::upper_bound(
      places.begin(), places.end(), frame.at(),
      [](uint32_t at, const bytecode::SourcePlace& place) { return at < place.pc; });
  if (after == places.begin()) return {};
  const bytecode::SourcePlace& place = *std::prev(after);
  if (place.file >= program.files.size()) return {};
  return {program.files[place.file].path, place.line, place.column};
}

std::string_view wait_word(Fiber::Wait wait) {
  switch (wait) {
    case Fiber::Wait::kNothing:
      return "";
    case Fiber::Wait::kPerform:
      return "perform";
    case Fiber::Wait::kSleep:
      return "sleep";
    case Fiber::Wait::kApprove:
      return "people";
    case Fiber::Wait::kDoubt:
      return "doubt";
    case Fiber::Wait::kGroup:
      return "branches";
    case Fiber::Wait::kSignal:
      return "signal";
    case Fiber::Wait::kLock:
      return "lock";
    case Fiber::Wait::kRun:
      return "run";
    case Fiber::Wait::kFailure:
      return "failure";
  }
  return "";
}

/// Reading values counts for nothing: a run that is looked at goes on as one that is not.
class Uncounted {
 public:
  explicit Uncounted(Heap& heap) : heap_(heap), before_(heap) { heap_.limit = UINT64_MAX; }
  ~Uncounted() {
    before_.used = heap_.used;
    heap_ = before_;
  }
  Uncounted(const Uncounted&) = delete;
  Uncounted& operator=(const Uncounted&) = delete;

  /// The next value may be as large as one alone may.
  void begin() {
    heap_.visits = 0;
    heap_.fault = Fault::kNone;
  }

 private:
  Heap& heap_;
  Heap before_;
};

}  // namespace

std::vector<FiberState> Execution::inspect() {
  if (ended_) return {};
  Uncounted uncounted(heap_);
  const auto variable = [&](const std::string& name, Slot slot, Kind kind) {
    uncounted.begin();
    VariableState made{name, to_outside(image_, slot, kind)};
    made.too_large = heap_.fault != Fault::kNone;
    if (made.too_large) made.value = nullptr;
    return made;
  };
  std::vector<FiberState> states;
  states.reserve(fibers_.size());
  for (const auto& [id, fiber] : fibers_) {
    FiberState& state = states.emplace_back();
    state.id = id;
    if (const auto group = groups_.find(fiber->group); group != groups_.end())
      state.parent = group->second->parent;
    state.path = innermost(*fiber).path;
    state.waits_for = wait_word(fiber->wait);
    const bool asks = fiber->wait != Fiber::Wait::kNothing && fiber->wait != Fiber::Wait::kGroup;
    if (asks) state.request = fiber->request;
    state.frames.reserve(fiber->depth);
    for (uint32_t depth = fiber->depth; depth-- > 0;) {
      const Frame& frame = fiber->frames[depth];
      const bytecode::Function& function = *frame.code->function;
      FrameState& made = state.frames.emplace_back();
      made.function = function.name;
      made.place = place_of(image_.program(), frame);
      made.undoes = frame.purpose == Frame::Purpose::kUndo;
      const Slot* registers = fiber->stack.get() + frame.base;
      for_each_kept(*frame.code, frame.pc, [&](uint32_t kept) {
        if (kept >= function.register_names.size() || function.register_names[kept].empty()) return;
        made.variables.push_back(
            variable(function.register_names[kept], registers[kept], frame.code->kinds[kept]));
      });
    }
  }
  return states;
}

bool names_variables(const bytecode::Program& program) {
  return std::any_of(
      program.functions.begin(), program.functions.end(), [](const bytecode::Function& function) {
        return std::any_of(function.register_names.begin(), function.register_names.end(),
                           [](const std::string& name) { return !name.empty(); });
      });
}

}  // namespace rbk::vm
