// The chain of the audit trail: what breaks it, and what does not.
#include "engine/audit.h"

#include <gtest/gtest.h>

namespace rbk::engine {
namespace {

AuditNote note_of(const std::string& verb, const std::string& payload = "{}") {
  return {{"ann", "root", 1000}, verb, "run", "aaa111", 0, payload};
}

std::vector<AuditRow> trail(int rows) {
  std::vector<AuditRow> made{first_audit_row("0123", 4, 0, 5)};
  while (made.size() < static_cast<size_t>(rows))
    made.push_back(
        audit_row(note_of("start", R"({"n":1})"), made.back().number + 1, made.back().hash));
  return made;
}

AuditCheck checked(const std::vector<AuditRow>& rows, std::optional<AuditHead> kept = {}) {
  AuditCheck check(kept);
  for (const AuditRow& row : rows)
    if (!check.add(row)) break;
  check.end();
  return check;
}

/// "3: what does not fit", or the head.
std::string told(const AuditCheck& check) {
  if (!check.fault()) return "intact up to " + std::to_string(check.head().number);
  return std::to_string(check.fault()->number) + ": " + check.fault()->what;
}

// The format is persistent, and programs of others compute it.
TEST(Audit, TheHashIsThatOfTheDocumentedText) {
  const AuditRow row = audit_row(note_of("start"), 7, sha256("before"));
  const std::string text =
      "64:" + to_hex(sha256("before")) +
      ",1:7,4:1000,3:ann,4:root,5:start,3:run,6:aaa111,64:" + to_hex(sha256("{}")) + ",";
  EXPECT_EQ(to_hex(row.hash), to_hex(sha256(text)));
}

TEST(Audit, AnUntouchedTrailIsIntact) {
  const auto rows = trail(4);
  EXPECT_EQ(told(checked(rows)), "intact up to 4");
  EXPECT_EQ(checked(rows).head().hash, rows.back().hash);
  EXPECT_EQ(told(checked({})), "1: the trail is empty");
}

TEST(Audit, EachPartOfARowIsGuarded) {
  const auto broken = [](auto change) {
    auto rows = trail(4);
    change(rows[2]);
    return told(checked(rows));
  };
  const std::string said = "3: what it says was changed";
  EXPECT_EQ(broken([](AuditRow& row) { row.note.by.user = "bob"; }), said);
  EXPECT_EQ(broken([](AuditRow& row) { row.note.by.real = ""; }), said);
  EXPECT_EQ(broken([](AuditRow& row) { row.note.by.time += 1; }), said);
  EXPECT_EQ(broken([](AuditRow& row) { row.note.verb = "cancel"; }), said);
  EXPECT_EQ(broken([](AuditRow& row) { row.note.kind = "schedule"; }), said);
  EXPECT_EQ(broken([](AuditRow& row) { row.note.object = "aaa112"; }), said);
  EXPECT_EQ(broken([](AuditRow& row) { row.hash[0] ^= 1; }), said);
  EXPECT_EQ(broken([](AuditRow& row) { row.note.payload = "{}"; }), "3: its payload was changed");
  EXPECT_EQ(broken([](AuditRow& row) { row.note.payload.clear(); }), "3: its payload was changed");
  EXPECT_EQ(broken([](AuditRow& row) {
              row.note.payload = "{}";
              row.payload_hash = sha256("{}");
            }),
            said);
  // Done over with care, it does not follow from the one before, or the next one not from it.
  EXPECT_EQ(broken([](AuditRow& row) {
              row.note.by.user = "bob";
              row.hash = audit_hash(row);
            }),
            "4: it does not follow the row before");
  // No text passes for a part of its neighbour.
  EXPECT_EQ(broken([](AuditRow& row) {
              row.note.by.user = "annr";
              row.note.by.real = "oot";
            }),
            said);
}

TEST(Audit, NoRowIsMissedOrMoved) {
  auto rows = trail(5);
  rows.erase(rows.begin() + 2);
  EXPECT_EQ(told(checked(rows)), "3: it is not there");
  rows = trail(5);
  std::swap(rows[2].note, rows[3].note);
  rows[2].note.object = "aaa112";
  EXPECT_EQ(told(checked(rows)), "3: what it says was changed");
  rows = trail(5);
  rows.erase(rows.begin());
  EXPECT_EQ(told(checked(rows)), "1: it is not there");
  // A new beginning in the place of the old one.
  rows = {audit_row(note_of("start"), 1, {})};
  EXPECT_EQ(told(checked(rows)), "1: it is not where a trail begins");
}

TEST(Audit, AKeptHeadShowsThatTheEndWasCutOff) {
  auto rows = trail(5);
  const AuditHead kept{4, rows[3].hash};
  EXPECT_EQ(told(checked(rows, kept)), "intact up to 5");
  rows.resize(3);
  EXPECT_EQ(told(checked(rows)), "intact up to 3");
  EXPECT_EQ(told(checked(rows, kept)), "4: the end of the trail was cut off");
  rows.push_back(audit_row(note_of("cancel"), 4, rows.back().hash));
  EXPECT_EQ(told(checked(rows)), "intact up to 4");
  EXPECT_EQ(told(checked(rows, kept)), "4: it is another one than the head that was kept");
}

TEST(Audit, ARedactedRowKeepsItsPlace) {
  auto rows = trail(4);
  rows[2].redacted = true;
  EXPECT_EQ(told(checked(rows)), "3: it counts as redacted and has a payload");
  rows[2].note.payload.clear();
  const AuditCheck check = checked(rows);
  EXPECT_EQ(told(check), "intact up to 4");
  EXPECT_EQ(check.redacted(), std::vector<int64_t>{3});
}

TEST(Audit, WhatNoStoreKeepsIsReplacedBeforeItIsHashed) {
  AuditNote note = note_of("start");
  note.by.user = std::string("a\xff") + '\0' + "b";
  const AuditRow row = audit_row(note, 1, {});
  EXPECT_EQ(row.note.by.user, "a\uFFFD\uFFFDb");
  EXPECT_EQ(row.hash, audit_hash(row));
}

TEST(Audit, AHeadIsReadAsItIsPrinted) {
  const AuditHead head{42, sha256("x")};
  const auto read = parse_audit_head(to_string(head));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->number, 42);
  EXPECT_EQ(read->hash, head.hash);
  for (const char* wrong : {"", "42", "42:", "42:ab", "x:", ":"})
    EXPECT_EQ(parse_audit_head(wrong).error().kind, ErrorKind::kInvalid) << wrong;
  EXPECT_FALSE(parse_audit_head("0:" + to_hex(head.hash)));
  EXPECT_FALSE(parse_audit_head("42:" + to_hex(head.hash) + "0"));
}

}  // namespace
}  // namespace rbk::engine
