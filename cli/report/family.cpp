#include "cli/report/family.h"

#include "cli/report/events.h"

namespace rbk::cli {
namespace {

using engine::News;

/// A run has fewer steps and requests than that.
constexpr int kNumberBits = 40;

uint64_t apart(uint64_t number, uint64_t run) { return number | run << kNumberBits; }

}  // namespace

Family::Place& Family::place_of(const std::string& run) {
  const auto found = places_.find(run);
  if (found != places_.end()) return found->second;
  Place place;
  place.number = places_.size();
  return places_.emplace(run, std::move(place)).first->second;
}

News Family::placed(const std::string& run, const News& news) {
  Place& place = place_of(run);
  News made = news;
  made.request = apart(news.request, place.number);
  if (!news.path.empty()) made.path = place.prefix + news.path;
  if (news.kind == News::Kind::kMark) {
    vm::Mark& mark = made.mark;
    if (mark.kind == vm::Mark::Kind::kStepBegan) place.steps[mark.path] = mark.step;
    if (!mark.path.empty()) mark.path = place.prefix + mark.path;
    mark.step = mark.step == 0 ? 0 : apart(mark.step, place.number);
    mark.parent = mark.parent == 0 ? place.step : apart(mark.parent, place.number);
  }
  if (news.kind == News::Kind::kStarted) {
    const auto step = place.steps.find(news.path);
    const uint64_t below = step == place.steps.end() ? 0 : apart(step->second, place.number);
    Place& child = place_of(started_run(news));
    child.prefix = made.path + "/";
    child.step = below;
  }
  return made;
}

engine::LogLine Family::placed(const std::string& run, const engine::LogLine& line) {
  engine::LogLine made = line;
  if (!line.path.empty()) made.path = place_of(run).prefix + line.path;
  return made;
}

}  // namespace rbk::cli
