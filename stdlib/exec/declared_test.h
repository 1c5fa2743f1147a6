// A declaration for the tests of own actions: `action x() -> int`, and `error Full { inbox }` in
// the file lib/mail.rbk.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "engine/action.h"

namespace rbk::stdlib::testing {

class DeclaresInt : public engine::Declaration {
 public:
  Status check_output(const boost::json::value& output) const override {
    if (output.is_int64()) return {};
    return fail(ErrorKind::kInvalid, "$: expected int, got something else");
  }
  Result<std::string> check_error(std::string_view kind,
                                  const boost::json::object& fields) const override {
    if (kind == "Failed") return std::string(kind);
    if (kind != "Full") return fail(ErrorKind::kNotFound, "there are Failed, Full");
    if (!fields.contains("inbox"))
      return fail(ErrorKind::kInvalid, "$.inbox: expected string, but it is missing");
    return std::string("lib/mail.Full");
  }
};

}  // namespace rbk::stdlib::testing
