// The page that `rbk explain` shows for a code: explain/RBKnnnn.md, compiled in.
#pragma once

#include <span>
#include <string_view>

#include "compiler/diagnostics/diagnostic.h"

namespace rbk::diagnostics {

struct ExplainPage {
  Code code;
  std::string_view markdown;  // ends with a newline
};

/// All pages, by number.
std::span<const ExplainPage> explain_pages();

/// The code's page; every code has one.
std::string_view explain(Code code);

}  // namespace rbk::diagnostics
