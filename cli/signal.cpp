// `signal`: sends a run what it waits for, or will wait for.
#include <fmt/format.h>

#include <boost/json/parse.hpp>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/session.h"

namespace rbk::cli {

ExitStatus signal_command(const Terminal& terminal, const Arguments& arguments) {
  std::string run;
  std::string name;
  std::optional<std::string> text;
  std::optional<std::string> id;
  StoreOptions store;
  Options options("signal", "RUN NAME [JSON] [--id ID] [--as USER]");
  options.word("RUN", run).word("NAME", name).optional_word("JSON", text).value("--id", id);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (id && id->empty())
    return refuse(terminal, {ErrorKind::kInvalid, "--id is empty",
                             "give an id that this signal has alone, or leave it out"});
  std::optional<boost::json::value> payload;
  if (text) {
    boost::json::error_code problem;
    payload = boost::json::parse(*text, problem);
    if (problem)
      return refuse(terminal, {ErrorKind::kInvalid,
                               fmt::format("{} is no JSON: {}", *text, problem.message()),
                               "quote it for the shell: '{\"version\": \"1.2\"}', '\"text\"'"});
  }
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  Result<engine::SignalSent> sent =
      session->engine->signal(run, name, payload, id.value_or(""), session->person);
  if (!sent) return refuse(terminal, sent.error());
  if (*sent == engine::SignalSent::kBefore && !terminal.json)
    terminal.print_to_err(
        fmt::format("a signal {} with the id {} was sent before, and counts once\n", name, *id));
  Result<engine::RunSummary> summary = session->engine->summary(run);
  if (!summary) return refuse(terminal, summary.error());
  const std::unique_ptr<Report> report = make_report(terminal);
  return go_on(terminal, *session, summary->id, *report);
}

}  // namespace rbk::cli
