// Paths that a file writes, as seen from the project: of imports and of own actions' programs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "compiler/syntax/ast.h"

namespace rbk::check {

/// The text of a literal without `${}`; nothing otherwise.
std::optional<std::string> plain_text(const syntax::Ast& ast, syntax::ExprId id);

/// `lib/a.rbk` + `../b.rbk` -> `b.rbk`; nothing if it leads out of the project. A file that lies
/// outside (`../../x/a.rbk`) may name what lies in the folder that its own way up begins with.
std::optional<std::string> join_path(std::string_view from, std::string_view path);

}  // namespace rbk::check
