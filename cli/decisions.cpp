// `approve`, `reject`, `answer`, `resolve`, `cancel` and `rollback`: what people do to a run. Each
// then goes on with it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/report/form.h"
#include "cli/session.h"

namespace rbk::cli {
namespace {

/// A form's value: JSON where it is some, else text. The engine holds it against the field's type.
boost::json::value form_value(const std::string& text) {
  boost::json::error_code problem;
  boost::json::value value = boost::json::parse(text, problem);
  return problem ? boost::json::value(boost::json::string(text)) : value;
}

/// The type of the form's field, without the `?`; empty if the form has no such field.
std::string_view type_of(const std::vector<FormField>& form, std::string_view name) {
  for (const FormField& field : form) {
    std::string_view type = field.type;
    if (field.name == name) return type.ends_with('?') ? type.substr(0, type.size() - 1) : type;
  }
  return {};
}

/// A value of that type: where it is text, `007` stays what was typed.
boost::json::value value_of(std::string_view type, const std::string& text) {
  return type == "string" ? boost::json::value(boost::json::string(text)) : form_value(text);
}

/// Puts one `--set` into the form. A list is given by repeating, or as JSON.
Status set_field(boost::json::object& form, std::string_view type, const std::string& name,
                 const std::string& text) {
  boost::json::value* before = form.if_contains(name);
  const bool is_list = type.starts_with("list<") && type.ends_with('>');
  if (!is_list) {
    if (before != nullptr && !type.empty())
      return fail(ErrorKind::kInvalid, fmt::format("--set {} is given twice", name),
                  "only a list is given by repeating");
    form[name] = value_of(type, text);
    return {};
  }
  std::string_view element = type.substr(5, type.size() - 6);
  if (element.ends_with('?')) element.remove_suffix(1);
  if (before == nullptr) form[name] = boost::json::array();
  boost::json::array& list = form[name].as_array();
  boost::json::value several = text.starts_with('[') ? form_value(text) : boost::json::value();
  if (several.is_array())
    for (boost::json::value& one : several.as_array()) list.push_back(std::move(one));
  else
    list.push_back(value_of(element, text));
  return {};
}

Result<boost::json::object> read_form(Session& session, const std::string& run,
                                      engine::Wait::Kind kind,
                                      const std::optional<std::string>& name,
                                      const std::vector<std::string>& set) {
  boost::json::object form;
  if (set.empty()) return form;
  Result<std::vector<engine::WaitingFor>> waits = kind == engine::Wait::Kind::kApproval
                                                      ? session.engine->approvals(run)
                                                      : session.engine->questions(run);
  if (!waits) return tl::unexpected(waits.error());
  std::vector<FormField> fields;
  for (const engine::WaitingFor& wait : *waits) {
    if (!name || wait.name == *name || wait.path == *name) fields = form_of(wait.description);
  }
  for (const std::string& one : set) {
    auto pair = key_and_value("--set", one);
    if (!pair) return tl::unexpected(pair.error());
    if (Status put = set_field(form, type_of(fields, pair->first), pair->first, pair->second); !put)
      return tl::unexpected(put.error());
  }
  return form;
}

void say_vote(const Terminal& terminal, const engine::WaitingFor& wait) {
  const auto votes = static_cast<int64_t>(wait.approved_by.size());
  if (terminal.json || votes >= wait.quorum) return;
  terminal.print(fmt::format("{}: {} of {} have approved: {}\n", wait.name, votes, wait.quorum,
                             fmt::join(wait.approved_by, ", ")));
}

bool says_something(const std::optional<std::string>& reason) {
  return reason && reason->find_first_not_of(" \t\n") != std::string::npos;
}

void show_undoable(const Terminal& terminal, const std::vector<vm::Undoable>& undoable,
                   bool only_shown) {
  if (terminal.json) {
    if (!only_shown) return;  // the events will say it
    for (const vm::Undoable& one : undoable)
      terminal.print_json({{"event", "would_undo"}, {"path", one.path}});
    return;
  }
  std::string text =
      only_shown ? "would be undone, in this order:\n" : "will be undone, in this order:\n";
  for (const vm::Undoable& one : undoable) text += fmt::format("  {}\n", one.path);
  if (undoable.empty()) text = "nothing is left to be undone\n";
  (only_shown ? terminal.print(text) : terminal.print_to_err(text));
}

ExitStatus go_on_after(const Terminal& terminal, Session& session, const std::string& run) {
  Result<engine::RunSummary> summary = session.engine->summary(run);
  if (!summary) return refuse(terminal, summary.error());
  const std::unique_ptr<Report> report = make_report(terminal);
  return go_on(terminal, session, summary->id, *report);
}

/// Of several who decide at once the first counts: the others are told.
ExitStatus tell_if_lost(const Terminal& terminal, Session& session, const engine::WaitingFor& wait,
                        engine::Decision::How wanted, ExitStatus status) {
  using How = engine::Decision::How;
  Result<std::optional<engine::Decision>> decision = session.engine->decision(wait);
  if (!decision) return refuse(terminal, decision.error());
  if (!*decision || (*decision)->how == wanted) return status;
  const std::string by = fmt::format("{}", fmt::join((*decision)->by, ", "));
  const bool question = wait.kind == engine::Wait::Kind::kQuestion;
  const std::string why = (*decision)->how == How::kApproved   ? by + " approved it first"
                          : (*decision)->how == How::kRejected ? by + " rejected it first"
                          : (*decision)->how == How::kExpired  ? "its time was up"
                                                               : "the run no longer waits for it";
  return refuse(terminal, {ErrorKind::kRefused,
                           fmt::format("this {} of `{}` did not count: {}",
                                       question                   ? "answer"
                                       : wanted == How::kApproved ? "approval"
                                                                  : "rejection",
                                       wait.name, why),
                           fmt::format("`rbk show {}` tells how the run stands", wait.run)});
}

/// A run whose end was certain when the cancellation came ends as it would have without; and of
/// several cancellations the first counts.
ExitStatus tell_if_too_late(const Terminal& terminal, Session& session, const std::string& run,
                            bool rollback, ExitStatus status) {
  Result<engine::RunSummary> summary = session.engine->summary(run);
  if (!summary) return refuse(terminal, summary.error());
  const bool over = engine::is_over(summary->status);
  const bool took_hold = summary->error && summary->error->kind == "Cancelled";
  // A doubt in what is cancelled ends with it: one that is left is in a rollback or the like.
  if ((over && !took_hold) || summary->status == engine::RunStatus::kInDoubt)
    return refuse(terminal,
                  {ErrorKind::kRefused,
                   fmt::format("the cancellation came too late: only clean-up was left of run {}, "
                               "which is now {}",
                               summary->id, engine::to_string(summary->status)),
                   over ? fmt::format("`rbk show {}` tells what it did", summary->id)
                        : "`rbk inbox` tells what a person has to answer"});
  if (!over) return status;
  Result<std::optional<engine::Cancellation>> first = session.engine->cancellation(run);
  if (!first) return refuse(terminal, first.error());
  if (!*first || (*first)->rollback == rollback) return status;
  return refuse(terminal,
                {ErrorKind::kRefused,
                 fmt::format("{} cancelled run {} first, and {}", (*first)->by, summary->id,
                             rollback ? "left what it did" : "had what it did undone"),
                 rollback ? fmt::format("`rbk rollback {}` undoes it", summary->id)
                          : fmt::format("`rbk show {}` tells how", summary->id)});
}

}  // namespace

ExitStatus approve_command(const Terminal& terminal, const Arguments& arguments) {
  std::string run;
  std::optional<std::string> name;
  std::vector<std::string> set;
  StoreOptions store;
  bool break_glass = false;
  std::optional<std::string> reason;
  Options options("approve",
                  "RUN [NAME] [--set FIELD=VALUE]… [--break-glass --reason TEXT] [--as USER]");
  options.word("RUN", run).optional_word("NAME", name).values("--set", set);
  options.flag("--break-glass", break_glass).value("--reason", reason);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (break_glass && !says_something(reason))
    return refuse(terminal, {ErrorKind::kInvalid, "--break-glass needs --reason TEXT",
                             "say why you decide alone: it is recorded, and told to others"});
  if (reason && !break_glass)
    return refuse(terminal, {ErrorKind::kInvalid, "--reason belongs to --break-glass here",
                             "leave it out; an approval has a form for what is to be said"});
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  Result<boost::json::object> form =
      read_form(*session, run, engine::Wait::Kind::kApproval, name, set);
  if (!form) return refuse(terminal, form.error());
  Result<engine::WaitingFor> wait = session->engine->approve(
      run, name.value_or(""), *form, session->person, break_glass ? *reason : std::string());
  if (!wait) return refuse(terminal, wait.error());
  if (!break_glass) say_vote(terminal, *wait);
  const ExitStatus status = go_on_after(terminal, *session, run);
  return tell_if_lost(terminal, *session, *wait, engine::Decision::How::kApproved, status);
}

ExitStatus reject_command(const Terminal& terminal, const Arguments& arguments) {
  std::string run;
  std::optional<std::string> name;
  std::optional<std::string> reason;
  StoreOptions store;
  Options options("reject", "RUN [NAME] --reason TEXT [--as USER]");
  options.word("RUN", run).optional_word("NAME", name).value("--reason", reason);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (!says_something(reason))
    return refuse(terminal, {ErrorKind::kInvalid, "`rbk reject` needs --reason TEXT",
                             "say why, for those who started it"});
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  Result<engine::WaitingFor> wait =
      session->engine->reject(run, name.value_or(""), *reason, session->person);
  if (!wait) return refuse(terminal, wait.error());
  const ExitStatus status = go_on_after(terminal, *session, run);
  return tell_if_lost(terminal, *session, *wait, engine::Decision::How::kRejected, status);
}

ExitStatus answer_command(const Terminal& terminal, const Arguments& arguments) {
  std::string run;
  std::optional<std::string> name;
  std::vector<std::string> set;
  StoreOptions store;
  Options options("answer", "RUN [NAME] [--set FIELD=VALUE]… [--as USER]");
  options.word("RUN", run).optional_word("NAME", name).values("--set", set);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  Result<boost::json::object> form =
      read_form(*session, run, engine::Wait::Kind::kQuestion, name, set);
  if (!form) return refuse(terminal, form.error());
  Result<engine::WaitingFor> wait =
      session->engine->answer(run, name.value_or(""), *form, session->person);
  if (!wait) return refuse(terminal, wait.error());
  const ExitStatus status = go_on_after(terminal, *session, run);
  return tell_if_lost(terminal, *session, *wait, engine::Decision::How::kApproved, status);
}

ExitStatus resolve_command(const Terminal& terminal, const Arguments& arguments) {
  constexpr std::array<std::pair<std::string_view, engine::Resolution>, 5> kAnswers{{
      {"done", engine::Resolution::kDone},
      {"not-done", engine::Resolution::kNotDone},
      {"retry", engine::Resolution::kRetry},
      {"fail", engine::Resolution::kFail},
      {"leave", engine::Resolution::kLeave},
  }};
  std::string run;
  std::string step;
  std::string answer;
  std::optional<std::string> output;
  StoreOptions store;
  Options options("resolve", "RUN STEP done|not-done|retry|fail|leave [--output JSON]");
  options.word("RUN", run).word("STEP", step).word("done|not-done|retry|fail|leave", answer);
  options.value("--output", output);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  const auto found = std::find_if(kAnswers.begin(), kAnswers.end(),
                                  [&](const auto& one) { return one.first == answer; });
  if (found == kAnswers.end())
    return refuse(terminal, {ErrorKind::kInvalid, fmt::format("there is no answer \"{}\"", answer),
                             "answer done, not-done, retry, fail or leave"});
  std::optional<boost::json::value> value;
  if (output) {
    boost::json::error_code problem;
    value = boost::json::parse(*output, problem);
    if (problem)
      return refuse(terminal,
                    {ErrorKind::kInvalid, fmt::format("--output is no JSON: {}", problem.message()),
                     "quote it for the shell: --output '{\"exit_code\": 0}'"});
    if (found->second != engine::Resolution::kDone)
      return refuse(terminal, {ErrorKind::kInvalid,
                               fmt::format("--output says nothing when the answer is {}", answer),
                               "leave it out, or answer done"});
  }
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  if (Status done = session->engine->resolve(run, step, found->second, value, session->person);
      !done)
    return refuse(terminal, done.error());
  return go_on_after(terminal, *session, run);
}

ExitStatus cancel_command(const Terminal& terminal, const Arguments& arguments) {
  std::string run;
  bool rollback = false;
  bool now = false;
  StoreOptions store;
  Options options("cancel", "RUN [--rollback] [--now]");
  options.word("RUN", run).flag("--rollback", rollback).flag("--now", now);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  const auto how = rollback ? engine::CancelHow::kRollback : engine::CancelHow::kLeave;
  if (Status cancelled = session->engine->cancel(run, how, now, session->person); !cancelled)
    return refuse(terminal, cancelled.error());
  const ExitStatus status = go_on_after(terminal, *session, run);
  return tell_if_too_late(terminal, *session, run, rollback, status);
}

ExitStatus rollback_command(const Terminal& terminal, const Arguments& arguments) {
  std::string run;
  std::optional<std::string> to;
  bool dry_run = false;
  StoreOptions store;
  Options options("rollback", "RUN [--to STEP] [--dry-run]");
  options.word("RUN", run).value("--to", to).flag("--dry-run", dry_run);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Session> session =
      open_session(store, dry_run ? engine::OpenMode::kReading : engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  Result<std::vector<vm::Undoable>> undoable = session->engine->undoable(run, to.value_or(""));
  if (!undoable) return refuse(terminal, undoable.error());
  show_undoable(terminal, *undoable, dry_run);
  if (dry_run) return ExitStatus::kSucceeded;
  Result<std::string> undoing = session->engine->rollback(run, to.value_or(""), session->person);
  if (!undoing) return refuse(terminal, undoing.error());
  Result<engine::RunSummary> made = session->engine->summary(*undoing);
  if (!made) return refuse(terminal, made.error());
  const std::unique_ptr<Report> report = make_report(terminal);
  report->started({made->id, made->runbook, {}, made->undoes});
  return go_on(terminal, *session, *undoing, *report);
}

}  // namespace rbk::cli
