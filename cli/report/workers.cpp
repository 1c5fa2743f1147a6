#include "cli/report/workers.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "base/text_width.h"
#include "base/units.h"
#include "cli/report/events.h"
#include "engine/placement.h"

namespace rbk::cli {
namespace {

std::vector<std::string> labels_of(const std::vector<std::string>& placements) {
  std::vector<std::string> labels = placements;
  std::erase(labels, "");
  return labels;
}

std::string quoted_list(const std::vector<std::string>& labels) {
  std::string text;
  for (const std::string& label : labels)
    text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", printable(label));
  return text;
}

}  // namespace

boost::json::object placements_json(const std::vector<std::string>& placements) {
  const std::vector<std::string> labels = labels_of(placements);
  return {{"labels", boost::json::array(labels.begin(), labels.end())},
          {"only_labelled", !engine::takes(placements, "")}};
}

std::string placements_text(const std::vector<std::string>& placements) {
  const std::vector<std::string> labels = labels_of(placements);
  if (labels.empty()) return {};
  return fmt::format(", {} on runs for {}", engine::takes(placements, "") ? "also" : "only",
                     quoted_list(labels));
}

boost::json::object worker_json(const engine::Worker& worker) {
  boost::json::object made{{"process", worker.process}, {"started", format_time(worker.started)}};
  for (const auto& [key, value] : placements_json(worker.takes)) made[key] = value;
  return made;
}

std::string worker_table(const std::vector<engine::Worker>& workers) {
  std::string text = fmt::format("{:<9} {:<20}  {}\n", "PROCESS", "STARTED", "RUNS");
  for (const engine::Worker& worker : workers) {
    const std::vector<std::string> labels = labels_of(worker.takes);
    std::string runs = labels.empty() ? "" : "for " + quoted_list(labels);
    if (engine::takes(worker.takes, "")) runs = labels.empty() ? "any" : "any, and " + runs;
    text += fmt::format("{:<9} {:<20}  {}\n", worker.process,
                        format_time(worker.started / 1'000'000 * 1'000'000), runs);
  }
  return text;
}

}  // namespace rbk::cli
