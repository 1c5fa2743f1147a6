#include <fmt/format.h>
#include <sys/ioctl.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/wall_time.h"
#include "cli/interrupt.h"
#include "cli/report/family.h"
#include "cli/report/report.h"
#include "cli/report/tree.h"

namespace rbk::cli {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals only

/// Draws from a thread of its own, so that spinners turn while the engine's thread is busy. What
/// has ended is printed once and scrolls away; what goes on is drawn over itself in one write, so
/// that nothing flickers.
class TreeReport : public Report {
 public:
  explicit TreeReport(const Terminal& terminal) : terminal_(terminal) {}
  ~TreeReport() override { finish(); }

  void started(const NewRun& run) override { terminal_.print(text_of(run) + "\n"); }
  void held(const engine::RunSummary& run) override {
    terminal_.print(
        fmt::format("run {} is driven by process {}\n", run.id, run.process.value_or(0)));
  }
  void placed(const engine::RunSummary& run, size_t workers) override {
    terminal_.print_to_err(placed_text(run, workers, terminal_.store_option) + "\n");
  }
  void on_news(const std::string& run, const engine::News& news) override {
    const std::lock_guard lock(mutex_);
    tree_.take(family_.placed(run, news));
    detached_.take(run, news);
    wake_drawer();
  }
  void on_log(const std::string& run, const engine::LogLine& line) override {
    const std::lock_guard lock(mutex_);
    tree_.take(family_.placed(run, line));
    wake_drawer();
  }
  void ended(const engine::DriveEnd& end, ExitStatus) override {
    finish();
    print_ending(terminal_, end);
    detached_.print(terminal_);
  }
  void close() override { finish(); }

 private:
  /// The thread begins with the first news: a run that is over at once needs none.
  void wake_drawer() {
    if (!drawer_.joinable()) drawer_ = std::thread([this] { draw_until_over(); });
  }

  void draw_until_over() {
    std::unique_lock lock(mutex_);
    size_t frame = 0;
    while (!over_) {
      draw(frame++, false);
      changed_.wait_for(lock, 80ms, [this] { return over_; });
    }
  }

  void finish() {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(over_, true)) return;
    }
    changed_.notify_all();
    if (drawer_.joinable()) drawer_.join();
    draw(0, true);
  }

  void draw(size_t frame, bool last) {
    winsize size{};
    if (ioctl(fileno(terminal_.out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
      size.ws_col = 80;
      size.ws_row = 24;
    }
    const size_t width = size.ws_col;
    const size_t height = size.ws_row > 3 ? size.ws_row - 2u : 1;
    const int64_t now = wall_time();
    std::string text = "\033[?2026h";  // one frame, for terminals that know it
    if (drawn_ > 0) text += fmt::format("\033[{}A", drawn_);
    text += '\r';
    const auto put = [&](const TintedLine& line) {
      text += line.text(width - 1, terminal_.out_colour) + "\033[K\n";
    };
    for (const TintedLine& line : tree_.take_finished(now)) put(line);
    std::vector<TintedLine> live = tree_.live(now, height, frame);
    if (!last && Interrupts::count() > 0)
      live.push_back(TintedLine().add(Interrupts::count() == 1
                                          ? "stopping at the next step border; Ctrl-C stops at once"
                                          : "stopping",
                                      Tint::kWarn));
    for (const TintedLine& line : live) put(line);
    drawn_ = live.size();
    text += "\033[J\033[?2026l";
    if (!last && !cursor_hidden_) text += "\033[?25l";
    if (last && cursor_hidden_) text += "\033[?25h";
    const bool nothing =
        last && !cursor_hidden_ && drawn_ == 0 && text.find('\n') == std::string::npos;
    cursor_hidden_ = !last;
    if (!nothing) terminal_.print(text);
    if (last) drawn_ = 0;
  }

  const Terminal terminal_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread drawer_;
  bool over_ = false;
  StepTree tree_;
  Family family_;
  DetachedRuns detached_;
  size_t drawn_ = 0;  // lines of the live part on the screen
  bool cursor_hidden_ = false;
};

}  // namespace

std::unique_ptr<Report> tree_report(const Terminal& terminal) {
  return std::make_unique<TreeReport>(terminal);
}

}  // namespace rbk::cli
