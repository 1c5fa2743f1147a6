// What a store on SQLite does with files: as they are, as they should not be, and with other
// processes.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "engine/sqlite/lock_file.h"
#include "engine/sqlite/schema.h"
#include "engine/store.h"
#include "engine/testing/temp_folder.h"

namespace rbk::engine::sqlite {
namespace {

using engine::testing::TempFolder;

Entry entry(uint64_t number, size_t size = 100) {
  Entry made;
  made.number = number;
  made.time = 1000;
  made.body = std::string(size, 'x');
  return made;
}

Group new_run(const std::string& id, EngineKey engine) {
  Group group;
  group.engine = engine;
  NewRun& fresh = group.runs.emplace_back();
  fresh.row.id = id;
  fresh.row.program = sha256("p");
  fresh.row.labels = "{}";
  fresh.program = std::make_shared<ProgramRow>(ProgramRow{fresh.row.program, "p"});
  fresh.change.entries.push_back(entry(1));
  return group;
}

Group next(const RunRow& row, uint64_t head, size_t size = 100) {
  Group group;
  group.engine = row.holder;
  RunChange& change = group.changes.emplace_back();
  change.run = row.key;
  change.token = row.token;
  change.head = head;
  change.entries.push_back(entry(head + 1, size));
  return group;
}

std::unique_ptr<Store> open_joined(const TempFolder& folder, EngineKey key) {
  auto store = open_store(folder.store(), OpenMode::kCreate).value();
  EXPECT_TRUE(store->join({key, "boot:1", getpid(), 1, true}));
  return store;
}

void sql(const std::string& path, const char* text) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  char* error = nullptr;
  EXPECT_EQ(sqlite3_exec(database, text, nullptr, nullptr, &error), SQLITE_OK) << error;
  sqlite3_close(database);
}

/// Runs `body` in a process of its own; true if it returned true.
template <typename Body>
bool in_process(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(SqliteStore, ItsFilesAreReadableByTheirOwnerAlone) {
  TempFolder folder;
  auto store = open_store("sqlite:" + folder.file("sub/store.db"), OpenMode::kCreate).value();
  ASSERT_TRUE(store->join({7, "boot:1", 1, 1, true}));
  Group group = new_run("aaa", 7);
  ASSERT_TRUE(store->commit(group));
  for (const char* name : {"store.db", "store.db-wal", "store.db-shm", "store.db-lock"}) {
    struct stat facts {};
    ASSERT_EQ(stat(folder.file(std::string("sub/") + name).c_str(), &facts), 0) << name;
    EXPECT_EQ(facts.st_mode & 0777, 0600u) << name;
  }
  for (const auto& file : std::filesystem::directory_iterator(folder.file("sub")))
    EXPECT_EQ(file.path().string().find("-new-"), std::string::npos);
}

TEST(SqliteStore, AMissingOneIsOnlyMadeIfThatIsWanted) {
  TempFolder folder;
  const auto missing = open_store(folder.store(), OpenMode::kExisting);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(missing.error().message.find(folder.file("store.db")), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder.file("store.db")));
  const auto nowhere = open_store("sqlite:" + folder.file("a/b/store.db"), OpenMode::kCreate);
  EXPECT_EQ(nowhere.error().kind, ErrorKind::kIo);
}

TEST(SqliteStore, ItIsFullyDurableAndNeverCheckpointsByItself) {
  TempFolder folder;
  auto store = open_joined(folder, 7);
  auto connection = Connection::open(folder.file("store.db")).value();
  auto synchronous = connection.prepare("pragma synchronous").value();
  ASSERT_EQ(synchronous.step(), SQLITE_ROW);
  EXPECT_EQ(synchronous.integer(0), 2);
  auto mode = connection.prepare("pragma journal_mode").value();
  ASSERT_EQ(mode.step(), SQLITE_ROW);
  EXPECT_EQ(mode.text(0), "wal");
  int disabled = 0;
  sqlite3_db_config(connection.raw(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, -1, &disabled);
  EXPECT_EQ(disabled, 1);
}

TEST(SqliteStore, ALongLogIsBroughtHome) {
  TempFolder folder;
  auto store = open_joined(folder, 7);
  Group group = new_run("aaa", 7);
  ASSERT_TRUE(store->commit(group));
  const RunRow row = store->run(group.runs[0].row.key).value();
  for (uint64_t head = 1; head < 60; ++head) {
    Group change = next(row, head, 256 * 1024);
    ASSERT_TRUE(store->commit(change));
  }
  EXPECT_GT(std::filesystem::file_size(folder.file("store.db")), 10u << 20);
  EXPECT_LT(std::filesystem::file_size(folder.file("store.db-wal")), 10u << 20);
  EXPECT_EQ(store->entries(row.key, 0)->size(), 60u);
}

TEST(SqliteStore, ANewerFormatIsRefusedWithItsCure) {
  TempFolder folder;
  open_joined(folder, 7).reset();
  sql(folder.file("store.db"), "pragma user_version=99");
  const auto refused = open_store(folder.store(), OpenMode::kCreate);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(refused.error().message.find("format 99"), std::string::npos);
  EXPECT_FALSE(refused.error().cure.empty());
}

TEST(SqliteStore, AMigrationUnderAnOpenStoreIsNoticedBeforeTheNextCommit) {
  TempFolder folder;
  auto store = open_joined(folder, 7);
  sql(folder.file("store.db"), "pragma user_version=99");
  Group group = new_run("aaa", 7);
  EXPECT_EQ(store->commit(group).error().kind, ErrorKind::kUnsupported);
}

TEST(SqliteStore, OtherFilesAreRefused) {
  TempFolder folder;
  std::ofstream(folder.file("store.db")) << std::string(5000, 'x');
  auto refused = open_store(folder.store(), OpenMode::kCreate);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(refused.error().message.find("not a database"), std::string::npos);
  sql(folder.file("other.db"), "create table x(y)");
  refused = open_store("sqlite:" + folder.file("other.db"), OpenMode::kCreate);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  refused = open_store("sqlite:" + folder.path(), OpenMode::kCreate);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
}

TEST(SqliteStore, DamageIsNamed) {
  TempFolder folder;
  {
    auto store = open_joined(folder, 7);
    for (const char* id : {"aaa", "bbb", "ccc"}) {
      Group group = new_run(id, 7);
      ASSERT_TRUE(store->commit(group));
    }
  }
  sql(folder.file("store.db"), "pragma wal_checkpoint(truncate)");
  std::fstream file(folder.file("store.db"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);
  file << std::string(40 * 4096, '\x55');
  file.close();
  auto store = open_store(folder.store(), OpenMode::kExisting);
  Error error;
  if (!store) {
    error = store.error();
  } else {
    auto runs = (*store)->runs({});
    ASSERT_FALSE(runs);
    error = runs.error();
  }
  EXPECT_EQ(error.kind, ErrorKind::kCorrupt) << error.message;
  EXPECT_NE(error.message.find(folder.file("store.db")), std::string::npos);
}

TEST(SqliteStore, ADamagedEntryIsFound) {
  TempFolder folder;
  auto store = open_joined(folder, 7);
  Group group = new_run("aaa", 7);
  ASSERT_TRUE(store->commit(group));
  sql(folder.file("store.db"), "update journal set body='y' where number=1");
  const auto entries = store->entries(group.runs[0].row.key, 0);
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(entries.error().message.find("entry 1"), std::string::npos);
}

TEST(SqliteStore, AFolderWithoutPermissionIsRefused) {
  TempFolder folder;
  open_joined(folder, 7).reset();
  ASSERT_EQ(chmod(folder.file("store.db").c_str(), 0444), 0);
  ASSERT_EQ(chmod(folder.path().c_str(), 0555), 0);
  const bool refused = in_process([&] {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return false;
    const auto existing = open_store(folder.store(), OpenMode::kExisting);
    const auto fresh = open_store("sqlite:" + folder.file("new.db"), OpenMode::kCreate);
    return !existing && existing.error().kind == ErrorKind::kPermission && !fresh &&
           fresh.error().kind == ErrorKind::kPermission && !fresh.error().cure.empty();
  });
  chmod(folder.path().c_str(), 0755);
  EXPECT_TRUE(refused);
}

/// Whether a user who may only read the store finds its run.
bool a_reader_finds(const TempFolder& folder, std::string_view run) {
  return in_process([&] {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return false;
    const auto store = open_store(folder.store(), OpenMode::kReading);
    return store && (*store)->find_run(run) && (*store)->changed() &&
           !open_store(folder.store(), OpenMode::kExisting);
  });
}

TEST(SqliteStore, WhereNothingCanBeWrittenItIsReadAllTheSame) {
  TempFolder folder;
  auto store = open_joined(folder, 7);
  Group group = new_run("aaa", 7);
  ASSERT_TRUE(store->commit(group));
  const auto only_readable = [&] {
    for (const auto& file : std::filesystem::directory_iterator(folder.path()))
      chmod(file.path().c_str(), 0444);
    chmod(folder.path().c_str(), 0555);
  };
  only_readable();
  EXPECT_TRUE(a_reader_finds(folder, "aaa")) << "while its holder lives";
  store.reset();
  EXPECT_TRUE(a_reader_finds(folder, "aaa")) << "with a log";
  chmod(folder.path().c_str(), 0755);
  std::filesystem::remove(folder.file("store.db-shm"));
  only_readable();
  EXPECT_FALSE(a_reader_finds(folder, "aaa")) << "a log without its index";
  chmod(folder.path().c_str(), 0755);
  chmod(folder.file("store.db").c_str(), 0644);
  sql(folder.file("store.db"), "pragma wal_checkpoint(truncate)");
  std::filesystem::remove(folder.file("store.db-shm"));
  std::filesystem::remove(folder.file("store.db-wal"));
  std::filesystem::remove(folder.file("store.db-lock"));
  only_readable();
  EXPECT_TRUE(a_reader_finds(folder, "aaa")) << "without a log";
  chmod(folder.path().c_str(), 0755);
}

TEST(SqliteStore, AReadOnlyFileSystemIsReadAndNamedWhenItIsToBeWritten) {
  TempFolder folder;
  if (mount("none", folder.path().c_str(), "tmpfs", 0, "size=4m") != 0)
    GTEST_SKIP() << "mounting a tmpfs needs root";
  {
    auto store = open_joined(folder, 7);
    Group group = new_run("aaa", 7);
    ASSERT_TRUE(store->commit(group));
  }
  ASSERT_EQ(mount("none", folder.path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, ""), 0);
  {
    const auto store = open_store(folder.store(), OpenMode::kReading);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_TRUE((*store)->find_run("aaa"));
    const auto refused = open_store(folder.store(), OpenMode::kExisting);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kPermission);
    EXPECT_NE(refused.error().cure.find("mount"), std::string::npos) << refused.error().cure;
  }
  umount(folder.path().c_str());
}

TEST(SqliteStore, AFullDiskIsNamedAndNothingIsHalfWritten) {
  TempFolder folder;
  auto store = open_joined(folder, 7);
  Group group = new_run("aaa", 7);
  ASSERT_TRUE(store->commit(group));
  const RunRow row = store->run(group.runs[0].row.key).value();
  // A limit on the size of files stands for the end of the disk: the write fails half way.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{256 * 1024, before.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  Group too_much = next(row, 1, 1 << 20);
  const auto full = store->commit(too_much);
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, ErrorKind::kFull) << full.error().message;
  EXPECT_FALSE(full.error().cure.empty());
  ASSERT_TRUE(store->reopen());
  EXPECT_EQ(store->run(row.key)->head, 1u);
  Group again = next(row, 1);
  EXPECT_TRUE(store->commit(again));
  EXPECT_EQ(store->entries(row.key, 0)->size(), 2u);
}

TEST(SqliteStore, ASmallFileSystemThatFillsUpIsNamed) {
  TempFolder folder;
  if (mount("none", folder.path().c_str(), "tmpfs", 0, "size=1m") != 0)
    GTEST_SKIP() << "mounting a tmpfs needs root";
  ErrorKind kind = ErrorKind::kInternal;
  uint64_t written = 1;
  {
    auto store = open_joined(folder, 7);
    Group group = new_run("aaa", 7);
    ASSERT_TRUE(store->commit(group));
    const RunRow row = store->run(group.runs[0].row.key).value();
    for (;; ++written) {
      Group change = next(row, written, 100'000);
      const auto done = store->commit(change);
      if (done) continue;
      kind = done.error().kind;
      break;
    }
    ASSERT_TRUE(store->reopen());
    EXPECT_EQ(store->run(row.key)->head, written);
  }
  umount(folder.path().c_str());
  EXPECT_EQ(kind, ErrorKind::kFull);
}

TEST(SqliteStore, ManyOpenANewOneAtOnceAndAgreeOnIt) {
  TempFolder folder;
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      auto store = open_store(folder.store(), OpenMode::kCreate);
      if (!store || !(*store)->join({100 + i, "boot:1", 1, 1, true})) _exit(1);
      for (int run = 0; run < 20; ++run) {
        Group group = new_run("r" + std::to_string(i * 100 + run), 100 + i);
        if (!(*store)->commit(group)) _exit(2);
      }
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  auto store = open_store(folder.store(), OpenMode::kExisting).value();
  EXPECT_EQ(store->runs({})->size(), 160u);
}

TEST(SqliteStore, AKilledHolderIsFollowedAtOnceAndLosesNothingItCommitted) {
  TempFolder folder;
  open_joined(folder, 7).reset();
  for (int round = 0; round < 20; ++round) {
    int told[2];
    ASSERT_EQ(pipe(told), 0);
    const std::string id = "run" + std::to_string(round);
    const pid_t child = fork();
    if (child == 0) {
      auto store = open_joined(folder, 1000 + round);
      Group group = new_run(id, 1000 + round);
      if (!store->commit(group)) _exit(1);
      const RunRow row = store->run(group.runs[0].row.key).value();
      for (uint64_t head = 1;; ++head) {
        Group change = next(row, head);
        if (!store->commit(change)) _exit(1);
        const uint64_t number = head + 1;
        if (write(told[1], &number, sizeof number) < 0) _exit(1);
      }
    }
    close(told[1]);
    uint64_t acknowledged = 0;
    for (int i = 0; i < 5 + round; ++i)
      ASSERT_EQ(read(told[0], &acknowledged, sizeof acknowledged), ssize_t{sizeof acknowledged});
    kill(child, SIGKILL);
    uint64_t later = 0;
    while (read(told[0], &later, sizeof later) == ssize_t{sizeof later}) acknowledged = later;
    close(told[0]);
    waitpid(child, nullptr, 0);
    auto store = open_joined(folder, 2000 + round);
    const RunRow found = store->find_run(id).value();
    const auto claimed = store->claim(found.key, 2000 + round);
    ASSERT_TRUE(claimed) << claimed.error().message;
    EXPECT_GE(claimed->head, acknowledged);
    EXPECT_EQ(store->entries(found.key, 0)->size(), claimed->head);
  }
}

TEST(SqliteStore, ASecondProcessWaitsForTheLockAndSaysSoInTheEnd) {
  TempFolder folder;
  auto store = open_joined(folder, 7);
  auto other = LockFile::open(folder.file("store.db")).value();
  ASSERT_TRUE(other.lock_commits());
  std::thread releases([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    other.unlock_commits();
  });
  Group group = new_run("aaa", 7);
  EXPECT_TRUE(store->commit(group));
  releases.join();
}

TEST(SqliteStore, WhatIsRedactedIsGoneFromTheFile) {
  TempFolder folder;
  auto store = open_joined(folder, 7);
  Group group = new_run("aaa", 7);
  ASSERT_TRUE(store->commit(group));
  Message message{0, "m", group.runs[0].row.key, 1, Message::Kind::kAnswer, "{}", "ann", 1, {}};
  // Stands in the trail alone; in the midst of what is freed, where nothing new is laid over it.
  const std::string name = "a name to be forgotten";
  message.path = std::string(700, 'x') + name + std::string(700, 'x');
  ASSERT_TRUE(store->post(message));
  Group another = new_run("bbb", 7);
  ASSERT_TRUE(store->commit(another));
  const auto holds_it = [&] {
    sql(folder.file("store.db"), "pragma wal_checkpoint(truncate)");
    std::ifstream file(folder.file("store.db"), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    return bytes.find(name) != std::string::npos;
  };
  EXPECT_TRUE(holds_it());
  ASSERT_TRUE(store->redact_audit(3, "by its wish", {"ann", "", 2}));
  EXPECT_FALSE(holds_it());
}

TEST(LockFile, ALifeEndsWithItsFile) {
  TempFolder folder;
  auto first = LockFile::open(folder.file("s")).value();
  auto second = LockFile::open(folder.file("s")).value();
  EXPECT_FALSE(second.engine_lives(5));
  ASSERT_TRUE(first.hold_engine(5));
  EXPECT_TRUE(second.engine_lives(5));
  EXPECT_TRUE(first.engine_lives(5));
  EXPECT_FALSE(second.engine_lives(6));
  EXPECT_FALSE(second.hold_engine(5));
  first = LockFile();
  EXPECT_FALSE(second.engine_lives(5));
}

}  // namespace
}  // namespace rbk::engine::sqlite
