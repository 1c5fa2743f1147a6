#include "compiler/format/layout.h"

#include <algorithm>

#include "base/text_width.h"

namespace rbk::format {

Layout::Command& Layout::add(Op op) {
  Command& command = commands_.emplace_back();
  command.op = op;
  return command;
}

void Layout::text(std::string_view text) { add(Op::kText).text = text; }

void Layout::trailing_comment(std::string_view text) {
  add(Op::kComment).text = text;
  force_break();
}

void Layout::line(std::string_view flat, bool blank) {
  Command& command = add(Op::kLine);
  command.text = flat;
  command.blank = blank;
  if (blank) force_break();
}

void Layout::hard_line(bool blank) {
  add(Op::kHard).blank = blank;
  force_break();
}

void Layout::if_flat(std::string_view text) { add(Op::kIfFlat).text = text; }
void Layout::if_broken(std::string_view text) { add(Op::kIfBroken).text = text; }
void Layout::indent() { add(Op::kIndent); }
void Layout::outdent() { add(Op::kOutdent); }
void Layout::indent_items() { add(Op::kIndent).items = true; }
void Layout::outdent_items() { add(Op::kOutdent).items = true; }

void Layout::begin_group() {
  open_.push_back(commands_.size());
  add(Op::kBegin);
}

void Layout::end_group() {
  open_.pop_back();
  add(Op::kEnd);
}

void Layout::force_break() {
  for (const size_t index : open_) {
    Command& group = commands_[index];
    // What follows an assigned value does not decide where the value stands.
    if (!group.assign || group.value == kNone) group.forced = true;
  }
}

void Layout::hug_from_here() {
  Command& group = commands_[open_.back()];
  if (!group.forced) group.hug = commands_.size();
}

void Layout::begin_assign() {
  open_.push_back(commands_.size());
  add(Op::kBegin).assign = true;
  add(Op::kLine).text = " ";
}

void Layout::end_value() {
  commands_[open_.back()].value = commands_.size();
  add(Op::kEndValue);
}

void Layout::end_assign() { end_group(); }

/// Runs the commands once, deciding each group when it begins.
class LayoutPrinter {
 public:
  explicit LayoutPrinter(const std::vector<Layout::Command>& commands) : commands_(commands) {}

  std::string run() {
    modes_.push_back(Mode::kBroken);
    for (size_t i = 0; i < commands_.size(); ++i) step(i);
    flush_line();
    align_comments();
    std::string text;
    for (const Line& line : lines_) {
      text += line.text;
      if (!line.comment.empty()) {
        text.append(line.gap, ' ');
        text += line.comment;
      }
      text += '\n';
    }
    return text;
  }

 private:
  using Op = Layout::Op;
  enum class Mode : uint8_t {
    kFlat,
    kBroken,
    kHug,       // own breaks flat, the last item open
    kSameLine,  // an assigned value behind its sign
    kNextLine   // an assigned value on a line of its own
  };
  struct Line {
    std::string text;
    std::string comment;
    size_t gap = 2;
  };

  void step(size_t i) {
    const Layout::Command& command = commands_[i];
    switch (command.op) {
      case Op::kText:
        put(command.text);
        return;
      case Op::kComment:
        comment_ = command.text;
        return;
      case Op::kLine:
        if (modes_.back() == Mode::kBroken || modes_.back() == Mode::kNextLine)
          newline(command.blank);
        else
          put(command.text);
        return;
      case Op::kHard:
        newline(command.blank);
        return;
      case Op::kIfFlat:
        if (modes_.back() != Mode::kBroken) put(command.text);
        return;
      case Op::kIfBroken:
        if (modes_.back() == Mode::kBroken) put(command.text);
        return;
      case Op::kIndent:
        if (!command.items || modes_.back() != Mode::kHug) indent_ += kIndentWidth;
        return;
      case Op::kOutdent:
        if (!command.items || modes_.back() != Mode::kHug) indent_ -= kIndentWidth;
        return;
      case Op::kBegin:
        begin(i);
        return;
      case Op::kEnd:
        if (modes_.back() == Mode::kNextLine) indent_ -= kIndentWidth;
        modes_.pop_back();
        return;
      case Op::kEndValue:
        return;
    }
  }

  void begin(size_t i) {
    const Layout::Command& group = commands_[i];
    if (group.assign) {
      const bool next_line = !group.forced && !fits(i, column(), kWhole, 0) &&
                             (!can_break(i) || fits(i + 2, indent_ + kIndentWidth, kWhole, 1));
      if (next_line) indent_ += kIndentWidth;
      modes_.push_back(next_line ? Mode::kNextLine : Mode::kSameLine);
      return;
    }
    if (!group.forced && fits(i, column(), kWhole, 0))
      modes_.push_back(Mode::kFlat);
    else if (group.hug != Layout::kNone && fits(i, column(), group.hug, 0))
      modes_.push_back(Mode::kHug);
    else
      modes_.push_back(Mode::kBroken);
  }

  /// Whether the assigned value of the group at command i has a place to break.
  bool can_break(size_t i) const {
    const auto begin = commands_.begin() + static_cast<std::ptrdiff_t>(i) + 2;
    const auto end = commands_.begin() + static_cast<std::ptrdiff_t>(commands_[i].value);
    return std::any_of(begin, end, [](const Layout::Command& one) { return one.op == Op::kLine; });
  }

  /// Whether what begins at command i fits on the line: up to the end of its group and of what must
  /// follow on the same line; or only to the first break at or after `stop`. `depth` groups that
  /// are not in modes_ are open before i.
  bool fits(size_t i, size_t used, size_t stop, size_t depth) const {
    size_t outer = modes_.size();
    bool ended = false;  // the group of i, or the assigned value, is over
    for (size_t at = i; at < commands_.size(); ++at) {
      const Layout::Command& command = commands_[at];
      switch (command.op) {
        case Op::kText: {
          const size_t newline_at = command.text.find('\n');
          if (newline_at != std::string::npos)
            return used + text_width(command.text.substr(0, newline_at)) <= kLineWidth;
          used += text_width(command.text);
          break;
        }
        case Op::kIfFlat:
          if (!ended) used += command.text.size();
          break;
        case Op::kLine:
          if (stop != kWhole && at >= stop) return used <= kLineWidth;
          if (ended && (depth > 0 || modes_[outer - 1] == Mode::kBroken)) return used <= kLineWidth;
          used += command.text.size();
          break;
        case Op::kHard:
        case Op::kComment:
          return used <= kLineWidth;
        case Op::kBegin:
          ++depth;
          break;
        case Op::kEnd:
          if (depth > 0) {
            --depth;
          } else if (outer > 1) {
            --outer;
          }
          if (depth == 0) ended = true;
          break;
        case Op::kEndValue:
          if (depth <= 1) ended = true;
          break;
        case Op::kIfBroken:
        case Op::kIndent:
        case Op::kOutdent:
          break;
      }
      if (used > kLineWidth) return false;
    }
    return true;
  }

  size_t column() const { return started_ ? column_ : indent_; }

  void put(std::string_view text) {
    if (text.empty()) return;
    if (!started_) line_.assign(indent_, ' ');
    started_ = true;
    line_ += text;
    const size_t last = line_.rfind('\n');
    column_ = text_width(last == std::string::npos ? std::string_view(line_)
                                                   : std::string_view(line_).substr(last + 1));
  }

  void flush_line() {
    if (!started_ && comment_.empty()) return;
    Line line;
    const size_t end = line_.find_last_not_of(' ');
    line.text = end == std::string::npos ? std::string() : line_.substr(0, end + 1);
    line.comment = std::move(comment_);
    comment_.clear();
    lines_.push_back(std::move(line));
    line_.clear();
    started_ = false;
  }

  void newline(bool blank) {
    flush_line();
    if (blank && !lines_.empty() && !lines_.back().text.empty()) lines_.emplace_back();
  }

  void align_comments() {
    for (size_t first = 0; first < lines_.size();) {
      size_t last = first;
      size_t widest = 0;
      while (last < lines_.size() && !lines_[last].comment.empty() &&
             lines_[last].text.find('\n') == std::string::npos) {
        widest = std::max(widest, text_width(lines_[last].text));
        ++last;
      }
      for (size_t i = first; i < last; ++i) lines_[i].gap = widest - text_width(lines_[i].text) + 2;
      first = std::max(last, first + 1);
    }
  }

  static constexpr size_t kWhole = Layout::kNone;
  const std::vector<Layout::Command>& commands_;
  std::vector<Mode> modes_;
  std::vector<Line> lines_;
  std::string line_;
  std::string comment_;
  bool started_ = false;
  size_t indent_ = 0;
  size_t column_ = 0;
};

std::string Layout::finish() const { return LayoutPrinter(commands_).run(); }

}  // namespace rbk::format
