#include <exception>
#include <span>

#include "cli/command.h"

int main(int argc, char** argv) {
  const rbk::cli::Terminal terminal = rbk::cli::Terminal::of_process();
  try {
    const std::span<const char* const> words(argv, static_cast<size_t>(argc));
    return static_cast<int>(rbk::cli::dispatch(terminal, words.subspan(words.empty() ? 0 : 1)));
  } catch (const std::exception& failure) {  // the allocator's; nothing else throws this far
    terminal.print_error({rbk::ErrorKind::kInternal, failure.what(), {}});
    return static_cast<int>(rbk::cli::ExitStatus::kFailed);
  }
}
