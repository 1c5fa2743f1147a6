#include "engine/timeline.h"

#include <algorithm>
#include <unordered_map>

namespace rbk::engine {
namespace {

class Fold {
 public:
  void take(const News& news) {
    switch (news.kind) {
      case News::Kind::kMark:
        take_mark(news);
        break;
      case News::Kind::kAttemptBegan:
        if (StepDetail* step = by_number(news.step)) {
          if (step->action.empty()) {
            step->action = news.action;
            step->input = news.input;
          }
          step->attempts.push_back({news.attempt, news.time, std::nullopt, std::nullopt});
          attempt_of_[news.request] = news.step;
        }
        break;
      case News::Kind::kAttemptEnded:
        if (const auto found = attempt_of_.find(news.request); found != attempt_of_.end()) {
          StepDetail* step = by_number(found->second);
          if (!step->attempts.empty() && !step->attempts.back().ended)
            step->attempts.back().ended = news.time;
          if (step->status == StepStatus::kInDoubt) step->status = StepStatus::kRunning;
        }
        break;
      case News::Kind::kTakenOver:
        if (const auto found = attempt_of_.find(news.request); found != attempt_of_.end())
          if (const auto* said = news.input.if_object())
            if (const auto* run = said->if_contains("run"); run != nullptr && run->is_string())
              by_number(found->second)->taken_over = run->get_string();
        break;
      case News::Kind::kRepeat:
        if (const auto found = attempt_of_.find(news.request); found != attempt_of_.end())
          by_number(found->second)->status = StepStatus::kRunning;
        break;
      case News::Kind::kStarted:
        if (StepDetail* step = around(news.path)) {
          const auto* said = news.input.if_object();
          if (said == nullptr) break;
          if (const auto* run = said->if_contains("run"); run != nullptr && run->is_string())
            step->runs.emplace_back(run->get_string());
          const auto* detached = said->if_contains("detached");
          if (detached != nullptr && *detached == true) break;
          step->status = StepStatus::kWaiting;
          waiting_[news.request] = step->number;
        }
        break;
      case News::Kind::kApproval:
      case News::Kind::kFailure:
      case News::Kind::kDoubt:
        if (StepDetail* step = around(news.path)) {
          step->status =
              news.kind == News::Kind::kDoubt ? StepStatus::kInDoubt : StepStatus::kWaiting;
          waiting_[news.request] = step->number;
        }
        break;
      case News::Kind::kWaitOver:
        if (const auto found = waiting_.find(news.request); found != waiting_.end()) {
          StepDetail* step = by_number(found->second);
          if (step->status == StepStatus::kWaiting || step->status == StepStatus::kInDoubt)
            step->status = StepStatus::kRunning;
          waiting_.erase(found);
        }
        break;
      default:
        break;
    }
  }

  std::vector<StepDetail> steps;

 private:
  void take_mark(const News& news) {
    const vm::Mark& mark = news.mark;
    using Kind = vm::Mark::Kind;
    if (mark.kind == Kind::kStepBegan) {
      StepDetail& step = steps.emplace_back();
      step.path = mark.path;
      step.number = mark.step;
      step.parent = mark.parent;
      step.title = mark.title;
      step.began = news.time;
      numbers_[mark.step] = steps.size() - 1;
      paths_[mark.path] = steps.size() - 1;
      return;
    }
    if (mark.kind == Kind::kUndoEnded) {
      if (StepDetail* step = by_path(mark.path)) {
        step->undo_error = mark.error;
        if (!mark.error) step->status = StepStatus::kRolledBack;
      }
      return;
    }
    StepDetail* step = by_number(mark.step);
    if (step == nullptr) return;
    if (mark.kind == Kind::kAttemptFailed && !step->attempts.empty())
      step->attempts.back().error = mark.error;
    if (mark.kind != Kind::kStepEnded) return;
    step->ended = news.time;
    step->output = mark.output;
    step->error = mark.error;
    if (mark.error && !step->attempts.empty() && !step->attempts.back().error)
      step->attempts.back().error = mark.error;
    switch (mark.status) {
      case vm::Mark::StepStatus::kSucceeded:
        step->status = StepStatus::kSucceeded;
        break;
      case vm::Mark::StepStatus::kFailed:
        step->status = StepStatus::kFailed;
        break;
      case vm::Mark::StepStatus::kSkipped:
        step->status = StepStatus::kSkipped;
        break;
      case vm::Mark::StepStatus::kCancelled:
        step->status = StepStatus::kCancelled;
        break;
    }
  }

  StepDetail* by_number(uint64_t number) {
    const auto found = numbers_.find(number);
    return found == numbers_.end() ? nullptr : &steps[found->second];
  }
  /// The step itself, or that around an approval.
  StepDetail* around(const std::string& path) {
    if (StepDetail* step = by_path(path)) return step;
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? nullptr : by_path(path.substr(0, slash));
  }
  StepDetail* by_path(const std::string& path) {
    const auto found = paths_.find(path);
    return found == paths_.end() ? nullptr : &steps[found->second];
  }

  std::unordered_map<uint64_t, size_t> numbers_;
  std::unordered_map<std::string, size_t> paths_;  // the latest step with this path
  std::unordered_map<vm::RequestId, uint64_t> attempt_of_;
  std::unordered_map<vm::RequestId, uint64_t> waiting_;
};

}  // namespace

std::vector<StepDetail> steps_of(const std::vector<News>& timeline, RunStatus status) {
  Fold fold;
  for (const News& news : timeline) fold.take(news);
  if (is_over(status))
    for (StepDetail& step : fold.steps)
      if (!step.ended && step.status != StepStatus::kRolledBack)
        step.status = StepStatus::kCancelled;
  return std::move(fold.steps);
}

}  // namespace rbk::engine
