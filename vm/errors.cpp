// Errors of the language: made, shown outside, and brought to their handlers.
#include <fmt/format.h>

#include "base/units.h"
#include "vm/execution.h"
#include "vm/json.h"

namespace rbk::vm {

using bytecode::Handler;
using bytecode::kNone;

Ref Execution::make_error(std::string_view kind, std::string_view message, bool retryable) {
  const TypeId type = image_.error_type(kind);
  ErrorObject* error =
      new_error(heap_, type, type == kNone ? 0 : image_.fields(type), kind, message);
  error->retryable = retryable;
  settle(error);
  return Ref(error);
}

Ref Execution::make_error(const ErrorValue& value) {
  Ref made = make_error(value.kind, value.message, value.retryable);
  auto* error = static_cast<ErrorObject*>(made.get());
  for (const auto& [key, field] : value.fields) {
    Ref json = json_in(heap_, field);
    if (!json) continue;
    bool known = false;
    for (uint32_t i = 0; i < error->size && !known; ++i) {
      const bytecode::Type::Field& declared = image_.type(error->type).fields[i];
      if (declared.outer_name != std::string_view(key)) continue;
      Result<Value> read = read_json(image_, json.get(), declared.type, Unknown::kIgnore, *this);
      if (!read) break;  // kept below as it came
      const Kind kind = read->kind();
      error->fields()[i].o = boxed(heap_, kind, read->give()).give();
      known = true;
    }
    if (known) continue;
    if (error->others == nullptr) error->others = new_map(heap_, Kind::kRef, Kind::kRef);
    put(static_cast<Map*>(error->others), slot_of(make_string(heap_, key).give()),
        slot_of(json.give()));
  }
  settle(error);
  return made;
}

Ref Execution::make_limit_error(std::string_view message) {
  Ref error = make_error("LimitError", message);
  static_cast<ErrorObject*>(error.get())->reach = Reach::kLimit;
  take_fault();
  return error;
}

/// The same error, so that it can be changed.
Ref Execution::error_copy(const ErrorObject* error) {
  ErrorObject* copy =
      new_error(heap_, error->type, error->size, static_cast<const String*>(error->name)->view(),
                static_cast<const String*>(error->message)->view());
  copy->reach = error->reach;
  copy->timer = error->timer;
  copy->retryable = error->retryable;
  copy->in_doubt = error->in_doubt;
  copy->others = error->others;
  retain(copy->others);
  for (uint32_t i = 0; i < error->size; ++i) {
    copy->fields()[i] = error->fields()[i];
    retain(copy->fields()[i].o);
  }
  settle(copy);
  return Ref(copy);
}

ErrorValue Execution::outside(const Object* object) {
  const auto* error = static_cast<const ErrorObject*>(object);
  ErrorValue value;
  value.kind = static_cast<const String*>(error->name)->view();
  value.message = static_cast<const String*>(error->message)->view();
  value.retryable = error->retryable;
  value.fields = fields_to_outside(image_, error);
  return value;
}

Next Execution::raise(Ref error) {
  raised_ = std::move(error);
  return Next::kRaise;
}

Next Execution::raise(std::string_view kind, std::string_view message) {
  return raise(make_error(kind, message));
}

/// For an operand that is null, or another object than the operation takes; the latter is a fault
/// of the program's maker, which the verifier can't see.
Next Execution::raise_wrong(const Object* object, std::string_view wanted) {
  if (object == nullptr) return raise("NullError", fmt::format("expected {}, got null", wanted));
  return raise("ProgramError",
               fmt::format("the program is malformed: {} was expected at {} of {}", wanted,
                           fiber_->top().at(), fiber_->top().code->function->name));
}

void Execution::take_fault() {
  const Fault fault = heap_.fault;
  heap_.fault = Fault::kNone;
  // From here on there is a reserve, so that clean-up can be done.
  if (fault == Fault::kMemory && !memory_reserve_) {
    memory_reserve_ = true;
    heap_.limit += heap_.limit / 8;
  }
  if (fault == Fault::kWork) heap_.most_visits = heap_.visits + heap_.most_visits / 10;
}

Next Execution::raise_fault() {
  const Fault fault = heap_.fault;
  take_fault();
  if (fault == Fault::kDepth) {
    return raise(make_limit_error(fmt::format("values may be nested {} deep", int{kDeepest})));
  }
  if (fault == Fault::kWork)
    return raise(make_limit_error("the run has worked too long on a value"));
  return raise(make_limit_error(fmt::format("the run's values need more than {}",
                                            format_size(static_cast<int64_t>(limits_.memory)))));
}

const Handler* Execution::find_handler(Fiber& fiber, ErrorObject* error) {
  const Frame& frame = fiber.top();
  const Slot* registers = fiber.registers();
  const uint32_t pc = frame.at();
  for (const Handler& handler : frame.code->function->handlers) {
    if (pc < handler.begin || pc >= handler.end) continue;
    switch (handler.reach) {
      case Handler::Reach::kCleanup:
        return &handler;
      case Handler::Reach::kCatch:
        if (error->reach == Reach::kOrdinary) return &handler;
        break;
      case Handler::Reach::kTimeout: {
        const auto timer = static_cast<uint64_t>(registers[handler.timer].i);
        if (error->reach == Reach::kTimer && error->timer == timer) return &handler;
        stop_timer(fiber, timer);  // its scope is left
        break;
      }
    }
  }
  return nullptr;
}

bool Execution::handle_error(Fiber& fiber) {
  take_fault();
  Ref raised = std::move(raised_);
  raised_ = Ref();
  auto* error = static_cast<ErrorObject*>(raised.get());
  fiber.leaving = fiber.leaving || error->reach == Reach::kLeave;
  bool begun = true;  // else the branch fails before its first instruction
  while (fiber.depth > 0) {
    Frame& frame = fiber.top();
    if (const Handler* handler = begun ? find_handler(fiber, error) : nullptr) {
      Slot* registers = fiber.registers();
      cut_back(fiber, MarkHeights::unpack(registers[handler->mark].i), error);
      if (handler->reach == Handler::Reach::kTimeout) {
        raised = error_copy(error);
        auto* plain = static_cast<ErrorObject*>(raised.get());
        plain->reach = Reach::kOrdinary;
        plain->timer = 0;
      }
      set(registers[handler->error], std::move(raised));
      frame.pc = frame.code->code + handler->target;
      return true;
    }
    const Frame::Purpose purpose = frame.purpose;
    pop_frame(fiber);
    for (size_t i = fiber.timers.size(); i-- > 0;) {
      if (fiber.timers[i].frames > fiber.depth) stop_timer(fiber, fiber.timers[i].id);
    }
    if (purpose == Frame::Purpose::kItem) begun = false;
    if (purpose == Frame::Purpose::kUndo) {
      undo_ended(fiber, error);
      return fiber.depth > 0;
    }
  }
  fiber.failed = true;
  fiber.error = std::move(raised);
  return false;
}

}  // namespace rbk::vm
