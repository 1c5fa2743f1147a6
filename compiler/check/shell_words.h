// The words of a shell's command, as far as they tell whether a value would be read as a command
// once more: by `eval`, or as the script of `sh -c`. Then the quotes around it are gone. Fed with
// the text between a template's values, in order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rbk::check {

class ShellWords {
 public:
  void text(std::string_view part);
  /// A value stands here. Gives what would read it as a command, "eval" or "bash -c"; empty:
  /// nothing.
  std::string value();

 private:
  void step(char c);
  void end_word();
  void end_command();
  std::string reader() const;

  std::vector<std::string> words_;  // of the command, up to the word that stands here
  std::string word_;
  bool in_word_ = false;
  bool escaped_ = false;
  char quote_ = 0;    // the quotes that are open: ' or "
  size_t depth_ = 0;  // of `$( … )` that are open: their commands are their own
  bool comment_ = false;
  bool lost_ = false;  // in or after a here-document: its text is not read
  char last_ = 0;
};

}  // namespace rbk::check
