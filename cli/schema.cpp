#include "compiler/schema/schema.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/program_file.h"
#include "compiler/effects/effects.h"

namespace rbk::cli {
namespace {

/// On lines of its own what is nested; what is short stays on one.
void write(const boost::json::value& value, size_t depth, std::string& out) {
  constexpr size_t kShort = 60;
  const std::string plain = boost::json::serialize(value);
  const auto line = [&](size_t at) { out += "\n" + std::string(2 * at, ' '); };
  if (const boost::json::object* object = value.if_object(); object && !object->empty()) {
    bool first = true;
    out += "{";
    for (const auto& [key, inner] : *object) {
      if (!first) out += ",";
      first = false;
      line(depth + 1);
      out += boost::json::serialize(key) + ": ";
      write(inner, depth + 1, out);
    }
    line(depth);
    out += "}";
  } else if (const boost::json::array* array = value.if_array();
             array && !array->empty() && plain.size() > kShort) {
    out += "[";
    for (size_t i = 0; i < array->size(); ++i) {
      if (i != 0) out += ",";
      line(depth + 1);
      write(array->at(i), depth + 1, out);
    }
    line(depth);
    out += "]";
  } else {
    out += plain;
  }
}

}  // namespace

ExitStatus schema_command(const Terminal& terminal, const Arguments& arguments) {
  std::string file;
  Options options("schema", "FILE[:RUNBOOK]");
  options.word("FILE", file);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Project> project = find_project();
  if (!project) return refuse(terminal, project.error());
  const Target target = parse_target(file);
  Result<Loaded> loaded = load_program(terminal, *project, target.file);
  if (!loaded) return refuse(terminal, loaded.error());
  if (!loaded->program) return ExitStatus::kUsage;
  if (!loaded->compiled)
    return refuse(terminal, {ErrorKind::kInvalid,
                             fmt::format("{} is a compiled program, without its text", target.file),
                             "name the .rbk file that it was compiled from"});
  Result<const bytecode::Runbook*> runbook = choose_runbook(*loaded->program, target);
  if (!runbook) return refuse(terminal, runbook.error());
  const check::CheckedProgram& checked = loaded->compiled->checked;
  for (const check::SymbolId symbol : effects::runbooks_of(checked)) {
    if (checked.symbol(symbol).name != (*runbook)->name) continue;
    const boost::json::object schema = schema::schema_of(checked, symbol);
    if (terminal.json) {
      terminal.print_json(schema);
    } else {
      std::string text;
      write(schema, 0, text);
      terminal.print(text + "\n");
    }
    return ExitStatus::kSucceeded;
  }
  return refuse(terminal, {ErrorKind::kInternal,
                           fmt::format("{} is not declared where it was found", (*runbook)->name),
                           {}});
}

}  // namespace rbk::cli
