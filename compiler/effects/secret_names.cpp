#include "compiler/effects/secret_names.h"

#include <algorithm>
#include <unordered_set>

#include "compiler/lower/walk.h"

namespace rbk::effects {
namespace {

using check::CheckedProgram;
using check::Meaning;
using check::SymbolId;
using check::TypeId;
using Shape = check::Type::Shape;

bool holds(const CheckedProgram& program, TypeId id, std::unordered_set<TypeId>& seen) {
  if (id == check::kNone || !seen.insert(id).second) return false;
  const check::Type& type = program.type(id);
  if (type.shape == Shape::kSecret || type.shape == Shape::kEnvironment) return true;
  const auto in_fields = [&](const std::vector<check::Field>& fields) {
    return std::any_of(fields.begin(), fields.end(),
                       [&](const check::Field& field) { return holds(program, field.type, seen); });
  };
  switch (type.shape) {
    case Shape::kResult:
      if (type.key != check::kNone && holds(program, type.key, seen)) return true;
      [[fallthrough]];
    case Shape::kList:
    case Shape::kMap:
    case Shape::kOptional:
      return holds(program, type.element, seen);
    case Shape::kRecord:
    case Shape::kEnum: {
      const check::Symbol& symbol = program.symbol(type.symbol);
      return in_fields(symbol.fields) ||
             std::any_of(symbol.members.begin(), symbol.members.end(),
                         [&](const check::Symbol::Member& one) { return in_fields(one.payload); });
    }
    default:
      return false;
  }
}

class Finder {
 public:
  explicit Finder(const Texts& texts) : texts_(texts), program_(texts.known().program()) {}

  std::vector<std::string> find(syntax::ExprId value) {
    lower::Visitor visitor;
    visitor.expr = [&](syntax::ExprId id) { return !take(id); };
    lower::walk(texts_.ast(), value, visitor);
    return std::move(names_);
  }

 private:
  void add(std::string name) {
    if (std::find(names_.begin(), names_.end(), name) == names_.end())
      names_.push_back(std::move(name));
  }

  /// True: what stands inside brings nothing more.
  bool take(syntax::ExprId id) {
    const check::CheckedModule& module = texts_.module();
    const Meaning* meaning = module.meaning(id);
    if (by_name(module, id)) return true;
    if (meaning != nullptr && meaning->kind == Meaning::Kind::kCallFunction &&
        may_hold_secret(program_, module.info(id).value_type))
      in_function(meaning->symbol);
    const syntax::Expr& expr = texts_.ast()[id];
    const bool names = std::holds_alternative<syntax::NameExpr>(expr.node) ||
                       std::holds_alternative<syntax::MemberExpr>(expr.node) ||
                       std::holds_alternative<syntax::IndexExpr>(expr.node);
    if (!names || !may_hold_secret(program_, module.info(id).value_type)) return false;
    const std::vector<std::string>& known = of_name(id);
    for (const std::string& name : known) add(name);
    if (!known.empty()) return true;
    // A secret is a name, not a text that has one in it.
    std::string name = texts_.text(id);
    if (name.starts_with("${") && name.find('}') == name.size() - 1)
      name = name.substr(2, name.size() - 3);
    add(std::move(name));
    return true;
  }

  /// What the name at the head of `login.tokens[0]` is known to bring.
  const std::vector<std::string>& of_name(syntax::ExprId id) const {
    while (id.valid()) {
      const syntax::Expr& expr = texts_.ast()[id];
      if (const auto* member = std::get_if<syntax::MemberExpr>(&expr.node))
        id = member->base;
      else if (const auto* index = std::get_if<syntax::IndexExpr>(&expr.node))
        id = index->base;
      else
        break;
    }
    const Meaning* meaning = id.valid() ? texts_.module().meaning(id) : nullptr;
    const bool is_name = meaning != nullptr && meaning->kind == Meaning::Kind::kSymbol;
    return texts_.secrets(is_name ? meaning->symbol : check::kNone);
  }

  /// `secrets.NAME`.
  bool by_name(const check::CheckedModule& module, syntax::ExprId id) {
    const Meaning* meaning = module.meaning(id);
    if (meaning == nullptr || meaning->kind != Meaning::Kind::kSecretByName) return false;
    add(std::string(module.source->text(module.ast[id].span)));
    return true;
  }

  /// All that its body names; what it is given stands in the call.
  void in_function(SymbolId function) {
    if (!seen_.insert(function).second) return;
    const check::Symbol& symbol = program_.symbol(function);
    const check::CheckedModule& module = *program_.modules.at(symbol.module);
    const auto* decl = std::get_if<syntax::FnDecl>(&module.ast[symbol.decl].node);
    if (decl == nullptr) return;
    lower::Visitor visitor;
    visitor.expr = [&](syntax::ExprId id) {
      if (by_name(module, id)) return false;
      const Meaning* meaning = module.meaning(id);
      if (meaning != nullptr && meaning->kind == Meaning::Kind::kCallFunction)
        in_function(meaning->symbol);
      return true;
    };
    lower::walk(module.ast, decl->body, visitor);
  }

  const Texts& texts_;
  const CheckedProgram& program_;
  std::unordered_set<SymbolId> seen_;
  std::vector<std::string> names_;
};

}  // namespace

bool may_hold_secret(const CheckedProgram& program, TypeId type) {
  std::unordered_set<TypeId> seen;
  return holds(program, type, seen);
}

std::vector<std::string> secret_names(const Texts& texts, syntax::ExprId value) {
  return Finder(texts).find(value);
}

}  // namespace rbk::effects
