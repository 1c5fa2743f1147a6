#include "engine/postgres/server_check.h"

#include <fmt/format.h>

namespace rbk::engine::postgres {
namespace {

std::string literal(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

/// What of its set-up can lose a commit that was confirmed; empty: nothing.
std::string what_may_be_lost(const ServerFacts& facts) {
  if (!facts.fsync) return "fsync is off: a crash of its host can destroy the database";
  if (!facts.whole_pages)
    return "full_page_writes is off: a crash of its host can destroy the database";
  if (facts.standbys > 0 && !facts.waits)
    return "it replicates asynchronously: a standby that takes over can lack what was confirmed";
  return {};
}

}  // namespace

Status check_server(const ServerFacts& facts, std::string_view place, bool reading,
                    bool best_effort) {
  if (facts.version < kOldestServer)
    return fail(ErrorKind::kUnsupported,
                fmt::format("store {}: the server is PostgreSQL {}.{}", place,
                            facts.version / 10000, facts.version % 10000),
                "use PostgreSQL 12 or a newer one");
  if (facts.encoding != "UTF8")
    return fail(ErrorKind::kUnsupported,
                fmt::format("store {}: the database is encoded in {}", place, facts.encoding),
                "make one in UTF-8: `createdb --encoding UTF8 --template template0 NAME`");
  if (reading) return {};
  if (facts.standby || facts.read_only)
    return fail(ErrorKind::kPermission,
                fmt::format("store {}: the server {}", place,
                            facts.standby ? "is a standby, which takes no writes"
                                          : "takes no writes from this user or database "
                                            "(default_transaction_read_only)"),
                facts.standby ? "name the primary in the URL; with several hosts add "
                                "target_session_attrs=read-write"
                              : "switch that off for the user and the database");
  const std::string loss = what_may_be_lost(facts);
  if (!loss.empty() && !best_effort)
    return fail(ErrorKind::kRefused,
                fmt::format("store {}: the server may lose what it has confirmed: {}", place, loss),
                fmt::format("{}; if such a loss is understood, add durability=best_effort to the "
                            "store's URL",
                            facts.standbys > 0 && facts.fsync && facts.whole_pages
                                ? "name the standbys in synchronous_standby_names"
                                : "switch it on"));
  return {};
}

std::string facts_query(std::string_view schema) {
  // Those who subscribe to changes, and backups, do not take over.
  return fmt::format(
      "select current_setting('server_version_num'), current_setting('server_encoding'), "
      "pg_is_in_recovery(), current_setting('transaction_read_only'), current_setting('fsync'), "
      "current_setting('full_page_writes'), current_setting('synchronous_standby_names'), "
      "(select count(*) from pg_stat_replication where coalesce(state,'streaming')='streaming' "
      "and pid not in (select active_pid from pg_replication_slots where active_pid is not null "
      "and slot_type='logical')), "
      "exists(select 1 from pg_namespace where nspname={0}), "
      "exists(select 1 from pg_tables where schemaname={0} and tablename='meta'), "
      "(select count(*) from pg_tables where schemaname={0})",
      literal(schema));
}

}  // namespace rbk::engine::postgres
