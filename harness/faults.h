// What goes wrong on one path of an exploration, and the world in which it does.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/lower/test_program.h"
#include "harness/rehearsal.h"
#include "harness/stand_ins.h"

namespace rbk::harness {

/// "retry", "done", "fail", "leave".
std::string_view word_of(vm::event::Resolved::How resolution);

struct Fault {
  enum class Kind : uint8_t {
    kError,        // `error` at the call
    kCrashBefore,  // of the engine
    kCrashAfter,
    kReject,      // of an approval
    kNoDecision,  // nobody decides on it
    kSaid,        // a person says `resolution` of the failed step
  };
  Kind kind = Kind::kError;
  std::string place;              // the step's path; the approval's name
  std::string target;             // kError: the action
  size_t occurrence = 0;          // kError: which call at that place, from 0
  bool for_good = false;          // kError: and all after it at that place
  std::string error;              // kError: the kind
  Doubted said = Doubted::kDone;  // kCrashAfter: of a step in doubt
  vm::event::Resolved::How resolution = vm::event::Resolved::How::kFail;  // kSaid

  /// "drain: http.ServerError at the first call".
  std::string text() const;
};

/// The world of a test, in which some things go wrong, and what is not replaced is made up.
class FaultyWorld : public World {
 public:
  FaultyWorld(const lower::TestProgram& tests, StandIns stand_ins, const std::vector<Fault>& faults)
      : tests_(tests), stand_ins_(std::move(stand_ins)), faults_(faults) {}

  Reply call(const Call& call) override;
  Result<std::optional<Decision>> decide(const std::string& name, bool is_question) override;
  Result<std::optional<boost::json::value>> signal(const std::string& name) override;
  Result<std::optional<Resolution>> failed(const std::string& path) override;
  std::optional<Doubted> resolve(const std::string& path) override;
  Result<std::optional<int64_t>> clock() override { return stand_ins_.clock(); }
  Result<std::vector<double>> draws() override { return stand_ins_.draws(); }

  /// What was answered, in order.
  struct Answered {
    Call call;
    Reply reply;
    size_t occurrence = 0;  // of its place
  };
  struct Decided {
    std::string approval;  // or a question
    bool is_question = false;
    std::optional<Decision> decision;
  };
  /// What was said of a failed step, in order.
  struct Said {
    std::string path;
    Resolution resolution;
  };
  const std::vector<Said>& failures() const { return failures_; }
  const std::vector<Answered>& answered() const { return answered_; }
  const std::vector<Decided>& decided() const { return decided_; }
  /// Signals by name, with what they brought.
  const std::vector<std::pair<std::string, boost::json::value>>& sent() const { return sent_; }
  /// Somebody had to say what became of a step.
  bool was_asked() const { return was_asked_; }
  /// The crashes among the faults.
  std::vector<Crash> crashes() const;

 private:
  Reply made_up(const std::string& target) const;

  const lower::TestProgram& tests_;
  StandIns stand_ins_;
  const std::vector<Fault>& faults_;
  std::map<std::string, size_t> calls_;  // by place
  std::vector<Answered> answered_;
  std::vector<Decided> decided_;
  std::vector<Said> failures_;
  std::vector<std::pair<std::string, boost::json::value>> sent_;
  bool was_asked_ = false;
  std::set<std::string> answered_failures_;  // likewise
  std::set<std::string> said_;  // paths of which a fault's answer was given; once is enough
};

}  // namespace rbk::harness
