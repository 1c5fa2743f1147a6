#include "compiler/schema/schema.h"

#include <boost/json/array.hpp>

#include "compiler/plan/evaluate.h"
#include "compiler/schema/conditions.h"
#include "compiler/schema/types.h"

namespace rbk::schema {

using boost::json::array;
using boost::json::object;

object schema_of(const check::CheckedProgram& program, check::SymbolId runbook) {
  const check::Symbol& symbol = program.symbol(runbook);
  const check::CheckedModule& module = *program.modules.at(symbol.module);
  const syntax::Decl& written = module.ast[symbol.decl];
  const auto& decl = std::get<syntax::RunbookDecl>(written.node);
  object made{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", symbol.name}};
  if (!written.doc.empty()) made["description"] = written.doc;
  const plan::Evaluator known(program, module);
  Types in(program, Types::Direction::kIn, "#");
  object properties;
  array required;
  for (size_t i = 0; i < symbol.fields.size() && i < decl.params.size(); ++i) {
    const check::Field& field = symbol.fields[i];
    const syntax::Field& parameter = decl.params[i];
    object one = in.of(field.type);
    if (!parameter.doc.empty()) one["description"] = parameter.doc;
    array rest;
    for (const syntax::Refinement& where : parameter.where)
      add_condition(one, rest, known, symbol.parameters.at(i), field.type, where.condition);
    if (!rest.empty()) one["x-runbook-where"] = std::move(rest);
    if (parameter.default_value.valid()) {
      if (auto json = json_of(program, field.type, known.evaluate(parameter.default_value)))
        one["default"] = std::move(*json);
    } else if (program.type(field.type).shape != check::Type::Shape::kOptional) {
      required.push_back(boost::json::string(field.name));
    }
    properties[field.name] = std::move(one);
  }
  made["type"] = "object";
  made["properties"] = std::move(properties);
  made["required"] = std::move(required);
  made["additionalProperties"] = false;
  object definitions = std::move(in.definitions());
  if (decl.result.valid()) {
    Types out(program, Types::Direction::kOut, "#/$defs/output");
    object output = out.of(symbol.result);
    if (!out.definitions().empty()) output["$defs"] = std::move(out.definitions());
    definitions["output"] = std::move(output);
  }
  array outside;
  for (const check::SymbolId calendar : symbol.outside)
    outside.push_back(boost::json::string(program.symbol(calendar).name));
  if (!outside.empty()) made["x-runbook-outside"] = std::move(outside);
  if (!definitions.empty()) made["$defs"] = std::move(definitions);
  return made;
}

}  // namespace rbk::schema
