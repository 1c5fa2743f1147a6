#include "engine/asked.h"

#include <algorithm>

namespace rbk::engine {

void AskedRequests::count(const Asked& asked, int by) {
  const auto add = [by](size_t& counter) { counter += static_cast<size_t>(by); };
  if (asked.perform() != nullptr) add(asked.in_doubt ? doubts_ : performing_);
  if (std::holds_alternative<vm::request::AskDoubt>(asked.request.what)) add(doubts_);
}

void AskedRequests::insert(Asked asked) {
  count(asked, 1);
  map_.insert_or_assign(asked.request.id, std::move(asked));
}

void AskedRequests::answered(vm::RequestId request) {
  const auto found = map_.find(request);
  if (found == map_.end()) return;
  count(found->second, -1);
  map_.erase(found);
}

void AskedRequests::set_doubt(Asked& asked, bool in_doubt) {
  count(asked, -1);
  asked.in_doubt = in_doubt;
  count(asked, 1);
}

void AskedRequests::absorb(const std::vector<vm::Request>& requests, const Entry& entry) {
  for (const vm::Request& request : requests) {
    if (const auto* stop = std::get_if<vm::request::Stop>(&request.what)) {
      if (Asked* asked = find(stop->perform)) asked->stop = stop->how;
      continue;
    }
    if (const auto* forget = std::get_if<vm::request::Forget>(&request.what)) {
      answered(forget->request);
      continue;
    }
    if (const auto* cancel = std::get_if<vm::request::CancelRun>(&request.what)) {
      using How = vm::request::Stop::How;
      if (Asked* asked = find(cancel->start)) asked->stop = cancel->now ? How::kKill : How::kGentle;
      continue;
    }
    if (std::holds_alternative<vm::request::Release>(request.what)) continue;
    if (const auto* start = std::get_if<vm::request::Start>(&request.what);
        start != nullptr && start->detached)
      continue;
    Asked asked;
    asked.request = request;
    asked.entry = entry.number;
    asked.time = entry.time;
    asked.boot_time = entry.boot_time;
    asked.engine = entry.engine;
    insert(std::move(asked));
  }
}

Asked* AskedRequests::find(vm::RequestId request) {
  const auto found = map_.find(request);
  return found == map_.end() ? nullptr : &found->second;
}

namespace {

/// When a request that others answer is over without them.
std::optional<int64_t> expiry(const vm::Request& request) {
  if (const auto* approve = std::get_if<vm::request::Approve>(&request.what))
    return approve->expires;
  if (const auto* signal = std::get_if<vm::request::AwaitSignal>(&request.what))
    return signal->expires;
  if (const auto* acquire = std::get_if<vm::request::Acquire>(&request.what)) return acquire->until;
  return std::nullopt;
}

}  // namespace

bool AskedRequests::asks_others() const {
  return std::any_of(map_.begin(), map_.end(), [](const auto& item) {
    const auto& what = item.second.request.what;
    return std::holds_alternative<vm::request::Approve>(what) ||
           std::holds_alternative<vm::request::AskFailure>(what) ||
           std::holds_alternative<vm::request::AwaitSignal>(what);
  });
}

bool AskedRequests::queues() const {
  return std::any_of(map_.begin(), map_.end(), [](const auto& item) {
    return std::holds_alternative<vm::request::Acquire>(item.second.request.what);
  });
}

bool AskedRequests::undoes_runs() const {
  return std::any_of(map_.begin(), map_.end(), [](const auto& item) {
    return item.second.run == 0 &&
           std::holds_alternative<vm::request::UndoRun>(item.second.request.what);
  });
}

std::vector<vm::RequestId> AskedRequests::awaited_runs() const {
  std::vector<vm::RequestId> requests;
  for (const auto& [id, asked] : map_)
    if (asked.awaits_run()) requests.push_back(id);
  return requests;
}

std::optional<int64_t> AskedRequests::sleeps_until() const {
  std::optional<int64_t> earliest;
  for (const auto& [id, asked] : map_)
    if (const auto* sleep = std::get_if<vm::request::Sleep>(&asked.request.what))
      earliest = std::min(earliest.value_or(sleep->until), sleep->until);
  return earliest;
}

std::optional<int64_t> AskedRequests::wake() const {
  std::optional<int64_t> earliest = sleeps_until();
  for (const auto& [id, asked] : map_)
    if (const auto over = expiry(asked.request))
      earliest = std::min(earliest.value_or(*over), *over);
  return earliest;
}

}  // namespace rbk::engine
