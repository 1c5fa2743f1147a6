// The runs that a run begins, shown in its tree: their steps stand below the step that began them.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/engine.h"

namespace rbk::cli {

class Family {
 public:
  /// The news as if it were one of the run that was told of first.
  engine::News placed(const std::string& run, const engine::News& news);
  engine::LogLine placed(const std::string& run, const engine::LogLine& line);

 private:
  struct Place {
    uint64_t number = 0;                    // of the run: its steps' numbers are told apart by it
    std::string prefix;                     // of its paths
    uint64_t step = 0;                      // below which its steps stand
    std::map<std::string, uint64_t> steps;  // by path, its own
  };
  Place& place_of(const std::string& run);

  std::map<std::string, Place> places_;
};

}  // namespace rbk::cli
