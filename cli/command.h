// One command of `rbk`. The table in command.cpp is the only place that lists them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/exit_status.h"
#include "cli/terminal.h"

namespace rbk::cli {

/// The words after the command's name, `--json` taken out.
using Arguments = std::vector<std::string>;

struct Command {
  std::string_view name;
  std::string_view synopsis;  // what follows the name: "FILE [--json]"
  std::string_view summary;   // one line
  std::string_view example;   // one that works
  ExitStatus (*run)(const Terminal& terminal, const Arguments& arguments);
};

std::span<const Command> commands();

/// Finds and runs the command that the words after `rbk` name; answers --help and --version;
/// refuses unknown ones with the nearest name.
ExitStatus dispatch(Terminal terminal, std::span<const char* const> words);

/// Prints the error and gives the exit status that belongs to it.
ExitStatus refuse(const Terminal& terminal, const Error& error);

ExitStatus audit_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus approvals_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus approve_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus answer_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus calendar_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus cancel_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus check_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus compile_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus diff_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus disasm_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus doc_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus explain_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus fmt_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus inbox_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus notices_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus locks_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus logs_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus pause_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus plan_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus reject_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus signal_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus replay_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus resolve_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus resume_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus retry_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus rollback_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus run_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus runs_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus schedule_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus schema_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus search_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus show_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus store_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus skip_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus test_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus worker_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus workers_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus unpause_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus upgrade_command(const Terminal& terminal, const Arguments& arguments);
ExitStatus version_command(const Terminal& terminal, const Arguments& arguments);

}  // namespace rbk::cli
