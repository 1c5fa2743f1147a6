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
  const std::optional<engine::StoreLibrary> postgres = engine::postgres_library();
  if (terminal.json) {
    boost::json::object all{{"version", RBK_VERSION},
                            {"compiler", __VERSION__},
                            {"store", store.name},
                            {"store_format", store.format}};
    if (postgres) {
      all["postgresql"] = postgres->name;
      all["postgresql_format"] = postgres->format;
    }
    all["program_format"] = bytecode::kProgramVersion;
    terminal.print_json(all);
    return ExitStatus::kSucceeded;
  }
  const std::string by_postgres = postgres ? fmt::format("store PostgreSQL by {}, format {}\n",
                                                         postgres->name, postgres->format)
                                           : std::string();
  terminal.print(fmt::format("rbk {}\ncompiler {}\nstore {}, format {}\n{}program format {}\n",
                             RBK_VERSION, __VERSION__, store.name, store.format, by_postgres,
                             bytecode::kProgramVersion));
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
