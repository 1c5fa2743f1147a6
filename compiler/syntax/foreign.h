// Words of other languages, which people write by habit, and what is written here instead.
#pragma once

#include <string_view>

namespace rbk::syntax {

/// What says the same as a statement that begins with `word`; empty if no other language's
/// statement does that ours has another form for. The language itself has no such word: a name.
std::string_view instead_of(std::string_view word);

/// The value that other languages call so: `null` of `nil`; empty if there is none.
std::string_view value_instead_of(std::string_view word);

/// The function or property of a value that other languages call so: `length` of `len`; empty if
/// there is none.
std::string_view member_instead_of(std::string_view word);

/// The type that other languages call so: `int` of `integer`; empty if there is none.
std::string_view type_instead_of(std::string_view word);

}  // namespace rbk::syntax
