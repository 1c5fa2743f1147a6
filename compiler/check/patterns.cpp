// Patterns of `match`: what they match, what they bind, and whether nothing is left out.
#include <algorithm>

#include "compiler/check/body_checker.h"
#include "compiler/check/exhaustive.h"

namespace rbk::check {

using diagnostics::Code;

namespace {

bool is_plain(Type::Shape shape) {
  switch (shape) {
    case Type::Shape::kBool:
    case Type::Shape::kInt:
    case Type::Shape::kFloat:
    case Type::Shape::kDuration:
    case Type::Shape::kSize:
    case Type::Shape::kTime:
    case Type::Shape::kString:
    case Type::Shape::kUrl:
      return true;
    default:
      return false;
  }
}

/// Reduces a pattern to what decides which values it matches.
class ShapeOf {
 public:
  ShapeOf(const CheckedModule& module, TypeTable& table, const CheckedProgram& program)
      : module_(module), types_(table), program_(program) {}

  PatternShape of(syntax::PatternId id, TypeId type) {
    if (!id.valid()) return {};
    const syntax::Pattern& pattern = module_.ast[id];
    if (const auto* either = std::get_if<syntax::OrPattern>(&pattern.node)) {
      PatternShape result;
      result.kind = PatternShape::Kind::kOr;
      for (const syntax::PatternId part : either->alternatives)
        result.parts.push_back(of(part, type));
      return result;
    }
    if (std::holds_alternative<syntax::NullPattern>(pattern.node)) return constructor(0, {});
    if (std::holds_alternative<syntax::WildcardPattern>(pattern.node) ||
        std::holds_alternative<syntax::BindPattern>(pattern.node) ||
        std::holds_alternative<syntax::ErrorPattern>(pattern.node))
      return {};
    if (types_.is_optional(type)) return constructor(1, {of(id, types_.element(type))});
    const PatternInfo& info = module_.patterns[id.index];
    if (const auto* literal = std::get_if<syntax::LiteralPattern>(&pattern.node)) {
      if (const auto* value = std::get_if<syntax::BoolLit>(&module_.ast[literal->value].node))
        return constructor(value->value ? 1 : 0, {});
      return constructor(text_id(pattern.span), {});
    }
    if (std::holds_alternative<syntax::RangePattern>(pattern.node))
      return constructor(text_id(pattern.span), {});
    if (const auto* member = std::get_if<syntax::MemberPattern>(&pattern.node)) {
      if (info.index == kNone) return constructor(info.symbol, any_fields(info.symbol));
      std::vector<PatternShape> parts;
      const std::vector<TypeId> payload = payload_of(info, type);
      for (size_t i = 0; i < payload.size(); ++i)
        parts.push_back(i < member->payload.size() ? of(member->payload[i], payload[i])
                                                   : PatternShape{});
      return constructor(info.index, std::move(parts));
    }
    if (const auto* record = std::get_if<syntax::RecordPattern>(&pattern.node)) {
      if (info.symbol == kNone) return {};
      std::vector<PatternShape> parts = any_fields(info.symbol);
      for (size_t i = 0; i < record->fields.size() && i < info.field_indices.size(); ++i) {
        const uint32_t index = info.field_indices[i];
        if (index < parts.size() && record->fields[i].pattern.valid())
          parts[index] =
              of(record->fields[i].pattern, program_.symbols[info.symbol].fields[index].type);
        else if (index != kNone && index >= parts.size() && record->fields[i].pattern.valid())
          return constructor(text_id(pattern.span), {});  // by an error's message
      }
      return constructor(info.symbol, std::move(parts));
    }
    return {};
  }

 private:
  static PatternShape constructor(uint64_t id, std::vector<PatternShape> parts) {
    PatternShape result;
    result.kind = PatternShape::Kind::kConstructor;
    result.constructor = id;
    result.parts = std::move(parts);
    return result;
  }
  /// Equal for equal texts; above every symbol's number.
  uint64_t text_id(Span span) const {
    return std::hash<std::string_view>{}(module_.source->text(span)) | uint64_t{1} << 63;
  }
  std::vector<PatternShape> any_fields(SymbolId symbol) const {
    return std::vector<PatternShape>(symbol == kNone ? 0 : program_.symbols[symbol].fields.size());
  }
  std::vector<TypeId> payload_of(const PatternInfo& info, TypeId type) const {
    if (info.symbol == kNone) {
      if (!types_.is(type, Type::Shape::kResult)) return {};
      if (info.index == 1) return {types::kError};
      const TypeId element = types_.element(type);
      return element == types::kNothing ? std::vector<TypeId>{} : std::vector<TypeId>{element};
    }
    std::vector<TypeId> result;
    for (const Field& field : program_.symbols[info.symbol].members[info.index].payload)
      result.push_back(field.type);
    return result;
  }

  const CheckedModule& module_;
  TypeTable& types_;
  const CheckedProgram& program_;
};

}  // namespace

void BodyChecker::check_exhaustive(const syntax::MatchExpr& node, TypeId type, Span span) {
  const bool wrong = std::any_of(node.arms.begin(), node.arms.end(), [&](const auto& arm) {
    return !arm.pattern.valid() ||
           std::holds_alternative<syntax::ErrorPattern>(ast_[arm.pattern].node);
  });
  if (types_.is_silent(type) || wrong || node.arms.empty()) return;
  ShapeOf shapes(module_, types_, program_);
  std::vector<PatternShape> rows;
  for (const syntax::MatchExpr::Arm& arm : node.arms) {
    PatternShape shape = shapes.of(arm.pattern, type);
    if (!Exhaustive(all_).reached(rows, shape, type))
      diagnostics_.report(Code::kUnreachableArm, ast_[arm.pattern].span)
          .labelled("the arms before it take all of these values")
          .help("remove it, or put it before them");
    if (!arm.guard.valid()) rows.push_back(std::move(shape));
  }
  const auto missing = Exhaustive(all_).missing(rows, type);
  if (!missing) return;
  const bool open = *missing == "_";
  diagnostics_
      .report(Code::kNotExhaustive, span,
              open ? std::string("every other value") : fmt::format("`{}`", *missing))
      .labelled(fmt::format("it is matched by `{}`", text(type)))
      .also(span_of(node.subject), fmt::format("this is `{}`", text(type)))
      .help(fmt::format("add `case {} => …`", *missing));
}

void BodyChecker::check_pattern(syntax::PatternId id, TypeId type) {
  if (!id.valid()) return;
  const syntax::Pattern& pattern = ast_[id];
  pattern_info(id).type = type;
  const TypeId plain = types_.without_optional(type);
  const bool silent = types_.is_silent(plain);
  const auto never = [&](std::string_view what) {
    diagnostics_.report(Code::kPatternType, pattern.span, text(type), what)
        .labelled(fmt::format("what is matched is `{}`", text(type)));
  };
  if (const auto* either = std::get_if<syntax::OrPattern>(&pattern.node)) {
    const size_t known = program_.symbols.size();
    for (const syntax::PatternId part : either->alternatives) check_pattern(part, type);
    for (size_t i = known; i < program_.symbols.size(); ++i) {
      if (program_.symbols[i].kind != Symbol::Kind::kLocal || program_.symbols[i].name == "_")
        continue;
      not_supported(program_.symbols[i].span, "a name inside `|`",
                    "write `_` there, or an arm for each alternative");
      break;
    }
  } else if (std::holds_alternative<syntax::NullPattern>(pattern.node)) {
    if (!silent && !types_.is_optional(type) && plain != types::kJson && plain != types::kNull)
      never("null");
  } else if (const auto* bind = std::get_if<syntax::BindPattern>(&pattern.node)) {
    pattern_info(id).symbol = declare_local(bind->name, type, Symbol::Kind::kLocal, false);
  } else if (const auto* literal = std::get_if<syntax::LiteralPattern>(&pattern.node)) {
    const TypeId found = infer(literal->value, plain);
    if (silent || types_.is_silent(found)) return;
    if (plain == types::kJson) {
      to_json(literal->value);
      return;
    }
    if (found != plain) never(fmt::format("a `{}`", text(found)));
  } else if (const auto* range = std::get_if<syntax::RangePattern>(&pattern.node)) {
    const TypeId low = infer(range->low, plain);
    const TypeId high = infer(range->high, plain);
    if (silent) return;
    for (const TypeId end : {low, high}) {
      if (types_.is_silent(end) || (end == plain && is_plain(types_.shape(end)) &&
                                    end != types::kString && end != types::kBool))
        continue;
      never(fmt::format("a range of `{}`", text(end)));
      break;
    }
  } else if (const auto* member = std::get_if<syntax::MemberPattern>(&pattern.node)) {
    check_member_pattern(id, *member, type);
  } else if (const auto* record = std::get_if<syntax::RecordPattern>(&pattern.node)) {
    check_record_pattern(id, *record, type);
  }
}

void BodyChecker::check_member_pattern(syntax::PatternId id, const syntax::MemberPattern& node,
                                       TypeId type) {
  const Span span = ast_[id].span;
  const auto give_up = [&] {
    for (const syntax::PatternId part : node.payload) check_pattern(part, types::kUnknown);
  };
  TypeId plain = types_.without_optional(type);
  if (!node.type.empty()) {
    const SymbolId first = node.type.parts.size() == 1
                               ? all_.find_top_level(module_.id, node.type.parts.front().text)
                               : kNone;
    if (first != kNone && program_.symbols[first].kind == Symbol::Kind::kModule) {
      // `http.ServerError` without braces: the kind alone.
      syntax::RecordPattern kind;
      kind.type = node.type;
      kind.type.parts.push_back(node.member);
      kind.type.span = span;
      check_record_pattern(id, kind, type);
      return give_up();
    }
    const SymbolId symbol = all_.resolve_type_path(module_.id, node.type);
    if (symbol == kNone) return give_up();
    const TypeId written = program_.symbols[symbol].type;
    if (!types_.is_silent(plain) && written != plain) {
      diagnostics_
          .report(Code::kPatternType, span, text(type), fmt::format("a `{}`", text(written)))
          .labelled(fmt::format("what is matched is `{}`", text(type)));
      return give_up();
    }
    plain = written;
  }
  if (types_.is_silent(plain)) return give_up();
  const auto check_payload = [&](std::string_view name, const std::vector<TypeId>& payload) {
    if (node.has_payload && node.payload.size() != payload.size()) {
      diagnostics_
          .report(
              Code::kWrongArgumentCount, span, name,
              payload.empty() ? std::string("no value") : fmt::format("{} values", payload.size()),
              std::to_string(node.payload.size()))
          .labelled("one pattern for each value, `_` for those that don't matter");
      return give_up();
    }
    for (size_t i = 0; i < node.payload.size(); ++i) check_pattern(node.payload[i], payload[i]);
  };
  if (types_.is(plain, Shape::kResult)) {
    const TypeId element = types_.element(plain);
    if (node.member.text == "ok") {
      pattern_info(id).index = 0;
      check_payload(
          ".ok", element == types::kNothing ? std::vector<TypeId>{} : std::vector<TypeId>{element});
    } else if (node.member.text == "err") {
      pattern_info(id).index = 1;
      check_payload(".err", {types::kError});
    } else {
      diagnostics_.report(Code::kUnknownMember, node.member.span, "Result", node.member.text)
          .labelled("`Result` is `.ok` or `.err`");
      pattern_wrong_ = true;
      give_up();
    }
    return;
  }
  if (!types_.is(plain, Shape::kEnum)) {
    diagnostics_
        .report(Code::kPatternType, span, text(type), fmt::format("`.{}`", node.member.text))
        .labelled(fmt::format("what is matched is `{}`, which is no enum", text(type)));
    return give_up();
  }
  const SymbolId symbol_id = types_[plain].symbol;
  all_.resolve(symbol_id);
  const Symbol& symbol = program_.symbols[symbol_id];
  for (uint32_t i = 0; i < symbol.members.size(); ++i) {
    if (symbol.members[i].name != node.member.text) continue;
    pattern_info(id).symbol = symbol_id;
    pattern_info(id).index = i;
    std::vector<TypeId> payload;
    for (const Field& field : symbol.members[i].payload) payload.push_back(field.type);
    check_payload(fmt::format("{}.{}", symbol.name, symbol.members[i].name), payload);
    return;
  }
  give_up();
  pattern_wrong_ = true;
  if (node.member.empty() || symbol.unsure) return;
  std::vector<std::string_view> names;
  for (const Symbol::Member& member : symbol.members) names.push_back(member.name);
  diagnostics_.report(Code::kUnknownMember, node.member.span, symbol.name, node.member.text)
      .labelled(fmt::format("`{}` has no such member", symbol.name))
      .did_you_mean(node.member.span, nearest(node.member.text, std::move(names)));
}

void BodyChecker::check_record_pattern(syntax::PatternId id, const syntax::RecordPattern& node,
                                       TypeId type) {
  const auto check_field = [&](const syntax::RecordPattern::PatternField& field,
                               TypeId field_type) {
    SymbolId bound = kNone;
    if (field.pattern.valid())
      check_pattern(field.pattern, field_type);
    else
      bound = declare_local(field.name, field_type, Symbol::Kind::kLocal, false);
    pattern_info(id).field_symbols.push_back(bound);
  };
  const SymbolId symbol_id = all_.resolve_type_path(module_.id, node.type);
  const TypeId plain = types_.without_optional(type);
  bool fits = symbol_id != kNone;
  if (fits) {
    all_.resolve(symbol_id);
    const TypeId written = program_.symbols[symbol_id].type;
    const bool is_kind = types_.is(written, Shape::kErrorKind);
    if (!types_.is_silent(plain) && written != plain && !(is_kind && plain == types::kError)) {
      diagnostics_
          .report(Code::kPatternType, ast_[id].span, text(type),
                  fmt::format("a `{}`", text(written)))
          .labelled(fmt::format("what is matched is `{}`", text(type)));
      fits = false;
    }
  }
  if (!fits || types_.is(program_.symbols[symbol_id].type, Shape::kEnum)) {
    for (const auto& field : node.fields) {
      check_field(field, types::kUnknown);
      pattern_info(id).field_indices.push_back(kNone);
    }
    return;
  }
  pattern_info(id).symbol = symbol_id;
  const Symbol& symbol = program_.symbols[symbol_id];
  const bool is_error = symbol.kind == Symbol::Kind::kErrorKind;
  const auto count = static_cast<uint32_t>(symbol.fields.size());
  for (const auto& field : node.fields) {
    uint32_t index = kNone;
    TypeId field_type = types::kUnknown;
    for (uint32_t i = 0; i < count; ++i) {
      if (symbol.fields[i].name != field.name.text) continue;
      index = i;
      field_type = symbol.fields[i].type;
    }
    if (is_error && index == kNone) {
      if (field.name.text == "message") index = count, field_type = types::kString;
      if (field.name.text == "retryable") index = count + 1, field_type = types::kBool;
    }
    if (index == kNone && !field.name.empty() && !symbol.unsure) {
      std::vector<std::string_view> names;
      for (const Field& known : symbol.fields) names.push_back(known.name);
      if (is_error) names.insert(names.end(), {"message", "retryable"});
      diagnostics_.report(Code::kUnknownField, field.name.span, symbol.name, field.name.text)
          .labelled("there is no field of this name to look at")
          .did_you_mean(field.name.span, nearest(field.name.text, std::move(names)));
    }
    pattern_info(id).field_indices.push_back(index);
    check_field(field, field_type);
  }
}

}  // namespace rbk::check
