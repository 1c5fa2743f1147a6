// What one whole process costs, as its parent sees it: wall time from spawn to exit, and the peak
// of its resident memory. For benchmarks.
#pragma once

#include <string>
#include <vector>

namespace rbk::bench {

struct ProcessCost {
  double milliseconds = 0;
  double peak_mib = 0;
};

/// Runs the command with its output thrown away and waits for it. Ends the benchmark with a message
/// if it can't be started or does not exit with 0.
ProcessCost run_process(const std::vector<std::string>& words);

/// The middle one; `values` must not be empty.
double median(std::vector<double> values);

}  // namespace rbk::bench
