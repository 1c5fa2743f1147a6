// The correct texts in which mistakes are made: whole files, and the cases of conformance files.
#pragma once

#include <string>
#include <vector>

#include "compiler/check/checked.h"

namespace rbk::mistakes {

struct Text {
  std::string path;    // of its file
  std::string name;    // of its case; empty for a whole file
  std::string folder;  // imports are looked for here
  std::string text;
};

/// All texts of the files that check without an error. A file or folder that can't be read throws.
std::vector<Text> read_corpus(const std::vector<std::string>& paths);

check::CheckedProgram check_text(const Text& origin, std::string text);

}  // namespace rbk::mistakes
