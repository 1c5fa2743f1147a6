// Results of tests in the XML that CI systems read (the "Jenkins" JUnit schema: testsuites,
// testsuite by file, testcase, failure).
#pragma once

#include <string>
#include <vector>

#include "harness/harness.h"

namespace rbk::cli {

std::string junit_xml(const std::vector<harness::TestResult>& results);

}  // namespace rbk::cli
