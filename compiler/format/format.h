// The one style of runbooks. Pure: text and tree in, text out.
#pragma once

#include <string>

#include "compiler/source/source.h"
#include "compiler/syntax/parse.h"

namespace rbk::format {

/// The file's text in the house style: two blanks a level, 100 columns where the text allows it.
/// Every token and every comment is kept, except commas and semicolons that a line's end makes
/// needless; formatting the result again changes nothing. A declaration that holds a syntax error
/// is kept byte for byte, and so is what stands between declarations and is none. `parsed` must be
/// this source's. Thread-safe.
///
/// What the author decides: where blank lines stand (one at most); a bracket whose first item
/// stands on a line of its own stays open; a block on one line stays there while it fits.
std::string format(const source::Source& source, const syntax::ParsedFile& parsed);

}  // namespace rbk::format
