// The disk under SQLite: what is written is there for all processes at once, but lasts only once it
// is synced. A VFS over SQLite's own one, which fails, and loses power, as it is told.
//
// One at a time; one thread.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/dice.h"

namespace rbk::simulation {

/// Of one process: once it is over, nothing that it does reaches anything any more.
struct Life {
  int64_t process = 0;
  bool over = false;
  int stores_open = 0;                    // connections to the store's file
  std::vector<std::string> takes = {""};  // runs of these placements
};

/// What happens to one operation.
enum class Fault : uint8_t {
  kNone,
  kError,        // EIO; of a sync: whether it is on the disk is decided by chance
  kFull,         // ENOSPC
  kBusy,         // of a lock: somebody else has it
  kOverBefore,   // the process ends, and the operation did not happen
  kOverWithin,   // a part of a write happened
  kOverAfter,    // it happened
  kPowerBefore,  // likewise, of all processes: the power goes
  kPowerWithin,
  kPowerAfter,
};

class Disk {
 public:
  enum class Operation : uint8_t { kWrite, kSync, kLock };
  /// What is to happen to an operation of this process on a file of the store.
  using Decide = std::function<Fault(Life& life, Operation operation, const std::string& file)>;

  static Disk& instance();

  /// An empty folder's store from here on. `path`: of the store's file.
  void begin(const std::string& path, uint64_t seed);
  /// The contents of a file as it lies on the disk, synced.
  void put(const std::string& path, const std::string& bytes);
  /// Nobody has a file open. Of what was not synced a part is lost, or torn.
  void lose_unsynced(Dice& dice);
  /// Bytes of the write-ahead log that a loss of power might take, of who lives and thinks that
  /// they are there.
  bool has_unsynced_log() const;

  /// The process whose turn it is; null: nobody's, nothing fails.
  std::shared_ptr<Life> turn;
  Decide decide;
  /// The power has gone during somebody's turn.
  std::function<void()> on_power_loss;
  /// A read begins, on a connection that only reads.
  std::function<void(Life& life)> on_read;
  uint64_t writes = 0;
  uint64_t syncs = 0;

  // ---- Of the VFS

  struct Pending {
    int64_t offset = 0;
    std::string bytes;
    bool truncates = false;  // to `offset`
    bool doubtful = false;   // its sync has failed
    std::shared_ptr<Life> by = {};
  };
  struct File {
    std::string synced;
    std::vector<Pending> pending;
  };
  /// Null: not one that is looked after.
  File* file_of(const char* path);
  static void apply(const Pending& change, std::string& bytes);
  void settle(File& file);
  sqlite3_vfs* real = nullptr;
  Dice dice{0};
  int open_files = 0;

 private:
  Disk();
  std::string path_;
  std::map<std::string, File> files_;
};

}  // namespace rbk::simulation
