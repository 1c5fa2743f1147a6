#include "cli/report/notices.h"

#include <fmt/format.h>

#include "base/text_width.h"
#include "base/units.h"

namespace rbk::cli {

std::string_view notice_state(engine::Notice::State state) {
  switch (state) {
    case engine::Notice::State::kOpen:
      return "open";
    case engine::Notice::State::kDelivered:
      return "delivered";
    case engine::Notice::State::kGivenUp:
      return "given_up";
    case engine::Notice::State::kDropped:
      return "dropped";
  }
  return "open";
}

boost::json::object notice_json(const engine::Notice& notice) {
  boost::json::object made{{"id", notice.id},
                           {"run", notice.run_id},
                           {"kind", notice.kind},
                           {"target", notice.target},
                           {"state", notice_state(notice.state)},
                           {"made", format_time(notice.made)},
                           {"attempts", notice.attempts}};
  made[notice.state == engine::Notice::State::kOpen ? "due" : "settled"] = format_time(notice.due);
  if (!notice.problem.empty()) made["problem"] = notice.problem;
  return made;
}

std::string notice_text(const engine::Notice& notice) {
  const auto time = [](int64_t at) { return format_time(at / 1'000'000 * 1'000'000); };
  std::string text =
      fmt::format("{}  {} to {}: ", notice.run_id, notice.kind, printable(notice.target));
  switch (notice.state) {
    case engine::Notice::State::kOpen:
      text +=
          fmt::format("{} {}", notice.problem.empty() ? "due" : "tried again", time(notice.due));
      break;
    case engine::Notice::State::kDelivered:
      text += fmt::format("delivered {}", time(notice.due));
      break;
    case engine::Notice::State::kGivenUp:
      text += fmt::format("given up {} after {} attempts", time(notice.due), notice.attempts);
      break;
    case engine::Notice::State::kDropped:
      text += "no longer needed";
      break;
  }
  if (!notice.problem.empty() && notice.state != engine::Notice::State::kDelivered)
    text += fmt::format("\n  {}", printable(notice.problem));
  return text;
}

}  // namespace rbk::cli
