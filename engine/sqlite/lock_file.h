// The file of locks beside a store ("PATH-lock"): byte ranges of it, locked per open file, that the
// kernel drops when their process dies, however it dies. Byte 0 is held during each commit and each
// checkpoint; byte 1,000 + K for as long as the engine with key K lives. The file is never deleted.
// It holds a witness: how far the store had come, which a store that was put back to an earlier
// state lies behind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rbk::engine::sqlite {

/// Not thread-safe, but two LockFiles of one process exclude each other as two processes do.
class LockFile {
 public:
  /// `reading`: where nothing can be written, only `engine_lives` will be asked; without a file
  /// nobody lives.
  static Result<LockFile> open(const std::string& store_path, bool reading = false);
  LockFile() = default;
  ~LockFile();
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;

  /// Waits up to ten seconds; kLocked after that.
  Status lock_commits();
  void unlock_commits();

  /// Marks engine `key` as alive until this object is gone. kLocked if another has the key.
  Status hold_engine(int64_t key);
  bool holds_engine(int64_t key) const { return key == held_engine_; }
  bool holds_any_engine() const { return held_engine_ != 0; }
  /// Whether a living process (or another LockFile of this one) holds engine `key`.
  bool engine_lives(int64_t key) const;
  /// Whether anybody else holds any engine.
  bool other_engine_lives() const;

  /// With the lock of commits, after the commit: the store `id` has come as far as this entry; 0:
  /// that is not known. Not flushed: after the host's crash it may lie behind, never ahead.
  void bear_witness(std::string_view id, int64_t entry);
  /// How far it had come at least; 0: not known.
  int64_t witness(std::string_view id) const;

 private:
  int file_ = -1;
  int64_t held_engine_ = 0;
  std::string path_;
};

}  // namespace rbk::engine::sqlite
