#include "engine/effect_pattern.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/sql_text.h"

namespace rbk::engine {
namespace {

constexpr char kMark = '\x01';  // around a query's value

bool is_one_of(char letter, std::string_view letters) {
  return letters.find(letter) != std::string_view::npos;
}

bool is_alphanumeric(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9');
}

int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  const char lower = static_cast<char>(letter | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Where the `${…}` that begins at `begin` ends, behind its brace; npos: it does not.
size_t end_of_value(std::string_view text, size_t begin) {
  int depth = 0;
  for (size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i + 1;
  }
  return std::string_view::npos;
}

}  // namespace

/// Text as units, by the rules of what it is. Its state lasts over the parts of one text.
class EffectPattern::Reader {
 public:
  explicit Reader(Reading reading) : reading_(reading) {}

  bool in_quotes() const { return quote_ != 0; }

  std::vector<Unit> read(std::string_view text) {
    std::vector<Unit> units;
    units.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
      if (reading_ == Reading::kCommand)
        shell(text, i, units);
      else if (reading_ == Reading::kQuery)
        query(text[i], units);
      else if (reading_ == Reading::kUrl)
        url(text, i, units);
      else
        units.push_back({text[i], false});
    }
    return units;
  }

 private:
  void shell(std::string_view text, size_t& i, std::vector<Unit>& units) {
    const char letter = text[i];
    const bool more = i + 1 < text.size();
    if (quote_ == '\'') {
      if (letter == '\'')
        quote_ = 0;
      else
        units.push_back({letter, true});
      return;
    }
    if (letter == '\\' && more && (quote_ == 0 || is_one_of(text[i + 1], "$`\"\\\n"))) {
      ++i;
      if (text[i] != '\n') units.push_back({text[i], true});
      return;
    }
    if (letter == '"' || (letter == '\'' && quote_ == 0)) {
      quote_ = quote_ == 0 ? letter : '\0';
      return;
    }
    units.push_back({letter, quote_ == '"' && letter != '$' && letter != '`'});
  }

  void query(char letter, std::vector<Unit>& units) {
    if (letter == kMark) {
      quote_ = quote_ == kMark ? '\0' : kMark;
      return;
    }
    if (letter == '"' && quote_ != kMark) {
      units.push_back({letter, true});
      quote_ = quote_ == '"' ? '\0' : '"';
      return;
    }
    units.push_back({letter, quote_ != 0});
  }

  static void url(std::string_view text, size_t& i, std::vector<Unit>& units) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        units.push_back({static_cast<char>(high * 16 + low), true});
        i += 2;
        return;
      }
    }
    units.push_back({text[i], false});
  }

  Reading reading_;
  char quote_ = 0;  // that is open
};

EffectPattern::EffectPattern(Reading reading, std::string_view text) : reading_(reading) {
  // What was too long for the summary ends in this.
  constexpr std::string_view kCut = "…";
  constexpr size_t kLongestText = 2000;
  const bool is_cut = text.size() > kLongestText && text.ends_with(kCut);
  if (is_cut) text.remove_suffix(kCut.size());
  Reader reader(reading);
  size_t begin = 0;
  for (;;) {
    const size_t value = text.find("${", begin);
    const size_t end = value == std::string_view::npos ? value : end_of_value(text, value);
    const std::string_view plain =
        text.substr(begin, end == std::string_view::npos ? std::string_view::npos : value - begin);
    for (const Unit unit : reader.read(plain)) parts_.push_back({Part::Kind::kUnit, unit, 0});
    if (end == std::string_view::npos) break;
    const bool begins = reading == Reading::kUrl && value == 0;
    add_value(reader, text.substr(value, end - value),
              begins || (value == 0 && end == text.size()));
    begin = end;
  }
  if (is_cut) parts_.push_back({Part::Kind::kAny, {}, 0});
}

/// `is_all`: whatever stands for it.
void EffectPattern::add_value(Reader& reader, std::string_view written, bool is_all) {
  if (reading_ != Reading::kCommand || is_all || written.starts_with("${shell.raw(")) {
    parts_.push_back({is_all || reading_ == Reading::kName || reading_ == Reading::kCommand
                          ? Part::Kind::kAny
                          : Part::Kind::kValue,
                      {},
                      0});
    return;
  }
  // It may be a variable of the shell's own, and in its quotes it is nothing else.
  const bool in_quotes = reader.in_quotes();
  const std::vector<Unit> units = reader.read(written);
  if (!in_quotes) {
    const size_t fork = parts_.size();
    parts_.push_back({Part::Kind::kFork, {}, fork + 3});
    parts_.push_back({Part::Kind::kValue, {}, 0});
    parts_.push_back({Part::Kind::kJump, {}, fork + 3 + units.size()});
  }
  for (const Unit unit : units) parts_.push_back({Part::Kind::kUnit, unit, 0});
}

bool EffectPattern::is_open() const {
  return !parts_.empty() && std::all_of(parts_.begin(), parts_.end(), [](const Part& part) {
    return part.kind == Part::Kind::kAny;
  });
}

/// In the place of a value.
bool EffectPattern::lets_through(Unit unit) const {
  if (unit.quoted || (is_alphanumeric(unit.letter) && reading_ != Reading::kQuery)) return true;
  switch (reading_) {
    case Reading::kHost:
      return is_one_of(unit.letter, ".-_:[]");
    case Reading::kUrl:
      return is_one_of(unit.letter, ".-_~:[]");
    case Reading::kCommand:
      return is_one_of(unit.letter, " _@%+=:,./-");
    case Reading::kQuery:
      return is_one_of(unit.letter, " ,");  // between the values of a list
    case Reading::kName:
      return true;
  }
  return false;
}

void EffectPattern::reach(size_t at, std::vector<bool>& is_reached,
                          std::vector<size_t>& reached) const {
  while (!is_reached[at]) {
    is_reached[at] = true;
    reached.push_back(at);
    if (at == parts_.size()) return;
    const Part& part = parts_[at];
    if (part.kind == Part::Kind::kUnit) return;
    if (part.kind == Part::Kind::kFork) reach(part.to, is_reached, reached);
    at = part.kind == Part::Kind::kJump ? part.to : at + 1;
  }
}

bool EffectPattern::matches(std::string_view reached) const {
  std::vector<bool> is_reached(parts_.size() + 1);
  std::vector<size_t> states;
  reach(0, is_reached, states);
  Reader reader(reading_);
  for (const Unit unit : reader.read(reached)) {
    std::vector<size_t> next;
    std::fill(is_reached.begin(), is_reached.end(), false);
    for (const size_t at : states) {
      if (at == parts_.size()) continue;
      const Part& part = parts_[at];
      if (part.kind == Part::Kind::kAny || (part.kind == Part::Kind::kValue && lets_through(unit)))
        reach(at, is_reached, next);
      if (part.kind != Part::Kind::kUnit || part.unit.letter != unit.letter) continue;
      // What is quoted there means itself: it must not mean more here. A blank is between words.
      if (!part.unit.quoted || unit.quoted || unit.letter == ' ' || is_alphanumeric(unit.letter) ||
          is_one_of(unit.letter, "_@%+=:,./-"))
        reach(at + 1, is_reached, next);
    }
    states = std::move(next);
    if (states.empty()) return false;
  }
  return is_reached[parts_.size()];
}

std::string query_text(std::string_view text, const std::vector<std::string>& values) {
  std::string made;
  SqlText place;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_value = text[i] == '$' && place.place() == SqlText::Place::kPlain &&
                          !place.in_word() && i + 1 < text.size() && std::isdigit(text[i + 1]) != 0;
    if (!is_value) {
      place.step(text[i]);
      made += text[i];
      continue;
    }
    size_t number = 0;
    const char* end = std::from_chars(&text[i + 1], text.data() + text.size(), number).ptr;
    made += kMark;
    if (number >= 1 && number <= values.size())
      for (const char letter : values[number - 1])
        if (letter != kMark) made += letter;
    made += kMark;
    place.value();
    i = static_cast<size_t>(end - text.data()) - 1;
  }
  return made;
}

std::string host_of_url(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#\\"));
  const size_t user = url.rfind('@');
  if (user != std::string_view::npos) url.remove_prefix(user + 1);
  const size_t bracket = url.starts_with('[') ? url.find(']') : std::string_view::npos;
  return std::string(
      url.substr(0, bracket == std::string_view::npos ? url.find(':') : bracket + 1));
}

}  // namespace rbk::engine
