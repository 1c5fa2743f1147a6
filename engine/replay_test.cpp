// Time travel: at each entry the same, whichever way one comes there, and nothing of the run
// changes.
#include "engine/replay.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <boost/json/serialize.hpp>

#include "engine/engine.h"
#include "engine/testing/actions.h"
#include "engine/testing/program.h"
#include "engine/testing/temp_folder.h"

namespace rbk::engine {
namespace {

using testing::ImmediateAction;
using testing::TempFolder;
using testing::TestActions;

class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() { now_ = &actions_.add<ImmediateAction>("now"); }
  std::unique_ptr<Engine> open() {
    return Engine::open(folder_.store(), OpenMode::kCreate, World::real(), &actions_).value();
  }
  static std::string start(Engine& engine, const std::string& script) {
    return engine.start({testing::program(script), "main", {}, "", {}, {"ann", {}, {}}}).value();
  }
  /// Everything that can be seen where it stands.
  static std::string seen(const Replay& replay) {
    std::string text = fmt::format("{} {}\n", replay.at(), boost::json::serialize(replay.what()));
    for (const vm::FiberState& fiber : replay.fibers()) {
      text += fmt::format("{} {} {} {}\n", fiber.id, fiber.path, fiber.waits_for, fiber.request);
      for (const vm::FrameState& frame : fiber.frames)
        for (const vm::VariableState& variable : frame.variables)
          text += fmt::format("  {}={}\n", variable.name, boost::json::serialize(variable.value));
    }
    for (const auto& [id, asked] : replay.pending().all()) text += fmt::format("p{}\n", id);
    return text;
  }
  static boost::json::value variable(const Replay& replay, const std::string& name) {
    for (const vm::FiberState& fiber : replay.fibers())
      for (const vm::FrameState& frame : fiber.frames)
        for (const vm::VariableState& one : frame.variables)
          if (one.name == name) return one.value;
    return nullptr;
  }
  TempFolder folder_;
  TestActions actions_;
  ImmediateAction* now_ = nullptr;
};

TEST_F(ReplayTest, ShowsTheSameAtAnEventHoweverItIsReached) {
  auto engine = open();
  const std::string run = start(*engine, "w now 300;a go;w now");
  ASSERT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kSuspended);
  auto forwards = engine->replay(run).value();
  std::vector<std::string> all;
  for (uint64_t entry = 1; entry <= forwards->count(); ++entry) {
    ASSERT_TRUE(forwards->seek(entry));
    all.push_back(seen(*forwards));
  }
  ASSERT_EQ(all.size(), 301u);
  for (uint64_t entry = forwards->count(); entry >= 1; --entry) {
    ASSERT_TRUE(forwards->seek(entry));
    ASSERT_EQ(seen(*forwards), all[entry - 1]);
  }
  for (const uint64_t entry : {250, 3, 299, 64, 65, 63, 301, 1, 128}) {
    auto fresh = engine->replay(run).value();
    ASSERT_TRUE(fresh->seek(entry));
    EXPECT_EQ(seen(*fresh), all[entry - 1]);
    ASSERT_TRUE(forwards->seek(entry));
    EXPECT_EQ(seen(*forwards), all[entry - 1]);
  }
}

TEST_F(ReplayTest, VariablesFibersAndWhatWaitsAreThoseOfThatMoment) {
  auto engine = open();
  const std::string run = start(*engine, "w now 3;a go");
  ASSERT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kSuspended);
  auto replay = engine->replay(run).value();
  ASSERT_EQ(replay->count(), 4u);
  ASSERT_TRUE(replay->seek(3));
  EXPECT_EQ(replay->what().at("kind"), "performed");
  EXPECT_EQ(replay->what().at("path"), "now[1]");
  EXPECT_EQ(variable(*replay, "count"), 2);
  ASSERT_EQ(replay->fibers().size(), 1u);
  EXPECT_EQ(replay->fibers()[0].waits_for, "perform");
  EXPECT_EQ(replay->fibers()[0].path, "now[2]");
  ASSERT_TRUE(replay->seek(2));
  EXPECT_EQ(variable(*replay, "count"), 1);
  ASSERT_TRUE(replay->seek(4));
  EXPECT_EQ(replay->fibers()[0].waits_for, "people");
  ASSERT_EQ(replay->pending().all().size(), 1u);
}

TEST_F(ReplayTest, LooksAndTouchesNothing) {
  auto engine = open();
  const std::string run = start(*engine, "w now 5;a go;w now");
  ASSERT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kSuspended);
  const int started = now_->started;
  auto store = open_store(folder_.store(), OpenMode::kExisting).value();
  const RunRow before = store->find_run(run).value();
  auto other = Engine::open(folder_.store(), OpenMode::kReading, World::real(), &actions_).value();
  auto replay = other->replay(run).value();
  ASSERT_TRUE(replay->seek(replay->count()));
  ASSERT_TRUE(replay->seek(1));
  EXPECT_EQ(now_->started, started);
  const RunRow after = store->find_run(run).value();
  EXPECT_EQ(after.token, before.token);
  EXPECT_EQ(after.head, before.head);
  EXPECT_EQ(after.holder, before.holder);
  // What comes meanwhile is found.
  ASSERT_TRUE(engine->approve(run, "", {}, {"bob", {"sre"}, {}}));
  ASSERT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kOver);
  const uint64_t known = replay->count();
  ASSERT_TRUE(replay->refresh());
  ASSERT_GT(replay->count(), known);
  ASSERT_TRUE(replay->seek(replay->count()));
  EXPECT_TRUE(replay->ended());
  EXPECT_TRUE(replay->fibers().empty());
  EXPECT_TRUE(replay->turn().ending.has_value());
}

TEST_F(ReplayTest, ARollbackByHandBeginsWhereItsRunEnded) {
  actions_.add<ImmediateAction>("undo");
  auto engine = open();
  const std::string run = start(*engine, "b now 2");
  ASSERT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kOver);
  const std::string rollback = engine->rollback(run, {}, {"bob", {}, {}}).value();
  ASSERT_EQ(engine->drive(rollback, {})->why, DriveEnd::Why::kOver);
  auto replay = engine->replay(rollback).value();
  ASSERT_TRUE(replay->seek(1));
  EXPECT_EQ(replay->what().at("kind"), "roll_back");
  ASSERT_FALSE(replay->fibers().empty());
  EXPECT_TRUE(replay->fibers()[0].frames[0].undoes);
  ASSERT_TRUE(replay->seek(replay->count()));
  EXPECT_TRUE(replay->ended());
}

TEST_F(ReplayTest, FindsWhereAStepGoesOn) {
  auto engine = open();
  const std::string run = start(*engine, "w now 4");
  ASSERT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kOver);
  auto replay = engine->replay(run).value();
  ASSERT_TRUE(replay->seek_step("now[2]").value());
  EXPECT_EQ(replay->at(), 3u);
  ASSERT_TRUE(replay->seek_step("now").value());
  EXPECT_EQ(replay->at(), 4u);
  ASSERT_TRUE(replay->seek(2));
  EXPECT_FALSE(replay->seek_step("nowhere").value());
  EXPECT_EQ(replay->at(), 2u);
  EXPECT_EQ(replay->seek(99).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(replay->at(), 2u);
}

TEST_F(ReplayTest, StandsBeforeAnEntryThatDoesNotFit) {
  auto engine = open();
  const std::string run = start(*engine, "w now 40;a go");
  ASSERT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kSuspended);
  engine.reset();
  // As if another program had been put under the run: it asks for more.
  const auto other = testing::program("w now 38;a go");
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(folder_.file("store.db").c_str(), &database), SQLITE_OK);
  std::string hex;
  for (const char byte : bytecode::save(*other)) hex += fmt::format("{:02x}", uint8_t(byte));
  const std::string text = "update program set bytes=x'" + hex + "', hash=x'" +
                           to_hex(bytecode::content_hash(*other)) + "'";
  EXPECT_EQ(sqlite3_exec(database, text.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  engine = open();
  auto replay = engine->replay(run).value();
  const auto gone = replay->seek(replay->count());
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(gone.error().message.find("entry 39"), std::string::npos) << gone.error().message;
  EXPECT_EQ(replay->at(), 38u);
  EXPECT_EQ(variable(*replay, "count"), 37);
  EXPECT_TRUE(replay->seek(20));
}

}  // namespace
}  // namespace rbk::engine
