// Schedules of a store, as people see them. What fires when says timing/firing.h, what becomes of
// it engine/schedule_plan.h.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/store.h"
#include "timing/firing.h"
#include "vm/bytecode/program.h"

namespace rbk::engine {

struct AddSchedule {
  std::string name;
  std::shared_ptr<const bytecode::Program> program;  // it is pinned to it
  std::string runbook;
  boost::json::array arguments;  // from vm::check_parameters
  timing::Timing timing;
  ScheduleRow::Overlap overlap = ScheduleRow::Overlap::kSkip;
  ScheduleRow::Missed missed = ScheduleRow::Missed::kSkip;
  std::optional<int64_t> missed_within;  // microseconds
  std::string place;                     // where it is written: "ops.rbk:nightly"
  std::string folder;                    // of its runs, as in StartRun
  int32_t umask = -1;
};

/// What `add_schedule` did.
struct ScheduleAdded {
  bool is_new = true;
  std::vector<std::string> changes;  // of one that was there: "every 1h, was every 15m"
  std::vector<timing::Firing> next;  // the first three
};

struct FiringSummary {
  std::string schedule;
  int64_t at = 0;       // microseconds since the epoch
  std::string reading;  // what the clock shows, "2026-03-29 02:30"; empty: by hand
  std::string zone;     // of that clock
  int32_t fold = 0;     // 1: the second time that it shows this
  int64_t time = 0;     // when it was dealt with
  FiringRow::Kind kind = FiringRow::Kind::kPlan;
  FiringRow::Outcome outcome = FiringRow::Outcome::kStarted;
  std::string why;
  std::string by;     // by hand, made up for: who did it
  std::string run;    // started: its id
  int64_t count = 1;  // so many in a row, of which this was the first
  int64_t last = 0;   // and this the last, if there are several
};

struct ScheduleSummary {
  std::string name;
  std::string runbook;
  std::string program;  // its content hash in hexadecimal
  std::string place;
  boost::json::object arguments;  // by the names of the parameters
  std::string when;               // "cron \"0 4 * * *\" in \"UTC\", outside freeze then skip"
  ScheduleRow::Overlap overlap = ScheduleRow::Overlap::kSkip;
  ScheduleRow::Missed missed = ScheduleRow::Missed::kSkip;
  std::optional<int64_t> missed_within;
  std::string folder;
  std::string author;
  int64_t added = 0;
  std::optional<int64_t> paused;
  std::string paused_by;
  timing::Timing timing;
  std::vector<timing::Firing> next;   // not of one that is paused
  std::string fault;                  // why it can't fire here, if so
  std::optional<FiringSummary> last;  // the latest that was dealt with
  std::vector<std::string> runs;      // that go on
};

std::string_view to_string(ScheduleRow::Overlap overlap);
/// "skip", "run once within 6h".
std::string missed_text(ScheduleRow::Missed missed, const std::optional<int64_t>& within);
std::string_view to_string(FiringRow::Outcome outcome);
std::string_view to_string(FiringRow::Kind kind);

}  // namespace rbk::engine
