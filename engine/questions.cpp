// What the store says of runs, in the words of engine.h.
#include <fmt/format.h>
#include <unistd.h>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <iterator>
#include <map>

#include "engine/engine_state.h"
#include "engine/journal.h"
#include "engine/json_fields.h"
#include "engine/logs.h"
#include "engine/replay.h"
#include "engine/timeline.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;

/// What the news of one entry refer to.
class EntryNews : public NewsSource {
 public:
  EntryNews(Store& store, const Entry& entry) : store_(store), entry_(entry) {}
  Result<json::value> event_output() override {
    auto journaled = decode_body(entry_.body, store_);
    if (!journaled) return tl::unexpected(journaled.error());
    json::value* output = output_of(journaled->event);
    if (output == nullptr)
      return fail(ErrorKind::kCorrupt, "news refer to an output that is not there");
    return std::move(*output);
  }
  Result<std::string> blob(const Digest& hash) override { return store_.blob(hash); }

 private:
  Store& store_;
  const Entry& entry_;
};

}  // namespace

Result<RunSummary> Engine::State::summarise(const RunRow& row, bool alone) {
  RunSummary summary;
  summary.id = row.id;
  summary.runbook = row.runbook;
  summary.status = row.status;
  summary.program = to_hex(row.program);
  summary.folder = row.folder;
  summary.placement = row.placement;
  summary.starter = row.starter;
  summary.reason = row.reason;
  summary.labels = object_of(row.labels);
  summary.started = row.started;
  summary.updated = row.updated;
  summary.wake = row.wake;
  summary.log_bytes = row.log_bytes;
  if (row.status == RunStatus::kQuarantined) {
    summary.quarantine = row.ending;
    summary.held_back = row.held.has_value();
    if (row.held)
      summary.quarantine += ". `rbk store accept` shows all that is held, and lets it go on";
  }
  if (is_over(row.status)) {
    summary.ended = row.updated;
    auto ending = parse_ending(row.ending);
    if (!ending) return tl::unexpected(ending.error());
    summary.rolled_back = ending->rolled_back;
    summary.output = std::move(ending->output);
    summary.error = std::move(ending->error);
  }
  if (row.status == RunStatus::kRollbackFailed) {
    std::optional<RunRow> last;
    for (auto later = store->rollback_of(row.key);; later = store->rollback_of(last->key)) {
      if (!later) return tl::unexpected(later.error());
      if (!*later) break;
      last = std::move(**later);
    }
    if (last && last->status == RunStatus::kSucceeded) summary.undone_by = last->id;
  }
  if (row.holder == key && key != 0) {
    summary.process = process();
  } else if (row.holder != 0) {
    auto holder = store->engine(row.holder);
    if (holder && holder->alive) summary.process = holder->process;
  }
  if (row.status == RunStatus::kWaiting) {
    auto locks = lock_states(row.key);
    if (!locks) return tl::unexpected(locks.error());
    std::erase_if(*locks, [&](const LockState& lock) {
      return std::none_of(lock.queue.begin(), lock.queue.end(),
                          [&](const LockState::Claim& claim) { return claim.run == row.id; });
    });
    summary.queues = std::move(*locks);
  }
  if (row.origin != 0) {
    auto origin = store->run(row.origin);
    if (!origin) return tl::unexpected(origin.error());
    summary.undoes = origin->id;
  }
  if (row.retries != 0) {
    auto retried = retried_run(*store, row);
    if (!retried) return tl::unexpected(retried.error());
    summary.retries = retried->id;
  }
  if (is_over(row.status) && !alone) {
    auto last = last_of(*store, row);
    if (!last) return tl::unexpected(last.error());
    auto retry = store->retry_of(last->key);
    if (!retry) return tl::unexpected(retry.error());
    if (*retry) summary.retried_as = (*retry)->id;
  }
  if (row.parent != 0) {
    auto parent = store->run(row.parent);
    if (!parent) return tl::unexpected(parent.error());
    summary.link = row.link;
    summary.parent = parent->id;
    summary.parent_step = row.parent_path;
  }
  auto children = alone ? Result<std::vector<RunRow>>() : store->children(row.key);
  if (!children) return tl::unexpected(children.error());
  for (const RunRow& child : *children) {
    summary.began.push_back(child.id);
    const bool awaited = child.link != Link::kDetached && !is_over(child.status);
    if (awaited && !is_over(row.status)) summary.awaits.push_back(child.id);
  }
  if (row.schedule != 0) {
    auto firing = store->firing_of_run(row.key);
    if (!firing) return tl::unexpected(firing.error());
    auto schedule = store->schedule(row.schedule);
    if (!schedule) return tl::unexpected(schedule.error());
    if (*firing && *schedule) summary.firing = summarise(**firing, (*schedule)->name);
  }
  return summary;
}

Result<WaitingFor> Engine::State::describe(const Wait& wait, const RunRow& row) {
  WaitingFor made;
  made.run = row.id;
  made.runbook = row.runbook;
  made.path = wait.path;
  made.kind = wait.kind;
  made.since = wait.since;
  made.request = wait.request;
  made.head = row.head;
  made.expires = wait.expires;
  made.expired = wait.expires && world.clock->wall() >= *wait.expires;
  made.description = object_of(wait.description);
  if (wait.kind == Wait::Kind::kDoubt) {
    made.name = wait.path;
    const json::value* action = made.description.if_contains("action");
    made.question =
        action != nullptr && action->is_string()
            ? fmt::format("Did {} in step {} have its effect?",
                          std::string_view(action->get_string()), wait.path)
            : fmt::format("Did the last attempt of step {} have its effect?", wait.path);
    return made;
  }
  if (wait.kind == Wait::Kind::kFailure) {
    const json::value* said = made.description.if_contains("error");
    const json::object error =
        said != nullptr && said->is_object() ? said->get_object() : json::object{};
    made.name = wait.path;
    made.question = fmt::format(
        "{}: {}{}", text_of(error, "kind"), text_of(error, "message"),
        flag_of(made.description, "in_doubt") ? "; whether it took effect is not known" : "");
    return made;
  }
  made.name = approval_name(wait, made.description);
  if (const json::value* question = made.description.if_contains("question");
      question != nullptr && question->is_string())
    made.question = question->get_string();
  if (const json::value* quorum = made.description.if_contains("quorum");
      quorum != nullptr && quorum->is_int64())
    made.quorum = quorum->get_int64();
  made.escalates = escalates_at(made.description, wait.since);
  auto votes = store->votes(wait.run, wait.request);
  if (!votes) return tl::unexpected(votes.error());
  for (const Message& vote : *votes) made.approved_by.push_back(vote.by);
  return made;
}

namespace {

/// Of several that wait in one run under one name each is called by its path.
void tell_apart(std::vector<WaitingFor>& waits) {
  std::map<std::pair<std::string, std::string>, int> count;
  for (const WaitingFor& wait : waits) ++count[{wait.run, wait.name}];
  for (WaitingFor& wait : waits)
    if (wait.kind != Wait::Kind::kSignal && count.at({wait.run, wait.name}) > 1 &&
        !wait.path.empty())
      wait.name = wait.path;
}

}  // namespace

Result<std::vector<WaitingFor>> Engine::State::waits_of(const RunRow& row) {
  auto waits = store->waits(row.key);
  if (!waits) return tl::unexpected(waits.error());
  std::vector<WaitingFor> described;
  for (const Wait& wait : *waits) {
    auto made = describe(wait, row);
    if (!made) return tl::unexpected(made.error());
    described.push_back(std::move(*made));
  }
  tell_apart(described);
  return described;
}

void KnownAttempts::take(News& news) {
  switch (news.kind) {
    case News::Kind::kAttemptBegan:
      places[news.request] = {news.path, news.step, news.attempt};
      break;
    case News::Kind::kAttemptEnded:
      places.erase(news.request);
      break;
    case News::Kind::kRepeat:
      if (const auto found = places.find(news.request); found != places.end()) {
        news.path = found->second.path;
        news.step = found->second.step;
        news.attempt = found->second.attempt;
      }
      break;
    default:
      break;
  }
}

/// The news of the entries after `after`; those before are read as well unless `known` has them.
Result<std::vector<News>> Engine::State::news_of(const RunRow& row, uint64_t after,
                                                 KnownAttempts& known) {
  auto entries = store->entries(row.key, std::min(after, known.seen));
  if (!entries) return tl::unexpected(entries.error());
  std::vector<News> all;
  for (const Entry& entry : *entries) {
    EntryNews source(*store, entry);
    auto news = decode_news(entry.news, source);
    if (!news) return tl::unexpected(news.error());
    for (News& item : *news) {
      item.entry = entry.number;
      item.time = entry.time;
      known.take(item);
      if (entry.number <= after) continue;
      if (known.begun_later && item.kind == News::Kind::kAttemptEnded)
        known.begun_later->tell(entry, {item.request}, all);
      if (item.kind == News::Kind::kEnded) {
        auto over = is_over(row.status) ? Result<RunRow>(row) : store->run(row.key);
        if (!over) return tl::unexpected(over.error());  // it has ended since its row was read
        auto ending = parse_ending(over->ending);
        if (!ending) return tl::unexpected(ending.error());
        item.ending = std::move(*ending);
        item.status = over->status;
      }
      all.push_back(std::move(item));
    }
    const bool of_beginning =
        entry.kind == Entry::Kind::kNotStarted || entry.kind == Entry::Kind::kBegun;
    if (of_beginning && known.begun_later && entry.number > after) {
      auto requests = decode_requests(entry.body);
      if (!requests) return tl::unexpected(requests.error());
      known.begun_later->take(entry, *requests, all);
    }
    known.seen = std::max(known.seen, entry.number);
  }
  return all;
}

Result<std::vector<RunSummary>> Engine::runs(const RunFilter& filter) {
  auto rows = state_->store->runs(filter);
  if (!rows) return tl::unexpected(rows.error());
  std::vector<RunSummary> summaries;
  for (const RunRow& row : *rows) {
    auto summary = state_->summarise(row);
    if (!summary) return tl::unexpected(summary.error());
    summaries.push_back(std::move(*summary));
  }
  return summaries;
}

Result<RunSummary> Engine::summary(const std::string& run) {
  auto row = state_->store->find_run(run);
  if (!row) return tl::unexpected(row.error());
  return state_->summarise(*row);
}

Result<RunRecord> Engine::record(const std::string& run) {
  State& state = *state_;
  auto row = state.store->find_run(run);
  if (!row) return tl::unexpected(row.error());
  RunRecord record;
  KnownAttempts known;
  known.begun_later.emplace();
  auto news = state.news_of(*row, 0, known);
  if (!news) return tl::unexpected(news.error());
  record.timeline = std::move(*news);
  auto arguments = arguments_of(*state.store, *row);
  if (!arguments) return tl::unexpected(arguments.error());
  record.arguments = std::move(*arguments);
  auto program = load_program(*state.store, *row);
  if (program)
    if (const bytecode::Runbook* runbook = (*program)->find_runbook(row->runbook))
      for (const bytecode::Parameter& parameter : runbook->parameters)
        record.parameters.push_back(parameter.name);
  return record;
}

Result<RunDetail> Engine::show(const std::string& run) {
  State& state = *state_;
  auto row = state.store->find_run(run);
  if (!row) return tl::unexpected(row.error());
  RunDetail detail;
  auto summary = state.summarise(*row);
  if (!summary) return tl::unexpected(summary.error());
  detail.run = std::move(*summary);
  auto record = this->record(row->id);
  if (!record) return tl::unexpected(record.error());
  detail.timeline = std::move(record->timeline);
  detail.arguments = std::move(record->arguments);
  detail.parameters = std::move(record->parameters);
  detail.steps = steps_of(detail.timeline, row->status);
  auto waits = state.waits_of(*row);
  if (!waits) return tl::unexpected(waits.error());
  detail.waits = std::move(*waits);
  DriveEnd family;
  if (!is_over(row->status))
    if (auto done = state.add_awaited(*row, family); !done) return tl::unexpected(done.error());
  std::move(family.waits.begin(), family.waits.end(), std::back_inserter(detail.waits));
  detail.quarantined = std::move(family.quarantined);
  auto locks = state.lock_states(row->key);
  if (!locks) return tl::unexpected(locks.error());
  detail.locks = std::move(*locks);
  auto notices = state.store->notices(row->key);
  if (!notices) return tl::unexpected(notices.error());
  detail.notices = std::move(*notices);
  for (RunKey undone = row->key;;) {
    auto rollback = state.store->rollback_of(undone);
    if (!rollback) return tl::unexpected(rollback.error());
    if (!*rollback) break;
    auto told = state.summarise(**rollback);
    if (!told) return tl::unexpected(told.error());
    detail.rollbacks.push_back(std::move(*told));
    undone = (*rollback)->key;
  }
  auto children = state.store->children(row->key);
  if (!children) return tl::unexpected(children.error());
  for (const RunRow& child : *children) {
    auto told = state.summarise(child);
    if (!told) return tl::unexpected(told.error());
    detail.children.push_back(std::move(*told));
  }
  auto abandoned = this->abandoned(row->id);
  if (!abandoned) return tl::unexpected(abandoned.error());
  detail.abandoned = std::move(*abandoned);
  return detail;
}

Result<std::shared_ptr<const bytecode::Program>> Engine::program(const std::string& run) {
  auto row = state_->store->find_run(run);
  if (!row) return tl::unexpected(row.error());
  return load_program(*state_->store, *row);
}

Result<std::unique_ptr<Replay>> Engine::replay(const std::string& run) {
  return Replay::open(*state_->store, run);
}

Result<std::vector<WaitingFor>> Engine::State::waits_of_kind(Wait::Kind kind,
                                                             const std::string& run) {
  RunKey wanted = 0;
  if (!run.empty()) {
    auto row = store->find_run(run);
    if (!row) return tl::unexpected(row.error());
    wanted = row->key;
  }
  auto waits = store->waits(wanted);
  if (!waits) return tl::unexpected(waits.error());
  std::vector<WaitingFor> found;
  for (const Wait& wait : *waits) {
    if (wait.kind != kind) continue;
    auto row = store->run(wait.run);
    if (!row) return tl::unexpected(row.error());
    auto made = describe(wait, *row);
    if (!made) return tl::unexpected(made.error());
    found.push_back(std::move(*made));
  }
  tell_apart(found);
  return found;
}

Result<std::vector<WaitingFor>> Engine::approvals(const std::string& run) {
  return state_->waits_of_kind(Wait::Kind::kApproval, run);
}

Result<std::vector<WaitingFor>> Engine::questions(const std::string& run) {
  return state_->waits_of_kind(Wait::Kind::kQuestion, run);
}

Result<std::optional<Decision>> Engine::decision(const WaitingFor& approval) {
  auto row = state_->store->find_run(approval.run);
  if (!row) return tl::unexpected(row.error());
  auto entries = state_->store->entries(row->key, approval.head);
  if (!entries) return tl::unexpected(entries.error());
  for (const Entry& entry : *entries) {
    if (entry.kind != Entry::Kind::kEvent) continue;
    auto journaled = decode_body(entry.body, *state_->store);
    if (!journaled) return tl::unexpected(journaled.error());
    const auto* decided = std::get_if<vm::event::Decided>(&journaled->event.what);
    if (decided != nullptr && decided->request == approval.request)
      return Decision{decided->approved ? Decision::How::kApproved : Decision::How::kRejected,
                      decided->by};
    const auto* woke = std::get_if<vm::event::Woke>(&journaled->event.what);
    if (woke != nullptr && woke->request == approval.request)
      return Decision{Decision::How::kExpired, {}};
  }
  auto waits = state_->store->waits(row->key);
  if (!waits) return tl::unexpected(waits.error());
  const auto is_it = [&](const Wait& wait) { return wait.request == approval.request; };
  if (std::any_of(waits->begin(), waits->end(), is_it)) return std::nullopt;
  return Decision{};
}

Result<std::optional<Cancellation>> Engine::cancellation(const std::string& run) {
  auto row = state_->store->find_run(run);
  if (!row) return tl::unexpected(row.error());
  auto entries = state_->store->entries(row->key, 0);
  if (!entries) return tl::unexpected(entries.error());
  for (const Entry& entry : *entries) {
    if (entry.kind != Entry::Kind::kEvent) continue;
    auto journaled = decode_body(entry.body, *state_->store);
    if (!journaled) return tl::unexpected(journaled.error());
    if (const auto* cancelled = std::get_if<vm::event::Cancelled>(&journaled->event.what))
      return Cancellation{cancelled->rollback, cancelled->by};
  }
  return std::nullopt;
}

Result<std::vector<WaitingFor>> Engine::inbox(const Person& person) {
  auto waits = state_->store->waits(0);
  if (!waits) return tl::unexpected(waits.error());
  std::vector<WaitingFor> found;
  for (const Wait& wait : *waits) {
    auto row = state_->store->run(wait.run);
    if (!row) return tl::unexpected(row.error());
    auto made = state_->describe(wait, *row);
    if (!made) return tl::unexpected(made.error());
    const bool asks = wait.kind == Wait::Kind::kQuestion || wait.kind == Wait::Kind::kSignal ||
                      wait.kind == Wait::Kind::kFailure;
    const auto may = [&](const json::object& description, const std::string& starter,
                         const Person& who) {
      if (asks) return may_answer(description, starter, who);
      return may_decide(description, starter, who, state_->is_escalated(wait));
    };
    if (wait.kind == Wait::Kind::kSignal && !made->description.contains("by")) continue;
    const bool theirs =
        wait.kind == Wait::Kind::kDoubt || may(made->description, row->starter, person).has_value();
    if (theirs) found.push_back(std::move(*made));
  }
  tell_apart(found);
  return found;
}

Result<int64_t> Engine::logs(const std::string& run, const std::string& path, int64_t after,
                             const std::function<bool(LogLine)>& each) {
  constexpr size_t kAtATime = 512 * 1024;
  auto row = state_->store->find_run(run);
  if (!row) return tl::unexpected(row.error());
  do {
    auto chunks = state_->store->logs(row->key, after, kAtATime);
    if (!chunks) return tl::unexpected(chunks.error());
    if (chunks->empty()) break;
    for (const LogChunk& chunk : *chunks) {
      after = chunk.key;
      const bool inside = path.empty() || chunk.path == path || chunk.path.starts_with(path + "/");
      if (!inside) continue;
      auto decoded = decode_lines(chunk.lines);
      if (!decoded) return tl::unexpected(decoded.error());
      for (LogText& line : *decoded)
        if (!each({chunk.key, line.time, chunk.step, chunk.attempt, chunk.path, line.stream,
                   std::move(line.text)}))
          return after;
    }
  } while (state_->stop_level.load() == 0);
  return after;
}

Result<bool> Engine::wait_for_change(int64_t microseconds) {
  constexpr int64_t kLookEvery = 20'000;
  State& state = *state_;
  const int64_t until = state.world.clock->boot() + microseconds;
  while (state.stop_level.load() == 0) {
    auto changed = state.store->changed();
    if (!changed) return tl::unexpected(changed.error());
    if (*changed) return true;
    const int64_t now = state.world.clock->boot();
    if (now >= until) return false;
    state.world.sleeper->sleep(std::min(until, now + kLookEvery));
  }
  return false;
}

Result<DriveEnd> Engine::follow(const std::string& run, const DriveOptions& options,
                                uint64_t after) {
  State& state = *state_;
  auto found = state.store->find_run(run);
  if (!found) return tl::unexpected(found.error());
  int64_t log_after = 0;
  KnownAttempts known;
  known.begun_later.emplace();
  while (true) {
    auto row = state.store->run(found->key);
    if (!row) return tl::unexpected(row.error());
    auto news = state.news_of(*row, after, known);
    if (!news) return tl::unexpected(news.error());
    for (News& item : *news) {
      if (options.observer != nullptr && state.is_worth_telling(row->key, item))
        options.observer->on_news(row->id, item);
      after = item.entry;
    }
    auto read = logs(row->id, {}, log_after, [&](const LogLine& line) {
      if (options.observer != nullptr) options.observer->on_log(row->id, line);
      return true;
    });
    if (!read) return tl::unexpected(read.error());
    log_after = *read;
    auto summary = state.summarise(*row);
    if (!summary) return tl::unexpected(summary.error());
    DriveEnd end;
    end.run = std::move(*summary);
    std::optional<DriveEnd::Why> why;
    if (is_over(row->status))
      why = DriveEnd::Why::kOver;
    else if (row->status == RunStatus::kQuarantined)
      why = DriveEnd::Why::kQuarantined;
    else if (state.stop_level.load() != 0)
      why = DriveEnd::Why::kStopped;
    else if (!end.run.process && !state.is_for_us(*row)) {
      auto rests = state.rests_elsewhere(*row);
      if (!rests) return tl::unexpected(rests.error());
      if (*rests)
        why = row->status == RunStatus::kInDoubt ? DriveEnd::Why::kInDoubt
                                                 : DriveEnd::Why::kSuspended;
    } else if (!end.run.process)
      why = row->status == RunStatus::kInDoubt                      ? DriveEnd::Why::kInDoubt
            : row->status == RunStatus::kWaiting                    ? DriveEnd::Why::kSuspended
            : row->status == RunStatus::kPaused && row->holder == 0 ? DriveEnd::Why::kSuspended
                                                                    : DriveEnd::Why::kAbandoned;
    if (why) {
      end.why = *why;
      auto waits = state.waits_of(*row);
      if (!waits) return tl::unexpected(waits.error());
      end.waits = std::move(*waits);
      if (!state.is_for_us(*row))
        if (auto added = state.add_awaited(*row, end); !added) return tl::unexpected(added.error());
      return end;
    }
    // A second at most, since the end of the process that drives it is no change in the store.
    if (auto changed = wait_for_change(1'000'000); !changed) return tl::unexpected(changed.error());
  }
}

}  // namespace rbk::engine
