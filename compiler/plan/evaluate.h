// Evaluates what an expression is before a run, as far as the values it needs are known.
#pragma once

#include <string>
#include <unordered_map>

#include "compiler/check/checked.h"
#include "compiler/plan/value.h"

namespace rbk::plan {

/// The locals' and parameters' known values in one function of one module.
class Evaluator {
 public:
  Evaluator(const check::CheckedProgram& program, const check::CheckedModule& module)
      : program_(program), module_(module) {}

  void set(check::SymbolId symbol, Value value) { values_[symbol] = std::move(value); }
  /// The value before any conversion; unknown where something it needs is.
  Value evaluate(syntax::ExprId id) const;
  /// The expression for people: its value where that is known, else its text with the known parts
  /// filled in.
  std::string show(syntax::ExprId id) const;
  /// As `show`, of a string or template without its quotes.
  std::string show_text(syntax::ExprId id) const;

  const check::CheckedProgram& program() const { return program_; }
  const check::CheckedModule& module() const { return module_; }

 private:
  Value name(syntax::ExprId id) const;
  Value member(const syntax::MemberExpr& node, syntax::ExprId id) const;
  Value binary(const syntax::BinaryExpr& node) const;
  Value string(const syntax::StringLit& node) const;
  std::string show_call(const syntax::CallExpr& node) const;
  std::string source_text(syntax::ExprId id) const;

  const check::CheckedProgram& program_;
  const check::CheckedModule& module_;
  std::unordered_map<check::SymbolId, Value> values_;
};

}  // namespace rbk::plan
