// Applying the fixes that diagnostics carry.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/diagnostics/diagnostic.h"

namespace rbk::diagnostics {

/// The text with all edits applied; their spans are offsets into it, do not overlap, and may come
/// in any order. Insertions at one place keep their order.
std::string apply_edits(std::string_view text, std::vector<Edit> edits);

struct AppliedFixes {
  std::string text;
  size_t count = 0;  // fixes, not edits
};

/// Applies to one file the first machine-applicable fix of each diagnostic whose edits all lie in
/// it. One that touches what an earlier one changes waits for the next round: check again and apply
/// again.
AppliedFixes apply_fixes(const source::Source& source, std::span<const Diagnostic> diagnostics);

}  // namespace rbk::diagnostics
