// What two versions of a runbook do differently, by their effect summaries: for whoever has to
// approve the new one. Where things stand in a file, their order and comments do not count.
#pragma once

#include <string>
#include <vector>

#include "compiler/effects/effects.h"

namespace rbk::effects {

struct Change {
  enum class Kind : uint8_t { kAdded, kRemoved, kChanged };
  enum class What : uint8_t {
    kRunbook,    // subject: its name
    kParameter,  // its name; aspects "type", "default", "where", "members"
    kResult,     // aspect "type"
    kStarters,   // who may start it; subject: "group \"sre\""
    kHost,
    kRequest,  // "DELETE https://…"; aspect "behaviour"
    kProgram,  // a program that a command starts
    kCommand,  // its step; aspect "text", before and after are the commands
    kQuery,
    kSecret,    // its name; aspect "to": who is given it
    kFile,      // its path; aspect "use"
    kApproval,  // its name; aspects "question", "by", "not_by", "quorum", "expires", "form",
                // "starter"
    kAsk,       // a question's name; the same aspects
    kSignal,    // aspects "by", "type", "timeout"
    kLock,
    kCall,  // a runbook that is called
    kStep,  // its path; aspects "calls", "behaviour", "undo", "timeout", "retry", "on_doubt",
            // "on_failure", "when", "only_if"; "argument NAME" of what it calls
    kRule,  // "require failed < 3"; aspects "text", "only_if", and those of effects::Rule
    kCommit,
    kForwardTime,   // aspect "bound"
    kRollbackTime,  // aspect "bound"
    kOutside,       // a calendar that it must not begin in; aspect "closed"
    kSchedule,      // its name; aspects "when", "arguments"
    kWorker,        // subject: the label of the workers that it is for
  };
  Kind kind = Kind::kChanged;
  What what = What::kStep;
  std::string subject;
  std::string aspect;  // of kChanged
  std::string before;
  std::string after;
  Place place;  // where, if that says more than the subject
  /// It reaches further than before, or what guarded it is gone: worth a second look.
  bool widens = false;
};

/// In the order of What, in each in the order of the summaries. Empty: they do the same.
std::vector<Change> compare(const Summary& before, const Summary& after);

}  // namespace rbk::effects
