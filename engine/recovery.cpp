#include "engine/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/mutant.h"
#include "engine/journal.h"
#include "engine/snapshot.h"

namespace rbk::engine {
namespace {

Error damaged(const RunRow& row, uint64_t entry, std::string_view why) {
  return {ErrorKind::kCorrupt, fmt::format("run {}, journal entry {}: {}", row.id, entry, why),
          "restore the store from a backup, or start the runbook anew"};
}

/// Engine's own entries: they change what is known of requests, not the machine.
Status apply_own(RecoveredRun& run, const RunRow& row, const Entry& entry) {
  if (entry.kind == Entry::Kind::kUpgraded) return {};
  if (entry.kind == Entry::Kind::kPaused || entry.kind == Entry::Kind::kUnpaused) {
    run.paused = entry.kind == Entry::Kind::kPaused;
    return {};
  }
  if (entry.kind == Entry::Kind::kTakenOver) {
    auto taken = decode_taken_over(entry.body);
    if (!taken) return tl::unexpected(damaged(row, entry.number, taken.error().message));
    if (run.asked.find(taken->request) == nullptr)
      return tl::unexpected(
          damaged(row, entry.number, "it speaks of a request that does not wait"));
    return {};
  }
  auto requests = decode_requests(entry.body);
  if (!requests) return tl::unexpected(damaged(row, entry.number, requests.error().message));
  for (const vm::RequestId id : *requests) {
    Asked* asked = run.asked.find(id);
    if (asked == nullptr)
      return tl::unexpected(
          damaged(row, entry.number, "it speaks of a request that does not wait"));
    switch (entry.kind) {
      case Entry::Kind::kRepeat:
        run.asked.set_doubt(*asked, false);
        ++asked->repetition;
        asked->not_started = false;
        asked->engine = entry.engine;
        asked->boot_time = entry.boot_time;
        break;
      case Entry::Kind::kNotStarted:
        asked->not_started = true;
        break;
      case Entry::Kind::kBegun:
        asked->not_started = false;
        asked->engine = entry.engine;
        asked->boot_time = entry.boot_time;
        break;
      case Entry::Kind::kDoubt:
        run.asked.set_doubt(*asked, true);
        break;
      default:
        return tl::unexpected(damaged(row, entry.number, "its kind is unknown"));
    }
  }
  return {};
}

/// Nothing: there is no snapshot that can be used.
std::optional<RecoveredRun> from_snapshot(Store& store, const RunRow& row,
                                          const std::shared_ptr<const bytecode::Program>& program,
                                          bool& was_bad) {
  auto bytes = store.snapshot(row.key);
  if (!bytes || !*bytes) return std::nullopt;
  was_bad = true;
  auto snapshot = decode_snapshot(**bytes);
  if (!snapshot || snapshot->entry > row.head) return std::nullopt;
  auto machine = vm::Machine::restore(program, {}, snapshot->machine);
  if (!machine) return std::nullopt;
  RecoveredRun made{std::move(*machine), {}};
  made.head = snapshot->entry;
  made.time = RBK_MUTANT("a_snapshot_loses_the_time") ? 0 : snapshot->time;
  made.paused = snapshot->paused;
  std::vector<vm::Request> pending = made.machine.pending();
  if (pending.size() != snapshot->asked.size()) return std::nullopt;
  for (vm::Request& request : pending) {
    const auto same = [&](const Asked& asked) { return asked.request.id == request.id; };
    const auto found = std::find_if(snapshot->asked.begin(), snapshot->asked.end(), same);
    if (found == snapshot->asked.end()) return std::nullopt;
    found->request = std::move(request);
    made.asked.insert(*found);
  }
  was_bad = false;
  return made;
}

}  // namespace

vm::RequestId answered_by(const vm::Event& event) {
  return std::visit(
      [](const auto& what) -> vm::RequestId {
        if constexpr (requires { what.request; })
          return what.request;
        else
          return 0;
      },
      event.what);
}

const Numbering* RecoveredRun::numbering_at(uint64_t entry) const {
  const auto found = std::find_if(numberings.begin(), numberings.end(),
                                  [&](const auto& known) { return entry < known.first; });
  return found == numberings.end() ? nullptr : &found->second;
}

Status RecoveredRun::translate(uint64_t entry, vm::Event& event) const {
  const Numbering* numbering = numbering_at(entry);
  return numbering == nullptr ? Status() : numbering->translate(event);
}

Status learn_upgrades(RecoveredRun& run, const RunRow& row, const bytecode::Program& program,
                      const std::vector<Entry>& entries) {
  for (const Entry& entry : entries) {
    if (entry.kind != Entry::Kind::kUpgraded) continue;
    auto upgraded = decode_upgraded(entry.body);
    if (!upgraded) return tl::unexpected(damaged(row, entry.number, upgraded.error().message));
    run.numberings.emplace_back(entry.number, Numbering::between(upgraded->names, program));
  }
  return {};
}

Result<std::optional<vm::Turn>> replay_entry(RecoveredRun& run, Store& store, const RunRow& row,
                                             const Entry& entry, Compare compare) {
  run.head = entry.number;
  run.time = entry.time;
  ++run.since_snapshot;
  if (entry.kind != Entry::Kind::kEvent) {
    if (auto done = apply_own(run, row, entry); !done) return tl::unexpected(done.error());
    return std::nullopt;
  }
  auto journaled = decode_body(entry.body, store);
  if (!journaled) return tl::unexpected(damaged(row, entry.number, journaled.error().message));
  if (auto done = run.translate(entry.number, journaled->event); !done)
    return tl::unexpected(damaged(row, entry.number, done.error().message));
  auto turn = run.machine.deliver(journaled->event);
  if (!turn)
    return tl::unexpected(
        damaged(row, entry.number, "a replay does not take it (" + turn.error().message + ")"));
  if (compare == Compare::kDigests &&
      digest(turn->requests, run.numbering_at(entry.number)) != journaled->digest)
    return tl::unexpected(
        damaged(row, entry.number, "a replay asks for something else than the run did"));
  if (std::holds_alternative<vm::event::Cancelled>(journaled->event.what)) run.paused = false;
  run.asked.answered(answered_by(journaled->event));
  run.asked.absorb(turn->requests, entry);
  return std::move(*turn);
}

Result<RecoveredRun> beginning_of(Store& store, const RunRow& row,
                                  const std::shared_ptr<const bytecode::Program>& program) {
  if (row.origin == 0) return RecoveredRun{vm::Machine(program, {}), {}};
  auto origin = store.run(row.origin);
  if (!origin) return tl::unexpected(origin.error());
  auto made = recover_run(store, *origin, program, false);
  if (!made) return made;
  made->asked = {};
  made->head = 0;
  made->since_snapshot = 0;
  made->numberings.clear();
  made->paused = false;
  return made;
}

Result<RecoveredRun> recover_run(Store& store, const RunRow& row,
                                 std::shared_ptr<const bytecode::Program> program,
                                 bool use_snapshot) {
  bool was_bad = false;
  std::optional<RecoveredRun> run;
  if (use_snapshot) run = from_snapshot(store, row, program, was_bad);
  if (!run) {
    auto made = beginning_of(store, row, program);
    if (!made) return tl::unexpected(made.error());
    run.emplace(std::move(*made));
  }
  run->snapshot_was_bad = was_bad;
  auto entries = store.entries(row.key, run->head);
  if (!entries) return tl::unexpected(entries.error());
  if (auto known = learn_upgrades(*run, row, *program, *entries); !known)
    return tl::unexpected(known.error());
  for (const Entry& entry : *entries)
    if (auto done = replay_entry(*run, store, row, entry); !done)
      return tl::unexpected(done.error());
  return std::move(*run);
}

Result<boost::json::array> arguments_of(Store& store, const RunRow& row) {
  RunRow first = row;
  while (first.origin != 0) {
    auto origin = store.run(first.origin);
    if (!origin) return tl::unexpected(origin.error());
    first = std::move(*origin);
  }
  auto entries = store.entries(first.key, 0);
  if (!entries) return tl::unexpected(entries.error());
  if (entries->empty()) return boost::json::array();
  auto journaled = decode_body(entries->front().body, store);
  if (!journaled) return tl::unexpected(journaled.error());
  auto* started = std::get_if<vm::event::Started>(&journaled->event.what);
  return started == nullptr ? boost::json::array() : std::move(started->arguments);
}

Result<std::shared_ptr<const bytecode::Program>> load_program(Store& store, const RunRow& row) {
  auto bytes = store.program(row.program);
  if (!bytes) return tl::unexpected(bytes.error());
  auto program = bytecode::load(*bytes);
  if (!program) {
    Error error = program.error();
    error.message = fmt::format("the program of run {}: {}", row.id, error.message);
    return tl::unexpected(std::move(error));
  }
  if (bytecode::content_hash(*program) != row.program)
    return fail(
        ErrorKind::kCorrupt,
        fmt::format("the program of run {} is not the one that it was started with", row.id),
        "restore the store from a backup");
  return std::make_shared<const bytecode::Program>(std::move(*program));
}

}  // namespace rbk::engine
