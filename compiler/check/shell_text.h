// Where in a shell's command a place is: what the shell would do with a word that stands there.
// Follows the quoting rules of POSIX sh. Fed with the text between a template's values, in order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rbk::check {

class ShellText {
 public:
  enum class Place {
    kWord,  // a quoted word can stand here
    kSingleQuotes,
    kDoubleQuotes,
    kBackticks,
    kSubstitution,  // $( … )
    kExpansion,     // ${ … }, $(( … ))
    kHereDocument,
    kComment,
    kEscape,  // right after a backslash or a dollar
  };

  void text(std::string_view part);
  /// A value stands here. It counts as a part of a word.
  void value();
  Place place() const;
  /// The shell would put in a variable that is named here.
  bool expands() const;
  /// Nothing of a word stands right before this place.
  bool at_word_start() const { return word_start_; }

 private:
  enum class Inside { kDouble, kSingle, kDollarSingle, kBacktick, kParens, kBraces, kArithmetic };

  void step(char c);
  void begin_delimiter(char c);
  void begin_here_documents();
  void here_line(char c);
  bool is_unquoted() const;
  Inside top() const { return stack_.back(); }

  std::vector<Inside> stack_;
  std::vector<int> depths_;  // of each kParens, kArithmetic: open parentheses inside
  bool escaped_ = false;
  bool dollar_ = false;
  bool comment_ = false;
  bool word_start_ = true;
  // `<<EOF`: the delimiter being read, those whose bodies follow, the body's line so far.
  int less_ = 0;
  bool reading_delimiter_ = false;
  bool delimiter_started_ = false;
  char delimiter_quote_ = 0;
  bool delimiter_quoted_ = false;
  std::string delimiter_;
  bool strip_tabs_ = false;
  struct Document {
    std::string delimiter;
    bool strip_tabs = false;
    bool is_quoted = false;  // nothing in it is replaced
  };
  std::vector<Document> pending_;
  std::vector<Document> open_;  // last one first
  std::string line_;
};

}  // namespace rbk::check
