// What a benchmark does with an error: it says it and ends.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/result.h"

namespace rbk::bench {

[[noreturn]] inline void give_up(const Error& error) {
  fmt::print(stderr, "bench: {}\n", error.message);
  std::exit(1);
}

template <typename T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  return std::move(*result);
}

inline void must(const Status& status) {
  if (!status) give_up(status.error());
}

}  // namespace rbk::bench
