#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <set>

#include "cli/command.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/program_file.h"
#include "cli/report/junit.h"
#include "cli/report/test_report.h"
#include "compiler/diagnostics/diagnostic.h"
#include "harness/explore.h"
#include "harness/harness.h"

namespace rbk::cli {
namespace {

/// Of one exploration.
constexpr size_t kMostPaths = 5000;

class TestCommand {
 public:
  TestCommand(const Terminal& terminal, const Project& project, std::string filter, bool explore)
      : report_(terminal),
        terminal_(terminal),
        project_(project),
        filter_(std::move(filter)),
        explore_(explore),
        options_(compile_options(project, false)) {}

  /// The tests of one file. An error: it can't be read, or is more than the compiler takes.
  Status test(const std::string& file) {
    Result<std::string> text = read_file(file);
    if (!text) return tl::unexpected(text.error());
    const std::string path = file == "-" ? file : project_.relative(file);
    const check::CheckedProgram checked = check::check(path, std::move(*text), options_);
    if (checked.diagnostics.has_errors()) {
      print_diagnostics(terminal_, checked, true);
      has_errors_ = true;
      harness::TestResult broken;
      broken.title = "the file has no errors";
      broken.at.file = path;
      for (const diagnostics::Diagnostic& one : checked.diagnostics.sorted()) {
        if (one.severity == diagnostics::Severity::kError)
          broken.message += diagnostics::code_text(one.code) + " " + one.message + "\n";
      }
      for_ci_.push_back(std::move(broken));
      return {};
    }
    Result<std::vector<lower::TestProgram>> programs = lower::lower_tests(checked);
    if (!programs) return tl::unexpected(programs.error());
    Tests tests;
    for (const lower::TestProgram& program : *programs) {
      for (const lower::Test& one : program.tests) tests.emplace_back(&program, &one);
    }
    std::sort(tests.begin(), tests.end(),
              [](const auto& a, const auto& b) { return a.second->at.line < b.second->at.line; });
    seen_ += tests.size();
    std::erase_if(tests, [&](const auto& one) {
      return one.second->title.find(filter_) == std::string::npos;
    });
    if (explore_ && filter_.empty() && tests.empty()) {
      for (const lower::TestProgram& program : *programs) say_not_explored(program, {});
    }
    if (tests.empty()) return {};
    report_.file(path, checked.sources);
    for (const auto& [program, one] : tests) {
      results_.push_back(harness::run_test(*program, *one));
      report_.test(results_.back());
      for_ci_.push_back(results_.back());
    }
    if (explore_) explore(tests);
    return {};
  }

  ExitStatus finish(size_t files, const std::optional<std::string>& junit) {
    if (junit) {
      if (Status written = write_file(*junit, junit_xml(for_ci_)); !written)
        return refuse(terminal_, written.error());
    }
    if (results_.empty() && !has_errors_ && !filter_.empty())
      return refuse(terminal_, {ErrorKind::kNotFound,
                                fmt::format("no test has \"{}\" in its title; there {} {}", filter_,
                                            seen_ == 1 ? "is" : "are",
                                            seen_ == 1 ? "1 test" : fmt::format("{} tests", seen_)),
                                "leave out --filter to run them all"});
    const size_t failed = static_cast<size_t>(std::count_if(
        results_.begin(), results_.end(), [](const auto& one) { return !one.passed; }));
    if (!results_.empty() || !has_errors_)
      report_.finish(files, results_.size() - failed, failed, broken_);
    if (has_errors_) return ExitStatus::kUsage;
    return failed + broken_ == 0 ? ExitStatus::kSucceeded : ExitStatus::kFailed;
  }

 private:
  static harness::TestResult of_exploration(const harness::Exploration& made) {
    harness::TestResult result;
    result.title = fmt::format("{} from \"{}\", whatever goes wrong", made.runbook, made.test);
    result.at = made.at;
    result.passed = made.broken.empty();
    for (const harness::Broken& one : made.broken) {
      result.message += one.message + "\n";
      for (const std::string& fault : one.faults) result.message += "  " + fault + "\n";
      result.message += one.test + "\n";
    }
    if (!made.broken.empty()) result.story = made.broken.front().story;
    return result;
  }

  using Tests = std::vector<std::pair<const lower::TestProgram*, const lower::Test*>>;

  /// From each test whose run succeeds; of a runbook with invariants and no such test, says so.
  void explore(const Tests& tests) {
    std::set<std::string> explored;
    for (const auto& [program, one] : tests) {
      harness::Exploration made = harness::explore(*program, *one, kMostPaths);
      if (!made.problem.empty()) {
        continue;
      }
      explored.insert(made.runbook);
      broken_ += made.broken.size();
      report_.explored(made);
      for_ci_.push_back(of_exploration(made));
    }
    if (!tests.empty()) say_not_explored(*tests.front().first, std::move(explored));
  }

  /// Of each runbook that has invariants, that nothing was held against them.
  void say_not_explored(const lower::TestProgram& program, std::set<std::string> explored) {
    for (const lower::Invariant& invariant : program.invariants) {
      if (!explored.insert(invariant.about).second) continue;
      report_.not_explored(invariant);
      ++broken_;
      harness::TestResult result;
      result.title = invariant.about + ", whatever goes wrong";
      result.at = invariant.at;
      result.message = "it is not explored: no test has a run of it that succeeds, to begin with";
      for_ci_.push_back(std::move(result));
    }
  }

  TestReport report_;
  const Terminal& terminal_;
  const Project& project_;
  std::string filter_;
  bool explore_;
  check::Options options_;
  std::vector<harness::TestResult> results_;
  std::vector<harness::TestResult> for_ci_;  // with what was explored, and files with errors
  size_t seen_ = 0;
  size_t broken_ = 0;
  bool has_errors_ = false;
};

}  // namespace

ExitStatus test_command(const Terminal& terminal, const Arguments& arguments) {
  std::vector<std::string> files;
  std::optional<std::string> filter;
  std::optional<std::string> junit;
  bool explore = false;
  Options options("test", "[FILE…] [--filter TEXT] [--explore] [--junit FILE]");
  options.words("FILE", files)
      .value("--filter", filter)
      .flag("--explore", explore)
      .value("--junit", junit);
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
                               "name the files whose tests are to run"});
  }
  for (const std::string& file : files) {
    if (file.ends_with(".rbkc"))
      return refuse(terminal, {ErrorKind::kInvalid, fmt::format("{} is a compiled program", file),
                               "name the .rbk file that it was made from: tests stand there"});
  }
  TestCommand command(terminal, *project, filter.value_or(""), explore);
  for (const std::string& file : files) {
    if (Status tested = command.test(file); !tested) return refuse(terminal, tested.error());
  }
  return command.finish(files.size(), junit);
}

}  // namespace rbk::cli
