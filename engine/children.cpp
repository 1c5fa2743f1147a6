// Runs that runs begin. A child is made in the commit of its parent's intent, under an id that
// follows from that; its end is a message to its parent, in one commit with it. Whoever drives a
// run drives those that it waits for as well, unless another process does.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <iterator>
#include <utility>

#include "base/mutant.h"
#include "engine/engine_state.h"
#include "engine/json_fields.h"

namespace rbk::engine {

namespace json = boost::json;

// ---- Making them

Result<std::unique_ptr<RunDriver>> Engine::State::make_child(RunDriver& parent,
                                                             const RunDriver::Starting& starting) {
  const vm::request::Start& start = starting.start;
  const Moment moment = now();
  RunRow row;
  row.id = start.run;
  row.program = parent.row().program;
  row.runbook = parent.program().runbooks[start.runbook].name;
  row.starter = parent.row().starter;
  row.reason = parent.row().reason;
  row.labels = json::serialize(parent.labels());
  row.folder = parent.row().folder;
  row.umask = parent.row().umask;
  auto placement =
      vm::worker_label(parent.program(), parent.program().runbooks[start.runbook], start.arguments);
  if (!placement) return tl::unexpected(placement.error());
  row.placement = std::move(*placement);
  row.started = std::max(moment.wall, parent.time());
  row.link = start.detached ? Link::kDetached : Link::kStarted;
  row.parent_request = starting.request;
  row.parent_path = start.path;
  row.parent_under = start.under;
  if (auto opened = open_takeover(parent); !opened) return tl::unexpected(opened.error());
  if (const RunKey before = parent.takeover ? parent.takeover->find_run(start) : 0; before != 0) {
    auto run = store->run(before);
    if (!run) return tl::unexpected(run.error());
    auto last = last_of(*store, *run);
    if (!last) return tl::unexpected(last.error());
    row.retries = last->key;
    parent.takeover->take_run(before);
  }
  auto child =
      std::make_unique<RunDriver>(row, parent.shared_program(),
                                  RecoveredRun{vm::Machine(parent.shared_program(), {}), {}}, key);
  child->somebody_listens = parent.somebody_listens;
  vm::event::Started started;
  started.runbook = start.runbook;
  started.arguments = start.arguments;
  started.run = start.run;
  started.starter = row.starter;
  started.reason = row.reason;
  started.labels = parent.labels();
  started.seed = world.random->next();
  started.overrides = start.overrides;
  if (auto delivered = child->deliver(std::move(started), {row.started, moment.boot}); !delivered)
    return tl::unexpected(delivered.error());
  if (parent.paused() && !child->over())
    child->pause(true, "run " + parent.row().id, {row.started, moment.boot});
  return child;
}

/// Nobody holds it, and nothing of it has begun.
void Engine::State::let_go_unbegun(RunDriver& driver) {
  if (driver.over()) return;
  std::vector<vm::RequestId> not_started;
  for (const auto& [id, asked] : driver.asked().all())
    if (asked.perform() != nullptr) not_started.push_back(id);
  if (!not_started.empty()) driver.note(Entry::Kind::kNotStarted, not_started, now());
  driver.let_go(false);
}

/// Adds to the parent's change the runs that it begins by it, and what these begin at once.
/// `released`: nobody drives them here.
Status Engine::State::bear(RunDriver& parent, RunChange& change, bool released) {
  std::vector<RunDriver::Starting> all = parent.take_starting();
  if (RBK_MUTANT("begins_a_child_twice"))
    for (size_t left = all.size(); left > 0; --left) {
      all.push_back(all[left - 1]);
      all.back().request += 1'000'000;
      all.back().start.run += "x";
    }
  for (const RunDriver::Starting& starting : all) {
    auto made = make_child(parent, starting);
    if (!made) return tl::unexpected(made.error());
    RunDriver& child = **made;
    const bool is_released = released || starting.start.detached || !is_for_us(child.row());
    newborn.push_back(std::move(*made));
    if (is_released) let_go_unbegun(child);
    NewRun born;
    born.row = child.row();
    born.program = std::make_shared<ProgramRow>(ProgramRow{child.row().program, {}});
    born.change = child.take();
    born.logs = first_lines(child);
    add_notices(child, born.change);
    if (auto done = bear(child, born.change, is_released); !done) return done;
    change.children.push_back(std::move(born));
  }
  return {};
}

/// They are durable. Nothing of them leaves yet; of fresh ones not before their family is driven.
void Engine::State::adopt_children(std::vector<NewRun>& children, bool is_fresh) {
  for (NewRun& made : children) {
    std::unique_ptr<RunDriver> child = std::move(newborn.front());
    newborn.erase(newborn.begin());
    child->adopt(made.row, key);
    const bool is_held = !made.change.release || child->over();
    if (is_held && is_fresh) fresh.insert(made.row.key);
    if (is_held) runs[made.row.key] = std::move(child);
    adopt_children(made.change.children, is_fresh);
  }
}

void Engine::State::leave_children(std::vector<NewRun>& children) {
  for (NewRun& made : children) {
    if (const auto held = runs.find(made.row.key); held != runs.end()) {
      RunDriver& child = *held->second;
      leave(child, child.committed());
      if (child.over() && !child.dirty()) {
        note_end(child);
        remember_end(child.row(), DriveEnd::Why::kOver);
        runs.erase(made.row.key);
      }
    }
    leave_children(made.change.children);
  }
}

/// Their parent's change was refused: they are not there.
void Engine::State::drop_children(std::vector<NewRun>& children) {
  for (NewRun& made : children) {
    newborn.erase(newborn.begin());
    drop_children(made.change.children);
  }
}

/// What `begin_run` held back of the runs that this one began.
Status Engine::State::open_fresh_children(RunKey run) {
  const std::set<RunKey> waiting = fresh;
  for (const RunKey one : waiting) {
    const auto held = runs.find(one);
    if (held == runs.end() || held->second->row().parent != run) continue;
    open_fresh(*held->second);
    if (auto opened = open_fresh_children(one); !opened) return opened;
  }
  return {};
}

/// Nobody drives them here, nor those that they began.
Status Engine::State::let_go_children(RunKey run) {
  const std::set<RunKey> waiting = fresh;
  for (const RunKey one : waiting) {
    const auto held = runs.find(one);
    if (held == runs.end() || held->second->row().parent != run) continue;
    if (auto gone = let_go_fresh(*held->second); !gone) return gone;
  }
  return {};
}

/// Whoever waits for it is to go on.
void Engine::State::note_end(const RunDriver& driver) {
  const Link link = driver.row().link;
  if (link != Link::kStarted && link != Link::kUndoing) return;
  awaited_by.insert(driver.row().parent);
  family_now = look_now = true;
}

// ---- What came of them

namespace {

vm::ErrorValue run_failed(const RunRow& row, std::string_view status, std::string_view cause,
                          std::string_view message, bool retryable) {
  vm::ErrorValue error;
  error.kind = "RunFailed";
  error.message = fmt::format("run {} of {} {}{}{}", row.id, row.runbook,
                              status == "cancelled"         ? "was cancelled"
                              : status == "rollback_failed" ? "failed, and could not be undone"
                              : status == "quarantined"     ? "is quarantined"
                                                            : "failed",
                              message.empty() ? "" : ": ", message);
  error.retryable = retryable;
  error.fields = {{"run", row.id}, {"name", row.runbook}, {"status", status}, {"cause", cause}};
  return error;
}

/// What the one who waits for it is told.
Result<vm::event::RunEnded> ending_of(vm::RequestId request, const RunRow& row) {
  auto ending = parse_ending(row.ending);
  if (!ending) return tl::unexpected(ending.error());
  vm::event::RunEnded ended;
  ended.request = request;
  ended.ok = row.status == RunStatus::kSucceeded || row.status == RunStatus::kPartial;
  ended.partial = row.status == RunStatus::kPartial;
  if (ended.ok) {
    ended.output = std::move(ending->output);
    return ended;
  }
  ended.undo_failed = row.status == RunStatus::kRollbackFailed;
  const vm::ErrorValue cause = ending->error.value_or(vm::ErrorValue());
  ended.error = run_failed(row, to_string(row.status), cause.kind, cause.message,
                           row.status == RunStatus::kFailed && cause.retryable);
  if (row.link == Link::kUndoing)
    ended.error.message = fmt::format("run {}, which undoes a run of {}, could not undo all of it",
                                      row.id, row.runbook);
  return ended;
}

}  // namespace

/// False: the store could not say; it is to be asked again.
bool Engine::State::take_run_end(RunDriver& driver, const Message& message,
                                 const json::object& body) {
  if (driver.asked().find(message.request) == nullptr) return true;
  auto row = store->find_run(text_of(body, "run"));
  if (!row) return false;
  auto event = ending_of(message.request, *row);
  if (!event) {
    driver.broken = event.error();
    return true;
  }
  const auto done = driver.deliver(std::move(*event), now(), message.request);
  if (!done && done.error().kind != ErrorKind::kInvalid) driver.broken = done.error();
  return true;
}

// ---- Going on with them

/// The run that a request waits for; nothing if none is known (yet).
Result<std::optional<RunRow>> Engine::State::awaited_run(const RunDriver& driver, Asked& asked) {
  if (asked.run != 0) {
    auto row = store->run(asked.run);
    if (!row) return tl::unexpected(row.error());
    return std::optional<RunRow>(std::move(*row));
  }
  auto begun = store->run_begun_by(driver.row().key, asked.request.id);
  if (!begun) return begun;
  if (*begun) {
    asked.run = (*begun)->key;
    return begun;
  }
  const auto* undo = std::get_if<vm::request::UndoRun>(&asked.request.what);
  if (undo == nullptr) return std::optional<RunRow>();
  // Perhaps somebody undoes it by hand.
  auto row = store->find_run(undo->run);
  if (!row) return tl::unexpected(row.error());
  std::optional<RunRow> last = std::move(*row);
  while (is_over(last->status)) {
    auto later = store->rollback_of(last->key);
    if (!later) return later;
    if (!*later) return std::optional<RunRow>();
    last = std::move(*later);
  }
  return last;
}

/// Whether a run that is for workers of another label waits for people. They go on with whatever
/// else it waits for, and with what it was told, by themselves.
Result<bool> Engine::State::rests_elsewhere(const RunRow& row) {
  if (row.holder != 0) return false;
  auto messages = store->messages(row.key);
  if (!messages) return tl::unexpected(messages.error());
  if (!messages->empty()) return false;
  if (row.status == RunStatus::kInDoubt || row.status == RunStatus::kPaused) return true;
  if (row.status != RunStatus::kWaiting) return false;
  auto waits = store->waits(row.key);
  if (!waits) return tl::unexpected(waits.error());
  if (!waits->empty()) return true;
  auto children = store->children(row.key);
  if (!children) return tl::unexpected(children.error());
  for (const RunRow& child : *children) {
    if (is_over(child.status) || child.link == Link::kDetached) continue;
    auto rests = rests_elsewhere(child);
    if (!rests || *rests) return rests;
  }
  return false;
}

/// Whether a run that waits for others may rest as far as they go: nothing if it waits for none,
/// false while one of them goes on.
Result<std::optional<bool>> Engine::State::awaits_rest(RunDriver& driver) {
  const std::vector<vm::RequestId> requests = driver.asked().awaited_runs();
  if (requests.empty()) return std::optional<bool>();
  for (const vm::RequestId request : requests) {
    const Asked* asked = driver.asked().find(request);
    if (asked->run != 0 && runs.contains(asked->run)) return std::optional<bool>(false);
  }
  for (const vm::RequestId request : requests) {
    Asked& asked = *driver.asked().find(request);
    auto row = awaited_run(driver, asked);
    if (!row) return tl::unexpected(row.error());
    if (!*row && driver.paused()) continue;  // nobody begins it yet
    if (*row && runs.contains((*row)->key)) return std::optional<bool>(false);
    if (*row && (*row)->status == RunStatus::kQuarantined) continue;
    const bool is_over_now = !*row || is_over((*row)->status);
    const bool is_told = *row && (*row)->parent == driver.row().key;  // by a message, of its end
    if (!is_over_now && !is_for_us(**row)) {
      auto rests = rests_elsewhere(**row);
      if (!rests) return tl::unexpected(rests.error());
      auto ends = is_cancelled_unbegun(**row);
      if (!ends) return tl::unexpected(ends.error());
      family_now = family_now || *ends;
      if (!*ends && (works ? is_told : *rests)) continue;
      return std::optional<bool>(false);
    }
    // A worker takes it up as it does any run: one that only waits is not put at risk with it.
    if (!is_over_now && ((works && is_told) || rested.contains((*row)->key))) continue;
    // It can go on here, or its end is about to be told.
    if (is_over_now || !holder_lives((*row)->key)) family_now = true;
    look_now = look_now || is_over_now;
    return std::optional<bool>(false);
  }
  return std::optional<bool>(true);
}

Status Engine::State::look_after_families() {
  if (!family_now || stop_level.load() != 0 || committer->busy()) return {};
  family_now = false;
  for (const RunKey parent : std::exchange(awaited_by, {})) {
    if (runs.contains(parent)) continue;
    auto row = store->run(parent);
    if (!row) return tl::unexpected(row.error());
    const bool goes_on = row->status == RunStatus::kRunning || row->status == RunStatus::kWaiting ||
                         row->status == RunStatus::kInDoubt;
    if (!goes_on || holder_lives(parent)) continue;
    if (auto driver = hold(*row); driver) woken.insert(parent);
  }
  std::vector<std::pair<RunKey, vm::RequestId>> waiting;
  for (const auto& [run, driver] : runs) {
    if (driver->broken || driver->over() || fresh.contains(run)) continue;
    const std::vector<vm::RequestId> requests = driver->asked().awaited_runs();
    if (!requests.empty() && (driver->dirty() || driver->in_flight())) {
      family_now = true;  // what it wants of them is told first
      continue;
    }
    for (const vm::RequestId request : requests) waiting.emplace_back(run, request);
  }
  for (const auto& [run, request] : waiting)
    if (auto done = look_after(run, request); !done) return done;
  return {};
}

/// The run that is to be undone is not, and not by waiting.
void Engine::State::tell_undo_failed(RunDriver& driver, const Asked& asked, const RunRow& undone) {
  const bool quarantined = undone.status == RunStatus::kQuarantined;
  auto ending = parse_ending(undone.ending);
  const std::string why = quarantined               ? undone.ending
                          : ending && ending->error ? ending->error->message
                                                    : std::string();
  vm::event::RunEnded lost;
  lost.request = asked.request.id;
  lost.undo_failed = true;
  lost.error = run_failed(undone, to_string(undone.status), "", why, false);
  if (auto done = driver.deliver(std::move(lost), now(), asked.request.id); !done)
    driver.broken = done.error();
}

/// Goes on with the run that a request waits for, if nobody else does.
Status Engine::State::look_after(RunKey run, vm::RequestId request) {
  const auto held = runs.find(run);
  if (held == runs.end()) return {};
  RunDriver& driver = *held->second;
  Asked* asked = driver.asked().find(request);
  if (asked == nullptr) return {};
  auto row = awaited_run(driver, *asked);
  if (!row) return tl::unexpected(row.error());
  if (const auto* undo = std::get_if<vm::request::UndoRun>(&asked->request.what);
      undo != nullptr && !*row)
    return driver.paused() ? Status() : undo_run(driver, *asked, *undo);
  if (!*row) {
    driver.broken = Error{ErrorKind::kCorrupt,
                          fmt::format("run {} waits for a run that is not there", driver.row().id),
                          "restore the store from a backup"};
    return {};
  }
  const RunRow& awaited = **row;
  if (runs.contains(awaited.key)) return {};
  if (const auto* undo = std::get_if<vm::request::UndoRun>(&asked->request.what);
      undo != nullptr && awaited.status == RunStatus::kQuarantined && awaited.origin == 0) {
    tell_undo_failed(driver, *asked, awaited);
    return {};
  }
  if (is_over(awaited.status)) return {};
  if (awaited.status == RunStatus::kQuarantined) {
    // It never ends by itself; whoever cancels this one at once does not wait for it.
    if (asked->stop != vm::request::Stop::How::kKill) return {};
    vm::event::RunEnded lost;
    lost.request = request;
    lost.undo_failed = true;
    lost.error = run_failed(awaited, "quarantined", "", awaited.ending, false);
    if (auto done = driver.deliver(std::move(lost), now(), request); !done)
      driver.broken = done.error();
    return {};
  }
  if (!is_for_us(awaited)) return cancel_unbegun(awaited);
  const bool by_itself = works && awaited.parent == run;
  if (by_itself || holder_lives(awaited.key)) return {};
  if (rested.contains(awaited.key)) {
    auto messages = store->messages(awaited.key);
    if (!messages) return tl::unexpected(messages.error());
    if (messages->empty()) return {};
  }
  auto taken = hold(awaited);
  if (taken || taken.error().kind == ErrorKind::kLocked ||
      taken.error().kind == ErrorKind::kRefused || taken.error().kind == ErrorKind::kCorrupt ||
      taken.error().kind == ErrorKind::kUnsupported)
    return {};
  return tl::unexpected(taken.error());
}

/// A child that could not undo itself is not told to try again at once: whoever undoes this run by
/// hand does, once the cause is mended.
Result<bool> Engine::State::has_tried_to_undo(const RunDriver& driver, const RunRow& undone) {
  const bool is_own = driver.row().origin == 0 && undone.parent == driver.row().key;
  if (!is_own || undone.status != RunStatus::kRollbackFailed) return false;
  auto later = store->rollback_of(undone.key);
  if (!later) return tl::unexpected(later.error());
  return !later->has_value();
}

/// Begins to undo a run, unless nothing of it is left to be undone. While somebody else undoes it,
/// that is waited for.
Status Engine::State::undo_run(RunDriver& driver, Asked& asked, const vm::request::UndoRun& undo) {
  const auto nothing_left = [&] {
    vm::event::RunEnded done;
    done.request = asked.request.id;
    done.ok = true;
    if (auto taken = driver.deliver(std::move(done), now(), asked.request.id); !taken)
      driver.broken = taken.error();
  };
  auto undone = store->find_run(undo.run);
  if (!undone) return tl::unexpected(undone.error());
  auto tried = has_tried_to_undo(driver, *undone);
  if (!tried) return tl::unexpected(tried.error());
  if (*tried) {
    tell_undo_failed(driver, asked, *undone);
    return {};
  }
  auto last = last_undoing(undo.run);
  if (!last && last.error().kind == ErrorKind::kRefused) return {};
  if (!last) return tl::unexpected(last.error());
  auto steps = undoable(*last, undo.run);
  if (!steps) return tl::unexpected(steps.error());
  if (steps->empty()) {
    nothing_left();
    return {};
  }
  RunRow row = rollback_row(*last, undo.run, driver.row().starter);
  row.link = Link::kUndoing;
  row.parent = driver.row().key;
  row.parent_request = asked.request.id;
  row.parent_path = undo.path;
  row.parent_under = undo.under;
  // By a run: no row of the audit trail.
  auto begun = begin_rollback(std::move(row), *last, {}, "run " + driver.row().id, {});
  if (!begun && begun.error().kind == ErrorKind::kRefused) return {};
  if (!begun) return tl::unexpected(begun.error());
  for (auto& [run, made] : runs) {
    if (made->row().id != *begun) continue;
    asked.run = run;
    open_fresh(*made);
    break;
  }
  return {};
}

/// What a run that rests waits for, through those that it waits for.
Status Engine::State::add_awaited(const RunRow& row, DriveEnd& end) {
  auto children = store->children(row.key);
  if (!children) return tl::unexpected(children.error());
  for (const RunRow& child : *children) {
    if (is_over(child.status) || child.link == Link::kDetached) continue;
    if (child.status == RunStatus::kQuarantined) end.quarantined.push_back(child.id);
    auto waits = waits_of(child);
    if (!waits) return tl::unexpected(waits.error());
    std::move(waits->begin(), waits->end(), std::back_inserter(end.waits));
    if (const auto known = rested.find(child.key); known != rested.end() && !end.held_up)
      end.held_up = known->second;
    if (auto done = add_awaited(child, end); !done) return done;
  }
  return {};
}

}  // namespace rbk::engine
