#include "compiler/check/later_names.h"

#include <array>

namespace rbk::check {
namespace {

struct Alone {
  std::string_view name;
  LaterName later;
};

constexpr std::array kAlone = {
    Alone{"sql",
          {"the module `sql`",
           "call the database's own client until then: `shell(\"psql -c …\", env: env { … })`"}},
    Alone{"slack",
          {"the module `slack`", "post to the chat's webhook until then: `http.post(…, json: …)`"}},
    Alone{"script",
          {"`script`", "run the file by its path until then: `shell(\"./name.sh ${value}\")`"}},
};

}  // namespace

std::optional<LaterName> later_name(std::string_view name) {
  for (const Alone& one : kAlone) {
    if (one.name == name) return one.later;
  }
  return std::nullopt;
}

}  // namespace rbk::check
