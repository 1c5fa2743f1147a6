// Reads the words behind a command by a description of what it takes. Every command uses it, so
// that all of them understand `--name value`, `--name=value`, `--` and say the same when something
// is wrong.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/command.h"

namespace rbk::cli {

/// An option that the command itself does not know: a runbook's parameter. No value: nothing that
/// could be one stood behind it.
struct OtherOption {
  std::string name;
  std::optional<std::string> value;
};

/// The targets must outlive `parse`.
class Options {
 public:
  /// `name` and `synopsis` are the command's, for messages.
  Options(std::string_view name, std::string_view synopsis);

  /// `--name`. Names are given with their dashes; "-o" too.
  Options& flag(std::string_view name, bool& target);
  /// `--name VALUE`, at most once.
  Options& value(std::string_view name, std::optional<std::string>& target);
  /// `--name VALUE`, any number of times.
  Options& values(std::string_view name, std::vector<std::string>& target);
  /// A word of its own; `what` names it in messages: "FILE".
  Options& word(std::string_view what, std::string& target);
  Options& optional_word(std::string_view what, std::optional<std::string>& target);
  /// All further words.
  Options& words(std::string_view what, std::vector<std::string>& target);
  /// Takes every `--name` that is not described.
  Options& others(std::vector<OtherOption>& target);

  /// kInvalid names the word and says how the command is used.
  Status parse(const Arguments& arguments);

  /// The described options' names, for "did you mean".
  std::vector<std::string_view> names() const;

 private:
  struct Option {
    std::string_view name;
    bool* flag = nullptr;
    std::optional<std::string>* value = nullptr;
    std::vector<std::string>* values = nullptr;
  };
  struct Word {
    std::string_view what;
    std::string* required = nullptr;
    std::optional<std::string>* optional = nullptr;
  };
  Option* find(std::string_view name);
  Status option(const Arguments& arguments, size_t& at);
  Status take_word(std::string word);
  tl::unexpected<Error> wrong(std::string message, std::string cure = {}) const;

  std::string_view name_;
  std::string_view synopsis_;
  std::deque<Option> options_;
  std::vector<Word> words_;
  size_t next_word_ = 0;
  std::vector<std::string>* rest_ = nullptr;
  std::vector<OtherOption>* others_ = nullptr;
};

/// "K=V" of `--label` and `--set`. kInvalid names the option.
Result<std::pair<std::string, std::string>> key_and_value(std::string_view option,
                                                          std::string_view text);

}  // namespace rbk::cli
