// Which variables a shell's command reads where it stands, and which it gives a value itself.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/shell_text.h"

namespace rbk::check {

/// A `$name` or `${name}` that the shell replaces.
struct ShellVariable {
  std::string name;
  size_t begin = 0;  // in the literal's text
  size_t end = 0;
  ShellText::Place place = ShellText::Place::kWord;
};

/// Finds them in the text of a literal between its values, as it is written: escapes are read here.
/// A `\$` is meant for the shell, and left out.
class ShellVariables {
 public:
  /// `is_raw`: a backslash is one. `margin`: the blanks before each line that the text lacks.
  ShellVariables(bool is_raw, size_t margin) : is_raw_(is_raw), margin_(margin) {}
  /// Appends what is found; `begin` is the place of the text's first character.
  void text(std::string_view written, size_t begin, std::vector<ShellVariable>& found);
  /// A value stands here.
  void value() { shell_.value(); }

 private:
  bool is_raw_;
  size_t margin_;
  ShellText shell_;
};

/// How many blanks before its lines a text has lost that was written so: the margin of a literal.
size_t margin_of(std::string_view written, std::string_view text, bool is_raw);

/// The names to which the command gives a value: `name=…`, `for name in`, `read name` and the like.
/// `text`: with its escapes read, and a word in the place of each value. All of them are in `any`
/// when it reads others' text, by `source` or `eval`.
struct ShellAssigned {
  std::set<std::string, std::less<>> names;
  bool any = false;
  bool has(std::string_view name) const { return any || names.contains(name); }
};
ShellAssigned shell_assigned(std::string_view text);

}  // namespace rbk::check
