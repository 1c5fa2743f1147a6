#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "base/spelling.h"
#include "base/text_width.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/program_file.h"
#include "cli/report/reference_report.h"
#include "compiler/diagnostics/from_syntax.h"
#include "compiler/diagnostics/render.h"
#include "compiler/syntax/parse.h"
#include "stdlib/declarations.h"

namespace rbk::cli {
namespace {

using reference::Entry;
using reference::Module;

std::vector<Module> standard_modules() {
  std::vector<Module> modules;
  source::SourceSet sources;
  const auto add = [&](const stdlib::ModuleText& text) {
    const source::Source& source =
        sources.add(std::string(text.name) + ".rbk", std::string(text.text));
    const syntax::ParsedFile parsed = syntax::parse(source);
    const std::string_view prefix = text.name == "core" ? std::string_view() : text.name;
    modules.push_back(reference::module_of(std::string(text.name), prefix, source, parsed.ast));
  };
  for (const stdlib::ModuleText& text : stdlib::module_texts()) add(text);
  for (const stdlib::ModuleText& text : stdlib::value_texts()) add(text);
  return modules;
}

struct Found {
  const Module* module = nullptr;
  const Entry* entry = nullptr;  // null: the module itself
};

/// What the word names: a module, its entry by its whole name, or the entries with that last name.
std::vector<Found> find(const std::vector<Module>& modules, std::string_view word) {
  std::vector<Found> found;
  for (const Module& module : modules)
    if (module.name == word) return {{&module, nullptr}};
  for (const Module& module : modules) {
    for (const Entry& entry : module.entries) {
      // `core.Timeout` and `shell.shell` are what people try.
      if (entry.full_name == word || module.name + "." + entry.name == word)
        return {{&module, &entry}};
      if (entry.name == word) found.push_back({&module, &entry});
    }
  }
  return found;
}

std::vector<std::string_view> all_names(const std::vector<Module>& modules) {
  std::vector<std::string_view> names;
  for (const Module& module : modules) {
    names.push_back(module.name);
    for (const Entry& entry : module.entries) names.push_back(entry.full_name);
  }
  return names;
}

/// The nearest whole name; else one whose last part is near.
std::string nearest(const std::vector<Module>& modules, const std::string& word) {
  const std::string_view whole = nearest_name(word, all_names(modules));
  if (!whole.empty()) return std::string(whole);
  const std::string last = word.substr(word.rfind('.') + 1);
  std::vector<std::string_view> names;
  for (const Module& module : modules)
    for (const Entry& entry : module.entries) names.push_back(entry.name);
  const std::string_view near = nearest_name(last, names);
  for (const Module& module : modules)
    for (const Entry& entry : module.entries)
      if (!near.empty() && entry.name == near) return entry.full_name;
  return {};
}

/// What is there, but is declared nowhere.
std::string_view of_the_language(std::string_view word) {
  if (word == "now" || word == "run" || word.starts_with("run.") || word == "random")
    return "it is a part of the language itself: docs/language/steps.md describes it";
  if (word == "Url" || word == "Command" || word == "Query" || word == "env")
    return "it is a type of the language itself: docs/language/templates.md describes it";
  if (word == "secret" || word == "secrets")
    return "it is a part of the language itself: docs/language/secrets.md describes it";
  if (word == "bool" || word == "Regex" || word == "error")
    return "it is a type of the language itself: docs/language/values.md describes it";
  return {};
}

ExitStatus list_modules(const Terminal& terminal, const std::vector<Module>& modules) {
  if (terminal.json) {
    for (const Module& module : modules) terminal.print_json(module_json(module));
    return ExitStatus::kSucceeded;
  }
  terminal.print(modules_text(modules, terminal.out_colour));
  return ExitStatus::kSucceeded;
}

ExitStatus show(const Terminal& terminal, const std::vector<Module>& modules, const Found& found) {
  if (found.entry != nullptr) {
    if (terminal.json)
      terminal.print_json(entry_json(*found.module, *found.entry));
    else
      terminal.print(entry_text(modules, *found.module, *found.entry, terminal.out_colour));
    return ExitStatus::kSucceeded;
  }
  if (terminal.json) {
    terminal.print_json(module_json(*found.module));
    for (const Entry& entry : found.module->entries)
      if (!entry.is_private) terminal.print_json(entry_json(*found.module, entry));
    return ExitStatus::kSucceeded;
  }
  terminal.print(module_text(*found.module, terminal.out_colour));
  for (const Entry& entry : found.module->entries)
    if (entry.full_name == found.module->name)
      terminal.print("\n" + entry_text(modules, *found.module, entry, terminal.out_colour));
  return ExitStatus::kSucceeded;
}

/// A user's file: what it declares, as far as it can be read.
ExitStatus file(const Terminal& terminal, std::vector<Module> modules, const Target& target) {
  Result<std::string> text = read_file(target.file);
  if (!text) return refuse(terminal, text.error());
  source::SourceSet sources;
  const source::Source& source = sources.add(target.file, std::move(*text));
  const syntax::ParsedFile parsed = syntax::parse(source);
  if (!parsed.ok()) {
    diagnostics::Diagnostics found;
    for (const syntax::SyntaxError& error : parsed.errors)
      found.add(diagnostics::from_syntax_error(error));
    for (const diagnostics::Diagnostic& one : found.sorted()) {
      if (terminal.json)
        terminal.print_json(diagnostics::to_json(one, sources));
      else
        terminal.print_to_err(diagnostics::render(one, sources, terminal.err_colour) + "\n");
    }
    return ExitStatus::kUsage;
  }
  modules.insert(modules.begin(), reference::module_of(target.file, {}, source, parsed.ast));
  const Module& own = modules.front();
  if (target.runbook.empty()) return show(terminal, modules, {&own, nullptr});
  for (const Entry& entry : own.entries)
    if (entry.name == target.runbook) return show(terminal, modules, {&own, &entry});
  std::vector<std::string_view> names;
  for (const Entry& entry : own.entries) names.push_back(entry.name);
  const std::string_view near = nearest_name(target.runbook, names);
  terminal.print_error(
      {ErrorKind::kNotFound, fmt::format("{} declares no \"{}\"", target.file, target.runbook),
       near.empty() ? fmt::format("`rbk doc {}` lists what it declares", target.file)
                    : fmt::format("did you mean {}:{}?", target.file, near)});
  return ExitStatus::kUsage;
}

}  // namespace

ExitStatus doc_command(const Terminal& terminal, const Arguments& arguments) {
  std::optional<std::string> word;
  std::optional<std::string> member;  // `rbk doc http get`
  Options options("doc", "[MODULE[.NAME] | FILE.rbk[:NAME]]");
  options.optional_word("NAME", word).optional_word("NAME", member);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  std::vector<Module> modules = standard_modules();
  if (!word) return list_modules(terminal, modules);
  Target target = parse_target(*word);
  if (target.file.ends_with(".rbkc"))
    return refuse(terminal, {ErrorKind::kInvalid,
                             fmt::format("{} is a compiled program, without its text", target.file),
                             "name the .rbk file that it was made from"});
  if (member && target.runbook.empty() && target.file.ends_with(".rbk")) target.runbook = *member;
  if (target.file.ends_with(".rbk") || target.file == "-")
    return file(terminal, std::move(modules), target);
  std::string name = member ? *word + "." + *member : *word;
  if (name.ends_with("()")) name.resize(name.size() - 2);
  const std::vector<Found> found = find(modules, name);
  if (found.size() == 1) return show(terminal, modules, found.front());
  if (found.size() > 1) {
    for (const Found& one : found) {
      if (terminal.json)
        terminal.print_json(entry_json(*one.module, *one.entry));
      else
        terminal.print(entry_line(*one.entry, terminal.out_colour));
    }
    return ExitStatus::kSucceeded;
  }
  const std::string near = nearest(modules, name);
  const std::string_view built_in = of_the_language(name);
  terminal.print_error({ErrorKind::kNotFound, fmt::format("there is no `{}` to describe", name),
                        !built_in.empty() ? std::string(built_in)
                        : near.empty()
                            ? "`rbk doc` lists what there is; of a file, `rbk doc FILE.rbk`"
                            : fmt::format("did you mean `rbk doc {}`?", near)});
  return ExitStatus::kUsage;
}

}  // namespace rbk::cli
