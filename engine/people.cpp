// What people decide: checked and posted here, taken up (messages.cpp) by whoever drives the run.
#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <map>

#include "engine/engine_state.h"
#include "engine/json_fields.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;

/// Whether an entry of `by` or `not_by`, {"user": "x"}, {"group": "x"} or {"starter": true}, speaks
/// of this person.
bool speaks_of(const json::value& entry, const std::string& starter, const Person& person) {
  const json::object* object = entry.if_object();
  if (object == nullptr) return false;
  if (flag_of(*object, "starter")) return person.user == starter;
  if (const std::string user = text_of(*object, "user"); !user.empty()) return user == person.user;
  const std::string group = text_of(*object, "group");
  return std::find(person.groups.begin(), person.groups.end(), group) != person.groups.end();
}

bool any_speaks_of(const json::object& description, std::string_view field,
                   const std::string& starter, const Person& person) {
  const json::value* list = description.if_contains(field);
  if (list == nullptr || !list->is_array()) return false;
  const json::array& entries = list->get_array();
  return std::any_of(entries.begin(), entries.end(),
                     [&](const json::value& entry) { return speaks_of(entry, starter, person); });
}

/// The command that goes on with a run that nobody drives.
std::string going_on(const RunRow& row) {
  return fmt::format("`rbk {} {}`", row.status == RunStatus::kPaused ? "unpause" : "resume",
                     row.id);
}

/// Not permitted, as far as is known.
tl::unexpected<Error> denied(const Person& person, std::string message, std::string cure) {
  if (!person.groups_problem.empty())
    message +=
        fmt::format("; which groups {} is in is not known: {}", person.user, person.groups_problem);
  return fail(ErrorKind::kPermission, std::move(message), std::move(cure));
}

bool names_groups(const json::object& description, std::string_view field) {
  const json::value* list = description.if_contains(field);
  if (list == nullptr || !list->is_array()) return false;
  const json::array& entries = list->get_array();
  return std::any_of(entries.begin(), entries.end(), [](const json::value& entry) {
    return entry.is_object() && entry.get_object().contains("group");
  });
}

/// Whether somebody is kept from an approval.
Status check_not_by(const json::object& description, const std::string& starter,
                    const Person& person) {
  const bool unknown = !person.groups_problem.empty() && names_groups(description, "not_by");
  if (!unknown && !any_speaks_of(description, "not_by", starter, person)) return {};
  return denied(person,
                fmt::format("{} may not decide on `{}`: it says `not by {}`", person.user,
                            text_of(description, "name"), people_listed(description, "not_by")),
                "somebody else has to decide");
}

std::string last_part(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace

std::string shown(const Person& person) {
  return person.real.empty() || person.real == person.user
             ? person.user
             : fmt::format("{} (as {})", person.real, person.user);
}

std::string people_listed(const json::object& description, std::string_view field) {
  std::string words;
  if (const json::value* list = description.if_contains(field); list && list->is_array())
    for (const json::value& entry : list->get_array())
      if (const json::object* object = entry.if_object())
        for (const auto& [kind, name] : *object) {
          if (!words.empty()) words += ", ";
          words += kind;
          if (name.is_string()) words += ' ' + std::string(name.get_string());
        }
  return words;
}

Status may_decide(const json::object& description, const std::string& starter, const Person& person,
                  bool is_escalated) {
  const std::string name = text_of(description, "name");
  if (auto kept = check_not_by(description, starter, person); !kept) return kept;
  if (person.user == starter && !flag_of(description, "allow_starter"))
    return fail(ErrorKind::kPermission,
                fmt::format("{} started this run and so may not decide on `{}`", person.user, name),
                "somebody else has to decide; `allow starter` in the approval would permit it");
  const std::string by = people_listed(description, "by");
  if (is_escalated && any_speaks_of(description, "escalate_to", starter, person)) return {};
  if (!by.empty() && !any_speaks_of(description, "by", starter, person))
    return denied(person,
                  fmt::format("{} may not decide on `{}`: it asks for {}", person.user, name, by),
                  "one of those has to decide; groups come from runbook.toml");
  return {};
}

Status may_break_glass(const json::object& description, const std::string& starter,
                       const Person& person) {
  const std::string name = text_of(description, "name");
  const std::string may = people_listed(description, "break_glass");
  if (may.empty())
    return fail(ErrorKind::kRefused,
                fmt::format("nobody may decide on `{}` alone: it has no `break_glass`", name),
                "those whom it asks have to decide, or `rbk cancel` ends the run");
  if (auto kept = check_not_by(description, starter, person); !kept) return kept;
  if (any_speaks_of(description, "break_glass", starter, person)) return {};
  return denied(person,
                fmt::format("{} may not break the glass of `{}`: {} may", person.user, name, may),
                "one of those has to; groups come from runbook.toml");
}

Status may_start(const bytecode::Runbook& runbook, const Person& person) {
  for (const bytecode::Starters& starters : runbook.allow) {
    std::string names;
    bool is_one = false;
    for (const bytecode::Starters::Who& who : starters.who) {
      names += fmt::format("{}{} {}", names.empty() ? "" : ", ", who.is_group ? "group" : "user",
                           who.name);
      is_one = is_one || (who.is_group ? std::find(person.groups.begin(), person.groups.end(),
                                                   who.name) != person.groups.end()
                                       : who.name == person.user);
    }
    if (is_one) continue;
    const bool calls = starters.runbook != runbook.name;
    return denied(person,
                  fmt::format("{} may not start {}: {} {}", person.user, runbook.name,
                              calls ? fmt::format("it may call {}, which allows", starters.runbook)
                                    : std::string("it allows"),
                              names),
                  "one of those has to start it; groups come from runbook.toml");
  }
  return {};
}

Status may_answer(const json::object& description, const std::string& starter,
                  const Person& person) {
  const std::string by = people_listed(description, "by");
  if (by.empty() || any_speaks_of(description, "by", starter, person)) return {};
  return denied(
      person,
      fmt::format("{} may not answer `{}`: it asks {}", person.user, text_of(description, "name"),
                  by == "starter" ? "whoever started the run, " + starter : by),
      "one of those has to answer; groups come from runbook.toml");
}

std::string approval_name(const Wait& wait, const json::object& description) {
  const std::string name = text_of(description, "name");
  return name.empty() ? last_part(wait.path) : name;
}

bool Engine::State::is_escalated(const Wait& wait) {
  const auto at = escalates_at(object_of(wait.description), wait.since);
  return at && *at <= world.clock->wall();
}

Status Engine::State::post(RunKey run, vm::RequestId request, Message::Kind kind,
                           const json::object& body, const Person& by, std::string id,
                           std::string path) {
  Message message;
  message.id = id.empty()
                   ? fmt::format("{:016x}{:016x}", world.random->next(), world.random->next())
                   : std::move(id);
  message.run = run;
  message.request = request;
  message.kind = kind;
  message.body = json::serialize(body);
  message.by = shown(by);
  message.time = world.clock->wall();
  message.path = std::move(path);
  look_now = true;
  return store->post(message, {by.user, by.real, message.time});
}

namespace {

/// How messages speak of what waits.
struct WaitWords {
  std::string_view thing;    // "run r has no THING `x`"
  std::string_view awaited;  // "run r waits for no AWAITED"
};

WaitWords words_of(Wait::Kind kind) {
  switch (kind) {
    case Wait::Kind::kApproval:
      return {"approval", "approval"};
    case Wait::Kind::kQuestion:
      return {"question", "answer to a question"};
    case Wait::Kind::kDoubt:
      return {"step in doubt", "answer about a step"};
    case Wait::Kind::kSignal:
      return {"signal", "signal"};
    case Wait::Kind::kFailure:
      return {"failed step", "answer about a step"};
  }
  return {"wait", "answer"};
}

}  // namespace

Result<Wait> Engine::State::find_wait(const RunRow& row, Wait::Kind kind, const std::string& name) {
  const WaitWords words = words_of(kind);
  auto waits = store->waits(row.key);
  if (!waits) return tl::unexpected(waits.error());
  const auto own_name = [&](const Wait& wait) {
    const bool is_step = kind == Wait::Kind::kDoubt || kind == Wait::Kind::kFailure;
    return is_step ? wait.path : approval_name(wait, object_of(wait.description));
  };
  std::map<std::string, int> named;
  for (const Wait& wait : *waits)
    if (wait.kind == kind) ++named[own_name(wait)];
  std::vector<Wait> fit;
  std::string others;
  std::optional<Wait> exact;
  bool twice = false;
  for (Wait& wait : *waits) {
    if (wait.kind != kind) continue;
    const std::string own = own_name(wait);
    others += (others.empty() ? "" : ", ") + (named[own] > 1 ? wait.path : own);
    if (wait.path == name) {
      if (std::exchange(exact, std::move(wait))) twice = true;
      continue;
    }
    if (name.empty() || own == name || last_part(wait.path) == name) fit.push_back(std::move(wait));
  }
  if (exact && !twice) return *std::move(exact);
  if (fit.size() == 1) return fit.front();
  const bool undriven = !is_over(row.status) && row.status != RunStatus::kQuarantined &&
                        row.status != RunStatus::kWaiting && !holder_lives(row.key);
  if (fit.empty() && others.empty()) {
    DriveEnd family;
    (void)add_awaited(row, family);  // what can't be read is not told
    const auto is_step = [](Wait::Kind one) {
      return one == Wait::Kind::kDoubt || one == Wait::Kind::kFailure;
    };
    for (const WaitingFor& wait : family.waits)
      if (wait.kind == kind || (is_step(wait.kind) && is_step(kind)))
        return fail(ErrorKind::kRefused,
                    fmt::format("run {} waits for no {} itself: run {}, which it started, does",
                                row.id, words.awaited, wait.run),
                    fmt::format("say {} in its place: {} of it waits", wait.run, wait.name));
    return fail(ErrorKind::kRefused,
                fmt::format("run {} waits for no {}: it is {}", row.id, words.awaited,
                            to_string(row.status)),
                undriven ? fmt::format("nobody drives it: {} goes on with it", going_on(row))
                         : fmt::format("`rbk show {}` tells how it stands", row.id));
  }
  if (twice)
    return fail(ErrorKind::kRefused,
                fmt::format("several of run {} are called `{}`, and none can be told from another",
                            row.id, name),
                fmt::format("`rbk cancel {}` ends it", row.id));
  if (fit.empty())
    return fail(ErrorKind::kNotFound,
                fmt::format("run {} has no {} `{}`", row.id, words.thing, name),
                "it waits for: " + others);
  return fail(ErrorKind::kInvalid, fmt::format("run {} waits for several", row.id),
              "name one of: " + others);
}

/// What the machine would do then. Tried on a machine of its own, which is thrown away.
Result<vm::Turn> Engine::State::try_on_machine(const RunRow& row, decltype(vm::Event::what) what) {
  auto program = load_program(*store, row);
  if (!program) return tl::unexpected(program.error());
  auto run = recover_run(*store, row, *program);
  if (!run) return tl::unexpected(run.error());
  run->machine.refuse_unknown_fields();
  return run->machine.deliver({std::max(run->time, world.clock->wall()), std::move(what)});
}

/// Whether the machine would take this form. One that fails a `where` it would ask for again, with
/// a warning that says why: that is refused here too, while the person can still mend it.
Status Engine::State::check_decision(const RunRow& row, const Wait& wait,
                                     vm::event::Decided decided) {
  auto turn = try_on_machine(row, std::move(decided));
  if (!turn) return tl::unexpected(turn.error());
  const bool again =
      std::any_of(turn->requests.begin(), turn->requests.end(), [&](const vm::Request& request) {
        const auto* approve = std::get_if<vm::request::Approve>(&request.what);
        return approve != nullptr && approve->path == wait.path;
      });
  const std::string warning = fmt::format("{} `{}` is asked again, ", words_of(wait.kind).thing,
                                          approval_name(wait, object_of(wait.description)));
  for (const vm::Mark& mark : turn->marks)
    if (again && mark.kind == vm::Mark::Kind::kLog && mark.text.starts_with(warning))
      return fail(ErrorKind::kInvalid, "the form: " + mark.text.substr(warning.size()),
                  "give the field a value that fits");
  return {};
}

/// Whether a person's output fits what the doubtful action gives.
Status Engine::State::check_output(const RunRow& row, vm::RequestId request,
                                   const json::value& output, const Person& by) {
  auto program = load_program(*store, row);
  if (!program) return tl::unexpected(program.error());
  auto run = recover_run(*store, row, *program);
  if (!run) return tl::unexpected(run.error());
  const Asked* asked = run->asked.find(request);
  if (asked == nullptr) return fail(ErrorKind::kRefused, "it has been answered");
  if (asked->perform() == nullptr) {
    auto turn = try_on_machine(
        row, vm::event::Resolved{request, vm::event::Resolved::How::kDone, output, by.user});
    if (!turn) return tl::unexpected(turn.error());
    return {};
  }
  const bytecode::ActionImport& action = (*program)->actions[asked->perform()->action];
  if (action.result == bytecode::kNone) return {};
  // As a parameter of that type would be read.
  bytecode::Runbook reads;
  reads.name = action.name;
  reads.parameters.emplace_back();
  reads.parameters[0].name = "output";
  reads.parameters[0].type = action.result;
  auto fits = vm::check_parameters(**program, reads, {{"output", output}});
  if (!fits)
    return fail(ErrorKind::kInvalid, fits.error().message,
                fmt::format("give --output as {} gives it", action.name));
  return {};
}

namespace {

/// Refuses what the form does not ask for: a slip of the pen would otherwise be a default.
Status check_form_names(const json::object& description, const json::object& given) {
  std::string listed;
  std::vector<std::string> known;
  if (const auto form = description.if_contains("form"); form != nullptr && form->is_object()) {
    const json::value* fields = form->get_object().if_contains("fields");
    for (const json::value& field :
         fields != nullptr && fields->is_array() ? fields->get_array() : json::array{}) {
      known.push_back(field.is_object() ? text_of(field.get_object(), "name") : std::string());
      listed += fmt::format("{}{}", listed.empty() ? "" : ", ", known.back());
    }
  }
  for (const auto& field : given) {
    if (std::find(known.begin(), known.end(), field.key()) != known.end()) continue;
    return fail(
        ErrorKind::kInvalid,
        fmt::format("the form has no field `{}`", std::string_view(field.key())),
        listed.empty() ? "it asks for nothing but the decision" : fmt::format("it has {}", listed));
  }
  return {};
}

}  // namespace

Status Engine::cancel(const std::string& run, CancelHow how, bool now, const Person& by) {
  auto row = state_->find_changeable(run, "can't be cancelled");
  if (!row) return tl::unexpected(row.error());
  if (row->status == RunStatus::kQuarantined) return quarantined(*row, "can't be cancelled");
  if (is_over(row->status))
    return fail(
        ErrorKind::kRefused,
        fmt::format("run {} can't be cancelled: it is {}", row->id, to_string(row->status)),
        fmt::format("`rbk show {}` tells what it did; `rbk rollback {}` undoes what of that can be "
                    "undone",
                    row->id, row->id));
  if (row->origin != 0)
    return fail(ErrorKind::kRefused,
                fmt::format("run {} is a rollback, which can't be cancelled", row->id),
                fmt::format("{} goes on with it", going_on(*row)));
  return state_->post(row->key, 0, Message::Kind::kCancel,
                      {{"rollback", how == CancelHow::kRollback}, {"now", now}}, by);
}

Result<WaitingFor> Engine::approve(const std::string& run, const std::string& name,
                                   const json::object& form, const Person& by,
                                   const std::string& break_glass) {
  auto row = state_->find_changeable(run, "can't be decided on");
  if (!row) return tl::unexpected(row.error());
  auto wait = state_->find_wait(*row, Wait::Kind::kApproval, name);
  if (!wait) return tl::unexpected(wait.error());
  const json::object description = object_of(wait->description);
  if (wait->expires && state_->world.clock->wall() >= *wait->expires)
    return fail(ErrorKind::kRefused,
                fmt::format("approval `{}` of run {} has expired",
                            approval_name(*wait, description), row->id),
                fmt::format("{} goes on with what it says for that case", going_on(*row)));
  const bool alone = !break_glass.empty();
  if (auto may = alone ? may_break_glass(description, row->starter, by)
                       : may_decide(description, row->starter, by, state_->is_escalated(*wait));
      !may)
    return tl::unexpected(may.error());
  auto votes = state_->store->votes(row->key, wait->request);
  if (!votes) return tl::unexpected(votes.error());
  json::object wanted = form;
  if (!votes->empty() && !alone) {
    const json::object first = object_of(votes->front().body);
    const json::value* filled = first.if_contains("form");
    if (form.empty()) wanted = form_of(first);
    if (filled != nullptr && *filled != json::value(wanted))
      return fail(ErrorKind::kInvalid,
                  fmt::format("{} approved with another form: {}", text_of(first, "user"),
                              json::serialize(*filled)),
                  "approve without --set to agree to it, or reject");
  }
  if (auto known = check_form_names(description, wanted); !known)
    return tl::unexpected(known.error());
  if (auto fits = state_->check_decision(
          *row, *wait, vm::event::Decided{wait->request, true, wanted, {by.user}, break_glass});
      !fits) {
    // Or somebody has decided meanwhile.
    row = state_->store->find_run(run);
    if (!row) return tl::unexpected(row.error());
    wait = state_->find_wait(*row, Wait::Kind::kApproval, name);
    return tl::unexpected(wait ? fits.error() : wait.error());
  }
  json::object body{{"user", by.user}, {"form", wanted}};
  if (alone) body["break_glass"] = break_glass;
  auto posted = state_->post(
      row->key, wait->request, Message::Kind::kVote, body, by,
      fmt::format("{}:{}:{}:{}", alone ? "glass" : "vote", row->id, wait->request, by.user),
      wait->path);
  if (!posted && posted.error().kind == ErrorKind::kExists)
    return fail(
        ErrorKind::kRefused,
        fmt::format("{} has approved `{}` already", by.user, approval_name(*wait, description)),
        number_of(description, "quorum", 1) > 1
            ? std::string("others have to approve it too")
            : fmt::format("{} goes on with the run", going_on(*row)));
  if (!posted) return tl::unexpected(posted.error());
  return state_->describe(*wait, *row);
}

Result<WaitingFor> Engine::reject(const std::string& run, const std::string& name,
                                  const std::string& reason, const Person& by) {
  auto row = state_->find_changeable(run, "can't be decided on");
  if (!row) return tl::unexpected(row.error());
  auto wait = state_->find_wait(*row, Wait::Kind::kApproval, name);
  if (!wait) return tl::unexpected(wait.error());
  if (auto may =
          may_decide(object_of(wait->description), row->starter, by, state_->is_escalated(*wait));
      !may)
    return tl::unexpected(may.error());
  auto posted = state_->post(row->key, wait->request, Message::Kind::kReject,
                             {{"user", by.user}, {"reason", reason}}, by,
                             fmt::format("reject:{}:{}", row->id, wait->request), wait->path);
  if (!posted && posted.error().kind == ErrorKind::kExists)
    return fail(ErrorKind::kRefused, "it was rejected already",
                fmt::format("{} goes on with the run", going_on(*row)));
  if (!posted) return tl::unexpected(posted.error());
  return state_->describe(*wait, *row);
}

Result<WaitingFor> Engine::answer(const std::string& run, const std::string& name,
                                  const json::object& form, const Person& by) {
  auto row = state_->find_changeable(run, "can't be answered");
  if (!row) return tl::unexpected(row.error());
  auto wait = state_->find_wait(*row, Wait::Kind::kQuestion, name);
  if (!wait) return tl::unexpected(wait.error());
  const json::object description = object_of(wait->description);
  const std::string own_name = approval_name(*wait, description);
  if (wait->expires && state_->world.clock->wall() >= *wait->expires)
    return fail(ErrorKind::kRefused,
                fmt::format("the time to answer `{}` of run {} is up", own_name, row->id),
                fmt::format("{} goes on with what it says for that case", going_on(*row)));
  if (auto may = may_answer(description, row->starter, by); !may)
    return tl::unexpected(may.error());
  if (auto known = check_form_names(description, form); !known)
    return tl::unexpected(known.error());
  if (auto fits = state_->check_decision(
          *row, *wait, vm::event::Decided{wait->request, true, form, {by.user}, {}});
      !fits) {
    // Or somebody has answered meanwhile.
    row = state_->store->find_run(run);
    if (!row) return tl::unexpected(row.error());
    wait = state_->find_wait(*row, Wait::Kind::kQuestion, name);
    return tl::unexpected(wait ? fits.error() : wait.error());
  }
  auto posted = state_->post(row->key, wait->request, Message::Kind::kAnswer,
                             {{"user", by.user}, {"form", form}}, by,
                             fmt::format("answer:{}:{}", row->id, wait->request), wait->path);
  if (!posted && posted.error().kind == ErrorKind::kExists)
    return fail(ErrorKind::kRefused, fmt::format("`{}` has been answered already", own_name),
                fmt::format("`rbk show {}` tells how the run stands", row->id));
  if (!posted) return tl::unexpected(posted.error());
  return state_->describe(*wait, *row);
}

/// The step of this path that is in doubt, or has failed and asks.
Result<Wait> Engine::State::find_resolvable(const RunRow& row, const std::string& path) {
  auto doubt = find_wait(row, Wait::Kind::kDoubt, path);
  if (doubt) return doubt;
  auto failure = find_wait(row, Wait::Kind::kFailure, path);
  // What names those that there are says more.
  const bool none_fails = !failure && failure.error().kind == ErrorKind::kRefused;
  return none_fails ? doubt : failure;
}

Status Engine::resolve(const std::string& run, const std::string& path, Resolution how,
                       const std::optional<json::value>& output, const Person& by) {
  auto row = state_->find_changeable(run, "can't be answered");
  if (!row) return tl::unexpected(row.error());
  auto wait = state_->find_resolvable(*row, path);
  if (!wait) return tl::unexpected(wait.error());
  if (wait->kind == Wait::Kind::kFailure) {
    if (auto may = may_answer(object_of(wait->description), row->starter, by); !may)
      return tl::unexpected(may.error());
    if (how == Resolution::kNotDone)
      return fail(ErrorKind::kInvalid,
                  fmt::format("step {} is not in doubt: it has failed", wait->path),
                  "say `retry` to have it tried again, or `done`, `fail` or `leave`");
  }
  if (output && how != Resolution::kDone)
    return fail(ErrorKind::kInvalid, "an output belongs to `done` only", "leave --output out");
  std::optional<json::value> given = output;
  if (how == Resolution::kDone) {
    auto fits = state_->check_output(*row, wait->request, output.value_or(nullptr), by);
    if (!fits && !output) {
      // Not said: what its fields say by themselves, if all of them do.
      given = json::object{};
      if (state_->check_output(*row, wait->request, *given, by)) fits = {};
    }
    if (!fits) return fits;
  }
  constexpr const char* kWords[] = {"done", "not_done", "retry", "fail", "leave"};
  json::object body{{"how", kWords[static_cast<size_t>(how)]}, {"user", by.user}};
  if (given) body["output"] = *given;
  // One answer to each question: a step can come into doubt again, at the same time by a clock that
  // was put back.
  const json::object described = object_of(wait->description);
  auto posted = state_->post(row->key, wait->request, Message::Kind::kResolve, body, by,
                             fmt::format("resolve:{}:{}:{}:{}", row->id, wait->request, wait->since,
                                         number_of(described, "repetition", 0)),
                             wait->path);
  if (!posted && posted.error().kind == ErrorKind::kExists)
    return fail(ErrorKind::kRefused, fmt::format("step {} has been answered already", wait->path),
                fmt::format("`rbk show {}` tells how the run stands", row->id));
  return posted;
}

}  // namespace rbk::engine
