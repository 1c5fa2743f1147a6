// Which life of which host we are in.
#pragma once

#include <string>

namespace rbk {

/// "<boot id>:<pid namespace>": equal for two processes only if they run in the same boot of the
/// same host and see the same process ids. Where /proc is missing it is empty, which is equal to
/// nothing: callers treat an empty one as "not known". Any thread.
std::string boot_identity();

}  // namespace rbk
