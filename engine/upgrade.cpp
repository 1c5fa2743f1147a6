#include "engine/upgrade.h"

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include <algorithm>
#include <set>

#include "engine/descriptions.h"
#include "engine/engine_state.h"
#include "engine/journal.h"
#include "engine/json_fields.h"
#include "vm/bytecode/type_text.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;
using bytecode::Program;

/// All that a request means, whatever indices its program has.
json::object meaning(const Program& program, const vm::Request& request) {
  json::object made = describe_request(program, request);
  const auto add_under = [&](const std::vector<vm::RequestId>& under) {
    made["under"] = json::array(under.begin(), under.end());
  };
  if (const auto* perform = std::get_if<vm::request::Perform>(&request.what)) {
    const bytecode::ActionImport& action = program.actions[perform->action];
    made["exec"] = action.exec;
    made["gives"] = bytecode::type_text(program, action.result);
    made["doubt"] = static_cast<int64_t>(perform->doubt);
    made["step"] = perform->step;
    made["generation"] = perform->generation;
  } else if (const auto* failure = std::get_if<vm::request::AskFailure>(&request.what)) {
    made["step"] = failure->step;
    made["gives"] = bytecode::type_text(program, failure->type);
  } else if (const auto* acquire = std::get_if<vm::request::Acquire>(&request.what)) {
    made["limit"] = acquire->lock.limit;
    made["unwinds"] = acquire->unwinds;
    add_under(acquire->under);
  } else if (const auto* start = std::get_if<vm::request::Start>(&request.what)) {
    made["step"] = start->step;
    made["attempt"] = start->attempt;
    made["overrides"] = json::array(start->overrides.begin(), start->overrides.end());
    add_under(start->under);
  } else if (const auto* undo = std::get_if<vm::request::UndoRun>(&request.what)) {
    add_under(undo->under);
  }
  return made;
}

/// The same but for what an attempt is begun with: for one that was certainly never begun.
bool differ_in_arguments(json::object was, json::object now) {
  if (was["what"] != "perform") return false;
  was.erase("arguments");
  now.erase("arguments");
  return was == now;
}

UpgradeVerdict::Side side(const Program& program, const vm::Machine& machine,
                          const std::vector<vm::Request>& requests, size_t place) {
  UpgradeVerdict::Side made;
  if (place >= requests.size()) return made;
  made.request = describe_request(program, requests[place]);
  for (const vm::FiberState& fiber : machine.inspect())
    if (fiber.request == requests[place].id && !fiber.frames.empty())
      made.place = fiber.frames.front().place;
  return made;
}

/// "service: string, batch: int".
std::string parameters_text(const Program& program, const bytecode::Runbook& runbook) {
  std::string text;
  for (const bytecode::Parameter& parameter : runbook.parameters)
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", parameter.name,
                        bytecode::type_text(program, parameter.type));
  return text.empty() ? "none" : text;
}

/// Why the event can't be followed by the same under another program than the one that was looked
/// at when it was decided; empty: it can.
std::string bound_by(const vm::Event& event, const Asked* answered) {
  const auto* decided = std::get_if<vm::event::Decided>(&event.what);
  const auto* approve =
      answered == nullptr ? nullptr : std::get_if<vm::request::Approve>(&answered->request.what);
  if (decided == nullptr || approve == nullptr || approve->is_question || !decided->approved)
    return {};
  return fmt::format("the approval `{}` was given to the program as it was", approve->path);
}

class Judge {
 public:
  Judge(Store& store, const RunRow& row, std::shared_ptr<const Program> old,
        std::shared_ptr<const Program> wanted)
      : store_(store), row_(row), old_(std::move(old)), new_(std::move(wanted)) {}

  Result<UpgradeVerdict> judge(std::optional<RecoveredRun>* brought);

 private:
  UpgradeVerdict stays(uint64_t event, std::string why) {
    verdict_.what = UpgradeVerdict::What::kMustStay;
    verdict_.event = event;
    verdict_.why = std::move(why);
    return verdict_;
  }
  bool takes_the_same();
  std::optional<std::string> differs(const vm::Turn& was, const vm::Turn& now, RecoveredRun& old,
                                     RecoveredRun& wanted);
  Status find_unbegun();
  Result<bool> has_votes();

  Store& store_;
  const RunRow& row_;
  std::shared_ptr<const Program> old_;
  std::shared_ptr<const Program> new_;
  std::set<vm::RequestId> unbegun_;  // attempts that wait, and were certainly never begun
  UpgradeVerdict verdict_;
};

/// Whether both have the runbook, with the same parameters.
bool Judge::takes_the_same() {
  const bytecode::Runbook* was = old_->find_runbook(row_.runbook);
  const bytecode::Runbook* now = new_->find_runbook(row_.runbook);
  if (was == nullptr || now == nullptr) {
    stays(0, fmt::format("the program has no runbook `{}`", row_.runbook));
    return false;
  }
  const std::string before = parameters_text(*old_, *was);
  const std::string after = parameters_text(*new_, *now);
  if (before == after) return true;
  stays(1, fmt::format("its parameters are others: {}; it was started with {}", after, before));
  return false;
}

std::optional<std::string> Judge::differs(const vm::Turn& was, const vm::Turn& now,
                                          RecoveredRun& old, RecoveredRun& wanted) {
  const size_t most = std::max(was.requests.size(), now.requests.size());
  for (size_t i = 0; i < most; ++i) {
    const bool both = i < was.requests.size() && i < now.requests.size();
    if (both) {
      json::object before = meaning(*old_, was.requests[i]);
      json::object after = meaning(*new_, now.requests[i]);
      if (before == after) continue;
      if (unbegun_.contains(was.requests[i].id) &&
          differ_in_arguments(std::move(before), std::move(after)))
        continue;
    }
    verdict_.was = side(*old_, old.machine, was.requests, i);
    verdict_.now = side(*new_, wanted.machine, now.requests, i);
    return i >= now.requests.size()   ? "it asks for less than the run did"
           : i >= was.requests.size() ? "it asks for more than the run did"
                                      : "it asks for something else than the run did";
  }
  if (was.ending.has_value() != now.ending.has_value()) return "it ends here, and the run did not";
  return std::nullopt;
}

Status Judge::find_unbegun() {
  auto now = recover_run(store_, row_, old_);
  if (!now) return tl::unexpected(now.error());
  for (const auto& [id, asked] : now->asked.all())
    if (asked.not_started && !asked.in_doubt && !asked.may_have_taken_effect()) unbegun_.insert(id);
  return {};
}

/// Whether somebody has voted on an approval that is open.
Result<bool> Judge::has_votes() {
  auto waits = store_.waits(row_.key);
  if (!waits) return tl::unexpected(waits.error());
  for (const Wait& wait : *waits) {
    if (wait.kind != Wait::Kind::kApproval) continue;
    auto votes = store_.votes(row_.key, wait.request);
    if (!votes) return tl::unexpected(votes.error());
    if (votes->empty()) continue;
    stays(row_.head, fmt::format("somebody has approved `{}` with the program as it is",
                                 approval_name(wait, object_of(wait.description))));
    return true;
  }
  return false;
}

Result<UpgradeVerdict> Judge::judge(std::optional<RecoveredRun>* brought) {
  verdict_.run = row_.id;
  verdict_.runbook = row_.runbook;
  verdict_.from = to_hex(row_.program);
  const Digest to = bytecode::content_hash(*new_);
  verdict_.to = to_hex(to);
  if (to == row_.program) {
    verdict_.what = UpgradeVerdict::What::kSame;
    return verdict_;
  }
  if (is_over(row_.status)) return stays(0, fmt::format("it is {}", to_string(row_.status)));
  if (row_.status == RunStatus::kQuarantined) return stays(0, "it is quarantined");
  if (row_.origin != 0)
    return stays(0, "it undoes what another run did, with the program that that one had");
  if (old_->manifest != new_->manifest)
    return stays(0, old_->manifest
                        ? fmt::format("it is held to the manifest {}, and that program is not",
                                      old_->manifest->name)
                        : "that program is held to a manifest, and it is not");
  if (!takes_the_same()) return verdict_;
  if (auto found = find_unbegun(); !found) return tl::unexpected(found.error());

  auto entries = store_.entries(row_.key, 0);
  if (!entries) return tl::unexpected(entries.error());
  RecoveredRun old{vm::Machine(old_, {}), {}};
  RecoveredRun wanted{vm::Machine(new_, {}), {}};
  if (auto known = learn_upgrades(old, row_, *old_, *entries); !known)
    return tl::unexpected(known.error());
  if (auto known = learn_upgrades(wanted, row_, *new_, *entries); !known)
    return tl::unexpected(known.error());
  wanted.numberings.emplace_back(row_.head + 1, Numbering::between(ProgramNames::of(*old_), *new_));
  for (const Entry& entry : *entries) {
    std::string bound;
    if (entry.kind == Entry::Kind::kEvent) {
      auto journaled = decode_body(entry.body, store_);
      if (journaled)
        bound = bound_by(journaled->event, old.asked.find(answered_by(journaled->event)));
    }
    auto was = replay_entry(old, store_, row_, entry);
    if (!was) return tl::unexpected(was.error());
    auto now = replay_entry(wanted, store_, row_, entry, Compare::kNothing);
    if (!now) return stays(entry.number, now.error().message);
    if (!bound.empty()) return stays(entry.number, bound);
    if (!*was) continue;
    if (const auto why = differs(**was, **now, old, wanted)) return stays(entry.number, *why);
  }
  auto voted = has_votes();
  if (!voted) return tl::unexpected(voted.error());
  if (*voted) return verdict_;
  verdict_.what = UpgradeVerdict::What::kGoesOn;
  if (brought != nullptr) brought->emplace(std::move(wanted));
  return verdict_;
}

}  // namespace

Result<UpgradeVerdict> judge_upgrade(Store& store, const RunRow& row,
                                     const std::shared_ptr<const Program>& program,
                                     std::optional<RecoveredRun>* brought) {
  auto old = load_program(store, row);
  if (!old) return tl::unexpected(old.error());
  return Judge(store, row, std::move(*old), program).judge(brought);
}

Result<UpgradeVerdict> Engine::check_upgrade(
    const std::string& run, const Person& by,
    const std::shared_ptr<const bytecode::Program>& program) {
  auto row = state_->store->find_run(run);
  if (!row) return tl::unexpected(row.error());
  auto verdict = judge_upgrade(*state_->store, *row, program);
  if (!verdict || verdict->what != UpgradeVerdict::What::kGoesOn) return verdict;
  if (Status may = may_start(*program->find_runbook(row->runbook), by); !may)
    return tl::unexpected(may.error());
  return verdict;
}

Result<UpgradeVerdict> Engine::upgrade(const std::string& run,
                                       const std::shared_ptr<const bytecode::Program>& program,
                                       const Person& by) {
  State& state = *state_;
  auto found = state.find_changeable(run, "can't be moved");
  if (!found) return tl::unexpected(found.error());
  auto verdict = judge_upgrade(*state.store, *found, program);
  if (!verdict || verdict->what != UpgradeVerdict::What::kGoesOn) return verdict;
  if (Status may = may_start(*program->find_runbook(found->runbook), by); !may)
    return tl::unexpected(may.error());
  if (auto joined = state.join(); !joined) return tl::unexpected(joined.error());
  auto row = state.claim(*found, state.claim_patience(), Claimer::kPerson);
  if (!row) return tl::unexpected(row.error());
  // Once more, now that nobody else can go on with it.
  std::optional<RecoveredRun> brought;
  verdict = judge_upgrade(*state.store, *row, program, &brought);
  auto old = load_program(*state.store, *row);
  if (!old) return tl::unexpected(old.error());
  const bool moves = verdict && brought;
  if (!moves) {
    auto recovered = recover_run(*state.store, *row, *old);
    if (!recovered) return tl::unexpected(recovered.error());
    brought.emplace(std::move(*recovered));
  }
  auto driver =
      std::make_unique<RunDriver>(*row, moves ? program : *old, std::move(*brought), state.key);
  if (moves)
    driver->change_program(
        {row->program, bytecode::content_hash(*program), by.user, ProgramNames::of(**old)},
        state.now());
  driver->let_go(false);
  Group group;
  group.engine = state.key;
  group.changes.push_back(driver->take());
  group.changes.back().by = state.doer(by);
  Committed committed = state.committer->commit_here(std::move(group));
  if (!committed.result) {
    if (auto opened = state.store->reopen(); !opened) return tl::unexpected(opened.error());
    return tl::unexpected(committed.result.error());
  }
  if (!committed.result->lost.empty())
    return fail(ErrorKind::kLocked, fmt::format("another process has claimed run {}", row->id),
                "try again when that one has let it go");
  return verdict;
}

}  // namespace rbk::engine
