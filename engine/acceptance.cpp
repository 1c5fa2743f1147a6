#include "engine/acceptance.h"

#include "engine/recovery.h"

namespace rbk::engine {
namespace {

bool repeats(const vm::request::Perform& perform) {
  return perform.behaviour != bytecode::Behaviour::kWrites ||
         perform.doubt == bytecode::Doubt::kRetry;
}

Result<std::vector<LostAttempt>> lost_of(Store& store, const RunRow& row) {
  // One that only waits has nothing under way.
  if (row.held == RunStatus::kWaiting) return std::vector<LostAttempt>();
  auto program = load_program(store, row);
  if (!program) return tl::unexpected(program.error());
  auto run = recover_run(store, row, *program);
  if (!run) return tl::unexpected(run.error());
  std::vector<LostAttempt> lost;
  for (const auto& [id, asked] : run->asked.all()) {
    const vm::request::Perform* perform = asked.perform();
    if (perform == nullptr || asked.not_started || asked.in_doubt) continue;
    lost.push_back({perform->path, (*program)->actions[perform->action].name, repeats(*perform)});
  }
  return lost;
}

}  // namespace

Status look_at_held(Store& store, const std::function<void(const HeldRun&)>& tell) {
  RunFilter filter;
  filter.status = RunStatus::kQuarantined;
  auto rows = store.runs(filter);
  if (!rows) return tl::unexpected(rows.error());
  for (auto row = rows->rbegin(); row != rows->rend(); ++row) {
    if (!row->held) continue;
    HeldRun run{row->id, row->runbook, *row->held, row->starter, row->head, row->updated, {}, {}};
    auto lost = lost_of(store, *row);
    if (lost)
      run.lost = std::move(*lost);
    else
      run.problem = lost.error().message;
    tell(run);
  }
  return {};
}

}  // namespace rbk::engine
