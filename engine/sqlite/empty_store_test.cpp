#include "engine/sqlite/empty_store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "engine/audit.h"
#include "engine/sqlite/schema.h"

namespace rbk::engine::sqlite {
namespace {

const std::string kId = "0123456789abcdef0123456789abcdef";
const std::string kHome = "1234567 1796108400.123456789";
constexpr int64_t kTime = 1'796'108'400'000'000;

class EmptyStoreTest : public testing::Test {
 protected:
  EmptyStoreTest() : image_(empty_store(kId, kHome, kTime)) {
    // In memory a database can't have a log.
    image_.replace(18, 2, "\1\1");
    EXPECT_EQ(sqlite3_open(":memory:", &database_), SQLITE_OK);
    EXPECT_EQ(
        sqlite3_deserialize(database_, "main", reinterpret_cast<unsigned char*>(image_.data()),
                            static_cast<sqlite3_int64>(image_.size()),
                            static_cast<sqlite3_int64>(image_.size()), SQLITE_DESERIALIZE_READONLY),
        SQLITE_OK);
  }
  ~EmptyStoreTest() override { sqlite3_close(database_); }

  std::string one(const std::string& sql) {
    std::string all;
    const auto add = [](void* to, int count, char** values, char**) {
      for (int i = 0; i < count; ++i)
        *static_cast<std::string*>(to) +=
            std::string(values[i] != nullptr ? values[i] : "null") + "|";
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(database_, sql.c_str(), add, &all, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database_);
    return all;
  }

  std::string image_;
  sqlite3* database_ = nullptr;
};

TEST_F(EmptyStoreTest, IsAWholeDatabaseOfOurFormat) {
  EXPECT_EQ(one("pragma integrity_check"), "ok|");
  EXPECT_EQ(one("pragma user_version"), std::to_string(kFormat) + "|");
  EXPECT_EQ(one("pragma application_id"), std::to_string(kApplication) + "|");
  EXPECT_EQ(one("pragma page_size"), "4096|");
}

TEST_F(EmptyStoreTest, HasWhatIsItsOwn) {
  EXPECT_EQ(one("select * from meta"),
            "epoch|1|home|" + kHome + std::string(64 - kHome.size(), ' ') + "|id|" + kId + "|");
  const AuditRow first = first_audit_row(kId, kFormat, 0, kTime);
  EXPECT_EQ(one("select number,time,author,typed_by,verb,kind,object,payload,redacted,"
                "lower(hex(payload_hash)),lower(hex(previous)),lower(hex(hash)) from audit"),
            "1|" + std::to_string(kTime) + "|rbk||begin|store|" + kId + "|" + first.note.payload +
                "|0|" + to_hex(first.payload_hash) + "|" + std::string(64, '0') + "|" +
                to_hex(first.hash) + "|");
  EXPECT_EQ(one("select count(*) from audit where kind='store' and object='" + kId + "'"), "1|");
}

TEST_F(EmptyStoreTest, EveryTableIsThereAndEmpty) {
  for (const char* table : {"program", "engine", "run", "schedule", "firing", "journal", "blob",
                            "snapshot", "wait", "message", "claim", "notice", "log"})
    EXPECT_EQ(one(std::string("select count(*) from ") + table), "0|") << table;
}

}  // namespace
}  // namespace rbk::engine::sqlite
