// What is done to one run on PostgreSQL outside of a commit. Each of these may be repeated when the
// connection is lost on the way.
#include <fmt/format.h>

#include <algorithm>

#include "engine/audit_rows.h"
#include "engine/postgres/postgres_store.h"
#include "engine/postgres/schema.h"

namespace rbk::engine::postgres {
namespace {

/// Who has a run, and whether it can be taken.
constexpr const char* kHolder =
    "select run.holder, run.id, engine.process, run.status, run.token, engine.birth, "
    "coalesce(engine.lease > clock_timestamp(), false), run.claims, run.stood from run "
    "left join engine on engine.key=run.holder where run.key=$1";

constexpr int kMostRounds = 20;

}  // namespace

/// Looked at first, then taken under the condition that all is as it was seen: token, holder, and
/// that the holder's lease has run out, unless its process is proved dead.
Result<RunRow> PostgresStore::claim(RunKey run, EngineKey engine, Claimer claimer, const Doer& by) {
  Token token = 0;
  bool lockless = false;
  const Status claimed = write(true, [&]() -> Status {
    Parameters which;
    which.integer(run);
    for (int round = 0; round < kMostRounds; ++round) {
      auto rows = writer_.query(kHolder, which, "read its runs");
      if (!rows) return tl::unexpected(rows.error());
      if (rows->size() == 0) return fail(ErrorKind::kNotFound, "there is no such run");
      const auto status = static_cast<RunStatus>(rows->integer(0, 3));
      const int64_t claims = rows->integer(0, 7);
      const bool may_be_tried =
          claimer == Claimer::kPerson && claims >= kMostClaims && rows->integer(0, 8) == 0;
      if (is_over(status) || (status == RunStatus::kQuarantined && !may_be_tried))
        return fail(ErrorKind::kRefused,
                    fmt::format("run {} is {}", rows->text(0, 1), to_string(status)));
      const EngineKey holder = rows->integer(0, 0);
      const bool is_free = holder == 0 || holder == engine;
      const bool is_dead = !is_free && is_proved_dead(rows->text(0, 5));
      if (!is_free && !is_dead && rows->boolean(0, 6))
        return fail(
            ErrorKind::kLocked,
            fmt::format("run {} is driven by process {}", rows->text(0, 1), rows->integer(0, 2)),
            "it goes on there; `rbk show` follows it");
      Parameters parameters;
      parameters.integer(kFormat).integer(slot_).integer(run).integer(engine);
      parameters.integer(rows->integer(0, 4)).integer(holder).integer(is_free || is_dead ? 1 : 0);
      parameters.integer(claimer == Claimer::kPerson ? 1 : claims + 1);
      auto change = audit_of({rows->text(0, 1), status, holder, rows->optional(0, 2).value_or(0)},
                             engine, claimer, by);
      const std::string sql =
          std::string(kHere) + kCounted +
          ", taken as (update run set token=token+1, holder=$4, claims=$8, ending='', "
          "status=case when status=5 then 1 else status end from here "
          "where run.key=$3 and run.token=$5 and run.holder=$6 and run.status < 6 "
          "and ($7=1 or not exists(select 1 from engine where engine.key=$6 "
          "and engine.lease > clock_timestamp())) returning run.token) "
          "select exists(select 1 from here), (select token from taken)";
      std::optional<Token> got;
      const auto take = [&]() -> Status {
        auto taken = writer_.query(sql, parameters, "claim a run in it");
        if (!taken) return tl::unexpected(taken.error());
        if (auto same = check_format(*taken); !same) return same;
        got = taken->optional(0, 1);
        if (got && change) note(std::move(*change));
        return {};
      };
      if (auto done = change ? transaction(false, take) : take(); !done) return done;
      if (!got) continue;  // somebody was faster, or the holder renewed its lease
      token = *got;
      // Asked only now that nobody else can add one: what the statement before saw may be older.
      auto none = writer_.query("select not exists(select 1 from claim where run=$1)", which,
                                "read its locks");
      if (!none) return tl::unexpected(none.error());
      lockless = none->boolean(0, 0);
      return {};
    }
    return fail(ErrorKind::kLocked, "several want this run at once", "try again");
  });
  if (!claimed) return tl::unexpected(claimed.error());
  {
    const std::lock_guard guard(writing_);
    lockless_.erase(run);
    if (lockless) lockless_[run] = token;
  }
  return this->run(run);
}

Status PostgresStore::post(const Message& message, const Doer& by) {
  bool written = false;  // by an attempt of which it is not known whether it was committed
  Parameters parameters;
  parameters.integer(kFormat).integer(slot_).text(message.id).integer(message.run);
  parameters.integer(static_cast<int64_t>(message.request));
  parameters.integer(static_cast<int64_t>(message.kind)).text(message.body).text(message.by);
  parameters.integer(message.time);
  const auto body = [&]() -> Status {
    auto rows = writer_.query(
        std::string(kHere) + kCounted +
            ", posted as (insert into message(id,run,request,kind,body,author,time,taken) "
            "select $3,$4,$5,$6,$7,$8,$9,0 from here on conflict (id) do nothing returning key) "
            "select exists(select 1 from here), exists(select 1 from posted), "
            "exists(select 1 from message where id=$3 and run=$4 and request=$5 and kind=$6 "
            "and body=$7 and author=$8 and time=$9)",
        parameters, "write a message to it");
    if (!rows) return tl::unexpected(rows.error());
    if (auto same = check_format(*rows); !same) return same;
    if (rows->boolean(0, 1)) {
      note(audit_of(message, by));
      written = true;
      return {};
    }
    // What the first attempt wrote before its connection was lost is ours, down to its microsecond;
    // and so is its row of the audit trail.
    if (written && rows->boolean(0, 2)) return {};
    return fail(ErrorKind::kExists, fmt::format("message {} is there already", message.id));
  };
  return write(true, [&] { return transaction(false, body); });
}

Status PostgresStore::drop_snapshot(RunKey run) {
  Parameters parameters;
  parameters.integer(kFormat).integer(run);
  return write(true, [&]() -> Status {
    auto rows = writer_.query(std::string(kHere) +
                                  ", dropped as (delete from snapshot using here where run=$2) "
                                  "select exists(select 1 from here)",
                              parameters, "write to it");
    if (!rows) return tl::unexpected(rows.error());
    return check_format(*rows);
  });
}

Status PostgresStore::quarantine(RunKey run, Token token, const std::string& why, const Doer& by) {
  Parameters parameters;
  parameters.integer(kFormat).integer(slot_).integer(run).integer(token).text(why);
  parameters.integer(static_cast<int64_t>(RunStatus::kQuarantined));
  const auto body = [&]() -> Status {
    auto rows = writer_.query(
        std::string(kHere) + kCounted +
            ", put as (update run set status=$6, ending=$5, wake=null, token=token+1, holder=0 "
            "from here where run.key=$3 and run.token=$4 returning key) "
            "select exists(select 1 from here), exists(select 1 from put)",
        parameters, "write to it");
    if (!rows) return tl::unexpected(rows.error());
    if (rows->boolean(0, 1)) note(audit_of_quarantine(run, why, by));
    lockless_.erase(run);
    return check_format(*rows);
  };
  return write(true, [&] { return transaction(false, body); });
}

Result<size_t> PostgresStore::free_locks(RunKey run, const Doer& by) {
  auto row = this->run(run);
  if (!row) return tl::unexpected(row.error());
  size_t count = 0;
  Parameters which;
  which.integer(run);
  const Status freed = write(false, [&]() -> Status {
    return transaction(true, [&]() -> Status {
      auto rows = writer_.query(kHolder, which, "read its runs");
      if (!rows) return tl::unexpected(rows.error());
      const auto status = static_cast<RunStatus>(rows->integer(0, 3));
      if (status != RunStatus::kQuarantined)
        return fail(ErrorKind::kRefused,
                    fmt::format("run {} is {}, not quarantined", row->id, to_string(status)),
                    fmt::format("`rbk resume {0}` goes on with it, `rbk cancel {0}` ends it; both "
                                "free what it has in time",
                                row->id));
      Parameters parameters;
      parameters.integer(kFormat).integer(slot_).integer(run);
      auto held = writer_.query(std::string(kHere) + kCounted +
                                    "select exists(select 1 from here), "
                                    "(select count(*) from claim where run=$3 and held=1)",
                                parameters, "free a lock in it");
      if (!held) return tl::unexpected(held.error());
      if (auto same = check_format(*held); !same) return same;
      count = static_cast<size_t>(held->integer(0, 1));
      note(audit_of_freed(row->id, held->integer(0, 1), by));
      CommitResult ignored;
      return free_all_locks(*this, run, row->updated, ignored);
    });
  });
  if (!freed) return tl::unexpected(freed.error());
  return count;
}

}  // namespace rbk::engine::postgres
