// An attempt's spool: the file whose exclusive creation decides that the attempt is started, and
// that keeps its output and its end until they are acknowledged. The format is described in
// docs/formats/supervisor.md.
//
// One thread a Spool. Void spools may be made by any process at any time; all else is the
// supervisor's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "supervisor/descriptor.h"
#include "supervisor/folder.h"
#include "supervisor/wire.h"

namespace rbk::supervisor {

/// A process that no other can be mistaken for within one boot_identity().
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_time = 0;  // clock ticks since boot, as in /proc/PID/stat
};

/// What a spool keeps of its command's output: the first `head` bytes, and at the end between one
/// and two segments.
struct SpoolLimits {
  uint64_t head = 8U << 20;
  uint64_t segment = 4U << 20;
};

class SpareFiles;

class Spool {
 public:
  /// Starts the attempt. kExists if it was started before, or is void with a greater fence; kFull
  /// and the like: nothing was started.
  /// `spares`: its file may be one of these.
  static Result<Spool> create(const Folder& folder, const std::string& key, uint64_t fence,
                              SpareFiles* spares = nullptr, SpoolLimits limits = {});

  /// A spool of an earlier supervisor. kNotFound; kRefused for a void one; kCorrupt.
  static Result<Spool> open(const Folder& folder, const std::string& key);

  /// False if the attempt was started. Else it is made void: nobody starts it any more with a
  /// smaller fence than this. kRefused: it is void with a greater one already.
  static Result<bool> find_or_void(const Folder& folder, const std::string& key, uint64_t fence);
  /// Whether there is a spool or a void one.
  static bool exists(const Folder& folder, const std::string& key);
  static void remove(const Folder& folder, const std::string& key);
  /// Removes it, and keeps its file for another one: nobody may have it open.
  static void retire(const Folder& folder, const std::string& key, SpareFiles& spares);

  Status record_process(const ProcessIdentity& process);
  /// Never fails: what can't be written (a full disk) is counted as dropped.
  void append(Stream stream, std::string_view bytes);
  /// The end can be read after a crash of the supervisor once this returned well.
  Status record_ending(const Ending& ending);

  const std::string& key() const { return key_; }
  /// What its processes carry in their environment, and no others anywhere: made for this spool.
  const std::string& mark() const { return mark_; }
  /// The boot_identity() of the supervisor that started it.
  const std::string& boot() const { return boot_; }
  const std::optional<ProcessIdentity>& process() const { return process_; }
  const std::optional<Ending>& ending() const { return ending_; }

  struct Piece {
    std::optional<Stream> stream;  // nothing: bytes were dropped
    std::string bytes;
    uint64_t dropped = 0;
    bool no_space = false;  // dropped since it could not be written
  };
  /// The next piece of output at the cursor, which moves behind it; nothing at the end. At most
  /// 64 KiB.
  std::optional<Piece> next(Cursor& cursor) const;

 private:
  struct Segment {
    Descriptor file;
    uint64_t number = 0;  // 0: none yet
    uint64_t total = 0;   // bytes of output before it
    uint64_t end = 0;     // offset behind its last whole record
  };

  Spool() = default;
  bool roll();  // begins the next tail segment
  bool write_record(uint8_t kind, std::string_view payload);
  void open_tails();
  const Segment* segment_of(uint64_t number) const;
  uint64_t oldest_tail() const;

  const Folder* folder_ = nullptr;
  std::string name_;
  std::string key_;
  std::string mark_;
  std::string seal_;  // what its blocks are sealed with
  std::string boot_;
  SpoolLimits limits_;
  std::optional<ProcessIdentity> process_;
  std::optional<Ending> ending_;
  Segment head_;
  Segment tails_[2];      // of number n stands in tails_[n % 2]
  uint64_t current_ = 0;  // the segment that is written
  uint64_t total_ = 0;
  uint64_t unwritten_ = 0;  // bytes lost since the last record that could be written
};

}  // namespace rbk::supervisor
