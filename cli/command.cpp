#include "cli/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace rbk::cli {
namespace {

constexpr std::array kCommands{
    Command{"version", "[--json]", "the version of rbk, its compiler and its libraries",
            "rbk version --json", version_command},
};

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

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
  const auto nearest =
      std::min_element(kCommands.begin(), kCommands.end(), [&](const Command& a, const Command& b) {
        return edit_distance(a.name, name) < edit_distance(b.name, name);
      });
  const bool near = edit_distance(nearest->name, name) <= 2;
  return {ErrorKind::kInvalid, fmt::format("there is no command \"{}\"", name),
          near ? fmt::format("did you mean `rbk {}`?", nearest->name)
               : "`rbk --help` lists the commands"};
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

ExitStatus dispatch(Terminal terminal, std::span<const char* const> words) {
  Arguments arguments(words.begin(), words.end());
  const auto json = std::find(arguments.begin(), arguments.end(), "--json");
  if (json != arguments.end()) {
    terminal.json = true;
    arguments.erase(json);
  }
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

}  // namespace rbk::cli
