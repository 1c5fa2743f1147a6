// A machine's state as bytes; docs/formats/snapshot.md describes them.
#include <bit>
#include <unordered_map>

#include "base/hash.h"
#include "vm/execution.h"
#include "vm/snapshot_format.h"
#include "vm/wire_json.h"

namespace rbk::vm {

using bytecode::Writer;

class SnapshotWriter {
 public:
  explicit SnapshotWriter(const Execution& run) : run_(run) {}

  std::string write() {
    state();
    Writer out;
    out.raw(kSnapshotMagic);
    out.number(kSnapshotVersion);
    const Digest program = run_.image_.content_hash();
    out.raw({reinterpret_cast<const char*>(program.data()), program.size()});
    out.number(count_);
    out.raw(objects_.bytes());
    out.raw(out_.bytes());
    std::string bytes = out.take();
    const Digest digest = sha256(bytes);
    bytes.append(digest.begin(), digest.end());
    return bytes;
  }

 private:
  // ---- Objects: each once, the parts before what holds them

  uint64_t object(const Object* from) {
    if (from == nullptr) return 0;
    const auto found = numbers_.find(from);
    if (found != numbers_.end()) return found->second;
    Writer entry;
    if (from->constant != bytecode::kNone) {
      entry.byte(kConstantTag);
      entry.number(from->constant);
    } else {
      body(entry, *from);
    }
    objects_.raw(entry.bytes());
    numbers_.emplace(from, ++count_);
    return count_;
  }

  void slot(Writer& out, Slot value, Kind kind) {
    if (kind == Kind::kRef) return out.number(object(value.o));
    if (kind == Kind::kFloat) return out.real(value.f);
    out.integer(value.i);
  }

  void body(Writer& out, const Object& from) {
    out.byte(static_cast<uint8_t>(from.tag));
    out.byte(static_cast<uint8_t>(from.kind));
    switch (from.tag) {
      case Tag::kBox:
        return slot(out, static_cast<const Box&>(from).value, from.kind);
      case Tag::kString:
      case Tag::kSecret:
        return out.text(static_cast<const String&>(from).view());
      case Tag::kList: {
        const auto& list = static_cast<const List&>(from);
        out.number(list.depth);
        out.number(list.items.size());
        for (const Slot item : list.items) slot(out, item, list.kind);
        return;
      }
      case Tag::kMap: {
        const auto& map = static_cast<const Map&>(from);
        out.byte(static_cast<uint8_t>(map.key_kind));
        out.number(map.depth);
        out.number(map.entries.size());
        for (const Map::Entry& entry : map.entries) {
          slot(out, entry.key, map.key_kind);
          slot(out, entry.value, map.kind);
        }
        return;
      }
      case Tag::kRecord:
      case Tag::kEnum: {
        const auto& record = static_cast<const Record&>(from);
        out.number(record.type);
        out.number(record.member);
        for (uint32_t i = 0; i < record.size; ++i) slot(out, record.fields()[i], record.kinds[i]);
        return;
      }
      case Tag::kError: {
        const auto& error = static_cast<const ErrorObject&>(from);
        out.number((uint64_t{error.type} + 1) & 0xffffffff);
        out.byte(static_cast<uint8_t>(error.reach));
        out.flag(error.retryable);
        out.flag(error.in_doubt);
        out.number(error.timer);
        out.number(object(error.name));
        out.number(object(error.message));
        out.number(object(error.others));
        for (uint32_t i = 0; i < error.size; ++i) out.number(object(error.fields()[i].o));
        return;
      }
      case Tag::kResult: {
        const auto& result = static_cast<const ResultObject&>(from);
        out.flag(result.ok);
        slot(out, result.value, result.kind);
        out.number(object(result.item));
        return;
      }
      case Tag::kRange:
        slot(out, static_cast<const Range&>(from).low, from.kind);
        return slot(out, static_cast<const Range&>(from).high, from.kind);
      case Tag::kClosure: {
        const auto& closure = static_cast<const Closure&>(from);
        out.number(closure.function);
        out.number(closure.size);
        for (uint32_t i = 0; i < closure.size; ++i) {
          slot(out, closure.captures()[i], closure.kinds[i]);
        }
        return;
      }
    }
  }

  // ---- The run

  void state() {
    out_.flag(run_.begun_);
    out_.flag(run_.ended_);
    out_.flag(run_.cancelled_);
    out_.flag(run_.kill_);
    out_.flag(run_.rolling_back_);
    out_.flag(run_.tolerated_);
    out_.flag(run_.undo_failed_);
    out_.flag(run_.committed_);
    out_.flag(run_.memory_reserve_);
    out_.number(run_.undone_);
    out_.number(run_.runbook_);
    out_.integer(run_.now_);
    out_.number(run_.seed_);
    out_.number(run_.draws_);
    out_.number(run_.next_fiber_);
    out_.number(run_.next_group_);
    out_.number(run_.next_timer_);
    out_.number(run_.next_step_);
    out_.number(run_.next_request_);
    out_.number(run_.next_run_);
    out_.number(run_.root_);
    out_.text(run_.info_.run);
    out_.text(run_.info_.url);
    out_.text(run_.info_.starter);
    out_.text(run_.info_.reason);
    put_object(out_, run_.info_.labels);
    out_.integer(run_.info_.started);
    out_.number(run_.info_.overrides.size());
    for (const std::string& calendar : run_.info_.overrides) out_.text(calendar);
    out_.number(run_.info_.draws.size());
    for (const double draw : run_.info_.draws) out_.number(std::bit_cast<uint64_t>(draw));
    out_.number(run_.info_.drawn);
    out_.number(run_.fibers_.size());
    for (const auto& [id, each] : run_.fibers_) fiber(*each);
    out_.number(run_.groups_.size());
    for (const auto& [id, each] : run_.groups_) group(*each);
    out_.number(run_.pending_.size());
    for (const auto& [id, each] : run_.pending_) pending(each);
    undo(run_.unfinished_);
    out_.number(run_.signals_.size());
    for (const event::Signalled& each : run_.signals_) signal(each);
    out_.number(run_.heap_.used);
  }

  void signal(const event::Signalled& signal) {
    out_.text(signal.name);
    put_json(out_, signal.payload);
    out_.text(signal.sender);
    out_.number(signal.groups.size());
    for (const std::string& group : signal.groups) out_.text(group);
  }

  void step(const StepEntry& entry) {
    out_.number((uint64_t{entry.step} + 1) & 0xffffffff);
    out_.number(entry.number);
    out_.text(entry.path);
    out_.number(entry.attempt);
    out_.number(entry.performed);
    out_.number(entry.last_perform);
    out_.number(entry.generation);
    out_.flag(entry.skipped);
  }

  void lock(const std::optional<Lock>& lock) {
    out_.flag(lock.has_value());
    if (!lock) return;
    out_.byte(static_cast<uint8_t>(lock->space));
    out_.text(lock->name);
    out_.integer(lock->limit);
  }

  void undo(const std::vector<UndoEntry>& entries) {
    out_.number(entries.size());
    for (const UndoEntry& entry : entries) {
      out_.number(entry.serial);
      out_.flag(entry.is_defer);
      out_.number(object(entry.closure.get()));
      out_.text(entry.path);
      out_.number(entry.step);
      lock(entry.lock);
      out_.number(entry.held);
      out_.number(entry.branches.size());
      for (const std::vector<UndoEntry>& branch : entry.branches) undo(branch);
    }
  }

  void frame(const Fiber& fiber, const Frame& at) {
    out_.number(at.code->index);
    out_.number(at.at());
    out_.byte(static_cast<uint8_t>(at.purpose));
    const Slot* registers = fiber.stack.get() + at.base;
    for_each_kept(*at.code, at.pc,
                  [&](uint32_t i) { slot(out_, registers[i], at.code->kinds[i]); });
  }

  void fiber(const Fiber& fiber) {
    out_.number(fiber.id);
    out_.number(fiber.group);
    out_.number(fiber.branch);
    out_.number(fiber.level);
    out_.number(fiber.depth);
    for (uint32_t i = 0; i < fiber.depth; ++i) frame(fiber, fiber.frames[i]);
    out_.number(fiber.steps.size());
    for (const StepEntry& entry : fiber.steps) step(entry);
    out_.number(fiber.items.size());
    for (const ItemEntry& item : fiber.items) {
      out_.text(item.text);
      out_.number(item.depth);
    }
    undo(fiber.undo);
    undo(fiber.kept);
    out_.number(fiber.undoing.size());
    for (const Undoing& undoing : fiber.undoing) {
      out_.flag(undoing.is_defer);
      out_.number(object(undoing.closure.get()));
      out_.text(undoing.path);
      out_.number(undoing.step);
      out_.number(undoing.steps);
      out_.number(undoing.items);
      out_.number(undoing.shield);
      out_.number(undoing.serial);
    }
    out_.number(fiber.timers.size());
    for (const Timer& timer : fiber.timers) {
      out_.number(timer.id);
      out_.number(timer.request);
      out_.integer(timer.until);
      out_.number(timer.shield);
      out_.number(timer.frames);
      out_.flag(timer.due);
    }
    out_.number(fiber.next_serial);
    out_.number(fiber.shield);
    out_.number(fiber.base_shield);
    step(fiber.outer);
    step(fiber.last_step);
    out_.byte(static_cast<uint8_t>(fiber.wait));
    out_.number(fiber.request);
    out_.number(fiber.waits_for_group);
    out_.flag(fiber.stop_sent);
    out_.flag(fiber.kill_sent);
    out_.flag(fiber.cancel);
    out_.flag(fiber.cancel_taken);
    out_.flag(fiber.leave);
    out_.flag(fiber.leaving);
    out_.text(fiber.cancel_reason);
    out_.flag(fiber.unwinding);
    out_.flag(fiber.failed);
    out_.number(object(fiber.error.get()));
  }

  void group(const Group& group) {
    out_.number(group.id);
    out_.number(group.parent);
    out_.flag(group.unwinds);
    out_.number(group.tolerated);
    out_.number(group.limit);
    out_.number(group.next);
    out_.number(group.failures);
    out_.flag(group.closed);
    out_.flag(group.interrupted);
    out_.number((uint64_t{group.winner} + 1) & 0xffffffff);
    out_.number(object(group.list.get()));
    out_.number(object(group.body.get()));
    out_.number(object(group.item.get()));
    out_.number(group.bodies.size());
    for (const Ref& body : group.bodies) out_.number(object(body.get()));
    out_.number(object(group.error.get()));
    lock(group.lock);
    out_.number(group.lock_request);
    out_.number(group.branches.size());
    for (const Group::Branch& branch : group.branches) {
      out_.number(branch.fiber);
      out_.flag(branch.done);
      out_.byte(static_cast<uint8_t>(branch.result.kind()));
      slot(out_, branch.result.slot(), branch.result.kind());
      undo(branch.undo);
    }
  }

  void request(const request::Perform& perform) {
    out_.number(perform.action);
    put_object(out_, perform.arguments);
    out_.byte(static_cast<uint8_t>(perform.behaviour));
    out_.byte(static_cast<uint8_t>(perform.doubt));
    out_.flag(perform.timeout.has_value());
    out_.integer(perform.timeout.value_or(0));
    out_.text(perform.path);
    out_.number(perform.step);
    out_.number(perform.attempt);
    out_.number(perform.generation);
  }
  void request(const request::Sleep& sleep) { out_.integer(sleep.until); }
  void request(const request::Approve& approve) {
    out_.text(approve.path);
    put_json(out_, approve.description);
    out_.flag(approve.expires.has_value());
    out_.integer(approve.expires.value_or(0));
    out_.flag(approve.is_question);
  }
  void request(const request::AskDoubt& doubt) {
    out_.number(doubt.perform);
    out_.text(doubt.path);
  }
  void request(const request::AskFailure& failure) {
    out_.text(failure.path);
    out_.number(failure.step);
    put_error(out_, failure.error);
    out_.flag(failure.in_doubt);
    out_.number((uint64_t{failure.type} + 1) & 0xffffffff);
    put_json(out_, failure.by);
  }
  void request(const request::AwaitSignal& signal) {
    out_.text(signal.path);
    out_.text(signal.name);
    put_json(out_, signal.by);
    out_.flag(signal.expires.has_value());
    out_.integer(signal.expires.value_or(0));
  }
  void request(const request::Acquire& acquire) {
    out_.text(acquire.path);
    lock(acquire.lock);
    out_.byte(static_cast<uint8_t>(acquire.mode));
    out_.flag(acquire.until.has_value());
    out_.integer(acquire.until.value_or(0));
    out_.flag(acquire.unwinds);
    held(acquire.under);
  }
  void held(const std::vector<RequestId>& under) {
    out_.number(under.size());
    for (const RequestId one : under) out_.number(one);
  }
  void request(const request::Start& start) {
    out_.number(start.runbook);
    out_.number(start.arguments.size());
    for (const boost::json::value& argument : start.arguments) put_json(out_, argument);
    out_.text(start.run);
    out_.number(start.overrides.size());
    for (const std::string& calendar : start.overrides) out_.text(calendar);
    out_.text(start.path);
    out_.number(start.step);
    out_.number(start.attempt);
    held(start.under);
  }
  void request(const request::UndoRun& undo) {
    out_.text(undo.run);
    out_.text(undo.path);
    held(undo.under);
  }
  void request(const request::CancelRun&) {}  // never pending
  void request(const request::Stop&) {}       // never pending
  void request(const request::Release&) {}    // never pending
  void request(const request::Forget&) {}     // never pending

  void pending(const Pending& pending) {
    out_.number(pending.request.id);
    out_.number(pending.fiber);
    out_.number(pending.timer);
    out_.number(pending.bound_fiber);
    out_.number(pending.bound_timer);
    out_.byte(static_cast<uint8_t>(pending.request.what.index()));
    std::visit([this](const auto& what) { request(what); }, pending.request.what);
  }

  const Execution& run_;
  Writer objects_;
  Writer out_;
  uint64_t count_ = 0;
  std::unordered_map<const Object*, uint64_t> numbers_;
};

std::string Execution::snapshot() const { return SnapshotWriter(*this).write(); }

}  // namespace rbk::vm
