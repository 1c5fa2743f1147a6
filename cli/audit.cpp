// `audit`: who has changed what, whether that list is as it was written, and the list itself.
#include <fmt/format.h>

#include <charconv>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/report/audit.h"
#include "cli/session.h"
#include "cli/timing_options.h"

namespace rbk::cli {
namespace {

ExitStatus list_rows(const Terminal& terminal, const Arguments& arguments) {
  std::optional<std::string> run;
  std::optional<std::string> who;
  std::optional<std::string> count_text;
  StoreOptions store;
  Options options("audit", "[--run RUN] [--who USER] [-n N]");
  options.value("--run", run).value("--who", who).value("-n", count_text);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<int> count = how_many(count_text, 20);
  if (!count) return refuse(terminal, count.error());
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  engine::AuditFilter filter;
  filter.run = run.value_or("");
  filter.user = who.value_or("");
  filter.limit = static_cast<uint32_t>(*count);
  filter.newest = true;
  std::vector<engine::AuditRow> rows;
  const Status read = session->engine->audit(filter, [&](const engine::AuditRow& row) {
    if (terminal.json)
      terminal.print_json(audit_json(row));
    else
      rows.push_back(row);
    return true;
  });
  if (!read) return refuse(terminal, read.error());
  if (!terminal.json)
    terminal.print(rows.empty() ? "the audit trail has no such row\n" : audit_table(rows));
  return ExitStatus::kSucceeded;
}

ExitStatus verify(const Terminal& terminal, const Arguments& arguments) {
  std::optional<std::string> head_text;
  StoreOptions store;
  Options options("audit verify", "[--head NUMBER:HASH]");
  options.value("--head", head_text);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  std::optional<engine::AuditHead> kept;
  if (head_text) {
    Result<engine::AuditHead> head = engine::parse_audit_head(*head_text);
    if (!head) return refuse(terminal, head.error());
    kept = *head;
  }
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  Result<engine::AuditCheck> check = session->engine->check_audit(kept);
  if (!check) return refuse(terminal, check.error());
  if (terminal.json)
    terminal.print_json(audit_check_json(*check));
  else
    terminal.print(audit_check_text(*check));
  return check->fault() ? ExitStatus::kFailed : ExitStatus::kSucceeded;
}

ExitStatus write_out(const Terminal& terminal, const Arguments& arguments) {
  std::optional<std::string> since;
  std::optional<std::string> until;
  std::optional<std::string> run;
  std::optional<std::string> who;
  StoreOptions store;
  Options options("audit export", "[--since T] [--until T] [--run RUN] [--who USER]");
  options.value("--since", since).value("--until", until).value("--run", run).value("--who", who);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  engine::AuditFilter filter;
  filter.run = run.value_or("");
  filter.user = who.value_or("");
  if (since) {
    Result<int64_t> time = time_or_ago("--since", *since);
    if (!time) return refuse(terminal, time.error());
    filter.since = *time;
  }
  if (until) {
    Result<int64_t> time = time_or_ago("--until", *until);
    if (!time) return refuse(terminal, time.error());
    filter.until = *time;
  }
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  const Status read = session->engine->audit(filter, [&](const engine::AuditRow& row) {
    terminal.print_json(audit_export_json(row));
    return terminal.out_error() == 0;
  });
  if (!read) return refuse(terminal, read.error());
  return ExitStatus::kSucceeded;
}

ExitStatus redact(const Terminal& terminal, const Arguments& arguments) {
  std::string number_text;
  std::optional<std::string> reason;
  StoreOptions store;
  Options options("audit redact", "NUMBER --reason TEXT");
  options.word("NUMBER", number_text).value("--reason", reason);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  int64_t number = 0;
  const char* last = number_text.data() + number_text.size();
  const auto [end, problem] = std::from_chars(number_text.data(), last, number);
  if (problem != std::errc() || end != last || number < 1)
    return refuse(terminal, {ErrorKind::kInvalid, fmt::format("{} is no row's number", number_text),
                             "`rbk audit` lists the rows by their numbers"});
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  const Status done = session->engine->redact_audit(number, reason.value_or(""), session->person);
  if (!done) return refuse(terminal, done.error());
  if (terminal.json)
    terminal.print_json({{"event", "redacted"}, {"number", number}});
  else
    terminal.print(fmt::format("row {} has no payload any more\n", number));
  return ExitStatus::kSucceeded;
}

}  // namespace

ExitStatus audit_command(const Terminal& terminal, const Arguments& arguments) {
  if (arguments.empty() || arguments.front().starts_with('-'))
    return list_rows(terminal, arguments);
  const std::string& verb = arguments.front();
  if (const Status known = known_verb("audit", verb, {"verify", "export", "redact"}); !known)
    return refuse(terminal, known.error());
  const Arguments rest(arguments.begin() + 1, arguments.end());
  if (verb == "verify") return verify(terminal, rest);
  return verb == "export" ? write_out(terminal, rest) : redact(terminal, rest);
}

}  // namespace rbk::cli
