#include "compiler/diagnostics/explain.h"

namespace rbk::diagnostics {

std::string_view explain(Code code) {
  for (const ExplainPage& page : explain_pages()) {
    if (page.code == code) return page.markdown;
  }
  return {};
}

}  // namespace rbk::diagnostics
