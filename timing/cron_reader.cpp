// Reads a cron text, and says of a wrong one which field is wrong, what was expected and what to
// write instead.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/spelling.h"
#include "timing/cron.h"

namespace rbk::timing {

namespace {

struct FieldKind {
  std::string_view name;
  int least;
  int most;
  std::string_view unit;                      // of a step that is too long; empty: `every` has none
  std::span<const std::string_view> letters;  // names of the values, from `least` on
};

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kWeekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

constexpr FieldKind kSecond{"second", 0, 59, "s", {}};
constexpr FieldKind kMinute{"minute", 0, 59, "m", {}};
constexpr FieldKind kHour{"hour", 0, 23, "h", {}};
constexpr FieldKind kMonthDay{"day of the month", 1, 31, "d", {}};
constexpr FieldKind kMonth{"month", 1, 12, {}, kMonths};
constexpr FieldKind kWeekday{"weekday", 0, 7, {}, kWeekdays};

struct Short {
  std::string_view name;
  std::string_view text;
};
constexpr Short kShort[] = {{"@yearly", "0 0 1 1 *"},  {"@annually", "0 0 1 1 *"},
                            {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
                            {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
                            {"@hourly", "0 * * * *"}};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& letter : result) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return result;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char letter) { return letter >= '0' && letter <= '9'; });
}

/// A part of the text, and where in it that stands.
struct Word {
  std::string_view text;
  size_t begin;

  size_t end() const { return begin + text.size(); }
  Word part(size_t from, size_t count = std::string_view::npos) const {
    return {text.substr(from, count), begin + from};
  }
};

std::vector<Word> split(const Word& whole, std::string_view separators) {
  std::vector<Word> words;
  size_t from = 0;
  for (size_t i = 0; i <= whole.text.size(); ++i) {
    if (i < whole.text.size() && separators.find(whole.text[i]) == std::string_view::npos) continue;
    words.push_back(whole.part(from, i - from));
    from = i + 1;
  }
  return words;
}

}  // namespace

class CronReader {
 public:
  tl::expected<Cron, CronError> read(std::string_view text) {
    std::string expanded = lower(text);
    if (text.starts_with('@')) {
      const auto* found = std::find_if(std::begin(kShort), std::end(kShort),
                                       [&](const Short& one) { return one.name == expanded; });
      if (found == std::end(kShort)) return tl::unexpected(unknown_short(text, expanded));
      expanded = found->text;
    }
    std::vector<Word> words = split({expanded, 0}, " \t");
    std::erase_if(words, [](const Word& word) { return word.text.empty(); });
    if (words.size() != 5 && words.size() != 6)
      return tl::unexpected(wrong_count(text, words.size()));
    const bool has_seconds = words.size() == 6;
    const Word* word = words.data();
    if (has_seconds) cron_.seconds_ = field(*word++, kSecond);
    cron_.minutes_ = field(*word++, kMinute);
    cron_.hours_ = field(*word++, kHour);
    month_days(*word++);
    cron_.months_ = field(*word++, kMonth);
    weekdays(*word);
    if (error_) {
      // Letters of another case are as long: positions hold for the text as it was given.
      return tl::unexpected(std::move(*error_));
    }
    return cron_;
  }

 private:
  static CronError unknown_short(std::string_view text, const std::string& lowered) {
    if (lowered == "@reboot")
      return {0, text.size(), "`@reboot` names no time", "start such a run when the host starts"};
    if (lowered.starts_with("@every"))
      return {0, text.size(), "`@every` is no cron",
              fmt::format("write `every {}` instead of the cron",
                          lowered.size() > 7 ? lowered.substr(7) : "1h")};
    std::vector<std::string_view> names;
    for (const Short& one : kShort) names.push_back(one.name);
    const std::string_view meant = nearest_name(lowered, names);
    return {0, text.size(), fmt::format("there is no `{}`", text),
            meant.empty() ? "there are @yearly @annually @monthly @weekly @daily @midnight @hourly"
                          : fmt::format("did you mean `{}`?", meant)};
  }

  static CronError wrong_count(std::string_view text, size_t found) {
    return {0, text.size(),
            fmt::format("a cron has 5 fields, or 6 with seconds, and this has {}", found),
            found == 7 ? "leave the year out: there is none"
                       : "write minute, hour, day of the month, month and weekday: `0 3 * * 1-5`"};
  }

  void refuse(const Word& word, std::string message, std::string cure) {
    if (!error_) error_ = CronError{word.begin, word.end(), std::move(message), std::move(cure)};
  }

  static std::string expected(const FieldKind& kind) {
    if (kind.letters.empty()) return fmt::format("write numbers in {}..{}", kind.least, kind.most);
    return fmt::format("write numbers in {}..{}, or {}..{}", kind.least, kind.most,
                       kind.letters.front(), kind.letters.back());
  }

  /// A number or a name; kind.least after an error.
  int value(const Word& word, const FieldKind& kind) {
    if (is_number(word.text)) {
      const int number = word.text.size() > 4 ? 9999 : std::stoi(std::string(word.text));
      if (number >= kind.least && number <= kind.most) return number;
      refuse(
          word,
          fmt::format("the {} `{}` is not in {}..{}", kind.name, word.text, kind.least, kind.most),
          expected(kind));
      return kind.least;
    }
    for (size_t i = 0; i < kind.letters.size(); ++i) {
      // `monday` too.
      if (word.text == kind.letters[i] || is_long_name(word.text, kind, i))
        return kind.least + static_cast<int>(i);
    }
    if (word.text.empty()) {
      refuse(word, fmt::format("a {} is missing", kind.name), expected(kind));
    } else {
      refuse(word, fmt::format("the {} `{}` is none", kind.name, word.text), expected(kind));
    }
    return kind.least;
  }

  static bool is_long_name(std::string_view text, const FieldKind& kind, size_t index) {
    static constexpr std::string_view kLongMonths[] = {
        "january", "february", "march",     "april",   "may",      "june",
        "july",    "august",   "september", "october", "november", "december"};
    static constexpr std::string_view kLongWeekdays[] = {
        "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};
    return kind.least == 1 ? text == kLongMonths[index] : text == kLongWeekdays[index];
  }

  /// The bits of one item of a list: `a`, `a-b`, `*/n`, `a-b/n`, `a/n`.
  uint64_t item(const Word& word, const FieldKind& kind) {
    const size_t slash = word.text.find('/');
    const Word base = word.part(0, slash);
    int step = 1;
    if (slash != std::string_view::npos) step = read_step(word, word.part(slash + 1), kind);
    int low = kind.least;
    int high = kind.most == 7 ? 6 : kind.most;
    if (base.text != "*") {
      const size_t dash = base.text.find('-');
      low = value(base.part(0, dash), kind);
      if (dash != std::string_view::npos) {
        high = value(base.part(dash + 1), kind);
        if (low == 7 && kind.most == 7) {  // `7-1`
          low = 0;
          high %= 7;
        }
        if (high == 0 && kind.most == 7 && low > 0) high = 7;  // `sat-sun`
        if (high < low) backwards(base, low, high, kind);
      } else if (slash == std::string_view::npos) {
        high = low;
      }
    }
    uint64_t bits = 0;
    for (int number = low; number <= high; number += step) bits |= uint64_t{1} << number;
    if (kind.most == 7 && (bits >> 7 & 1) != 0) bits = (bits | 1) & 0x7f;
    return bits;
  }

  int read_step(const Word& word, const Word& written, const FieldKind& kind) {
    const int count = (kind.most == 7 ? 6 : kind.most) - kind.least + 1;
    if (!is_number(written.text) || written.text.size() > 4) {
      refuse(written.text.empty() ? word : written,
             fmt::format("the step `{}` of the {} is no number", written.text, kind.name),
             "write a number behind the `/`: `*/5`");
      return 1;
    }
    const int step = std::stoi(std::string(written.text));
    if (step == 0) {
      refuse(written, fmt::format("a step of 0 gives no {}", kind.name),
             "write a step of 1 or more: `*/5`");
      return 1;
    }
    if (step >= count && step > 1) {
      refuse(written,
             fmt::format("the step {} is longer than the {} that the field of the {} goes through",
                         step, count, kind.name),
             kind.unit.empty()
                 ? "name what is meant without a step"
                 : fmt::format("a cron begins anew with each {}: write `every {}{}` instead of it",
                               kind.unit == "d"   ? "month"
                               : kind.unit == "h" ? "day"
                               : kind.unit == "m" ? "hour"
                                                  : "minute",
                               step, kind.unit));
      return 1;
    }
    return step;
  }

  void backwards(const Word& base, int low, int high, const FieldKind& kind) {
    const auto shown = [&](int number) {
      return kind.letters.empty()
                 ? std::to_string(number)
                 : std::string(kind.letters[static_cast<size_t>(
                       (number - kind.least) % static_cast<int>(kind.letters.size()))]);
    };
    const int most = kind.most == 7 ? 6 : kind.most;
    const auto range = [&](int from, int to) {
      return from == to ? shown(from) : fmt::format("{}-{}", shown(from), shown(to));
    };
    refuse(base, fmt::format("the {} `{}` goes backwards", kind.name, base.text),
           fmt::format("write `{},{}`", range(low, most), range(kind.least, high)));
  }

  uint64_t field(const Word& word, const FieldKind& kind) {
    uint64_t bits = 0;
    for (const Word& one : split(word, ",")) {
      if (one.text == "?") {
        refuse(one, fmt::format("`?` stands for no {}", kind.name), "write `*` for any");
        return 1;
      }
      bits |= item(one, kind);
    }
    return bits;
  }

  /// `L`, `L-3`, `LW`, `15W`
  void month_days(const Word& word) {
    Cron::MonthDays& days = cron_.month_days_;
    days.restricted = word.text != "*" && word.text != "?";
    if (!days.restricted) return;
    for (const Word& one : split(word, ",")) {
      if (one.text == "l") {
        days.from_end.push_back(0);
      } else if (one.text == "lw") {
        days.nearest.push_back(0);
      } else if (one.text.starts_with("l-")) {
        days.from_end.push_back(value(one.part(2), kFromEnd));
      } else if (one.text.ends_with('w')) {
        days.nearest.push_back(value(one.part(0, one.text.size() - 1), kMonthDay));
      } else {
        days.days |= item(one, kMonthDay);
      }
    }
  }

  /// `5L`, `friL`, `fri#2`
  void weekdays(const Word& word) {
    Cron::Weekdays& days = cron_.weekdays_;
    days.restricted = word.text != "*" && word.text != "?";
    if (!days.restricted) return;
    for (const Word& one : split(word, ",")) {
      if (one.text == "l") {
        refuse(one, "`L` alone is no weekday", "name it: `friL` is the month's last Friday");
      } else if (one.text.ends_with('l')) {
        days.last |= uint64_t{1} << value(one.part(0, one.text.size() - 1), kWeekday) % 7;
      } else if (const size_t hash = one.text.find('#'); hash != std::string_view::npos) {
        const int day = value(one.part(0, hash), kWeekday) % 7;
        days.nth.push_back({static_cast<unsigned>(day), value(one.part(hash + 1), kNth)});
      } else {
        days.days |= item(one, kWeekday);
      }
    }
  }

  static constexpr FieldKind kFromEnd{"distance from the month's last day", 1, 30, {}, {}};
  static constexpr FieldKind kNth{"number behind `#`", 1, 5, {}, {}};

  Cron cron_;
  std::optional<CronError> error_;
};

tl::expected<Cron, CronError> Cron::parse(std::string_view text) {
  auto cron = CronReader().read(text);
  if (cron) cron->text_ = std::string(text);
  return cron;
}

}  // namespace rbk::timing
