// Secrets. Programs, arguments and journals have their names; their values are read anew for each
// attempt, handed to its action, and masked in all that comes back.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace rbk::engine {

struct SecretValue {
  std::string text;
  std::string variable;  // of this process's environment that it comes from; empty: of none
};

/// A secret of the project that comes from a variable of this process's environment.
struct SecretVariable {
  std::string name;
  std::string variable;
};

/// Where secrets are kept: what the engine is given. Engine's thread; does not block for long.
/// `folder`: where the run was started, as it decides which names there are; empty: not known.
/// Errors name the secret and what is wrong, and never show any of its value.
class SecretSource {
 public:
  virtual ~SecretSource() = default;
  /// As it is now: UTF-8 without NUL, kShortestSecret to kLongestSecret bytes.
  virtual Result<SecretValue> read(const std::string& name, const std::string& folder) = 0;
  /// Whether there is one of this name; whether it can be read is not looked at.
  virtual Status find(const std::string& name, const std::string& folder) = 0;
  /// Those that this process has been handed, whether a run names them or not. None if what says
  /// so can't be read.
  virtual std::vector<SecretVariable> variables(const std::string& folder) = 0;
};

}  // namespace rbk::engine
