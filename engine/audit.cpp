#include "engine/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "engine/logs.h"

namespace rbk::engine {
namespace {

/// As every store can keep it.
std::string clean(std::string_view text) {
  std::string made = as_utf8(text);
  for (size_t at = made.find('\0'); at != std::string::npos; at = made.find('\0', at))
    made.replace(at, 1, "\uFFFD");
  return made;
}

int digit(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  return -1;
}

std::optional<Digest> digest_of(std::string_view hex) {
  Digest made{};
  if (hex.size() != made.size() * 2) return std::nullopt;
  for (size_t i = 0; i < made.size(); ++i) {
    const int high = digit(hex[2 * i]);
    const int low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    made[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return made;
}

}  // namespace

Digest audit_hash(const AuditRow& row) {
  // Netstrings, so that no text can pass for another's end: http://cr.yp.to/proto/netstrings.txt
  std::string text;
  const auto add = [&](std::string_view part) { text += fmt::format("{}:{},", part.size(), part); };
  const AuditNote& note = row.note;
  add(to_hex(row.previous));
  add(fmt::format("{}", row.number));
  add(fmt::format("{}", note.by.time));
  for (const std::string* part :
       {&note.by.user, &note.by.real, &note.verb, &note.kind, &note.object})
    add(*part);
  add(to_hex(row.payload_hash));
  return sha256(text);
}

AuditRow audit_row(AuditNote note, int64_t number, const Digest& previous) {
  AuditRow row;
  row.number = number;
  row.note = std::move(note);
  for (std::string* text : {&row.note.by.user, &row.note.by.real, &row.note.verb, &row.note.kind,
                            &row.note.object, &row.note.payload})
    *text = clean(*text);
  row.payload_hash = sha256(row.note.payload);
  row.previous = previous;
  row.hash = audit_hash(row);
  return row;
}

AuditRow first_audit_row(const std::string& store_id, int64_t format, int64_t migrated_from,
                         int64_t time) {
  AuditNote note;
  note.by = {"rbk", "", time};
  note.verb = "begin";
  note.kind = "store";
  note.object = store_id;
  boost::json::object payload{{"format", format}};
  if (migrated_from != 0) payload["migrated_from"] = migrated_from;
  note.payload = boost::json::serialize(payload);
  return audit_row(std::move(note), 1, {});
}

Result<AuditHead> parse_audit_head(std::string_view text) {
  AuditHead head;
  const size_t colon = text.find(':');
  const auto number = text.substr(0, colon);
  const auto [end, problem] =
      std::from_chars(number.data(), number.data() + number.size(), head.number);
  const auto hash =
      colon == std::string_view::npos ? std::nullopt : digest_of(text.substr(colon + 1));
  if (problem != std::errc() || end != number.data() + number.size() || head.number < 1 || !hash)
    return fail(ErrorKind::kInvalid, fmt::format("{} is no head of an audit trail", text),
                "write it as `rbk audit verify` printed it: NUMBER:HASH, the hash in 64 "
                "hexadecimal digits");
  head.hash = *hash;
  return head;
}

std::string to_string(const AuditHead& head) {
  return fmt::format("{}:{}", head.number, to_hex(head.hash));
}

bool AuditCheck::broken(int64_t number, std::string what, std::string expected, std::string found) {
  fault_ = {number, std::move(what), std::move(expected), std::move(found)};
  return false;
}

bool AuditCheck::add(const AuditRow& row) {
  if (fault_) return false;
  const int64_t next = head_.number + 1;
  if (row.number != next)
    return broken(next, "it is not there", fmt::format("row {}", next),
                  fmt::format("row {}", row.number));
  if (next == 1 && row.note.verb != "begin")
    return broken(next, "it is not where a trail begins", "begin", row.note.verb);
  if (row.previous != head_.hash)
    return broken(next, "it does not follow the row before", to_hex(head_.hash),
                  to_hex(row.previous));
  if (row.redacted && !row.note.payload.empty())
    return broken(next, "it counts as redacted and has a payload", "no payload", row.note.payload);
  if (const Digest payload = sha256(row.note.payload); !row.redacted && payload != row.payload_hash)
    return broken(next, "its payload was changed", to_hex(row.payload_hash), to_hex(payload));
  if (const Digest hash = audit_hash(row); hash != row.hash)
    return broken(next, "what it says was changed", to_hex(row.hash), to_hex(hash));
  if (kept_ && kept_->number == row.number && kept_->hash != row.hash)
    return broken(next, "it is another one than the head that was kept", to_hex(kept_->hash),
                  to_hex(row.hash));
  head_ = {row.number, row.hash};
  if (row.redacted) redacted_.push_back(row.number);
  return true;
}

void AuditCheck::end() {
  if (fault_) return;
  if (head_.number == 0)
    broken(1, "the trail is empty", "row 1", "nothing");
  else if (kept_ && kept_->number > head_.number)
    broken(head_.number + 1, "the end of the trail was cut off", "row " + to_string(*kept_),
           "nothing after row " + to_string(head_));
}

}  // namespace rbk::engine
