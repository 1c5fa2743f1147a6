#include "stdlib/exec/exec_action.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>

#include "base/project_root.h"
#include "stdlib/command/command_start.h"
#include "stdlib/exec/exec_listener.h"
#include "stdlib/exec/program_file.h"

namespace rbk::stdlib {

namespace {

Commands::Listen listen_exec(const engine::Attempt& attempt,
                             std::shared_ptr<engine::AttemptSink> sink) {
  return [&attempt, sink = std::move(sink)](std::function<void()> over) {
    return std::make_shared<ExecListener>(attempt.own, sink, std::move(over));
  };
}

/// What the program reads: docs/own-actions.md.
std::string request_of(const engine::Attempt& attempt) {
  boost::json::object request;
  // Without the file that declares it: wherever that lies, the program can tell its actions apart.
  request["action"] = attempt.name.substr(attempt.name.rfind('.') + 1);
  request["arguments"] = attempt.arguments;
  request["run"] = attempt.run;
  request["step"] = attempt.path;
  request["key"] = attempt.key;
  request["attempt"] = attempt.number;
  return boost::json::serialize(request) + "\n";
}

std::string root_of(const engine::Attempt& attempt) {
  std::error_code error;
  return project_root(attempt.folder.empty() ? std::filesystem::current_path(error).string()
                                             : attempt.folder);
}

Result<supervisor::Start> program_start(const engine::Attempt& attempt, const std::string& root) {
  auto start = command_start(attempt, {}, ".");
  if (!start) return start;
  start->words = {(std::filesystem::path(root) / attempt.own.path).lexically_normal().string()};
  start->input = request_of(attempt);
  if (start->input.size() > kLargestInput)
    return fail(ErrorKind::kLimit,
                fmt::format("the arguments of `{}` have {} bytes as JSON, and 16 MiB were expected "
                            "at most; nothing was run",
                            attempt.own.path, start->input.size()),
                "write what is large to a file, and hand over its path");
  return start;
}

}  // namespace

void ExecAction::start(const engine::Attempt& attempt, std::shared_ptr<engine::AttemptSink> sink) {
  const std::string root = root_of(attempt);
  if (Status fits = check_program(root, attempt.own.path, attempt.own.hash); !fits) {
    engine::Outcome outcome = not_started("ExecError", fits.error());
    outcome.kind = engine::Outcome::Kind::kHeldUp;
    sink->finish(std::move(outcome));
    return;
  }
  auto command = program_start(attempt, root);
  if (!command) {
    sink->finish(not_started("ExecError", command.error()));
    return;
  }
  commands().start(attempt, std::move(*command), listen_exec(attempt, std::move(sink)));
}

engine::Recovery ExecAction::recover(const engine::Attempt& attempt,
                                     std::shared_ptr<engine::AttemptSink> sink) {
  return commands().recover(attempt, listen_exec(attempt, std::move(sink)));
}

}  // namespace rbk::stdlib
