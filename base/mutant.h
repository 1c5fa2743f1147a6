// Lines that are broken on purpose, to show that the simulation (tests/simulation) notices. Where
// RBK_MUTANTS is not defined, as in all that ships, each is the constant false.
#pragma once

#ifdef RBK_MUTANTS
#include <string_view>

namespace rbk {
/// Whether this is the mutant that the simulation tries out now.
bool is_mutant(std::string_view name);
}  // namespace rbk
#define RBK_MUTANT(name) (::rbk::is_mutant(name))
#else
#define RBK_MUTANT(name) false
#endif
