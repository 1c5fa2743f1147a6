#include "cli/program_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <vector>

#include "base/spelling.h"
#include "cli/files.h"
#include "compiler/diagnostics/render.h"
#include "stdlib/declarations.h"
#include "stdlib/exec/program_file.h"
#include "timing/system_zones.h"

namespace rbk::cli {
namespace {

bool is_program(std::string_view file) { return file.ends_with(".rbkc"); }

std::string list_of_runbooks(const std::vector<std::string_view>& names, const std::string& file) {
  std::string text;
  for (const std::string_view name : names)
    text += fmt::format("{}{}:{}", text.empty() ? "" : ", ", file, name);
  return text;
}

}  // namespace

Target parse_target(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    const std::string_view file = text.substr(0, colon);
    if (file.ends_with(".rbk") || is_program(file) || file == "-")
      return {std::string(file), std::string(text.substr(colon + 1))};
  }
  return {std::string(text), {}};
}

check::Options compile_options(const Project& project, bool strict) {
  check::Options options;
  for (const stdlib::ModuleText& module : stdlib::module_texts())
    options.standard.push_back({module.name, module.text});
  options.read = [root = std::filesystem::path(project.root)](const std::string& path) {
    return read_file((root / path).string());
  };
  options.find_program = [root = std::filesystem::path(project.root)](
                             const std::string& path) -> Result<check::FoundProgram> {
    Result<stdlib::ProgramFile> file = stdlib::read_program((root / path).string());
    if (!file) return tl::unexpected(file.error());
    return check::FoundProgram{file->hash, file->unfit};
  };
  options.zones = {timing::system_zone, timing::system_zone_names};
  options.strict = strict;
  // With a command further groups are only known when it is asked.
  if (project.groups_command.empty()) options.groups = project.groups;
  if (!project.config.empty()) {
    options.notify.emplace();
    for (const auto& [name, target] : project.notify) options.notify->insert(name);
  }
  for (const auto& [name, place] : project.secrets) options.secrets.insert(name);
  return options;
}

void print_diagnostic(const Terminal& terminal, const diagnostics::Diagnostic& one,
                      const source::SourceSet& sources) {
  if (terminal.json)
    terminal.print_json(diagnostics::to_json(one, sources));
  else
    terminal.print_to_err(diagnostics::render(one, sources, terminal.err_colour) + "\n");
}

void print_diagnostics(const Terminal& terminal, const check::CheckedProgram& checked,
                       bool only_errors) {
  for (const diagnostics::Diagnostic& one : checked.diagnostics.sorted()) {
    if (only_errors && one.severity != diagnostics::Severity::kError) continue;
    print_diagnostic(terminal, one, checked.sources);
  }
}

Result<Loaded> load_program(const Terminal& terminal, const Project& project,
                            const std::string& file) {
  Result<std::string> text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  Loaded loaded;
  if (is_program(file)) {
    Result<bytecode::Program> program = bytecode::load(*text);
    if (!program) {
      Error error = program.error();
      error.message = fmt::format("{} is no program that can be run: {}", file, error.message);
      if (error.kind == ErrorKind::kCorrupt) error.kind = ErrorKind::kInvalid;  // nothing was run
      if (error.cure.empty()) error.cure = "compile it again with `rbk compile`";
      return tl::unexpected(error);
    }
    loaded.program = std::make_shared<const bytecode::Program>(std::move(*program));
    return loaded;
  }
  const std::string path = file == "-" ? file : project.relative(file);
  Result<compiler::Compiled> compiled =
      compiler::compile(path, std::move(*text), compile_options(project));
  if (!compiled) return tl::unexpected(compiled.error());
  loaded.compiled = std::move(*compiled);
  if (!loaded.compiled->program) {
    print_diagnostics(terminal, loaded.compiled->checked, true);
    if (!terminal.json) {
      const size_t errors = loaded.compiled->checked.diagnostics.error_count();
      terminal.print_error(
          {ErrorKind::kInvalid,
           fmt::format("{} has {}; nothing was run", file, diagnostics::count_text(errors, 0)),
           {}});
    }
    return loaded;
  }
  loaded.program = std::make_shared<const bytecode::Program>(std::move(*loaded.compiled->program));
  return loaded;
}

Result<std::unique_ptr<check::CheckedProgram>> load_checked(const Terminal& terminal,
                                                            const Project& project,
                                                            const std::string& file) {
  if (is_program(file))
    return fail(ErrorKind::kInvalid,
                fmt::format("{} is a compiled program, without its text", file),
                "name the .rbk file that it was made from");
  Result<std::string> text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  const std::string path = file == "-" ? file : project.relative(file);
  auto checked = std::make_unique<check::CheckedProgram>(
      check::check(path, std::move(*text), compile_options(project)));
  if (!checked->diagnostics.has_errors()) return checked;
  print_diagnostics(terminal, *checked, true);
  if (!terminal.json) {
    const size_t errors = checked->diagnostics.error_count();
    terminal.print_error({ErrorKind::kInvalid,
                          fmt::format("{} has {}", file, diagnostics::count_text(errors, 0)),
                          {}});
  }
  return std::unique_ptr<check::CheckedProgram>();
}

Result<const bytecode::Runbook*> choose_runbook(const bytecode::Program& program,
                                                const Target& target) {
  std::vector<std::string_view> names;
  const bytecode::Runbook* only = nullptr;
  for (const bytecode::Runbook& runbook : program.runbooks) {
    if (!runbook.is_public) continue;
    names.push_back(runbook.name);
    only = &runbook;
  }
  if (!target.runbook.empty()) {
    for (const bytecode::Runbook& runbook : program.runbooks) {
      if (runbook.is_public && runbook.name == target.runbook) return &runbook;
    }
    const std::string_view near = nearest_name(target.runbook, names);
    return fail(ErrorKind::kNotFound,
                fmt::format("{} has no public runbook \"{}\"", target.file, target.runbook),
                !near.empty()   ? fmt::format("did you mean {}:{}?", target.file, near)
                : names.empty() ? "it has none at all"
                                : "it has " + list_of_runbooks(names, target.file));
  }
  if (names.empty())
    return fail(ErrorKind::kNotFound, fmt::format("{} has no runbook to run", target.file),
                "declare one: runbook NAME() { … }; a name that begins with _ is private");
  if (names.size() > 1)
    return fail(ErrorKind::kInvalid, fmt::format("{} has several runbooks", target.file),
                "say which: " + list_of_runbooks(names, target.file));
  return only;
}

}  // namespace rbk::cli
