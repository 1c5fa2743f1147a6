// A store's file that was copied, restored, moved: which of that begins a new epoch.
#include "engine/sqlite/home.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "engine/store.h"
#include "engine/testing/temp_folder.h"
#include "engine/upkeep.h"

namespace rbk::engine::sqlite {
namespace {

namespace fs = std::filesystem;
using engine::testing::TempFolder;

class HomeTest : public ::testing::Test {
 protected:
  std::unique_ptr<Store> open(const std::string& name = "store.db") {
    auto store = open_store("sqlite:" + folder_.file(name), OpenMode::kCreate);
    EXPECT_TRUE(store) << (store ? "" : store.error().message);
    return store ? std::move(*store) : nullptr;
  }
  std::unique_ptr<Store> open_joined(EngineKey key = 7) {
    auto store = open();
    EXPECT_TRUE(store->join({key, "boot:1", 4711, 1, true}));
    return store;
  }
  static void put(Store& store, const std::string& id, EngineKey engine = 7) {
    Group group;
    group.engine = engine;
    NewRun& fresh = group.runs.emplace_back();
    fresh.row.id = id;
    fresh.row.program = sha256("p");
    fresh.row.labels = "{}";
    fresh.program = std::make_shared<ProgramRow>(ProgramRow{fresh.row.program, "p"});
    Entry& entry = fresh.change.entries.emplace_back();
    entry.number = 1;
    entry.body = "x";
    auto done = store.commit(group);
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
  }
  /// Its bytes and its log's, over what is there: inode and birth stay.
  void copy_over(const std::string& from, const std::string& to) {
    for (const char* part : {"", "-wal"})
      fs::copy_file(folder_.file(from + part), folder_.file(to + part),
                    fs::copy_options::overwrite_existing);
    fs::remove(folder_.file(to + "-shm"));
  }
  int64_t epoch(const std::string& name = "store.db") { return open(name)->identity().epoch; }

  TempFolder folder_;
};

TEST_F(HomeTest, WhatTellsFilesApart) {
  EXPECT_TRUE(is_home("12 5.000000001", "12 5.000000001"));
  EXPECT_FALSE(is_home("12 5.000000001", "12 6.000000001"));
  EXPECT_FALSE(is_home("12 5.000000001", "13 5.000000001"));
  EXPECT_TRUE(is_home("12", "12 5.000000001")) << "one of them was seen where no birth is kept";
  EXPECT_FALSE(is_home("12", "1"));
  EXPECT_FALSE(is_home("1", "12 5.000000001"));
  EXPECT_TRUE(is_home("", "12 5.000000001")) << "it has never said";
  EXPECT_TRUE(is_home("12 5.000000001", "")) << "it can't be asked";
  EXPECT_FALSE(is_home(kCopied, ""));
}

TEST_F(HomeTest, ANewFolderANewNameAndAVacuumAreTheSameStore) {
  { put(*open_joined(), "aaa"); }
  EXPECT_EQ(epoch(), 1);
  ASSERT_TRUE(open()->upkeep().vacuum());
  EXPECT_EQ(epoch(), 1);
  fs::create_directory(folder_.file("below"));
  for (const char* part : {"", "-wal", "-lock"})
    fs::rename(folder_.file(std::string("store.db") + part),
               folder_.file(std::string("below/other.db") + part));
  EXPECT_EQ(epoch("below/other.db"), 1);
}

TEST_F(HomeTest, ACopyIsAnotherOne) {
  { put(*open_joined(), "aaa"); }
  copy_over("store.db", "copy.db");
  auto copy = open("copy.db");
  EXPECT_EQ(copy->identity().epoch, 2);
  EXPECT_EQ(copy->hold().value()->runs, 1);
  EXPECT_EQ(copy->identity().id, open()->identity().id);
  EXPECT_EQ(epoch(), 1) << "the first one goes on";
  EXPECT_NE(copy->identity().incarnation, open()->identity().incarnation);
}

TEST_F(HomeTest, ABackupIsACopyWhereverItIsPut) {
  {
    auto store = open_joined();
    put(*store, "aaa");
    ASSERT_TRUE(store->upkeep().back_up(folder_.file("backup.db"), false));
  }
  // Over the file itself, which keeps its inode.
  fs::copy_file(folder_.file("backup.db"), folder_.file("store.db"),
                fs::copy_options::overwrite_existing);
  fs::remove(folder_.file("store.db-wal"));
  fs::remove(folder_.file("store.db-shm"));
  auto store = open();
  EXPECT_EQ(store->identity().epoch, 2);
  EXPECT_NE(store->hold().value()->why.find("rbk store backup"), std::string::npos);
}

TEST_F(HomeTest, AFileThatWasPutBackIsKnownByItsWitness) {
  {
    auto store = open_joined();
    put(*store, "aaa");
  }
  copy_over("store.db", "saved.db");
  copy_over("saved.db", "store.db");
  EXPECT_EQ(epoch(), 1) << "nothing was lost";
  { put(*open_joined(8), "bbb", 8); }
  EXPECT_EQ(epoch(), 1);
  copy_over("saved.db", "store.db");
  {
    auto store = open();
    EXPECT_EQ(store->identity().epoch, 2);
    EXPECT_EQ(store->hold().value()->runs, 1);
    EXPECT_NE(store->hold().value()->why.find("earlier state"), std::string::npos);
  }
  EXPECT_EQ(epoch(), 2) << "once";
}

TEST_F(HomeTest, WhatWasRemovedIsNotMissing) {
  {
    auto store = open_joined();
    put(*store, "aaa");
    put(*store, "bbb");
    RunChange change;
    const RunRow row = store->find_run("bbb").value();
    change.run = row.key;
    change.token = row.token;
    change.head = row.head;
    change.status = RunStatus::kSucceeded;
    change.ending = "{}";
    change.release = true;
    Entry& entry = change.entries.emplace_back();
    entry.number = 2;
    Group group;
    group.engine = 7;
    group.changes.push_back(std::move(change));
    ASSERT_TRUE(store->commit(group));
    RunLinks links;
    links.key = row.key;
    links.id = row.id;
    links.status = RunStatus::kSucceeded;
    const RunRow now = store->run(row.key).value();
    links.updated = now.updated;
    links.head = now.head;
    ASSERT_TRUE(store->upkeep().remove_trees({{links}}, {"ann", "", 1})->front());
    ASSERT_TRUE(store->upkeep().remove_left());
  }
  EXPECT_EQ(epoch(), 1);
}

}  // namespace
}  // namespace rbk::engine::sqlite
