#include "compiler/effects/compare_rules.h"

#include <algorithm>

namespace rbk::effects {
namespace {

using Kind = Change::Kind;
using What = Change::What;

/// Names and functions: what they stand for may be long, and is the change.
bool is_named(const Rule& rule) {
  return rule.kind == "let" || rule.kind == "var" || rule.kind == "set" || rule.kind == "fn" ||
         rule.kind == "const" || rule.kind == "record" || rule.kind == "action";
}

/// What holds something back: without it, or with another condition, more may happen.
bool is_guard(const Rule& rule) {
  return !is_named(rule) && rule.kind != "try" && rule.kind != "repeat" && rule.kind != "return" &&
         rule.kind != "call" && rule.kind != "value" && rule.kind != "parallel";
}

std::string name_of(const Rule& rule) {
  const std::string text =
      is_named(rule) ? rule.text.substr(0, rule.text.find_first_of(" (:{")) : rule.text;
  return text.empty() ? rule.kind : rule.kind + " " + text;
}

bool is_a_larger_limit(const std::string& was, const std::string& is) {
  const auto is_number = [](const std::string& text) {
    return !text.empty() && text.size() < 10 &&
           text.find_first_not_of("0123456789") == std::string::npos;
  };
  return !is_number(was) || !is_number(is) ? !was.empty() : std::stoi(is) > std::stoi(was);
}

/// The same names, in whatever order: else what came and went is told of.
bool has_the_same(const std::string& was, const std::string& is) {
  const auto names = [](const std::string& text) {
    std::vector<std::string> all;
    for (size_t at = 0; at <= text.size();) {
      const size_t end = std::min(text.find(", ", at), text.size());
      all.push_back(text.substr(at, end - at));
      at = end + 2;
    }
    std::sort(all.begin(), all.end());
    return all;
  };
  return names(was) == names(is);
}

}  // namespace

std::string value_of(const Aspects& all, const std::string& name) {
  for (const auto& [key, value] : all)
    if (key == name) return value;
  return {};
}

std::vector<Change> compare_rules(const std::vector<Rule>& before, const std::vector<Rule>& after) {
  std::vector<Change> changes;
  const auto is_same_place = [](const Rule& left, const Rule& right) {
    return left.kind == right.kind && left.place == right.place &&
           (!is_named(left) || name_of(left) == name_of(right));
  };
  const auto is_same_text = [&](const Rule& left, const Rule& right) {
    return is_same_place(left, right) && left.text == right.text;
  };
  const auto is_equal = [&](const Rule& left, const Rule& right) {
    return is_same_text(left, right) && left.aspects == right.aspects &&
           left.only_if == right.only_if;
  };
  std::vector<const Rule*> gone;
  std::vector<const Rule*> come;
  gone.reserve(before.size());
  come.reserve(after.size());
  for (const Rule& one : before) gone.push_back(&one);
  for (const Rule& one : after) come.push_back(&one);
  std::vector<std::pair<const Rule*, const Rule*>> pairs;
  const auto match = [&](const auto& fits) {
    for (const Rule*& was : gone) {
      const auto is = std::find_if(come.begin(), come.end(), [&](const Rule* one) {
        return one != nullptr && fits(*was, *one);
      });
      if (is == come.end()) continue;
      pairs.emplace_back(was, *is);
      was = nullptr;
      come.erase(is);
    }
    std::erase(gone, nullptr);
  };
  match(is_equal);
  pairs.clear();
  match(is_same_text);
  match(is_same_place);
  for (const auto& pair : pairs) {
    const Rule* was = pair.first;
    const Rule* is = pair.second;
    if (is->kind == "order" && !has_the_same(was->text, is->text)) continue;
    const auto note = [&](const std::string& aspect, const std::string& old,
                          const std::string& fresh, bool widens) {
      if (old != fresh)
        changes.push_back(
            {Kind::kChanged, What::kRule, name_of(*is), aspect, old, fresh, is->place, widens});
    };
    note("text", was->text, is->text, is_guard(*is));
    note("only_if", was->only_if, is->only_if, is_guard(*is));
    for (const auto& [name, value] : is->aspects) {
      const std::string had = value_of(was->aspects, name);
      note(name, had, value, name == "limit" ? is_a_larger_limit(had, value) : value != "fail");
    }
  }
  const auto is_order = [](const Rule* one) { return one->kind == "order"; };
  std::erase_if(gone, is_order);
  std::erase_if(come, is_order);
  for (const Rule* one : gone)
    changes.push_back({Kind::kRemoved,
                       What::kRule,
                       name_of(*one),
                       {},
                       one->text,
                       {},
                       one->place,
                       is_guard(*one)});
  for (const Rule* one : come)
    changes.push_back({Kind::kAdded,
                       What::kRule,
                       name_of(*one),
                       {},
                       {},
                       one->text,
                       one->place,
                       one->kind == "try" || one->kind == "for"});
  return changes;
}

}  // namespace rbk::effects
