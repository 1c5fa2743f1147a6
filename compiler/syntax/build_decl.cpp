// Declarations, and the small parts that all others are made of.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "compiler/syntax/builder.h"
#include "compiler/syntax/name_case.h"

namespace rbk::syntax {
namespace {

using Kind = TokenKind;

}  // namespace

// ---- Places and words

TokenKind Builder::kind(const antlr4::Token* token) {
  return static_cast<const StreamToken*>(token)->token().kind;
}

Span Builder::span(const antlr4::Token* token) const {
  return token == nullptr ? Span{0, 0, source_.id()}
                          : static_cast<const StreamToken*>(token)->span();
}

Span Builder::span(const antlr4::ParserRuleContext* context) const {
  if (context == nullptr || context->start == nullptr) return {0, 0, source_.id()};
  const Span begin = span(static_cast<const antlr4::Token*>(context->start));
  const Span end = span(static_cast<const antlr4::Token*>(context->stop));
  // A rule that matched nothing stops before it starts.
  if (context->stop == nullptr || end.end < begin.begin)
    return {begin.begin, begin.begin, source_.id()};
  return source::cover(begin, end);
}

std::string_view Builder::text(const antlr4::Token* token) const {
  return source_.text(span(token));
}

void Builder::report(SyntaxError::Code code, Span where, std::string message, std::string hint,
                     Span related, std::string related_label) {
  if (errors_.size() >= kMaxErrors) return;
  // Beside a mistake that was reported this would be its consequence.
  if (code != SyntaxError::Code::kSyntaxLimit && recovery_->failed_in(where)) return;
  SyntaxError error;
  error.code = code;
  error.span = where;
  error.message = std::move(message);
  error.hint = std::move(hint);
  error.related = related;
  error.related_label = std::move(related_label);
  errors_.push_back(std::move(error));
}

std::string Builder::doc_before(uint32_t offset) const {
  const std::vector<Comment>& comments = ast_.comments;
  auto after =
      std::lower_bound(comments.begin(), comments.end(), offset,
                       [](const Comment& comment, uint32_t at) { return comment.span.begin < at; });
  const std::string_view all = source_.text();
  auto only_blanks = [&](uint32_t from, uint32_t to) {
    return all.substr(from, to - from).find_first_not_of(" \t\r\n") == all.npos;
  };
  auto first = after;
  uint32_t next = offset;
  while (first != comments.begin()) {
    const Comment& before = *std::prev(first);
    if (before.kind != Comment::Kind::kDoc || !before.own_line || next - before.span.end > 256 ||
        !only_blanks(before.span.end, next))
      break;
    next = before.span.begin;
    --first;
  }
  std::string doc;
  for (auto comment = first; comment != after; ++comment) {
    std::string_view line = source_.text(comment->span).substr(3);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (comment != first) doc += '\n';
    doc += line;
  }
  return doc;
}

Name Builder::member_name(const antlr4::Token* token) const {
  if (token == nullptr) return {};
  return {std::string(text(token)), span(token)};
}

Name Builder::name(const P::NameContext* context) const {
  if (context == nullptr) return {{}, {0, 0, source_.id()}};
  if (context->tok == nullptr || context->exception != nullptr)
    return {{}, {span(context).begin, span(context).begin, source_.id()}};
  return {std::string(text(context->tok)), span(context->tok)};
}

Name Builder::name_or_label(const P::NameContext* written, const antlr4::Token* label) const {
  if (label != nullptr) return {std::string(text(label)), span(label)};
  return name(written);
}

Name Builder::value_name(const P::NameContext* written, const antlr4::Token* label) {
  Name made = name_or_label(written, label);
  if (label != nullptr) {
    // A label is any word: as a name it must not be one of the language's own.
    static constexpr std::string_view kNever[] = {"list", "map", "json"};
    bool reserved = std::find(std::begin(kNever), std::end(kNever), made.text) != std::end(kNever);
    for (const grammar::Word& word : grammar::kWords) {
      const auto known = static_cast<Kind>(word.kind);
      if (word.text == made.text && known >= Kind::kLet && known <= Kind::kWhere) reserved = true;
    }
    if (reserved) {
      report(SyntaxError::Code::kReserved, made.span,
             fmt::format("`{}` is a word of the language and can't name a value", made.text),
             "choose another name");
      return made;
    }
  } else if (written != nullptr && written->tok != nullptr) {
    const Kind word = kind(written->tok);
    if (word == Kind::kList || word == Kind::kMap || word == Kind::kJson) {
      report(SyntaxError::Code::kReserved, made.span,
             fmt::format("`{}` is a word of the language and can't name a value", made.text),
             "choose another name");
      return made;
    }
  }
  check_value_case(made);
  return made;
}

void Builder::check_value_case(const Name& made) {
  if (std::none_of(made.text.begin(), made.text.end(), is_upper)) return;
  report(SyntaxError::Code::kBadName, made.span,
         fmt::format("`{}` names a value, so it is written in lower case", made.text),
         fmt::format("write `{}`", snake_case(made.text)));
}

Name Builder::type_name(const P::NameContext* context) {
  Name made = name(context);
  if (made.empty() || (is_upper(made.text.front()) && made.text.find('_') == made.text.npos))
    return made;
  report(SyntaxError::Code::kBadName, made.span,
         fmt::format("`{}` names a type, so it is written in capitals", made.text),
         fmt::format("write `{}`", upper_camel(made.text)));
  return made;
}

Path Builder::path(const P::PathContext* context) const {
  Path made;
  made.span = span(context);
  if (context == nullptr || context->n == nullptr) return made;
  made.parts.push_back(name(context->n));
  for (const antlr4::Token* member : context->more) made.parts.push_back(member_name(member));
  return made;
}

// ---- Fields, arguments, entries

std::vector<Field> Builder::params(const P::ParamsContext* context, bool typed, bool is_key) {
  std::vector<Field> made;
  if (context == nullptr || context->fs == nullptr) return made;
  made.reserve(context->fs->items.size());
  for (const P::FieldContext* item : context->fs->items) made.push_back(field(item, typed, is_key));
  return made;
}

std::vector<Field> Builder::fields(const P::FieldsContext* context) {
  std::vector<Field> made;
  if (context == nullptr) return made;
  made.reserve(context->items.size());
  for (const P::FieldContext* item : context->items) made.push_back(field(item, true, true));
  return made;
}

Field Builder::field(const P::FieldContext* context, bool typed, bool is_key) {
  const Deeper deeper(depth_);
  Field made;
  made.span = span(context);
  made.annotations = annotations(context->notes);
  if (context->l != nullptr && is_key) {
    made.name = name_or_label(nullptr, context->l);
    check_value_case(made.name);
  } else {
    made.name = value_name(context->n, context->l);
  }
  made.type = optional_type(context->t);
  if (!made.type.valid() && typed) {
    if (!made.name.empty())
      report(SyntaxError::Code::kMissingType, made.name.span,
             fmt::format("`{}` has no type", made.name.text),
             fmt::format("write `{}: string`, or what type it has", made.name.text));
    TypeRef missing;
    missing.span = {made.name.span.end, made.name.span.end, source_.id()};
    missing.node = ErrorType{};
    made.type = ast_.add(std::move(missing));
  }
  made.default_value = optional_expr(context->e, true);
  if (context->o != nullptr) made.outer_name = text_literal(context->o);
  for (const P::RefinementContext* item : context->r) {
    Refinement where;
    where.span = span(item);
    where.condition = expr(item->c);
    where.message = optional_expr(item->m);
    made.where.push_back(where);
  }
  made.doc = doc_before(made.span.begin);
  return made;
}

std::vector<Annotation> Builder::annotations(const std::vector<P::AnnotationContext*>& contexts) {
  std::vector<Annotation> made;
  for (const P::AnnotationContext* context : contexts) {
    Annotation annotation;
    annotation.span = span(context);
    annotation.name = name(context->n);
    annotation.args = args(context->a);
    made.push_back(std::move(annotation));
  }
  return made;
}

std::vector<Argument> Builder::args(const P::ArgsContext* context) {
  std::vector<Argument> made;
  if (context == nullptr) return made;
  made.reserve(context->items.size());
  for (const P::ArgContext* item : context->items) made.push_back(argument(item));
  return made;
}

Argument Builder::argument(const P::ArgContext* context) {
  Argument made;
  made.span = span(context);
  if (context->l != nullptr) made.label = member_name(context->l);
  made.value = expr(context->e, true);
  return made;
}

std::vector<Entry> Builder::entries(const P::EntriesContext* context) {
  std::vector<Entry> made;
  if (context == nullptr) return made;
  made.reserve(context->items.size());
  for (const P::EntryContext* item : context->items) made.push_back(entry(item));
  return made;
}

Entry Builder::entry(const P::EntryContext* context) {
  Entry made;
  made.span = span(context);
  if (context->l != nullptr) {
    made.name = member_name(context->l);
    made.value = expr(context->v);
    return made;
  }
  const ExprId key = expr(context->k);
  if (context->v != nullptr) {
    made.key = key;
    made.value = expr(context->v);
    return made;
  }
  if (const auto* word = std::get_if<NameExpr>(&ast_[key].node)) {
    made.name = {word->name, ast_[key].span};
    return made;
  }
  made.key = key;
  made.value = error_expr(made.span);
  if (!std::holds_alternative<ErrorExpr>(ast_[key].node))
    report(SyntaxError::Code::kMissingKey, made.span, "this entry has no key",
           "write `key: value`; a name alone stands for itself");
  return made;
}

// ---- Declarations

DeclId Builder::declaration(const P::DeclarationContext* context, const Recovery& recovery) {
  recovery_ = &recovery;
  depth_ = 0;
  too_deep_ = false;
  Decl made;
  made.span = span(context);
  // The end token is no part of it, nor is its terminator.
  made.span.end = std::max(made.span.begin, made.span.end);
  made.doc = doc_before(made.span.begin);
  made.annotations = annotations(context->notes);
  if (context->kw != nullptr) {
    in_test_ = kind(context->kw) == Kind::kTest || kind(context->kw) == Kind::kInvariant;
    declaration_body(made, context);
  }
  return ast_.add(std::move(made));
}

void Builder::declaration_body(Decl& made, const P::DeclarationContext* context) {
  switch (kind(context->kw)) {
    case Kind::kImport:
      made.name = value_name(context->n);
      made.node = ImportDecl{text_literal(context->s)};
      return;
    case Kind::kConst: {
      made.name = value_name(context->n, context->l);
      const TypeRefId written = optional_type(context->t);
      made.node = ConstDecl{written, expr(context->e)};
      return;
    }
    case Kind::kFn: {
      made.name = value_name(context->n);
      FnDecl fn;
      fn.params = params(context->f);
      fn.result = optional_type(context->t);
      fn.body = block(context->b);
      made.node = std::move(fn);
      return;
    }
    case Kind::kFnNative:
      made.node = native_function(context, made.name);
      return;
    case Kind::kRecord:
      made.name = type_name(context->n);
      made.node = RecordDecl{fields(context->fs)};
      return;
    case Kind::kEnum:
      made.name = type_name(context->n);
      made.node = enumeration(context);
      return;
    case Kind::kError:
      made.name = type_name(context->n);
      made.node = ErrorKindDecl{fields(context->fs)};
      return;
    case Kind::kRunbook:
      made.name = value_name(context->n);
      made.node = runbook(context);
      return;
    case Kind::kAction:
      made.name = value_name(context->n);
      made.node = action(context, made.span);
      return;
    case Kind::kSchedule:
      made.name = value_name(context->n);
      made.node = schedule(context);
      return;
    case Kind::kTrigger:
      made.name = value_name(context->n);
      made.node = trigger(context);
      return;
    case Kind::kCalendar:
      made.name = value_name(context->n);
      made.node = calendar(context);
      return;
    case Kind::kTest:
    case Kind::kInvariant: {
      const ExprId title = text_literal(context->s);
      if (kind(context->kw) == Kind::kTest) {
        made.node = TestDecl{title, block(context->b)};
        return;
      }
      InvariantDecl invariant;
      invariant.title = title;
      invariant.runbook = path(context->p);
      invariant.body = block(context->b);
      made.node = std::move(invariant);
      return;
    }
    default:
      return;
  }
}

NativeFnDecl Builder::native_function(const P::DeclarationContext* context, Name& own_name) {
  NativeFnDecl made;
  own_name = name(context->n);
  if (context->m != nullptr) {
    TypeRef receiver;
    receiver.span = own_name.span;
    if (context->gt != nullptr) receiver.span = source::cover(own_name.span, span(context->gt));
    NamedType named;
    named.path = {{own_name}, own_name.span};
    for (const P::TypeContext* argument : context->of) named.args.push_back(type(argument));
    receiver.node = std::move(named);
    made.receiver = ast_.add(std::move(receiver));
    own_name = member_name(context->m);
  }
  made.is_property = context->f == nullptr;
  made.params = params(context->f, true, true);
  made.result = optional_type(context->t);
  return made;
}

EnumDecl Builder::enumeration(const P::DeclarationContext* context) {
  EnumDecl made;
  for (const P::EnumMemberContext* item : context->members) {
    EnumDecl::Member member;
    member.span = span(item);
    member.name = member_name(item->m);
    check_value_case(member.name);
    member.payload = params(item->f, true, true);
    if (item->o != nullptr) member.outer_name = text_literal(item->o);
    member.doc = doc_before(member.span.begin);
    made.members.push_back(std::move(member));
  }
  return made;
}

Outside Builder::outside(const P::PathContext* calendar_path, const antlr4::Token* then,
                         Span where) {
  Outside made;
  made.span = where;
  made.calendar = path(calendar_path);
  if (then != nullptr)
    made.then = kind(then) == Kind::kSkip ? Outside::Then::kSkip : Outside::Then::kDelay;
  return made;
}

RunbookDecl Builder::runbook(const P::DeclarationContext* context) {
  RunbookDecl made;
  made.params = params(context->f);
  made.result = optional_type(context->t);
  for (const P::HeadClauseContext* item : context->clauses) {
    if (item->kw == nullptr) continue;
    auto twice = [&](bool before) {
      if (before)
        report(SyntaxError::Code::kWrittenTwice, span(item->kw),
               fmt::format("`{}` is written twice", text(item->kw)), "keep one of them");
    };
    switch (kind(item->kw)) {
      case Kind::kAllow:
        for (Who& one : who_list(item->w)) made.allow.push_back(one);
        break;
      case Kind::kOnWorker:
        twice(made.worker.valid());
        made.worker = expr(item->e);
        break;
      case Kind::kExclusive: {
        Exclusive exclusive;
        exclusive.span = span(item);
        exclusive.name = expr(item->e);
        if (item->how != nullptr) {
          exclusive.mode = kind(item->how) == Kind::kQueue    ? Exclusive::Mode::kQueue
                           : kind(item->how) == Kind::kReject ? Exclusive::Mode::kReject
                                                              : Exclusive::Mode::kCancelRunning;
        }
        made.exclusive.push_back(exclusive);
        break;
      }
      case Kind::kOutside:
        made.outside.push_back(outside(item->p, item->then, span(item)));
        break;
      default:
        twice(made.max.valid());
        made.max = expr(item->e);
    }
  }
  made.body = block(context->b);
  return made;
}

ActionDecl Builder::action(const P::DeclarationContext* context, Span where) {
  ActionDecl made;
  made.params = params(context->f, true, true);  // they are labels only
  made.result = optional_type(context->t);
  if (context->effect != nullptr) {
    made.effect_span = span(context->effect);
    switch (kind(context->effect)) {
      case Kind::kReads:
        made.effect = ActionDecl::Effect::kReads;
        break;
      case Kind::kIdempotent:
        made.effect = ActionDecl::Effect::kIdempotent;
        break;
      default:
        made.effect = ActionDecl::Effect::kWrites;
    }
  } else if (!recovery_->failed_in(where)) {
    report(SyntaxError::Code::kMissingBehaviour, span(context->kw),
           "this action does not say what it does to the world",
           "write `reads`, `idempotent` or `writes` before its `=`");
  }
  made.native = context->how != nullptr && kind(context->how) == Kind::kNative;
  if (!made.native) made.exec = expr(context->e);
  return made;
}

ScheduleDecl Builder::schedule(const P::DeclarationContext* context) {
  ScheduleDecl made;
  made.runbook = path(context->p);
  made.args = args(context->a);
  if (context->sb == nullptr) return made;
  std::set<Kind> seen;
  std::set<std::string> calendars;
  for (const P::ScheduleItemContext* item : context->sb->items) {
    if (item->kw == nullptr) continue;
    // Times and calendars add up; what to do about a firing is one thing.
    const bool is_one = kind(item->kw) == Kind::kOverlap || kind(item->kw) == Kind::kMissed;
    const bool is_outside = kind(item->kw) == Kind::kOutside && item->p != nullptr;
    if ((is_one && !seen.insert(kind(item->kw)).second) ||
        (is_outside && !calendars.insert(path(item->p).text()).second))
      report(SyntaxError::Code::kWrittenTwice, span(item->kw),
             fmt::format("`{}{}` is written twice", text(item->kw),
                         is_outside ? " " + path(item->p).text() : std::string()),
             "keep one of them");
    switch (kind(item->kw)) {
      case Kind::kCron:
      case Kind::kEvery: {
        ScheduleDecl::Firing firing;
        firing.span = span(item);
        firing.is_cron = kind(item->kw) == Kind::kCron;
        firing.value = firing.is_cron ? text_literal(item->s) : expr(item->e);
        firing.zone = optional_expr(item->z);
        made.firings.push_back(firing);
        break;
      }
      case Kind::kOverlap:
        if (item->w == nullptr) break;
        made.overlap = kind(item->w) == Kind::kSkip    ? ScheduleDecl::Overlap::kSkip
                       : kind(item->w) == Kind::kQueue ? ScheduleDecl::Overlap::kQueue
                                                       : ScheduleDecl::Overlap::kCancelRunning;
        break;
      case Kind::kMissed:
        if (item->w == nullptr) break;
        made.missed = kind(item->w) == Kind::kSkip   ? ScheduleDecl::Missed::kSkip
                      : kind(item->w) == Kind::kOnce ? ScheduleDecl::Missed::kRunOnce
                                                     : ScheduleDecl::Missed::kRunAll;
        made.missed_within = optional_expr(item->e);
        break;
      default:
        made.outside.push_back(outside(item->p, item->w, span(item)));
    }
  }
  return made;
}

TriggerDecl Builder::trigger(const P::DeclarationContext* context) {
  TriggerDecl made;
  made.runbook = path(context->p);
  made.args = args(context->a);
  if (context->tb != nullptr) {
    for (const P::TriggerItemContext* item : context->tb->items) {
      if (item->kw == nullptr) continue;
      switch (kind(item->kw)) {
        case Kind::kFrom:
          made.source_kind = name(item->n);
          made.source = expr(item->e);
          made.condition = optional_expr(item->e2);
          break;
        case Kind::kKey:
          made.key = expr(item->e);
          break;
        default:
          made.at_most = expr(item->e);
          made.per = expr(item->e2);
      }
    }
  }
  if (!made.source.valid()) {
    made.source = error_expr(span(context));
    if (!recovery_->failed_in(span(context)))
      report(SyntaxError::Code::kUnexpected, span(context->kw), "this trigger has no source",
             "say where its events come from: `from webhook \"name\"`");
  }
  return made;
}

CalendarDecl Builder::calendar(const P::DeclarationContext* context) {
  CalendarDecl made;
  made.zone = optional_expr(context->e);
  if (context->cb == nullptr) return made;
  for (const P::ClosedItemContext* item : context->cb->items) {
    CalendarDecl::Closed closed;
    closed.span = span(item);
    closed.range = optional_expr(item->e, true);
    for (const P::NameContext* day : item->days) closed.days.push_back(name(day));
    closed.after = optional_expr(item->after);
    closed.before = optional_expr(item->before);
    if (item->why != nullptr) closed.why = text_literal(item->why);
    made.closed.push_back(std::move(closed));
  }
  return made;
}

}  // namespace rbk::syntax
