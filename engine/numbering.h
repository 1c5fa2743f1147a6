// A journal names actions and runbooks by their index in the program that its run had then. A run
// that was moved to another program remembers what those names were, so that what lies before can
// be read with the program of now.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "vm/bytecode/program.h"
#include "vm/machine.h"

namespace rbk::engine {

/// What the indices of one program meant.
struct ProgramNames {
  std::vector<std::pair<std::string, std::string>> actions;  // name, program of an own action
  std::vector<std::string> runbooks;

  static ProgramNames of(const bytecode::Program& program);
};

/// Between the program that a run had then and the one that it has now.
struct Numbering {
  static constexpr uint32_t kUnknown = 0xffffffff;
  std::vector<uint32_t> actions_then;   // by the index of now; kUnknown: there was none
  std::vector<uint32_t> runbooks_then;  // likewise
  std::vector<uint32_t> runbooks_now;   // by the index of then

  static Numbering between(const ProgramNames& then, const bytecode::Program& now);
  /// The event as the program of now takes it. kCorrupt: it has no such runbook.
  Status translate(vm::Event& event) const;
};

/// The body of a kUpgraded entry: the run went on with another program.
struct Upgraded {
  Digest from{};
  Digest to{};
  std::string by;
  ProgramNames names;  // of `from`
};
std::string encode_upgraded(const Upgraded& upgraded);
Result<Upgraded> decode_upgraded(std::string_view body);

}  // namespace rbk::engine
