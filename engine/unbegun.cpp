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

}  // namespace rbk::engine
