// Failures of a PostgreSQL server in our words, by their SQLSTATE
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace rbk::engine::postgres {

struct Failure {
  std::string state;       // five characters; empty: the connection failed, not the statement
  std::string detail;      // what the server or libpq says, without a password
  std::string constraint;  // that was violated
  bool lost = false;       // the connection is gone

  /// The transaction was rolled back for certain and may be tried again as it is.
  bool is_transient() const;
  bool is_unique() const { return state == "23505"; }
};

/// Whether the server closes the connection after such a failure, even if that is not seen yet.
bool ends_session(std::string_view state);

/// "store PLACE: can't DOING: …", with the cure.
Error translate(std::string_view place, std::string_view doing, const Failure& failure);

/// The SQLSTATE in what libpq says of a connection that failed: as verbose messages have it, or by
/// the words of the server's own language; empty if there is none.
std::string state_in(std::string_view message);

}  // namespace rbk::engine::postgres
