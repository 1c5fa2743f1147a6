// Numbers that are operands in each round of a loop of a `fn` are loaded once, before it.
#include <algorithm>
#include <bit>
#include <optional>

#include "compiler/lower/body.h"
#include "compiler/lower/walk.h"

namespace rbk::lower {
namespace {

/// So many at most: registers are few, and what lives on must be kept at each call.
constexpr size_t kMostPinned = 8;

std::optional<int64_t> bits_of(const syntax::Ast& ast, ExprId id) {
  const auto& node = ast[id].node;
  if (const auto* number = std::get_if<syntax::IntLit>(&node)) return number->value;
  if (const auto* number = std::get_if<syntax::FloatLit>(&node))
    return std::bit_cast<int64_t>(number->value);
  if (const auto* duration = std::get_if<syntax::DurationLit>(&node)) return duration->micros;
  if (const auto* size = std::get_if<syntax::SizeLit>(&node)) return size->bytes;
  return std::nullopt;
}

}  // namespace

Reg Body::pinned(ExprId id) const {
  if (pinned_.empty()) return kNoReg;
  const std::optional<int64_t> bits = bits_of(ast(), id);
  if (!bits || !keeps_representation(id)) return kNoReg;
  const Kind wanted = kind(info(id).type);
  const auto found = std::find_if(pinned_.begin(), pinned_.end(), [&](const Pinned& one) {
    return one.kind == wanted && one.bits == *bits;
  });
  return found == pinned_.end() ? kNoReg : found->reg;
}

void Body::pin_numbers(BlockId loop) {
  if (role_ != Role::kPure) return;
  bool calls = false;
  std::vector<ExprId> numbers;
  Visitor visitor;
  visitor.expr = [&](ExprId id) {
    const Meaning* meaning = module_->meaning(id);
    calls = calls || (meaning != nullptr && (meaning->kind == Meaning::Kind::kCallFunction ||
                                             meaning->kind == Meaning::Kind::kCallClosure));
    const auto* node = std::get_if<syntax::BinaryExpr>(&ast()[id].node);
    if (node == nullptr) return true;
    // Sums and differences have an operation that holds a small number itself.
    const bool holds_it = node->op == syntax::BinaryOp::kAdd || node->op == syntax::BinaryOp::kSub;
    for (const ExprId side : {node->left, node->right}) {
      const bool is_float = std::holds_alternative<syntax::FloatLit>(ast()[side].node);
      if (bits_of(ast(), side) && (is_float || !holds_it)) numbers.push_back(side);
    }
    return true;
  };
  walk(ast(), loop, visitor);
  if (calls) return;
  for (const ExprId id : numbers) {
    if (pinned_.size() >= kMostPinned) return;
    if (!keeps_representation(id) || pinned(id) != kNoReg) continue;
    const Reg reg = temporary(kind(info(id).type));
    into(id, reg);
    pinned_.push_back({code_.kind(reg), *bits_of(ast(), id), reg});
  }
}

}  // namespace rbk::lower
