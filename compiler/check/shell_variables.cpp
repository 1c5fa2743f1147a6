#include "compiler/check/shell_variables.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace rbk::check {
namespace {

bool is_margin(char c) { return c == ' ' || c == '\t'; }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool in_name(char c) { return begins_name(c) || (c >= '0' && c <= '9'); }

/// The name at the begin of the text; empty if there is none.
std::string_view name_at(std::string_view text) {
  if (text.empty() || !begins_name(text.front())) return {};
  const auto* end = std::find_if_not(text.begin(), text.end(), in_name);
  return text.substr(0, static_cast<size_t>(end - text.begin()));
}

template <size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Words after which names stand that get a value, up to the command's end.
constexpr std::array<std::string_view, 10> kAssigners = {
    "read",    "mapfile", "readarray", "getopts",  "export",
    "declare", "typeset", "local",     "readonly", "unset"};
/// Words after which one name stands.
constexpr std::array<std::string_view, 3> kLoops = {"for", "select", "-v"};
/// Words after which a command begins.
constexpr std::array<std::string_view, 9> kBeforeCommand = {"do",    "then",  "else", "elif", "if",
                                                            "while", "until", "time", "!"};
/// Words that read commands from elsewhere.
constexpr std::array<std::string_view, 3> kReaders = {".", "source", "eval"};

}  // namespace

void ShellVariables::text(std::string_view written, size_t begin,
                          std::vector<ShellVariable>& found) {
  const auto step = [&](char c) { shell_.text(std::string_view(&c, 1)); };
  for (size_t i = 0; i < written.size(); ++i) {
    const char c = written[i];
    if (c == '\\' && !is_raw_ && i + 1 < written.size()) {
      const char escaped = written[++i];
      if (escaped == 'u') {
        const size_t close = written.find('}', i);
        i = close == std::string_view::npos ? written.size() : close;
        step('?');
      } else {
        step(escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped == 'r' ? '\r' : escaped);
      }
      continue;
    }
    if (c == '$' && shell_.expands()) {
      const std::string_view rest = written.substr(i + 1);
      const bool braced = rest.starts_with('{');
      const std::string_view name = name_at(braced ? rest.substr(1) : rest);
      const size_t end = i + 1 + name.size() + (braced ? 2 : 0);
      const bool is_closed = !braced || (end <= written.size() && written[end - 1] == '}');
      if (!name.empty() && is_closed)
        found.push_back({std::string(name), begin + i, begin + end, shell_.place()});
    }
    if (c == '\r' && written.substr(i + 1).starts_with('\n')) continue;  // no part of the text
    step(c);
    if (c != '\n') continue;
    // What ends a here-document stands at the line's begin.
    const size_t most = std::min(margin_, written.size() - i - 1);
    for (size_t blank = 0; blank < most && is_margin(written[i + 1]); ++blank) ++i;
  }
}

size_t margin_of(std::string_view written, std::string_view text, bool is_raw) {
  const auto blanks = [](std::string_view from) {
    return static_cast<size_t>(std::find_if_not(from.begin(), from.end(), is_margin) -
                               from.begin());
  };
  size_t margin = 0;
  for (size_t i = 0; i < written.size(); ++i) {
    const bool is_escape = written[i] == '\\' && !is_raw && i + 1 < written.size();
    if (is_escape) ++i;
    if (written[i] != (is_escape ? 'n' : '\n')) continue;
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    if (text.empty()) break;
    // A blank line may have fewer, and one that goes on with an escaped tab seems to have more.
    const size_t before = is_escape ? 0 : blanks(written.substr(i + 1));
    const size_t left = blanks(text);
    if (before > left) margin = std::max(margin, before - left);
  }
  return margin;
}

ShellAssigned shell_assigned(std::string_view text) {
  ShellAssigned made;
  std::string_view after;  // the word before, while it makes names of those that follow
  bool begins_command = true;
  const auto ends_word = [](char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == ';' || c == '|' || c == '&' || c == '(' ||
           c == ')' || c == '`' || c == '"' || c == '\'' || c == '{' || c == '}' || c == '<' ||
           c == '>';
  };
  for (size_t i = 0; i < text.size();) {
    if (ends_word(text[i])) {
      const bool is_blank = text[i] == ' ' || text[i] == '\t';
      if (!is_blank && text[i] != '"' && text[i] != '\'') {
        begins_command = true;
        after = {};
      }
      ++i;
      continue;
    }
    const auto* stop =
        std::find_if(text.begin() + static_cast<ptrdiff_t>(i), text.end(), ends_word);
    const auto end = static_cast<size_t>(stop - text.begin());
    const std::string_view word = text.substr(i, end - i);
    const std::string_view name = name_at(word);
    const std::string_view rest = word.substr(name.size());
    bool is_assignment = false;
    if (!name.empty()) {
      // `name=`, `name+=`, `name[…]=`; of `${name:=…}` the brace ends a word.
      const bool assigns = rest.starts_with('=') || rest.starts_with("+=") ||
                           (rest.starts_with('[') && rest.find("]=") != std::string_view::npos);
      if (rest.starts_with(":=") || (assigns && begins_command) || !after.empty())
        made.names.emplace(name);
      is_assignment = assigns;
    }
    if (is_one_of(word, kReaders) && begins_command) made.any = true;
    if (is_one_of(word, kAssigners) || is_one_of(word, kLoops)) {
      after = word;
    } else if (is_one_of(after, kLoops)) {
      after = {};
    }
    begins_command = (is_assignment && begins_command) || is_one_of(word, kBeforeCommand);
    i = end;
  }
  return made;
}

}  // namespace rbk::check
