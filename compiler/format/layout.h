// Decides where lines break, after Wadler and Oppen: a text is written as words, possible breaks
// and nested groups; a group stands on one line if it fits, else its breaks become newlines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rbk::format {

inline constexpr size_t kLineWidth = 100;
inline constexpr size_t kIndentWidth = 2;

class Layout {
 public:
  /// May hold newlines (a multi-line string); those are kept as they are.
  void text(std::string_view text);
  /// A comment that ends its line; the next thing must be a hard line.
  void trailing_comment(std::string_view text);
  /// In a group on one line `flat` (a blank or nothing), else a newline; with `blank` an empty line
  /// before it.
  void line(std::string_view flat, bool blank = false);
  /// Always a newline; every group around it is broken.
  void hard_line(bool blank = false);
  /// Only if the group stands on one line.
  void if_flat(std::string_view text);
  /// Only if the group is broken.
  void if_broken(std::string_view text);

  void indent();
  void outdent();
  /// The indentation of a group's own breaks: it is not there while the group hugs its last item.
  void indent_items();
  void outdent_items();

  void begin_group();
  void end_group();
  /// The groups that are open now do not stand on one line.
  void force_break();
  /// From here to the group's end is one item that may open over several lines while the group's
  /// own breaks stay flat: `f(a, fn(x) {` … `})`.
  void hug_from_here();

  /// A value behind `=` or `=>`: on the same line; or, if that makes it fit whole, on the next one,
  /// indented.
  void begin_assign();
  /// The value ends; what follows until `end_assign` only takes part in its indentation.
  void end_value();
  void end_assign();

  /// The finished text; comments at the ends of neighbouring lines are aligned.
  std::string finish() const;

 private:
  friend class LayoutPrinter;
  enum class Op : uint8_t {
    kText,
    kComment,
    kLine,
    kHard,
    kIfFlat,
    kIfBroken,
    kIndent,
    kOutdent,
    kBegin,
    kEnd,
    kEndValue
  };
  static constexpr size_t kNone = static_cast<size_t>(-1);
  struct Command {
    Op op = Op::kText;
    bool blank = false;    // kLine, kHard
    bool items = false;    // kIndent, kOutdent
    bool assign = false;   // kBegin
    bool forced = false;   // kBegin
    size_t hug = kNone;    // kBegin: where the hugged item begins
    size_t value = kNone;  // kBegin: where the assigned value ends
    std::string text;
  };
  Command& add(Op op);

  std::vector<Command> commands_;
  std::vector<size_t> open_;  // kBegin commands
};

}  // namespace rbk::format
