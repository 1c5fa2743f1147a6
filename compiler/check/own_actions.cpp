// Own actions, `= exec "plugins/page"`: that their program is a file of the project, and that what
// they take and give can pass between a runbook and a program.
#include <algorithm>

#include "compiler/check/body_checker.h"
#include "compiler/check/project_path.h"

namespace rbk::check {

using diagnostics::Code;

void BodyChecker::check_action(SymbolId id, const syntax::Decl& decl) {
  const auto& action = std::get<syntax::ActionDecl>(decl.node);
  const Scopes::Open scope(scopes_);
  check_parameters(id, action.params);
  if (action.native) {
    if (!module_.standard)
      diagnostics_.report(Code::kNativeOutside, decl.name.span)
          .labelled("the machine brings nothing of this name")
          .help("write it as a program: `= exec \"plugins/name\"`");
    return;
  }
  for (const Field& field : program_.symbols[id].fields) {
    if (field.written != nullptr) check_passes(field.written->type, field.type, Passes::kOut);
  }
  if (action.result.valid()) check_passes(action.result, program_.symbols[id].result, Passes::kIn);
  find_program(action.exec);
}

/// The part of a type that has no form outside, or that must not come from there; or kNone.
TypeId BodyChecker::part_that_stays(TypeId type, Passes way, std::vector<SymbolId>& seen) {
  const Type one = types_[type];
  const auto in_fields = [&](const std::vector<Field>& fields) {
    for (const Field& field : fields) {
      if (const TypeId part = part_that_stays(field.type, way, seen); part != kNone) return part;
    }
    return kNone;
  };
  switch (one.shape) {
    case Shape::kFunction:
      return type;
    case Shape::kSecret:
    case Shape::kEnvironment:
    case Shape::kCommand:
    case Shape::kQuery:
    case Shape::kRegex:
    case Shape::kRange:
    case Shape::kError:
    case Shape::kErrorKind:
      return way == Passes::kIn ? type : kNone;
    case Shape::kResult: {
      if (way == Passes::kIn) return type;
      const TypeId part = one.key == kNone ? kNone : part_that_stays(one.key, way, seen);
      return part != kNone ? part : part_that_stays(one.element, way, seen);
    }
    case Shape::kList:
    case Shape::kOptional:
      return part_that_stays(one.element, way, seen);
    case Shape::kMap: {
      const TypeId part = part_that_stays(one.key, way, seen);
      return part != kNone ? part : part_that_stays(one.element, way, seen);
    }
    case Shape::kRecord:
    case Shape::kEnum: {
      if (std::find(seen.begin(), seen.end(), one.symbol) != seen.end()) return kNone;
      seen.push_back(one.symbol);
      all_.resolve(one.symbol);
      const Symbol& symbol = program_.symbols[one.symbol];
      if (const TypeId part = in_fields(symbol.fields); part != kNone) return part;
      for (const Symbol::Member& member : symbol.members) {
        if (const TypeId part = in_fields(member.payload); part != kNone) return part;
      }
      return kNone;
    }
    default:
      return kNone;
  }
}

void BodyChecker::check_passes(syntax::TypeRefId written, TypeId type, Passes way) {
  std::vector<SymbolId> seen;
  const TypeId part = part_that_stays(type, way, seen);
  if (part == kNone) return;
  const Span span = ast_[written].span;
  const bool inside = part != types_.without_optional(type);
  const std::string where = inside ? fmt::format("`{}` holds it", source(span)) : std::string();
  if (part == types::kSecret || part == types::kEnvironment) {
    diagnostics_
        .report(Code::kNotSupported, span,
                fmt::format("`{}` as the result of an own action", text(part)))
        .labelled(where)
        .help("let the program write it to a file, and name that under [secrets] in runbook.toml");
    return;
  }
  std::string_view cure = "take plain values, lists, maps, records or enums";
  if (part == types::kCommand || part == types::kQuery || part == types::kRegex) {
    cure =
        "text from outside is no `Command`, `Query` or `Regex`: return a `string`, and use it as a "
        "value";
  } else if (types_.is(part, Shape::kError) || types_.is(part, Shape::kErrorKind) ||
             types_.is(part, Shape::kResult)) {
    cure = "a program that fails answers `{\"error\": …}`, which the step then raises";
  }
  diagnostics_.report(Code::kCannotPass, span, text(part)).labelled(where).help(std::string(cure));
}

void BodyChecker::find_program(ExprId exec) {
  if (!exec.valid()) return;
  const Span span = span_of(exec);
  const auto refuse = [&](std::string_view shown, std::string label, std::string cure) {
    diagnostics_.report(Code::kProgramNotFound, span, shown)
        .labelled(std::move(label))
        .help(std::move(cure));
  };
  const std::optional<std::string> path = plain_text(ast_, exec);
  if (!path) {
    refuse(source(span), "a path that is not written out is not known when compiling",
           "write the program's path out, as seen from this file: `exec \"plugins/name\"`");
    return;
  }
  if (path->starts_with('/') || path->starts_with('~')) {
    refuse(*path, "this leads out of the project",
           fmt::format("the program is a file of the project: let a small script there call `{}`",
                       *path));
    return;
  }
  const std::optional<std::string> joined = join_path(module_.name, *path);
  if (!joined) {
    refuse(*path, "this leads out of the project",
           "programs are files of the project: move it there, or let a small script there call it");
    return;
  }
  const auto known = std::find_if(program_.programs.begin(), program_.programs.end(),
                                  [&](const OwnProgram& one) { return one.path == *joined; });
  if (known == program_.programs.end()) {
    if (!all_.options.find_program) {
      refuse(*path, "there is no project to find it in", "check the file where it lies on disk");
      return;
    }
    Result<FoundProgram> found = all_.options.find_program(*joined);
    if (!found) {
      const Error& why = found.error();
      const bool is_missing = why.kind == ErrorKind::kNotFound;
      std::string cure = why.cure;
      if (is_missing && path->find(' ') != std::string::npos) {
        cure =
            "a path alone stands here, no command line: the program's first line (`#!…`) says what "
            "runs it, and what it is to know comes as arguments";
      } else if (cure.empty() && is_missing && path->find('/') == std::string::npos) {
        cure = fmt::format(
            "a program is found from the file that declares it, not on the PATH: put a script "
            "there that calls `{}`",
            *path);
      } else if (cure.empty()) {
        cure = fmt::format("a program is found from the file that declares it: this one is `{}`",
                           *joined);
      }
      refuse(*path, why.message, std::move(cure));
      return;
    }
    if (found->unfit)
      diagnostics_.report(Code::kProgramUnfit, span, *path)
          .labelled(found->unfit->message)
          .help(found->unfit->cure);
    program_.programs.push_back({*joined, found->hash});
  }
  module_.own_programs.emplace(exec.index, *joined);
}

}  // namespace rbk::check
