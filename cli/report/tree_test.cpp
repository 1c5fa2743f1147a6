#include "cli/report/tree.h"

namespace rbk::cli {
namespace {

using engine::News;
using vm::Mark;

News mark(Mark::Kind kind, std::string path, uint64_t step, uint64_t parent = 0, int64_t time = 0) {
  News news;
  news.time = time;
  news.mark.kind = kind;
  news.mark.path = std::move(path);
  news.mark.step = step;
  news.mark.parent = parent;
  return news;
}

std::vector<std::string> texts(const std::vector<TintedLine>& lines) {
  std::vector<std::string> result;
  for (const TintedLine& line : lines) result.push_back(line.text(200, false));
  return result;
}

using Lines = std::vector<std::string>;

TEST(StepTree, RunningStepsAreLiveAndEndedOnesStayOnce) {
  StepTree tree;
  tree.take(mark(Mark::Kind::kStepBegan, "deploy", 1));
  tree.take(mark(Mark::Kind::kStepBegan, "deploy/copy", 2, 1));
  EXPECT_EQ(texts(tree.live(1'500'000, 10, 0)), (Lines{"⠋ deploy  1.5s", "  ⠋ copy  1.5s"}));
  tree.take(mark(Mark::Kind::kStepEnded, "deploy/copy", 2, 1, 2'000'000));
  EXPECT_EQ(texts(tree.take_finished(2'000'000)), Lines{});
  tree.take(mark(Mark::Kind::kStepEnded, "deploy", 1, 0, 3'000'000));
  EXPECT_EQ(texts(tree.take_finished(9'000'000)), (Lines{"✔ deploy  3.0s", "  ✔ copy  2.0s"}));
  EXPECT_EQ(texts(tree.take_finished(9'000'000)), Lines{});
  EXPECT_EQ(texts(tree.live(9'000'000, 10, 0)), Lines{});
}

TEST(StepTree, OutputIsShownBelowItsStepAndKeptOfAFailedOne) {
  StepTree tree;
  tree.take(mark(Mark::Kind::kStepBegan, "a", 1));
  for (int i = 0; i < 20; ++i) {
    engine::LogLine line;
    line.path = "a";
    line.attempt = 1;
    line.text = "line " + std::to_string(i);
    tree.take(line);
  }
  const Lines live = texts(tree.live(0, 10, 0));
  EXPECT_EQ(live.size(), 5u);
  EXPECT_EQ(live.back(), "  │ line 19");
  News end = mark(Mark::Kind::kStepEnded, "a", 1);
  end.mark.status = Mark::StepStatus::kFailed;
  end.mark.error = vm::ErrorValue{"ShellError", "exit 1", false, {}};
  tree.take(end);
  const Lines kept = texts(tree.take_finished(0));
  EXPECT_EQ(kept.size(), 11u);
  EXPECT_EQ(kept.front(), "✖ a  0ms  ShellError: exit 1");
}

TEST(StepTree, WhatIsSaidStandsAfterWhatEndedBefore) {
  StepTree tree;
  tree.take(mark(Mark::Kind::kStepBegan, "a", 1));
  tree.take(mark(Mark::Kind::kStepEnded, "a", 1));
  News said = mark(Mark::Kind::kLog, "", 0);
  said.mark.level = "info";
  said.mark.text = "between";
  tree.take(said);
  tree.take(mark(Mark::Kind::kStepBegan, "b", 2));
  tree.take(mark(Mark::Kind::kStepEnded, "b", 2));
  EXPECT_EQ(texts(tree.take_finished(0)), (Lines{"✔ a  0ms", "  info between", "✔ b  0ms"}));
}

TEST(StepTree, ManyStepsFitTheScreen) {
  StepTree tree;
  tree.take(mark(Mark::Kind::kStepBegan, "all", 1));
  for (uint64_t i = 2; i < 100; ++i) {
    tree.take(mark(Mark::Kind::kStepBegan, "all/x[" + std::to_string(i) + "]", i, 1));
    if (i > 4) tree.take(mark(Mark::Kind::kStepEnded, "all/x", i, 1));
  }
  const Lines live = texts(tree.live(0, 10, 0));
  EXPECT_EQ(live.size(), 5u);
  EXPECT_EQ(live.back(), "  … 95 finished");
  EXPECT_EQ(texts(tree.live(0, 3, 0)).back(), "… 3 more lines");
}

TEST(StepTree, RollbacksAndWaitsAreShown) {
  StepTree tree;
  tree.take(mark(Mark::Kind::kUndoBegan, "a/b", 7));
  EXPECT_EQ(texts(tree.live(0, 5, 1)), Lines{"⠙ undo a/b  0ms"});
  tree.take(mark(Mark::Kind::kUndoEnded, "a/b", 7));
  EXPECT_EQ(texts(tree.take_finished(0)), Lines{"↩ undo a/b  0ms"});
  News approval;
  approval.kind = News::Kind::kApproval;
  approval.request = 3;
  approval.input = boost::json::object{{"name", "go"}, {"question", "sure?"}};
  tree.take(approval);
  EXPECT_EQ(texts(tree.live(0, 5, 0)), Lines{"⏸ waits for approval go \"sure?\""});
  News over;
  over.kind = News::Kind::kWaitOver;
  over.request = 3;
  tree.take(over);
  EXPECT_EQ(texts(tree.live(0, 5, 0)), Lines{});
}

TEST(StepTree, NothingMovesTheCursor) {
  StepTree tree;
  News log = mark(Mark::Kind::kLog, "", 0);
  log.mark.level = "info";
  log.mark.text = "a\033[2Jb\r\nc\td";
  tree.take(log);
  EXPECT_EQ(texts(tree.take_finished(0)), Lines{"  info a[2Jb c  d"});
}

TEST(TintedLine, IsCutWithItsColoursClosed) {
  TintedLine line;
  line.add("abc").add("defgh", Tint::kBad);
  EXPECT_EQ(line.text(6, false), "abcde\u2026");
  EXPECT_EQ(line.text(6, true), "abc\033[1;31mde\u2026\033[0m");
  EXPECT_EQ(line.text(3, true), "abc");
}

}  // namespace
}  // namespace rbk::cli
