// What a runbook takes for itself, in which order, and what it does meanwhile.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/effects/walk.h"

namespace rbk::effects {

using namespace syntax;  // NOLINT: this file reads trees and little else

void head_locks(const RunbookDecl& decl, const std::string& name, Texts& texts, const Place& place,
                std::vector<Lock>& locks) {
  static constexpr const char* kModes[] = {"queue", "queue", "reject", "cancel_running"};
  for (const Exclusive& one : decl.exclusive)
    locks.push_back({texts.text(one.name), "exclusive", kModes[static_cast<int>(one.mode)], place});
  if (!decl.max.valid()) return;
  const source::Span span = texts.ast()[decl.max].span;
  locks.push_back({name, "max", std::string(texts.module().source->text(span)), place});
}

Cost Walker::runbook_body(const RunbookDecl& decl) {
  const HeldLocks held(all_);
  for (const Exclusive& one : decl.exclusive)
    take({fmt::format("exclusive `{}`", texts_.text(one.name)),
          texts_.known().evaluate(one.name).known(), true, ast()[one.name].span});
  return block(decl.body);
}

Cost Walker::lock(const LockStmt& node) {
  std::string terms;
  for (const auto& [word, value] :
       {std::pair{"limit", node.limit}, std::pair{"timeout", node.timeout},
        std::pair{"expires", node.expires}}) {
    if (!value.valid()) continue;
    terms += fmt::format("{}{} {}", terms.empty() ? "" : " ", word, source(ast()[value].span));
  }
  const std::string name = texts_.text(node.name);
  all_.summary.locks.push_back({name, "lock", std::move(terms), place_});
  const bool is_single = !node.limit.valid() || at_most(node.limit) == 1;
  Cost cost;
  {
    const HeldLocks held(all_);
    take({fmt::format("lock `{}`", name), is_single && texts_.known().evaluate(node.name).known(),
          node.expires.valid(), ast()[node.name].span});
    cost = block(node.body);
  }
  if (!cost.undo.is_nothing())
    cost.undo = cost.undo + open("what was done under `lock` is undone under it again");
  cost.forward = cost.forward + (node.timeout.valid() ? time(node.timeout, "the timeout of `lock`")
                                                      : open("`lock` waits without a `timeout`"));
  return cost;
}

void Walker::take(Gathered::HeldLock lock) {
  const auto is_it = [&](const Gathered::HeldLock& other) {
    return lock.is_known && other.is_known && other.name == lock.name;
  };
  const bool again = std::any_of(all_.held.begin(), all_.held.end(), is_it);
  for (size_t i = 0; i < all_.held.size() && !again && lock.is_known; ++i) {
    if (!all_.held[i].is_known) continue;
    LockOrder order{all_.held[i].name, lock.name, {}, all_.held[i].span, lock.span};
    for (size_t k = 0; k < all_.held.size(); ++k)
      if (k != i && all_.held[k].is_known) order.around.push_back(all_.held[k].name);
    all_.summary.lock_orders.push_back(std::move(order));
  }
  all_.held.push_back(std::move(lock));
}

void Walker::ask_person(source::Span span) {
  for (const Gathered::HeldLock& lock : all_.held)
    if (!lock.expires) all_.summary.held_waits.push_back({lock.name, lock.span, span});
}

}  // namespace rbk::effects
