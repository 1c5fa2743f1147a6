// Retries: which run is retried, whether it may be, what the retry would take over, and making it.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <set>

#include "engine/engine_state.h"
#include "engine/json_fields.h"
#include "engine/takeover.h"
#include "vm/inspect.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;

tl::unexpected<Error> not_finished(const RunRow& row, const std::string& asked) {
  const std::string which =
      row.id == asked || row.id.starts_with(asked)
          ? fmt::format("run {}", row.id)
          : fmt::format("run {}, by which run {} was retried,", row.id, asked);
  return fail(ErrorKind::kRefused,
              fmt::format("{} is {}, not finished", which, to_string(row.status)),
              fmt::format("`rbk resume {0}` goes on with it, `rbk cancel {0}` ends it", row.id));
}

/// The event that began a run which no other one is undone by.
Result<vm::event::Started> started_of(Store& store, const RunRow& row) {
  auto entries = store.entries(row.key, 0);
  if (!entries) return tl::unexpected(entries.error());
  const auto damaged = [&] {
    return fail(ErrorKind::kCorrupt, fmt::format("the journal of run {} has no beginning", row.id),
                "restore the store from a backup");
  };
  if (entries->empty()) return damaged();
  auto journaled = decode_body(entries->front().body, store);
  if (!journaled) return tl::unexpected(journaled.error());
  auto* started = std::get_if<vm::event::Started>(&journaled->event.what);
  if (started == nullptr) return damaged();
  return std::move(*started);
}

/// Goes through what a retry would do, as far as that is known before: on a machine of its own.
class Rehearsal {
 public:
  Rehearsal(Store& store, const bytecode::Program& program, vm::Machine& machine,
            Takeover& takeover, RetryPlan& plan)
      : store_(store), program_(program), machine_(machine), takeover_(takeover), plan_(plan) {}

  Status go(vm::Event first) {
    time_ = first.time;
    if (Status done = deliver(std::move(first.what)); !done) return done;
    while (!machine_.ended()) {
      bool went_on = false;
      for (const vm::Request& request : machine_.pending()) {
        if (seen_.contains(request.id)) continue;
        auto answered = answer(request);
        if (!answered) return tl::unexpected(answered.error());
        went_on = *answered;
        if (went_on) break;  // what waits may be others now
      }
      if (!went_on) break;
    }
    plan_.ends = machine_.ended();
    if (!plan_.ends) plan_.later = takeover_.left();
    return {};
  }

 private:
  using What = RetryPlan::Item::What;

  Status deliver(decltype(vm::Event::what) what) {
    auto turn = machine_.deliver({time_, std::move(what)});
    return turn ? Status() : tl::unexpected(turn.error());
  }

  void tell(What what, const std::string& path, std::string about = {}) {
    plan_.items.push_back({what, path, std::move(about)});
  }

  /// Whether it could be answered; otherwise it stays open.
  Result<bool> answer(const vm::Request& request) {
    seen_.insert(request.id);
    if (const auto* perform = std::get_if<vm::request::Perform>(&request.what))
      return answer(request.id, *perform);
    if (const auto* sleep = std::get_if<vm::request::Sleep>(&request.what)) {
      if (!waits_for(request.id)) return false;  // it is a timeout's
      time_ = std::max(time_, sleep->until);
      return done(deliver(vm::event::Woke{request.id}));
    }
    if (std::holds_alternative<vm::request::Acquire>(request.what))
      return done(deliver(vm::event::Acquired{request.id, {}, {}}));
    if (const auto* approve = std::get_if<vm::request::Approve>(&request.what))
      tell(What::kAsks, approve->path);
    else if (const auto* signal = std::get_if<vm::request::AwaitSignal>(&request.what))
      tell(What::kAsks, signal->path, signal->name);
    else if (const auto* failure = std::get_if<vm::request::AskFailure>(&request.what))
      tell(What::kAsks, failure->path);
    else if (const auto* start = std::get_if<vm::request::Start>(&request.what))
      return answer(request.id, *start);
    return false;
  }

  Result<bool> answer(vm::RequestId id, const vm::request::Perform& perform) {
    const TakenAttempt* known = takeover_.find(perform, machine_.part_of(id));
    if (known == nullptr) {
      takeover_.begun(perform.path);
      tell(takeover_.differs(perform) ? What::kDiffers : What::kBegins, perform.path);
      return false;
    }
    takeover_.take(*known);
    if (known->what == TakenAttempt::What::kInDoubt) {
      tell(What::kInDoubt, perform.path);
      return false;
    }
    tell(What::kTakenOver, perform.path, known->run_id);
    vm::event::Performed outcome = known->outcome;
    outcome.request = id;
    return done(deliver(std::move(outcome)));
  }

  Result<bool> answer(vm::RequestId id, const vm::request::Start& start) {
    const RunKey before = takeover_.find_run(start);
    if (before == 0) {
      tell(What::kBegins, start.path, program_.runbooks[start.runbook].name);
      return false;
    }
    takeover_.take_run(before);
    auto run = store_.run(before);
    if (!run) return tl::unexpected(run.error());
    tell(What::kTakesRun, start.path, run->id);
    auto last = last_of(store_, *run);
    if (!last) return tl::unexpected(last.error());
    if (run->status != RunStatus::kSucceeded || last->key != run->key || start.detached)
      return false;
    auto ending = parse_ending(run->ending);
    if (!ending) return tl::unexpected(ending.error());
    vm::event::RunEnded ended;
    ended.request = id;
    ended.ok = true;
    ended.output = std::move(ending->output);
    return done(deliver(std::move(ended)));
  }

  bool waits_for(vm::RequestId request) const {
    for (const vm::FiberState& fiber : machine_.inspect())
      if (fiber.request == request) return true;
    return false;
  }

  static Result<bool> done(Status status) {
    if (!status) return tl::unexpected(status.error());
    return true;
  }

  Store& store_;
  const bytecode::Program& program_;
  vm::Machine& machine_;
  Takeover& takeover_;
  RetryPlan& plan_;
  int64_t time_ = 0;
  std::set<vm::RequestId> seen_;
};

}  // namespace

/// The latest run of a line of retries, which has to be over; with its last rollback by hand.
Result<std::pair<RunRow, RunRow>> Engine::State::retryable(const std::string& asked) {
  auto row = store->find_run(asked);
  if (!row) return tl::unexpected(row.error());
  if (row->origin != 0) {
    auto undone = store->run(row->origin);
    while (undone && undone->origin != 0) undone = store->run(undone->origin);
    if (!undone) return tl::unexpected(undone.error());
    return fail(
        ErrorKind::kRefused,
        fmt::format("run {} undoes run {}: it has no steps of its own", row->id, undone->id),
        fmt::format("`rbk retry {}` retries that one", undone->id));
  }
  if (row->link != Link::kNone) {
    auto parent = store->run(row->parent);
    if (!parent) return tl::unexpected(parent.error());
    return fail(
        ErrorKind::kRefused,
        fmt::format("run {} was started by run {}, which has had its answer", row->id, parent->id),
        fmt::format("`rbk retry {}` retries that one, and with it what it started", parent->id));
  }
  while (true) {
    if (row->status == RunStatus::kQuarantined) return quarantined(*row, "can't be retried");
    if (!is_over(row->status)) return not_finished(*row, asked);
    auto last = last_of(*store, *row);
    if (!last) return tl::unexpected(last.error());
    if (!is_over(last->status))
      return fail(
          ErrorKind::kRefused,
          fmt::format("run {} is undoing run {}, and is {}", last->id, row->id,
                      to_string(last->status)),
          fmt::format("`rbk resume {}` goes on with that; then it can be retried", last->id));
    auto retry = store->retry_of(last->key);
    if (!retry) return tl::unexpected(retry.error());
    if (!*retry) return std::pair(std::move(*row), std::move(*last));
    *row = std::move(**retry);
  }
}

/// Those that the retry's own runs go on from have to be over, and to permit it, too.
Status Engine::State::check_retried_runs(const Takeover& takeover, const RunRow& retried,
                                         const std::shared_ptr<const bytecode::Program>& program) {
  for (const RunKey begun : takeover.runs()) {
    auto run = store->run(begun);
    if (!run) return tl::unexpected(run.error());
    auto last = last_of(*store, *run);
    if (!last) return tl::unexpected(last.error());
    for (const RunRow* one : {&*run, &*last})
      if (!is_over(one->status))
        return fail(ErrorKind::kRefused,
                    fmt::format("run {}, which run {} started, is {}", one->id, retried.id,
                                to_string(one->status)),
                    fmt::format("let it end, or `rbk cancel {}`", one->id));
    auto of_run = Takeover::plan(*store, *last, {}, program);
    if (!of_run && of_run.error().kind == ErrorKind::kRefused)
      return fail(
          ErrorKind::kRefused,
          fmt::format("run {} started run {}, which can't be taken over: {}", retried.id, run->id,
                      of_run.error().message),
          fmt::format("`rbk retry {} --from {}` starts it anew", retried.id, run->parent_path));
    if (!of_run) return tl::unexpected(of_run.error());
    if (Status done = check_retried_runs(**of_run, retried, program); !done) return done;
  }
  return {};
}

Result<Engine::State::Retrying> Engine::State::prepare_retry(const RetryRun& request) {
  auto found = retryable(request.run);
  if (!found) return tl::unexpected(found.error());
  Retrying made;
  made.run = std::move(found->first);
  made.last = std::move(found->second);
  const bool says_what = !request.rule.from.empty() || !request.rule.only.empty();
  if (made.run.status == RunStatus::kSucceeded && made.last.key == made.run.key && !says_what)
    return fail(
        ErrorKind::kRefused,
        fmt::format("run {} has succeeded: nothing of it is left to be done", made.run.id),
        fmt::format("`rbk retry {} --from STEP` runs it again from a step on, `--only ITEM` "
                    "an item of a loop",
                    made.run.id));
  auto program = programs.load(*store, made.last);
  if (!program) return tl::unexpected(program.error());
  made.program = std::move(*program);
  made.runbook = made.program->find_runbook(made.run.runbook);
  if (made.runbook == nullptr)
    return fail(
        ErrorKind::kCorrupt,
        fmt::format("the program of run {} has no runbook {}", made.run.id, made.run.runbook),
        "restore the store from a backup");
  auto started = started_of(*store, made.run);
  if (!started) return tl::unexpected(started.error());
  made.started = std::move(*started);
  // The program of now may number its runbooks otherwise than the one that it was started with.
  made.started.runbook = static_cast<uint32_t>(made.runbook - made.program->runbooks.data());
  made.started.starter = request.by.user;
  if (!request.reason.empty()) made.started.reason = request.reason;
  made.started.overrides = request.overrides;
  auto takeover = Takeover::plan(*store, made.last, request.rule, made.program);
  if (!takeover) return tl::unexpected(takeover.error());
  made.takeover = std::move(*takeover);
  if (Status may = check_retried_runs(*made.takeover, made.run, made.program); !may)
    return tl::unexpected(may.error());
  return made;
}

Result<RetryPlan> Engine::plan_retry(const RetryRun& request) {
  auto made = state_->prepare_retry(request);
  if (!made) return tl::unexpected(made.error());
  RetryPlan plan;
  plan.run = made->run.id;
  plan.runbook = made->run.runbook;
  vm::Machine machine(made->program, {});
  vm::event::Started started = made->started;
  started.run = made->run.id + "~";  // its id is not known yet
  const int64_t time = state_->world.clock->wall();
  Rehearsal rehearsal(*state_->store, *made->program, machine, *made->takeover, plan);
  if (Status done = rehearsal.go({time, std::move(started)}); !done)
    return tl::unexpected(done.error());
  return plan;
}

Result<std::vector<AbandonedStep>> Engine::abandoned(const std::string& run) {
  State& state = *state_;
  auto row = state.store->find_run(run);
  if (!row) return tl::unexpected(row.error());
  std::vector<AbandonedStep> steps;
  if (row->retries == 0 || !is_over(row->status)) return steps;
  auto last = last_of(*state.store, *row);
  if (!last) return tl::unexpected(last.error());
  auto later = state.store->retry_of(last->key);
  if (!later) return tl::unexpected(later.error());
  if (*later) return steps;
  auto program = state.programs.load(*state.store, *row);
  if (!program) return tl::unexpected(program.error());
  auto takeover = Takeover::open(*state.store, *row, *program, {});
  if (!takeover) return tl::unexpected(takeover.error());
  for (auto& [path, by] : (*takeover)->abandoned()) steps.push_back({path, by});
  return steps;
}

Result<std::string> Engine::retry(const RetryRun& request) {
  State& state = *state_;
  auto made = state.prepare_retry(request);
  if (!made) return tl::unexpected(made.error());
  StartRun start;
  start.program = made->program;
  start.runbook = made->run.runbook;
  start.arguments = made->started.arguments;
  start.reason = made->started.reason;
  start.labels = made->started.labels;
  start.starter = request.by;
  start.folder = made->run.folder;
  start.umask = made->run.umask;
  start.overrides = request.overrides;
  return state.start(start, nullptr, &*made, encode_rule(request.rule));
}

}  // namespace rbk::engine
