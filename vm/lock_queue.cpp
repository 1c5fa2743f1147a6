#include "vm/lock_queue.h"

#include <algorithm>

namespace rbk::vm {

std::vector<size_t> grantable(const std::vector<LockClaim>& claims, const Lock& lock) {
  int64_t holders = 0;
  int64_t limit = INT64_MAX;
  for (const LockClaim& claim : claims) {
    if (!claim.held || !claim.lock.same(lock)) continue;
    ++holders;
    limit = std::min(limit, claim.lock.limit);
  }
  std::vector<size_t> granted;
  for (size_t i = 0; i < claims.size(); ++i) {
    const LockClaim& claim = claims[i];
    if (claim.held || !claim.lock.same(lock)) continue;
    limit = std::min(limit, claim.lock.limit);
    if (holders >= limit) break;
    ++holders;
    granted.push_back(i);
  }
  return granted;
}

namespace {

/// The claims that wait for ever: the largest set of which each waits for others in it.
class Stuck {
 public:
  /// `without`: a claim that is thought away, as if it had failed; kNone for none.
  Stuck(const std::vector<LockClaim>& claims, size_t without)
      : claims_(claims), stuck_(claims.size()) {
    for (size_t i = 0; i < claims.size(); ++i) stuck_[i] = !claims[i].held && i != without;
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t i = 0; i < claims.size(); ++i) {
        if (!stuck_[i] || !can_go_on(i)) continue;
        stuck_[i] = false;
        changed = true;
      }
    }
  }
  static constexpr size_t kNone = SIZE_MAX;

  bool is_stuck(size_t claim) const { return stuck_[claim]; }

  /// The claims that keep this one from going on: of those who have the lock, and of whoever waits
  /// before it.
  std::optional<size_t> why(size_t waiting) const {
    for (size_t i = 0; i < claims_.size(); ++i) {
      if (!claims_[i].lock.same(claims_[waiting].lock) || !claims_[i].held) continue;
      if (const auto by = blocked_by(i)) return by;
    }
    for (size_t i = 0; i < waiting; ++i) {
      if (stuck_[i] && claims_[i].lock.same(claims_[waiting].lock)) return i;
    }
    return std::nullopt;
  }

 private:
  /// The stuck claim because of which a held one is not freed.
  std::optional<size_t> blocked_by(size_t held) const {
    const LockClaim& holder = claims_[held];
    for (size_t i = 0; i < claims_.size(); ++i) {
      const LockClaim& claim = claims_[i];
      if (!stuck_[i] || claim.run != holder.run) continue;
      if (std::find(claim.under.begin(), claim.under.end(), holder.request) != claim.under.end())
        return i;
    }
    return std::nullopt;
  }

  bool can_go_on(size_t waiting) const {
    const LockClaim& claim = claims_[waiting];
    int64_t holders = 0;
    int64_t freed = 0;
    for (size_t i = 0; i < claims_.size(); ++i) {
      const LockClaim& other = claims_[i];
      if (!other.lock.same(claim.lock)) continue;
      if (other.held) {
        ++holders;
        if (!blocked_by(i)) ++freed;
      } else if (i < waiting && stuck_[i]) {
        return false;  // nobody passes it
      }
    }
    // It may be that one has to go, or all but `limit - 1` of them.
    return holders == 0 || freed >= std::max<int64_t>(1, holders - claim.lock.limit + 1);
  }

  const std::vector<LockClaim>& claims_;
  std::vector<bool> stuck_;
};

/// From the victim along what each waits for, until it comes round.
std::vector<size_t> circle_from(const Stuck& stuck, size_t victim) {
  std::vector<size_t> circle{victim};
  while (const auto next = stuck.why(circle.back())) {
    const auto seen = std::find(circle.begin(), circle.end(), *next);
    if (seen != circle.end()) {
      circle.erase(circle.begin(), seen);
      break;
    }
    circle.push_back(*next);
  }
  return circle;
}

}  // namespace

std::optional<Deadlock> find_deadlock(const std::vector<LockClaim>& claims, size_t newcomer) {
  const Stuck stuck(claims, Stuck::kNone);
  if (!stuck.is_stuck(newcomer)) return std::nullopt;
  size_t victim = newcomer;
  for (size_t i = claims.size(); claims[newcomer].unwinds && i-- > 0;) {
    if (i == newcomer || !stuck.is_stuck(i) || claims[i].unwinds) continue;
    if (Stuck(claims, i).is_stuck(newcomer)) continue;
    victim = i;
    break;
  }
  return Deadlock{victim, circle_from(stuck, victim)};
}

// ---- Runs that wait for runs

void add_run_waits(std::vector<LockClaim>& claims, const std::vector<RunWait>& waits) {
  constexpr RequestId kEnd = UINT64_MAX;  // what a run has until it ends
  const auto end_of = [](const RunWait& wait) {
    return Lock{Lock::Space::kRunEnd, wait.awaited_id, 1};
  };
  for (const RunWait& wait : waits)
    claims.push_back({wait.run, wait.request, end_of(wait), false, true, wait.under});
  for (LockClaim& claim : claims) {
    const bool is_awaited = std::any_of(
        waits.begin(), waits.end(), [&](const RunWait& wait) { return wait.awaited == claim.run; });
    if (!claim.held && is_awaited) claim.under.push_back(kEnd);
  }
  for (const RunWait& wait : waits)
    claims.push_back({wait.awaited, kEnd, end_of(wait), true, true, {}});
}

// ---- Without a store

void LockTable::take(int64_t run, const Request& request) {
  if (const auto* acquire = std::get_if<request::Acquire>(&request.what)) {
    const bool taken = std::any_of(claims_.begin(), claims_.end(), [&](const LockClaim& claim) {
      return claim.lock.same(acquire->lock);
    });
    claims_.push_back({run, request.id, acquire->lock, false, acquire->unwinds, acquire->under});
    settle(acquire->lock);
    if (claims_.back().held) return;
    if (taken && acquire->mode == request::Acquire::Mode::kReject) {
      claims_.pop_back();
      answers_.push_back({run, {request.id, event::Acquired::How::kTaken, {}}});
      return;
    }
    break_deadlock();
  } else if (const auto* release = std::get_if<request::Release>(&request.what)) {
    remove(run, release->acquire);
  } else if (const auto* forget = std::get_if<request::Forget>(&request.what)) {
    remove(run, forget->request);
  }
}

/// The newest claim waits: if it would wait for ever, somebody fails.
void LockTable::break_deadlock() {
  std::vector<LockClaim> all = claims_;
  add_run_waits(all, waits_);
  const auto deadlock = find_deadlock(all, claims_.size() - 1);
  if (!deadlock) return;
  const LockClaim victim = claims_[deadlock->victim];
  std::string message =
      waits_.empty() ? "branches of one run wait for each other:" : "a circle would close:";
  for (const size_t i : deadlock->circle)
    message += (i == deadlock->circle.front() ? " " : ", ") + describe(all[i].lock);
  remove(victim.run, victim.request);
  answers_.push_back(
      {victim.run, {victim.request, event::Acquired::How::kDeadlock, std::move(message)}});
}

void LockTable::settle(const Lock& lock) {
  for (const size_t i : grantable(claims_, lock)) {
    claims_[i].held = true;
    answers_.push_back({claims_[i].run, {claims_[i].request, event::Acquired::How::kGranted, {}}});
  }
}

void LockTable::remove(int64_t run, RequestId request) {
  const auto found = std::find_if(claims_.begin(), claims_.end(), [&](const LockClaim& claim) {
    return claim.run == run && claim.request == request;
  });
  if (found == claims_.end()) return;
  const Lock lock = found->lock;
  claims_.erase(found);
  std::erase_if(answers_,
                [&](const Answer& one) { return one.run == run && one.event.request == request; });
  settle(lock);
}

void LockTable::ended(int64_t run) {
  std::erase_if(waits_, [&](const RunWait& wait) { return wait.awaited == run; });
  while (true) {
    const auto left = std::find_if(claims_.begin(), claims_.end(),
                                   [&](const LockClaim& claim) { return claim.run == run; });
    if (left == claims_.end()) return;
    remove(run, left->request);
  }
}

std::optional<LockTable::Answer> LockTable::next() {
  if (answers_.empty()) return std::nullopt;
  Answer answer = std::move(answers_.front());
  answers_.pop_front();
  return answer;
}

}  // namespace rbk::vm
