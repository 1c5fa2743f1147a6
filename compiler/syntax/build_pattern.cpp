// Patterns and types.
#include <fmt/format.h>

#include "compiler/syntax/builder.h"

namespace rbk::syntax {
namespace {

using Kind = TokenKind;

bool starts_upper(std::string_view word) {
  return !word.empty() && word.front() >= 'A' && word.front() <= 'Z';
}

}  // namespace

PatternId Builder::make(Span where, decltype(Pattern::node) node) {
  Pattern pattern;
  pattern.span = where;
  pattern.node = std::move(node);
  return ast_.add(std::move(pattern));
}

PatternId Builder::pattern(const P::PatternContext* context) {
  if (context == nullptr) return make({0, 0, source_.id()}, ErrorPattern{});
  const Deeper deeper(depth_);
  const Span where = span(context);
  if (context->alts.empty() || too_deep(where)) return make(where, ErrorPattern{});
  if (context->alts.size() == 1) return pattern_alt(context->alts.front());
  OrPattern either;
  for (const P::PatternAltContext* alternative : context->alts)
    either.alternatives.push_back(pattern_alt(alternative));
  return make(where, std::move(either));
}

PatternId Builder::pattern_alt(const P::PatternAltContext* context) {
  const Span where = span(context);
  if (context->low != nullptr) {
    const ExprId low = pattern_literal(context->low);
    if (context->r == nullptr) return make(where, LiteralPattern{low});
    return make(
        where, RangePattern{low, pattern_bound(context->high), kind(context->r) == Kind::kRangeLt});
  }
  if (context->tok != nullptr && kind(context->tok) == Kind::kNullLit)
    return make(where, NullPattern{});
  std::vector<PatternId> payload;
  for (const P::PatternContext* part : context->ps) payload.push_back(pattern(part));
  const bool parenthesised = context->open != nullptr && kind(context->open) == Kind::kLparen;
  if (context->tok != nullptr)
    return make(where,
                MemberPattern{{}, member_name(context->m), std::move(payload), parenthesised});
  if (context->p == nullptr) return make(where, ErrorPattern{});
  Path written = path(context->p);
  if (written.empty()) return make(where, ErrorPattern{});
  if (context->r != nullptr) {
    const ExprId low = [&] {
      ExprId value = make(written.parts.front().span, NameExpr{written.parts.front().text});
      for (size_t i = 1; i < written.parts.size(); ++i)
        value = make(source::cover(written.span, written.parts[i].span),
                     MemberExpr{value, written.parts[i], false});
      return value;
    }();
    return make(
        where, RangePattern{low, pattern_bound(context->high), kind(context->r) == Kind::kRangeLt});
  }
  if (context->open != nullptr && !parenthesised) {
    RecordPattern record;
    record.type = std::move(written);
    for (const P::PatternFieldContext* item : context->fs) {
      RecordPattern::PatternField part;
      part.name = name_or_label(item->n, item->l);
      if (item->l != nullptr) part.pattern = pattern(item->p);
      record.fields.push_back(std::move(part));
    }
    return make(where, std::move(record));
  }
  if (starts_upper(written.parts.back().text) && !parenthesised) {
    const std::string name = written.text();
    report(SyntaxError::Code::kBadPattern, written.span, "a type alone is no pattern",
           fmt::format("write `{} {{ }}`, or `.member` for a member of an enum", name));
    return make(where, ErrorPattern{});
  }
  if (written.parts.size() > 1) {
    MemberPattern member;
    member.member = written.parts.back();
    member.type.span = written.span;
    written.parts.pop_back();
    member.type.span.end = written.parts.back().span.end;
    member.type.parts = std::move(written.parts);
    member.payload = std::move(payload);
    member.has_payload = parenthesised;
    return make(where, std::move(member));
  }
  const Name& only = written.parts.front();
  if (parenthesised) {
    report(SyntaxError::Code::kBadPattern, only.span, "a member's pattern begins with a dot",
           fmt::format("write `.{}(…)`", only.text));
    return make(where, MemberPattern{{}, only, std::move(payload), true});
  }
  if (only.text == "_") return make(where, WildcardPattern{});
  return make(where, BindPattern{only});
}

ExprId Builder::pattern_literal(const P::LiteralContext* context) {
  if (context == nullptr || context->tok == nullptr) return error_expr({0, 0, source_.id()});
  const bool negative = context->neg != nullptr;
  const ExprId value = literal(context->tok, negative);
  if (negative) {
    const Kind number = kind(context->tok);
    if (number == Kind::kString || number == Kind::kTrue || number == Kind::kFalse)
      report(SyntaxError::Code::kBadPattern, span(context), "only a number can be negative",
             "delete the `-`");
    ast_.exprs[value.index].span = span(context);
  }
  return value;
}

ExprId Builder::pattern_bound(const P::BoundContext* context) {
  if (context == nullptr) return error_expr({0, 0, source_.id()});
  if (context->v != nullptr) return pattern_literal(context->v);
  const Path written = path(context->p);
  if (written.empty()) return error_expr(span(context));
  ExprId value = make(written.parts.front().span, NameExpr{written.parts.front().text});
  for (size_t i = 1; i < written.parts.size(); ++i)
    value = make({written.span.begin, written.parts[i].span.end, written.span.file},
                 MemberExpr{value, written.parts[i], false});
  return value;
}

TypeRefId Builder::optional_type(const P::TypeContext* context) {
  return context == nullptr ? TypeRefId{} : type(context);
}

TypeRefId Builder::type(const P::TypeContext* context) {
  TypeRef made;
  if (context == nullptr) {
    made.span = {0, 0, source_.id()};
    made.node = ErrorType{};
    return ast_.add(std::move(made));
  }
  made.span = span(context);
  const Deeper deeper(depth_);
  if (context->fn != nullptr && !too_deep(made.span)) {
    FunctionType function;
    for (const P::TypeContext* parameter : context->a)
      function.parameters.push_back(type(parameter));
    function.result = optional_type(context->r);
    made.node = std::move(function);
    return ast_.add(std::move(made));
  }
  NamedType named;
  named.path = path(context->p);
  if (named.path.empty() || named.path.parts.front().empty() || too_deep(made.span)) {
    made.node = ErrorType{};
    return ast_.add(std::move(made));
  }
  for (const P::TypeContext* argument : context->a) named.args.push_back(type(argument));
  if (!context->q.empty()) made.span.end = span(context->q.front()).begin;
  made.node = std::move(named);
  TypeRefId id = ast_.add(std::move(made));
  for (size_t i = 0; i < context->q.size(); ++i) {
    if (i > 0) {
      report(SyntaxError::Code::kNotAllowed, span(context->q[i]), "one `?` is enough",
             "delete the others");
      break;
    }
    TypeRef optional;
    optional.span = span(context);
    optional.node = OptionalType{id};
    id = ast_.add(std::move(optional));
  }
  return id;
}

}  // namespace rbk::syntax
