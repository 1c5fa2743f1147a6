// A value or an error: what every call that can fail returns. Exceptions stop where ANTLR, Boost
// and the allocator end.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace rbk {

/// What went wrong, by what its caller can do about it. The command maps these to exit codes in one
/// place.
enum class ErrorKind {
  kInvalid,      // the input is wrong: nothing was done
  kNotFound,     // a named thing does not exist
  kExists,       // a thing that must be new exists already
  kRefused,      // the state forbids it: a decision taken twice, a token that was lost
  kCorrupt,      // stored bytes are not what was written
  kUnsupported,  // a newer format, or a part of the language that has no meaning yet
  kLocked,       // another process holds it; trying later may work
  kPermission,   // the system or a rule forbids it
  kFull,         // no space
  kIo,           // any other failure of the system
  kLimit,        // a limit on fuel, memory, depth or size was reached
  kInternal,     // a broken invariant of ours
};

struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;  // names the thing and says what was expected
  std::string cure;     // what to do about it; empty if there is nothing to say
};

template <typename T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string message, std::string cure = {}) {
  return tl::unexpected<Error>(Error{kind, std::move(message), std::move(cure)});
}

}  // namespace rbk
