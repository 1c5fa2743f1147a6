// Which writes of a runbook can be left behind: followed by something that may fail, with no
// rollback and no `commit` between. Fed in the order of the text; knows nothing of syntax.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/source/source.h"

namespace rbk::check {

class RollbackRules {
 public:
  enum class Region : uint8_t {
    kPlain,    // an arm of `if` or `match`: what it commits is not committed in general
    kCatches,  // a `try`, a branch that fails alone: a failure in it undoes nothing outside
    kLoop,     // what may fail in it may fail after everything in it
  };
  struct Write {
    std::string what;   // "`http.post`"
    source::Span span;  // where to say it
    uint32_t step = 0;  // the statement's id, for whoever asks
  };

  void reset();
  void open(Region region);
  void close();
  /// A writes step without a rollback, and not inside a step that has one.
  void writes(Write write);
  void may_fail();
  void commit();
  /// The writes that may be left behind, in the order of the text.
  std::vector<Write> left_behind() const;

 private:
  enum class Kind : uint8_t { kWrite, kFailure, kCommit };
  struct Event {
    Kind kind;
    uint32_t region;
    uint32_t write = 0;
  };
  struct Node {
    uint32_t parent = 0;
    Region region = Region::kPlain;
    bool may_fail = false;
  };
  bool encloses(uint32_t outer, uint32_t inner) const;
  /// The innermost region around this one that keeps a failure to itself.
  uint32_t catcher(uint32_t region) const;

  std::vector<Node> regions_{Node{}};
  uint32_t current_ = 0;
  std::vector<Event> events_;
  std::vector<Write> writes_;
};

}  // namespace rbk::check
