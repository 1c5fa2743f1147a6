#include "compiler/syntax/similar.h"

#include <algorithm>
#include <vector>

#include "base/spelling.h"
#include "compiler/syntax/token.h"

namespace rbk::syntax {
namespace {

// Two insertions, deletions or replacements at most.
bool differ_by_two(std::string_view a, std::string_view b) {
  if (a.size() > b.size() + 2 || b.size() > a.size() + 2 || b.size() < 4) return false;
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()] <= 2;
}

}  // namespace

std::string_view similar_statement_word(std::string_view word) {
  static constexpr std::string_view kWords[] = {
      "let",    "var",        "step",    "for",      "match",    "try",          "parallel",
      "repeat", "until",      "return",  "fail",     "break",    "continue",     "require",
      "commit", "defer",      "lock",    "approval", "ask",      "wait",         "hold",
      "after",  "before",     "timeout", "retry",    "rollback", "irreversible", "when",
      "reads",  "idempotent", "sandbox", "expect",   "given"};
  return word.size() < 3 ? std::string_view() : nearest_name(word, kWords);
}

std::string_view similar_declaration_word(std::string_view word) {
  for (const grammar::Word& known : grammar::kWords) {
    const auto kind = static_cast<TokenKind>(known.kind);
    if (is_decl_word(kind) && differ_by_two(word, known.text)) return known.text;
  }
  for (const std::string_view foreign : {"func", "function", "def", "fun"}) {
    if (word == foreign) return "fn";
  }
  if (word == "workflow" || word == "job" || word == "playbook") return "runbook";
  if (word == "struct" || word == "type" || word == "class") return "record";
  return {};
}

}  // namespace rbk::syntax
