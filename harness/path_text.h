// A path of an exploration, written as a test to paste into the file.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/faults.h"

namespace rbk::harness {

/// The first run that a test's body makes, and the world that stood then.
struct FirstRun {
  uint32_t runbook = 0;
  boost::json::object parameters;
  bool crashes = false;  // the test lets the engine die
};

/// Carries out the body until then; what it gives is added to the stand-ins. Nothing if it makes
/// none.
std::optional<FirstRun> first_run(const lower::TestProgram& tests, uint32_t body,
                                  StandIns& stand_ins);

/// `outcome`: the record of the run; empty if it has none.
std::string path_text(const lower::TestProgram& tests, const FirstRun& first,
                      const std::vector<Fault>& faults,
                      const std::vector<FaultyWorld::Answered>& answered,
                      const std::vector<FaultyWorld::Decided>& decided,
                      const std::vector<std::pair<std::string, boost::json::value>>& sent,
                      const std::vector<FaultyWorld::Said>& failures,
                      const boost::json::object& outcome);

/// A name of the program as the file that was checked writes it: "lib/inventory.hosts" as
/// "inventory.hosts".
std::string as_written(const lower::TestProgram& tests, std::string text);

}  // namespace rbk::harness
