// The secrets of one run in this process.
#pragma once

#include <boost/json/array.hpp>
#include <memory>
#include <set>
#include <string>

#include "base/masking.h"
#include "engine/action.h"
#include "engine/secrets.h"
#include "vm/bytecode/program.h"

namespace rbk::engine {

/// Whether one may be in what the runbook is given.
bool takes_secrets(const bytecode::Program& program, const bytecode::Runbook& runbook);

class RunSecrets {
 public:
  /// `arguments`: those that the run began with.
  RunSecrets(const bytecode::Program& program, const bytecode::Runbook& runbook,
             boost::json::array arguments, std::string folder);

  /// Before a run begins: what it was given can be read, what its program names is there.
  /// kRefused. `source`: null if secrets can't be read at all.
  Status check(SecretSource* source) const;

  /// Puts values in place of names in the attempt's arguments, and tells it what must not be shown
  /// or handed on. All secrets of the run, and those of the project that are in this process's
  /// environment, are masked in whatever comes back, whichever of them it was given. kRefused: one
  /// that it is given can't be read.
  Status hand_over(SecretSource* source, const bytecode::Program& program, uint32_t action,
                   Attempt& attempt);

  /// The run was started with it.
  bool was_given(const std::string& name) const { return given_.contains(name); }

  /// Reads them for masking alone.
  void look(SecretSource* source);

  /// A sink that shows none of them; `sink` itself where there is none.
  /// `action`: whose attempt it is, of the program.
  std::shared_ptr<AttemptSink> masking(std::shared_ptr<AttemptSink> sink,
                                       std::shared_ptr<const bytecode::Program> program,
                                       uint32_t action) const;

 private:
  Result<std::string> read(SecretSource* source, const std::string& name);

  std::set<std::string> given_;  // names
  std::set<std::string> named_;  // in the program
  std::string folder_;
  std::set<std::string> values_;        // that this process has read, those that were rotated too
  std::set<std::string> variables_;     // that they come from
  std::shared_ptr<const Masks> masks_;  // of `values_`
};

}  // namespace rbk::engine
