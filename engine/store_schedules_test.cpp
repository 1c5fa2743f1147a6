// Schedules and their firings, on every store: each nominal time is dealt with once.
#include "engine/testing/store_conformance.h"

namespace rbk::engine {
namespace {

using testing::StoreConformance;

ProgramRow program() { return {sha256("program"), "program"}; }

ScheduleRow named(const std::string& name) {
  ScheduleRow row;
  row.name = name;
  row.program = program().hash;
  row.runbook = "hello";
  row.arguments = "[1]";
  row.timing = "{}";
  row.overlap = ScheduleRow::Overlap::kQueue;
  row.missed = ScheduleRow::Missed::kRunAll;
  row.missed_within = 99;
  row.place = "a.rbk:1";
  row.folder = "/srv/\xff";
  row.umask = 18;
  row.author = "ann";
  row.added = 1000;
  row.watermark = 1000;
  row.due = 2000;
  return row;
}

FiringRow at(int64_t nominal, FiringRow::Outcome outcome = FiringRow::Outcome::kStarted) {
  FiringRow row;
  row.zone = "UTC";
  row.nominal = nominal;
  row.at = nominal;
  row.time = nominal + 1;
  row.outcome = outcome;
  row.last = nominal;
  return row;
}

ScheduleStep step_of(const ScheduleRow& row, int64_t watermark) {
  ScheduleStep step;
  step.schedule = row.key;
  step.name = row.name;
  step.version = row.version;
  step.moves = true;
  step.watermark_was = row.watermark;
  step.watermark = watermark;
  step.due = watermark + 1000;
  step.time = watermark;
  return step;
}

/// Of the fixture's, which makes the runs.
class Fires : public StoreConformance {
 public:
  static Result<CommitResult> fire(Store& store, ScheduleStep step, FiringRow firing,
                                   const std::string& id) {
    Group group;
    group.engine = 7;
    group.runs.push_back(new_run(id));
    group.runs[0].row.schedule = step.schedule;
    group.runs[0].change.schedule = step.schedule;
    firing.schedule = step.schedule;
    step.start = std::move(firing);
    group.schedules.push_back(std::move(step));
    return store.commit(group);
  }
  static Status record(Store& store, ScheduleStep step, FiringRow firing) {
    Group group;
    group.engine = 7;
    firing.schedule = step.schedule;
    step.records.push_back(std::move(firing));
    group.schedules.push_back(std::move(step));
    auto done = store.commit(group);
    if (!done) return tl::unexpected(done.error());
    return {};
  }
};

TEST_P(StoreConformance, ASchedulesRowReadsBackAsWritten) {
  auto store = joined(open(), 7);
  ScheduleRow row = named("nightly");
  ASSERT_TRUE(store->put_schedule(row, program()));
  EXPECT_NE(row.key, 0);
  EXPECT_EQ(row.version, 1);
  const ScheduleRow read = store->schedule("nightly").value().value();
  EXPECT_EQ(read.key, row.key);
  EXPECT_EQ(read.version, 1);
  EXPECT_EQ(read.program, row.program);
  EXPECT_EQ(read.arguments, "[1]");
  EXPECT_EQ(read.overlap, ScheduleRow::Overlap::kQueue);
  EXPECT_EQ(read.missed, ScheduleRow::Missed::kRunAll);
  EXPECT_EQ(read.missed_within, 99);
  EXPECT_EQ(read.folder, row.folder);
  EXPECT_EQ(read.umask, 18);
  EXPECT_EQ(read.due, 2000);
  EXPECT_FALSE(read.paused.has_value());
  EXPECT_EQ(store->program(read.program).value(), "program");
  EXPECT_FALSE(store->schedule("other").value().has_value());
}

TEST_P(StoreConformance, AScheduleIsChangedByWhoHasSeenItAsItIs) {
  auto store = joined(open(), 7);
  ScheduleRow row = named("nightly");
  ASSERT_TRUE(store->put_schedule(row, program()));
  ScheduleRow twice = named("nightly");
  EXPECT_EQ(store->put_schedule(twice, program()).error().kind, ErrorKind::kExists);
  EXPECT_EQ(twice.key, 0);
  ScheduleRow stale = row;
  row.timing = "[]";
  ASSERT_TRUE(store->put_schedule(row, program()));
  EXPECT_EQ(row.version, 2);
  EXPECT_EQ(store->put_schedule(stale, program()).error().kind, ErrorKind::kExists);
  EXPECT_EQ(store->change_schedule(stale, ScheduleChange::kFacts).error().kind, ErrorKind::kExists);
  row.paused = 1500;
  row.paused_by = "bob";
  ASSERT_TRUE(store->change_schedule(row, ScheduleChange::kFacts));
  EXPECT_TRUE(store->due_schedules(9000, 10)->empty()) << "it is paused";
  EXPECT_FALSE(store->next_schedule(0).value().has_value());
  row = store->schedule("nightly").value().value();
  EXPECT_EQ(row.version, 3);
  EXPECT_EQ(row.timing, "[]");
  row.paused.reset();
  ASSERT_TRUE(store->change_schedule(row, ScheduleChange::kFacts));
  EXPECT_EQ(store->next_schedule(1999).value(), 2000);
  EXPECT_EQ(store->due_schedules(2000, 10)->size(), 1u);
  EXPECT_TRUE(store->due_schedules(1999, 10)->empty());
  row = store->schedule("nightly").value().value();
  ASSERT_TRUE(store->change_schedule(row, ScheduleChange::kRemove));
  EXPECT_TRUE(store->schedules()->empty());
  EXPECT_EQ(store->schedule(row.key).value()->name, "nightly") << "what was fired by it is known";
  ASSERT_TRUE(store->put_schedule(twice, program()));
  EXPECT_NE(twice.key, row.key);
}

TEST_P(StoreConformance, AFiringAndItsRunAreOneCommit) {
  auto store = joined(open(), 7);
  ScheduleRow row = named("nightly");
  ASSERT_TRUE(store->put_schedule(row, program()));
  ASSERT_TRUE(Fires::fire(*store, step_of(row, 2000), at(2000), "aaa111"));
  const RunRow run = store->find_run("aaa111").value();
  EXPECT_EQ(run.schedule, row.key);
  const FiringRow fired = store->firing_of_run(run.key).value().value();
  EXPECT_EQ(fired.nominal, 2000);
  EXPECT_EQ(fired.run_id, "aaa111");
  EXPECT_EQ(store->schedule("nightly").value()->watermark, 2000);
  EXPECT_EQ(store->schedule("nightly").value()->due, 3000);
  EXPECT_EQ(store->unfinished_of(row.key)->size(), 1u);
  // Another one that has seen the same comes too late, and makes nothing.
  EXPECT_EQ(Fires::fire(*store, step_of(row, 2000), at(2000), "bbb222").error().kind,
            ErrorKind::kExists);
  row = store->schedule("nightly").value().value();
  EXPECT_EQ(Fires::fire(*store, step_of(row, 3000), at(3000), "bbb222").error().kind,
            ErrorKind::kExists)
      << "a run of it goes on";
  commit(*store, ending(run));
  EXPECT_EQ(Fires::fire(*store, step_of(row, 3000), at(2000), "bbb222").error().kind,
            ErrorKind::kExists)
      << "that time has its run";
  EXPECT_FALSE(store->find_run("bbb222"));
  ASSERT_TRUE(Fires::fire(*store, step_of(row, 3000), at(3000), "bbb222"));
  const auto firings = store->firings(row.key, 0).value();
  ASSERT_EQ(firings.size(), 2u);
  EXPECT_EQ(firings[0].nominal, 3000) << "the newest first";
  EXPECT_EQ(store->firings(row.key, 1)->size(), 1u);
}

TEST_P(StoreConformance, WhatWasSkippedMayBeMadeUpForAndWhatIsByHandStandsBeside) {
  auto store = joined(open(), 7);
  ScheduleRow row = named("nightly");
  ASSERT_TRUE(store->put_schedule(row, program()));
  ASSERT_TRUE(Fires::record(*store, step_of(row, 2000), at(2000, FiringRow::Outcome::kSkipped)));
  row = store->schedule("nightly").value().value();
  ScheduleStep still = step_of(row, row.watermark);
  still.moves = false;
  FiringRow made_up = at(2000);
  made_up.kind = FiringRow::Kind::kBackfill;
  made_up.by = "ann";
  ASSERT_TRUE(Fires::fire(*store, still, made_up, "aaa111"));
  commit(*store, ending(store->find_run("aaa111").value()));
  FiringRow by_hand = at(2000);
  by_hand.kind = FiringRow::Kind::kHand;
  for (const char* id : {"bbb222", "ccc333"}) {
    ASSERT_TRUE(Fires::fire(*store, still, by_hand, id));
    commit(*store, ending(store->find_run(id).value()));
  }
  EXPECT_EQ(store->firings(row.key, 0)->size(), 3u);
  FiringRow like = at(2000);
  like.schedule = row.key;
  EXPECT_EQ(store->firing(like).value()->kind, FiringRow::Kind::kBackfill);
  EXPECT_EQ(store->firing(like).value()->by, "ann");
  EXPECT_EQ(store->schedule("nightly").value()->due, 3000) << "what stands still moves nothing";
}

TEST_P(StoreConformance, WhatIsQueuedIsDueWhenTheRunBeforeItEnds) {
  auto store = joined(open(), 7);
  ScheduleRow row = named("nightly");
  ASSERT_TRUE(store->put_schedule(row, program()));
  ASSERT_TRUE(Fires::fire(*store, step_of(row, 2000), at(2000), "aaa111"));
  row = store->schedule("nightly").value().value();
  ASSERT_TRUE(Fires::record(*store, step_of(row, 3000), at(3000, FiringRow::Outcome::kQueued)));
  EXPECT_EQ(store->schedule("nightly").value()->due, 4000);
  FiringRow queued = store->queued_firing(row.key).value().value();
  EXPECT_EQ(queued.nominal, 3000);
  queued.outcome = FiringRow::Outcome::kStarted;
  commit(*store, ending(store->find_run("aaa111").value()));
  row = store->schedule("nightly").value().value();
  EXPECT_EQ(row.due, 1002) << "the time of the end";
  ASSERT_TRUE(Fires::fire(*store, step_of(row, 3000), queued, "bbb222"));
  EXPECT_FALSE(store->queued_firing(row.key).value().has_value());
  EXPECT_EQ(store->firing_of_run(store->find_run("bbb222")->key).value()->key, queued.key);
  row = store->schedule("nightly").value().value();
  EXPECT_EQ(Fires::fire(*store, step_of(row, 4000), queued, "ccc333").error().kind,
            ErrorKind::kExists);
}

TEST_P(StoreConformance, WhatTheNextFiringCancels) {
  auto store = joined(open(), 7);
  ScheduleRow row = named("nightly");
  ASSERT_TRUE(store->put_schedule(row, program()));
  ASSERT_TRUE(Fires::fire(*store, step_of(row, 2000), at(2000), "aaa111"));
  row = store->schedule("nightly").value().value();
  ASSERT_TRUE(Fires::record(*store, step_of(row, 3000), at(3000, FiringRow::Outcome::kQueued)));
  row = store->schedule("nightly").value().value();
  ScheduleStep cancels = step_of(row, 4000);
  cancels.cancels = true;
  ASSERT_TRUE(Fires::record(*store, cancels, at(4000, FiringRow::Outcome::kQueued)));
  const RunRow run = store->find_run("aaa111").value();
  const auto messages = store->messages(run.key).value();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].kind, Message::Kind::kCancel);
  EXPECT_NE(messages[0].by.find("schedule nightly"), std::string::npos);
  EXPECT_EQ(store->queued_firing(row.key).value()->nominal, 4000);
  row = store->schedule("nightly").value().value();
  ASSERT_TRUE(store->change_schedule(row, ScheduleChange::kRemove));
  EXPECT_FALSE(store->queued_firing(row.key).value().has_value()) << "it was removed";
  const auto firings = store->firings(row.key, 0).value();
  EXPECT_EQ(firings[0].why, "the schedule was removed");
  EXPECT_EQ(firings[1].why, "a later one took its place");
}

}  // namespace
}  // namespace rbk::engine
