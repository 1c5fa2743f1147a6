// The audit trail: what people, schedules, and engines that take runs over have changed. One row a
// change, written in its transaction, each chained to the row before by a hash: whoever changes,
// removes or moves a row breaks the chain, and cutting its end off shows against a head that was
// kept elsewhere. The chain is over the hashes of the payloads, so that a payload may be emptied.
// docs/audit.md has the format.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

namespace rbk::engine {

/// Who makes a change, and when.
struct Doer {
  std::string user;  // in whose name; "schedule NAME" where one does
  std::string real;  // who typed it, if that is somebody else
  int64_t time = 0;  // microseconds since the epoch
};

/// What a row says of a change.
struct AuditNote {
  Doer by;
  std::string verb;     // the words of the command: "approve", "schedule pause"
  std::string kind;     // of the object: run, schedule, store
  std::string object;   // the run's id, the schedule's name, the store's id
  int64_t run = 0;      // its key, where `object` is empty: the store puts its id there
  std::string payload;  // JSON object
};

struct AuditRow {
  int64_t number = 0;  // from 1, without gaps
  AuditNote note;
  bool redacted = false;  // the payload was emptied
  Digest payload_hash{};  // SHA-256 of the payload as it was
  Digest previous{};      // `hash` of the row before; zeros at the first
  Digest hash{};          // audit_hash
};

/// Where a trail ends. Kept elsewhere, it shows later whether the end was cut off.
struct AuditHead {
  int64_t number = 0;
  Digest hash{};
};

struct AuditFilter {
  int64_t after = 0;             // rows with greater numbers
  std::optional<int64_t> since;  // microseconds since the epoch, that one included
  std::optional<int64_t> until;  // that one excluded
  std::string run;               // the id
  std::string user;              // in whose name, or who typed it
  uint32_t limit = 0;            // 0: all
  bool newest = false;           // the last ones of those within the limit; in order all the same
};

/// SHA-256 over what a row says, its payload's hash and the hash of the row before.
Digest audit_hash(const AuditRow& row);

/// The row that follows one with this number and hash. Its texts are made UTF-8.
AuditRow audit_row(AuditNote note, int64_t number, const Digest& previous);

/// The first row of a store's trail. `migrated_from`: the format of a store that had none; 0: it is
/// new.
AuditRow first_audit_row(const std::string& store_id, int64_t format, int64_t migrated_from,
                         int64_t time);

/// "NUMBER:HASH", as `rbk audit verify` prints it. kInvalid says how it is written.
Result<AuditHead> parse_audit_head(std::string_view text);
std::string to_string(const AuditHead& head);

/// What does not fit, in the first row that does not.
struct AuditFault {
  int64_t number = 0;
  std::string what;  // "its payload was changed"
  std::string expected;
  std::string found;
};

/// Looks at the rows of a trail one after the other.
class AuditCheck {
 public:
  /// `kept`: a head that the trail had once.
  explicit AuditCheck(std::optional<AuditHead> kept) : kept_(kept) {}

  /// The next row in order of numbers. False: the chain is broken, and the rest is not looked at.
  bool add(const AuditRow& row);
  /// After the last row.
  void end();

  const std::optional<AuditFault>& fault() const { return fault_; }
  /// Of the rows that were good.
  const AuditHead& head() const { return head_; }
  const std::vector<int64_t>& redacted() const { return redacted_; }

 private:
  bool broken(int64_t number, std::string what, std::string expected, std::string found);

  std::optional<AuditHead> kept_;
  AuditHead head_;
  std::vector<int64_t> redacted_;
  std::optional<AuditFault> fault_;
};

}  // namespace rbk::engine
