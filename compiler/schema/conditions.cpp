#include "compiler/schema/conditions.h"

#include <cctype>
#include <optional>
#include <string>
#include <string_view>

#include "compiler/schema/types.h"

namespace rbk::schema {
namespace {

using namespace syntax;  // NOLINT: this file reads trees and little else
using boost::json::array;
using boost::json::object;
using Shape = check::Type::Shape;
using Known = plan::Value::Shape;

/// The pattern as ECMA 262 (with its flag `u`) has it, where it then means the same as to RE2;
/// nothing where it may not.
std::optional<std::string> portable(std::string_view pattern) {
  constexpr std::string_view kSyntax = "^$\\.*+?()[]{}|/";
  constexpr std::string_view kSame = "dDwWbBtnrfv";
  std::string made;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (static_cast<unsigned char>(c) >= 0x80) return std::nullopt;
    if (c == '\\') {
      const char escaped = ++i < pattern.size() ? pattern[i] : 'z';
      const bool is_punctuation = std::ispunct(static_cast<unsigned char>(escaped)) != 0;
      if (!is_punctuation && kSame.find(escaped) == std::string_view::npos) return std::nullopt;
      if (in_class && (escaped == 'b' || escaped == 'B')) return std::nullopt;
      const bool keeps = !is_punctuation || kSyntax.find(escaped) != std::string_view::npos ||
                         (in_class && escaped == '-');
      if (keeps) made += '\\';
      made += escaped;
    } else if (in_class) {
      if (c == '[') return std::nullopt;  // `[[:alpha:]]`
      in_class = c != ']';
      made += c;
    } else if (c == '[') {
      const std::string_view rest = pattern.substr(i + 1);
      if (rest.starts_with(']') || rest.starts_with("^]")) return std::nullopt;
      in_class = true;
      made += c;
    } else if (c == '.') {
      made += "[^\\n]";  // ECMA's leaves out three more ends of a line
    } else if (c == '(' && pattern.substr(i + 1).starts_with('?')) {
      if (!pattern.substr(i + 1).starts_with("?:")) return std::nullopt;
      made += c;
    } else if (c == '{') {
      const size_t close = pattern.find('}', i);
      const std::string_view count = pattern.substr(i + 1, close - i - 1);
      if (close == std::string_view::npos || count.empty() || count.front() == ',' ||
          count.find_first_not_of("0123456789,") != std::string_view::npos)
        return std::nullopt;
      made += pattern.substr(i, close + 1 - i);
      i = close;
    } else if (c == '}' || c == ']') {
      return std::nullopt;
    } else {
      made += c;
    }
  }
  return made;
}

/// A text that a pattern finds as it is.
std::string json_text_of(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos) made += '\\';
    made += c;
  }
  return made;
}

class Condition {
 public:
  Condition(object& into, array& rest, const plan::Evaluator& known, check::SymbolId symbol,
            check::TypeId type)
      : into_(into),
        rest_(rest),
        known_(known),
        symbol_(symbol),
        type_(without_null(known.program(), type)),
        is_nullable_(type_ != type) {}

  void add(ExprId id) {
    const auto* both = std::get_if<BinaryExpr>(&ast()[id].node);
    if (both != nullptr && both->op == BinaryOp::kAnd) {
      add(both->left);
      add(both->right);
      return;
    }
    if (is_nullable_ || !translate(id))
      rest_.push_back(boost::json::string(known_.module().source->text(ast()[id].span)));
  }

 private:
  const Ast& ast() const { return known_.module().ast; }
  Shape shape() const { return known_.program().type(type_).shape; }

  bool is_parameter(ExprId id) const {
    const check::Meaning* meaning = known_.module().meaning(id);
    return meaning != nullptr && meaning->kind == check::Meaning::Kind::kSymbol &&
           meaning->symbol == symbol_;
  }
  /// `parameter.name`, without a call.
  bool is_property(ExprId id, std::string_view name) const {
    const auto* member = std::get_if<MemberExpr>(&ast()[id].node);
    return member != nullptr && member->name.text == name && is_parameter(member->base);
  }
  std::optional<std::string> text(ExprId id) const {
    const plan::Value value = known_.evaluate(id);
    if (value.shape != Known::kText || value.is_member) return std::nullopt;
    return value.text;
  }

  /// Where the keyword is there already, both count.
  void put(std::string_view keyword, boost::json::value value) {
    object* place = &into_;
    if (into_.contains(keyword)) {
      if (!into_.contains("allOf")) into_["allOf"] = array();
      array& all = into_["allOf"].as_array();
      all.push_back(object());
      place = &all.back().as_object();
    }
    (*place)[keyword] = std::move(value);
  }

  bool pattern(const std::string& text) {
    put("pattern", boost::json::value(text));
    return true;
  }

  bool translate(ExprId id) {
    const auto& node = ast()[id].node;
    if (const auto* test = std::get_if<BinaryExpr>(&node)) return binary(*test);
    if (const auto* test = std::get_if<UnaryExpr>(&node)) {
      if (test->op != UnaryOp::kNot) return false;
      if (is_property(test->operand, "is_empty")) return length(1, std::nullopt);
      // A bound on a float would leave NaN in.
      if (shape() == Shape::kFloat) return false;
      object opposite;
      array rest;
      Condition inner(opposite, rest, known_, symbol_, type_);
      if (!inner.translate(test->operand)) return false;
      put("not", std::move(opposite));
      return true;
    }
    if (is_property(id, "is_empty")) return length(std::nullopt, 0);
    const auto* call = std::get_if<CallExpr>(&node);
    if (call == nullptr || call->args.size() != 1 || shape() != Shape::kString) return false;
    const auto* callee = std::get_if<MemberExpr>(&ast()[call->callee].node);
    if (callee == nullptr || !is_parameter(callee->base)) return false;
    const auto part = text(call->args.front().value);
    if (!part) return false;
    if (callee->name.text == "starts_with") return pattern("^" + json_text_of(*part));
    if (callee->name.text == "ends_with") return pattern(json_text_of(*part) + "$");
    if (callee->name.text == "contains") return pattern(json_text_of(*part));
    return false;
  }

  bool binary(const BinaryExpr& test) {
    if (is_property(test.left, "length")) return lengths(test);
    if (!is_parameter(test.left)) return false;
    switch (test.op) {
      case BinaryOp::kIn:
      case BinaryOp::kNotIn:
        return in(test);
      case BinaryOp::kMatches: {
        const auto wanted = text(test.right);
        if (!wanted) return false;
        std::optional<std::string> made = portable(*wanted);
        return made && pattern(*made);
      }
      case BinaryOp::kLt:
      case BinaryOp::kLe:
      case BinaryOp::kGt:
      case BinaryOp::kGe:
        return bound(test.op, test.right);
      case BinaryOp::kNe: {
        auto json = json_of(known_.program(), type_, known_.evaluate(test.right));
        if (!json || !compares_as_json()) return false;
        put("not", object{{"const", std::move(*json)}});
        return true;
      }
      default:
        return false;
    }
  }

  /// Whether equal values have one form in JSON: 60s and 1m are the same duration.
  bool compares_as_json() const {
    return shape() == Shape::kString || shape() == Shape::kEnum || shape() == Shape::kInt ||
           shape() == Shape::kBool;
  }

  bool bound(BinaryOp op, ExprId limit) {
    if (shape() != Shape::kInt && shape() != Shape::kFloat) return false;
    auto json = json_of(known_.program(), type_, known_.evaluate(limit));
    if (!json) return false;
    if (shape() == Shape::kFloat) return float_bound(op, std::move(*json));
    switch (op) {
      case BinaryOp::kLt:
        put("exclusiveMaximum", std::move(*json));
        return true;
      case BinaryOp::kLe:
        limit_to("maximum", std::move(*json));
        return true;
      case BinaryOp::kGt:
        put("exclusiveMinimum", std::move(*json));
        return true;
      default:
        limit_to("minimum", std::move(*json));
        return true;
    }
  }

  /// A float is a number or one of three words, of which a bound leaves at most one.
  bool float_bound(BinaryOp op, boost::json::value limit) {
    const bool is_upper = op == BinaryOp::kLt || op == BinaryOp::kLe;
    const std::string_view keyword = op == BinaryOp::kLt   ? "exclusiveMaximum"
                                     : op == BinaryOp::kLe ? "maximum"
                                     : op == BinaryOp::kGt ? "exclusiveMinimum"
                                                           : "minimum";
    auto* choices = into_.if_contains("anyOf");
    if (choices == nullptr) {
      put(keyword, std::move(limit));
      return true;
    }
    object number = choices->get_array().at(0).get_object();
    number[keyword] = std::move(limit);
    array left;
    for (const auto& word : choices->get_array().at(1).get_object().at("enum").get_array())
      if (word == (is_upper ? "-Infinity" : "Infinity")) left.push_back(word);
    if (left.empty()) {
      into_.erase("anyOf");
      for (const auto& [key, one] : number) into_[key] = one;
      return true;
    }
    into_["anyOf"] = array{std::move(number), object{{"enum", std::move(left)}}};
    return true;
  }

  /// In place of the type's own limit.
  void limit_to(std::string_view keyword, boost::json::value value) {
    const int64_t own = keyword == "minimum" ? INT64_MIN : INT64_MAX;
    const auto* was = into_.if_contains(keyword);
    if (was != nullptr && was->is_int64() && was->get_int64() == own)
      into_[keyword] = std::move(value);
    else
      put(keyword, std::move(value));
  }

  bool in(const BinaryExpr& test) {
    if (const auto* range = std::get_if<RangeExpr>(&ast()[test.right].node)) {
      if (test.op == BinaryOp::kNotIn || !is_number(range->low) || !is_number(range->high))
        return false;
      return bound(BinaryOp::kGe, range->low) &&
             bound(range->half_open ? BinaryOp::kLt : BinaryOp::kLe, range->high);
    }
    if (!compares_as_json()) return false;
    const plan::Value list = known_.evaluate(test.right);
    if (list.shape != Known::kList) return false;
    array values;
    for (const plan::Value& one : list.items) {
      auto json = json_of(known_.program(), type_, one);
      if (!json) return false;
      values.push_back(std::move(*json));
    }
    if (test.op == BinaryOp::kNotIn)
      put("not", object{{"enum", std::move(values)}});
    else
      put("enum", std::move(values));
    return true;
  }

  bool is_number(ExprId id) const {
    return (shape() == Shape::kInt || shape() == Shape::kFloat) &&
           json_of(known_.program(), type_, known_.evaluate(id)).has_value();
  }

  bool length(std::optional<int64_t> least, std::optional<int64_t> most) {
    const bool is_list = shape() == Shape::kList;
    const bool is_map = shape() == Shape::kMap;
    if (!is_list && !is_map && shape() != Shape::kString) return false;
    if ((least && *least < 0) || (most && *most < 0)) return false;
    if (least) put(is_list ? "minItems" : is_map ? "minProperties" : "minLength", *least);
    if (most) put(is_list ? "maxItems" : is_map ? "maxProperties" : "maxLength", *most);
    return true;
  }

  bool lengths(const BinaryExpr& test) {
    const auto number = [&](ExprId id, int64_t more) -> std::optional<int64_t> {
      const plan::Value value = known_.evaluate(id);
      int64_t moved = 0;
      if (value.shape != Known::kInt || __builtin_add_overflow(value.number, more, &moved))
        return std::nullopt;
      return moved;
    };
    std::optional<int64_t> least;
    std::optional<int64_t> most;
    switch (test.op) {
      case BinaryOp::kIn: {
        const auto* range = std::get_if<RangeExpr>(&ast()[test.right].node);
        if (range == nullptr) return false;
        least = number(range->low, 0);
        most = number(range->high, range->half_open ? -1 : 0);
        if (!least || !most) return false;
        break;
      }
      case BinaryOp::kGe:
        least = number(test.right, 0);
        break;
      case BinaryOp::kGt:
        least = number(test.right, 1);
        break;
      case BinaryOp::kLe:
        most = number(test.right, 0);
        break;
      case BinaryOp::kLt:
        most = number(test.right, -1);
        break;
      case BinaryOp::kEq:
        least = most = number(test.right, 0);
        break;
      default:
        return false;
    }
    return (least || most) && length(least, most);
  }

  object& into_;
  array& rest_;
  const plan::Evaluator& known_;
  check::SymbolId symbol_;
  check::TypeId type_;
  bool is_nullable_;
};

}  // namespace

void add_condition(object& into, array& rest, const plan::Evaluator& known, check::SymbolId symbol,
                   check::TypeId type, ExprId condition) {
  Condition(into, rest, known, symbol, type).add(condition);
}

}  // namespace rbk::schema
