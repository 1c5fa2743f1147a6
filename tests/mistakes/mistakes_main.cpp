// How the checker answers a slip of the hand: makes single-token mistakes in correct texts by the
// thousand, and says how many errors each gave and how often the first stands on the mistake's
// line. Ends with 1 if a goal is missed.
//
//     mistakes [--count N] [--seed N] [--worst N] [--silent N] PATH…
//
// --worst shows as many of the mistakes that were answered badly, --silent of those that gave no
// error at all; these are still correct texts as far as the checker knows, and don't count.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

#include "tests/mistakes/corpus.h"
#include "tests/mistakes/mistake.h"

namespace {

using namespace rbk;
using mistakes::Kind;
using mistakes::Mistake;

constexpr size_t kGoalMedian = 1;
constexpr double kGoalAtMostTwo = 0.95;
constexpr double kGoalOnLine = 0.90;

struct Answer {
  const Mistake* mistake = nullptr;
  const mistakes::Text* origin = nullptr;
  std::vector<std::string> errors;  // "LINE:COLUMN RBK0100 message"
  bool on_line = false;
};

Answer answer_to(const mistakes::Text& origin, const Mistake& mistake) {
  Answer answer{&mistake, &origin, {}, false};
  const check::CheckedProgram checked = mistakes::check_text(origin, mistake.text);
  for (const diagnostics::Diagnostic& one : checked.diagnostics.sorted()) {
    if (one.severity != diagnostics::Severity::kError) continue;
    const source::LineColumn place =
        checked.sources.get(one.primary.file).position(one.primary.begin);
    if (answer.errors.empty()) answer.on_line = place.line == mistake.line;
    answer.errors.push_back(fmt::format("{}:{} {} {}", place.line, place.column,
                                        diagnostics::code_text(one.code), one.message));
  }
  return answer;
}

std::string line_of(const std::string& text, uint32_t number) {
  size_t begin = 0;
  for (uint32_t i = 1; i < number; ++i) begin = text.find('\n', begin) + 1;
  return text.substr(begin, text.find('\n', begin) - begin);
}

const char* name_of(Kind kind) {
  constexpr std::array names = {"drop", "swap", "misspell"};
  return names[static_cast<size_t>(kind)];
}

void show(const Answer& answer) {
  fmt::print("{} `{}` in {}{}{}, line {}:\n  {}\n", name_of(answer.mistake->kind),
             answer.mistake->was, answer.origin->path, answer.origin->name.empty() ? "" : ", ",
             answer.origin->name, answer.mistake->line,
             line_of(answer.mistake->text, answer.mistake->line));
  for (const std::string& error : answer.errors) fmt::print("    {}\n", error);
}

/// Prints a line of the table; false if a goal is missed.
bool summarise(const char* name, const std::vector<const Answer*>& answers) {
  std::vector<size_t> counts;
  size_t on_line = 0;
  for (const Answer* answer : answers) {
    if (answer->errors.empty()) continue;
    counts.push_back(answer->errors.size());
    on_line += answer->on_line ? 1 : 0;
  }
  if (counts.empty()) return true;
  std::sort(counts.begin(), counts.end());
  const auto all = static_cast<double>(counts.size());
  const auto at_most = [&](size_t limit) {
    return static_cast<double>(std::upper_bound(counts.begin(), counts.end(), limit) -
                               counts.begin()) /
           all;
  };
  const size_t median = counts[counts.size() / 2];
  const double on_line_share = static_cast<double>(on_line) / all;
  fmt::print("{:<10}{:>9}{:>9}{:>8}{:>10.1f}%{:>10.1f}%{:>6}{:>10.1f}%\n", name, answers.size(),
             counts.size(), median, at_most(1) * 100, at_most(2) * 100, counts.back(),
             on_line_share * 100);
  return median <= kGoalMedian && at_most(2) >= kGoalAtMostTwo && on_line_share >= kGoalOnLine;
}

size_t badness(const Answer& answer) { return answer.errors.size() * 2 + (answer.on_line ? 0 : 3); }

int run(size_t count, unsigned seed, size_t worst, size_t silent,
        const std::vector<std::string>& paths) {
  const std::vector<mistakes::Text> corpus = mistakes::read_corpus(paths);
  std::mt19937 random(seed);
  std::vector<std::pair<const mistakes::Text*, Mistake>> all;
  for (const mistakes::Text& text : corpus)
    for (Mistake& mistake : mistakes::mistakes_in(text.text, random))
      all.emplace_back(&text, std::move(mistake));
  std::shuffle(all.begin(), all.end(), random);
  if (all.size() > count) all.resize(count);
  std::vector<Answer> answers;
  answers.reserve(all.size());
  for (const auto& [origin, mistake] : all) answers.push_back(answer_to(*origin, mistake));

  fmt::print("{} mistakes in {} texts, seed {}\n\n", all.size(), corpus.size(), seed);
  fmt::print("{:<10}{:>9}{:>9}{:>8}{:>11}{:>11}{:>6}{:>11}\n", "", "mistakes", "errors", "median",
             "one", "one or two", "most", "on line");
  std::map<Kind, std::vector<const Answer*>> by_kind;
  std::vector<const Answer*> every;
  for (const Answer& answer : answers) {
    by_kind[answer.mistake->kind].push_back(&answer);
    every.push_back(&answer);
  }
  for (const auto& [kind, some] : by_kind) (void)summarise(name_of(kind), some);
  const bool good = summarise("all", every);
  fmt::print("{:<36}{:>2}{:>21.1f}%{:>16.1f}%\n", "goals", kGoalMedian, kGoalAtMostTwo * 100,
             kGoalOnLine * 100);

  std::stable_sort(every.begin(), every.end(),
                   [](const Answer* a, const Answer* b) { return badness(*a) > badness(*b); });
  for (size_t i = 0; i < std::min(worst, every.size()); ++i) {
    fmt::print("\n");
    show(*every[i]);
  }
  for (const Answer& answer : answers) {
    if (silent == 0) break;
    if (!answer.errors.empty()) continue;
    --silent;
    fmt::print("\n");
    show(answer);
  }
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, size_t> options = {
      {"--count", 4000}, {"--seed", 1}, {"--worst", 0}, {"--silent", 0}};
  std::vector<std::string> paths;
  try {
    for (int i = 1; i < argc; ++i) {
      const auto option = options.find(argv[i]);
      if (option == options.end()) {
        paths.emplace_back(argv[i]);
      } else if (++i < argc) {
        option->second = std::stoul(argv[i]);
      }
    }
    if (paths.empty()) throw std::invalid_argument("no PATH is given");
    return run(options["--count"], static_cast<unsigned>(options["--seed"]), options["--worst"],
               options["--silent"], paths);
  } catch (const std::exception& error) {
    fmt::print(stderr, "mistakes: {}\n", error.what());
    return 2;
  }
}
