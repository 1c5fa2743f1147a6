// The word that somebody meant.
#pragma once

#include <string_view>

namespace rbk::syntax {

/// The word that opens a declaration and is written much like `word`, or is called so in other
/// languages (`function`, `struct`, `workflow`); empty if there is none.
std::string_view similar_declaration_word(std::string_view word);

/// The same of the words that open a statement or a step's clause, as far as they are misspelt.
std::string_view similar_statement_word(std::string_view word);

}  // namespace rbk::syntax
