// Shows a run while it goes on: as a live tree on a terminal, as plain lines in a pipe, as JSON
// where asked.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/exit_status.h"
#include "cli/terminal.h"
#include "engine/engine.h"

namespace rbk::cli {

/// A run that this command has begun.
struct NewRun {
  std::string id;
  std::string runbook;
  std::string retries = {};  // of a retry: the run that it retries
  std::string undoes = {};   // of a rollback: the run that it undoes
};

/// Called on the engine's thread. Order: `started`, what the engine tells, then `ended` or `close`.
class Report : public engine::Observer {
 public:
  /// The run's id, before anything else. Not for runs that only go on.
  virtual void started(const NewRun& run) = 0;
  /// Another process drives the run: it is followed.
  virtual void held(const engine::RunSummary& run) = 0;
  /// The run is for workers of another label, of which so many live: it is followed.
  virtual void placed(const engine::RunSummary& run, size_t workers) = 0;
  /// How the run stands now: its output last, or what goes on with it.
  virtual void ended(const engine::DriveEnd& end, ExitStatus status) = 0;
  /// Nothing more comes, and the run's end is not known.
  virtual void close() {}
};

std::unique_ptr<Report> make_report(const Terminal& terminal);
/// "run ID waits for a worker "dc-fra", and none is alive: rbk worker --label dc-fra".
std::string placed_text(const engine::RunSummary& run, size_t workers,
                        std::string_view store_option);
/// "run ID release", "run ID release, a retry of run ID".
std::string text_of(const NewRun& run);

std::unique_ptr<Report> json_report(const Terminal& terminal);
std::unique_ptr<Report> line_report(const Terminal& terminal);
std::unique_ptr<Report> tree_report(const Terminal& terminal);

/// The runs that were detached: nobody waits for them, so that somebody has to go on with them.
class DetachedRuns {
 public:
  /// What is told of a run.
  void take(const std::string& run, const engine::News& news);
  /// Says so, each once.
  void print(const Terminal& terminal);

 private:
  std::vector<std::string> runs_;
};

/// How a run stands when nobody goes on with it here any more: the event `end`.
boost::json::object end_event(const engine::DriveEnd& end, ExitStatus status,
                              std::string_view store_option);

/// The last lines of a report for people: errors and what to do to `err`, the output to `out`.
void print_ending(const Terminal& terminal, const engine::DriveEnd& end);

}  // namespace rbk::cli
