#include <fmt/format.h>

#include "cli/command.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/project.h"
#include "compiler/diagnostics/from_syntax.h"
#include "compiler/diagnostics/render.h"
#include "compiler/format/format.h"
#include "compiler/syntax/dump.h"
#include "compiler/syntax/parse.h"

namespace rbk::cli {
namespace {

class Formatting {
 public:
  Formatting(const Terminal& terminal, bool check) : terminal_(terminal), check_(check) {}

  Status format(const std::string& file) {
    Result<std::string> text = read_file(file);
    if (!text) return tl::unexpected(text.error());
    source::SourceSet sources;
    const source::Source& source = sources.add(file, std::move(*text));
    const syntax::ParsedFile parsed = syntax::parse(source);
    for (const syntax::SyntaxError& error : parsed.errors) report(error, sources);
    const std::string result = format::format(source, parsed);
    const bool changed = result != source.text();
    if (changed && parsed.ok()) {
      if (Status same = means_the_same(source, parsed, result); !same) return same;
    }
    if (file == "-" && !check_) {
      terminal_.print(result);
      return {};
    }
    if (!changed) return {};
    ++changed_;
    if (check_) {
      say(file, "would be formatted");
      return {};
    }
    if (Status written = write_file(file, result); !written) return written;
    say(file, "formatted");
    return {};
  }

  ExitStatus status() const {
    if (broken_) return ExitStatus::kUsage;
    return check_ && changed_ != 0 ? ExitStatus::kFailed : ExitStatus::kSucceeded;
  }

 private:
  void report(const syntax::SyntaxError& error, const source::SourceSet& sources) {
    broken_ = true;
    const diagnostics::Diagnostic one = diagnostics::from_syntax_error(error);
    if (terminal_.json)
      terminal_.print_json(diagnostics::to_json(one, sources));
    else
      terminal_.print_to_err(diagnostics::render(one, sources, terminal_.err_colour) + "\n");
  }

  void say(const std::string& file, std::string_view what) const {
    if (terminal_.json)
      terminal_.print_json({{"file", file}, {"changed", true}, {"written", !check_}});
    else
      terminal_.print(fmt::format("{}: {}\n", file, what));
  }

  /// What is written back reads as what was read; anything else is a fault of ours, and the file
  /// stays.
  static Status means_the_same(const source::Source& source, const syntax::ParsedFile& parsed,
                               const std::string& result) {
    source::SourceSet sources;
    const source::Source& formatted = sources.add(source.path(), result);
    const syntax::ParsedFile again = syntax::parse(formatted);
    if (again.ok() && syntax::dump(parsed.ast) == syntax::dump(again.ast)) return {};
    return fail(ErrorKind::kInternal,
                fmt::format("{} would not mean the same once formatted; it was left as it is",
                            source.path()),
                "this is a fault of rbk: please report it with the file");
  }

  const Terminal& terminal_;
  bool check_;
  bool broken_ = false;
  size_t changed_ = 0;
};

}  // namespace

ExitStatus fmt_command(const Terminal& terminal, const Arguments& arguments) {
  bool check = false;
  std::vector<std::string> files;
  Options options("fmt", "[--check] [FILE…]");
  options.flag("--check", check).words("FILE", files);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (files.empty()) {
    Result<Project> project = find_project();
    if (!project) return refuse(terminal, project.error());
    Result<std::vector<std::string>> found = find_runbooks(project->root);
    if (!found) return refuse(terminal, found.error());
    files = std::move(*found);
  }
  Formatting formatting(terminal, check);
  for (const std::string& file : files) {
    if (Status formatted = formatting.format(file); !formatted)
      return refuse(terminal, formatted.error());
  }
  return formatting.status();
}

}  // namespace rbk::cli
