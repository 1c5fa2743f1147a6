#include "compiler/effects/texts.h"

#include <fmt/format.h>

#include "compiler/effects/secret_names.h"

namespace rbk::effects {
namespace {

using plan::Value;
using Shape = check::Type::Shape;

constexpr int kDeepest = 50;

/// Not in the middle of a letter.
void cut(std::string& text, size_t longest) {
  if (text.size() <= longest) return;
  size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  text += "…";
}

/// As interpolation shows it; the items of a list are words of their own in a command.
std::string shown(const Value& value) {
  if (value.shape != Value::Shape::kList) return value.shown();
  std::string text;
  for (const Value& item : value.items) text += (text.empty() ? "" : " ") + shown(item);
  return text;
}

/// A text that nobody quotes: what is known of it is written, `${x}` becomes `${shell.raw(x)}`.
Pieces as_raw(const std::string& text) {
  Pieces made;
  size_t from = 0;
  for (size_t at = text.find("${"); at != std::string::npos; at = text.find("${", from)) {
    int depth = 1;
    size_t end = at + 2;
    for (; end < text.size() && depth > 0; ++end)
      depth += text[end] == '{' ? 1 : text[end] == '}' ? -1 : 0;
    const std::string name = text.substr(at + 2, end - at - 3);
    made.push_back({text.substr(from, at - from), false});
    made.push_back({name.starts_with("shell.raw(") ? text.substr(at, end - at)
                                                   : fmt::format("${{shell.raw({})}}", name),
                    true});
    from = end;
  }
  made.push_back({text.substr(from), false});
  return made;
}

}  // namespace

std::string joined(const Pieces& pieces) {
  std::string text;
  for (const Piece& piece : pieces) text += piece.text;
  cut(text, Texts::kLongest);
  return text;
}

void Texts::set(check::SymbolId symbol, Value value, Pieces pieces) {
  if (symbol == check::kNone) return;
  known_.set(symbol, std::move(value));
  secrets_.erase(symbol);
  if (pieces.empty())
    pieces_.erase(symbol);
  else
    pieces_[symbol] = std::move(pieces);
}

void Texts::set_from(check::SymbolId symbol, const Texts& where, syntax::ExprId value) {
  if (symbol == check::kNone || !value.valid()) return;
  Value found = where.known_.evaluate(value);
  Pieces pieces;
  if (!found.known() && !where.append(value, pieces, 0)) pieces.clear();
  size_t size = 0;
  for (const Piece& piece : pieces) size += piece.text.size();
  if (size > kLongest) pieces = {{joined(pieces), true}};
  set(symbol, std::move(found), std::move(pieces));
  if (may_hold_secret(known_.program(), where.module().info(value).value_type))
    secrets_[symbol] = secret_names(where, value);
}

const std::vector<std::string>& Texts::secrets(check::SymbolId symbol) const {
  static const std::vector<std::string> none;
  const auto found = secrets_.find(symbol);
  return found == secrets_.end() ? none : found->second;
}

void Texts::set_argument(check::SymbolId symbol, const Texts& where, syntax::ExprId value) {
  if (symbol == check::kNone || !value.valid()) return;
  set_from(symbol, where, value);
  if (!pieces_.contains(symbol)) pieces_[symbol] = {{where.text(value), true}};
}

Pieces Texts::pieces(syntax::ExprId id) const {
  Pieces made;
  if (id.valid() && !append(id, made, 0))
    made = {{fmt::format("${{{}}}", module().source->text(ast()[id].span)), true}};
  return made;
}

std::string Texts::text(syntax::ExprId id) const { return joined(pieces(id)); }

/// False: nothing is known of it but what it is called.
bool Texts::append(syntax::ExprId id, Pieces& to, int depth) const {
  if (!id.valid() || depth > kDeepest) return false;
  const auto add = [&](std::string text, bool is_value) {
    if (!to.empty() && to.back().is_value == is_value && !is_value)
      to.back().text += text;
    else
      to.push_back({std::move(text), is_value});
  };
  const syntax::Expr& expr = ast()[id];
  if (const auto* literal = std::get_if<syntax::StringLit>(&expr.node)) {
    for (const syntax::StringLit::Part& part : literal->parts) {
      if (!part.value.valid()) {
        add(part.text, false);
        continue;
      }
      Pieces inner;
      if (append(part.value, inner, depth + 1))
        add(joined(inner), true);
      else
        add(fmt::format("${{{}}}", module().source->text(ast()[part.value].span)), true);
    }
    return true;
  }
  if (const Value value = known_.evaluate(id); value.known()) {
    add(shown(value), false);
    return true;
  }
  const check::Meaning* meaning = module().meaning(id);
  if (std::holds_alternative<syntax::NameExpr>(expr.node)) {
    if (meaning == nullptr || meaning->kind != check::Meaning::Kind::kSymbol) return false;
    const auto found = pieces_.find(meaning->symbol);
    if (found != pieces_.end()) {
      for (const Piece& piece : found->second) add(piece.text, piece.is_value);
      return true;
    }
    const check::Symbol& symbol = known_.program().symbol(meaning->symbol);
    if (symbol.kind == check::Symbol::Kind::kLocal || symbol.kind == check::Symbol::Kind::kStep ||
        symbol.kind == check::Symbol::Kind::kParameter) {
      add(fmt::format("${{{}}}", module().source->text(expr.span)), true);
      return true;
    }
    return false;
  }
  if (const auto* sum = std::get_if<syntax::BinaryExpr>(&expr.node)) {
    const check::TypeId type = module().info(id).value_type;
    if (sum->op != syntax::BinaryOp::kAdd || known_.program().type(type).shape != Shape::kString)
      return false;
    for (const syntax::ExprId side : {sum->left, sum->right}) {
      if (!append(side, to, depth + 1))
        add(fmt::format("${{{}}}", module().source->text(ast()[side].span)), true);
    }
    return true;
  }
  if (const auto* call = std::get_if<syntax::CallExpr>(&expr.node)) {
    // What is taken as it is: it reads as a part of the command.
    if (meaning == nullptr || meaning->kind != check::Meaning::Kind::kCallRawCommand ||
        call->args.empty())
      return false;
    const syntax::ExprId raw = call->args.front().value;
    Pieces inner;
    const std::string text = append(raw, inner, depth + 1)
                                 ? joined(inner)
                                 : fmt::format("${{{}}}", module().source->text(ast()[raw].span));
    for (const Piece& piece : as_raw(text))
      if (!piece.text.empty()) add(piece.text, piece.is_value);
    return true;
  }
  return false;
}

}  // namespace rbk::effects
