// `allow` in runbooks' heads: whoever starts a run is to be allowed by each runbook that may become
// part of it, and that is known before it begins.
#include <algorithm>

#include "compiler/lower/program_lowering.h"
#include "compiler/lower/walk.h"

namespace rbk::lower {

std::vector<bytecode::Starters> ProgramLowering::starters(SymbolId runbook) {
  std::vector<bytecode::Starters> all;
  std::vector<SymbolId> reached{runbook};
  for (size_t next = 0; next < reached.size(); ++next) {
    const CheckedModule& module = module_of(reached[next]);
    const check::Symbol& of = symbol(reached[next]);
    const auto* node = std::get_if<syntax::RunbookDecl>(&module.ast[of.decl].node);
    if (node == nullptr) continue;
    bytecode::Starters made;
    made.runbook = full_name(reached[next]);
    for (const syntax::Who& who : node->allow) {
      if (const auto name = fold(module, who.name))
        made.who.push_back(
            {who.kind == syntax::Who::Kind::kGroup, program_.constants.at(*name).text});
    }
    if (!made.who.empty()) all.push_back(std::move(made));
    Visitor visitor;
    visitor.expr = [&](syntax::ExprId id) {
      const check::Meaning* meaning = module.meaning(id);
      const bool calls = meaning != nullptr && meaning->kind == check::Meaning::Kind::kCallRunbook;
      if (calls && std::find(reached.begin(), reached.end(), meaning->symbol) == reached.end())
        reached.push_back(meaning->symbol);
      return true;
    };
    if (node->body.valid()) walk(module.ast, node->body, visitor);
  }
  return all;
}

}  // namespace rbk::lower
