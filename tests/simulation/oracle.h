// What the store says, seen from outside of every engine.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/ids.h"
#include "engine/recovery.h"
#include "engine/store.h"
#include "vm/machine.h"

struct sqlite3;

namespace rbk::simulation {

/// One run, followed entry by entry on a machine of our own.
struct Mirror {
  struct Asked {
    vm::request::Perform perform;
    uint32_t repetitions = 0;
    int answers = 0;  // terminal events in the journal
    vm::event::Performed answer;
    bool in_doubt = false;
    bool unwanted = false;  // it was to be stopped
  };
  engine::RunRow row;
  std::shared_ptr<const bytecode::Program> program;
  std::optional<vm::Machine> machine;
  std::optional<engine::Keys> keys;
  uint64_t head = 0;
  std::map<vm::RequestId, Asked> performs;
  std::map<vm::RequestId, vm::request::Start> starts;
  std::map<std::string, std::pair<vm::RequestId, uint32_t>> attempts;  // by their keys
  std::vector<vm::event::Signalled> signals;                           // in their order
  std::set<vm::RequestId> taken_over;  // of a retry: what it did not begin itself
  bool committed = false;              // it passed a point of no return
  std::string problem;                 // why it could not be followed any further

  /// The attempt of this key; null: it was never asked for.
  const Asked* attempt(const std::string& key) const;
};

class Oracle {
 public:
  explicit Oracle(std::string path) : path_(std::move(path)) {}
  ~Oracle();

  /// Before anything that a lasting connection would hide: it looks anew.
  void close();
  engine::Store* store();
  /// Null: there is no such run, or the store can't be read.
  Mirror* look(const std::string& run);
  /// All runs, oldest first.
  std::vector<engine::RunRow> runs();
  /// The first column of each row. The query is ours, and right.
  std::vector<std::string> query(const std::string& sql);
  int64_t number(const std::string& sql);

 private:
  void follow(Mirror& mirror, const engine::Entry& entry);
  std::string path_;
  std::unique_ptr<engine::Store> store_;
  sqlite3* database_ = nullptr;
  std::map<std::string, Mirror> mirrors_;
};

}  // namespace rbk::simulation
