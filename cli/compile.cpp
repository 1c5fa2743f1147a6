#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/program_file.h"

namespace rbk::cli {

ExitStatus compile_command(const Terminal& terminal, const Arguments& arguments) {
  std::string file;
  std::optional<std::string> out;
  Options options("compile", "FILE [-o FILE.rbkc]");
  options.word("FILE", file).value("-o", out);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (!out) out = file.ends_with(".rbk") ? file + "c" : file + ".rbkc";
  if (*out == file)
    return refuse(terminal, {ErrorKind::kInvalid, fmt::format("{} is compiled already", file),
                             "name the .rbk file"});
  Result<Project> project = find_project();
  if (!project) return refuse(terminal, project.error());
  Result<Loaded> loaded = load_program(terminal, *project, file);
  if (!loaded) return refuse(terminal, loaded.error());
  if (!loaded->program) return ExitStatus::kUsage;
  const std::string bytes = bytecode::save(*loaded->program);
  if (Status written = write_file(*out, bytes); !written) return refuse(terminal, written.error());
  const std::string hash = to_hex(bytecode::content_hash(*loaded->program));
  if (terminal.json)
    terminal.print_json({{"file", *out}, {"program", hash}, {"bytes", bytes.size()}});
  else
    terminal.print(
        fmt::format("{}: {} bytes, program {}\n", *out, bytes.size(), hash.substr(0, 12)));
  return ExitStatus::kSucceeded;
}

ExitStatus disasm_command(const Terminal& terminal, const Arguments& arguments) {
  std::string file;
  Options options("disasm", "FILE");
  options.word("FILE", file);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Project> project = find_project();
  if (!project) return refuse(terminal, project.error());
  Result<Loaded> loaded = load_program(terminal, *project, file);
  if (!loaded) return refuse(terminal, loaded.error());
  if (!loaded->program) return ExitStatus::kUsage;
  const std::string text = bytecode::disassemble(*loaded->program);
  if (terminal.json)
    terminal.print_json(
        {{"program", to_hex(bytecode::content_hash(*loaded->program))}, {"text", text}});
  else
    terminal.print(text);
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
