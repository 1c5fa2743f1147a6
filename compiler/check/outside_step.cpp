// Calls that act outside of a step, and how they become one.
#include <algorithm>
#include <cctype>

#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Applicability;
using diagnostics::Code;

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// The word stands in the text, but after a dot: then it is a name of its own.
bool is_written(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const char before = at == 0 ? ' ' : text[at - 1];
    const char after = at + word.size() < text.size() ? text[at + word.size()] : ' ';
    if (!is_word(before) && before != '.' && !is_word(after)) return true;
  }
  return false;
}

}  // namespace

std::string BodyChecker::free_step_name(std::string_view wanted) {
  const auto is_free = [&](const std::string& name) {
    return all_.find_top_level(module_.id, name) == kNone &&
           std::find(offered_.begin(), offered_.end(), name) == offered_.end() &&
           !is_written(module_.source->text(), name);
  };
  std::string name(wanted);
  for (int number = 1; !is_free(name); ++number)
    name = number == 1 ? fmt::format("run_{}", wanted) : fmt::format("run_{}_{}", wanted, number);
  return name;
}

void BodyChecker::report_outside_step(ExprId call, SymbolId symbol, std::string_view shown) {
  const Span span = span_of(call);
  const size_t dot = shown.rfind('.');
  const std::string_view short_name = dot == std::string_view::npos ? shown : shown.substr(dot + 1);
  auto& report = diagnostics_.report(Code::kActionOutsideStep, span, shown)
                     .labelled("each call that acts is a step of its own");
  const OwnStatement& own = own_statement_;
  const bool is_alone = own.call == call && !ast_[call].parenthesised && !own.is_var;
  const bool has_name = is_alone && !own.name.empty() && own.name != "_";
  const std::string name = has_name ? std::string(own.name) : free_step_name(short_name);
  const std::string step = fmt::format("step {} = ", name);
  if (!is_alone) {
    report.help(fmt::format("make it a step before this, `{}{}(…)`, and write `{}` here", step,
                            shown, name));
    return;
  }
  const Span head = own.head.empty() ? Span{span.begin, span.begin, span.file} : own.head;
  // What a step gives has its own type, and a comment would be lost.
  const bool fits = own.type == kNone || own.type == program_.symbols[symbol].result;
  if (!fits || source(head).find("//") != std::string_view::npos) {
    report.help(fmt::format("make it a step: `{}{}(…)`", step, shown));
    return;
  }
  if (!has_name) offered_.push_back(name);
  report
      .help(own.is_value
                ? fmt::format("make it a step, and write `{}` below it if the block's value "
                              "is wanted: `{}{}(…)`",
                              name, step, shown)
                : fmt::format("make it a step: `{}{}(…)`", step, shown))
      .fix("make it a step", {{head, step}},
           own.is_value ? Applicability::kMaybeIncorrect : Applicability::kMachineApplicable);
}

}  // namespace rbk::check
