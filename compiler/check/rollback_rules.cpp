#include "compiler/check/rollback_rules.h"

namespace rbk::check {

void RollbackRules::reset() {
  regions_.assign(1, Node{});
  current_ = 0;
  events_.clear();
  writes_.clear();
}

void RollbackRules::open(Region region) {
  regions_.push_back({current_, region, false});
  current_ = static_cast<uint32_t>(regions_.size() - 1);
}

void RollbackRules::close() {
  const Node& closed = regions_[current_];
  if (closed.region == Region::kLoop && closed.may_fail)
    events_.push_back({Kind::kFailure, current_, 0});
  const bool passes_on = closed.may_fail && closed.region != Region::kCatches;
  current_ = closed.parent;
  if (passes_on) regions_[current_].may_fail = true;
}

void RollbackRules::writes(Write write) {
  events_.push_back({Kind::kWrite, current_, static_cast<uint32_t>(writes_.size())});
  writes_.push_back(std::move(write));
}

void RollbackRules::may_fail() {
  regions_[current_].may_fail = true;
  events_.push_back({Kind::kFailure, current_, 0});
}

void RollbackRules::commit() { events_.push_back({Kind::kCommit, current_, 0}); }

bool RollbackRules::encloses(uint32_t outer, uint32_t inner) const {
  while (inner > outer) inner = regions_[inner].parent;
  return inner == outer;
}

uint32_t RollbackRules::catcher(uint32_t region) const {
  while (region != 0 && regions_[region].region != Region::kCatches)
    region = regions_[region].parent;
  return region;
}

std::vector<RollbackRules::Write> RollbackRules::left_behind() const {
  std::vector<Write> result;
  for (size_t i = 0; i < events_.size(); ++i) {
    if (events_[i].kind != Kind::kWrite) continue;
    const uint32_t region = events_[i].region;
    for (size_t j = i + 1; j < events_.size(); ++j) {
      if (events_[j].kind == Kind::kCommit && encloses(events_[j].region, region)) break;
      if (events_[j].kind == Kind::kFailure && encloses(catcher(events_[j].region), region)) {
        result.push_back(writes_[events_[i].write]);
        break;
      }
    }
  }
  return result;
}

}  // namespace rbk::check
