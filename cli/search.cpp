// `rbk search`: which runs know a text, and where it stands in them.
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cctype>
#include <memory>
#include <optional>

#include "base/text_width.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report/events.h"
#include "cli/run_filter.h"
#include "cli/session.h"

namespace rbk::cli {
namespace {

constexpr size_t kShownOfARun = 10;
constexpr size_t kLongestLine = 200;  // columns of a hit that are shown
constexpr uint32_t kRuns = 20;

/// Ignores case unless it has a capital letter, as people mean it.
class Pattern {
 public:
  static Result<Pattern> make(const std::string& text, bool is_regex) {
    if (text.empty())
      return fail(ErrorKind::kInvalid, "TEXT is empty",
                  "say what to look for: rbk search \"db-1\"");
    RE2::Options options(RE2::Quiet);
    options.set_literal(!is_regex);
    options.set_case_sensitive(std::any_of(text.begin(), text.end(),
                                           [](unsigned char c) { return std::isupper(c) != 0; }));
    auto made = std::make_unique<RE2>(text, options);
    if (!made->ok())
      return fail(ErrorKind::kInvalid,
                  fmt::format("'{}' is no regular expression: {}", text, made->error()),
                  "its syntax is RE2's; without --regex the text is looked for as it is");
    return Pattern(std::move(made));
  }
  /// Where it begins in the text; nothing: it is not there.
  std::optional<size_t> find(std::string_view text) const {
    const re2::StringPiece all(text.data(), text.size());
    re2::StringPiece match;
    if (!expression_->Match(all, 0, all.size(), RE2::UNANCHORED, &match, 1)) return std::nullopt;
    return static_cast<size_t>(match.data() - all.data());
  }

 private:
  explicit Pattern(std::unique_ptr<RE2> expression) : expression_(std::move(expression)) {}
  std::unique_ptr<RE2> expression_;
};

/// A place where the text stands.
struct Hit {
  enum class In : uint8_t { kRun, kEvent, kLog };
  In in = In::kRun;
  std::string where;  // of the run: which of its fields; else a step's path
  int64_t time = 0;   // 0: the run's own
  std::string text;   // the whole line
  size_t at = 0;      // where what was looked for begins in it
};

/// From a little before the match on, where that would not be seen otherwise.
std::string around(const Hit& hit) {
  constexpr size_t kSeen = 120;
  constexpr size_t kBefore = 40;
  if (hit.at < kSeen) return hit.text;
  size_t from = hit.at - kBefore;
  while (from < hit.text.size() && (static_cast<unsigned char>(hit.text[from]) & 0xc0U) == 0x80U)
    ++from;  // within a character
  return "…" + hit.text.substr(from);
}

std::string_view name_of(Hit::In in) {
  return in == Hit::In::kRun ? "run" : in == Hit::In::kEvent ? "event" : "log";
}

/// Where it looks.
struct Places {
  bool logs = true;
  bool others = true;
};

/// Goes through one run after the other, newest first.
class Search {
 public:
  Search(const Terminal& terminal, engine::Engine& engine, const Pattern& pattern, Places places)
      : terminal_(terminal), engine_(engine), pattern_(pattern), places_(places) {}

  /// Whether the text stands in it.
  Result<bool> look_into(const engine::RunSummary& run) {
    run_ = &run;
    hits_ = 0;
    if (places_.others) {
      of_run();
      if (Status done = of_record(); !done) return tl::unexpected(done.error());
    }
    if (places_.logs)
      if (Status done = of_logs(); !done) return tl::unexpected(done.error());
    if (!terminal_.json && hits_ > kShownOfARun)
      terminal_.print(fmt::format("  … and {} more\n", hits_ - kShownOfARun));
    all_hits_ += hits_;
    return hits_ > 0;
  }

  size_t hits() const { return all_hits_; }

 private:
  void found(const Hit& hit) {
    ++hits_;
    if (terminal_.json) {
      boost::json::object line{{"event", "hit"},
                               {"run", run_->id},
                               {"runbook", run_->runbook},
                               {"in", name_of(hit.in)},
                               {hit.in == Hit::In::kRun ? "field" : "path", hit.where},
                               {"text", hit.text}};
      if (hit.time != 0) line["time"] = format_time(hit.time);
      terminal_.print_json(line);
      return;
    }
    if (hits_ == 1)
      terminal_.print(fmt::format("run {}  {}  {}  {}\n", run_->id, run_->runbook,
                                  engine::to_string(run_->status),
                                  format_time(run_->started / 1'000'000 * 1'000'000)));
    if (hits_ > kShownOfARun) return;
    const std::string what =
        hit.in == Hit::In::kRun ? hit.where : format_time(hit.time / 1000 * 1000);
    const std::string line = fmt::format("{} {}", what, around(hit));
    terminal_.print(fmt::format("  {}\n", cut_to_width(printable(line), kLongestLine)));
  }

  void look_at(Hit hit) {
    const auto at = hit.text.empty() ? std::nullopt : pattern_.find(hit.text);
    if (!at) return;
    hit.at = *at;
    found(hit);
  }

  void field(const std::string& name, const std::string& text) {
    look_at({Hit::In::kRun, name, 0, text});
  }

  void of_run() {
    field("id", run_->id);
    field("runbook", run_->runbook);
    field("starter", run_->starter);
    field("reason", run_->reason);
    for (const auto& [key, value] : run_->labels)
      field("label", fmt::format("{}={}", std::string_view(key), output_text(value)));
    if (run_->error) field("error", error_text(*run_->error));
    field("quarantine", run_->quarantine);
    field("retries", run_->retries);
    field("undoes", run_->undoes);
    field("parent", run_->parent);
    if (!run_->output.is_null()) field("output", output_text(run_->output));
  }

  Status of_record() {
    auto record = engine_.record(run_->id);
    if (!record) return tl::unexpected(record.error());
    for (size_t i = 0; i < record->parameters.size() && i < record->arguments.size(); ++i)
      field("argument", fmt::format("{} = {}", record->parameters[i],
                                    boost::json::serialize(record->arguments[i])));
    for (const engine::News& news : record->timeline) {
      const std::string& path = news.path.empty() ? news.mark.path : news.path;
      std::string line = line_of(news);
      // What an attempt was given: the command, the URL.
      if (news.kind == engine::News::Kind::kAttemptBegan)
        line = fmt::format("{} {} {}", path, news.action, boost::json::serialize(news.input));
      look_at({Hit::In::kEvent, path, news.time, std::move(line)});
    }
    return {};
  }

  Status of_logs() {
    const auto read = engine_.logs(run_->id, "", 0, [&](const engine::LogLine& line) {
      if (const auto at = pattern_.find(line.text)) {
        std::string text = line_of(line);  // ends with what was printed
        const size_t before = text.size() - line.text.size();
        found({Hit::In::kLog, line.path, line.time, std::move(text), before + *at});
      }
      return terminal_.out_error() == 0;
    });
    return read ? Status() : tl::unexpected(read.error());
  }

  const Terminal& terminal_;
  engine::Engine& engine_;
  const Pattern& pattern_;
  const Places places_;
  const engine::RunSummary* run_ = nullptr;
  size_t hits_ = 0;
  size_t all_hits_ = 0;
};

}  // namespace

ExitStatus search_command(const Terminal& terminal, const Arguments& arguments) {
  std::string text;
  bool is_regex = false;
  bool logs = false;
  bool no_logs = false;
  RunFilterOptions which;
  StoreOptions store;
  Options options("search",
                  "TEXT [--regex] [--logs | --no-logs] [--status S] [--runbook N] [--label K=V] "
                  "[--by USER] [--since T] [--limit N]");
  options.word("TEXT", text).flag("--regex", is_regex).flag("--logs", logs);
  options.flag("--no-logs", no_logs);
  which.describe(options);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (logs && no_logs)
    return refuse(terminal, {ErrorKind::kInvalid, "--logs and --no-logs leave nothing to look at",
                             "give one of them"});
  Result<engine::RunFilter> filter = which.read(kRuns);
  if (!filter) return refuse(terminal, filter.error());
  const uint32_t most = std::exchange(filter->limit, 0);  // of runs that have it
  const Result<Pattern> pattern = Pattern::make(text, is_regex);
  if (!pattern) return refuse(terminal, pattern.error());
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  Result<std::vector<engine::RunSummary>> runs = session->engine->runs(*filter);
  if (!runs) return refuse(terminal, runs.error());
  Search search(terminal, *session->engine, *pattern, {!no_logs, !logs});
  uint32_t with_hits = 0;
  size_t looked_at = 0;
  for (const engine::RunSummary& run : *runs) {
    if ((most != 0 && with_hits == most) || terminal.out_error() != 0) break;
    ++looked_at;
    Result<bool> has = search.look_into(run);
    // It was removed meanwhile.
    if (!has && has.error().kind == ErrorKind::kNotFound) continue;
    if (!has) return refuse(terminal, has.error());
    if (*has) ++with_hits;
  }
  if (terminal.json) {
    terminal.print_json({{"event", "searched"},
                         {"hits", search.hits()},
                         {"runs", with_hits},
                         {"looked_at", looked_at},
                         {"all", runs->size()}});
  } else if (with_hits == 0) {
    terminal.print(
        fmt::format("nothing found in {} run{}\n", looked_at, looked_at == 1 ? "" : "s"));
  } else if (looked_at < runs->size()) {
    terminal.print_to_err(fmt::format("{} older runs were not looked at; --limit 0 looks at all\n",
                                      runs->size() - looked_at));
  }
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
