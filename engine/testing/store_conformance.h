// What the tests of stores have in common: each test is carried out on every store.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "engine/store.h"
#include "engine/testing/temp_folder.h"

namespace rbk::engine::testing {

struct Backend {
  std::string name;
  std::string (*url)(const TempFolder&);
};
/// So that lists of tests name it.
inline void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }

class StoreConformance : public ::testing::TestWithParam<Backend> {
 protected:
  std::unique_ptr<Store> open() {
    auto store = open_store(GetParam().url(folder_), OpenMode::kCreate);
    EXPECT_TRUE(store.has_value()) << (store ? "" : store.error().message);
    return store ? std::move(*store) : nullptr;
  }

  static std::unique_ptr<Store> joined(std::unique_ptr<Store> store, EngineKey key) {
    EXPECT_TRUE(store->join({key, "boot:1", 4711, 1, true}));
    return store;
  }

  static NewRun new_run(const std::string& id, int entries = 1) {
    NewRun fresh;
    fresh.row.id = id;
    fresh.row.runbook = "hello";
    fresh.row.starter = "ann";
    fresh.row.labels = R"({"team":"sre"})";
    fresh.row.started = 1000;
    fresh.row.program = sha256("program");
    fresh.program = std::make_shared<ProgramRow>(ProgramRow{fresh.row.program, "program"});
    for (int i = 1; i <= entries; ++i)
      fresh.change.entries.push_back(entry(static_cast<uint64_t>(i)));
    return fresh;
  }

  static Entry entry(uint64_t number) {
    Entry made;
    made.number = number;
    made.time = 1000 + static_cast<int64_t>(number);
    made.boot_time = static_cast<int64_t>(number);
    made.body = "body " + std::to_string(number);
    made.news = "news " + std::to_string(number);
    return made;
  }

  static RunRow put(Store& store, EngineKey engine, const std::string& id, int entries = 1) {
    Group group;
    group.engine = engine;
    group.runs.push_back(new_run(id, entries));
    auto done = store.commit(group);
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().message);
    return store.run(group.runs[0].row.key).value();
  }

  static RunChange change_of(const RunRow& row) {
    RunChange change;
    change.run = row.key;
    change.token = row.token;
    change.head = row.head;
    change.status = row.status;
    change.entries.push_back(entry(row.head + 1));
    return change;
  }

  static std::vector<RunKey> commit(Store& store, RunChange change, EngineKey engine = 7) {
    Group group;
    group.engine = engine;
    group.changes.push_back(std::move(change));
    return store.commit(group).value().lost;
  }

  static RunChange ending(const RunRow& row, RunStatus status = RunStatus::kSucceeded) {
    RunChange change = change_of(row);
    change.status = status;
    change.ending = "{}";
    change.release = true;
    change.schedule = row.schedule;
    return change;
  }

  TempFolder folder_;
};

}  // namespace rbk::engine::testing
