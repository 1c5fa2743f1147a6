#include "cli/exit_status.h"

namespace rbk::cli {

ExitStatus exit_status(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalid:
    case ErrorKind::kNotFound:
    case ErrorKind::kUnsupported:
      return ExitStatus::kUsage;
    case ErrorKind::kRefused:
    case ErrorKind::kPermission:
    case ErrorKind::kExists:
      return ExitStatus::kRefused;
    case ErrorKind::kCorrupt:
    case ErrorKind::kLocked:
    case ErrorKind::kFull:
    case ErrorKind::kIo:
    case ErrorKind::kLimit:
    case ErrorKind::kInternal:
      return ExitStatus::kFailed;
  }
  return ExitStatus::kFailed;
}

}  // namespace rbk::cli
