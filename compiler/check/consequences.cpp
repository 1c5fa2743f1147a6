// One mistake gives one error: what is only said because of another mistake is not said.
#include <algorithm>
#include <map>
#include <tuple>

#include "compiler/check/program_checker.h"

namespace rbk::check {

using diagnostics::Code;
using diagnostics::Diagnostic;

namespace {

bool touches(Span a, Span b) { return a.file == b.file && a.begin <= b.end && b.begin <= a.end; }

bool holds(Span outer, Span inner) {
  return outer.file == inner.file && outer.begin <= inner.begin && inner.begin <= outer.end;
}

/// Something is named that was not found.
bool names_nothing(Code code) {
  switch (code) {
    case Code::kUnknownName:
    case Code::kUnknownModule:
    case Code::kShellName:
    case Code::kUnknownType:
    case Code::kUnknownField:
    case Code::kUnknownMember:
      return true;
    default:
      return false;
  }
}

/// It is said because something is not there, which may only be lost.
bool by_absence(const Diagnostic& one) {
  return one.severity != diagnostics::Severity::kError || one.code == Code::kMissingReturn ||
         one.code == Code::kUnreachable;
}

}  // namespace

const CheckedModule* ProgramChecker::module_in(source::FileId file) const {
  for (const auto& module : program.modules) {
    if (module->source->id() == file) return module.get();
  }
  return nullptr;
}

Span ProgramChecker::declaration_around(Span place) const {
  const CheckedModule* module = module_in(place.file);
  if (module == nullptr) return place;
  const syntax::Ast& ast = module->ast;
  const auto after = std::upper_bound(
      ast.decls.begin(), ast.decls.end(), place.begin,
      [&](uint32_t offset, syntax::DeclId id) { return offset < ast[id].span.begin; });
  if (after == ast.decls.begin()) return place;
  const Span span = ast[*std::prev(after)].span;
  return holds(span, place) ? span : place;
}

void ProgramChecker::drop_what_follows_from_syntax() {
  if (syntax_errors_.empty()) return;
  // What ends directly before it is a part of what was not understood: `i` of `if i = 1 {`.
  std::vector<Span> unread = syntax_errors_;
  std::vector<Span> broken;  // declarations
  for (Span& error : unread) {
    broken.push_back(declaration_around(error));
    const std::string_view text = program.sources.get(error.file).text();
    while (error.begin > 0 && (text[error.begin - 1] == ' ' || text[error.begin - 1] == '\t'))
      --error.begin;
  }
  const auto any = [](const std::vector<Span>& spans, Span place) {
    return std::any_of(spans.begin(), spans.end(), [&](Span span) { return touches(span, place); });
  };
  diagnostics.remove_if([&](const Diagnostic& one) {
    if (static_cast<unsigned>(one.code) < 100) return false;
    if (any(unread, one.primary)) return true;
    if (const CheckedModule* module = module_in(one.primary.file)) {
      const syntax::Unread& lost = module->ast.unread;
      if (lost.touches(one.primary)) return true;
      if (names_nothing(one.code) && lost.words.contains(module->source->text(one.primary)))
        return true;
    }
    return by_absence(one) && any(broken, one.primary);
  });
}

void ProgramChecker::drop_repeated_names() {
  // A name that stands for nothing is one mistake in its declaration; a field or a member that is
  // not there is one wherever it is used.
  using Key = std::tuple<source::FileId, uint32_t, std::string>;
  const auto key_of = [&](const Diagnostic& one) {
    const bool is_member = one.code == Code::kUnknownField || one.code == Code::kUnknownMember ||
                           one.code == Code::kUnknownType;
    if (is_member) return Key{one.primary.file, 0, one.message};
    return Key{one.primary.file, declaration_around(one.primary).begin,
               std::string(program.sources.get(one.primary.file).text(one.primary))};
  };
  struct Seen {
    uint32_t first = 0;  // where
    size_t count = 0;
  };
  std::map<Key, Seen> seen;
  diagnostics.for_each([&](const Diagnostic& one) {
    if (!names_nothing(one.code)) return;
    Seen& known = seen[key_of(one)];
    known.first = known.count == 0 ? one.primary.begin : std::min(known.first, one.primary.begin);
    ++known.count;
  });
  if (seen.empty()) return;
  diagnostics.remove_if([&](const Diagnostic& one) {
    return names_nothing(one.code) && seen[key_of(one)].first != one.primary.begin;
  });
  diagnostics.revise([&](Diagnostic& one) {
    if (!names_nothing(one.code)) return;
    const size_t more = seen[key_of(one)].count - 1;
    if (more > 0) one.label += fmt::format("; so in {} more place{}", more, more == 1 ? "" : "s");
  });
}

}  // namespace rbk::check
