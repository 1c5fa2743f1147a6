// The steps of a run that goes on, as a tree of lines. Pure: news in, lines out.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace rbk::cli {

enum class Tint : uint8_t { kPlain, kDim, kGood, kBad, kWarn, kAccent };

/// One line of a terminal: pieces with their colours.
struct TintedLine {
  struct Piece {
    std::string text;
    Tint tint = Tint::kPlain;
  };
  std::vector<Piece> pieces;

  TintedLine& add(std::string text, Tint tint = Tint::kPlain);
  /// Cut to `width` columns, with escapes if `colour`.
  std::string text(size_t width, bool colour) const;
};

class StepTree {
 public:
  void take(const engine::News& news);
  void take(const engine::LogLine& line);

  /// Lines that stay: steps at the top that have ended, and what was said, in the order of their
  /// ends. Each is given once.
  std::vector<TintedLine> take_finished(int64_t now);
  /// What goes on now, in at most `height` lines; `frame` turns the spinners.
  std::vector<TintedLine> live(int64_t now, size_t height, size_t frame) const;

 private:
  enum class State : uint8_t { kRunning, kSucceeded, kFailed, kSkipped, kCancelled, kInDoubt };
  struct Step {
    std::string path;
    std::string title;
    State state = State::kRunning;
    bool undo = false;  // a rollback of this step, not the step
    uint64_t parent = 0;
    std::vector<uint64_t> children;
    int64_t began = 0;
    int64_t ended = 0;
    uint32_t attempt = 0;
    std::string note;  // why it waits or failed
    std::deque<std::string> tail;
  };

  void began(uint64_t key, uint64_t parent, Step step);
  void ended(uint64_t key, State state, int64_t time, const std::optional<vm::ErrorValue>& error);
  void say(std::string_view level, const std::string& text);
  Step* by_path(const std::string& path);
  TintedLine line(const Step& step, size_t depth, int64_t now, size_t frame) const;
  void add_subtree(std::vector<TintedLine>& lines, uint64_t key, size_t depth, int64_t now,
                   size_t frame, bool whole) const;
  void add_tail(std::vector<TintedLine>& lines, const Step& step, size_t depth, size_t count) const;
  void forget(uint64_t key);
  /// What has ended becomes lines, before what is said next.
  void settle(int64_t now);
  void say(TintedLine line);

  std::map<uint64_t, Step> steps_;  // by the machine's number; undos by path, above kUndo
  std::map<std::string, uint64_t> undos_;
  std::vector<uint64_t> top_;
  std::vector<uint64_t> finished_;
  std::vector<TintedLine> said_;
  std::vector<std::pair<uint64_t, std::string>> waits_;  // request -> text
  uint64_t next_undo_ = 0;
};

}  // namespace rbk::cli
