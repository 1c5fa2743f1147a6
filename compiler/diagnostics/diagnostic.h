// What the compiler has to say about a program: a registry of codes (codes.def), one diagnostic,
// and the sink that collects them. Knows files and spans, nothing of syntax, types or terminals.
#pragma once

#include <fmt/core.h>

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "compiler/source/source.h"

namespace rbk::diagnostics {

using source::Span;

enum class Severity : uint8_t { kError, kWarning, kNote };

/// The enumerator's value is the number of the code: kUnknownName is RBK0100.
enum class Code : uint16_t {
#define RBK_DIAGNOSTIC(name, number, severity, text) name = number,
#include "compiler/diagnostics/codes.def"
#undef RBK_DIAGNOSTIC
};

/// One line of codes.def.
struct CodeInfo {
  Code code;
  std::string_view name;  // "kUnknownName"
  Severity severity;
  std::string_view text;  // the template
};

inline constexpr std::array kCodes{
#define RBK_DIAGNOSTIC(name, number, severity, text) \
  CodeInfo{Code::name, #name, Severity::severity, text},
#include "compiler/diagnostics/codes.def"
#undef RBK_DIAGNOSTIC
};

constexpr const CodeInfo& info(Code code) {
  for (const CodeInfo& entry : kCodes) {
    if (entry.code == code) return entry;
  }
  return kCodes.front();  // not reached: the enumerators and the table come from one list
}

/// "RBK0100".
std::string code_text(Code code);
/// The code of "RBK0100", "rbk100" or "100"; nothing if there is none.
std::optional<Code> find_code(std::string_view text);

/// A further place that belongs to a diagnostic.
struct Label {
  Span span;
  std::string text;
  friend bool operator==(const Label&, const Label&) = default;
};

/// Replaces the span's text; an empty span inserts.
struct Edit {
  Span span;
  std::string text;
  friend bool operator==(const Edit&, const Edit&) = default;
};

enum class Applicability : uint8_t {
  kMachineApplicable,  // keeps or makes the meaning that was surely wanted: `rbk check --fix` does
                       // it
  kMaybeIncorrect,     // a guess: only shown, and offered by editors
  kHasPlaceholders,    // leaves something for the person to fill in
};

struct Fix {
  std::string title;  // imperative: "write `timeout 5m`"
  std::vector<Edit> edits;
  Applicability applicability = Applicability::kMaybeIncorrect;
  friend bool operator==(const Fix&, const Fix&) = default;
};

struct Diagnostic {
  Code code{};
  Severity severity = Severity::kError;
  Span primary;
  std::string message;  // lower case, no full stop, code in backticks
  std::string label;    // at the primary span, in the user's own names; may be empty
  std::vector<Label> related;
  std::string hint;  // the cure in a sentence; may be empty
  std::vector<Fix> fixes;

  // For writing a diagnostic in one expression; each returns this one.
  Diagnostic& labelled(std::string text);
  Diagnostic& also(Span span, std::string text);
  Diagnostic& help(std::string text);
  Diagnostic& fix(std::string title, std::vector<Edit> edits,
                  Applicability applicability = Applicability::kMachineApplicable);
  /// "did you mean `x`?" with a fix that replaces `span`; nothing if `name` is empty.
  Diagnostic& did_you_mean(Span span, std::string_view name);

  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// How many `{}` a template has.
constexpr size_t placeholder_count(std::string_view text) {
  size_t count = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == text[i + 1] && (text[i] == '{' || text[i] == '}')) {
      ++i;
    } else if (text[i] == '{' && text[i + 1] == '}') {
      ++count;
      ++i;
    }
  }
  return count;
}

/// A code whose template takes as many arguments as there are types. A wrong number does not
/// compile.
template <typename... Args>
struct CodeFor {
  Code code;
  consteval CodeFor(Code value) : code(value) {  // NOLINT: converts by design
    if (placeholder_count(info(value).text) != sizeof...(Args))
      throw "the template in codes.def takes another number of arguments";
  }
};

/// Collects diagnostics. Not thread-safe; one a phase, joined by `take`.
class Diagnostics {
 public:
  /// Formats the code's template; the severity is the code's. The reference stays valid.
  template <typename... Args>
  Diagnostic& report(CodeFor<std::type_identity_t<Args>...> code, Span span, const Args&... args) {
    return add(
        code.code, span,
        fmt::vformat(fmt::string_view(info(code.code).text.data(), info(code.code).text.size()),
                     fmt::make_format_args(args...)));
  }
  /// With a finished message, for codes that are only known when running.
  Diagnostic& add(Code code, Span span, std::string message);
  Diagnostic& add(Diagnostic diagnostic);
  /// Moves all of the other's to the end of this one.
  void take(Diagnostics&& other);
  template <typename Visitor>
  void for_each(Visitor visit) const {
    for (const Diagnostic& one : all_) visit(one);
  }
  /// For what is only known once all is reported.
  template <typename Visitor>
  void revise(Visitor visit) {
    for (Diagnostic& one : all_) visit(one);
  }
  /// Drops those for which the predicate holds. References to others may move.
  template <typename Predicate>
  void remove_if(Predicate drop) {
    std::erase_if(all_, drop);
  }

  bool has_errors() const { return error_count() != 0; }
  size_t error_count() const;
  size_t warning_count() const;
  bool empty() const { return all_.empty(); }

  /// By file, offset, then order of report; exact duplicates once.
  std::vector<Diagnostic> sorted() const;

 private:
  std::deque<Diagnostic> all_;
};

}  // namespace rbk::diagnostics
