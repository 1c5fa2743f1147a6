#include "vm/machine.h"

#include "vm/execution.h"
#include "vm/inspect.h"

namespace rbk::vm {

struct Machine::State {
  State(std::shared_ptr<const bytecode::Program> program, Limits limits)
      : execution(std::move(program), limits) {}
  Execution execution;
};

Machine::Machine(std::shared_ptr<const bytecode::Program> program, Limits limits)
    : state_(std::make_unique<State>(std::move(program), limits)) {}
Machine::~Machine() = default;
Machine::Machine(Machine&&) noexcept = default;
Machine& Machine::operator=(Machine&&) noexcept = default;

Result<Turn> Machine::deliver(const Event& event) { return state_->execution.deliver(event); }
bool Machine::ended() const { return state_->execution.ended(); }
void Machine::refuse_unknown_fields() { state_->execution.refuse_unknown_fields(); }
std::vector<Undoable> Machine::undoable(uint64_t since) const {
  return state_->execution.undoable(since);
}
std::vector<Request> Machine::pending() const { return state_->execution.pending(); }
std::optional<int64_t> Machine::deadline(RequestId perform) const {
  return state_->execution.deadline(perform);
}
Part Machine::part_of(RequestId perform) const { return state_->execution.part_of(perform); }
std::vector<FiberState> Machine::inspect() const { return state_->execution.inspect(); }
size_t Machine::kept_signals() const { return state_->execution.kept_signals(); }
std::string Machine::snapshot() const { return state_->execution.snapshot(); }

Result<Machine> Machine::restore(std::shared_ptr<const bytecode::Program> program, Limits limits,
                                 std::string_view bytes) {
  Machine machine(std::move(program), limits);
  if (Status status = machine.state_->execution.restore(bytes); !status) {
    return tl::unexpected(status.error());
  }
  return machine;
}

}  // namespace rbk::vm
