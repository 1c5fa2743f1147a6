// What a runbook would do, found from its text and the parameters' values alone: nothing is run and
// nothing is asked. What is not known before a run is shown as it is written; a condition that is
// not known shows both of its arms, a loop over an unknown list is shown once.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/check/checked.h"
#include "compiler/plan/value.h"

namespace rbk::plan {

struct Node {
  enum class Kind : uint8_t {
    kStep,      // path, title, call; its own steps are children
    kCall,      // an action called by itself, in a rollback or a handler
    kBranch,    // one arm of `if`, `match`, `try`: text says when; children
    kLoop,      // for, parallel for, repeat: text says over what; children
    kParallel,  // branches are children
    kApproval,  // text is the question, clauses say who
    kQuestion,  // of an `ask`, the same
    kWait,      // text says for what
    kCommit,    // the point of no return; text says why
    kRequire,   // text is the condition, not known before the run
    kFail,      // text is the error
    kReturn,    // in a branch: the runbook may end here; text is what it gives
    kHandler,   // text: "after failure"; children
    kLock,    // text: the lock; what is done under it are children, those of a runbook's head have
              // none
    kWorker,  // of a runbook's head; text: the label of the workers that it is for
  };
  Kind kind = Kind::kStep;
  std::string path;
  std::string title;
  std::string text;       // for a step: the call, with what is known filled in
  std::string action;     // its action's name: "http.post"; empty for a block or a runbook
  std::string behaviour;  // "reads", "idempotent", "writes"; empty where there is no action
  std::vector<std::string> clauses;  // "timeout 2m", "retry 5 times"
  std::vector<Node> undo;            // what a rollback would do
  std::vector<Node> children;
};

struct Plan {
  std::string runbook;
  std::vector<Node> nodes;
  /// How many steps of each behaviour the plan shows; a loop's count once for each known item.
  int reads = 0;
  int idempotent = 0;
  int writes = 0;
  int approvals = 0;
  int questions = 0;
};

/// `runbook` must be a runbook of the program, `arguments` its parameters' values by name (those
/// that are not there are unknown). The program must have no errors.
Plan plan(const check::CheckedProgram& program, check::SymbolId runbook,
          const std::map<std::string, Value>& arguments);

}  // namespace rbk::plan
