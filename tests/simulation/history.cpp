#include "tests/simulation/history.h"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <utility>

#include "engine/engine.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/fiber.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/outside.h"
#include "tests/simulation/sites.h"

namespace rbk::simulation {

using engine::Engine;
using engine::OpenMode;
using engine::Person;
using engine::WaitingFor;

namespace {

constexpr int64_t kSecond = 1'000'000;
/// What lasts longer than that lasts for ever.
constexpr size_t kLongestTrace = 20'000;
constexpr int64_t kBegin = 1'800'000'000 * kSecond;

struct Time {
  int64_t now = kSecond;  // since the beginning, and a boot clock's second
  int64_t boot_began = 0;
  int64_t wall = kBegin;  // that clock at `now` 0
  int boots = 1;
  std::string boot() const { return fmt::format("boot-{}", boots); }
};

class SharedClock : public engine::Clock {
 public:
  explicit SharedClock(const Time* time) : time_(time) {}
  int64_t wall() override { return time_->wall + time_->now; }
  int64_t boot() override { return time_->now - time_->boot_began; }
  std::string boot_identity() override { return time_->boot(); }

 private:
  const Time* time_;
};

struct Process;

/// Lets the others have their turn.
class YieldingSleeper : public engine::Sleeper {
 public:
  YieldingSleeper(Process* process, const Time* time) : process_(process), time_(time) {}
  void sleep(int64_t until, int descriptor) override;
  void wake() override;

 private:
  Process* process_;
  const Time* time_;
};

struct Process {
  std::shared_ptr<Life> life;
  std::string what;
  bool works = false;
  std::unique_ptr<Fiber> fiber;
  std::unique_ptr<SimulatedActions> actions;
  Engine* engine = nullptr;  // while it is open
  int64_t until = 0;
  int64_t paused_until = 0;
  bool woken = true;
  bool is_held_up = false;  // in the middle of something: it can't be woken
};

void YieldingSleeper::sleep(int64_t until, int) {
  if (process_->life->over) {
    if (process_->engine != nullptr) process_->engine->stop(engine::StopHow::kAtOnce);
    return;
  }
  // Who opens an engine, uses it and closes it is never outside of its fiber here.
  if (!process_->woken) {
    process_->until = until + time_->boot_began;
    process_->fiber->yield();
  }
  process_->woken = false;
}

void YieldingSleeper::wake() { process_->woken = true; }

Error no_error() { return {}; }

template <typename T>
Error error_of(const Result<T>& result) {
  return result ? no_error() : result.error();
}

class History {
 public:
  History(uint64_t seed, const std::string& folder, int only)
      : only_(only),
        dice_(seed),
        path_(folder + "/store.db"),
        script_(make_script(dice_.next())),
        oracle_(path_),
        outside_(surroundings(), &script_, &oracle_, dice_.next()) {}

  Outcome run() {
    lay_out();
    plan();
    while (!outcome_.violation && go_on()) continue;
    wind_up();
    outcome_.script = script_.text;
    return std::move(outcome_);
  }

 private:
  // ---- The order of all that happens

  Surroundings surroundings() {
    Surroundings around;
    around.now = [this] { return time_.now; };
    around.boot = [this] { return time_.boot(); };
    around.at = [this](int64_t time, std::function<void()> what) { at(time, std::move(what)); };
    around.wake = [this](const Life& life) {
      for (const auto& one : processes_)
        if (one->life.get() == &life) one->woken = true;
    };
    around.violated = [this](int invariant, std::string what) {
      violated(invariant, std::move(what));
    };
    around.trace = [this](std::string line) { trace(std::move(line)); };
    return around;
  }

  void at(int64_t time, std::function<void()> what) { events_.emplace(time, std::move(what)); }
  void after(int64_t microseconds, std::function<void()> what) {
    at(time_.now + microseconds, std::move(what));
  }

  void trace(std::string line) {
    if (outcome_.trace.size() > kLongestTrace) return;
    outcome_.trace.push_back(
        fmt::format("{:>11.6f} {}", static_cast<double>(time_.now) / 1e6, line));
    if (outcome_.trace.size() != kLongestTrace) return;
    for (const auto& one : processes_) one->life->over = true;
    violated(15, "it goes on and on without getting any further");
  }

  void violated(int invariant, std::string what) {
    if (only_ != 0 && invariant != only_) return;
    trace(fmt::format("VIOLATED {}: {}", invariant, what));
    if (!outcome_.violation) outcome_.violation = Violation{invariant, std::move(what)};
  }

  Evidence evidence() {
    return {oracle_, outside_, acknowledged_,
            [this](int invariant, std::string what) { violated(invariant, std::move(what)); }};
  }

  bool can_go_on(const Process& process) const {
    return process.paused_until <= time_.now &&
           ((process.woken && !process.is_held_up) || process.until <= time_.now);
  }

  /// One turn of somebody. False: all is over.
  bool go_on() {
    if (is_over_) return false;
    std::vector<Process*> ready;
    int64_t next = INT64_MAX;
    for (const auto& one : processes_) {
      if (can_go_on(*one)) ready.push_back(one.get());
      next = std::min(next, std::max(one->paused_until,
                                     one->woken && !one->is_held_up ? time_.now : one->until));
    }
    const bool event_is_due = !events_.empty() && events_.begin()->first <= time_.now;
    if (event_is_due && (ready.empty() || dice_.chance(500))) {
      auto what = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      what();
      return true;
    }
    if (!ready.empty()) {
      turn(*dice_.one_of(ready));
      return true;
    }
    if (!events_.empty()) next = std::min(next, events_.begin()->first);
    if (next == INT64_MAX) return false;
    time_.now = std::max(time_.now, next);
    return true;
  }

  void turn(Process& process) {
    Disk& disk = Disk::instance();
    disk.turn = process.life;
    process.fiber->resume();
    disk.turn.reset();
    if (process.life->over && !process.fiber->ended()) finish(process);
    if (std::exchange(power_went_, false)) return lose_power();
    if (process.fiber->ended()) bury(process);
  }

  /// It is over: what is left of it on its stack comes to nothing.
  void finish(Process& process) {
    process.life->over = true;
    if (process.engine != nullptr) process.engine->stop(engine::StopHow::kAtOnce);
    Disk::instance().turn = process.life;
    while (!process.fiber->ended()) process.fiber->resume();
    Disk::instance().turn.reset();
  }

  void bury(Process& process) {
    const bool works = process.works;
    const bool was_killed = process.life->over;
    process.life->over = true;
    outside_.process_is_over(*process.life);
    std::erase_if(processes_, [&](const auto& one) { return one.get() == &process; });
    oracle_.close();
    if (was_killed) {
      trace("it is killed");
      check();
    }
    if (works && !is_over_ && !outcome_.violation)
      after(dice_.between(1, 3000) * 1000, [this] { begin_worker(); });
  }

  void kill(Process& process) {
    ++outcome_.counts.kills;
    trace(fmt::format("process {} is killed", process.life->process));
    finish(process);
    bury(process);
  }

  void lose_power() {
    ++outcome_.counts.power_losses;
    trace("the power goes");
    while (!processes_.empty()) {
      finish(*processes_.front());
      const bool works = processes_.front()->works;
      outside_.process_is_over(*processes_.front()->life);
      processes_.erase(processes_.begin());
      if (works) after(dice_.between(20'000, 60'000) * 1000, [this] { begin_worker(); });
    }
    outside_.power_is_lost();
    oracle_.close();
    Disk::instance().lose_unsynced(dice_);
    time_.now += dice_.between(1, 15) * kSecond;
    time_.boot_began = time_.now - kSecond;
    ++time_.boots;
    check();
  }

  void check() {
    if (outcome_.violation) return;
    Evidence all = evidence();
    check_now(all);
  }

  // ---- Processes

  engine::World world(Process& process) {
    engine::World made;
    made.clock = clock_;
    made.random = std::make_shared<DiceRandom>(dice_.next());
    made.sleeper = std::make_shared<YieldingSleeper>(&process, &time_);
    made.writer_thread = false;
    made.look_every = dice_.one_of<int64_t>({kSecond / 10, kSecond, 4 * kSecond});
    made.process = process.life->process;
    return made;
  }

  Process& begin(std::string what, std::function<void(Process&, Engine&)> body) {
    ++outcome_.counts.processes;
    auto made = std::make_unique<Process>();
    Process* process = made.get();
    process->life = std::make_shared<Life>();
    process->life->process = 1000 + static_cast<int64_t>(outcome_.counts.processes);
    process->what = std::move(what);
    process->actions = std::make_unique<SimulatedActions>(&outside_, process->life);
    process->fiber = std::make_unique<Fiber>([this, process, body = std::move(body)] {
      auto opened = Engine::open("sqlite:" + path_, OpenMode::kExisting, world(*process),
                                 process->actions.get());
      if (!opened) {
        trace(fmt::format("process {} can't open the store: {}", process->life->process,
                          opened.error().message));
        return;
      }
      process->engine = opened->get();
      body(*process, **opened);
      process->engine = nullptr;
      // What its end does is done by a process that lives still.
      opened->reset();
    });
    trace(fmt::format("process {} begins: {}", process->life->process, process->what));
    processes_.push_back(std::move(made));
    return *process;
  }

  class Listener : public engine::WorkObserver {
   public:
    Listener(History* history, Process* process) : history_(history), process_(process) {}
    void on_taken(const engine::RunSummary& run) override {
      history_->trace(fmt::format("process {} takes {}", process_->life->process, run.id));
    }
    void on_left(const engine::DriveEnd& end) override {
      if (!process_->life->over)
        history_->trace(fmt::format("process {} leaves {}: {}", process_->life->process, end.run.id,
                                    engine::to_string(end.run.status)));
    }
    void on_news(const std::string& run, const engine::News& news) override {
      if (!process_->life->over) history_->told(run, news.entry);
    }

   private:
    History* history_;
    Process* process_;
  };

  /// Somebody hears of what an entry says.
  void told(const std::string& run, uint64_t entry) {
    const Mirror* mirror = oracle_.look(run);
    if (mirror == nullptr || mirror->head < entry || Disk::instance().has_unsynced_log())
      violated(2, fmt::format("entry {} of {} is told and not on the disk", entry, run));
    uint64_t& head = acknowledged_.heads[run];
    head = std::max(head, entry);
  }

  /// In the end all are for every run.
  void begin_worker() {
    using Placements = std::vector<std::string>;
    const Placements all = {"", "east"};
    const Placements takes = is_calm_ ? all : dice_.one_of<Placements>({all, {""}, {"east"}, all});
    Process& process = begin("a worker", [this](Process& self, Engine& engine) {
      Listener listener(this, &self);
      const size_t slots = dice_.one_of<size_t>({1, 2, 8, 32});
      const Status done = engine.work({&listener, slots, self.life->takes});
      if (!done && !self.life->over)
        trace(fmt::format("process {} gives up: {}", self.life->process, done.error().message));
    });
    process.works = true;
    process.life->takes = takes;
  }

  // ---- People

  static Person person(const std::string& name) { return {name, {}, {}}; }

  /// Somebody was told that it is done.
  template <typename T>
  void answered(const Process& process, std::string_view what, const Result<T>& result) {
    if (process.life->over) return;
    trace(fmt::format("{}: {}", what, result ? "done" : error_of(result).message));
    if (!result) return;
    if (Disk::instance().has_unsynced_log())
      violated(2, fmt::format("{} is acknowledged and not on the disk", what));
    oracle_.close();
    acknowledged_.messages =
        std::max(acknowledged_.messages, oracle_.number("select count(*) from message"));
  }

  void begin_run() {
    begin("rbk run --detach", [this](Process& self, Engine& engine) {
      engine::StartRun request;
      request.program = script_.program;
      request.runbook = "main";
      request.starter = person("eve");
      auto run = engine.start(request);
      answered(self, "a run is started", run);
      if (!run || self.life->over) return;
      acknowledged_.runs.insert(*run);
      answered(self, "it is let go", engine.detach(*run));
    });
  }

  void act() {
    ++outcome_.counts.people;
    const uint64_t what = dice_.below(100);
    if (what < 10) return begin_run();
    if (what < 50) return decide();
    if (what < 70) return send_signal();
    if (what < 82) return cancel();
    if (what < 89) return roll_back();
    if (what < 96) return retry(some_run());
    return resume(some_run());
  }

  void add_schedule() {
    engine::AddSchedule request;
    request.name = "often";
    request.program = script_.program;
    request.runbook = "tick";
    request.timing.rules.emplace_back(timing::seconds(dice_.between(5, 40)));
    using engine::ScheduleRow;
    request.overlap = dice_.one_of<ScheduleRow::Overlap>({ScheduleRow::Overlap::kSkip,
                                                          ScheduleRow::Overlap::kQueue,
                                                          ScheduleRow::Overlap::kCancelRunning});
    request.missed = dice_.one_of<ScheduleRow::Missed>(
        {ScheduleRow::Missed::kSkip, ScheduleRow::Missed::kRunOnce, ScheduleRow::Missed::kRunAll});
    if (request.missed != ScheduleRow::Missed::kSkip) request.missed_within = 60 * kSecond;
    request.place = "simulated.rbk:often";
    begin("rbk schedule add", [this, request](Process& self, Engine& engine) {
      answered(self, "a schedule is added", engine.add_schedule(request, person("eve")));
    });
  }

  void decide() {
    begin("rbk inbox", [this](Process& self, Engine& engine) {
      for (const char* name : {"ann", "bob"}) {
        auto waits = engine.inbox(person(name));
        if (!waits) continue;
        for (const WaitingFor& one : *waits)
          if (is_calm_ || dice_.chance(700)) decide(self, engine, one, name);
      }
    });
  }

  void decide(Process& self, Engine& engine, const WaitingFor& one, const std::string& name) {
    using engine::Resolution;
    using engine::Wait;
    const std::string what = fmt::format("{} decides on {} of {}", name, one.path, one.run);
    if (self.life->over) return;
    switch (one.kind) {
      case Wait::Kind::kApproval:
        if (!is_calm_ && dice_.chance(200))
          answered(self, what, engine.reject(one.run, one.name, "no", person(name)));
        else
          answered(self, what, engine.approve(one.run, one.name, {}, person(name)));
        return;
      case Wait::Kind::kQuestion:
        answered(self, what, engine.answer(one.run, one.name, {{"n", 7}}, person(name)));
        return;
      case Wait::Kind::kDoubt:
      case Wait::Kind::kFailure: {
        const auto how = dice_.one_of<Resolution>(
            {one.kind == Wait::Kind::kDoubt ? Resolution::kNotDone : Resolution::kRetry,
             Resolution::kDone, Resolution::kFail, Resolution::kLeave});
        std::optional<boost::json::value> output;
        if (how == Resolution::kDone)
          output = boost::json::object{
              {"exit_code", 0}, {"stdout", "said"}, {"stderr", ""}, {"truncated", false}};
        if (how == Resolution::kNotDone || how == Resolution::kRetry)
          outside_.permit(one.run, one.path);
        if (one.kind == Wait::Kind::kFailure) outside_.do_anew(one.run, one.path);
        answered(self, what, engine.resolve(one.run, one.path, how, output, person(name)));
        return;
      }
      case Wait::Kind::kSignal:
        return;
    }
  }

  std::string some_run() {
    const auto rows = oracle_.runs();
    if (rows.empty()) return {};
    return dice_.one_of(rows).id;
  }

  void send_signal() {
    const std::string run = some_run();
    if (run.empty() || script_.signals.empty()) return;
    const std::string name = dice_.one_of(script_.signals);
    const int64_t payload = ++last_signal_;
    const bool twice = dice_.chance(300);
    begin("rbk signal", [this, run, name, payload, twice](Process& self, Engine& engine) {
      for (int time = 0; time < (twice ? 2 : 1); ++time) {
        const auto sent = engine.signal(run, name, boost::json::value(payload),
                                        fmt::format("id-{}", payload), person("ci"));
        answered(self, fmt::format("signal {} {} to {}", name, payload, run), sent);
        if (sent && !self.life->over) acknowledged_.signals[payload] = run;
      }
    });
  }

  void cancel() {
    const std::string run = some_run();
    if (run.empty()) return;
    const bool rollback = dice_.chance(500);
    const bool now = dice_.chance(300);
    begin("rbk cancel", [this, run, rollback, now](Process& self, Engine& engine) {
      answered(
          self,
          fmt::format("{} is cancelled{}{}", run, rollback ? " and undone" : "", now ? " now" : ""),
          engine.cancel(run, rollback ? engine::CancelHow::kRollback : engine::CancelHow::kLeave,
                        now, person("eve")));
    });
  }

  void roll_back() {
    const std::string run = some_run();
    if (run.empty()) return;
    begin("rbk rollback", [this, run](Process& self, Engine& engine) {
      const auto made = engine.rollback(run, {}, person("eve"));
      answered(self, fmt::format("{} is rolled back", run), made);
      if (!made || self.life->over) return;
      acknowledged_.runs.insert(*made);
      answered(self, "it is let go", engine.detach(*made));
    });
  }

  void retry(const std::string& run) {
    if (run.empty()) return;
    begin("rbk retry", [this, run](Process& self, Engine& engine) {
      engine::RetryRun request;
      request.run = run;
      request.by = person("eve");
      const auto made = engine.retry(request);
      answered(self, fmt::format("{} is retried", run), made);
      if (!made || self.life->over) return;
      acknowledged_.runs.insert(*made);
      answered(self, "it is let go", engine.detach(*made));
    });
  }

  /// In a terminal, beside the workers.
  void resume(const std::string& run) {
    if (run.empty()) return;
    begin("rbk resume", [this, run](Process& self, Engine& engine) {
      Listener listener(this, &self);
      engine::DriveOptions options;
      options.observer = &listener;
      options.longest_sleep = 30 * kSecond;
      auto end = engine.drive(run, options);
      if (!self.life->over)
        trace(fmt::format(
            "process {} has driven {}: {}", self.life->process, run,
            end ? std::string(engine::to_string(end->run.status)) : end.error().message));
    });
  }

  // ---- Misfortunes

  Fault decide_fault(Life& life, Disk::Operation operation, const std::string& file) {
    if (is_calm_) return Fault::kNone;
    if (operation == Disk::Operation::kLock) {
      if (busy_left_ == 0 && dice_.below(2000) == 0) {
        busy_left_ = dice_.one_of<int>({1, 3, 400});
        ++outcome_.counts.disk_faults;
        trace("somebody else has the store locked");
      }
      if (busy_left_ == 0) return Fault::kNone;
      --busy_left_;
      return Fault::kBusy;
    }
    if (faults_left_ == 0 || --operations_left_ > 0) return Fault::kNone;
    --faults_left_;
    operations_left_ = dice_.between(1, 120);
    const auto fault = dice_.one_of<Fault>(
        {Fault::kOverBefore, Fault::kOverWithin, Fault::kOverAfter, Fault::kOverBefore,
         Fault::kOverAfter, Fault::kPowerBefore, Fault::kPowerWithin, Fault::kPowerAfter,
         Fault::kError, Fault::kError, Fault::kFull});
    const bool is_log = file.ends_with("-wal");
    const std::string_view of = operation == Disk::Operation::kSync ? "sync" : "write";
    const auto say = [&](std::string_view what) {
      trace(fmt::format("process {}: {} {} a {} of the {}", life.process, what,
                        fault == Fault::kOverAfter || fault == Fault::kPowerAfter     ? "after"
                        : fault == Fault::kOverWithin || fault == Fault::kPowerWithin ? "within"
                        : fault == Fault::kError || fault == Fault::kFull             ? "in"
                                                                                      : "before",
                        of, is_log ? "log" : "file"));
    };
    if (fault == Fault::kError || fault == Fault::kFull) {
      ++outcome_.counts.disk_faults;
      say(fault == Fault::kFull ? "no space is left" : "an I/O error");
    } else if (fault >= Fault::kPowerBefore) {
      say("the power goes");
    } else {
      ++outcome_.counts.kills;
      say("it is killed");
    }
    return fault;
  }

  /// Between two reads of a process others may get their turn: what it has read may be old then.
  void read_begins(const Life& life) {
    if (is_calm_ || !dice_.chance(holds_up_)) return;
    const auto found = std::find_if(processes_.begin(), processes_.end(), [&](const auto& one) {
      return one->life.get() == &life && !life.over;
    });
    if (found == processes_.end()) return;
    Process& process = **found;
    const bool was_woken = std::exchange(process.woken, false);
    process.until = time_.now + dice_.between(0, 300) * 1000;
    process.is_held_up = true;
    process.fiber->yield();
    process.is_held_up = false;
    process.woken = process.woken || was_woken;
  }

  void happen() {
    if (is_calm_) return;
    after(dice_.between(100, 12'000) * 1000, [this] { happen(); });
    const uint64_t what = dice_.below(100);
    std::vector<Process*> workers;
    for (const auto& one : processes_)
      if (one->works) workers.push_back(one.get());
    if (what < 55) return act();
    if (what < 70 && !workers.empty()) return kill(*dice_.one_of(workers));
    if (what < 80 && !workers.empty()) {
      ++outcome_.counts.pauses;
      Process& process = *dice_.one_of(workers);
      process.paused_until = time_.now + dice_.between(1, 60) * kSecond;
      trace(fmt::format("process {} is frozen for a while", process.life->process));
      return;
    }
    if (what < 90) {
      ++outcome_.counts.clock_jumps;
      const int64_t most = dice_.chance(200) ? 7200 : 5;
      const int64_t jump = dice_.between(-most, most) * kSecond;
      time_.wall += jump;
      // After the host's restart what waits goes by that clock.
      longest_wait_ += std::abs(jump);
      trace("the wall's clock jumps");
    } else if (what < 93) {
      lose_power();
    }
  }

  // ---- From the beginning to the end

  void lay_out() {
    Disk& disk = Disk::instance();
    disk.begin(path_, dice_.next());
    for (const char* end : {"", "-wal", "-shm", "-lock"}) unlink((path_ + end).c_str());
    disk.put(path_, empty_store());
    disk.decide = [this](Life& life, Disk::Operation operation, const std::string& file) {
      return decide_fault(life, operation, file);
    };
    disk.on_read = [this](const Life& life) { read_begins(life); };
    disk.on_power_loss = [this] {
      power_went_ = true;
      for (const auto& one : processes_) one->life->over = true;
    };
  }

  /// A new store's bytes, but for its id, which is the same each time, and its home: it is copied
  /// into each history, and is to be no copy there.
  std::string empty_store() {
    static std::string kept;
    if (!kept.empty()) return kept;
    const std::string path = path_ + ".empty";
    std::string id;
    {
      auto made = engine::open_store("sqlite:" + path, OpenMode::kCreate);
      if (!made) {
        fmt::print(stderr, "{}\n", made.error().message);
        std::abort();
      }
      id = (*made)->identity().id;
    }
    forget_home(path);
    std::ifstream file(path, std::ios::binary);
    kept.assign(std::istreambuf_iterator<char>(file), {});
    kept.replace(kept.find(id), id.size(), std::string(id.size(), 'a'));
    for (const char* end : {"", "-wal", "-shm", "-lock"}) unlink((path + end).c_str());
    return kept;
  }

  static void forget_home(const std::string& path) {
    sqlite3* store = nullptr;
    if (sqlite3_open(path.c_str(), &store) != SQLITE_OK ||
        sqlite3_exec(store, "delete from meta where name='home'; pragma wal_checkpoint(truncate)",
                     nullptr, nullptr, nullptr) != SQLITE_OK) {
      fmt::print(stderr, "{}\n", sqlite3_errmsg(store));
      std::abort();
    }
    sqlite3_close(store);
  }

  void plan() {
    faults_left_ = dice_.one_of<int>({0, 1, 2, 3, 5, 8});
    operations_left_ = dice_.between(1, 150);
    holds_up_ = dice_.one_of<uint64_t>({0, 10, 50, 300});
    const int64_t runs = dice_.between(1, 3);
    for (int64_t one = 0; one < runs; ++one)
      after(dice_.between(0, 3000) * 1000, [this] { begin_run(); });
    const int64_t workers = dice_.between(1, 3);
    for (int64_t one = 0; one < workers; ++one)
      after(dice_.between(0, 2000) * 1000, [this] { begin_worker(); });
    if (dice_.chance(900)) after(dice_.between(0, 5000) * 1000, [this] { happen(); });
    if (dice_.chance(350)) after(dice_.between(0, 9000) * 1000, [this] { add_schedule(); });
    after(dice_.between(5, 120) * kSecond, [this] { calm_down(); });
  }

  /// From here on nothing bad happens, and people answer.
  void calm_down() {
    trace("from here on all is well");
    is_calm_ = true;
    outside_.calm();
    calm_since_ = time_.now;
    begin_worker();
    settle();
  }

  void settle() {
    oracle_.close();
    const auto rows = oracle_.runs();
    const bool done = std::all_of(rows.begin(), rows.end(), [](const engine::RunRow& row) {
      return engine::is_over(row.status) || row.status == engine::RunStatus::kQuarantined;
    });
    const bool fires = oracle_.number("select count(*) from schedule where removed=0") > 0;
    if (fires)
      begin("rbk schedule remove", [this](Process& self, Engine& engine) {
        answered(self, "the schedule is removed", engine.remove_schedule("often", person("eve")));
      });
    if (done && !fires && !retry_once()) {
      is_over_ = true;
      return;
    }
    check();
    try_once_more();
    in_line_ = std::max<int64_t>(
        in_line_, std::count_if(rows.begin(), rows.end(), [](const engine::RunRow& row) {
          return !engine::is_over(row.status);
        }));
    if (time_.now - calm_since_ > longest_wait_ * in_line_) {
      for (const engine::RunRow& row : rows)
        if (!engine::is_over(row.status))
          violated(15, fmt::format("{} is {} for ever", row.id, engine::to_string(row.status)));
      return;
    }
    decide();
    after(std::max(7 * kSecond, (time_.now - calm_since_) / 20), [this] { settle(); });
  }

  /// Of those that are quarantined, since each process that took them up was killed.
  void try_once_more() {
    for (const std::string& run : oracle_.query(
             fmt::format("select id from run where status=5 and claims>={}", engine::kMostClaims)))
      resume(run);
  }

  /// When all is over: what failed is retried, if anything is.
  bool retry_once() {
    if (std::exchange(has_retried_, true) || !dice_.chance(300)) return false;
    const auto failed = oracle_.query("select id from run where status>6 and link=0 and origin=0");
    for (const std::string& run : failed) retry(run);
    calm_since_ = time_.now;
    return !failed.empty();
  }

  void wind_up() {
    is_over_ = true;
    const bool failed = outcome_.violation.has_value();
    is_calm_ = true;
    while (!processes_.empty()) {
      finish(*processes_.front());
      processes_.erase(processes_.begin());
    }
    oracle_.close();
    if (!failed) {
      Evidence all = evidence();
      check_in_the_end(all);
    }
    Counts& counts = outcome_.counts;
    counts.histories = 1;
    counts.steps = outside_.executions().size();
    counts.runs = static_cast<uint64_t>(oracle_.number("select count(*) from run"));
    counts.entries = static_cast<uint64_t>(oracle_.number("select count(*) from journal"));
    counts.writes = std::exchange(Disk::instance().writes, 0);
    counts.syncs = std::exchange(Disk::instance().syncs, 0);
    oracle_.close();
  }

  int only_;
  Dice dice_;
  std::string path_;
  Time time_;
  std::shared_ptr<SharedClock> clock_ = std::make_shared<SharedClock>(&time_);
  Script script_;
  Oracle oracle_;
  Outside outside_;
  Outcome outcome_;
  Acknowledged acknowledged_;
  std::multimap<int64_t, std::function<void()>> events_;
  std::vector<std::unique_ptr<Process>> processes_;
  bool power_went_ = false;
  bool is_calm_ = false;
  bool is_over_ = false;
  bool has_retried_ = false;
  int64_t calm_since_ = 0;
  int busy_left_ = 0;
  int faults_left_ = 0;
  int64_t operations_left_ = 0;
  int64_t last_signal_ = 100;
  uint64_t holds_up_ = 0;  // a process between two of its reads: so often of a thousand times
  int64_t longest_wait_ = 2400 * kSecond;  // a loop of twenty waits of 90 s, and more
  int64_t in_line_ = 1;  // runs that went on since all is well: they may wait for each other
};

}  // namespace

void Counts::add(const Counts& other) {
  histories += other.histories;
  runs += other.runs;
  steps += other.steps;
  entries += other.entries;
  kills += other.kills;
  power_losses += other.power_losses;
  disk_faults += other.disk_faults;
  processes += other.processes;
  clock_jumps += other.clock_jumps;
  pauses += other.pauses;
  people += other.people;
  writes += other.writes;
  syncs += other.syncs;
}

Outcome run_history(uint64_t seed, const std::string& folder, int only) {
  return History(seed, folder, only).run();
}

}  // namespace rbk::simulation
