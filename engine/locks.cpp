// Locks, as people see them: who has what, who waits for it, and what is told of it. The rules are
// vm/lock_queue.h's, and the store decides by them.
#include <algorithm>
#include <map>

#include "engine/engine_state.h"

namespace rbk::engine {

void Engine::State::note_locks(const CommitResult& result) {
  look_now = look_now || result.messages_posted;
  for (const auto& [run, request] : result.locks_granted)
    if (runs.contains(run) || fresh.contains(run)) locks_granted.emplace(run, request);
}

/// That a run asks for a lock is news only where it has to wait; then with who has it.
bool Engine::State::is_worth_telling(RunKey run, News& news) {
  if (news.kind != News::Kind::kQueues) return true;
  if (locks_granted.erase({run, news.request}) > 0) return false;
  auto rows = store->locks();
  if (!rows || !news.input.is_object()) return true;
  const auto own = std::find_if(rows->begin(), rows->end(), [&](const LockRow& row) {
    return row.claim.run == run && row.claim.request == news.request;
  });
  if (own == rows->end() || own->claim.held) return false;
  boost::json::array holders;
  boost::json::array idle;
  for (const LockRow& row : *rows) {
    if (!row.claim.held || !row.claim.lock.same(own->claim.lock)) continue;
    holders.emplace_back(row.run_id);
    if (!runs.contains(row.claim.run) && !holder_lives(row.claim.run))
      idle.emplace_back(row.run_id);
  }
  news.input.get_object()["holders"] = std::move(holders);
  if (!idle.empty()) news.input.get_object()["idle"] = std::move(idle);
  return true;
}

/// All, or those that this run has or waits for.
Result<std::vector<LockState>> Engine::State::lock_states(const std::optional<RunKey>& run) {
  auto rows = store->locks();
  if (!rows) return tl::unexpected(rows.error());
  std::map<std::pair<vm::Lock::Space, std::string>, LockState> states;
  for (const LockRow& row : *rows) {
    if (run && row.claim.run != *run) continue;
    LockState& state = states[{row.claim.lock.space, row.claim.lock.name}];
    state.lock = row.claim.lock;
  }
  for (const LockRow& row : *rows) {
    const auto found = states.find({row.claim.lock.space, row.claim.lock.name});
    if (found == states.end()) continue;
    auto of = store->run(row.claim.run);
    if (!of) return tl::unexpected(of.error());
    LockState::Claim claim;
    claim.run = row.run_id;
    claim.runbook = of->runbook;
    claim.path = row.path;
    claim.since = row.since;
    claim.limit = row.claim.lock.limit;
    claim.until = row.until;
    claim.status = of->status;
    claim.held_back = of->held.has_value();
    if (of->holder != 0) {
      auto holder = store->engine(of->holder);
      if (holder && holder->alive) claim.process = holder->process;
    }
    LockState& state = found->second;
    state.lock.limit = std::min(state.lock.limit, claim.limit);
    (row.claim.held ? state.holders : state.queue).push_back(std::move(claim));
  }
  std::vector<LockState> list;
  list.reserve(states.size());
  for (auto& [name, state] : states) list.push_back(std::move(state));
  return list;
}

Result<std::vector<LockState>> Engine::locks() { return state_->lock_states(std::nullopt); }

Result<size_t> Engine::free_locks(const std::string& run, const Person& by) {
  auto row = state_->find_changeable(run, "keeps what it has");
  if (!row) return tl::unexpected(row.error());
  return state_->store->free_locks(row->key, state_->doer(by));
}

}  // namespace rbk::engine
