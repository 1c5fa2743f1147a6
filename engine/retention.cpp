#include "engine/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <unordered_map>
#include <vector>

#include "engine/entry_blobs.h"
#include "engine/upkeep.h"

namespace rbk::engine {
namespace {

/// So many runs go in one commit, or one tree.
constexpr size_t kRunsAtOnce = 100;
constexpr size_t kOutputsAtOnce = 100;

using Tree = std::vector<RunLinks>;

/// Runs that hang together, each tree by key.
std::vector<Tree> trees_of(std::vector<RunLinks> runs) {
  std::unordered_map<RunKey, size_t> place;
  place.reserve(runs.size());
  for (size_t i = 0; i < runs.size(); ++i) place.emplace(runs[i].key, i);
  std::vector<size_t> above(runs.size());
  std::iota(above.begin(), above.end(), size_t{0});
  const auto root_of = [&](size_t at) {
    while (above[at] != at) at = above[at] = above[above[at]];
    return at;
  };
  for (size_t i = 0; i < runs.size(); ++i)
    for (const RunKey other : {runs[i].parent, runs[i].origin, runs[i].retries})
      if (const auto found = place.find(other); found != place.end()) {
        const size_t one = root_of(i);
        const size_t two = root_of(found->second);
        above[std::max(one, two)] = std::min(one, two);
      }
  std::map<size_t, Tree> by_root;
  for (size_t i = 0; i < runs.size(); ++i) by_root[root_of(i)].push_back(std::move(runs[i]));
  std::vector<Tree> trees;
  trees.reserve(by_root.size());
  for (auto& [root, tree] : by_root) trees.push_back(std::move(tree));
  return trees;
}

RemovedTree summary_of(const Tree& tree) {
  const RunLinks& first = first_of(tree);
  RemovedTree made{first.id, first.status, 0, static_cast<int64_t>(tree.size())};
  for (const RunLinks& run : tree) made.ended = std::max(made.ended, run.updated);
  return made;
}

class Removal {
 public:
  Removal(Store& store, const Retention& retention,
          const std::function<void(const RemovedTree&)>& tell)
      : store_(store), retention_(retention), tell_(tell) {}

  Result<Retained> carry_out() {
    if (retention_.before)
      if (Status done = remove_trees(*retention_.before); !done)
        return tl::unexpected(done.error());
    if (retention_.logs_before)
      if (Status done = remove_logs(*retention_.logs_before); !done)
        return tl::unexpected(done.error());
    if (retention_.only_look) return made_;
    if (Status done = store_.upkeep().remove_left(); !done) return tl::unexpected(done.error());
    auto programs = store_.upkeep().remove_programs();
    if (!programs) return tl::unexpected(programs.error());
    made_.programs = *programs;
    if (Status done = remove_outputs(); !done) return tl::unexpected(done.error());
    return made_;
  }

 private:
  Status remove_logs(int64_t before) {
    auto runs = store_.upkeep().logged_runs(before);
    if (!runs) return tl::unexpected(runs.error());
    // Of those that would go whole the logs go too.
    std::erase_if(*runs, [&](RunKey run) { return going_.contains(run); });
    made_.logs = static_cast<int64_t>(runs->size());
    if (retention_.only_look || runs->empty()) return {};
    return store_.upkeep().remove_logs(*runs, before, retention_.by);
  }

  Status remove_trees(int64_t before) {
    auto runs = store_.upkeep().run_links();
    if (!runs) return tl::unexpected(runs.error());
    auto owing = store_.upkeep().owing();
    if (!owing) return tl::unexpected(owing.error());
    const std::set<RunKey> owes(owing->begin(), owing->end());
    std::vector<Tree> going;
    size_t count = 0;
    for (Tree& tree : trees_of(std::move(*runs))) {
      if (!goes(tree, owes, before)) continue;
      count += tree.size();
      going.push_back(std::move(tree));
      if (count < kRunsAtOnce) continue;
      if (Status done = remove(going); !done) return done;
      going.clear();
      count = 0;
    }
    return remove(going);
  }

  bool goes(const Tree& tree, const std::set<RunKey>& owes, int64_t before) {
    const RunLinks& first = first_of(tree);
    if (retention_.status && first.status != *retention_.status) return false;
    const bool young = std::any_of(tree.begin(), tree.end(), [&](const RunLinks& run) {
      return is_over(run.status) && run.updated >= before;
    });
    if (young || (!is_over(first.status) && first.updated >= before)) return false;
    if (std::any_of(tree.begin(), tree.end(),
                    [](const RunLinks& run) { return !is_over(run.status); })) {
      ++made_.unfinished;
      return false;
    }
    if (std::any_of(tree.begin(), tree.end(),
                    [&](const RunLinks& run) { return owes.contains(run.key); })) {
      ++made_.owing;
      return false;
    }
    return true;
  }

  Status remove(const std::vector<Tree>& trees) {
    if (trees.empty()) return {};
    std::vector<bool> gone(trees.size(), true);
    if (!retention_.only_look) {
      auto removed = store_.upkeep().remove_trees(trees, retention_.by);
      if (!removed) return tl::unexpected(removed.error());
      gone = std::move(*removed);
    }
    for (size_t i = 0; i < trees.size(); ++i) {
      if (!gone[i]) {
        ++made_.changed;
        continue;
      }
      ++made_.trees;
      made_.runs += static_cast<int64_t>(trees[i].size());
      for (const RunLinks& run : trees[i]) going_.insert(run.key);
      tell_(summary_of(trees[i]));
    }
    return {};
  }

  /// Takes in what entries have come since it was called last.
  Status note_used() {
    auto runs = store_.upkeep().run_links();
    if (!runs) return tl::unexpected(runs.error());
    for (const RunLinks& run : *runs) {
      uint64_t& seen = seen_[run.key];
      if (seen >= run.head) continue;
      auto entries = store_.entries(run.key, seen);
      if (!entries && entries.error().kind == ErrorKind::kNotFound) continue;
      if (!entries) return unknown(entries.error().message);
      for (const Entry& entry : *entries) {
        auto names = blobs_of(entry);
        if (!names)
          return unknown(fmt::format("run {}, journal entry {}: {}", run.id, entry.number,
                                     names.error().message));
        used_.insert(names->begin(), names->end());
        seen = entry.number;
      }
    }
    return {};
  }

  static Status unknown(const std::string& why) {
    return fail(
        ErrorKind::kCorrupt,
        fmt::format("no outputs were removed, since nobody can say which are used: {}", why),
        "`rbk store check` tells what is damaged; restore the store from a backup");
  }

  Status remove_outputs() {
    auto all = store_.upkeep().blob_hashes();
    if (!all) return tl::unexpected(all.error());
    if (all->empty()) return {};
    if (Status done = note_used(); !done) return done;
    std::erase_if(*all, [&](const Digest& hash) { return used_.contains(hash); });
    for (size_t at = 0; at < all->size(); at += kOutputsAtOnce) {
      const size_t end = std::min(at + kOutputsAtOnce, all->size());
      // Nobody writes while this is asked: what it finds unused stays so until it is gone.
      const auto unused = [&]() -> Result<std::vector<Digest>> {
        if (Status done = note_used(); !done) return tl::unexpected(done.error());
        std::vector<Digest> hashes;
        for (size_t i = at; i < end; ++i)
          if (!used_.contains((*all)[i])) hashes.push_back((*all)[i]);
        return hashes;
      };
      auto count = store_.upkeep().remove_blobs(unused);
      if (!count) return tl::unexpected(count.error());
      made_.outputs += *count;
    }
    return {};
  }

  Store& store_;
  const Retention& retention_;
  const std::function<void(const RemovedTree&)>& tell_;
  Retained made_;
  std::set<RunKey> going_;
  std::unordered_map<RunKey, uint64_t> seen_;  // entries up to this one are taken in
  std::set<Digest> used_;
};

}  // namespace

const RunLinks& first_of(const std::vector<RunLinks>& tree) {
  const auto found = std::find_if(tree.begin(), tree.end(), [](const RunLinks& run) {
    return run.parent == 0 && run.origin == 0 && run.retries == 0;
  });
  return found == tree.end() ? tree.front() : *found;
}

Result<Retained> retain(Store& store, const Retention& retention,
                        const std::function<void(const RemovedTree&)>& tell) {
  if (retention.status && !is_over(*retention.status))
    return fail(ErrorKind::kInvalid,
                fmt::format("a run that is {} is not over: only those that are over are removed",
                            to_string(*retention.status)),
                "name one of succeeded, partial, failed, rollback_failed, cancelled");
  return Removal(store, retention, tell).carry_out();
}

}  // namespace rbk::engine
