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
  const engine::StoreKind sqlite = engine::sqlite_stores();
  const engine::StoreKind postgres = engine::postgres_stores();
  if (terminal.json) {
    terminal.print_json(boost::json::object{{"version", RBK_VERSION},
                                            {"compiler", __VERSION__},
                                            {"store", sqlite.name},
                                            {"store_format", sqlite.format},
                                            {"postgresql_format", postgres.format},
                                            {"program_format", bytecode::kProgramVersion}});
    return ExitStatus::kSucceeded;
  }
  terminal.print(fmt::format(
      "rbk {}\ncompiler {}\nstore {}, format {}\nstore {}, format {}\nprogram format {}\n",
      RBK_VERSION, __VERSION__, sqlite.name, sqlite.format, postgres.name, postgres.format,
      bytecode::kProgramVersion));
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
