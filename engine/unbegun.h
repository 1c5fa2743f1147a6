// Attempts that a stop keeps from beginning. The journal has their intent, and so their beginning
// as news; people hear of it when it is true: from the engine that begins them.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "engine/news.h"
#include "engine/run_driver.h"

namespace rbk::engine {

class Unbegun {
 public:
  Unbegun() = default;
  /// Of these requests, the attempts that wait for an engine which begins them.
  Unbegun(AskedRequests& asked, const std::vector<vm::RequestId>& requests);

  /// Whether it says that one of them began, or the step whose first attempt it is.
  bool is_told_by(const News& news) const;

  /// Those of a run's news that were held back so: to be told when the attempts begin.
  std::vector<News> held_back(const std::vector<News>& all) const;

 private:
  std::set<vm::RequestId> requests_;
  std::set<uint64_t> steps_;
};

/// For whoever reads a run's news in the order of its entries: what a stop or a pause held back is
/// told when it began, if it ever did.
class BegunLater {
 public:
  /// An entry kNotStarted or kBegun with these requests, after all news of the entries before it.
  void take(const Entry& entry, const std::vector<vm::RequestId>& requests, std::vector<News>& all);
  /// Of an entry: these requests have begun, or were answered without having begun.
  void tell(const Entry& entry, const std::vector<vm::RequestId>& requests, std::vector<News>& all);

 private:
  std::map<vm::RequestId, std::vector<News>> held_;
};

}  // namespace rbk::engine
