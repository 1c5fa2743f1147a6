// The PostgreSQL server of a test run: tests/postgres_server.py starts it, once for a run of ctest,
// which names it, else for this process.
#pragma once

#include <string>

namespace rbk::engine::testing {

/// The URL of a store in a schema of its own.
std::string postgres_store(const std::string& schema);

/// Whether RBK_TEST_STORE wants this process's tests to run on PostgreSQL.
bool wants_postgres();

}  // namespace rbk::engine::testing
