// What a test does to a store behind its back.
#pragma once

#include <string>

#include "engine/testing/temp_folder.h"

namespace rbk::engine::testing {

/// Carries a statement out on the store of `folder.store()`, whatever it is built on. A failure is
/// one of the test.
void store_sql(const TempFolder& folder, const std::string& text);
/// The same on the store of this URL.
void store_sql(const std::string& url, const std::string& text);

}  // namespace rbk::engine::testing
