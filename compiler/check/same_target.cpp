// Branches of a parallel block that write the same thing: which of them is last nobody knows.
#include "compiler/check/program_checker.h"
#include "compiler/effects/effects.h"

namespace rbk::check {

using diagnostics::Code;

void ProgramChecker::report_clash(const effects::Clash& clash) {
  const bool is_one = clash.first == clash.second;
  auto& report = diagnostics.report(
      Code::kSameTarget, clash.second, is_one ? "several" : "two",
      fmt::format("{} `{}`", clash.is_file ? "write the file" : "send", clash.what));
  report.labelled(is_one ? "where this goes is not each branch's own" : "this one does");
  if (!is_one) report.also(clash.first, "and so does this one");
  report.also(clash.block, "the branches of this run side by side");
  report.help(
      "do it once, behind the block, or give each branch its own: which is last is left to chance");
}

}  // namespace rbk::check
