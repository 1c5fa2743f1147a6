#include "tests/simulation/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <string_view>

namespace rbk::simulation {
namespace {

constexpr int64_t kSector = 512;

/// What SQLite holds of an open file. The real one's bytes follow.
struct OpenFile {
  sqlite3_file base;
  Disk::File* file;
  std::shared_ptr<Life>* life;
  std::string* path;
  bool reads_only;
  bool counts;  // among the life's open stores
  sqlite3_file* real;
};

OpenFile& self(sqlite3_file* file) { return *reinterpret_cast<OpenFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return self(file).real; }
Disk& disk() { return Disk::instance(); }

bool is_over(sqlite3_file* file) {
  const auto& life = *self(file).life;
  return life && life->over;
}

Fault decide(sqlite3_file* file, Disk::Operation operation) {
  const auto& life = *self(file).life;
  if (!life || self(file).file == nullptr || !disk().decide) return Fault::kNone;
  const Fault fault = disk().decide(*life, operation, *self(file).path);
  if (fault >= Fault::kOverBefore) life->over = true;
  if (fault >= Fault::kPowerBefore && disk().on_power_loss) disk().on_power_loss();
  return fault;
}

bool is_before(Fault fault) { return fault == Fault::kOverBefore || fault == Fault::kPowerBefore; }
bool is_within(Fault fault) { return fault == Fault::kOverWithin || fault == Fault::kPowerWithin; }

int close_file(sqlite3_file* file) {
  OpenFile& open = self(file);
  const int code = open.real->pMethods != nullptr ? open.real->pMethods->xClose(open.real) : 0;
  if (open.counts) --(*open.life)->stores_open;
  delete open.life;
  delete open.path;
  open.life = nullptr;
  open.path = nullptr;
  --disk().open_files;
  return code;
}

int read_file(sqlite3_file* file, void* bytes, int count, sqlite3_int64 offset) {
  if (is_over(file)) return SQLITE_IOERR_READ;
  return real(file)->pMethods->xRead(real(file), bytes, count, offset);
}

int write_file(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  if (is_over(file)) return SQLITE_IOERR_WRITE;
  ++disk().writes;
  const Fault fault = decide(file, Disk::Operation::kWrite);
  if (fault == Fault::kError || fault == Fault::kFull) {
    // It knows that what it has written for this commit came to nothing.
    if (self(file).file != nullptr)
      for (Disk::Pending& change : self(file).file->pending)
        if (change.by == *self(file).life) change.doubtful = true;
    return fault == Fault::kFull ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  }
  if (is_before(fault)) return SQLITE_IOERR_WRITE;
  int written = count;
  if (is_within(fault)) written = static_cast<int>(disk().dice.below(static_cast<uint64_t>(count)));
  if (written > 0) {
    const int code = real(file)->pMethods->xWrite(real(file), bytes, written, offset);
    if (code != SQLITE_OK) return code;
    if (self(file).file != nullptr)
      self(file).file->pending.push_back(
          {offset, std::string(static_cast<const char*>(bytes), static_cast<size_t>(written)),
           false, false, *self(file).life});
  }
  return fault == Fault::kNone ? SQLITE_OK : SQLITE_IOERR_WRITE;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (is_over(file)) return SQLITE_IOERR_TRUNCATE;
  if (self(file).file != nullptr) self(file).file->pending.push_back({size, {}, true, false});
  return real(file)->pMethods->xTruncate(real(file), size);
}

int sync_file(sqlite3_file* file, int) {
  if (is_over(file)) return SQLITE_IOERR_FSYNC;
  ++disk().syncs;
  const Fault fault = decide(file, Disk::Operation::kSync);
  if (is_before(fault) || is_within(fault)) return SQLITE_IOERR_FSYNC;
  if (self(file).file != nullptr) {
    if (fault == Fault::kError || fault == Fault::kFull) {
      if (disk().dice.chance(500)) disk().settle(*self(file).file);
      for (Disk::Pending& change : self(file).file->pending) change.doubtful = true;
    } else {
      disk().settle(*self(file).file);
    }
  }
  return fault == Fault::kNone ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
  if (is_over(file)) return SQLITE_IOERR_FSTAT;
  return real(file)->pMethods->xFileSize(real(file), size);
}

int lock_file(sqlite3_file* file, int level) {
  if (is_over(file)) return SQLITE_IOERR_LOCK;
  return real(file)->pMethods->xLock(real(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int check_reserved(sqlite3_file* file, int* result) {
  return real(file)->pMethods->xCheckReservedLock(real(file), result);
}
int control_file(sqlite3_file* file, int operation, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int map_shared(sqlite3_file* file, int region, int size, int extend, void volatile** memory) {
  if (is_over(file)) return SQLITE_IOERR_SHMMAP;
  return real(file)->pMethods->xShmMap(real(file), region, size, extend, memory);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
  if ((flags & SQLITE_SHM_LOCK) != 0) {
    if (is_over(file)) return SQLITE_IOERR_SHMLOCK;
    if ((flags & SQLITE_SHM_SHARED) != 0 && self(file).reads_only && disk().on_read)
      disk().on_read(**self(file).life);
    if (is_over(file)) return SQLITE_IOERR_SHMLOCK;
    const Fault fault = decide(file, Disk::Operation::kLock);
    if (fault == Fault::kBusy) return SQLITE_BUSY;
    if (fault != Fault::kNone) return SQLITE_IOERR_SHMLOCK;
  }
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int unmap_shared(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

const sqlite3_io_methods kMethods = {
    2,
    close_file,
    read_file,
    write_file,
    truncate_file,
    sync_file,
    size_of_file,
    lock_file,
    unlock_file,
    check_reserved,
    control_file,
    sector_size,
    characteristics,
    map_shared,
    lock_shared,
    barrier,
    unmap_shared,
    nullptr,
    nullptr,
};

int open_file(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out) {
  OpenFile& open = self(file);
  open.base.pMethods = nullptr;
  if (disk().turn && disk().turn->over) return SQLITE_CANTOPEN;
  open.real = reinterpret_cast<sqlite3_file*>(&open + 1);
  std::memset(open.real, 0, static_cast<size_t>(disk().real->szOsFile));
  const int code = disk().real->xOpen(disk().real, name, open.real, flags, out);
  if (code != SQLITE_OK) return code;
  open.file = disk().file_of(name);
  open.life = new std::shared_ptr<Life>(disk().turn);
  open.path = new std::string(name == nullptr ? "" : name);
  // A store's first connection writes, its second one reads.
  open.reads_only = open.file != nullptr && disk().turn != nullptr &&
                    (flags & SQLITE_OPEN_MAIN_DB) != 0 && disk().turn->stores_open++ > 0;
  open.counts =
      open.file != nullptr && disk().turn != nullptr && (flags & SQLITE_OPEN_MAIN_DB) != 0;
  open.base.pMethods = &kMethods;
  ++disk().open_files;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs*, const char* name, int sync) {
  if (disk().turn && disk().turn->over) return SQLITE_IOERR_DELETE;
  return disk().real->xDelete(disk().real, name, sync);
}
int access_file(sqlite3_vfs*, const char* name, int flags, int* result) {
  return disk().real->xAccess(disk().real, name, flags, result);
}
int full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  return disk().real->xFullPathname(disk().real, name, size, out);
}
int randomness(sqlite3_vfs*, int count, char* bytes) {
  for (int at = 0; at < count; ++at) bytes[at] = static_cast<char>(disk().dice.next());
  return count;
}
/// Nothing but the simulation's own time passes.
int sleep_for(sqlite3_vfs*, int microseconds) { return microseconds; }
int current_time(sqlite3_vfs*, double* days) {
  *days = 2461000.5;
  return SQLITE_OK;
}
int last_error(sqlite3_vfs*, int size, char* text) {
  return disk().real->xGetLastError(disk().real, size, text);
}

}  // namespace

Disk& Disk::instance() {
  static Disk* made = new Disk;
  return *made;
}

Disk::Disk() {
  sqlite3_initialize();
  real = sqlite3_vfs_find(nullptr);
  static sqlite3_vfs vfs{};
  vfs.iVersion = 1;
  vfs.szOsFile = static_cast<int>(sizeof(OpenFile)) + real->szOsFile;
  vfs.mxPathname = real->mxPathname;
  vfs.zName = "simulated";
  vfs.xOpen = open_file;
  vfs.xDelete = delete_file;
  vfs.xAccess = access_file;
  vfs.xFullPathname = full_path;
  vfs.xRandomness = randomness;
  vfs.xSleep = sleep_for;
  vfs.xCurrentTime = current_time;
  vfs.xGetLastError = last_error;
  if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK) std::abort();
}

void Disk::begin(const std::string& path, uint64_t seed) {
  path_ = path;
  files_.clear();
  files_[path] = {};
  files_[path + "-wal"] = {};
  dice = Dice(seed);
  turn.reset();
  decide = nullptr;
  on_power_loss = nullptr;
  on_read = nullptr;
  sqlite3_randomness(0, nullptr);  // it is seeded anew, by us
}

Disk::File* Disk::file_of(const char* path) {
  if (path == nullptr) return nullptr;
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : &found->second;
}

void Disk::put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  files_[path] = {bytes, {}};
}

void Disk::apply(const Pending& change, std::string& bytes) {
  const auto offset = static_cast<size_t>(change.offset);
  if (change.truncates) {
    bytes.resize(offset);
    return;
  }
  if (bytes.size() < offset + change.bytes.size()) bytes.resize(offset + change.bytes.size());
  bytes.replace(offset, change.bytes.size(), change.bytes);
}

void Disk::settle(File& file) {
  for (const Pending& change : file.pending) apply(change, file.synced);
  file.pending.clear();
}

void Disk::lose_unsynced(Dice& chance) {
  if (open_files != 0) std::abort();
  // How much the disk has done by itself differs.
  const uint64_t kept = chance.one_of(std::vector<uint64_t>{0, 300, 700, 1000});
  for (auto& [path, file] : files_) {
    for (Pending& change : file.pending) {
      if (!chance.chance(kept)) continue;
      const auto size = static_cast<int64_t>(change.bytes.size());
      if (chance.chance(150) && size > kSector) {  // torn between sectors
        const int64_t first = chance.between(0, size / kSector) * kSector;
        change.bytes.resize(static_cast<size_t>(std::min(first, size)));
      }
      apply(change, file.synced);
    }
    file.pending.clear();
    std::ofstream(path, std::ios::binary | std::ios::trunc) << file.synced;
  }
  unlink((path_ + "-shm").c_str());
}

bool Disk::has_unsynced_log() const {
  const auto log = files_.find(path_ + "-wal");
  return log != files_.end() && std::any_of(log->second.pending.begin(), log->second.pending.end(),
                                            [](const Pending& change) {
                                              return !change.doubtful &&
                                                     !(change.by && change.by->over);
                                            });
}

}  // namespace rbk::simulation
