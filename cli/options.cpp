#include "cli/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/spelling.h"
#include "base/text_width.h"

namespace rbk::cli {

Options::Options(std::string_view name, std::string_view synopsis)
    : name_(name), synopsis_(synopsis) {}

Options& Options::flag(std::string_view name, bool& target) {
  options_.push_back({name, &target, nullptr, nullptr});
  return *this;
}
Options& Options::value(std::string_view name, std::optional<std::string>& target) {
  options_.push_back({name, nullptr, &target, nullptr});
  return *this;
}
Options& Options::values(std::string_view name, std::vector<std::string>& target) {
  options_.push_back({name, nullptr, nullptr, &target});
  return *this;
}
Options& Options::word(std::string_view what, std::string& target) {
  words_.push_back({what, &target, nullptr});
  return *this;
}
Options& Options::optional_word(std::string_view what, std::optional<std::string>& target) {
  words_.push_back({what, nullptr, &target});
  return *this;
}
Options& Options::words(std::string_view, std::vector<std::string>& target) {
  rest_ = &target;
  return *this;
}
Options& Options::others(std::vector<OtherOption>& target) {
  others_ = &target;
  return *this;
}

std::vector<std::string_view> Options::names() const {
  std::vector<std::string_view> result;
  for (const Option& option : options_) result.push_back(option.name);
  return result;
}

tl::unexpected<Error> Options::wrong(std::string message, std::string cure) const {
  if (cure.empty()) cure = fmt::format("usage: rbk {} {}", name_, synopsis_);
  return fail(ErrorKind::kInvalid, std::move(message), std::move(cure));
}

Options::Option* Options::find(std::string_view name) {
  const auto found = std::find_if(options_.begin(), options_.end(),
                                  [&](const Option& option) { return option.name == name; });
  return found == options_.end() ? nullptr : &*found;
}

Status Options::parse(const Arguments& arguments) {
  for (const std::string& word : arguments)
    if (!is_utf8(word))
      return wrong(
          fmt::format("an argument of `rbk {}` is no UTF-8 text: \"{}\"", name_, printable(word)),
          "UTF-8 is expected of every one; the terminal's or the script's encoding is another");
  bool only_words = false;
  for (size_t at = 0; at < arguments.size(); ++at) {
    const std::string& word = arguments[at];
    if (only_words || word.size() < 2 || word[0] != '-') {
      if (Status taken = take_word(word); !taken) return taken;
    } else if (word == "--") {
      only_words = true;
    } else if (Status taken = option(arguments, at); !taken) {
      return taken;
    }
  }
  if (next_word_ < words_.size() && words_[next_word_].required != nullptr)
    return wrong(fmt::format("`rbk {}` needs {}", name_, words_[next_word_].what));
  return {};
}

Status Options::take_word(std::string word) {
  if (next_word_ < words_.size()) {
    Word& target = words_[next_word_++];
    if (target.required != nullptr)
      *target.required = std::move(word);
    else
      *target.optional = std::move(word);
    return {};
  }
  if (rest_ == nullptr) return wrong(fmt::format("`rbk {}` takes no \"{}\"", name_, word));
  rest_->push_back(std::move(word));
  return {};
}

Status Options::option(const Arguments& arguments, size_t& at) {
  std::string_view name = arguments[at];
  std::optional<std::string> value;
  if (const size_t sign = name.find('=');
      name.starts_with("--") && sign != std::string_view::npos) {
    value = std::string(name.substr(sign + 1));
    name = name.substr(0, sign);
  }
  Option* known = find(name);
  if (known == nullptr) {
    if (others_ == nullptr || !name.starts_with("--")) {
      const std::vector<std::string_view> all = names();
      const std::string_view near = nearest_name(name, all);
      return wrong(fmt::format("`rbk {}` has no option {}", name_, name),
                   near.empty() ? std::string() : fmt::format("did you mean {}?", near));
    }
    // A value never begins with two dashes, unless it is given by `=`.
    if (!value && at + 1 < arguments.size() && !arguments[at + 1].starts_with("--"))
      value = arguments[++at];
    others_->push_back({std::string(name.substr(2)), std::move(value)});
    return {};
  }
  if (known->flag != nullptr) {
    if (value) return wrong(fmt::format("{} takes no value", name));
    *known->flag = true;
    return {};
  }
  if (!value) {
    if (at + 1 == arguments.size()) return wrong(fmt::format("{} needs a value", name));
    value = arguments[++at];
  }
  if (known->values != nullptr) {
    known->values->push_back(std::move(*value));
    return {};
  }
  if (*known->value) return wrong(fmt::format("{} is given twice", name));
  *known->value = std::move(value);
  return {};
}

Result<std::pair<std::string, std::string>> key_and_value(std::string_view option,
                                                          std::string_view text) {
  const size_t sign = text.find('=');
  if (sign == std::string_view::npos || sign == 0)
    return fail(ErrorKind::kInvalid, fmt::format("{} {} has no name and value", option, text),
                fmt::format("write {} NAME=VALUE", option));
  return std::pair(std::string(text.substr(0, sign)), std::string(text.substr(sign + 1)));
}

}  // namespace rbk::cli
