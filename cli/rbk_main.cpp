#include <exception>
#include <span>
#include <string_view>

#include "cli/command.h"
#include "supervisor/supervisor.h"

int main(int argc, char** argv) {
  // Not a command for people: how an engine starts the process that owns its commands.
  if (argc == 3 && std::string_view(argv[1]) == "__supervise") {
    return rbk::supervisor::run(argv[2]);
  }
  const rbk::cli::Terminal terminal = rbk::cli::Terminal::of_process();
  try {
    const std::span<const char* const> words(argv, static_cast<size_t>(argc));
    return static_cast<int>(rbk::cli::dispatch(terminal, words.subspan(words.empty() ? 0 : 1)));
  } catch (const std::exception& failure) {  // the allocator's; nothing else throws this far
    terminal.print_error({rbk::ErrorKind::kInternal, failure.what(), {}});
    return static_cast<int>(rbk::cli::ExitStatus::kFailed);
  }
}
