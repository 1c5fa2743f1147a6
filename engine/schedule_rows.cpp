#include "engine/schedule_rows.h"

#include <fmt/format.h>

namespace rbk::engine {

tl::unexpected<Error> schedule_moved() {
  return fail(ErrorKind::kExists, "another has changed or fired the schedule meanwhile",
              "try again");
}

Message cancel_by(const ScheduleStep& step, RunKey run) {
  Message message;
  message.id = fmt::format("schedule:{}:{}:{}", step.schedule, step.watermark, run);
  message.run = run;
  message.kind = Message::Kind::kCancel;
  message.body = R"({"rollback":false,"now":false})";
  message.by = fmt::format("schedule {}, whose next firing takes its place", step.name);
  message.time = step.time;
  return message;
}

Doer cancelled_by(const ScheduleStep& step) {
  Doer by = step.by;
  if (by.user.empty()) by.user = "schedule " + step.name;
  if (by.time == 0) by.time = step.time;
  return by;
}

}  // namespace rbk::engine
