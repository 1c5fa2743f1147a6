// libpq, loaded when a store on PostgreSQL is first opened and never before: it brings OpenSSL,
// Kerberos and LDAP with it, which costs a start several milliseconds
// (docs/decisions/0050-libpq-is-loaded-when-it-is-needed.md).
#pragma once

#include <libpq-fe.h>

#include <string>

#include "base/result.h"

namespace rbk::engine::postgres {

/// The functions of libpq that are used, by their own names.
struct Library {
#define RBK_LIBPQ_FUNCTION(name) decltype(&::name) name = nullptr;
#include "engine/postgres/functions.def"
#undef RBK_LIBPQ_FUNCTION
};

/// kUnsupported: it is not installed, or too old. The same object at each call; any thread.
Result<const Library*> library();

}  // namespace rbk::engine::postgres
