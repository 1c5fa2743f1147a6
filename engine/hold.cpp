#include "engine/hold.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/units.h"
#include "engine/json_fields.h"

namespace rbk::engine {

namespace json = boost::json;

std::string hold_text(const Hold& hold) {
  return json::serialize(
      json::object{{"since", hold.since}, {"why", hold.why}, {"runs", hold.runs}});
}

Result<Hold> parse_hold(std::string_view text, int64_t epoch) {
  boost::system::error_code failure;
  const json::value value = json::parse(text, failure);
  if (failure || !value.is_object())
    return fail(ErrorKind::kCorrupt, "what the store holds is not readable",
                "restore the store from a backup");
  const json::object& object = value.get_object();
  return Hold{epoch, number_of(object, "since", 0), text_of(object, "why"),
              number_of(object, "runs", 0)};
}

std::string held_because(const std::string& place, const Hold& hold) {
  const bool one = hold.runs == 1;
  return fmt::format(
      "store {}: {}; what its {} unfinished run{} did since that copy was made is not known, and "
      "{} "
      "held since {}",
      place, hold.why, hold.runs, one ? "" : "s", one ? "it is" : "they are",
      format_time(hold.since / 1'000'000 * 1'000'000));
}

Status may_accept(const std::string& place, int64_t epoch, bool holds, int64_t wanted) {
  if (!holds)
    return fail(ErrorKind::kRefused, fmt::format("store {} holds nothing back", place),
                "`rbk runs` shows how its runs stand");
  if (epoch == wanted) return {};
  return fail(ErrorKind::kExists,
              fmt::format("store {} was restored or copied once more meanwhile", place),
              "`rbk store accept` shows what it holds now");
}

tl::unexpected<Error> replaced_while_in_use(const std::string& place, const std::string& why) {
  return fail(
      ErrorKind::kRefused, fmt::format("store {} was replaced while it was in use: {}", place, why),
      "its unfinished runs are held: `rbk store accept` shows them and lets them go on; then "
      "begin again");
}

}  // namespace rbk::engine
