#include "compiler/check/shell_words.h"

#include <algorithm>
#include <array>

namespace rbk::check {
namespace {

constexpr std::array<std::string_view, 6> kShells = {"sh", "bash", "dash", "ash", "ksh", "zsh"};

// Before a command: it is still one.
constexpr std::array<std::string_view, 9> kPrefixes = {"if", "then",  "elif",  "else", "do",
                                                       "!",  "while", "until", "{"};

// Run the command that is given them as arguments.
constexpr std::array<std::string_view, 24> kRunners = {
    "sudo",    "doas",    "env",     "exec",    "nohup",  "time",    "nice",    "ionice",
    "command", "builtin", "timeout", "xargs",   "setsid", "stdbuf",  "flock",   "watch",
    "ssh",     "docker",  "podman",  "kubectl", "chroot", "nsenter", "runuser", "busybox"};

template <size_t kCount>
bool is_among(std::string_view word, const std::array<std::string_view, kCount>& list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_assignment(std::string_view word) {
  const size_t sign = word.find('=');
  return sign != std::string_view::npos && sign > 0 &&
         word.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == sign;
}

}  // namespace

void ShellWords::text(std::string_view part) {
  for (const char c : part) step(c);
}

std::string ShellWords::value() {
  std::string found = depth_ == 0 && quote_ == 0 && !lost_ ? reader() : std::string();
  word_ += '\x01';  // a word that is none of those that are looked for
  in_word_ = true;
  escaped_ = false;
  last_ = 0;
  return found;
}

void ShellWords::end_word() {
  if (in_word_) words_.push_back(word_);
  word_.clear();
  in_word_ = false;
}

void ShellWords::end_command() {
  end_word();
  words_.clear();
}

void ShellWords::step(char c) {
  const char before = last_;
  last_ = escaped_ ? 0 : c;
  if (escaped_) {
    escaped_ = false;
    if (depth_ == 0 && c != '\n') word_ += c, in_word_ = true;
    return;
  }
  if (c == '\\' && quote_ != '\'') {
    escaped_ = true;
    return;
  }
  if (quote_ != 0) {
    if (c == quote_)
      quote_ = 0;
    else if (depth_ == 0)
      word_ += c;
    return;
  }
  if (comment_ && c != '\n') return;
  comment_ = c == '#' && !in_word_ && depth_ == 0;
  if (comment_) return;
  if (c == '<' && before == '<') lost_ = true;
  if (c == '\'' || c == '"') {
    quote_ = c;
    in_word_ = in_word_ || depth_ == 0;
    return;
  }
  if (c == '(' && (depth_ > 0 || before == '$')) {
    ++depth_;
    return;
  }
  if (depth_ > 0) {
    if (c == ')') --depth_;
    return;
  }
  switch (c) {
    case ' ':
    case '\t':
      return end_word();
    case '\n':
    case ';':
    case '|':
    case '&':
    case '(':
    case ')':
      return end_command();
    default:
      word_ += c;
      in_word_ = true;
  }
}

std::string ShellWords::reader() const {
  size_t first = 0;
  while (first < words_.size() &&
         (is_assignment(words_[first]) || is_among(words_[first], kPrefixes)))
    ++first;
  if (first == words_.size()) return {};
  const bool runs_another = is_among(file_name(words_[first]), kRunners);
  for (size_t i = first; i < words_.size() && (i == first || runs_another); ++i) {
    if (words_[i] == "eval") return "eval";
    if (!is_among(file_name(words_[i]), kShells)) continue;
    for (size_t option = i + 1; option < words_.size(); ++option) {
      const std::string_view word = words_[option];
      if (!word.starts_with('-') && !word.starts_with('+')) break;
      if (word == "-o" || word == "+o" || word == "-O" || word == "+O") ++option;
      if (word.starts_with("-") && !word.starts_with("--") &&
          word.find('c') != std::string_view::npos) {
        // Options may follow; the script is the first word that is none.
        size_t script = option + 1;
        while (script < words_.size() && words_[script].starts_with('-')) ++script;
        if (script == words_.size()) return std::string(file_name(words_[i])) + " -c";
        break;
      }
    }
  }
  return {};
}

}  // namespace rbk::check
