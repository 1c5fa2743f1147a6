#include "cli/report/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text_width.h"
#include "base/units.h"
#include "cli/report/events.h"

namespace rbk::cli {
namespace {

using engine::News;
using vm::Mark;

constexpr uint64_t kUndo = uint64_t{1} << 63;
constexpr size_t kTail = 10;     // output lines kept of each step
constexpr size_t kLiveTail = 4;  // of which so many are shown while it runs

constexpr std::array<std::string_view, 10> kSpinner{"⠋", "⠙", "⠹", "⠸", "⠼",
                                                    "⠴", "⠦", "⠧", "⠇", "⠏"};

std::string_view escape(Tint tint) {
  switch (tint) {
    case Tint::kPlain:
      return "";
    case Tint::kDim:
      return "\033[2m";
    case Tint::kGood:
      return "\033[32m";
    case Tint::kBad:
      return "\033[1;31m";
    case Tint::kWarn:
      return "\033[33m";
    case Tint::kAccent:
      return "\033[36m";
  }
  return "";
}

/// The last part of a path: "boot" of "patch[web-1]/boot".
std::string_view name_of(std::string_view path) {
  size_t depth = 0;  // a slash within an item does not count
  for (size_t i = path.size(); i-- > 0;) {
    if (i > 0 && path[i - 1] == '\\') continue;  // of an item's own
    if (path[i] == ']') ++depth;
    if (path[i] == '[' && depth > 0) --depth;
    if (path[i] == '/' && depth == 0) return path.substr(i + 1);
  }
  return path;
}

}  // namespace

TintedLine& TintedLine::add(std::string text, Tint tint) {
  if (!text.empty()) pieces.push_back({printable(text), tint});
  return *this;
}

std::string TintedLine::text(size_t width, bool colour) const {
  std::string result;
  size_t used = 0;
  for (const Piece& piece : pieces) {
    if (used >= width) break;
    const std::string shown = cut_to_width(piece.text, width - used);
    used += text_width(shown);
    if (colour && piece.tint != Tint::kPlain)
      result += fmt::format("{}{}\033[0m", escape(piece.tint), shown);
    else
      result += shown;
  }
  return result;
}

void StepTree::began(uint64_t key, uint64_t parent, Step step) {
  settle(0);                        // a rollback of what has ended is no part of it
  if (steps_.count(parent) == 0) {  // the calls of a rollback stand below what they undo
    for (const auto& [path, undo] : undos_) {
      if (!step.undo && step.path.starts_with(path + "/rollback")) parent = undo;
    }
  }
  step.parent = steps_.count(parent) != 0 ? parent : 0;
  if (step.parent != 0)
    steps_[step.parent].children.push_back(key);
  else
    top_.push_back(key);
  steps_[key] = std::move(step);
}

void StepTree::ended(uint64_t key, State state, int64_t time,
                     const std::optional<vm::ErrorValue>& error) {
  const auto found = steps_.find(key);
  if (found == steps_.end()) return;
  Step& step = found->second;
  step.state = state;
  step.ended = time;
  step.note = error ? error_text(*error) : std::string();
  if (step.parent == 0) finished_.push_back(key);
}

StepTree::Step* StepTree::by_path(const std::string& path) {
  for (auto it = steps_.rbegin(); it != steps_.rend(); ++it) {
    if (it->second.path == path && !it->second.undo) return &it->second;
  }
  return nullptr;
}

void StepTree::take(const News& news) {
  const Mark& mark = news.mark;
  switch (news.kind) {
    case News::Kind::kMark:
      break;
    case News::Kind::kAttemptBegan:
      if (Step* step = by_path(news.path)) {
        step->attempt = news.attempt;
        step->note.clear();
      }
      return;
    case News::Kind::kSleeps:
      if (news.until) waits_.emplace_back(news.request, "waits until " + format_time(*news.until));
      return;
    case News::Kind::kApproval:
    case News::Kind::kQuestion:
      waits_.emplace_back(news.request, "waits for " + line_of(news));
      return;
    case News::Kind::kAwaits:
      waits_.emplace_back(news.request, line_of(news));
      return;
    case News::Kind::kFailure:
      waits_.emplace_back(news.request, line_of(news) + " what becomes of it");
      return;
    case News::Kind::kQueues:
      waits_.emplace_back(news.request, line_of(news));
      return;
    case News::Kind::kLocked:
    case News::Kind::kUnlocked:  // who waited for it has it
      return;
    case News::Kind::kDoubt:
      if (Step* step = by_path(news.path)) step->state = State::kInDoubt;
      return;
    case News::Kind::kWaitOver:
      std::erase_if(waits_, [&](const auto& wait) { return wait.first == news.request; });
      return;
    case News::Kind::kStarted:  // its steps stand below this one
    case News::Kind::kRunEnded:
      return;
    case News::Kind::kSignalled:
    case News::Kind::kDecided:
    case News::Kind::kTakenOver:
      say(TintedLine().add("  ").add(line_of(news), Tint::kDim));
      return;
    case News::Kind::kCancelled:
    case News::Kind::kPaused:
    case News::Kind::kUnpaused:
    case News::Kind::kUpgraded:
    case News::Kind::kRepeat:
      say(TintedLine().add("  ! ", Tint::kWarn).add(line_of(news)));
      return;
    case News::Kind::kAttemptEnded:
    case News::Kind::kStatus:
    case News::Kind::kEnded:
      return;
  }
  switch (mark.kind) {
    case Mark::Kind::kStepBegan: {
      Step step;
      step.path = mark.path;
      step.title = mark.title;
      step.began = news.time;
      began(mark.step, mark.parent, std::move(step));
      return;
    }
    case Mark::Kind::kStepEnded: {
      constexpr std::array kStates{State::kSucceeded, State::kFailed, State::kSkipped,
                                   State::kCancelled};
      if (steps_.count(mark.step) == 0) {  // it began before this process took the run over
        Step step;
        step.path = mark.path;
        step.title = mark.title;
        step.began = news.time;
        began(mark.step, mark.parent, std::move(step));
      }
      ended(mark.step, kStates.at(static_cast<size_t>(mark.status)), news.time, mark.error);
      return;
    }
    case Mark::Kind::kAttemptFailed:
      if (Step* step = by_path(mark.path))
        step->note =
            fmt::format("attempt {} failed, next in {}: {}", mark.attempt, duration_text(mark.wait),
                        mark.error ? error_text(*mark.error) : std::string());
      return;
    case Mark::Kind::kUndoBegan: {
      Step step;
      step.path = mark.path;
      step.undo = true;
      step.began = news.time;
      const uint64_t key = kUndo | next_undo_++;
      undos_[mark.path] = key;
      began(key, 0, std::move(step));
      return;
    }
    case Mark::Kind::kUndoEnded:
      if (const auto found = undos_.find(mark.path); found != undos_.end()) {
        ended(found->second, mark.error ? State::kFailed : State::kSucceeded, news.time,
              mark.error);
        undos_.erase(found);
      }
      return;
    case Mark::Kind::kProgress:
      if (Step* step = by_path(mark.path)) step->note = line_of(news);
      return;
    case Mark::Kind::kLog:
      say(mark.level, mark.text);
      return;
    case Mark::Kind::kNote:
    case Mark::Kind::kLabel:
    case Mark::Kind::kAttach:
    case Mark::Kind::kCommitted:
      say(TintedLine().add("  ").add(line_of(news), Tint::kDim));
      return;
  }
}

void StepTree::say(std::string_view level, const std::string& text) {
  const Tint tint = level == "error" ? Tint::kBad : level == "warn" ? Tint::kWarn : Tint::kAccent;
  say(TintedLine().add(fmt::format("  {} ", level), tint).add(text));
}

void StepTree::take(const engine::LogLine& line) {
  if (is_said(line)) {
    say(stream_name(line.stream), line.text);
    return;
  }
  Step* step = by_path(line.path);
  if (step == nullptr) return;
  step->tail.push_back(line.text);
  if (step->tail.size() > kTail) step->tail.pop_front();
}

TintedLine StepTree::line(const Step& step, size_t depth, int64_t now, size_t frame) const {
  TintedLine line;
  line.add(std::string(2 * depth, ' '));
  switch (step.state) {
    case State::kRunning:
      line.add(std::string(kSpinner[frame % kSpinner.size()]), Tint::kAccent);
      break;
    case State::kSucceeded:
      line.add(step.undo ? "↩" : "✔", step.undo ? Tint::kWarn : Tint::kGood);
      break;
    case State::kFailed:
      line.add("✖", Tint::kBad);
      break;
    case State::kSkipped:
      line.add("-", Tint::kDim);
      break;
    case State::kCancelled:
      line.add("⊘", Tint::kWarn);
      break;
    case State::kInDoubt:
      line.add("?", Tint::kWarn);
      break;
  }
  line.add(" ");
  if (step.undo) line.add("undo ", Tint::kWarn);
  line.add(std::string(step.undo || depth == 0 ? std::string_view(step.path) : name_of(step.path)));
  if (!step.title.empty()) line.add("  " + step.title, Tint::kDim);
  const int64_t end =
      step.state == State::kRunning || step.state == State::kInDoubt ? now : step.ended;
  if (step.state == State::kSkipped)
    line.add("  skipped", Tint::kDim);
  else
    line.add("  " + duration_text(end - step.began), Tint::kDim);
  if (step.attempt > 1) line.add(fmt::format("  attempt {}", step.attempt), Tint::kWarn);
  if (step.state == State::kInDoubt) line.add("  in doubt", Tint::kWarn);
  if (!step.note.empty())
    line.add("  " + step.note, step.state == State::kFailed ? Tint::kBad : Tint::kWarn);
  return line;
}

void StepTree::add_tail(std::vector<TintedLine>& lines, const Step& step, size_t depth,
                        size_t count) const {
  const size_t first = step.tail.size() > count ? step.tail.size() - count : 0;
  for (size_t i = first; i < step.tail.size(); ++i)
    lines.push_back(
        TintedLine().add(std::string(2 * depth + 2, ' ')).add("│ " + step.tail[i], Tint::kDim));
}

void StepTree::add_subtree(std::vector<TintedLine>& lines, uint64_t key, size_t depth, int64_t now,
                           size_t frame, bool whole) const {
  const Step& step = steps_.at(key);
  lines.push_back(line(step, depth, now, frame));
  size_t hidden = 0;
  for (const uint64_t child : step.children) {
    if (whole || steps_.at(child).state == State::kRunning ||
        steps_.at(child).state == State::kInDoubt)
      add_subtree(lines, child, depth + 1, now, frame, whole);
    else
      ++hidden;
  }
  if (hidden != 0)
    lines.push_back(TintedLine().add(
        fmt::format("{}… {} finished", std::string(2 * depth + 2, ' '), hidden), Tint::kDim));
  if (step.state == State::kRunning)
    add_tail(lines, step, depth, kLiveTail);
  else if (step.state == State::kFailed)
    add_tail(lines, step, depth, kTail);
}

void StepTree::forget(uint64_t key) {
  const auto found = steps_.find(key);
  if (found == steps_.end()) return;
  const std::vector<uint64_t> children = found->second.children;
  steps_.erase(found);
  for (const uint64_t child : children) forget(child);
}

void StepTree::settle(int64_t now) {
  for (const uint64_t key : finished_) {
    add_subtree(said_, key, 0, now, 0, true);
    forget(key);
    std::erase(top_, key);
  }
  finished_.clear();
}

void StepTree::say(TintedLine line) {
  settle(0);  // what has ended knows its own times
  said_.push_back(std::move(line));
}

std::vector<TintedLine> StepTree::take_finished(int64_t now) {
  settle(now);
  return std::exchange(said_, {});
}

std::vector<TintedLine> StepTree::live(int64_t now, size_t height, size_t frame) const {
  std::vector<TintedLine> lines;
  const auto draw = [&](bool whole) {
    lines.clear();
    for (const uint64_t key : top_) add_subtree(lines, key, 0, now, frame, whole);
    for (const auto& [request, text] : waits_)
      lines.push_back(TintedLine().add("⏸ " + text, Tint::kAccent));
  };
  draw(true);
  if (lines.size() > height) draw(false);
  if (lines.size() > height && height > 0) {
    const size_t hidden = lines.size() - height + 1;
    lines.resize(height - 1);
    lines.push_back(TintedLine().add(fmt::format("… {} more lines", hidden), Tint::kDim));
  }
  return lines;
}

}  // namespace rbk::cli
