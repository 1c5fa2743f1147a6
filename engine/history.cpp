#include "engine/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/spelling.h"
#include "engine/journal.h"
#include "engine/news.h"

namespace rbk::engine {

namespace json = boost::json;

namespace {

constexpr char kBetween = '\0';  // in no path, and in no name

/// News as far as they are needed here: without their values.
class NoValues : public NewsSource {
 public:
  Result<json::value> event_output() override { return json::value(); }
  Result<std::string> blob(const Digest& hash) override {
    (void)hash;
    return std::string("null");
  }
};

}  // namespace

std::string attempt_key(const bytecode::Program& program, const vm::request::Perform& perform) {
  const bytecode::ActionImport& action = program.actions[perform.action];
  std::string key = perform.path;
  key += kBetween;
  key += action.name;
  key += kBetween;
  key += json::serialize(perform.arguments);
  return key;
}

std::string start_key(const bytecode::Program& program, const vm::request::Start& start) {
  std::string key = start.path;
  key += kBetween;
  key += program.runbooks[start.runbook].name;
  key += kBetween;
  key += json::serialize(start.arguments);
  key += start.detached ? 'd' : 's';
  return key;
}

Result<std::vector<std::pair<vm::RequestId, std::string>>> attempts_begun(
    const std::vector<Entry>& entries) {
  std::vector<std::pair<vm::RequestId, std::string>> begun;
  NoValues source;
  for (const Entry& entry : entries) {
    auto news = decode_news(entry.news, source);
    if (!news) return tl::unexpected(news.error());
    for (News& item : *news)
      if (item.kind == News::Kind::kAttemptBegan)
        begun.emplace_back(item.request, std::move(item.path));
  }
  return begun;
}

// ---- Reading

Result<std::unique_ptr<History>> History::read(
    Store& store, const RunRow& last, const std::shared_ptr<const bytecode::Program>& program,
    std::vector<std::string> only) {
  std::vector<RunRow> chain{last};
  while (chain.back().origin != 0) {
    auto origin = store.run(chain.back().origin);
    if (!origin) return tl::unexpected(origin.error());
    chain.push_back(std::move(*origin));
  }
  std::unique_ptr<History> made(new History(store, program));
  made->run_ = chain.back();
  made->only_ = std::move(only);
  made->is_rolled_back_by_hand_ = chain.size() > 1;
  RecoveredRun run{vm::Machine(program, {}), {}};
  for (auto row = chain.rbegin(); row != chain.rend(); ++row) {
    run.asked = {};
    run.head = 0;
    run.numberings.clear();
    if (Status done = made->replay(*row, run); !done) return tl::unexpected(done.error());
  }
  made->finish();
  return made;
}

Status History::replay(const RunRow& row, RecoveredRun& run) {
  auto entries = store_.entries(row.key, 0);
  if (!entries) return tl::unexpected(entries.error());
  if (Status known = learn_upgrades(run, row, *program_, *entries); !known) return known;
  for (const Entry& entry : *entries) {
    if (entry.kind == Entry::Kind::kEvent) {
      auto journaled = decode_body(entry.body, store_);
      if (!journaled) return tl::unexpected(journaled.error());
      take(journaled->event);
    }
    auto turn = replay_entry(run, store_, row, entry);
    if (!turn) return tl::unexpected(turn.error());
    if (!*turn) continue;
    for (const vm::Mark& mark : (*turn)->marks)
      if (Status done = take(mark); !done) return done;
    for (const vm::Request& request : (*turn)->requests) take(row, request, run.machine);
  }
  return {};
}

void History::take(const vm::Event& event) {
  if (const auto* resolved = std::get_if<vm::event::Resolved>(&event.what))
    return take_resolved(*resolved);
  const auto* performed = std::get_if<vm::event::Performed>(&event.what);
  Attempt* attempt = performed == nullptr ? nullptr : by_request(performed->request);
  if (attempt == nullptr) return;
  using How = vm::event::Performed::How;
  attempt->outcome = *performed;
  const bool unknown = performed->how == How::kInDoubt || performed->how == How::kLeft ||
                       performed->effect == vm::Effect::kUnknown;
  attempt->end = performed->how == How::kOk        ? Attempt::End::kDone
                 : unknown && !attempt->repeatable ? Attempt::End::kUnknown
                                                   : Attempt::End::kFailed;
}

/// What people said of a step is what became of it.
void History::take_resolved(const vm::event::Resolved& resolved) {
  using How = vm::event::Resolved::How;
  const auto done = [&](Attempt& attempt) {
    attempt.end = Attempt::End::kDone;
    attempt.outcome = {};
    attempt.outcome.request = attempt.request;
    attempt.outcome.output = resolved.output;
  };
  if (const auto doubt = doubts_.find(resolved.request); doubt != doubts_.end()) {
    Attempt* attempt = by_request(doubt->second);
    if (attempt == nullptr) return;
    if (resolved.how == How::kDone) done(*attempt);
    if (resolved.how == How::kNotDone) attempt->end = Attempt::End::kFailed;
    return;
  }
  const auto failure = failures_.find(resolved.request);
  if (failure == failures_.end()) return;
  const std::string& path = failure->second.first;
  const uint64_t step = failure->second.second;
  if (resolved.how == How::kNotDone) return try_again(step);
  if (resolved.how != How::kDone) return;
  const auto last = std::find_if(attempts_.rbegin(), attempts_.rend(), [&](const Attempt& one) {
    return one.step == step && one.path == path && one.part == vm::Part::kWork;
  });
  if (last == attempts_.rend()) return;
  const bytecode::TypeId type = program_->actions[last->action].result;
  if (type == bytecode::kNone || vm::check_output(*program_, type, resolved.output)) done(*last);
}

Status History::take(const vm::Mark& mark) {
  using Kind = vm::Mark::Kind;
  switch (mark.kind) {
    case Kind::kStepBegan:
      steps_[mark.step] = {mark.path, ++order_, std::nullopt};
      inner_[mark.parent].push_back(mark.step);
      step_paths_.push_back(mark.path);
      for (ItemOf& item : items_of(mark.path)) items_.insert(std::move(item));
      break;
    case Kind::kStepEnded:
      if (const auto step = steps_.find(mark.step); step != steps_.end())
        step->second.ended = mark.status;
      break;
    case Kind::kAttemptFailed:
      try_again(mark.step);
      break;
    case Kind::kCommitted:
      if (!committed_) committed_ = mark.text;
      break;
    case Kind::kUndoEnded:
      if (mark.error) {
        not_undone_[mark.step] = mark.path;
        break;
      }
      not_undone_.erase(mark.step);
      return undo(mark.step);
    default:
      break;
  }
  return {};
}

void History::take(const RunRow& row, const vm::Request& request, const vm::Machine& machine) {
  if (const auto* perform = std::get_if<vm::request::Perform>(&request.what)) {
    Attempt attempt;
    attempt.run = row.key;
    attempt.run_id = row.id;
    attempt.request = request.id;
    attempt.path = perform->path;
    attempt.key = attempt_key(*program_, *perform);
    attempt.step = perform->step;
    attempt.part = machine.part_of(request.id);
    attempt.reads = perform->behaviour == bytecode::Behaviour::kReads;
    attempt.repeatable = perform->behaviour != bytecode::Behaviour::kWrites ||
                         perform->doubt == bytecode::Doubt::kRetry;
    attempt.action = perform->action;
    attempt.order = ++order_;
    by_request_[request.id] = attempts_.size();
    attempts_in_[attempt.step].push_back(attempts_.size());
    attempts_.push_back(std::move(attempt));
  } else if (const auto* start = std::get_if<vm::request::Start>(&request.what)) {
    begun_in_[start->step].push_back(begun_.size());
    begun_.push_back(
        {start->run, start->path, start_key(*program_, *start), start->step, ++order_, false});
  } else if (const auto* undo_run = std::get_if<vm::request::UndoRun>(&request.what)) {
    undone_as_runs_.insert(undo_run->run);
  } else if (const auto* doubt = std::get_if<vm::request::AskDoubt>(&request.what)) {
    doubts_[request.id] = doubt->perform;
    asked_.push_back(doubt->path);
  } else if (const auto* failure = std::get_if<vm::request::AskFailure>(&request.what)) {
    failures_[request.id] = {failure->path, failure->step};
    asked_.push_back(failure->path);
  } else if (const auto* approve = std::get_if<vm::request::Approve>(&request.what)) {
    asked_.push_back(approve->path);
  } else if (const auto* signal = std::get_if<vm::request::AwaitSignal>(&request.what)) {
    asked_.push_back(signal->path);
  }
}

void History::in_step(uint64_t step, const std::function<void(uint64_t)>& each) const {
  std::vector<uint64_t> open{step};
  while (!open.empty()) {
    const uint64_t next = open.back();
    open.pop_back();
    each(next);
    const auto inner = inner_.find(next);
    if (inner != inner_.end()) open.insert(open.end(), inner->second.begin(), inner->second.end());
  }
}

namespace {

const std::vector<size_t>& listed(const std::unordered_map<uint64_t, std::vector<size_t>>& by_step,
                                  uint64_t step) {
  static const std::vector<size_t> kNone;
  const auto found = by_step.find(step);
  return found == by_step.end() ? kNone : found->second;
}

}  // namespace

/// What was done in the step so far is done once more.
void History::try_again(uint64_t step) {
  in_step(step, [&](uint64_t one) {
    for (const size_t i : listed(attempts_in_, one)) attempts_[i].superseded = true;
    for (const size_t i : listed(begun_in_, one)) begun_[i].undone = true;
  });
}

Status History::undo(uint64_t step) {
  std::vector<size_t> begun;
  in_step(step, [&](uint64_t one) {
    for (const size_t i : listed(attempts_in_, one))
      if (attempts_[i].part != vm::Part::kCleanUp) attempts_[i].undone = true;
    for (const size_t i : listed(begun_in_, one)) begun.push_back(i);
  });
  // One that is undone as a run knows itself what of it was.
  for (const size_t i : begun) begun_[i].undone = !undone_as_runs_.contains(begun_[i].id);
  return {};
}

History::Attempt* History::by_request(vm::RequestId request) {
  const auto found = by_request_.find(request);
  return found == by_request_.end() ? nullptr : &attempts_[found->second];
}

void History::finish() {
  const auto failed = [&](const std::string& path) {
    for (ItemOf& item : items_of(path)) failed_items_.insert(std::move(item));
  };
  using Status = vm::Mark::StepStatus;
  for (const auto& [number, step] : steps_)
    if (!step.ended || *step.ended == Status::kFailed || *step.ended == Status::kCancelled)
      failed(step.path);
  // Of readings that nothing came between the last one tells how it is.
  std::unordered_map<std::string, std::pair<size_t, size_t>> latest;
  size_t changes = 0;
  for (size_t i = 0; i < attempts_.size(); ++i) {
    Attempt& attempt = attempts_[i];
    if (attempt.undone) failed(attempt.path);
    const auto around = steps_.find(attempt.step);
    if (attempt.part == vm::Part::kDefer && around != steps_.end() && around->second.ended &&
        (*around->second.ended == Status::kFailed || *around->second.ended == Status::kCancelled))
      attempt.part = vm::Part::kFailedDefer;
    // Behind a `before rollback` all is clean-up.
    if (attempt.part == vm::Part::kCleanUp && is_in_defer(attempt.path))
      attempt.part = vm::Part::kFailedDefer;
    if (!attempt.reads) {
      ++changes;
      continue;
    }
    if (attempt.end != Attempt::End::kDone) continue;
    const auto [known, is_new] = latest.try_emplace(attempt.key, i, changes);
    if (is_new) continue;
    if (known->second.second == changes) attempts_[known->second.first].superseded = true;
    known->second = {i, changes};
  }
  find_failed_defers();
  for (const ItemOf& item : items_)
    if (is_named(item.item)) named_loops_.insert(item.loop);
}

void History::find_failed_defers() {
  for (const Attempt& defer : attempts_) {
    if (defer.part != vm::Part::kFailedDefer || defer.superseded) continue;
    const bool matters = std::any_of(attempts_.begin(), attempts_.end(), [&](const Attempt& one) {
      return one.order < defer.order && one.part == vm::Part::kWork && !one.reads &&
             one.end == Attempt::End::kDone && !one.undone && !one.superseded &&
             is_in_scope_of(one.path, defer.path);
    });
    const bool is_new =
        std::find(failed_defers_.begin(), failed_defers_.end(), defer.path) == failed_defers_.end();
    if (matters && is_new) failed_defers_.push_back(defer.path);
  }
}

// ---- Asking it

std::set<std::string> History::not_undone() const {
  std::set<std::string> paths;
  for (const auto& [step, path] : not_undone_) paths.insert(path);
  return paths;
}

bool History::is_in_failed_item(const std::string& path) const {
  const std::vector<ItemOf> items = items_of(path);
  return std::any_of(items.begin(), items.end(),
                     [&](const ItemOf& item) { return failed_items_.contains(item); });
}

bool History::is_in_good_item(const std::string& path) const {
  return !items_of(path).empty() && !is_in_failed_item(path);
}

std::optional<uint64_t> History::first_begin(const std::string& path) const {
  std::optional<uint64_t> first;
  for (const auto& [number, step] : steps_)
    if (step.path == path || step.path.starts_with(path + "/"))
      first = std::min(first.value_or(step.began), step.began);
  return first;
}

tl::unexpected<Error> History::no_step(const std::string& path) const {
  std::vector<std::string_view> known;
  for (const std::string& one : step_paths_)
    if (std::find(known.begin(), known.end(), one) == known.end()) known.emplace_back(one);
  const std::string_view near = nearest_name(path, known);
  return fail(ErrorKind::kNotFound, fmt::format("run {} has no step {}", run_.id, path),
              near.empty() ? fmt::format("`rbk show {}` lists those that it has", run_.id)
                           : fmt::format("did you mean {}?", near));
}

bool History::is_named(const std::string& item) const {
  return std::find(only_.begin(), only_.end(), item_text(item)) != only_.end() ||
         std::find(only_.begin(), only_.end(), item) != only_.end();
}

History::Place History::place_of(const std::string& path) const {
  Place place = Place::kOutside;
  if (only_.empty()) return place;
  for (const ItemOf& item : items_of(path)) {
    if (is_named(item.item)) return Place::kNamed;
    if (named_loops_.contains(item.loop)) place = Place::kBeside;
  }
  return place;
}

/// A failure of its own is answered as it was, and so is what it undoes. One of what is around it
/// may not come again.
bool History::is_undone_from_outside(const Attempt& attempt) const {
  for (const ItemOf& item : items_of(attempt.path)) {
    if (!named_loops_.contains(item.loop))
      return true;  // a loop around it, which may end otherwise
    using Status = vm::Mark::StepStatus;
    const auto fails_in_it = [&](const auto& numbered) {
      const Step& step = numbered.second;
      if (step.ended && *step.ended != Status::kFailed) return false;
      const std::vector<ItemOf> around = items_of(step.path);
      return std::any_of(around.begin(), around.end(), [&](const ItemOf& one) {
        return one.loop == item.loop && one.item == item.item;
      });
    };
    return std::none_of(steps_.begin(), steps_.end(), fails_in_it);
  }
  return true;
}

Status History::check_only() const {
  std::vector<std::string> names;
  names.reserve(items_.size());
  for (const ItemOf& item : items_) names.push_back(item_text(item.item));
  for (const std::string& wanted : only_) {
    const bool is_there = std::any_of(items_.begin(), items_.end(), [&](const ItemOf& item) {
      return item.item == wanted || item_text(item.item) == wanted;
    });
    if (is_there) continue;
    const std::vector<std::string_view> known(names.begin(), names.end());
    const std::string_view near = nearest_name(wanted, known);
    const std::set<std::string_view> each(known.begin(), known.end());
    return fail(ErrorKind::kNotFound,
                fmt::format("no loop of run {} had an item {}", run_.id, wanted),
                each.empty() ? fmt::format("it has no loop with steps; `rbk retry {} --from STEP` "
                                           "says from where it runs again",
                                           run_.id)
                : near.empty() ? fmt::format("it had these: {}", fmt::join(each, ", "))
                               : fmt::format("did you mean {}?", near));
  }
  const auto refused = [&](const std::string& why, const std::string& cure) {
    return fail(
        ErrorKind::kRefused,
        fmt::format("--only can't leave the other items of run {} as they ended: {}", run_.id, why),
        cure);
  };
  const std::string again = fmt::format("`rbk retry {}` runs again what was not done", run_.id);
  if (run_.status != RunStatus::kSucceeded && run_.status != RunStatus::kPartial)
    return refused(fmt::format("it is {}, so not all of them have ended", to_string(run_.status)),
                   again);
  if (is_rolled_back_by_hand_) return refused("something of it was undone by hand", again);
  for (const Attempt& attempt : attempts_)
    if (attempt.undone && place_of(attempt.path) == Place::kBeside &&
        is_undone_from_outside(attempt))
      return refused(fmt::format("{} was undone by what is around its item", attempt.path), again);
  for (const std::string& path : asked_)
    if (place_of(path) == Place::kBeside)
      return refused(
          fmt::format("{} asks or waits for somebody, and would once more", path),
          fmt::format("`rbk retry {} --from STEP` says from where it runs again", run_.id));
  for (const Begun& begun : begun_) {
    if (place_of(begun.path) != Place::kBeside) continue;
    auto child = store_.find_run(begun.id);
    if (!child) return tl::unexpected(child.error());
    if (child->status != RunStatus::kSucceeded)
      return refused(fmt::format("run {}, which {} started, is {}, and would run again", child->id,
                                 begun.path, to_string(child->status)),
                     again);
  }
  return {};
}

std::optional<TakenAttempt::What> History::what_of(const Attempt& attempt, const RetryRule& rule,
                                                   std::optional<uint64_t> cut) const {
  using What = TakenAttempt::What;
  const Place place = place_of(attempt.path);
  if (place == Place::kBeside) {
    if (attempt.end == Attempt::End::kNone) return std::nullopt;
    return What::kEnded;
  }
  const bool counts = attempt.part == vm::Part::kWork || attempt.part == vm::Part::kDefer;
  if (attempt.undone || attempt.superseded || !counts) return std::nullopt;
  if (attempt.end == Attempt::End::kUnknown)
    return attempt.part == vm::Part::kWork ? std::optional(What::kInDoubt) : std::nullopt;
  if (attempt.end != Attempt::End::kDone || (cut && attempt.order >= *cut)) return std::nullopt;
  if (is_dropped(attempt.path, rule)) return std::nullopt;
  if (rule.failed && attempt.reads && is_in_failed_item(attempt.path)) return std::nullopt;
  return What::kDone;
}

bool History::is_dropped(const std::string& path, const RetryRule& rule) const {
  if (!rule.only.empty()) return place_of(path) == Place::kNamed;
  if (!rule.failed || failed_defers_.empty()) return false;
  std::set<ItemOf> cleaned;  // what was begun in them was taken back, perhaps
  for (const std::string& defer : failed_defers_)
    for (ItemOf& item : items_of(defer)) cleaned.insert(std::move(item));
  const std::vector<ItemOf> items = items_of(path);
  return std::any_of(items.begin(), items.end(), [&](const ItemOf& item) {
    return failed_items_.contains(item) && cleaned.contains(item);
  });
}

}  // namespace rbk::engine
