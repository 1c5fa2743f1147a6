// `replay`: steps forwards and backwards through all that happened to a run. Looks, and touches
// nothing.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <iostream>

#include "base/spelling.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report/events.h"
#include "cli/report/replay.h"
#include "cli/session.h"
#include "engine/replay.h"

namespace rbk::cli {
namespace {

constexpr std::string_view kHelp =
    "next [N], n     the next event, or N further     back [N], b   the one before\n"
    "goto N, g       event N                          first, last   the ends\n"
    "step NAME, s    where this step goes on next     events, e     all events, a line each\n"
    "show            all of this event                vars, v       the variables\n"
    "where, w        the text around each fiber       list N, l     the text around fiber N\n"
    "fibers, f       the fibers                       pending, p    what the run waits for\n"
    "help, h                                          quit, q\n"
    "An empty line does what the line before did.\n";

Result<uint64_t> parse_event(std::string_view what, std::string_view text) {
  uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size())
    return fail(ErrorKind::kInvalid, fmt::format("{} takes a number, not \"{}\"", what, text),
                "events are numbered from 1");
  return number;
}

/// Reads commands and carries them out, until it is told to end or the input does.
class Stepper {
 public:
  Stepper(const Terminal& terminal, engine::Replay& replay, SourceLines& sources)
      : terminal_(terminal), replay_(replay), text_(replay, sources, terminal.out_colour) {}

  /// False: a line was no command, or could not be carried out.
  bool run() {
    show();
    const bool is_terminal = isatty(STDIN_FILENO) == 1;
    bool all_well = true;
    std::string last = "next";
    while (!done_) {
      if (is_terminal) terminal_.print("replay> ");
      std::string line;
      if (!std::getline(std::cin, line)) break;
      if (line.find_first_not_of(" \t\r") == std::string::npos) line = last;
      last = line;
      if (Status carried = carry_out(line); !carried) {
        terminal_.print_error(carried.error());
        all_well = false;
      }
    }
    // At a terminal whoever made a slip has seen it and gone on.
    return all_well || is_terminal;
  }

 private:
  using Command = Status (Stepper::*)(const std::string& argument);
  struct Word {
    std::string_view name;
    std::string_view letter;
    Command command;
  };

  Status carry_out(const std::string& line) {
    static constexpr std::array kWords{
        Word{"next", "n", &Stepper::next},       Word{"back", "b", &Stepper::back},
        Word{"goto", "g", &Stepper::go},         Word{"first", "", &Stepper::first},
        Word{"last", "", &Stepper::last},        Word{"step", "s", &Stepper::step},
        Word{"events", "e", &Stepper::events},   Word{"show", "", &Stepper::show_all},
        Word{"vars", "v", &Stepper::variables},  Word{"where", "w", &Stepper::where},
        Word{"list", "l", &Stepper::list},       Word{"fibers", "f", &Stepper::fibers},
        Word{"pending", "p", &Stepper::pending}, Word{"help", "h", &Stepper::help},
        Word{"quit", "q", &Stepper::quit},
    };
    const size_t begin = line.find_first_not_of(" \t");
    const size_t end = std::min(line.find_first_of(" \t\r", begin), line.size());
    const std::string word = line.substr(begin, end - begin);
    const size_t rest = line.find_first_not_of(" \t\r", end);
    std::string argument = rest == std::string::npos ? std::string() : line.substr(rest);
    argument.erase(argument.find_last_not_of(" \t\r") + 1);
    for (const Word& known : kWords)
      if (word == known.name || (!known.letter.empty() && word == known.letter))
        return (this->*known.command)(argument);
    std::vector<std::string_view> names;
    names.reserve(kWords.size());
    for (const Word& known : kWords) names.push_back(known.name);
    const std::string_view nearest = nearest_name(word, names);
    return fail(ErrorKind::kInvalid, fmt::format("there is no command \"{}\" here", word),
                nearest.empty() ? std::string("`help` lists them")
                                : fmt::format("did you mean `{}`?", nearest));
  }

  void show() {
    if (terminal_.json && replay_.at() != 0)
      terminal_.print_json(replay_json(replay_));
    else if (!terminal_.json)
      terminal_.print(replay_.at() == 0 ? text_.event() : text_.all());
  }

  /// A part of the event; as JSON, which has all of it, the event.
  void print(const std::string& part) {
    if (terminal_.json)
      show();
    else
      terminal_.print(part);
  }

  Status go_to(uint64_t entry) {
    if (Status gone = replay_.seek(entry); !gone) return gone;
    show();
    return {};
  }

  Result<uint64_t> count_of(std::string_view command, const std::string& argument) {
    return argument.empty() ? Result<uint64_t>(1) : parse_event(command, argument);
  }

  Status next(const std::string& argument) {
    const Result<uint64_t> by = count_of("next", argument);
    if (!by) return tl::unexpected(by.error());
    // Of a run that goes on there may be more by now.
    if (*by > replay_.count() - replay_.at())
      if (Status read = replay_.refresh(); !read) return read;
    const uint64_t left = replay_.count() - replay_.at();
    if (left == 0)
      return fail(ErrorKind::kInvalid, "this is the last event",
                  engine::is_over(replay_.run().status)
                      ? std::string("the run is over; `back` goes back")
                      : std::string("the run may go on: `next` looks again"));
    return go_to(replay_.at() + std::min(*by, left));
  }
  Status back(const std::string& argument) {
    const Result<uint64_t> by = count_of("back", argument);
    if (!by) return tl::unexpected(by.error());
    if (replay_.at() <= 1)
      return fail(ErrorKind::kInvalid, "this is the first event", "`next` goes on");
    return go_to(*by >= replay_.at() ? 1 : replay_.at() - *by);
  }
  Status go(const std::string& argument) {
    const Result<uint64_t> entry = parse_event("goto", argument);
    if (!entry) return tl::unexpected(entry.error());
    if (*entry > replay_.count())
      if (Status read = replay_.refresh(); !read) return read;
    return go_to(*entry);
  }
  Status first(const std::string&) { return go_to(1); }
  Status last(const std::string&) {
    if (Status read = replay_.refresh(); !read) return read;
    return go_to(replay_.count());
  }
  Status step(const std::string& argument) {
    if (argument.empty())
      return fail(ErrorKind::kInvalid, "which step?", "step NAME, by its path or the end of that");
    if (Status read = replay_.refresh(); !read) return read;
    const Result<bool> found = replay_.seek_step(argument);
    if (!found) return tl::unexpected(found.error());
    if (!*found)
      return fail(ErrorKind::kNotFound,
                  fmt::format("nothing happens to a step `{}` from here on", argument),
                  "`first` goes to the beginning; `events` lists what happened");
    show();
    return {};
  }
  Status events(const std::string&) {
    if (Status read = replay_.refresh(); !read) return read;
    const uint64_t here = replay_.at();
    Status done;
    for (uint64_t entry = 1; entry <= replay_.count() && done; ++entry) {
      done = replay_.seek(entry);
      if (done && terminal_.json)
        show();
      else if (done)
        terminal_.print((entry == here ? "> " : "  ") + text_.event());
    }
    if (here == 0) return done;
    Status back = replay_.seek(here);
    return done ? back : done;
  }
  Status show_all(const std::string&) {
    show();
    return {};
  }
  Status variables(const std::string&) {
    print(text_.fibers(true));
    return {};
  }
  Status where(const std::string&) {
    print(text_.text_around(std::nullopt));
    return {};
  }
  Status list(const std::string& argument) {
    if (argument.empty()) return where(argument);
    const Result<uint64_t> fiber = parse_event("list", argument);
    if (!fiber) return tl::unexpected(fiber.error());
    const std::string text = text_.text_around(*fiber);
    if (text.empty())
      return fail(ErrorKind::kNotFound, fmt::format("there is no fiber {} here", *fiber),
                  "`fibers` lists them");
    print(text);
    return {};
  }
  Status fibers(const std::string&) {
    print(text_.fibers(false));
    return {};
  }
  Status pending(const std::string&) {
    const std::string text = text_.pending();
    print(text.empty() ? "the run waits for nothing\n" : text);
    return {};
  }
  Status help(const std::string&) {
    if (terminal_.json)
      terminal_.print_to_err(kHelp);
    else
      terminal_.print(kHelp);
    return {};
  }
  Status quit(const std::string&) {
    done_ = true;
    return {};
  }

  const Terminal& terminal_;
  engine::Replay& replay_;
  ReplayText text_;
  bool done_ = false;
};

}  // namespace

ExitStatus replay_command(const Terminal& terminal, const Arguments& arguments) {
  std::string run;
  std::optional<std::string> at;
  bool steps = false;
  bool all = false;
  StoreOptions store;
  Options options("replay", "RUN [--at EVENT] [--step] [--all]");
  options.word("RUN", run).value("--at", at).flag("--step", steps).flag("--all", all);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (all && (at || steps))
    return refuse(terminal, {ErrorKind::kInvalid, "--all goes with neither --at nor --step",
                             "leave one of them out"});
  uint64_t first = 0;
  if (at) {
    const Result<uint64_t> entry = parse_event("--at", *at);
    if (!entry) return refuse(terminal, entry.error());
    first = *entry;
  }
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  Result<std::unique_ptr<engine::Replay>> replay = session->engine->replay(run);
  if (!replay) return refuse(terminal, replay.error());
  if (at)
    if (Status gone = (*replay)->seek(first); !gone) return refuse(terminal, gone.error());
  SourceLines sources(session->project.root);
  const bool interactive = isatty(STDIN_FILENO) == 1 && isatty(fileno(terminal.out)) == 1;
  if (steps || (interactive && !at && !all && !terminal.json)) {
    Stepper stepper(terminal, **replay, sources);
    return stepper.run() ? ExitStatus::kSucceeded : ExitStatus::kUsage;
  }
  const ReplayText text(**replay, sources, terminal.out_colour);
  const auto print = [&] {
    if (terminal.json)
      terminal.print_json(replay_json(**replay));
    else
      terminal.print(text.all());
  };
  if (at) {
    print();
    return ExitStatus::kSucceeded;
  }
  for (uint64_t entry = 1; entry <= (*replay)->count(); ++entry) {
    if (Status gone = (*replay)->seek(entry); !gone) return refuse(terminal, gone.error());
    if (entry > 1 && !terminal.json) terminal.print("\n");
    print();
  }
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
