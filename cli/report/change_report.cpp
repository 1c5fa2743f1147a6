#include "cli/report/change_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text_width.h"
#include "cli/report/effects_report.h"

namespace rbk::cli {
namespace {

using effects::Change;
using Kind = Change::Kind;
using Changed = Change::What;

std::string_view kind_name(Kind kind) {
  return kind == Kind::kAdded ? "added" : kind == Kind::kRemoved ? "removed" : "changed";
}

std::string_view what_name(Changed what) {
  static constexpr std::string_view kNames[] = {
      "runbook", "parameter", "result", "starter",  "host",     "request", "program",  "command",
      "query",   "secret",    "file",   "approval", "ask",      "signal",  "lock",     "call",
      "step",    "rule",      "commit", "forward",  "rollback", "outside", "schedule", "worker"};
  return kNames[static_cast<int>(what)];
}

/// One line, without what would move the cursor.
std::string on_one_line(const std::string& text) {
  std::string one = text;
  std::replace(one.begin(), one.end(), '\n', ' ');
  return printable(one);
}

std::string code(const std::string& text) { return fmt::format("`{}`", on_one_line(text)); }

/// ", in drain (undo)".
std::string in_place(const Change& change) {
  const std::string place = place_text(change.place);
  return place.empty() ? "" : ", in " + place;
}

std::string was_and_is(const std::string& of, const Change& change) {
  const auto shown = [](const std::string& text) { return text.empty() ? "none" : code(text); };
  return fmt::format("{} is {}, was {}", of, shown(change.after), shown(change.before));
}

/// "step `drain` is done only if `x`, was always".
std::string only_if(const std::string& what, const Change& change) {
  const auto shown = [](const std::string& condition) {
    return condition.empty() ? "always" : "only if " + code(condition);
  };
  return fmt::format("{} {}, was {}", what, shown(change.after), shown(change.before));
}

std::string parameter(const Change& change) {
  const std::string name = code(change.subject);
  if (change.kind == Kind::kAdded)
    return fmt::format(
        "takes the new parameter {}{}", code(change.subject + ": " + change.after),
        change.after.find(" = ") == std::string::npos ? ", which must be given" : "");
  if (change.kind == Kind::kRemoved) return "no longer takes the parameter " + name;
  if (change.aspect == "where") {
    if (change.after.empty())
      return fmt::format("parameter {} may be anything, was where {}", name, code(change.before));
    if (change.before.empty())
      return fmt::format("parameter {} may only be where {}", name, code(change.after));
    const std::string in = change.subject + " in ";
    if (change.before.starts_with(in) && change.after.starts_with(in))
      return fmt::format("parameter {} may be in {}, was in {}", name,
                         on_one_line(change.after.substr(in.size())),
                         on_one_line(change.before.substr(in.size())));
    return fmt::format("parameter {} may be what has {}, was what has {}", name, code(change.after),
                       code(change.before));
  }
  if (change.aspect == "members")
    return fmt::format("parameter {} may be {}, was {}", name, change.after, change.before);
  if (change.aspect == "default" && change.after.empty())
    return fmt::format("parameter {} must be given, its default was {}", name, code(change.before));
  return was_and_is(fmt::format("the {} of parameter {}", change.aspect, name), change);
}

std::string approval(const Change& change) {
  const std::string name =
      (change.what == Changed::kAsk ? "question " : "approval ") + code(change.subject);
  if (change.kind == Kind::kAdded) return "adds the " + name;
  if (change.kind == Kind::kRemoved) return "drops the " + name;
  if (change.aspect == "by") {
    const auto who = [](const std::string& text) { return text.empty() ? "anybody" : text; };
    return fmt::format("the {} is decided by {}, was {}", name, who(change.after),
                       who(change.before));
  }
  if (change.aspect == "starter")
    return fmt::format("whoever started the run may {}decide on the {}",
                       change.after == "allowed" ? "" : "no longer ", name);
  if (change.aspect == "only_if") return only_if("the " + name + " is asked for", change);
  if (change.aspect == "not_by")
    return was_and_is(fmt::format("who may not decide on the {}", name), change);
  return was_and_is(fmt::format("the {} of the {}", change.aspect, name), change);
}

std::string step(const Change& change) {
  const std::string name = code(change.subject);
  if (change.kind != Kind::kChanged) {
    const std::string& calls = change.kind == Kind::kAdded ? change.after : change.before;
    return fmt::format("{} the step {}{}", change.kind == Kind::kAdded ? "has" : "no longer has",
                       name, calls.empty() ? "" : fmt::format(" ({})", calls));
  }
  if (change.aspect == "behaviour") {
    const auto verb = [](const std::string& behaviour, std::string_view is) {
      return behaviour == "idempotent" ? fmt::format("{} idempotent", is)
             : behaviour.empty()       ? std::string("calls no action")
                                       : behaviour;
    };
    return fmt::format("step {} {} now, before it {}", name, verb(change.after, "is"),
                       verb(change.before, "was"));
  }
  if (change.aspect == "undo") {
    if (change.before == "rollback")
      return fmt::format("no longer undoes step {}{}", name,
                         change.after.empty() ? "" : ": " + on_one_line(change.after));
    if (change.after == "rollback") return fmt::format("undoes step {} now", name);
  }
  if (change.aspect == "when" && change.after.empty())
    return fmt::format("step {} is always done, was only when {}", name, code(change.before));
  if (change.aspect == "only_if") return only_if("step " + name + " is done", change);
  if (const size_t blank = change.aspect.find(' '); change.aspect.starts_with("argument "))
    return was_and_is(
        fmt::format("the argument `{}` of step {}", change.aspect.substr(blank + 1), name), change);
  if (change.aspect == "calls" && !change.after.empty() && !change.before.empty())
    return fmt::format("step {} calls {}, was {}", name, code(change.after), code(change.before));
  std::string aspect = change.aspect;
  std::replace(aspect.begin(), aspect.end(), '_', ' ');
  return was_and_is(fmt::format("`{}` of step {}", aspect, name), change);
}

std::string signal(const Change& change) {
  const std::string name = code(change.subject);
  if (change.kind != Kind::kChanged)
    return fmt::format("{} for the signal {}{}",
                       change.kind == Kind::kAdded ? "waits" : "no longer waits", name,
                       in_place(change));
  const auto who = [](const std::string& text) { return text.empty() ? "anybody" : text; };
  if (change.aspect == "by")
    return fmt::format("the signal {} may come from {}, was {}", name, who(change.after),
                       who(change.before));
  return was_and_is(fmt::format("the {} of the signal {}", change.aspect, name), change);
}

std::string rule(const Change& change) {
  const std::string name = code(change.subject);
  const std::string place = in_place(change);
  if (change.kind != Kind::kChanged)
    return fmt::format("{} {}{}", change.kind == Kind::kAdded ? "has" : "no longer has", name,
                       place);
  if (change.aspect == "only_if") return only_if(name + " is there", change) + place;
  if (change.aspect == "text") {
    const std::string word = change.subject.substr(0, change.subject.find(' '));
    if (word == "fn") return fmt::format("the function {} does something else", name);
    if (word == "record" || word == "action")
      return fmt::format("the {} {} is declared otherwise", word,
                         code(change.subject.substr(word.size() + 1)));
    return was_and_is(
               change.subject.ends_with(change.after)
                   ? code(change.subject.substr(0, change.subject.size() - change.after.size() - 1))
                   : code(word),
               change) +
           place;
  }
  return was_and_is(fmt::format("the `{}` of {}", change.aspect, name), change) + place;
}

/// "adds" and "no longer", with a verb for each.
std::string reached(const Change& change) {
  const bool added = change.kind == Kind::kAdded;
  const std::string place = in_place(change);
  const std::string name = on_one_line(change.subject);
  switch (change.what) {
    case Changed::kHost:
      return fmt::format("{} the host {}{}", added ? "reaches" : "no longer reaches", name, place);
    case Changed::kRequest:
      if (change.kind == Kind::kChanged) return was_and_is("the request " + name, change);
      return fmt::format("{} {}{}", added ? "requests" : "no longer requests", name, place);
    case Changed::kProgram:
      return fmt::format("{} the program {}", added ? "starts" : "no longer starts", name);
    case Changed::kCommand:
      if (change.kind == Kind::kChanged)
        return fmt::format("runs {}, was {}{}", code(change.after), code(change.before), place);
      return fmt::format("{} {}{}", added ? "runs" : "no longer runs",
                         code(added ? change.after : change.before), place);
    case Changed::kQuery:
      return fmt::format("{} {}{}", added ? "asks the database" : "no longer asks the database",
                         code(change.subject), place);
    case Changed::kSecret:
      if (change.kind == Kind::kChanged)
        return fmt::format("gives the secret {} to {}{}", name, change.after, place);
      return fmt::format("{} the secret {}{}", added ? "reads" : "no longer reads", name, place);
    case Changed::kFile:
      return fmt::format("{} the file {} ({}){}", added ? "uses" : "no longer uses", name,
                         change.aspect, place);
    case Changed::kLock:
      if (change.kind == Kind::kChanged)
        return was_and_is(fmt::format("the terms of the {}", name), change);
      return fmt::format("{} the {}{}", added ? "takes" : "no longer takes", name, place);
    case Changed::kCall:
      return fmt::format("{} the runbook {}{}", added ? "calls" : "no longer calls", name, place);
    case Changed::kOutside:
      if (change.kind == Kind::kChanged)
        return was_and_is("what the calendar " + code(change.subject) + " closes", change);
      return fmt::format("{} while the calendar {} is closed",
                         added ? "must no longer begin" : "may begin", code(change.subject));
    case Changed::kSchedule:
      if (change.kind == Kind::kChanged)
        return was_and_is(
            fmt::format("the {} of the schedule {}", change.aspect, code(change.subject)), change);
      return fmt::format("{} by the schedule {}", added ? "is started" : "is no longer started",
                         code(change.subject));
    case Changed::kStarters:
      return fmt::format("{} may {}start it", name, added ? "" : "no longer ");
    case Changed::kWorker:
      return fmt::format("{} for workers \"{}\"", added ? "is" : "is no longer",
                         on_one_line(change.subject));
    default:
      return fmt::format("{} the point of no return \"{}\"", added ? "has" : "no longer has", name);
  }
}

}  // namespace

std::string change_text(const Change& change) {
  switch (change.what) {
    case Changed::kRunbook:
      return change.kind == Kind::kAdded ? "is new" : "is gone";
    case Changed::kParameter:
      return parameter(change);
    case Changed::kResult:
      return was_and_is("what it gives", change);
    case Changed::kApproval:
    case Changed::kAsk:
      return approval(change);
    case Changed::kStep:
      return step(change);
    case Changed::kSignal:
      return signal(change);
    case Changed::kRule:
      return rule(change);
    case Changed::kForwardTime:
    case Changed::kRollbackTime: {
      const std::string_view takes =
          change.what == Changed::kForwardTime ? "it takes" : "undoing it takes";
      if (change.after == "no bound")
        return fmt::format("how long {} has no bound, was at most {}", takes, change.before);
      return fmt::format("{} at most {}, {}", takes, change.after,
                         change.before == "no bound" ? "had no bound" : "was " + change.before);
    }
    default:
      return reached(change);
  }
}

boost::json::object change_json(const std::string& runbook, const Change& change) {
  boost::json::object made{
      {"runbook", runbook}, {"change", kind_name(change.kind)}, {"what", what_name(change.what)}};
  if (!change.subject.empty()) made["name"] = change.subject;
  if (!change.aspect.empty()) made["aspect"] = change.aspect;
  if (!change.before.empty() || change.kind == Kind::kChanged) made["before"] = change.before;
  if (!change.after.empty() || change.kind == Kind::kChanged) made["after"] = change.after;
  if (!change.place.step.empty()) made["step"] = change.place.step;
  if (!change.place.step.empty() || change.place.phase != effects::Phase::kForward)
    made["phase"] = phase_name(change.place.phase);
  made["widens"] = change.widens;
  made["text"] = change_text(change);
  return made;
}

}  // namespace rbk::cli
