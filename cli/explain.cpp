#include <fmt/format.h>

#include "base/spelling.h"
#include "cli/command.h"
#include "cli/options.h"
#include "compiler/diagnostics/explain.h"

namespace rbk::cli {
namespace {

/// "something else was expected here" of "# RBK0001: something else was expected here".
std::string_view title_of(std::string_view page) {
  const size_t colon = page.find(": ");
  return page.substr(colon + 2, page.find('\n') - colon - 2);
}

/// Headings bold, code dim; the fences' own lines are left out.
std::string for_terminal(std::string_view page, bool colour) {
  std::string result;
  bool code = false;
  while (!page.empty()) {
    const size_t end = page.find('\n');
    const std::string_view line = page.substr(0, end);
    page.remove_prefix(end == std::string_view::npos ? page.size() : end + 1);
    if (line.starts_with("```")) {
      code = line.size() > 3;
      if (line == "```rbk,bad") result += colour ? "\033[31mwrong\033[0m\n" : "wrong\n";
      if (line == "```rbk,good") result += colour ? "\033[32mright\033[0m\n" : "right\n";
      continue;
    }
    if (code && !line.empty())
      result += fmt::format("    {}\n", line);
    else if (line.starts_with("# "))
      result += colour ? fmt::format("\033[1m{}\033[0m\n", line.substr(2))
                       : fmt::format("{}\n", line.substr(2));
    else
      result += fmt::format("{}\n", line);
  }
  return result;
}

void list_all(const Terminal& terminal) {
  for (const diagnostics::ExplainPage& page : diagnostics::explain_pages()) {
    const std::string code = diagnostics::code_text(page.code);
    if (terminal.json)
      terminal.print_json({{"code", code}, {"title", title_of(page.markdown)}});
    else
      terminal.print(fmt::format("{}  {}\n", code, title_of(page.markdown)));
  }
}

}  // namespace

ExitStatus explain_command(const Terminal& terminal, const Arguments& arguments) {
  std::optional<std::string> word;
  if (Status parsed = Options("explain", "[CODE]").optional_word("CODE", word).parse(arguments);
      !parsed)
    return refuse(terminal, parsed.error());
  if (!word) {
    list_all(terminal);
    return ExitStatus::kSucceeded;
  }
  const std::optional<diagnostics::Code> code = diagnostics::find_code(*word);
  if (!code) {
    std::vector<std::string> names;
    names.reserve(std::size(diagnostics::kCodes));
    for (const diagnostics::CodeInfo& one : diagnostics::kCodes)
      names.push_back(diagnostics::code_text(one.code));
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::string_view near = nearest_name(*word, views);
    terminal.print_error({ErrorKind::kNotFound, fmt::format("there is no diagnostic {}", *word),
                          near.empty()
                              ? "`rbk explain` lists them"
                              : fmt::format("did you mean {}? `rbk explain` lists them", near)});
    return ExitStatus::kUsage;
  }
  const std::string_view page = diagnostics::explain(*code);
  if (terminal.json)
    terminal.print_json(
        {{"code", diagnostics::code_text(*code)}, {"title", title_of(page)}, {"page", page}});
  else
    terminal.print(for_terminal(page, terminal.out_colour));
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
