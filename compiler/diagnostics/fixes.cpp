#include "compiler/diagnostics/fixes.h"

#include <algorithm>

namespace rbk::diagnostics {
namespace {

bool touches(Span a, Span b) {
  if (a.empty() && b.empty()) return a.begin == b.begin;
  return a.begin <= b.end && b.begin <= a.end && !(a.begin == b.end && !b.empty() && !a.empty()) &&
         !(b.begin == a.end && !b.empty() && !a.empty());
}

}  // namespace

std::string apply_edits(std::string_view text, std::vector<Edit> edits) {
  std::stable_sort(edits.begin(), edits.end(),
                   [](const Edit& a, const Edit& b) { return a.span.begin < b.span.begin; });
  std::string result;
  size_t at = 0;
  for (const Edit& edit : edits) {
    const size_t begin = std::clamp<size_t>(edit.span.begin, at, text.size());
    result += text.substr(at, begin - at);
    result += edit.text;
    at = std::clamp<size_t>(edit.span.end, begin, text.size());
  }
  result += text.substr(at);
  return result;
}

AppliedFixes apply_fixes(const source::Source& source, std::span<const Diagnostic> diagnostics) {
  AppliedFixes result;
  std::vector<Edit> accepted;
  for (const Diagnostic& diagnostic : diagnostics) {
    const auto fix = std::find_if(
        diagnostic.fixes.begin(), diagnostic.fixes.end(),
        [](const Fix& one) { return one.applicability == Applicability::kMachineApplicable; });
    if (fix == diagnostic.fixes.end() || fix->edits.empty()) continue;
    const bool fits = std::all_of(fix->edits.begin(), fix->edits.end(), [&](const Edit& edit) {
      return edit.span.file == source.id() &&
             std::none_of(accepted.begin(), accepted.end(),
                          [&](const Edit& other) { return touches(edit.span, other.span); });
    });
    if (!fits) continue;
    accepted.insert(accepted.end(), fix->edits.begin(), fix->edits.end());
    ++result.count;
  }
  result.text = apply_edits(source.text(), std::move(accepted));
  return result;
}

}  // namespace rbk::diagnostics
