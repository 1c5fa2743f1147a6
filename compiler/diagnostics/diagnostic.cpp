#include "compiler/diagnostics/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

namespace rbk::diagnostics {

std::string code_text(Code code) { return fmt::format("RBK{:04}", static_cast<unsigned>(code)); }

std::optional<Code> find_code(std::string_view text) {
  if (text.size() > 3 && (text.starts_with("RBK") || text.starts_with("rbk")))
    text.remove_prefix(3);
  unsigned number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  for (const CodeInfo& entry : kCodes) {
    if (static_cast<unsigned>(entry.code) == number) return entry.code;
  }
  return std::nullopt;
}

Diagnostic& Diagnostic::labelled(std::string text) {
  label = std::move(text);
  return *this;
}

Diagnostic& Diagnostic::also(Span span, std::string text) {
  related.push_back({span, std::move(text)});
  return *this;
}

Diagnostic& Diagnostic::help(std::string text) {
  hint = std::move(text);
  return *this;
}

Diagnostic& Diagnostic::fix(std::string title, std::vector<Edit> edits,
                            Applicability applicability) {
  fixes.push_back({std::move(title), std::move(edits), applicability});
  return *this;
}

Diagnostic& Diagnostic::did_you_mean(Span span, std::string_view name) {
  if (name.empty()) return *this;
  return help(fmt::format("did you mean `{}`?", name))
      .fix(fmt::format("write `{}`", name), {{span, std::string(name)}},
           Applicability::kMaybeIncorrect);
}

Diagnostic& Diagnostics::add(Code code, Span span, std::string message) {
  Diagnostic& added = all_.emplace_back();
  added.code = code;
  added.severity = info(code).severity;
  added.primary = span;
  added.message = std::move(message);
  return added;
}

Diagnostic& Diagnostics::add(Diagnostic diagnostic) {
  return all_.emplace_back(std::move(diagnostic));
}

void Diagnostics::take(Diagnostics&& other) {
  for (Diagnostic& diagnostic : other.all_) all_.push_back(std::move(diagnostic));
  other.all_.clear();
}

size_t Diagnostics::error_count() const {
  return static_cast<size_t>(std::count_if(all_.begin(), all_.end(), [](const Diagnostic& one) {
    return one.severity == Severity::kError;
  }));
}

size_t Diagnostics::warning_count() const {
  return static_cast<size_t>(std::count_if(all_.begin(), all_.end(), [](const Diagnostic& one) {
    return one.severity == Severity::kWarning;
  }));
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> result(all_.begin(), all_.end());
  const auto place = [](const Diagnostic& one) {
    return std::tuple(one.primary.file, one.primary.begin, one.primary.end);
  };
  std::stable_sort(result.begin(), result.end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return place(a) < place(b); });
  // Equal ones need not be neighbours, but stand at the same place.
  std::vector<Diagnostic> unique;
  for (Diagnostic& one : result) {
    bool seen = false;
    for (size_t i = unique.size(); i > 0 && place(unique[i - 1]) == place(one) && !seen; --i)
      seen = unique[i - 1] == one;
    if (!seen) unique.push_back(std::move(one));
  }
  return unique;
}

}  // namespace rbk::diagnostics
