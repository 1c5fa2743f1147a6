#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "cli/command.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/program_file.h"
#include "cli/report/effects_report.h"
#include "compiler/diagnostics/fixes.h"
#include "compiler/diagnostics/render.h"
#include "compiler/effects/effects.h"

namespace rbk::cli {
namespace {

/// Fixes may make others possible; more rounds than this mean that two of them undo each other.
constexpr int kFixRounds = 10;
/// Fewer files are checked before a thread would have begun.
constexpr size_t kFewFiles = 8;
/// So many programs are held at a time.
constexpr size_t kBatch = 64;

class Checking {
 public:
  Checking(const Terminal& terminal, const Project& project, bool strict, bool effects)
      : terminal_(terminal),
        project_(project),
        options_(compile_options(project, strict)),
        effects_(effects) {}

  /// Applies what fixes there are, then tells of the rest.
  Status fix(const std::string& file) {
    for (int round = 0;; ++round) {
      const Result<check::CheckedProgram> checked = read(file);
      if (!checked) return tl::unexpected(checked.error());
      if (round < kFixRounds) {
        Result<size_t> fixed = apply(*checked);
        if (!fixed) return tl::unexpected(fixed.error());
        fixes_ += *fixed;
        if (*fixed != 0) continue;
      }
      tell(*checked);
      return {};
    }
  }

  /// Tells of each, in this order; as many as there are processors are checked at a time.
  Status check(const std::vector<std::string>& files) {
    const size_t workers = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 16);
    if (files.size() < kFewFiles || workers == 1) {
      for (const std::string& file : files) {
        const Result<check::CheckedProgram> checked = read(file);
        if (!checked) return tl::unexpected(checked.error());
        tell(*checked);
      }
      return {};
    }
    for (size_t begin = 0; begin < files.size(); begin += kBatch) {
      const size_t end = std::min(files.size(), begin + kBatch);
      std::vector<std::optional<Result<check::CheckedProgram>>> batch(end - begin);
      std::atomic<size_t> next = 0;
      const auto work = [&] {
        for (size_t i = next++; i < batch.size(); i = next++) batch[i] = read(files[begin + i]);
      };
      {
        std::vector<std::jthread> others;
        for (size_t i = 1; i < workers; ++i) others.emplace_back(work);
        work();
      }
      for (const auto& checked : batch) {
        if (!*checked) return tl::unexpected(checked->error());
        tell(**checked);
      }
    }
    return {};
  }

  ExitStatus finish() const {
    if (terminal_.json) {
      terminal_.print_json(
          {{"checked", files_}, {"errors", errors_}, {"warnings", warnings_}, {"fixed", fixes_}});
    } else {
      std::string found = diagnostics::count_text(errors_, warnings_);
      if (found.empty()) found = "no errors";
      if (fixes_ != 0) found += fmt::format(", {} fixed", fixes_);
      terminal_.print(
          fmt::format("{} file{} checked: {}\n", files_, files_ == 1 ? "" : "s", found));
    }
    return errors_ == 0 ? ExitStatus::kSucceeded : ExitStatus::kUsage;
  }

 private:
  /// Any thread.
  Result<check::CheckedProgram> read(const std::string& file) const {
    Result<std::string> text = read_file(file);
    if (!text) return tl::unexpected(text.error());
    const std::string path = file == "-" ? file : project_.relative(file);
    return check::check(path, std::move(*text), options_);
  }

  /// What an imported file has is told once, whoever imports it.
  void tell(const check::CheckedProgram& checked) {
    for (const diagnostics::Diagnostic& one : checked.diagnostics.sorted()) {
      const source::Source& source = checked.sources.get(one.primary.file);
      const bool is_new = told_
                              .insert(fmt::format("{}:{}:{}:{}", source.path(), one.primary.begin,
                                                  diagnostics::code_text(one.code), one.message))
                              .second;
      if (!is_new) continue;
      print_diagnostic(terminal_, one, checked.sources);
      if (one.severity == diagnostics::Severity::kError) ++errors_;
      if (one.severity == diagnostics::Severity::kWarning) ++warnings_;
    }
    ++files_;
    if (effects_ && !checked.diagnostics.has_errors()) show_effects(checked);
  }

  /// Of each public runbook: a private one's are those of its callers.
  void show_effects(const check::CheckedProgram& checked) const {
    for (const check::SymbolId runbook : effects::runbooks_of(checked)) {
      const effects::Summary summary = effects::summarise(checked, runbook);
      if (summary.is_private) continue;
      if (terminal_.json)
        terminal_.print_json(effects_json(summary));
      else
        terminal_.print(effects_text(summary, terminal_.out_colour) + "\n");
    }
  }

  /// Writes back each file of the project that a fix changes.
  Result<size_t> apply(const check::CheckedProgram& checked) {
    const std::vector<diagnostics::Diagnostic> found = checked.diagnostics.sorted();
    size_t count = 0;
    for (const auto& module : checked.modules) {
      if (module->standard || module->source == nullptr || module->source->path() == "-") continue;
      const diagnostics::AppliedFixes applied = diagnostics::apply_fixes(*module->source, found);
      if (applied.count == 0) continue;
      const auto path = std::filesystem::path(project_.root) / module->source->path();
      if (Status written = write_file(path.string(), applied.text); !written)
        return tl::unexpected(written.error());
      count += applied.count;
    }
    return count;
  }

  const Terminal& terminal_;
  const Project& project_;
  check::Options options_;
  bool effects_;
  std::set<std::string> told_;
  size_t files_ = 0;
  size_t errors_ = 0;
  size_t warnings_ = 0;
  size_t fixes_ = 0;
};

}  // namespace

ExitStatus check_command(const Terminal& terminal, const Arguments& arguments) {
  bool strict = false;
  bool fix = false;
  bool effects = false;
  std::vector<std::string> files;
  Options options("check", "[FILE…] [--effects] [--strict] [--fix]");
  options.flag("--strict", strict)
      .flag("--fix", fix)
      .flag("--effects", effects)
      .words("FILE", files);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Project> project = find_project();
  if (!project) return refuse(terminal, project.error());
  if (files.empty()) {
    Result<std::vector<std::string>> found = find_runbooks(project->root);
    if (!found) return refuse(terminal, found.error());
    files = std::move(*found);
    if (files.empty())
      return refuse(terminal, {ErrorKind::kNotFound,
                               fmt::format("there is no .rbk file below {}", project->root),
                               "name the files to check"});
  }
  for (const std::string& file : files) {
    if (file.ends_with(".rbkc"))
      return refuse(terminal, {ErrorKind::kInvalid, fmt::format("{} is a compiled program", file),
                               "check the .rbk file that it was made from; `rbk disasm` shows what "
                               "it holds"});
  }
  Checking checking(terminal, *project, strict, effects);
  if (!fix) {
    if (Status checked = checking.check(files); !checked) return refuse(terminal, checked.error());
    return checking.finish();
  }
  for (const std::string& file : files) {
    if (Status fixed = checking.fix(file); !fixed) return refuse(terminal, fixed.error());
  }
  return checking.finish();
}

}  // namespace rbk::cli
