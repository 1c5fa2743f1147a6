// Constants, each once; and what an expression always is.
#include <bit>
#include <boost/json.hpp>
#include <utility>
#include <variant>

#include "base/units.h"
#include "compiler/lower/program_lowering.h"
#include "compiler/plan/evaluate.h"

namespace rbk::lower {

using bytecode::Constant;
using TypeShape = bytecode::Type::Shape;

uint32_t ProgramLowering::constant(Constant constant) {
  std::string key = std::to_string(constant.type) + '|' + std::to_string(constant.bits);
  for (const uint32_t item : constant.items) key += ',' + std::to_string(item);
  key += '|' + constant.text;
  const auto [found, is_new] =
      constants_.emplace(std::move(key), static_cast<uint32_t>(program_.constants.size()));
  if (is_new) program_.constants.push_back(std::move(constant));
  return found->second;
}

uint32_t ProgramLowering::text_constant(bytecode::TypeId type, std::string text) {
  Constant made;
  made.type = type;
  made.text = std::move(text);
  return constant(std::move(made));
}

std::optional<uint32_t> ProgramLowering::fold(const CheckedModule& module, ExprId id) {
  const check::ExprInfo& info = module.info(id);
  if (info.then != check::Convert::kNothing) return std::nullopt;
  switch (info.convert) {
    case check::Convert::kNothing:
    case check::Convert::kUrlToString:
      break;
    case check::Convert::kToOptional: {
      const bytecode::TypeId optional = type(info.type);
      auto plain = fold_plain(module, id);
      if (!plain) return std::nullopt;
      Constant made;
      made.type = optional;
      if (program_.types[plain->type].shape != TypeShape::kNull) {
        made.items.push_back(constant(std::move(*plain)));
      }
      return constant(std::move(made));
    }
    case check::Convert::kToJson:
      return fold_json(module, id);
    default:
      return std::nullopt;
  }
  auto plain = fold_plain(module, id);
  if (!plain) return std::nullopt;
  return constant(std::move(*plain));
}

/// Of simple values only: what is larger is made when running.
std::optional<uint32_t> ProgramLowering::fold_json(const CheckedModule& module, ExprId id) {
  auto plain = fold_plain(module, id);
  if (!plain) return std::nullopt;
  boost::json::value json;
  switch (program_.types[plain->type].shape) {
    case TypeShape::kNull:
    case TypeShape::kJson:
      return constant(std::move(*plain));
    case TypeShape::kBool:
      json = plain->bits != 0;
      break;
    case TypeShape::kInt:
      json = plain->bits;
      break;
    case TypeShape::kString:
      json = plain->text;
      break;
    default:
      return std::nullopt;
  }
  return text_constant(json_type(), boost::json::serialize(json));
}

std::optional<uint32_t> ProgramLowering::fold_default(const CheckedModule& module, ExprId id) {
  const bool outer = std::exchange(in_default_, true);
  const auto folded = fold(module, id);
  in_default_ = outer;
  return folded;
}

std::optional<Constant> ProgramLowering::fold_record(const CheckedModule& module, ExprId id) {
  const check::Meaning* meaning = module.meaning(id);
  if (meaning == nullptr || symbol(meaning->symbol).kind != check::Symbol::Kind::kRecord) {
    return std::nullopt;
  }
  Constant made;
  made.type = type(module.info(id).value_type);
  const check::Symbol& of = symbol(meaning->symbol);
  if (!fold_fields(module, *meaning, of.fields, of.parameters, made)) return std::nullopt;
  return made;
}

std::optional<Constant> ProgramLowering::fold_member(const CheckedModule& module, ExprId id) {
  const check::Meaning& meaning = *module.meaning(id);
  Constant made;
  made.type = type(module.info(id).value_type);
  made.bits = meaning.index;
  const auto& member = symbol(meaning.symbol).members.at(meaning.index);
  if (!fold_fields(module, meaning, member.payload, member.parameters, made)) return std::nullopt;
  return made;
}

bool ProgramLowering::fold_fields(const CheckedModule& module, const check::Meaning& meaning,
                                  const std::vector<check::Field>& fields,
                                  const std::vector<SymbolId>& parameters, Constant& made) {
  for (size_t i = 0; i < fields.size(); ++i) {
    const check::Field& field = fields[i];
    std::optional<uint32_t> value;
    if (i < meaning.arguments.size() && meaning.arguments[i].valid()) {
      value = fold(module, meaning.arguments[i]);
    } else if (field.written != nullptr && field.written->default_value.valid()) {
      value = fold(module_of(meaning.symbol), field.written->default_value);
    } else {
      value = text_constant(shape_type(TypeShape::kNull), {});
    }
    if (!value) return false;
    made.items.push_back(*value);
  }
  return is_proven(module, meaning, fields, parameters);
}

/// Whether all that is asked of the fields holds; what can't be told now is tested when the value
/// is made.
bool ProgramLowering::is_proven(const CheckedModule& module, const check::Meaning& meaning,
                                const std::vector<check::Field>& fields,
                                const std::vector<SymbolId>& parameters) {
  const auto& given = meaning.arguments;
  plan::Evaluator evaluator(checked_, module_of(meaning.symbol));
  for (size_t i = 0; i < parameters.size(); ++i) {
    const syntax::Field& written = *fields.at(i).written;
    plan::Value value;
    if (i < given.size() && given[i].valid()) {
      value = plan::Evaluator(checked_, module).evaluate(given[i]);
    } else if (written.default_value.valid()) {
      value = evaluator.evaluate(written.default_value);
    } else {
      value.shape = plan::Value::Shape::kNull;
    }
    evaluator.set(parameters[i], std::move(value));
    for (const syntax::Refinement& where : written.where) {
      const plan::Value holds = evaluator.evaluate(where.condition);
      if (holds.shape != plan::Value::Shape::kBool || holds.number == 0) return false;
    }
  }
  return true;
}

std::optional<Constant> ProgramLowering::fold_map(const CheckedModule& module,
                                                  const syntax::BraceExpr& node, ExprId id) {
  Constant made;
  made.type = type(module.info(id).value_type);
  for (const syntax::Entry& entry : node.entries) {
    const auto key = entry.key.valid() ? fold(module, entry.key)
                                       : std::optional(string_constant(entry.name.text));
    const auto value = key ? fold(module, entry.value) : std::nullopt;
    if (!value) return std::nullopt;
    // The same key twice is the machine's matter.
    for (size_t i = 0; i < made.items.size(); i += 2) {
      if (made.items[i] == *key) return std::nullopt;
    }
    made.items.push_back(*key);
    made.items.push_back(*value);
  }
  return made;
}

std::optional<Constant> ProgramLowering::fold_plain(const CheckedModule& module, ExprId id) {
  const check::ExprInfo& info = module.info(id);
  const syntax::Expr& expr = module.ast[id];
  Constant made;
  const auto raw = [&](int64_t bits) -> std::optional<Constant> {
    made.type = type(info.value_type);
    made.bits = bits;
    return made;
  };
  if (const auto* node = std::get_if<syntax::BoolLit>(&expr.node)) return raw(node->value ? 1 : 0);
  if (const auto* node = std::get_if<syntax::IntLit>(&expr.node)) return raw(node->value);
  if (const auto* node = std::get_if<syntax::FloatLit>(&expr.node)) {
    return raw(std::bit_cast<int64_t>(node->value));
  }
  if (const auto* node = std::get_if<syntax::DurationLit>(&expr.node)) return raw(node->micros);
  if (const auto* node = std::get_if<syntax::SizeLit>(&expr.node)) return raw(node->bytes);
  if (std::holds_alternative<syntax::NullLit>(expr.node)) {
    made.type = shape_type(TypeShape::kNull);
    return made;
  }
  if (const auto* node = std::get_if<syntax::UnaryExpr>(&expr.node)) {
    auto operand = node->op == syntax::UnaryOp::kNegate ? fold_plain(module, node->operand)
                                                        : std::optional<Constant>();
    if (!operand && !in_default_) return std::nullopt;
    if (operand && program_.types[operand->type].shape == TypeShape::kFloat) {
      return raw(std::bit_cast<int64_t>(-std::bit_cast<double>(operand->bits)));
    }
    if (operand && operand->bits == INT64_MIN) return std::nullopt;
    if (operand) return raw(-operand->bits);
  }
  if (const auto* node = std::get_if<syntax::StringLit>(&expr.node)) {
    if (!node->is_plain_text()) return std::nullopt;
    const std::string text = node->parts.empty() ? std::string() : node->parts.front().text;
    made.type = type(info.value_type);
    if (program_.types[made.type].shape == TypeShape::kTime) {
      const auto time = parse_time(text);
      if (!time) return std::nullopt;
      return raw(*time);
    }
    if (program_.types[made.type].shape == TypeShape::kQuery) {
      made.type = json_type();
      made.text = boost::json::serialize(
          boost::json::object{{"text", text}, {"values", boost::json::array()}});
      return made;
    }
    made.text = text;
    return made;
  }
  if (const auto* node = std::get_if<syntax::ListExpr>(&expr.node)) {
    made.type = type(info.value_type);
    for (const ExprId item : node->items) {
      const auto folded = fold(module, item);
      if (!folded) return std::nullopt;
      made.items.push_back(*folded);
    }
    return made;
  }
  if (const auto* node = std::get_if<syntax::RangeExpr>(&expr.node)) {
    if (node->half_open) return std::nullopt;
    const auto low = fold(module, node->low);
    const auto high = low ? fold(module, node->high) : std::nullopt;
    if (!high) return std::nullopt;
    made.type = type(info.value_type);
    made.items = {*low, *high};
    return made;
  }
  if (const auto* node = std::get_if<syntax::BraceExpr>(&expr.node)) {
    if (node->kind == syntax::BraceExpr::Kind::kMap) return fold_map(module, *node, id);
    if (node->kind != syntax::BraceExpr::Kind::kRecord) return std::nullopt;
    return fold_record(module, id);
  }
  const bool computes = std::holds_alternative<syntax::BinaryExpr>(expr.node) ||
                        std::holds_alternative<syntax::UnaryExpr>(expr.node);
  if (in_default_ && computes) {
    const plan::Value known = plan::Evaluator(checked_, module).evaluate(id);
    if (known.shape == plan::Value::Shape::kInt) return raw(known.number);
    if (known.shape == plan::Value::Shape::kBool) return raw(known.number == 0 ? 0 : 1);
    if (known.shape == plan::Value::Shape::kFloat) return raw(std::bit_cast<int64_t>(known.real));
  }
  const check::Meaning* meaning = module.meaning(id);
  if (meaning == nullptr) return std::nullopt;
  if (meaning->kind == check::Meaning::Kind::kEnumMember) {
    if (meaning->symbol != check::kNone) return fold_member(module, id);
    // A Result.
    if (!std::holds_alternative<syntax::CallExpr>(expr.node)) return raw(meaning->index);
    return std::nullopt;
  }
  if (meaning->kind == check::Meaning::Kind::kSecretByName) {
    made.type = shape_type(TypeShape::kSecret);
    made.text = std::get<syntax::MemberExpr>(expr.node).name.text;
    return made;
  }
  if (meaning->kind == check::Meaning::Kind::kSymbol &&
      symbol(meaning->symbol).kind == check::Symbol::Kind::kConst) {
    const check::Symbol& of = symbol(meaning->symbol);
    const CheckedModule& home = *checked_.modules.at(of.module);
    const auto* decl = std::get_if<syntax::ConstDecl>(&home.ast[of.decl].node);
    if (decl == nullptr) return std::nullopt;
    const auto folded = fold(home, decl->value);
    if (!folded) return std::nullopt;
    return program_.constants[*folded];
  }
  return std::nullopt;
}

}  // namespace rbk::lower
