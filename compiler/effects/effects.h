// What a runbook can touch, found from its text, constants and defaults alone: the effect summary.
// What is not known before a run is shown by the name that it comes from, as `${name}`. Nothing
// that the runbook can reach by its text is left out, unless `cut_short` says so: both arms of a
// condition that is not known, the rollbacks, `verify` blocks, handlers, and the runbooks it calls.
// A plain result: what it looks like is the caller's matter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/check/checked.h"
#include "compiler/effects/bound.h"

namespace rbk::effects {

/// When something happens.
enum class Phase : uint8_t {
  kForward,
  kRollback,        // undoing a step
  kVerify,          // `on doubt verify`
  kDefer,           // at the end in any case
  kBeforeRollback,  // the handlers
  kAfterSuccess,
  kAfterFailure,
  kAfterCancel,
};

/// Where something happens: a step's path without the items of loops, as "drain" or
/// "prepare/touch"; in a rollback the step that it undoes or, if it has steps, those. Empty:
/// outside of any step.
struct Place {
  std::string step;
  Phase phase = Phase::kForward;
  friend bool operator==(const Place&, const Place&) = default;
};

struct Request {
  std::string method;  // "POST"; "${method}" if not known; empty in a command of a shell
  std::string url;
  std::string host;       // "lb.${env}.example.com"; "${lb}" where that is all of it that is known
  std::string behaviour;  // "reads", "idempotent", "writes"
  std::string action;     // "http.post"
  Place place;
};

struct Command {
  std::string text;
  std::vector<std::string> programs;  // as far as the text tells
  std::string behaviour;
  std::string action;  // "shell"; of an own action its name
  std::string host;    // where it runs; empty: where the run does
  Place place;
};

struct Query {
  std::string text;
  std::string database;  // empty if no argument names it
  std::string behaviour;
  std::string action;
  Place place;
};

struct Secret {
  std::string name;  // "lb_token"
  std::string to;    // who is given it: "http.post bearer:", "shell PGPASSWORD"
  Place place;
};

struct File {
  std::string path;
  std::string use;  // "written", "read", "attached", "runs in"
  Place place;
};

/// A host that is reached, by whatever.
struct Host {
  std::string name;
  std::string by;  // "http.post", "ssh", "shell on:", "proxy"
  Place place;
};

/// A decision of people: an approval, or the answer to an `ask`.
struct Approval {
  std::string name;
  std::string question;
  std::vector<std::string> by;  // "group \"sre\"", "user \"ann\""; empty: anybody
  std::vector<std::string> not_by;
  std::string quorum;                     // empty: 1
  std::string expires;                    // "4h then reject"; empty: never
  std::vector<std::string> escalates_to;  // as `by`
  std::vector<std::string> break_glass;   // likewise: one of those decides alone
  bool allow_starter = false;
  std::vector<std::string> form;  // "ticket: string where ticket matches r\"^OPS\""
  std::string only_if;            // as in Step
  bool is_ask = false;
  Place place;
};

struct Call {
  std::string runbook;  // "inventory.hosts"
  std::string launch;   // "" (inside this run), "start", "detach"
  Place place;
};

struct Lock {
  std::string name;
  std::string kind;  // "lock", "exclusive", "max"; of the last the name is the runbook's
  std::string
      terms;  // "limit 2 expires 1h", "reject", "5": as it says who may have it and how long
  Place place;
};

/// What the runbook must not begin in.
struct Outside {
  std::string calendar;
  std::string closed;  // its zone and what it closes, as written
};

/// What starts it by itself.
struct Schedule {
  std::string name;
  std::string when;       // "cron \"0 4 * * *\" in \"Europe/Berlin\", outside freeze then delay"
  std::string arguments;  // "service: \"reports\""; as written
};

/// A lock that is taken while another one is held; both are known, and one at a time has them.
struct LockOrder {
  std::string first;                // "lock `db`", "exclusive `x`"
  std::string second;               // taken while `first` is held
  std::vector<std::string> around;  // what else is held then
  source::Span first_span;
  source::Span second_span;
};

/// A person is waited for while a lock is held that does not expire.
struct HeldWait {
  std::string lock;
  source::Span lock_span;
  source::Span wait_span;
};

/// A signal that it waits for.
struct Signal {
  std::string name;
  std::string type;     // of what is sent with it; empty: nothing
  std::string timeout;  // empty: it waits for ever
  std::vector<std::string> by;
  Place place;
};

/// What decides whether, how often or when something is done, besides the clauses of the steps.
struct Rule {
  std::string kind;  // "require", "if", "for", "parallel for", "hold", "wait", "let", "fn" …
  std::string text;  // what is written behind it: "failed < 3", "host in hosts"
  /// Of `parallel`: "limit", "on failure".
  std::vector<std::pair<std::string, std::string>> aspects;
  std::string only_if;  // as in Step
  Place place;
};

struct Step {
  std::string path;
  std::string calls;      // "http.post", a runbook's name; empty: a block
  std::string behaviour;  // of a call of an action
  std::string timeout;    // as written, with what is known filled in; empty: none
  std::string retry;      // "5 times backoff 1s..30s on Timeout"
  std::string undo;       // "rollback", "none", "irreversible"; empty: nothing is said
  std::string why;        // of "none", "irreversible"
  std::string on_doubt;
  std::string on_failure;
  std::string when;
  /// Under which conditions around it that are not known before a run: "env == .prod and not
  /// (dry)".
  std::string only_if;
  /// What else it gives to what it calls: neither a URL, a command, a query nor a secret.
  std::vector<std::pair<std::string, std::string>> arguments;
  Phase phase = Phase::kForward;
};

struct Parameter {
  std::string name;
  std::string type;
  std::string default_value;  // as written; empty: it must be given
  std::vector<std::string> where;
  /// Of `where NAME in a..b`: microseconds of a duration, bytes of a size.
  std::optional<int64_t> least;
  std::optional<int64_t> most;
  std::vector<std::string> members;  // of an enum
  std::string doc;
  bool is_secret = false;
};

/// Two branches of a parallel block that write the same thing; of `parallel for` twice the same
/// call, if every branch makes it.
struct Clash {
  std::string what;  // "PUT https://…", or a file's path
  bool is_file = false;
  source::Span first;
  source::Span second;
  source::Span block;  // the word `parallel`
};

struct Summary {
  std::string runbook;
  std::string path;  // of its file
  uint32_t line = 0;
  std::string doc;
  bool is_private = false;
  std::vector<Parameter> parameters;
  std::string result;              // its type; empty: none
  std::vector<std::string> allow;  // who may start it
  std::string worker;              // the label of the workers that it is for; empty: any worker's
  std::vector<Step> steps;
  std::vector<Host> hosts;
  std::vector<Request> requests;
  std::vector<Command> commands;
  std::vector<Query> queries;
  std::vector<Secret> secrets;
  std::vector<File> files;
  std::vector<Approval> approvals;
  std::vector<std::string> people;  // all that may decide or start: "group \"sre\""
  std::vector<Signal> signals;
  std::vector<Call> calls;
  std::vector<Lock> locks;
  std::vector<Rule> rules;
  std::vector<Outside> outside;
  std::vector<Schedule> schedules;   // of the files that were read
  std::vector<std::string> commits;  // why
  std::vector<Clash> clashes;
  std::vector<LockOrder> lock_orders;
  std::vector<HeldWait> held_waits;
  Bound forward;
  Bound rollback;
  /// It calls so many runbooks so often that not all of it was followed.
  bool cut_short = false;
};

/// The runbooks that the file itself declares, in its order.
std::vector<check::SymbolId> runbooks_of(const check::CheckedProgram& program);

/// `runbook` must be a runbook of the program, which must have no errors.
Summary summarise(const check::CheckedProgram& program, check::SymbolId runbook);

}  // namespace rbk::effects
