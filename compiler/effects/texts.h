// Expressions as texts, as far as they are known: values filled in, the rest shown as `${name}`.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/effects/shell_commands.h"
#include "compiler/plan/evaluate.h"

namespace rbk::effects {

/// The names of one function of one module.
class Texts {
 public:
  Texts(const check::CheckedProgram& program, const check::CheckedModule& module)
      : known_(program, module) {}

  const plan::Evaluator& known() const { return known_; }
  const check::CheckedModule& module() const { return known_.module(); }
  const syntax::Ast& ast() const { return known_.module().ast; }

  /// What the name stands for: its value if that is known, else the text of it that is.
  void set(check::SymbolId symbol, plan::Value value, Pieces pieces = {});
  /// A name that got what is written there.
  void set_from(check::SymbolId symbol, const Texts& where, syntax::ExprId value);

  /// A parameter that is given what is written there.
  void set_argument(check::SymbolId symbol, const Texts& where, syntax::ExprId value);

  /// Of a string, template or anything that is shown as text, without its quotes. At most
  /// kLongest bytes: what is longer ends in `…`.
  std::string text(syntax::ExprId id) const;
  /// The same with values and what was written apart.
  Pieces pieces(syntax::ExprId id) const;
  /// As it is written, with what is known filled in.
  std::string code(syntax::ExprId id) const { return known_.show(id); }

  /// The secrets that a name may stand for, where that is known from what it got.
  const std::vector<std::string>& secrets(check::SymbolId symbol) const;

  static constexpr size_t kLongest = 2000;

 private:
  bool append(syntax::ExprId id, Pieces& to, int depth) const;

  plan::Evaluator known_;
  std::unordered_map<check::SymbolId, Pieces> pieces_;
  std::unordered_map<check::SymbolId, std::vector<std::string>> secrets_;
};

std::string joined(const Pieces& pieces);

}  // namespace rbk::effects
