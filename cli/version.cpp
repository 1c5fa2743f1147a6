#include <fmt/format.h>

#include "cli/command.h"
#include "engine/store.h"
#include "vm/bytecode/program.h"

namespace rbk::cli {

ExitStatus version_command(const Terminal& terminal, const Arguments& arguments) {
  if (!arguments.empty()) {
    terminal.print_error({ErrorKind::kInvalid,
                          fmt::format("`rbk version` takes no \"{}\"", arguments.front()),
                          "usage: rbk version [--json]"});
    return ExitStatus::kUsage;
  }
  const engine::StoreLibrary store = engine::store_library();
  if (terminal.json)
    terminal.print_json({{"version", RBK_VERSION},
                         {"compiler", __VERSION__},
                         {"store", store.name},
                         {"store_format", store.format},
                         {"program_format", bytecode::kProgramVersion}});
  else
    terminal.print(fmt::format("rbk {}\ncompiler {}\nstore {}, format {}\nprogram format {}\n",
                               RBK_VERSION, __VERSION__, store.name, store.format,
                               bytecode::kProgramVersion));
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
