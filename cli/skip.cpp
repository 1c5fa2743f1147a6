// `skip`: leaves a step out.
#include <fmt/format.h>

#include <boost/json/parse.hpp>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/session.h"

namespace rbk::cli {

ExitStatus skip_command(const Terminal& terminal, const Arguments& arguments) {
  std::string run;
  std::string step;
  std::optional<std::string> text;
  StoreOptions store;
  Options options("skip", "RUN STEP [--output JSON] [--as USER]");
  options.word("RUN", run).word("STEP", step).value("--output", text);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  std::optional<boost::json::value> output;
  if (text) {
    boost::json::error_code problem;
    output = boost::json::parse(*text, problem);
    if (problem)
      return refuse(terminal, {ErrorKind::kInvalid,
                               fmt::format("--output {} is no JSON: {}", *text, problem.message()),
                               "quote it for the shell: '{\"version\": \"1.2\"}', '\"text\"'"});
  }
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  if (Status posted = session->engine->skip(run, step, output, session->person); !posted)
    return refuse(terminal, posted.error());
  Result<engine::RunSummary> summary = session->engine->summary(run);
  if (!summary) return refuse(terminal, summary.error());
  const std::unique_ptr<Report> report = make_report(terminal);
  return go_on(terminal, *session, summary->id, *report);
}

}  // namespace rbk::cli
