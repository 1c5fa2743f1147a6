// Expressions in general: how a type is found, and how a value is made to fit where it stands.
#include <algorithm>

#include "base/units.h"
#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;
using diagnostics::Diagnostic;

BodyChecker::BodyChecker(ProgramChecker& all, CheckedModule& module)
    : all_(all),
      program_(all.program),
      types_(all.types),
      diagnostics_(all.diagnostics),
      module_(module),
      ast_(module.ast) {}

Meaning& BodyChecker::mean(ExprId id, Meaning::Kind kind) {
  ExprInfo& one = info(id);
  if (one.meaning == kNone) {
    one.meaning = static_cast<uint32_t>(module_.meanings.size());
    module_.meanings.emplace_back();
  }
  Meaning& meaning = module_.meanings[one.meaning];
  meaning.kind = kind;
  return meaning;
}

std::string_view BodyChecker::source(Span span) const { return module_.source->text(span); }

std::string_view BodyChecker::kept(std::string text_to_keep) {
  return kept_.emplace_back(std::move(text_to_keep));
}

TypeId BodyChecker::infer(ExprId expr, TypeId hint) {
  if (!expr.valid()) return types::kUnknown;
  const TypeId type = dispatch(expr, hint);
  ExprInfo& one = info(expr);
  one.value_type = type;
  one.type = type;
  if (!facts_.empty() && types_.is_optional(type)) {
    const PathId path = path_of(expr);
    if (path != kNone && facts_.has(path)) {
      one.convert = Convert::kFromOptional;
      one.type = types_.element(type);
    }
  }
  return one.type;
}

TypeId BodyChecker::dispatch(ExprId expr, TypeId hint) {
  const syntax::Expr& written = ast_[expr];
  const TypeId plain_hint = hint == kNone ? kNone : types_.without_optional(hint);
  return std::visit(
      [&](const auto& node) -> TypeId {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, syntax::NullLit>) {
          return types::kNull;
        } else if constexpr (std::is_same_v<Node, syntax::BoolLit>) {
          return types::kBool;
        } else if constexpr (std::is_same_v<Node, syntax::IntLit>) {
          return types::kInt;
        } else if constexpr (std::is_same_v<Node, syntax::FloatLit>) {
          return types::kFloat;
        } else if constexpr (std::is_same_v<Node, syntax::DurationLit>) {
          return types::kDuration;
        } else if constexpr (std::is_same_v<Node, syntax::SizeLit>) {
          return types::kSize;
        } else if constexpr (std::is_same_v<Node, syntax::StringLit>) {
          return infer_string(expr, node, plain_hint);
        } else if constexpr (std::is_same_v<Node, syntax::NameExpr>) {
          return infer_name(expr, node);
        } else if constexpr (std::is_same_v<Node, syntax::MemberExpr>) {
          return infer_member(expr, node, plain_hint);
        } else if constexpr (std::is_same_v<Node, syntax::ShorthandExpr>) {
          return infer_shorthand(expr, node.name, nullptr, plain_hint);
        } else if constexpr (std::is_same_v<Node, syntax::IndexExpr>) {
          return infer_index(node);
        } else if constexpr (std::is_same_v<Node, syntax::SliceExpr>) {
          return infer_slice(node);
        } else if constexpr (std::is_same_v<Node, syntax::CallExpr>) {
          return infer_call(expr, node, plain_hint);
        } else if constexpr (std::is_same_v<Node, syntax::LambdaExpr>) {
          return infer_lambda(expr, node, plain_hint);
        } else if constexpr (std::is_same_v<Node, syntax::UnaryExpr>) {
          return infer_unary(expr, node, plain_hint);
        } else if constexpr (std::is_same_v<Node, syntax::BinaryExpr>) {
          return infer_binary(expr, node, hint);
        } else if constexpr (std::is_same_v<Node, syntax::RangeExpr>) {
          return infer_range(node, plain_hint);
        } else if constexpr (std::is_same_v<Node, syntax::CastExpr>) {
          return infer_cast(expr, node);
        } else if constexpr (std::is_same_v<Node, syntax::ListExpr>) {
          return infer_list(expr, node, plain_hint);
        } else if constexpr (std::is_same_v<Node, syntax::BraceExpr>) {
          return infer_brace(expr, node, plain_hint);
        } else if constexpr (std::is_same_v<Node, syntax::IfExpr> ||
                             std::is_same_v<Node, syntax::MatchExpr> ||
                             std::is_same_v<Node, syntax::TryExpr> ||
                             std::is_same_v<Node, syntax::ParallelExpr> ||
                             std::is_same_v<Node, syntax::ParallelForExpr> ||
                             std::is_same_v<Node, syntax::WaitFirstExpr>) {
          return compound(expr, Want::kValue, hint, {Why::Kind::kBranch, {}, {}, {}});
        } else if constexpr (std::is_same_v<Node, syntax::FailExpr>) {
          return infer_fail(node);
        } else if constexpr (std::is_same_v<Node, syntax::ErrorExpr>) {
          return types::kUnknown;
        } else {
          return infer_wait(expr);
        }
      },
      written.node);
}

// ---- Fitting

TypeId BodyChecker::expect(ExprId expr, TypeId wanted, const Why& why) {
  if (!expr.valid()) return wanted;
  infer(expr, wanted);
  // A literal may stand for JSON as it is; anything else says `json { … }` or `as json`.
  if (types_.without_optional(wanted) == types::kJson && info(expr).type != types::kNull) {
    const syntax::Expr& written = ast_[expr];
    if (std::holds_alternative<syntax::StringLit>(written.node) ||
        std::holds_alternative<syntax::IntLit>(written.node) ||
        std::holds_alternative<syntax::FloatLit>(written.node) ||
        std::holds_alternative<syntax::BoolLit>(written.node) ||
        std::holds_alternative<syntax::ListExpr>(written.node))
      to_json(expr);
  }
  return coerce(expr, wanted, why);
}

bool BodyChecker::apply(ExprId expr, const Conversion& conversion) {
  if (!conversion.fits) return false;
  ExprInfo& one = info(expr);
  if (conversion.first == Convert::kNothing) {
    one.type = conversion.type;
    return true;
  }
  if (one.convert == Convert::kNothing) {
    one.convert = conversion.first;
    one.then = conversion.then;
  } else if (one.convert == Convert::kFromOptional && one.then == Convert::kNothing &&
             conversion.first == Convert::kToOptional && one.value_type == conversion.type) {
    one.convert = Convert::kNothing;  // it was T? and stays T?
  } else if (one.then == Convert::kNothing && conversion.then == Convert::kNothing) {
    one.then = conversion.first;
  } else {
    return false;
  }
  one.type = conversion.type;
  return true;
}

TypeId BodyChecker::coerce(ExprId expr, TypeId wanted, const Why& why) {
  if (!expr.valid()) return wanted;
  const TypeId found = info(expr).type;
  if (!apply(expr, types_.convert(found, wanted))) report_mismatch(expr, found, wanted, why);
  return wanted;
}

void BodyChecker::explain(Diagnostic& diagnostic, TypeId wanted, const Why& why) {
  const std::string type = text(wanted);
  switch (why.kind) {
    case Why::Kind::kPlain:
      break;
    case Why::Kind::kArgument:
    case Why::Kind::kField:
      diagnostic.labelled(fmt::format("`{}` of `{}` is `{}`", why.what, why.owner, type));
      break;
    case Why::Kind::kReturn:
      diagnostic.labelled(fmt::format("`{}` returns `{}`", why.what, type));
      break;
    case Why::Kind::kName:
      diagnostic.labelled(fmt::format("`{}` is `{}`", why.what, type));
      break;
    case Why::Kind::kElement:
      diagnostic.labelled(fmt::format("the elements are `{}`", type));
      break;
    case Why::Kind::kBranch:
      diagnostic.labelled(fmt::format("the value here has to be `{}`", type));
      break;
    case Why::Kind::kClause:
      diagnostic.labelled(fmt::format("`{}` takes `{}`", why.what, type));
      break;
  }
  if (!why.declared.empty()) diagnostic.also(why.declared, "declared here");
}

/// Where a duration or a size is wanted and a number or a text is written: how it is written.
void BodyChecker::suggest_unit(ExprId expr, TypeId wanted, diagnostics::Diagnostic& report) const {
  const bool is_duration = wanted == types::kDuration;
  if (!is_duration && wanted != types::kSize) return;
  const Span span = span_of(expr);
  if (std::holds_alternative<syntax::IntLit>(ast_[expr].node)) {
    report.help(is_duration
                    ? fmt::format("write its unit: `{0}s`, `{0}m`, `{0}h`", source(span))
                    : fmt::format("write its unit: `{0}B`, `{0}MiB`, `{0}GB`", source(span)));
    return;
  }
  const auto* literal = std::get_if<syntax::StringLit>(&ast_[expr].node);
  if (literal == nullptr) {
    report.help(fmt::format("text is read as one by `.to_{}()`, which may be null",
                            is_duration ? "duration" : "size"));
    return;
  }
  if (literal->parts.size() != 1 || !literal->is_plain_text()) return;
  const std::string& written = literal->parts.front().text;
  if (is_duration ? !parse_duration(written) : !parse_size(written)) {
    report.help(is_duration
                    ? "write it without quotes, with the units `us ms s m h d w`: `5m30s`"
                    : "write it without quotes, with a unit such as `MiB` or `GB`: `10MiB`");
    return;
  }
  report.help("write it without quotes").fix(fmt::format("write `{}`", written), {{span, written}});
}

/// A mismatch with a cure of its own has a code of its own, under the same message.
Code BodyChecker::mismatch_code(ExprId expr, TypeId found, TypeId wanted) {
  const TypeId plain = types_.without_optional(wanted);
  const bool is_number = std::holds_alternative<syntax::IntLit>(ast_[expr].node);
  if (found == types::kNull) return Code::kNullGiven;
  if ((plain == types::kFloat && found == types::kInt) ||
      (plain == types::kInt && found == types::kFloat))
    return Code::kNumberKind;
  if ((plain == types::kDuration || plain == types::kSize) && found == types::kInt && is_number)
    return Code::kMissingUnit;
  if (types_.is(found, Shape::kResult) && types_.convert(types_.element(found), wanted).fits)
    return Code::kResultNotTaken;
  return Code::kWrongType;
}

void BodyChecker::report_mismatch(ExprId expr, TypeId found, TypeId wanted, const Why& why) {
  const Span span = span_of(expr);
  const std::string wanted_text = text(wanted);
  const TypeId plain_wanted = types_.without_optional(wanted);
  if (types_.without_optional(found) == types::kSecret &&
      (plain_wanted == types::kString || plain_wanted == types::kJson)) {
    const std::string place = why.what.empty() ? std::string("this place")
                              : why.owner.empty()
                                  ? fmt::format("`{}`", why.what)
                                  : fmt::format("`{}` of `{}`", why.what, why.owner);
    auto& report = diagnostics_.report(Code::kSecretShown, span, place)
                       .labelled(fmt::format("`{}` is a `secret`", source(span)))
                       .help("hand it to a parameter of type `secret`, or to an `env { }` entry");
    add_secret_source(report, expr);
    return;
  }
  if (found == types::kNothing) {
    diagnostics_.report(Code::kNoValue, span, wanted_text)
        .labelled("this does something and gives nothing back");
    return;
  }
  if (types_.is_optional(found) && types_.convert(types_.element(found), wanted).fits) {
    auto& report = diagnostics_.report(Code::kMayBeNull, span, wanted_text, text(found));
    explain(report, wanted, why);
    report.help(fmt::format("give a value for null, `{} ?? …`, or check it with `!= null` first",
                            source(span)));
    return;
  }
  if (found == types::kJson) {
    auto& report = diagnostics_.report(Code::kJsonCastNeeded, span, wanted_text);
    explain(report, wanted, why);
    report.help(fmt::format("read it as that type: `{} as {}`", source(span), wanted_text));
    const auto* member = std::get_if<syntax::MemberExpr>(&ast_[expr].node);
    if (member != nullptr && all_.signatures.find("json", member->name.text) != nullptr) {
      report.help(fmt::format("this is the field `{0}`; the function is written `{0}()`",
                              member->name.text));
    } else if (readable_from_json(wanted)) {
      report.fix(fmt::format("read it with `as {}`", wanted_text),
                 {{Span{span.end, span.end, span.file}, fmt::format(" as {}", wanted_text)}},
                 diagnostics::Applicability::kMaybeIncorrect);
    }
    return;
  }
  if (found == types::kString && (plain_wanted == types::kUrl || plain_wanted == types::kCommand ||
                                  plain_wanted == types::kQuery || plain_wanted == types::kRegex)) {
    auto& report = diagnostics_.report(Code::kPlainString, span, text(plain_wanted));
    explain(report, plain_wanted, why);
    report.help(
        plain_wanted == types::kCommand
            ? "write the command here with `${}` for its values, or `shell.raw(…)` for text that "
              "is a command already"
            : fmt::format("write the literal here, or declare the name as `{}` where it gets its "
                          "value",
                          text(plain_wanted)));
    return;
  }
  auto& report = diagnostics_.report(Code::kWrongType, span, wanted_text, text(found));
  report.code = mismatch_code(expr, found, wanted);
  explain(report, wanted, why);
  if (found == types::kNull) {
    report.help(fmt::format("only a `{}?` can be null", wanted_text));
  } else if (plain_wanted == types::kFloat && found == types::kInt) {
    if (std::holds_alternative<syntax::IntLit>(ast_[expr].node))
      report.help("write it with a point")
          .fix(fmt::format("write `{}.0`", source(span)),
               {{Span{span.end, span.end, span.file}, ".0"}});
    else
      report.help(fmt::format("convert it by name: `{} as float`", source(span)));
  } else if (plain_wanted == types::kInt && found == types::kFloat) {
    report.help(fmt::format("say how: `.round()`, `.floor()` or `.ceil()`"));
  } else if (plain_wanted == types::kString && found != types::kUnknown && is_scalar(found)) {
    report.help(fmt::format("as text it is `\"${{{}}}\"`", source(span)));
  } else if (plain_wanted == types::kTime && found == types::kString) {
    report.help("text is read as a time by `.to_time()`, which may be null");
  } else if (plain_wanted == types::kInt && found == types::kString) {
    report.help("text is read as a number by `.to_int()`, which may be null");
  } else if (plain_wanted == types::kSecret && found == types::kString) {
    report.help("a secret comes from a parameter of type `secret`, never from the text");
  } else if (found == types::kInt || found == types::kString) {
    suggest_unit(expr, plain_wanted, report);
  } else if (types_.is(found, Shape::kResult) &&
             types_.convert(types_.element(found), wanted).fits) {
    report.help("this may have failed: look at `.ok`, then take `.value`");
  }
}

// ---- Lists, ranges, elements

TypeId BodyChecker::infer_list(ExprId expr, const syntax::ListExpr& node, TypeId hint) {
  if (hint == types::kJson) {
    for (const ExprId item : node.items) {
      infer(item, types::kJson);
      to_json(item);
    }
    return types_.list(types::kJson);
  }
  if (hint != kNone && types_.is(hint, Shape::kList)) {
    const TypeId element = types_.element(hint);
    const Why why{Why::Kind::kElement, {}, {}, {}};
    for (const ExprId item : node.items) expect(item, element, why);
    if (!types_.is_silent(element)) return hint;
    return node.items.empty() ? hint : types_.list(info(node.items.front()).type);
  }
  if (node.items.empty()) {
    if (hint == kNone)
      diagnostics_.report(Code::kCannotInfer, span_of(expr), "this empty list")
          .labelled("a list of what?")
          .help("write the type where the name is declared: `let xs: list<string> = []`");
    return types_.list(types::kUnknown);
  }
  TypeId element = infer(node.items.front());
  bool mixed = false;
  for (size_t i = 1; i < node.items.size(); ++i) {
    const TypeId found = infer(node.items[i], element);
    const TypeId joined = types_.join(element, found);
    if (joined == kNone) {
      report_mismatch(node.items[i], found, element,
                      {Why::Kind::kElement, {}, {}, span_of(node.items.front())});
      continue;
    }
    mixed = mixed || joined != element || joined != found;
    element = joined;
  }
  if (mixed) {
    for (const ExprId item : node.items) apply(item, types_.convert(info(item).type, element));
  }
  if (element == types::kNothing) {
    diagnostics_.report(Code::kNoValue, span_of(node.items.front()), "value");
    element = types::kUnknown;
  }
  if (element == types::kNull) {
    diagnostics_.report(Code::kCannotInfer, span_of(expr), "this list of null")
        .labelled("a list of what?")
        .help("write the type where the name is declared: `let xs: list<string?> = [null]`");
    element = types::kUnknown;
  }
  return types_.list(element);
}

TypeId BodyChecker::infer_range(const syntax::RangeExpr& node, TypeId hint) {
  const TypeId element_hint =
      hint != kNone && types_.is(hint, Shape::kRange) ? types_.element(hint) : kNone;
  const TypeId low = infer(node.low, element_hint);
  const TypeId high = infer(node.high, element_hint != kNone ? element_hint : low);
  if (types_.is_silent(low) || types_.is_silent(high))
    return types_.range(types_.is_silent(low) ? high : low);
  const bool ends_fit = low == types::kInt || low == types::kDuration || low == types::kSize ||
                        low == types::kTime || low == types::kFloat;
  if (!ends_fit) {
    diagnostics_.report(Code::kOperatorType, span_of(node.low), "..", text(low))
        .labelled("a range goes over `int`, `float`, `duration`, `size` or `time`");
    return types_.range(types::kUnknown);
  }
  if (low != high)
    report_mismatch(node.high, high, low, {Why::Kind::kPlain, {}, {}, span_of(node.low)});
  return types_.range(low);
}

TypeId BodyChecker::infer_index(const syntax::IndexExpr& node) {
  const TypeId base = infer(node.base);
  if (types_.is_optional(base)) {
    infer(node.index);
    report_mismatch(node.base, base, types_.element(base), {});
    return types::kUnknown;
  }
  switch (types_.shape(base)) {
    case Shape::kList:
      expect(node.index, types::kInt, {Why::Kind::kClause, "[ ]", {}, {}});
      return types_.element(base);
    case Shape::kMap: {
      const TypeId element = types_.element(base);
      expect(node.index, types_[base].key, {Why::Kind::kClause, "[ ]", {}, {}});
      return types_.optional(element);
    }
    case Shape::kJson: {
      const TypeId index = infer(node.index);
      if (index != types::kInt)
        coerce(node.index, types::kString, {Why::Kind::kClause, "[ ]", {}, {}});
      return types::kJson;
    }
    case Shape::kUnknown:
    case Shape::kNever:
      infer(node.index);
      return types::kUnknown;
    default:
      infer(node.index);
      diagnostics_.report(Code::kOperatorType, span_of(node.base), "[ ]", text(base))
          .labelled("lists, maps and `json` have elements")
          .help(base == types::kString ? "for a part of a text write `text[0..2]`" : "");
      return types::kUnknown;
  }
}

TypeId BodyChecker::infer_slice(const syntax::SliceExpr& node) {
  const TypeId base = infer(node.base);
  const Why why{Why::Kind::kClause, "[ .. ]", {}, {}};
  if (node.low.valid()) expect(node.low, types::kInt, why);
  if (node.high.valid()) expect(node.high, types::kInt, why);
  if (types_.is(base, Shape::kList) || base == types::kString || types_.is_silent(base))
    return base;
  if (types_.is_optional(base)) {
    report_mismatch(node.base, base, types_.element(base), {});
    return types_.element(base);
  }
  diagnostics_.report(Code::kOperatorType, span_of(node.base), "[ .. ]", text(base))
      .labelled("lists and strings have parts");
  return types::kUnknown;
}

// ---- Casts

bool BodyChecker::readable_from_json(TypeId type) {
  const Type& one = types_[type];
  switch (one.shape) {
    case Shape::kBool:
    case Shape::kInt:
    case Shape::kFloat:
    case Shape::kDuration:
    case Shape::kSize:
    case Shape::kTime:
    case Shape::kString:
    case Shape::kUrl:
    case Shape::kJson:
    case Shape::kRecord:
    case Shape::kEnum:
    case Shape::kUnknown:
    case Shape::kNever:
      return true;
    case Shape::kList:
    case Shape::kOptional:
      return readable_from_json(one.element);
    case Shape::kMap: {
      const TypeId element = one.element;
      return one.key == types::kString && readable_from_json(element);
    }
    default:
      return false;
  }
}

TypeId BodyChecker::infer_cast(ExprId expr, const syntax::CastExpr& node) {
  const TypeId found = infer(node.value);
  const TypeId wanted = all_.resolve_type(module_.id, node.type);
  if (types_.is_silent(found) || types_.is_silent(wanted)) return wanted;
  if (refuse_secret(node.value, found, "`as`")) return wanted;
  const bool numbers = (found == types::kInt && wanted == types::kFloat) ||
                       (found == types::kFloat && wanted == types::kInt);
  if (found == wanted || numbers) return wanted;
  if (all_.holds_secret(wanted)) {
    diagnostics_.report(Code::kImpossibleCast, span_of(expr), text(found), text(wanted))
        .labelled("what comes from outside does not choose which secret is read")
        .help("take the secret as a parameter, or name it: `secrets.NAME`");
    return wanted;
  }
  if (found == types::kJson && readable_from_json(wanted)) return wanted;
  if (wanted == types::kJson && types_.writable_as_json(found)) return wanted;
  if (types_.is_optional(found) && types_.element(found) == types::kJson &&
      readable_from_json(wanted)) {
    report_mismatch(node.value, found, types::kJson, {});
    return wanted;
  }
  auto& report =
      diagnostics_.report(Code::kImpossibleCast, span_of(expr), text(found), text(wanted))
          .labelled("`as` reads `json` as a type, and converts `int` and `float`");
  if (wanted == types::kString && is_scalar(found))
    report.help(fmt::format("as text it is `\"${{{}}}\"`", source(span_of(node.value))));
  else if (found == types::kString)
    report.help("text is read by `.to_int()`, `.to_json()`, `.parse(r\"…\")` and their like");
  return wanted;
}

// ---- Functions as values, failing, waiting

TypeId BodyChecker::infer_lambda(ExprId expr, const syntax::LambdaExpr& node, TypeId hint) {
  std::vector<TypeId> hinted;
  TypeId wanted = kNone;
  if (hint != kNone && types_.is(hint, Shape::kFunction)) {
    hinted = types_[hint].parameters;
    wanted = types_.element(hint);
    if (wanted == types::kUnknown) wanted = kNone;
  }
  const Scopes::Open scope(scopes_);
  std::vector<TypeId> parameters;
  for (size_t i = 0; i < node.params.size(); ++i) {
    const syntax::Field& field = node.params[i];
    TypeId type = types::kUnknown;
    if (field.type.valid()) {
      type = all_.resolve_type(module_.id, field.type);
    } else if (i < hinted.size()) {
      type = hinted[i];
    } else if (hint == kNone || !types_.is(hint, Shape::kFunction)) {
      if (hint != types::kUnknown)
        diagnostics_
            .report(Code::kCannotInfer, field.name.span, fmt::format("`{}`", field.name.text))
            .labelled("nothing here says what it will be called with")
            .help(fmt::format("write its type: `fn({}: int)`", field.name.text));
    }
    parameters.push_back(type);
    module_.expr_symbols[expr.index].push_back(
        declare_local(field.name, type, Symbol::Kind::kParameter, false));
  }
  const Restore<Place> place(place_);
  const Restore<Facts> facts(facts_);
  const Restore<bool> reach(reachable_);
  facts_.drop_if([&](PathId path) { return is_var(paths_.root_of(path)); });
  place_ = Place{};
  place_.pure_in = "a `fn`";
  TypeId given = wanted;
  place_.found = &given;
  borders_.push_back(Border::kLambda);
  for (const syntax::Field& field : node.params) check_where(field);
  TypeId result = types::kNothing;
  if (node.value.valid()) {
    result = wanted != kNone ? expect(node.value, wanted, {Why::Kind::kPlain, {}, {}, {}})
                             : infer(node.value);
  } else {
    reachable_ = true;
    check_block(node.block, Want::kDiscard, kNone, {});
    result = given == kNone ? types::kNothing : given;
    if (reachable_ && given != kNone && given != types::kNothing && !types_.is_silent(given))
      diagnostics_.report(Code::kMissingReturn, span_of(expr), "fn", text(given))
          .labelled("its end can be reached without a `return`")
          .help("end it with `return`");
  }
  borders_.pop_back();
  return types_.function(std::move(parameters), result);
}

TypeId BodyChecker::infer_fail(const syntax::FailExpr& node) {
  const TypeId type = infer(node.error);
  if (type != types::kString && type != types::kError && !types_.is_silent(type)) {
    if (types_.is(type, Shape::kErrorKind)) {
      coerce(node.error, types::kError, {});
    } else if (!refuse_secret(node.error, type, "`fail`")) {
      diagnostics_.report(Code::kWrongType, span_of(node.error), "error", text(type))
          .labelled("`fail` takes a text or an error")
          .help("write `fail \"what went wrong\"`, or `fail Kind { … }`");
    }
  }
  if (place_.code == Place::Code::kRunbook) rules_.may_fail();
  reachable_ = false;
  return types::kNever;
}

TypeId BodyChecker::infer_wait(ExprId expr) {
  const syntax::Expr& written = ast_[expr];
  if (const auto* wait = std::get_if<syntax::WaitExpr>(&written.node)) {
    if (allow_effect(written.span, "`wait`"))
      expect(wait->duration, types::kDuration, {Why::Kind::kClause, "wait", {}, {}});
    within(wait->duration, 0, INT64_MAX, "wait", "nothing waits for a time that is over",
           "write how long to wait, as `wait 30s`");
    bound_by_timeout(wait->duration, written.span, "the wait");
    return types::kNothing;
  }
  if (const auto* until = std::get_if<syntax::WaitUntilExpr>(&written.node)) {
    if (allow_effect(written.span, "`wait`"))
      expect(until->time, types::kTime, {Why::Kind::kClause, "wait until", {}, {}});
    return types::kNothing;
  }
  return infer_signal(written.span, std::get<syntax::WaitSignalExpr>(written.node));
}

}  // namespace rbk::check
