#include "compiler/check/later_names.h"

#include <array>

namespace rbk::check {
namespace {

using Shape = Type::Shape;

struct Alone {
  std::string_view name;
  LaterName later;
  bool is_type = false;  // whose functions come later
};

constexpr std::array kAlone = {
    Alone{"sql",
          {"the module `sql`",
           "call the database's own client until then: `shell(\"psql -c …\", env: env { … })`"}},
    Alone{"slack",
          {"the module `slack`", "post to the chat's webhook until then: `http.post(…, json: …)`"}},
    Alone{"script",
          {"`script`", "run the file by its path until then: `shell(\"./name.sh ${value}\")`"}},
    Alone{"int", {"a function of the type `int`", "text is read as one by `.to_int()`"}, true},
    Alone{
        "float", {"a function of the type `float`", "text is read as one by `.to_float()`"}, true},
    Alone{"duration",
          {"a function of the type `duration`", "text is read as one by `.to_duration()`"},
          true},
    Alone{"size", {"a function of the type `size`", "text is read as one by `.to_size()`"}, true},
    Alone{"time", {"a function of the type `time`", "text is read as one by `.to_time()`"}, true},
};

struct Member {
  Shape shape;
  std::string_view name;
  LaterName later;
};

constexpr std::array kMembers = {
    Member{
        Shape::kString,
        "columns",
        {"`columns`", "go through `.lines` until then, and take what is in each by its `.words`"}},
};

}  // namespace

std::optional<LaterName> later_name(std::string_view name, bool before_dot) {
  for (const Alone& one : kAlone) {
    if (one.name == name && (before_dot || !one.is_type)) return one.later;
  }
  return std::nullopt;
}

std::optional<LaterName> later_member(Shape shape, std::string_view member) {
  for (const Member& one : kMembers) {
    if (one.shape == shape && one.name == member) return one.later;
  }
  return std::nullopt;
}

}  // namespace rbk::check
