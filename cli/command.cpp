#include "cli/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "base/quoting.h"
#include "base/spelling.h"
#include "engine/store.h"

namespace rbk::cli {
namespace {

constexpr std::array kCommands{
    Command{
        "run",
        "FILE[:RUNBOOK] [--PARAM VALUE]… [--params FILE|-] [--reason TEXT] [--label K=V]… "
        "[--override CALENDAR]… [--manifest FILE] [--confirm] [--detach] [--dry-run] [--as USER] "
        "[--store URL]",
        "starts a run of a runbook and follows it", "rbk run examples/first.rbk --folder /tmp/page",
        run_command},
    Command{"plan", "FILE[:RUNBOOK] [--PARAM VALUE]… [--params FILE|-]",
            "what a runbook would do, doing nothing", "rbk plan examples/first.rbk", plan_command},
    Command{"check", "[FILE…] [--effects] [--strict] [--fix]",
            "errors and warnings, of all runbooks of the project or of those named; with --effects "
            "what each can touch and how long it takes at most",
            "rbk check examples/first.rbk --effects", check_command},
    Command{"diff", "OLD.rbk[:RUNBOOK] NEW.rbk[:RUNBOOK]",
            "what the runbooks of a new version do differently; ends with 1 if they do",
            "rbk diff <(git show HEAD:examples/first.rbk) examples/first.rbk", diff_command},
    Command{"fmt", "[FILE…] [--check]",
            "puts runbooks into the one style; - formats standard input",
            "rbk fmt examples/first.rbk", fmt_command},
    Command{"test", "[FILE…] [--filter TEXT] [--explore] [--junit FILE]",
            "runs the tests that are written in runbooks, in a world that they make up",
            "rbk test restart.rbk --filter \"rotation\"", test_command},
    Command{"explain", "[CODE]", "what an error means, with an example and its cure",
            "rbk explain RBK0302", explain_command},
    Command{
        "doc", "[MODULE[.NAME] | FILE.rbk[:NAME]]",
        "the reference of actions, errors, types, functions of values, and of a file's runbooks",
        "rbk doc http.get", doc_command},
    Command{"schema", "FILE[:RUNBOOK]",
            "JSON Schema of a runbook's parameters and its output, for forms and other tools",
            "rbk schema examples/first.rbk", schema_command},
    Command{"schedule",
            "add FILE[:NAME]… | list [NAME] [-n N] | pause NAME | resume NAME | remove NAME | run "
            "NAME [--override CALENDAR]… [--reason TEXT] | backfill NAME --from TIME --to TIME "
            "[--as USER] [--store URL] | next "
            "NAME|FILE[:NAME]|\"CRON\" [--in ZONE] [--from TIME] [-n N]",
            "the schedules of the store: what a worker starts when; and when one, or a cron, fires "
            "next",
            "rbk schedule next \"0 4 * * mon-fri\" --in Europe/Berlin -n 3", schedule_command},
    Command{"calendar",
            "list FILE[:NAME] [--from TIME] [-n N] | override SCHEDULE --reason TEXT [--as USER] "
            "[--store URL]",
            "whether the calendars of a file are open, and what they keep closed; starts what one "
            "holds back of a schedule of the store",
            "rbk calendar list freeze.rbk", calendar_command},
    Command{"compile", "FILE [-o FILE.rbkc]", "a program that `rbk run` takes without its text",
            "rbk compile examples/first.rbk -o first.rbkc", compile_command},
    Command{"disasm", "FILE", "the instructions of a runbook or a program",
            "rbk disasm examples/first.rbk", disasm_command},
    Command{"runs",
            "[--status S] [--runbook N] [--label K=V]… [--by USER] [--since T] [--limit N] "
            "[--store URL]",
            "the runs of the store, newest first", "rbk runs --status failed --since 24h",
            runs_command},
    Command{"show", "RUN [--events] [--store URL]",
            "a run's steps on a time line, or all that happened", "rbk show 3k9", show_command},
    Command{"logs", "RUN [-f] [--step PATH] [--store URL]", "what a run's steps printed",
            "rbk logs 3k9 -f --step drain", logs_command},
    Command{"search",
            "TEXT [--regex] [--logs | --no-logs] [--status S] [--runbook N] [--label K=V]… "
            "[--by USER] [--since T] [--limit N] [--store URL]",
            "which runs know a text, and where: in what they were given, did, answered and printed",
            "rbk search \"connection refused\" --since 7d", search_command},
    Command{"replay", "RUN [--at EVENT] [--step] [--all] [--store URL]",
            "steps forwards and backwards through a run: at each event the variables, the fibers "
            "with their places in the text, and what waits",
            "rbk replay 3k9 --at 12", replay_command},
    Command{"resume", "[RUN] [--store URL]", "goes on with one run, or with all that can go on",
            "rbk resume 3k9", resume_command},
    Command{"worker", "[--slots N] [--label NAME]… [--only-labelled] [--store URL]",
            "goes on with the runs of the store, until it is stopped: those that are for any "
            "worker, and those that are for one of its labels",
            "rbk worker --label dc-fra", worker_command},
    Command{"workers", "[--store URL]", "the workers that are alive, and which runs they are for",
            "rbk workers", workers_command},
    Command{"approvals", "[RUN] [--store URL]", "the approvals that wait", "rbk approvals",
            approvals_command},
    Command{"approve",
            "RUN [NAME] [--set FIELD=VALUE]… [--break-glass --reason TEXT] [--as USER] "
            "[--store URL]",
            "approves what a run waits for, and goes on with it; --break-glass decides alone",
            "rbk approve 3k9 go --set ticket=OPS-7", approve_command},
    Command{"reject", "RUN [NAME] --reason TEXT [--as USER] [--store URL]",
            "rejects what a run waits for", "rbk reject 3k9 go --reason \"not during the sale\"",
            reject_command},
    Command{"answer", "RUN [NAME] [--set FIELD=VALUE]… [--as USER] [--store URL]",
            "answers what a run asks, and goes on with it", "rbk answer 3k9 what --set choice=skip",
            answer_command},
    Command{"signal", "RUN NAME [JSON] [--id ID] [--as USER] [--store URL]",
            "sends a run a signal that it waits for or will wait for, and goes on with it",
            "rbk signal 3k9 go '{\"version\": \"1.2\"}' --id build-817", signal_command},
    Command{"resolve",
            "RUN STEP done|not-done|retry|fail|leave [--output JSON] [--as USER] [--store URL]",
            "says what became of a step in doubt, or what becomes of one that has failed",
            "rbk resolve 3k9 drain done", resolve_command},
    Command{"pause", "RUN [--as USER] [--store URL]",
            "nothing further of a run begins; what is under way ends first", "rbk pause 3k9",
            pause_command},
    Command{"unpause", "RUN [--as USER] [--store URL]", "goes on with a run that was paused",
            "rbk unpause 3k9", unpause_command},
    Command{"skip", "RUN STEP [--output JSON] [--as USER] [--store URL]",
            "leaves out a step that has failed and asks, or that a paused run has not begun",
            "rbk skip 3k9 drain --output '{\"stdout\": \"\"}'", skip_command},
    Command{"inbox", "[--as USER] [--store URL]", "everything that waits for me", "rbk inbox",
            inbox_command},
    Command{"notices", "[RUN] [--failed] [--store URL]",
            "what was told to whom, and what could not be delivered", "rbk notices --failed",
            notices_command},
    Command{"locks", "[--free RUN] [--store URL]",
            "who has which lock, and who waits for it; --free frees what a quarantined run has",
            "rbk locks", locks_command},
    Command{"audit",
            "[--run RUN] [--who USER] [-n N] [--store URL] | verify [--head NUMBER:HASH] | export "
            "[--since T] [--until T] [--run RUN] [--who USER] | redact NUMBER --reason TEXT "
            "[--as USER]",
            "who has changed what, the latest last; verify says whether anybody has changed that "
            "list since; export writes it as JSON lines",
            "rbk audit verify", audit_command},
    Command{"cancel", "RUN [--rollback] [--now] [--as USER] [--store URL]",
            "ends a run; what it did is left, or undone", "rbk cancel 3k9 --rollback",
            cancel_command},
    Command{"rollback", "RUN [--to STEP] [--dry-run] [--as USER] [--store URL]",
            "undoes what a finished run did", "rbk rollback 3k9", rollback_command},
    Command{
        "retry",
        "RUN [--from STEP | --failed | --only ITEM…] [--reason TEXT] [--override CALENDAR]… "
        "[--dry-run] [--as USER] [--store URL]",
        "a new run of a finished one, which takes over what that did and did not undo; --dry-run "
        "only says what it would take over and run",
        "rbk retry 3k9 --from deploy", retry_command},
    Command{"upgrade", "RUN…|--all --to FILE [--check] [--as USER] [--store URL]",
            "moves suspended runs to a new version of their program, if their journals replay "
            "alike; --check only says which could",
            "rbk upgrade --all --to restart.rbk --check", upgrade_command},
    Command{
        "store",
        "check | backup FILE [--force] | retain [--older-than AGE] [--logs-older-than AGE] "
        "[--status S] [--dry-run] [--as "
        "USER] | "
        "vacuum | accept [--yes] [--as USER] [--store URL]",
        "looks a whole store over while it is in use, and says what is wrong and what cures it; "
        "copies it; removes runs that ended long ago; gives the room back that they took; lets go "
        "on "
        "what was unfinished when it was restored",
        "rbk store check", store_command},
    Command{"version", "[--json]", "the version of rbk, its compiler and its libraries",
            "rbk version --json", version_command},
};

const Command* find(std::string_view name) {
  const auto found = std::find_if(kCommands.begin(), kCommands.end(),
                                  [&](const Command& command) { return command.name == name; });
  return found == kCommands.end() ? nullptr : &*found;
}

std::string overview() {
  std::string text = "rbk runs runbooks.\n\nusage: rbk COMMAND [ARGUMENTS] [--json]\n\n";
  for (const Command& command : kCommands)
    text += fmt::format("  {:<10} {}\n", command.name, command.summary);
  return text + "\n`rbk COMMAND --help` says more about one.\n";
}

std::string help(const Command& command) {
  return fmt::format("rbk {}: {}\n\nusage: rbk {} {}\n\nexample: {}\n", command.name,
                     command.summary, command.name, command.synopsis, command.example);
}

Error unknown(std::string_view name) {
  std::vector<std::string_view> names;
  names.reserve(std::size(kCommands));
  for (const Command& command : kCommands) names.push_back(command.name);
  const std::string_view nearest = nearest_name(name, names);
  return {ErrorKind::kInvalid, fmt::format("there is no command \"{}\"", name),
          nearest.empty() ? "`rbk --help` lists the commands"
                          : fmt::format("did you mean `rbk {}`?", nearest)};
}

}  // namespace

ExitStatus refuse(const Terminal& terminal, const Error& error) {
  terminal.print_error(error);
  return exit_status(error);
}

std::span<const Command> commands() { return kCommands; }

namespace {

/// Results that nobody got are no success. A reader that has gone away wants no more, and no word.
ExitStatus unless_lost(const Terminal& terminal, ExitStatus status) {
  const int failed = terminal.out_error();
  if (failed == 0 || failed == EPIPE) return status;
  terminal.print_error({ErrorKind::kIo,
                        fmt::format("can't write to standard output: {}", std::strerror(failed)),
                        "what stands there is not all of the output"});
  return status == ExitStatus::kSucceeded ? ExitStatus::kFailed : status;
}

/// The `--store` that a command was given, for those that it prints.
std::string store_option_of(const Arguments& arguments) {
  constexpr std::string_view kSign = "--store=";
  for (size_t at = 0; at < arguments.size(); ++at) {
    const std::string& word = arguments[at];
    if (word == "--store" && at + 1 < arguments.size())
      return " --store " + shown_shell_word(engine::shown_store_url(arguments[at + 1]));
    if (word.starts_with(kSign))
      return " --store " + shown_shell_word(engine::shown_store_url(word.substr(kSign.size())));
  }
  return {};
}

ExitStatus find_and_run(Terminal& terminal, std::span<const char* const> words) {
  Arguments arguments(words.begin(), words.end());
  const auto json = std::find(arguments.begin(), arguments.end(), "--json");
  if (json != arguments.end()) {
    terminal.json = true;
    arguments.erase(json);
  }
  terminal.store_option = store_option_of(arguments);
  if (arguments.empty()) {
    terminal.print_error(
        {ErrorKind::kInvalid, "a command is missing", "`rbk --help` lists the commands"});
    return ExitStatus::kUsage;
  }
  std::string name = arguments.front();
  arguments.erase(arguments.begin());
  if (name == "--help" || name == "-h" || name == "help") {
    terminal.print(overview());
    return ExitStatus::kSucceeded;
  }
  if (name == "--version") name = "version";
  const Command* command = find(name);
  if (command == nullptr) {
    terminal.print_error(unknown(name));
    return ExitStatus::kUsage;
  }
  if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end()) {
    terminal.print(help(*command));
    return ExitStatus::kSucceeded;
  }
  return command->run(terminal, arguments);
}

}  // namespace

ExitStatus dispatch(Terminal terminal, std::span<const char* const> words) {
  const ExitStatus status = find_and_run(terminal, words);
  return unless_lost(terminal, status);
}

}  // namespace rbk::cli
