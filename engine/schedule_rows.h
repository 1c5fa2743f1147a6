// What every store says and sends about schedules, whatever it is built on.
#pragma once

#include "base/result.h"
#include "engine/store.h"

namespace rbk::engine {

/// kExists: what a change of a schedule hangs on is not as its writer has seen it.
tl::unexpected<Error> schedule_moved();

/// To a run that goes on when the schedule that started it fires with `cancel_running`: as by
/// `rbk cancel`, and once for each firing that wants it.
Message cancel_by(const ScheduleStep& step, RunKey run);
/// Who does that: the schedule, or who fires it by hand.
Doer cancelled_by(const ScheduleStep& step);

}  // namespace rbk::engine
