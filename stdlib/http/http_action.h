// `http.get`, `http.post` and the others: one object for all of them.
#pragma once

#include <memory>
#include <mutex>
#include <set>

#include "engine/action.h"
#include "stdlib/http/transport.h"

namespace rbk::stdlib {

class HttpAction : public engine::Action {
 public:
  void start(const engine::Attempt& attempt, std::shared_ptr<engine::AttemptSink> sink) override;
  void stop(uint64_t attempt, engine::StopMode mode) override;
  // A request dies with its process, and nobody can ask what became of it: `recover` stays the
  // default, kUnknown.

 private:
  std::mutex mutex_;
  std::set<uint64_t> let_finish_;  // attempts that a gentle stop does not end
  Transport transport_;            // last: its thread ends before the rest goes
};

}  // namespace rbk::stdlib
