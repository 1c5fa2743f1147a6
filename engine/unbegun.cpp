#include "engine/unbegun.h"

namespace rbk::engine {

Unbegun::Unbegun(AskedRequests& asked, const std::vector<vm::RequestId>& requests) {
  for (const vm::RequestId request : requests) {
    const Asked* found = asked.find(request);
    if (found == nullptr || found->perform() == nullptr || found->out || found->in_doubt) continue;
    requests_.insert(request);
    steps_.insert(found->perform()->step);
  }
}

bool Unbegun::is_told_by(const News& news) const {
  if (news.kind == News::Kind::kAttemptBegan) return requests_.contains(news.request);
  return news.kind == News::Kind::kMark && news.mark.kind == vm::Mark::Kind::kStepBegan &&
         steps_.contains(news.mark.step);
}

std::vector<News> Unbegun::held_back(const std::vector<News>& all) const {
  std::set<uint64_t> entries;  // a step that began with an earlier attempt was told of
  for (const News& news : all)
    if (news.kind == News::Kind::kAttemptBegan && is_told_by(news)) entries.insert(news.entry);
  std::vector<News> found;
  for (const News& news : all)
    if (is_told_by(news) && entries.contains(news.entry)) found.push_back(news);
  return found;
}

void BegunLater::tell(const Entry& entry, const std::vector<vm::RequestId>& requests,
                      std::vector<News>& all) {
  if (held_.empty()) return;
  for (const vm::RequestId request : requests) {
    const auto found = held_.find(request);
    if (found == held_.end()) continue;
    for (News& news : found->second) {
      news.entry = entry.number;
      news.time = entry.time;
      all.push_back(std::move(news));
    }
    held_.erase(found);
  }
}

void BegunLater::take(const Entry& entry, const std::vector<vm::RequestId>& requests,
                      std::vector<News>& all) {
  if (entry.kind == Entry::Kind::kBegun) {
    tell(entry, requests, all);
    return;
  }
  const std::set<vm::RequestId> unbegun(requests.begin(), requests.end());
  std::map<std::pair<uint64_t, uint64_t>, vm::RequestId> first;  // by entry and step
  for (const News& news : all)
    if (news.kind == News::Kind::kAttemptBegan && unbegun.contains(news.request))
      first[{news.entry, news.step}] = news.request;
  std::erase_if(all, [&](News& news) {
    const bool begins =
        news.kind == News::Kind::kMark && news.mark.kind == vm::Mark::Kind::kStepBegan;
    const auto found = first.find({news.entry, begins ? news.mark.step : news.step});
    if (found == first.end()) return false;
    if (!begins && (news.kind != News::Kind::kAttemptBegan || news.request != found->second))
      return false;
    held_[found->second].push_back(news);
    return true;
  });
}

}  // namespace rbk::engine
