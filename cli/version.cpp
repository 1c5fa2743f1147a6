#include <fmt/format.h>

#include "cli/command.h"

namespace rbk::cli {

ExitStatus version_command(const Terminal& terminal, const Arguments& arguments) {
  if (!arguments.empty()) {
    terminal.print_error({ErrorKind::kInvalid,
                          fmt::format("`rbk version` takes no \"{}\"", arguments.front()),
                          "usage: rbk version [--json]"});
    return ExitStatus::kUsage;
  }
  if (terminal.json)
    terminal.print_json({{"version", RBK_VERSION}, {"compiler", __VERSION__}});
  else
    terminal.print(fmt::format("rbk {}\ncompiler {}\n", RBK_VERSION, __VERSION__));
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
