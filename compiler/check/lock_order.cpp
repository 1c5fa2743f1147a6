// Locks that do not go together: those that are taken in a circle, and those that are held while a
// person thinks.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "compiler/check/program_checker.h"
#include "compiler/effects/effects.h"

namespace rbk::check {
namespace {

using diagnostics::Code;
using effects::LockOrder;

/// What is held around all of them: then only one of them is under way at a time.
bool is_guarded(const std::vector<const LockOrder*>& circle) {
  const std::vector<std::string>& first = circle.front()->around;
  return std::any_of(first.begin(), first.end(), [&](const std::string& lock) {
    const bool in_circle = std::any_of(
        circle.begin(), circle.end(), [&](const LockOrder* order) { return order->first == lock; });
    return !in_circle && std::all_of(circle.begin(), circle.end(), [&](const LockOrder* order) {
      return std::find(order->around.begin(), order->around.end(), lock) != order->around.end();
    });
  });
}

/// The shortest way from the second lock of `start` back to its first, `start` before it; empty if
/// there is none.
std::vector<const LockOrder*> circle_of(const std::vector<LockOrder>& orders,
                                        const LockOrder& start) {
  std::map<std::string, const LockOrder*> by;  // the order by which a lock was reached
  std::deque<std::string> next{start.second};
  by[start.second] = &start;
  while (!next.empty() && !by.contains(start.first)) {
    const std::string from = next.front();
    next.pop_front();
    for (const LockOrder& order : orders) {
      if (order.first != from || by.contains(order.second)) continue;
      by[order.second] = &order;
      next.push_back(order.second);
    }
  }
  std::vector<const LockOrder*> circle;
  if (!by.contains(start.first)) return circle;
  for (const LockOrder* order = by.at(start.first); order != &start; order = by.at(order->first))
    circle.insert(circle.begin(), order);
  circle.insert(circle.begin(), &start);
  return circle;
}

}  // namespace

void ProgramChecker::report_held_wait(const effects::HeldWait& wait) {
  diagnostics.report(Code::kPersonUnderLock, wait.wait_span, wait.lock)
      .labelled("until somebody answers, nobody else gets it")
      .also(wait.lock_span, "it is held from here, and for as long as it takes")
      .help("say how long at most, as `expires 1h` behind the lock, or ask before it is taken");
}

void ProgramChecker::report_lock_orders(const std::vector<LockOrder>& orders) {
  std::vector<std::vector<const LockOrder*>> circles;
  for (const LockOrder& order : orders) {
    std::vector<const LockOrder*> circle = circle_of(orders, order);
    if (!circle.empty() && !is_guarded(circle)) circles.push_back(std::move(circle));
  }
  std::stable_sort(circles.begin(), circles.end(),
                   [](const auto& one, const auto& other) { return one.size() < other.size(); });
  std::vector<std::vector<std::string>> told;  // sorted
  for (const std::vector<const LockOrder*>& circle : circles) {
    const LockOrder& order = *circle.front();
    std::vector<std::string> sorted;
    sorted.reserve(circle.size());
    for (const LockOrder* one : circle) sorted.push_back(one->first);
    std::sort(sorted.begin(), sorted.end());
    // A longer way round says nothing more.
    const bool is_known = std::any_of(told.begin(), told.end(), [&](const auto& known) {
      return std::includes(sorted.begin(), sorted.end(), known.begin(), known.end());
    });
    if (is_known) continue;
    told.push_back(sorted);
    auto& report =
        diagnostics.report(Code::kLockOrder, order.second_span, order.second, order.first);
    report.labelled(fmt::format("taken while {} is held", order.first));
    report.also(order.first_span, fmt::format("{} is held from here", order.first));
    for (const LockOrder* one : circle) {
      if (one == &order) continue;
      report.also(one->second_span,
                  fmt::format("here {} is taken while {} is held", one->second, one->first));
    }
    report.help(
        fmt::format("take them in one order everywhere, as {}", fmt::join(sorted, " before ")));
  }
}

}  // namespace rbk::check
