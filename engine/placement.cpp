#include "engine/placement.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace rbk::engine {

namespace json = boost::json;

bool takes(const std::vector<std::string>& placements, std::string_view placement) {
  return std::find(placements.begin(), placements.end(), placement) != placements.end();
}

std::string takes_text(const std::vector<std::string>& placements) {
  if (placements.size() == 1 && placements.front().empty()) return {};
  return json::serialize(json::array(placements.begin(), placements.end()));
}

std::vector<std::string> takes_of(std::string_view text) {
  if (text.empty()) return {""};
  boost::system::error_code error;
  const json::value parsed = json::parse(text, error);
  std::vector<std::string> placements;
  if (error || !parsed.is_array()) return placements;
  for (const json::value& one : parsed.get_array())
    if (one.is_string()) placements.emplace_back(one.get_string());
  return placements;
}

}  // namespace rbk::engine
