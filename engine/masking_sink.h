// Nothing that an attempt tells shows a secret.
#pragma once

#include <memory>

#include "base/masking.h"
#include "engine/action.h"

namespace rbk::engine {

/// Masks log lines, outputs, messages and fields of errors, and hands them on to `sink`.
std::shared_ptr<AttemptSink> masking_sink(std::shared_ptr<AttemptSink> sink,
                                          std::shared_ptr<const Masks> masks);

}  // namespace rbk::engine
