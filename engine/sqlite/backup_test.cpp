// Copies of a store on SQLite, those before a migration too, and giving room back.
#include "engine/sqlite/backup.h"

#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/sqlite/schema.h"
#include "engine/store.h"
#include "engine/testing/store_sql.h"
#include "engine/testing/temp_folder.h"
#include "engine/upkeep.h"

namespace rbk::engine::sqlite {
namespace {

namespace fs = std::filesystem;
using engine::testing::TempFolder;

class BackupTest : public ::testing::Test {
 protected:
  std::unique_ptr<Store> open(const std::string& name = "store.db",
                              OpenMode mode = OpenMode::kCreate) {
    auto store = open_store("sqlite:" + folder_.file(name), mode);
    EXPECT_TRUE(store) << (store ? "" : store.error().message);
    return store ? std::move(*store) : nullptr;
  }
  std::unique_ptr<Store> open_joined() {
    auto store = open();
    EXPECT_TRUE(store->join({7, "boot:1", 4711, 1, true}));
    return store;
  }
  static void put(Store& store, const std::string& id, size_t size = 100) {
    Group group;
    group.engine = 7;
    NewRun& fresh = group.runs.emplace_back();
    fresh.row.id = id;
    fresh.row.program = sha256("p");
    fresh.row.labels = "{}";
    fresh.program = std::make_shared<ProgramRow>(ProgramRow{fresh.row.program, "p"});
    Entry& entry = fresh.change.entries.emplace_back();
    entry.number = 1;
    entry.body = std::string(size, 'x');
    auto done = store.commit(group);
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
  }
  Error refused(Store& store, const std::string& file, bool replace = false) {
    auto done = store.upkeep().back_up(file, replace);
    EXPECT_FALSE(done);
    return done ? Error{} : done.error();
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  void sql(const std::string& text) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(folder_.file("store.db").c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database, text.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_close(database);
  }

  TempFolder folder_;
};

/// A limit on the size of files stands for the end of the disk.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  }
  ~SmallDisk() { setrlimit(RLIMIT_FSIZE, &before_); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  rlimit before_{};
};

TEST_F(BackupTest, ACopyIsAStoreWithAllThatWasCommitted) {
  auto store = open_joined();
  put(*store, "aaa");
  put(*store, "bbb", 50'000);
  const std::string file = folder_.file("copy.db");
  const auto bytes = store->upkeep().back_up(file, false);
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(*bytes, static_cast<int64_t>(fs::file_size(file)));
  struct stat facts {};
  ASSERT_EQ(stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  put(*store, "ccc");
  auto copy = open("copy.db", OpenMode::kExisting);
  EXPECT_EQ(copy->identity().id, store->identity().id);
  ASSERT_EQ(copy->runs({})->size(), 2u);
  EXPECT_EQ(copy->entries(copy->find_run("bbb")->key, 0)->front().body.size(), 50'000u);
  // As the first one is, so that its readers keep nobody from writing.
  EXPECT_TRUE(copy->join({7, "boot:1", 4711, 1, true}));
  put(*copy, "ddd");
  EXPECT_TRUE(fs::exists(file + "-wal"));
}

TEST_F(BackupTest, ACopyIsOfOneMomentWhileOthersWrite) {
  auto store = open_joined();
  put(*store, "a0");
  std::atomic<bool> stop = false;
  std::atomic<int> written = 1;
  std::thread writes([&] {
    for (int i = 1; !stop; ++i, ++written) put(*store, fmt::format("a{}", i), 5000);
  });
  auto reads = open();
  for (int i = 0; i < 5; ++i) {
    const int before = written;
    ASSERT_TRUE(reads->upkeep().back_up(folder_.file("copy.db"), true));
    const int after = written + 1;
    auto copy = open("copy.db", OpenMode::kExisting);
    const auto runs = copy->runs({}).value();
    EXPECT_GE(static_cast<int>(runs.size()), before);
    EXPECT_LE(static_cast<int>(runs.size()), after);
    EXPECT_TRUE(copy->upkeep().damage()->empty());
    for (const RunRow& row : runs) EXPECT_EQ(copy->entries(row.key, 0)->size(), 1u);
    copy.reset();
    for (const char* part : {"-wal", "-shm", "-lock"}) fs::remove(folder_.file("copy.db") + part);
  }
  stop = true;
  writes.join();
}

TEST_F(BackupTest, NothingIsOverwrittenUnlessThatIsWanted) {
  auto store = open_joined();
  put(*store, "aaa");
  const std::string file = folder_.file("copy.db");
  std::ofstream(file) << "somebody's own";
  EXPECT_EQ(refused(*store, file).kind, ErrorKind::kExists);
  EXPECT_EQ(fs::file_size(file), 14u);
  ASSERT_TRUE(store->upkeep().back_up(file, true));
  EXPECT_GT(fs::file_size(file), 4096u);
  // It would be read as a part of the copy.
  std::ofstream(file + "-wal") << "of another";
  EXPECT_EQ(refused(*store, file, true).kind, ErrorKind::kExists);
  for (const char* part : {"", "-wal", "-lock"})
    EXPECT_EQ(refused(*store, folder_.file("store.db") + part, true).kind, ErrorKind::kInvalid);
  EXPECT_EQ(refused(*store, folder_.path() + "/./store.db-shm", true).kind, ErrorKind::kInvalid);
  EXPECT_EQ(refused(*store, folder_.path(), true).kind, ErrorKind::kInvalid);
  const Error lost = refused(*store, folder_.file("no/copy.db"));
  EXPECT_NE(lost.cure.find("no exists"), std::string::npos) << lost.cure;
  EXPECT_EQ(store->runs({})->size(), 1u);
}

TEST_F(BackupTest, AFullDiskLeavesNoPartOfACopy) {
  auto store = open_joined();
  put(*store, "aaa", 600'000);
  const auto before = files();
  {
    const SmallDisk small(256 * 1024);
    const Error error = refused(*store, folder_.file("copy.db"));
    EXPECT_EQ(error.kind, ErrorKind::kFull) << error.message;
    EXPECT_NE(error.cure.find("copy.db"), std::string::npos) << error.cure;
  }
  EXPECT_EQ(files(), before);
  EXPECT_EQ(store->runs({})->size(), 1u);
}

// What came with the formats since 3 (schema.cpp), taken away again.
constexpr const char* kAsFormat3 =
    "drop index run_retries; drop index run_follows; alter table run drop column retries;"
    "alter table run drop column retry_rule; drop index run_ready; drop index run_wake; drop index "
    "run_held; drop index run_schedule;"
    "drop index engine_works; drop index run_parent; alter table run drop column parent;"
    "alter table run drop column link; alter table run drop column parent_request;"
    "alter table run drop column parent_path; alter table run drop column parent_under;"
    "alter table run drop column claims; alter table run drop column schedule;"
    "alter table run drop column stood; alter table engine drop column epoch;"
    "alter table blob drop column plain_size; alter table log drop column plain_size;"
    "alter table run drop column placement; alter table engine drop column takes;"
    "delete from meta where name='home';"
    "alter table engine drop column works; drop table schedule; drop table firing;"
    "drop table notice; drop table audit; pragma user_version=3";

TEST_F(BackupTest, AMigrationSaysWhereItsCopyLies) {
  { put(*open_joined(), "aaa"); }
  sql(kAsFormat3);
  auto store = open();
  EXPECT_EQ(store->identity().copy, folder_.file("store.db-format-3"));
  EXPECT_EQ(store->identity().format_before, 3);
  EXPECT_EQ(store->runs({})->size(), 1u);
  EXPECT_EQ(open()->identity().copy, "");
  EXPECT_EQ(store->upkeep().dangling()->size(), 0u);
}

TEST_F(BackupTest, WithoutACopyNothingIsMigrated) {
  { put(*open_joined(), "aaa", 600'000); }
  sql(kAsFormat3);
  {
    const SmallDisk small(256 * 1024);
    const auto done = open_store(folder_.store(), OpenMode::kExisting);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::kFull) << done.error().message;
    EXPECT_NE(done.error().message.find("without a copy"), std::string::npos);
  }
  for (const std::string& name : files()) EXPECT_EQ(name.find("-format-"), std::string::npos);
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(folder_.file("store.db").c_str(), &database), SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(database, "pragma user_version", -1, &statement, nullptr);
  EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW);
  EXPECT_EQ(sqlite3_column_int(statement, 0), 3);
  sqlite3_finalize(statement);
  sqlite3_close(database);
  EXPECT_EQ(open()->runs({})->size(), 1u);
}

TEST_F(BackupTest, RoomIsGivenBackOnceNobodyDrivesRuns) {
  {
    auto store = open_joined();
    put(*store, "aaa", 3'000'000);
    sql("delete from journal; delete from run");
    auto other = open();
    const auto busy = other->upkeep().vacuum();
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().kind, ErrorKind::kLocked);
    EXPECT_FALSE(busy.error().cure.empty());
  }
  auto store = open();
  const auto room = store->upkeep().vacuum();
  ASSERT_TRUE(room) << room.error().message;
  EXPECT_GT(room->before, 3'000'000);
  EXPECT_LT(room->after, 500'000);
  EXPECT_FALSE(room->log_left);
  EXPECT_EQ(room->after, static_cast<int64_t>(fs::file_size(folder_.file("store.db"))));
  EXPECT_EQ(fs::file_size(folder_.file("store.db-wal")), 0u);
  EXPECT_TRUE(store->runs({})->empty());
  EXPECT_TRUE(store->join({8, "boot:1", 4711, 1, true}));
}

TEST_F(BackupTest, AReaderKeepsTheLog) {
  { put(*open_joined(), "aaa", 100'000); }
  auto reads = open();
  ASSERT_TRUE(reads->upkeep().begin_look());
  const auto room = open()->upkeep().vacuum();
  ASSERT_TRUE(room) << room.error().message;
  EXPECT_TRUE(room->log_left);
  EXPECT_EQ(reads->runs({})->size(), 1u);
  reads->upkeep().end_look();
  EXPECT_EQ(reads->entries(reads->find_run("aaa")->key, 0)->size(), 1u);
}

}  // namespace
}  // namespace rbk::engine::sqlite
