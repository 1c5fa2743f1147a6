#include "engine/takeover.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <optional>

#include "base/spelling.h"
#include "engine/history.h"
#include "engine/journal.h"
#include "engine/json_fields.h"
#include "engine/paths.h"
#include "engine/recovery.h"

namespace rbk::engine {

namespace json = boost::json;

namespace {

/// A retry of a retry of …: so many are looked at.
constexpr int kMostRetries = 1000;

tl::unexpected<Error> one_of_them() {
  return fail(ErrorKind::kInvalid, "--from, --failed and --only say different things",
              "give one of them");
}

Error not_undone(const RunRow& run, const std::string& path) {
  return {ErrorKind::kRefused,
          fmt::format("run {} can't be retried: step {} could not be undone, and nobody knows what "
                      "is left of it",
                      run.id, path),
          fmt::format("mend the cause; `rbk rollback {}` undoes it then", run.id)};
}

}  // namespace

std::string encode_rule(const RetryRule& rule) {
  json::object made;
  if (!rule.from.empty()) made["from"] = rule.from;
  if (rule.failed) made["failed"] = true;
  if (!rule.only.empty()) made["only"] = json::array(rule.only.begin(), rule.only.end());
  return json::serialize(made);
}

RetryRule decode_rule(std::string_view text) {
  const json::object said = object_of(text);
  RetryRule rule;
  rule.from = text_of(said, "from");
  rule.failed = flag_of(said, "failed");
  const json::value* only = said.if_contains("only");
  if (only != nullptr && only->is_array())
    for (const json::value& item : only->get_array())
      if (item.is_string()) rule.only.emplace_back(item.get_string());
  return rule;
}

Result<RunRow> last_of(Store& store, const RunRow& run) {
  RunRow last = run;
  while (true) {
    auto later = store.rollback_of(last.key);
    if (!later) return tl::unexpected(later.error());
    if (!*later) return last;
    last = std::move(**later);
  }
}

Result<RunRow> retried_run(Store& store, const RunRow& retry) {
  auto run = store.run(retry.retries);
  while (run && run->origin != 0) run = store.run(run->origin);
  return run;
}

// ---- What is kept

namespace {

/// Refuses what the rule or the run does not permit.
Status check(const History& history, const RetryRule& rule) {
  const int said =
      (rule.from.empty() ? 0 : 1) + (rule.failed ? 1 : 0) + (rule.only.empty() ? 0 : 1);
  if (said > 1) return one_of_them();
  const RunRow& run = history.run();
  if (history.committed())
    return fail(
        ErrorKind::kRefused,
        fmt::format("run {} can't be retried: it has passed `commit \"{}\"`, and what it did "
                    "before that must not be undone any more, as a retry would if it failed",
                    run.id, *history.committed()),
        fmt::format("`rbk show {}` shows what is left to be done; run that by a runbook of "
                    "its own",
                    run.id));
  if (!history.not_undone().empty())
    return tl::unexpected(not_undone(run, *history.not_undone().begin()));
  if (rule.failed && history.failed_items().empty())
    return fail(ErrorKind::kRefused, fmt::format("no item of a loop failed in run {}", run.id),
                fmt::format("`rbk retry {}` runs again what was not done", run.id));
  if (!rule.only.empty()) return history.check_only();
  if (!rule.from.empty()) return {};
  for (const std::string& defer : history.failed_defers())
    if (!rule.failed || !history.is_in_failed_item(defer))
      return fail(
          ErrorKind::kRefused,
          fmt::format("run {} can't be retried as it is: its `defer` {} ran when it failed, "
                      "and may have taken back what steps before it had done",
                      run.id, defer),
          fmt::format("say which step is the first to run again: `rbk retry {} --from STEP`; "
                      "`rbk show {}` lists them",
                      run.id, run.id));
  return {};
}

}  // namespace

Result<std::unique_ptr<Takeover>> Takeover::of(
    Store& store, const RunRow& last, const RetryRule& rule,
    const std::shared_ptr<const bytecode::Program>& program, bool is_new, int depth) {
  auto history = History::read(store, last, program, rule.only);
  if (!history) return tl::unexpected(history.error());
  if (is_new)
    if (Status may = check(**history, rule); !may) return tl::unexpected(may.error());
  const RunRow& run = (*history)->run();
  std::unique_ptr<Takeover> made(new Takeover(program));
  // What the run would have taken over itself, had it come to it.
  std::unique_ptr<Takeover> before;
  if (run.retries != 0 && depth < kMostRetries) {
    auto earlier = store.run(run.retries);
    if (!earlier) return tl::unexpected(earlier.error());
    auto left = of(store, *earlier, decode_rule(run.retry_rule), program, false, depth + 1);
    if (!left) return left;
    if (Status learnt = (*left)->learn_taken(store, run, {}); !learnt)
      return tl::unexpected(learnt.error());
    before = std::move(*left);
  }
  std::optional<size_t> cut;
  std::optional<size_t> cut_before;
  if (!rule.from.empty()) {
    cut = (*history)->first_begin(rule.from);
    if (before && !cut)
      for (size_t i = 0; i < before->kept_.size() && !cut_before; ++i)
        if (before->kept_[i].path == rule.from ||
            before->kept_[i].path.starts_with(rule.from + "/"))
          cut_before = i;
    if (cut) cut_before = 0;
    if (!cut && !cut_before) return (*history)->no_step(rule.from);
  }
  if (before) {
    for (size_t i = 0; i < before->kept_.size(); ++i) {
      Kept& kept = before->kept_[i];
      const bool is_doubt = kept.attempt.what == TakenAttempt::What::kInDoubt;
      if (kept.taken || (cut_before && i >= *cut_before && !is_doubt)) continue;
      kept.before = true;
      made->kept_.push_back(std::move(kept));
    }
    for (KeptRun& kept : before->kept_runs_)
      if (!before->runs_taken_.contains(kept.run) && !cut_before)
        made->kept_runs_.push_back(std::move(kept));
  }
  for (const History::Attempt& attempt : (*history)->attempts()) {
    const auto what = (*history)->what_of(attempt, rule, cut);
    if (!what) continue;
    Kept kept;
    kept.attempt = {*what, attempt.run, attempt.run_id, attempt.request, attempt.outcome, 0};
    kept.key = attempt.key;
    kept.path = attempt.path;
    kept.part = attempt.part;
    kept.reads = attempt.reads;
    kept.always = rule.failed || (*history)->is_in_good_item(attempt.path);
    made->kept_.push_back(std::move(kept));
  }
  for (const History::Begun& begun : (*history)->runs()) {
    if (begun.undone || (cut && begun.order >= *cut)) continue;
    if ((*history)->is_dropped(begun.path, rule)) continue;
    auto child = store.find_run(begun.id);
    if (!child && child.error().kind == ErrorKind::kNotFound) continue;
    if (!child) return tl::unexpected(child.error());
    made->kept_runs_.push_back({begun.key, child->key});
  }
  made->index();
  return made;
}

void Takeover::index() {
  for (size_t i = 0; i < kept_.size(); ++i) {
    kept_[i].attempt.place = i;
    by_key_[kept_[i].key].push_back(i);
  }
}

/// What a retry has taken, and what it has begun itself.
Status Takeover::learn_taken(Store& store, const RunRow& run, const AskedRequests& asked) {
  if (run.key == 0) return {};  // it is not in the store yet
  auto entries = store.entries(run.key, 0);
  if (!entries) return tl::unexpected(entries.error());
  std::set<std::pair<RunKey, vm::RequestId>> taken;
  std::set<vm::RequestId> answered;
  for (const Entry& entry : *entries) {
    if (entry.kind != Entry::Kind::kTakenOver) continue;
    auto said = decode_taken_over(entry.body);
    if (!said) return tl::unexpected(said.error());
    taken.insert({said->run, said->source});
    answered.insert(said->request);
  }
  for (Kept& kept : kept_) {
    kept.taken = kept.taken || taken.contains({kept.attempt.run, kept.attempt.request});
    doubted_ = doubted_ || (kept.taken && kept.attempt.what == TakenAttempt::What::kInDoubt);
  }
  auto children = store.children(run.key);
  if (!children) return tl::unexpected(children.error());
  for (const RunRow& child : *children) {
    if (child.retries == 0) continue;
    auto retried = retried_run(store, child);
    if (!retried) return tl::unexpected(retried.error());
    runs_taken_.insert(retried->key);
  }
  auto begun = attempts_begun(*entries);
  if (!begun) return tl::unexpected(begun.error());
  for (const auto& [request, path] : *begun)
    if (!answered.contains(request) && !asked.all().contains(request)) begun_.insert(path);
  return {};
}

Result<std::unique_ptr<Takeover>> Takeover::plan(
    Store& store, const RunRow& last, const RetryRule& rule,
    const std::shared_ptr<const bytecode::Program>& program) {
  return of(store, last, rule, program, true, 0);
}

Result<std::unique_ptr<Takeover>> Takeover::open(
    Store& store, const RunRow& run, const std::shared_ptr<const bytecode::Program>& program,
    const AskedRequests& asked) {
  auto last = store.run(run.retries);
  if (!last) return tl::unexpected(last.error());
  auto made = of(store, *last, decode_rule(run.retry_rule), program, false, 0);
  if (!made) return made;
  if (Status learnt = (*made)->learn_taken(store, run, asked); !learnt)
    return tl::unexpected(learnt.error());
  return made;
}

// ---- Asking it

const TakenAttempt* Takeover::find(const vm::request::Perform& perform, vm::Part part) {
  const auto same = by_key_.find(attempt_key(*program_, perform));
  if (same == by_key_.end()) return nullptr;
  for (const size_t i : same->second) {
    const Kept& kept = kept_[i];
    if (kept.taken) continue;
    if (kept.attempt.what == TakenAttempt::What::kEnded) return &kept.attempt;
    if (perform.attempt != 1 || perform.generation != 0 || kept.part != part) continue;
    // What has been begun here makes readings old, and gives a `defer` something to clean up.
    if (kept.reads && !kept.always && (doubted_ || !begun_.empty())) continue;
    if (part == vm::Part::kDefer &&
        std::any_of(begun_.begin(), begun_.end(),
                    [&](const std::string& path) { return is_in_scope_of(path, perform.path); }))
      continue;
    return &kept.attempt;
  }
  return nullptr;
}

void Takeover::take(const TakenAttempt& attempt) {
  kept_[attempt.place].taken = true;
  doubted_ = doubted_ || attempt.what == TakenAttempt::What::kInDoubt;
}

RunKey Takeover::find_run(const vm::request::Start& start) {
  const std::string key = start_key(*program_, start);
  for (const KeptRun& kept : kept_runs_)
    if (kept.key == key && !runs_taken_.contains(kept.run)) return kept.run;
  return 0;
}

std::vector<std::string> Takeover::left() const {
  std::vector<std::string> paths;
  for (const Kept& kept : kept_)
    if (!kept.taken && kept.part == vm::Part::kWork &&
        std::find(paths.begin(), paths.end(), kept.path) == paths.end())
      paths.push_back(kept.path);
  return paths;
}

std::vector<std::pair<std::string, std::string>> Takeover::abandoned() const {
  std::vector<std::pair<std::string, std::string>> steps;
  for (const Kept& kept : kept_) {
    if (kept.taken || kept.reads || kept.part != vm::Part::kWork ||
        kept.attempt.what == TakenAttempt::What::kEnded)
      continue;
    std::pair<std::string, std::string> step(kept.path, kept.attempt.run_id);
    if (std::find(steps.begin(), steps.end(), step) == steps.end())
      steps.push_back(std::move(step));
  }
  return steps;
}

bool Takeover::differs(const vm::request::Perform& perform) const {
  return std::any_of(kept_.begin(), kept_.end(), [&](const Kept& kept) {
    return !kept.taken && !kept.reads && kept.part == vm::Part::kWork && kept.path == perform.path;
  });
}

std::vector<RunKey> Takeover::runs() const {
  std::vector<RunKey> keys;
  keys.reserve(kept_runs_.size());
  for (const KeptRun& kept : kept_runs_) keys.push_back(kept.run);
  return keys;
}

}  // namespace rbk::engine
