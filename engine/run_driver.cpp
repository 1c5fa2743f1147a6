#include "engine/run_driver.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/mutant.h"
#include "engine/journal.h"
#include "engine/snapshot.h"
#include "vm/bytecode/signals.h"
#include "vm/bytecode/type_text.h"

namespace rbk::engine {
namespace {

// A snapshot is due when the journal since the last one has outgrown it: then writing snapshots
// costs at most half of what the journal costs, and a resume reads little more than one.
constexpr size_t kJournalWorthASnapshot = 128 * 1024;
// Let go with fewer entries than this to replay, a run needs no snapshot.
constexpr uint64_t kEntriesWorthASnapshot = 32;

LogStream stream_of(std::string_view level) {
  if (level == "warn") return LogStream::kWarn;
  if (level == "error") return LogStream::kError;
  if (level == "debug") return LogStream::kDebug;
  return LogStream::kInfo;
}

/// A doubt's description in the store: {"action", "step"}; an approval's is the machine's own.
/// Of a step in doubt: {"action", "attempt", "repetition"?}: how often the attempt was begun anew.
std::string doubt_description(const bytecode::Program& program, const vm::request::Perform& perform,
                              uint32_t repetition) {
  boost::json::object made{{"action", program.actions[perform.action].name},
                           {"attempt", perform.attempt}};
  if (repetition > 0) made["repetition"] = repetition;
  return boost::json::serialize(made);
}

/// Of a signal: {"name", "type", "by"?}.
boost::json::object signal_description(const bytecode::Program& program,
                                       const vm::request::AwaitSignal& wait) {
  boost::json::object made{{"name", wait.name}};
  for (const bytecode::Signal& signal : bytecode::signals_of(program))
    if (signal.name == wait.name) made["type"] = bytecode::type_text(program, signal.type);
  if (!wait.by.is_null()) made["by"] = wait.by;
  return made;
}

/// Of a step that has failed: {"name", "error", "in_doubt", "type"?, "by"?}.
boost::json::object failure_description(const bytecode::Program& program,
                                        const vm::request::AskFailure& failure) {
  boost::json::object made{
      {"name", failure.path}, {"error", error_json(failure.error)}, {"in_doubt", failure.in_doubt}};
  if (failure.type != bytecode::kNone) made["type"] = bytecode::type_text(program, failure.type);
  if (!failure.by.is_null()) made["by"] = failure.by;
  return made;
}

/// Of a lock: {"kind", "lock", "limit"}.
boost::json::object lock_description(const vm::Lock& lock) {
  static constexpr std::string_view kWords[] = {"lock", "exclusive", "max"};
  return {{"kind", kWords[static_cast<size_t>(lock.space)]},
          {"lock", lock.name},
          {"limit", lock.limit}};
}

}  // namespace

RunDriver::RunDriver(RunRow row, std::shared_ptr<const bytecode::Program> program, RecoveredRun run,
                     EngineKey engine)
    : limits(program->manifest ? std::make_shared<const Limits>(*program->manifest) : nullptr),
      log_bytes(row.log_bytes),
      row_(std::move(row)),
      program_(std::move(program)),
      machine_(std::move(run.machine)),
      asked_(std::move(run.asked)),
      engine_(engine),
      time_(run.time),
      paused_(run.paused),
      entries_since_snapshot_(run.since_snapshot) {
  row_.head = run.head;
  change_.head = run.head;
  change_.facts_changed = false;
  boost::system::error_code failure;
  if (auto labels = boost::json::parse(row_.labels, failure); !failure && labels.is_object())
    labels_ = labels.get_object();
}

Entry& RunDriver::begin_entry(Entry::Kind kind, Moment now) {
  dirty_ = true;
  time_ = std::max(time_, now.wall);
  Entry& entry = change_.entries.emplace_back();
  entry.number = ++row_.head;
  entry.kind = kind;
  entry.time = time_;
  entry.boot_time = now.boot;
  entry.engine = engine_;
  ++entries_since_snapshot_;
  return entry;
}

void RunDriver::close_entry(Entry& entry, std::vector<News> news,
                            const boost::json::value* output) {
  settle_status(news);
  entry.news = encode_news(news, output, change_.blobs);
  bytes_since_snapshot_ += entry.body.size() + 64;
  if (!somebody_listens) return;
  if (leaving_.news.empty()) {
    for (News& item : news) item.entry = entry.number, item.time = entry.time;
    leaving_.news = std::move(news);
    return;
  }
  for (News& item : news) {
    item.entry = entry.number;
    item.time = entry.time;
    leaving_.news.push_back(std::move(item));
  }
}

Status RunDriver::deliver(decltype(vm::Event::what) what, Moment now, vm::RequestId answers,
                          uint64_t attempt) {
  const vm::Event event{std::max(time_, now.wall), std::move(what)};
  auto turn = machine_.deliver(event);
  if (!turn && RBK_MUTANT("two_terminal_events")) turn = vm::Turn{};
  if (!turn) return tl::unexpected(turn.error());
  Entry& entry = begin_entry(Entry::Kind::kEvent, now);
  event_to_come_ = true;
  entry.body = encode_body(event, turn->requests, change_.blobs);
  std::vector<News> news;
  news.reserve(2 + turn->marks.size() + turn->requests.size());
  if (answers != 0) {
    const Asked* asked = asked_.find(answers);
    const bool performed = asked != nullptr && asked->perform() != nullptr;
    const auto* acquire =
        asked == nullptr ? nullptr : std::get_if<vm::request::Acquire>(&asked->request.what);
    if (acquire != nullptr)
      tell_locked(*acquire, *asked, event, news);
    else if (asked != nullptr && (!performed || asked->in_doubt))
      change_.waits_over.push_back(answers);
    if (asked != nullptr) tell_decision(asked->request, event, news);
    if (const auto* ended = std::get_if<vm::event::RunEnded>(&event.what);
        ended && asked != nullptr)
      tell_run_ended(asked->request, *ended, news);
    News& item = news.emplace_back();
    item.kind = performed ? News::Kind::kAttemptEnded : News::Kind::kWaitOver;
    item.request = answers;
    asked_.answered(answers);
  }
  if (const auto* started = std::get_if<vm::event::Started>(&event.what))
    tell_starter(*started, news);
  if (const auto* cancelled = std::get_if<vm::event::Cancelled>(&event.what)) {
    paused_ = false;  // what ends the run has to be able to begin
    News& item = news.emplace_back();
    item.kind = News::Kind::kCancelled;
    item.by = cancelled->by;
  }
  if (const auto* signal = std::get_if<vm::event::Signalled>(&event.what)) {
    News& item = news.emplace_back();
    item.kind = News::Kind::kSignalled;
    item.path = signal->name;
    item.by = acting.empty() ? signal->sender : acting.front();
  }
  acting.clear();
  tell_marks(std::move(turn->marks), news);
  tell_requests(turn->requests, news);
  asked_.absorb(turn->requests, entry);
  if (turn->ending) end(*turn->ending, news);
  close_entry(entry, std::move(news), output_of(event));
  if (attempt != 0) leaving_.acknowledged.push_back(attempt);
  return {};
}

namespace {

std::string_view answer_of(const vm::event::Resolved& resolved) {
  switch (resolved.how) {
    case vm::event::Resolved::How::kDone:
      return "done";
    case vm::event::Resolved::How::kNotDone:
      return "not_done";
    case vm::event::Resolved::How::kFail:
      return "failed";
    case vm::event::Resolved::How::kLeave:
      return "left";
    case vm::event::Resolved::How::kSkip:
      return "skipped";
  }
  return "";
}

}  // namespace

/// Who acted for whom, where anybody did.
void RunDriver::tell_acting(boost::json::object& said) const {
  boost::json::array names(acting.begin(), acting.end());
  if (!acting.empty() && boost::json::value(names) != said["by"]) said["acting"] = std::move(names);
}

/// Somebody started it in another's place.
void RunDriver::tell_starter(const vm::event::Started& started, std::vector<News>& news) const {
  if (acting.empty()) return;
  News& item = news.emplace_back();
  item.kind = News::Kind::kDecided;
  boost::json::object said{{"what", "run"},
                           {"name", row_.runbook},
                           {"answer", "started"},
                           {"by", boost::json::array{boost::json::string(started.starter)}}};
  tell_acting(said);
  item.input = std::move(said);
}

/// Who decided what, for whoever asks later.
void RunDriver::tell_decision(const vm::Request& request, const vm::Event& event,
                              std::vector<News>& news) {
  News item;
  item.kind = News::Kind::kDecided;
  boost::json::object said;
  if (const auto* approve = std::get_if<vm::request::Approve>(&request.what)) {
    item.path = approve->path;
    said["what"] = approve->is_question ? "question" : "approval";
    if (const auto* description = approve->description.if_object())
      if (const auto* name = description->if_contains("name")) said["name"] = *name;
    if (const auto* decided = std::get_if<vm::event::Decided>(&event.what)) {
      said["answer"] = approve->is_question ? "answered"
                       : decided->approved  ? "approved"
                                            : "rejected";
      said["by"] = boost::json::array(decided->by.begin(), decided->by.end());
      tell_acting(said);
      if (!decided->reason.empty()) said["reason"] = decided->reason;
      if (decided->approved && !decided->reason.empty()) {
        said["break_glass"] = true;
        Occasion& loud = occasions_.emplace_back();
        loud.kind = "break_glass";
        loud.path = approve->path;
        loud.about = {{"by", decided->by.empty() ? std::string() : decided->by.front()},
                      {"reason", decided->reason}};
        if (const auto* description = approve->description.if_object())
          loud.targets = named_targets(*description);
        loud.defaults_too = true;
      }
      if (!decided->form.empty()) said["form"] = decided->form;
    } else if (std::holds_alternative<vm::event::Woke>(event.what)) {
      said["answer"] = "expired";
      said["by"] = boost::json::array();
    } else {
      return;
    }
  } else if (const auto* resolved = std::get_if<vm::event::Resolved>(&event.what)) {
    const auto* doubt = std::get_if<vm::request::AskDoubt>(&request.what);
    const auto* failure = std::get_if<vm::request::AskFailure>(&request.what);
    const auto* perform = std::get_if<vm::request::Perform>(&request.what);
    if (doubt == nullptr && failure == nullptr && perform == nullptr) return;
    item.path = doubt != nullptr ? doubt->path : failure != nullptr ? failure->path : perform->path;
    said["what"] = doubt != nullptr ? "doubt" : failure != nullptr ? "failure" : "step";
    said["name"] = item.path;
    const bool retried = failure != nullptr && resolved->how == vm::event::Resolved::How::kNotDone;
    said["answer"] = retried ? "retried" : answer_of(*resolved);
    said["by"] = boost::json::array{boost::json::string(resolved->by)};
    tell_acting(said);
  } else {
    return;
  }
  item.input = std::move(said);
  news.push_back(std::move(item));
}

/// It has the lock, or waits for it no longer.
void RunDriver::tell_locked(const vm::request::Acquire& acquire, const Asked& asked,
                            const vm::Event& event, std::vector<News>& news) {
  const auto* answer = std::get_if<vm::event::Acquired>(&event.what);
  if (answer == nullptr || answer->how != vm::event::Acquired::How::kGranted) {
    change_.locks_freed.push_back(asked.request.id);
    return;
  }
  News& item = news.emplace_back();
  item.kind = News::Kind::kLocked;
  item.request = asked.request.id;
  item.path = acquire.path;
  boost::json::object description = lock_description(acquire.lock);
  description["waited"] = std::max<int64_t>(time_ - asked.time, 0);
  item.input = std::move(description);
}

void RunDriver::tell_run_ended(const vm::Request& request, const vm::event::RunEnded& ended,
                               std::vector<News>& news) {
  const auto* start = std::get_if<vm::request::Start>(&request.what);
  if (start == nullptr) return;  // the news of the rollback say it
  News& item = news.emplace_back();
  item.kind = News::Kind::kRunEnded;
  item.request = request.id;
  item.path = start->path;
  const boost::json::value* status = ended.error.fields.if_contains("status");
  boost::json::object said{{"run", start->run}};
  said["status"] = ended.partial ? "partial" : "succeeded";
  if (!ended.ok && status != nullptr) said["status"] = *status;
  item.input = std::move(said);
}

void RunDriver::tell_marks(std::vector<vm::Mark> marks, std::vector<News>& news) {
  for (vm::Mark& mark : marks) {
    if (mark.kind == vm::Mark::Kind::kLog) {
      leaving_.lines.push_back({mark.step, std::move(mark.path), stream_of(mark.level), time_,
                                std::move(mark.text), leaving_.news.size() + news.size()});
      continue;
    }
    if (mark.kind == vm::Mark::Kind::kLabel) {
      labels_[mark.text] = mark.output;
      labels_changed_ = true;
    }
    News& item = news.emplace_back();
    item.mark = std::move(mark);
  }
}

void RunDriver::tell_requests(const std::vector<vm::Request>& requests, std::vector<News>& news) {
  for (const vm::Request& request : requests) {
    News item;
    item.request = request.id;
    if (const auto* perform = std::get_if<vm::request::Perform>(&request.what)) {
      item.kind = News::Kind::kAttemptBegan;
      item.path = perform->path;
      item.step = perform->step;
      item.attempt = perform->attempt;
      item.action = program_->actions[perform->action].name;
      item.input = perform->arguments;
      leaving_.requests.push_back(request.id);
    } else if (const auto* sleep = std::get_if<vm::request::Sleep>(&request.what)) {
      item.kind = News::Kind::kSleeps;
      item.until = sleep->until;
      leaving_.requests.push_back(request.id);
    } else if (const auto* approve = std::get_if<vm::request::Approve>(&request.what)) {
      item.kind = approve->is_question ? News::Kind::kQuestion : News::Kind::kApproval;
      item.path = approve->path;
      item.input = approve->description;
      item.until = approve->expires;
      const auto kind = approve->is_question ? Wait::Kind::kQuestion : Wait::Kind::kApproval;
      change_.waits.push_back({row_.key, row_.id, request.id, kind, approve->path,
                               boost::json::serialize(approve->description), time_,
                               approve->expires});
      leaving_.requests.push_back(request.id);
    } else if (const auto* signal = std::get_if<vm::request::AwaitSignal>(&request.what)) {
      item.kind = News::Kind::kAwaits;
      item.path = signal->path;
      item.input = signal_description(*program_, *signal);
      item.until = signal->expires;
      change_.waits.push_back({row_.key, row_.id, request.id, Wait::Kind::kSignal, signal->path,
                               boost::json::serialize(item.input), time_, signal->expires});
      leaving_.requests.push_back(request.id);
    } else if (const auto* ask = std::get_if<vm::request::AskDoubt>(&request.what)) {
      item.kind = News::Kind::kDoubt;
      item.path = ask->path;
      change_.waits.push_back({row_.key, row_.id, request.id, Wait::Kind::kDoubt, ask->path, "{}",
                               time_, std::nullopt});
    } else if (const auto* failure = std::get_if<vm::request::AskFailure>(&request.what)) {
      item.kind = News::Kind::kFailure;
      item.path = failure->path;
      item.input = failure_description(*program_, *failure);
      change_.waits.push_back({row_.key, row_.id, request.id, Wait::Kind::kFailure, failure->path,
                               boost::json::serialize(item.input), time_, std::nullopt});
    } else if (const auto* acquire = std::get_if<vm::request::Acquire>(&request.what)) {
      item.kind = News::Kind::kQueues;
      item.path = acquire->path;
      item.input = lock_description(acquire->lock);
      item.until = acquire->until;
      change_.locks_asked.push_back({request.id, *acquire, time_});
      leaving_.requests.push_back(request.id);
    } else if (const auto* release = std::get_if<vm::request::Release>(&request.what)) {
      item.kind = News::Kind::kUnlocked;
      item.request = release->acquire;
      item.input = lock_description(release->lock);
      change_.locks_freed.push_back(release->acquire);
    } else if (const auto* stop = std::get_if<vm::request::Stop>(&request.what)) {
      leaving_.stops.push_back(*stop);
      continue;
    } else if (const auto* start = std::get_if<vm::request::Start>(&request.what)) {
      item.kind = News::Kind::kStarted;
      item.path = start->path;
      item.input = boost::json::object{{"run", start->run},
                                       {"runbook", program_->runbooks[start->runbook].name},
                                       {"detached", start->detached}};
      starting_.push_back({request.id, *start});
    } else if (const auto* cancel = std::get_if<vm::request::CancelRun>(&request.what)) {
      if (const std::string run = begun_by(cancel->start); !run.empty())
        change_.cancels.push_back({run, cancel->rollback, cancel->now, "run " + row_.id, time_});
      continue;
    } else if (std::holds_alternative<vm::request::UndoRun>(request.what)) {
      leaving_.requests.push_back(request.id);
      continue;
    } else if (const auto* forget = std::get_if<vm::request::Forget>(&request.what)) {
      item.kind = News::Kind::kWaitOver;
      item.request = forget->request;
      change_.waits_over.push_back(forget->request);
      if (const Asked* asked = asked_.find(forget->request);
          asked != nullptr && std::holds_alternative<vm::request::Acquire>(asked->request.what)) {
        change_.waits_over.pop_back();
        change_.locks_freed.push_back(forget->request);
      }
    }
    news.push_back(std::move(item));
  }
}

/// The id of the run that a Start asked for.
std::string RunDriver::begun_by(vm::RequestId request) {
  for (const Starting& one : starting_)
    if (one.request == request) return one.start.run;
  const Asked* asked = asked_.find(request);
  const auto* start =
      asked == nullptr ? nullptr : std::get_if<vm::request::Start>(&asked->request.what);
  return start == nullptr ? std::string() : start->run;
}

void RunDriver::note(Entry::Kind kind, const std::vector<vm::RequestId>& requests, Moment now) {
  Entry& entry = begin_entry(kind, now);
  entry.body = encode_requests(requests);
  std::vector<News> news;
  for (const vm::RequestId id : requests) {
    Asked& asked = *asked_.find(id);
    News item;
    item.request = id;
    if (kind == Entry::Kind::kRepeat) {
      if (asked.in_doubt) change_.waits_over.push_back(id);
      asked_.set_doubt(asked, false);
      ++asked.repetition;
      asked.not_started = false;
      asked.engine = engine_;
      asked.boot_time = now.boot;
      asked.out = false;
      item.kind = News::Kind::kRepeat;
      item.path = asked.perform()->path;
      item.step = asked.perform()->step;
      item.attempt = asked.perform()->attempt;
      leaving_.requests.push_back(id);
    } else if (kind == Entry::Kind::kBegun) {
      asked.not_started = false;
      asked.engine = engine_;
      asked.boot_time = now.boot;
      leaving_.requests.push_back(id);
      continue;
    } else if (kind == Entry::Kind::kDoubt) {
      asked_.set_doubt(asked, true);
      item.kind = News::Kind::kDoubt;
      item.path = asked.perform()->path;
      change_.waits.push_back({row_.key, row_.id, id, Wait::Kind::kDoubt, item.path,
                               doubt_description(*program_, *asked.perform(), asked.repetition),
                               time_, std::nullopt});
    } else {
      asked.not_started = true;
      continue;
    }
    news.push_back(std::move(item));
  }
  close_entry(entry, std::move(news), nullptr);
}

void RunDriver::pause(bool paused, const std::string& by, Moment now) {
  Entry& entry = begin_entry(paused ? Entry::Kind::kPaused : Entry::Kind::kUnpaused, now);
  entry.body = by;
  paused_ = paused;
  News item;
  item.kind = paused ? News::Kind::kPaused : News::Kind::kUnpaused;
  item.by = by;
  close_entry(entry, {std::move(item)}, nullptr);
}

void RunDriver::take_over(const TakenOver& taken, const std::string& run, bool in_doubt,
                          Moment now) {
  Entry& entry = begin_entry(Entry::Kind::kTakenOver, now);
  entry.body = encode_taken_over(taken);
  News item;
  item.kind = News::Kind::kTakenOver;
  item.request = taken.request;
  item.path = asked_.find(taken.request)->perform()->path;
  item.input = boost::json::object{{"run", run}, {"in_doubt", in_doubt}};
  close_entry(entry, {std::move(item)}, nullptr);
}

void RunDriver::change_program(const Upgraded& upgraded, Moment now) {
  Entry& entry = begin_entry(Entry::Kind::kUpgraded, now);
  entry.body = encode_upgraded(upgraded);
  auto row = std::make_shared<ProgramRow>();
  row->hash = upgraded.to;
  row->bytes = bytecode::save(*program_);
  change_.program = std::move(row);
  row_.program = upgraded.to;
  News item;
  item.kind = News::Kind::kUpgraded;
  item.by = upgraded.by;
  item.input = boost::json::object{{"from", to_hex(upgraded.from)}, {"to", to_hex(upgraded.to)}};
  close_entry(entry, {std::move(item)}, nullptr);
  bytes_since_snapshot_ = SIZE_MAX;  // the one that there is does not fit the program
}

void RunDriver::tell_now(std::vector<News> news) {
  for (News& item : news) {
    item.time = time_;
    leaving_.news.push_back(std::move(item));
  }
}

void RunDriver::take_message(int64_t key) {
  if (!RBK_MUTANT("keeps_what_was_taken")) change_.messages_taken.push_back(key);
  dirty_ = true;
}

void RunDriver::let_go(bool with_snapshot) {
  if (!over()) settle_facts();
  change_.release = true;
  dirty_ = true;
  if (with_snapshot && entries_since_snapshot_ >= kEntriesWorthASnapshot)
    bytes_since_snapshot_ = SIZE_MAX;
}

void RunDriver::end(const vm::Ending& ending, std::vector<News>& news) {
  row_.status = status_of(ending);
  row_.ending = ending_json(ending);
  row_.wake.reset();
  change_.facts_changed = true;
  change_.release = true;
  News& item = news.emplace_back();
  item.kind = News::Kind::kEnded;
  item.ending = ending;
  item.status = row_.status;
  if (row_.status != RunStatus::kFailed && row_.status != RunStatus::kRollbackFailed) return;
  Occasion& told = occasions_.emplace_back();
  told.kind = row_.status == RunStatus::kFailed ? "run_failed" : "rollback_failed";
  if (ending.error) told.about["error"] = error_json(*ending.error);
}

/// Brings the row's status and time of waking to what the requests are; whether the status changes.
bool RunDriver::settle_facts() {
  const bool runs = asked_.performing() > 0 || asked_.undoes_runs();
  const RunStatus status = paused_               ? RunStatus::kPaused
                           : runs                ? RunStatus::kRunning
                           : asked_.doubts() > 0 ? RunStatus::kInDoubt
                                                 : RunStatus::kWaiting;
  const bool rests = status == RunStatus::kWaiting || status == RunStatus::kInDoubt;
  const std::optional<int64_t> wake =
      rests && !RBK_MUTANT("forgets_to_wake") ? asked_.wake() : std::nullopt;
  if (status == row_.status && wake == row_.wake) return false;
  const bool differs = status != row_.status;
  row_.status = status;
  row_.wake = wake;
  change_.facts_changed = true;
  return differs;
}

void RunDriver::settle_status(std::vector<News>& news) {
  if (over() || !settle_facts()) return;
  News& item = news.emplace_back();
  item.kind = News::Kind::kStatus;
  item.status = row_.status;
}

RunChange RunDriver::take() {
  change_.run = row_.key;
  change_.token = row_.token;
  change_.status = row_.status;
  change_.wake = row_.wake;
  change_.ending = row_.ending;
  change_.schedule = row_.schedule;
  if (labels_changed_) {
    change_.labels = boost::json::serialize(labels_);
    row_.labels = change_.labels;
    labels_changed_ = false;
  }
  const bool worth =
      bytes_since_snapshot_ > kJournalWorthASnapshot && bytes_since_snapshot_ / 2 > snapshot_bytes_;
  if (worth && !over() && row_.head > 0) {
    change_.snapshot = encode_snapshot(row_.head, time_, machine_, asked_, paused_);
    snapshot_bytes_ = change_.snapshot->size();
    bytes_since_snapshot_ = 0;
    entries_since_snapshot_ = 0;
  }
  row_.updated = time_;
  RunChange taken = std::move(change_);
  change_ = {};
  change_.head = row_.head;
  change_.facts_changed = false;
  in_flight_leaving_ = std::move(leaving_);
  leaving_ = {};
  event_in_flight_ = std::exchange(event_to_come_, false);
  dirty_ = false;
  in_flight_ = true;
  return taken;
}

void RunDriver::adopt(const RunRow& row, EngineKey holder) {
  row_.key = row.key;
  row_.parent = row.parent;
  row_.token = 1;
  row_.holder = holder;
}

Leaving RunDriver::committed() {
  in_flight_ = false;
  got_further_ = got_further_ || event_in_flight_;
  return std::exchange(in_flight_leaving_, {});
}

}  // namespace rbk::engine
