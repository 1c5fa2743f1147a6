#include "supervisor/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include "base/boot.h"
#include "base/hash.h"
#include "supervisor/bytes.h"
#include "supervisor/spare_files.h"

namespace rbk::supervisor {

namespace {

constexpr std::string_view kMagic = "RBKSPOOL";
// 1: the blocks behind the identity are sealed without the mark.
constexpr uint32_t kVersion = 2;
enum class Standing : uint8_t { kVoid = 1, kStarted = 2 };

// Places in the spool's first page; output begins behind it.
constexpr off_t kIdentityAt = 0;
constexpr off_t kProcessAt = 2048;
constexpr off_t kEndingAt = 2560;
constexpr uint64_t kHeadBegins = 4096;
constexpr size_t kLongestText = 1024;
constexpr size_t kLongestKey = 1024;
// Tail segments begin with their number and the output before them.
constexpr uint64_t kSegmentBegins = 64;

constexpr size_t kRecordHead = 5;  // kind, length
constexpr uint8_t kDroppedRecord = 3;
constexpr size_t kLargestPiece = 64U << 10;

std::string name_of(const std::string& key) {
  const bool plain =
      !key.empty() && key.size() <= 100 && key[0] != '.' &&
      key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
          std::string::npos;
  return plain ? key : "key." + to_hex(sha256(key)).substr(0, 40);
}

std::string tail_name(const std::string& name, uint64_t number) {
  return fmt::format("{}.tail{}", name, number % 2);
}

// A block that a torn write can't be mistaken for: length, bytes, the first half of the SHA-256 of
// the mark and them. So what stands there of an attempt whose file this was is not one of this.
std::string sealed(std::string_view bytes, std::string_view mark = {}) {
  std::string block;
  ByteWriter to(block);
  to.put(bytes);
  const Digest digest = sha256(std::string(mark).append(bytes));
  block.append(reinterpret_cast<const char*>(digest.data()), digest.size() / 2);
  return block;
}

std::optional<std::string> unsealed(std::string_view block, std::string_view mark) {
  ByteReader from(block);
  const std::string_view bytes = from.text();
  const std::string_view rest = from.rest();
  const Digest digest = sha256(std::string(mark).append(bytes));
  constexpr size_t kHalf = sizeof(Digest) / 2;
  if (!from.ok() || rest.size() < kHalf || std::memcmp(rest.data(), digest.data(), kHalf) != 0) {
    return std::nullopt;
  }
  return std::string(bytes);
}

std::optional<std::string> read_sealed(int file, off_t at, size_t most,
                                       std::string_view mark = {}) {
  std::string block(most, '\0');
  const ssize_t length = pread(file, block.data(), block.size(), at);
  if (length <= 0) return std::nullopt;
  return unsealed(std::string_view(block).substr(0, static_cast<size_t>(length)), mark);
}

bool write_all(int file, std::string_view bytes, off_t at) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(file, bytes.data(), bytes.size(), at);
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
    at += written;
  }
  return true;
}

struct Identity {
  Standing standing = Standing::kVoid;
  std::string key;
  std::string token;  // void: the fence, as digits; started: the mark
  std::string boot;
  uint32_t version = kVersion;
};

std::string encode(const Identity& identity) {
  std::string bytes(kMagic);
  ByteWriter to(bytes);
  to.put(kVersion);
  to.put(static_cast<uint8_t>(identity.standing));
  to.put(identity.key);
  to.put(identity.token);
  to.put(identity.boot);
  to.put(static_cast<uint64_t>(getpid()));
  to.put(static_cast<int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                  std::chrono::system_clock::now().time_since_epoch())
                                  .count()));
  return sealed(bytes);
}

Result<Identity> read_identity(int file, const std::string& name) {
  const auto bytes = read_sealed(file, kIdentityAt, static_cast<size_t>(kProcessAt));
  if (!bytes || bytes->compare(0, kMagic.size(), kMagic) != 0) {
    return fail(ErrorKind::kCorrupt, fmt::format("the spool '{}' has no readable beginning", name));
  }
  ByteReader from(std::string_view(*bytes).substr(kMagic.size()));
  const auto version = from.get<uint32_t>();
  if (version < 1 || version > kVersion) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("the spool '{}' has format {}; this rbk reads up to {}", name, version,
                            kVersion),
                "use the version of rbk that started the command");
  }
  Identity identity;
  identity.version = version;
  identity.standing = static_cast<Standing>(from.get<uint8_t>());
  identity.key = from.text();
  identity.token = from.text();
  identity.boot = from.text();
  if (!from.ok()) return fail(ErrorKind::kCorrupt, fmt::format("the spool '{}' is cut", name));
  return identity;
}

tl::unexpected<Error> spool_failure(const std::string& what, int error) {
  return fail(error == ENOSPC || error == EDQUOT ? ErrorKind::kFull : ErrorKind::kIo,
              fmt::format("{}: {}", what, std::strerror(error)),
              error == ENOSPC || error == EDQUOT ? "free space where the store lies" : "");
}

std::string new_token() {
  std::string random(16, '\0');
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) return {};
  return to_hex(sha256(random)).substr(0, 32);
}

Result<Identity> locked_identity(int file, const std::string& name) {
  if (flock(file, LOCK_EX) != 0) return spool_failure("a spool can't be locked", errno);
  return read_identity(file, name);
}

uint64_t fence_of(const Identity& identity) {
  uint64_t fence = 0;
  std::from_chars(identity.token.data(), identity.token.data() + identity.token.size(), fence);
  return fence;
}

// Takes over a void spool.
Result<Descriptor> take_void(const Folder& folder, const std::string& name, uint64_t fence) {
  Descriptor file(openat(folder.fd(), (name + ".spool").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  const tl::unexpected<Error> exists =
      fail(ErrorKind::kExists, fmt::format("the attempt '{}' was started before", name));
  if (!file) return exists;
  const auto identity = locked_identity(file.get(), name);
  if (!identity || identity->standing != Standing::kVoid || fence_of(*identity) > fence) {
    return exists;
  }
  return file;  // its lock lasts until the started identity is written, see Spool::create
}

}  // namespace

namespace {

static_assert(SpareFiles::kLength == kHeadBegins);

/// Under the name if nothing has it yet: 0, else errno.
int put_in_place(const Folder& folder, const std::string& from, const std::string& name) {
  if (renameat2(folder.fd(), from.c_str(), folder.fd(), name.c_str(), RENAME_NOREPLACE) == 0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // A file system that can't do both at once.
  if (linkat(folder.fd(), from.c_str(), folder.fd(), name.c_str(), 0) != 0) return errno;
  unlinkat(folder.fd(), from.c_str(), 0);
  return 0;
}

/// A file that was another spool's, with this page in the place of its bytes; nothing: there is
/// none to be had, or the name is taken.
Descriptor reuse(const Folder& folder, SpareFiles& spares, const std::string& name,
                 const std::string& identity) {
  auto spare = spares.take();
  if (!spare) return {};
  std::string page = identity;
  page.resize(SpareFiles::kLength, '\0');
  if (!write_all(spare->file.get(), page, 0)) {
    unlinkat(folder.fd(), spare->name.c_str(), 0);
    return {};
  }
  const int error = put_in_place(folder, spare->name, name);
  if (error == 0) return std::move(spare->file);
  if (error == EEXIST)
    spares.give_back(std::move(*spare));
  else
    unlinkat(folder.fd(), spare->name.c_str(), 0);
  return {};
}

}  // namespace

Result<Spool> Spool::create(const Folder& folder, const std::string& key, uint64_t fence,
                            SpareFiles* spares, SpoolLimits limits) {
  if (key.size() > kLongestKey) {
    return fail(ErrorKind::kInvalid,
                fmt::format("an attempt's key of {} bytes; at most {} were expected", key.size(),
                            kLongestKey));
  }
  Spool spool;
  spool.folder_ = &folder;
  spool.name_ = name_of(key);
  spool.key_ = key;
  spool.mark_ = new_token();
  spool.seal_ = spool.mark_;
  spool.boot_ = boot_identity();
  spool.limits_ = limits;
  if (spool.mark_.empty()) return spool_failure("the system gives no random bytes", errno);
  const std::string file_name = spool.name_ + ".spool";
  const std::string identity = encode({Standing::kStarted, key, spool.mark_, spool.boot_});
  if (spares != nullptr) {
    if (Descriptor file = reuse(folder, *spares, file_name, identity)) {
      spool.head_.file = std::move(file);
      spool.head_.end = kHeadBegins;
      return spool;
    }
  }
  Descriptor file(openat(folder.fd(), file_name.c_str(),
                         O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  const bool made = static_cast<bool>(file);
  if (!made) {
    if (errno != EEXIST) {
      return spool_failure(fmt::format("the spool '{}' can't be made", file_name), errno);
    }
    auto taken = take_void(folder, spool.name_, fence);
    if (!taken) return tl::unexpected<Error>(taken.error());
    file = std::move(*taken);
  }
  if (!write_all(file.get(), identity, kIdentityAt)) {
    const int error = errno;
    if (made) unlinkat(folder.fd(), file_name.c_str(), 0);
    return spool_failure(fmt::format("the spool '{}' can't be written", file_name), error);
  }
  if (!made) flock(file.get(), LOCK_UN);
  spool.head_.file = std::move(file);
  spool.head_.end = kHeadBegins;
  return spool;
}

Result<Spool> Spool::open(const Folder& folder, const std::string& key) {
  Spool spool;
  spool.folder_ = &folder;
  spool.name_ = name_of(key);
  const std::string file_name = spool.name_ + ".spool";
  spool.head_.file =
      Descriptor(openat(folder.fd(), file_name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!spool.head_.file) {
    if (errno != ENOENT) return spool_failure("the spool can't be opened", errno);
    return fail(ErrorKind::kNotFound, fmt::format("no spool is called '{}'", file_name));
  }
  const int file = spool.head_.file.get();
  auto identity = read_identity(file, spool.name_);
  if (!identity) return tl::unexpected<Error>(identity.error());
  if (identity->key != key) {
    return fail(ErrorKind::kCorrupt,
                fmt::format("the spool '{}' holds '{}', not '{}'", file_name, identity->key, key));
  }
  if (identity->standing != Standing::kStarted) {
    return fail(ErrorKind::kRefused, fmt::format("the attempt '{}' was never started", key));
  }
  spool.key_ = key;
  spool.mark_ = identity->token;
  spool.boot_ = identity->boot;
  spool.seal_ = identity->version == 1 ? std::string() : spool.mark_;
  if (const auto bytes = read_sealed(file, kProcessAt, 64, spool.seal_)) {
    ByteReader from(*bytes);
    const auto pid = static_cast<pid_t>(from.get<int64_t>());
    spool.process_ = ProcessIdentity{pid, from.get<uint64_t>()};
  }
  if (const auto bytes = read_sealed(file, kEndingAt, kHeadBegins - kEndingAt, spool.seal_)) {
    ByteReader from(*bytes);
    Ending ending;
    ending.cause = static_cast<Ending::Cause>(from.get<uint8_t>());
    ending.value = from.get<int32_t>();
    ending.text = from.text();
    if (from.ok()) spool.ending_ = ending;
  }
  struct stat facts {};
  fstat(file, &facts);
  spool.head_.end = std::max(kHeadBegins, static_cast<uint64_t>(facts.st_size));
  spool.open_tails();
  return spool;
}

void Spool::open_tails() {
  for (uint64_t i = 0; i < 2; ++i) {
    Segment& tail = tails_[i];
    Descriptor file(
        openat(folder_->fd(), tail_name(name_, i).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) continue;
    const auto bytes = read_sealed(file.get(), 0, kSegmentBegins);
    if (!bytes) continue;
    ByteReader from(*bytes);
    tail.number = from.get<uint64_t>();
    tail.total = from.get<uint64_t>();
    struct stat facts {};
    fstat(file.get(), &facts);
    tail.end = std::max(kSegmentBegins, static_cast<uint64_t>(facts.st_size));
    tail.file = std::move(file);
    current_ = std::max(current_, tail.number);
  }
}

Result<bool> Spool::find_or_void(const Folder& folder, const std::string& key, uint64_t fence) {
  const std::string name = name_of(key);
  const std::string file_name = name + ".spool";
  const Identity mine{Standing::kVoid, key, std::to_string(fence), boot_identity()};
  if (!exists(folder, key)) {
    // Under another name first: it is never half there.
    const std::string draft = fmt::format("{}.{}.draft", name, new_token());
    Descriptor file(
        openat(folder.fd(), draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file || !write_all(file.get(), encode(mine), kIdentityAt)) {
      const int error = errno;
      unlinkat(folder.fd(), draft.c_str(), 0);
      return spool_failure("a void spool can't be written", error);
    }
    const bool made = linkat(folder.fd(), draft.c_str(), folder.fd(), file_name.c_str(), 0) == 0;
    const int error = errno;
    unlinkat(folder.fd(), draft.c_str(), 0);
    if (made) return true;
    if (error != EEXIST) return spool_failure("a void spool can't be linked", error);
  }
  Descriptor file(openat(folder.fd(), file_name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return spool_failure(fmt::format("the spool '{}' can't be opened", file_name), errno);
  const auto there = locked_identity(file.get(), name);
  // One that can't be read was begun by a supervisor that died while it did so: it counts as
  // started.
  if (!there || there->standing != Standing::kVoid) return false;
  if (fence_of(*there) > fence) {
    return fail(ErrorKind::kRefused,
                fmt::format("another engine has taken the attempt '{}' up since", key));
  }
  if (!write_all(file.get(), encode(mine), kIdentityAt)) {
    return spool_failure("a void spool can't be written", errno);
  }
  return true;
}

bool Spool::exists(const Folder& folder, const std::string& key) {
  return faccessat(folder.fd(), (name_of(key) + ".spool").c_str(), F_OK, 0) == 0;
}

namespace {

void remove_tails(const Folder& folder, const std::string& name) {
  // The second segment exists only after the first.
  if (unlinkat(folder.fd(), tail_name(name, 1).c_str(), 0) == 0) {
    unlinkat(folder.fd(), tail_name(name, 2).c_str(), 0);
  }
}

}  // namespace

void Spool::remove(const Folder& folder, const std::string& key) {
  const std::string name = name_of(key);
  unlinkat(folder.fd(), (name + ".spool").c_str(), 0);
  remove_tails(folder, name);
}

void Spool::retire(const Folder& folder, const std::string& key, SpareFiles& spares) {
  const std::string name = name_of(key);
  spares.keep(name + ".spool");
  remove_tails(folder, name);
}

Status Spool::record_process(const ProcessIdentity& process) {
  process_ = process;
  std::string bytes;
  ByteWriter to(bytes);
  to.put(static_cast<int64_t>(process.pid));
  to.put(process.start_time);
  if (write_all(head_.file.get(), sealed(bytes, seal_), kProcessAt)) return {};
  return spool_failure("the process can't be noted in its spool", errno);
}

Status Spool::record_ending(const Ending& ending) {
  ending_ = ending;
  ending_->text.resize(std::min(ending_->text.size(), kLongestText));
  std::string bytes;
  ByteWriter to(bytes);
  to.put(static_cast<uint8_t>(ending.cause));
  to.put(ending.value);
  to.put(ending_->text);
  if (write_all(head_.file.get(), sealed(bytes, seal_), kEndingAt)) return {};
  return spool_failure("the end can't be noted in its spool", errno);
}

bool Spool::roll() {
  const uint64_t number = current_ + 1;
  Segment& tail = tails_[number % 2];
  if (!tail.file) {
    tail.file = Descriptor(openat(folder_->fd(), tail_name(name_, number).c_str(),
                                  O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  }
  std::string bytes;
  ByteWriter to(bytes);
  // Bytes that could not be written are told of by a record, the first of this segment.
  const uint64_t total = total_ - unwritten_;
  to.put(number);
  to.put(total);
  if (!tail.file || ftruncate(tail.file.get(), 0) != 0 ||
      !write_all(tail.file.get(), sealed(bytes), 0)) {
    tail.number = 0;
    return false;
  }
  tail.number = number;
  tail.total = total;
  tail.end = kSegmentBegins;
  current_ = number;
  return true;
}

bool Spool::write_record(uint8_t kind, std::string_view payload) {
  Segment& segment = current_ == 0 ? head_ : tails_[current_ % 2];
  std::string record;
  record.reserve(kRecordHead + payload.size());
  ByteWriter to(record);
  to.put(kind);
  to.put(payload);
  if (!write_all(segment.file.get(), record, static_cast<off_t>(segment.end))) {
    (void)!ftruncate(segment.file.get(), static_cast<off_t>(segment.end));  // no half of it stays
    return false;
  }
  segment.end += record.size();
  return true;
}

void Spool::append(Stream stream, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kLargestPiece);
    bytes.remove_prefix(piece.size());
    const Segment& segment = current_ == 0 ? head_ : tails_[current_ % 2];
    const uint64_t limit = current_ == 0 ? limits_.head : limits_.segment;
    bool written = segment.end + kRecordHead + piece.size() <= limit || roll();
    if (written && unwritten_ > 0) {
      std::string count;
      ByteWriter(count).put(unwritten_);
      written = write_record(kDroppedRecord, count);
      if (written) unwritten_ = 0;
    }
    written = written && write_record(static_cast<uint8_t>(stream), piece);
    if (!written) unwritten_ += piece.size();
    total_ += piece.size();
  }
}

uint64_t Spool::oldest_tail() const {
  if (current_ == 0) return 0;
  const uint64_t before = current_ - 1;
  return before > 0 && tails_[before % 2].number == before ? before : current_;
}

const Spool::Segment* Spool::segment_of(uint64_t number) const {
  if (number == 0) return &head_;
  const Segment& tail = tails_[number % 2];
  return tail.number == number ? &tail : nullptr;
}

std::optional<Spool::Piece> Spool::next(Cursor& cursor) const {
  while (true) {
    const Segment* segment = segment_of(cursor.segment);
    const uint64_t begins = cursor.segment == 0 ? kHeadBegins : kSegmentBegins;
    if (segment != nullptr) cursor.offset = std::max(cursor.offset, begins);
    if (segment != nullptr && cursor.offset + kRecordHead <= segment->end) {
      std::string buffer(std::min<uint64_t>(segment->end - cursor.offset, 4096), '\0');
      const ssize_t length = pread(segment->file.get(), buffer.data(), buffer.size(),
                                   static_cast<off_t>(cursor.offset));
      ByteReader from(
          std::string_view(buffer).substr(0, length < 0 ? 0 : static_cast<size_t>(length)));
      const auto kind = from.get<uint8_t>();
      const auto size = from.get<uint32_t>();
      const uint64_t end = cursor.offset + kRecordHead + size;
      // A record that is not there in full is a write which its supervisor did not survive.
      if (from.ok() && size <= kLargestPiece && end <= segment->end) {
        std::string payload(from.rest().substr(0, size));
        if (payload.size() < size) {
          const size_t have = payload.size();
          payload.resize(size);
          if (pread(segment->file.get(), payload.data() + have, size - have,
                    static_cast<off_t>(cursor.offset + kRecordHead + have)) !=
              static_cast<ssize_t>(size - have)) {
            return std::nullopt;
          }
        }
        cursor.offset = end;
        if (kind == kDroppedRecord) {
          const auto dropped = ByteReader(payload).get<uint64_t>();
          cursor.total += dropped;
          return Piece{std::nullopt, {}, dropped, true};
        }
        cursor.total += size;
        return Piece{kind == 2 ? Stream::kErr : Stream::kOut, std::move(payload), 0};
      }
    }
    if (cursor.segment >= current_) return std::nullopt;
    const uint64_t following = std::max(cursor.segment + 1, oldest_tail());
    const uint64_t total = tails_[following % 2].total;
    const uint64_t dropped = total > cursor.total ? total - cursor.total : 0;
    cursor = {following, 0, total};
    if (dropped > 0) return Piece{std::nullopt, {}, dropped};
  }
}

}  // namespace rbk::supervisor
