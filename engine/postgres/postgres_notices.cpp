// The outbox of a store on PostgreSQL: what targets are to be told.
#include <fmt/format.h>

#include "engine/postgres/postgres_store.h"
#include "engine/postgres/schema.h"

namespace rbk::engine::postgres {
namespace {

constexpr std::string_view kColumns =
    "notice.key,notice.id,notice.run,run.id,notice.request,notice.kind,notice.target,"
    "notice.payload,notice.made,notice.due,notice.attempts,notice.state,notice.problem";

Notice notice_at(const Rows& rows, int row, int column) {
  Notice notice;
  notice.key = rows.integer(row, column);
  notice.id = rows.text(row, column + 1);
  notice.run = rows.integer(row, column + 2);
  notice.run_id = rows.text(row, column + 3);
  notice.request = static_cast<uint64_t>(rows.integer(row, column + 4));
  notice.kind = rows.text(row, column + 5);
  notice.target = rows.text(row, column + 6);
  notice.payload = rows.text(row, column + 7);
  notice.made = rows.integer(row, column + 8);
  notice.due = rows.integer(row, column + 9);
  notice.attempts = rows.integer(row, column + 10);
  notice.state = static_cast<Notice::State>(rows.integer(row, column + 11));
  notice.problem = rows.text(row, column + 12);
  return notice;
}

}  // namespace

/// What others are taking at this moment is left to them. Where the answer is lost on the way, what
/// was taken waits for `lease`, as with whoever dies over it.
Result<std::vector<Notice>> PostgresStore::take_notices(int64_t now, int64_t lease, size_t most) {
  Parameters parameters;
  parameters.integer(kFormat).integer(slot_).integer(now).integer(lease);
  parameters.integer(static_cast<int64_t>(most));
  std::vector<Notice> taken;
  const Status done = write(true, [&]() -> Status {
    auto rows = writer_.query(
        std::string(kHere) +
            fmt::format(
                ", next as materialized (select notice.key,notice.due from notice,here "
                "where state=0 and due<=$3 order by due limit $5 for update of notice skip locked)"
                ", taken as (update notice set due=$4,attempts=attempts+1 from next "
                "where notice.key=next.key and state=0 returning notice.*,next.due as was)"
                ", counted as (update change set count=count+1 from here where slot=$2 "
                "and exists(select 1 from taken)) "
                "select exists(select 1 from here),{},notice.was from (select 1) one "
                "left join (taken notice join run on run.key=notice.run) on true "
                "order by notice.was,notice.key",
                kColumns),
        parameters, "read its notices");
    if (!rows) return tl::unexpected(rows.error());
    if (auto same = check_format(*rows); !same) return same;
    taken.clear();
    constexpr int kFirst = 1;
    constexpr int kWas = 14;
    for (int row = 0; row < rows->size() && !rows->is_null(row, kFirst); ++row) {
      taken.push_back(notice_at(*rows, row, kFirst));
      taken.back().due = rows->integer(row, kWas);
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return taken;
}

Status PostgresStore::settle_notice(int64_t key, Notice::State state, int64_t due,
                                    const std::string& problem) {
  Parameters parameters;
  parameters.integer(kFormat).integer(slot_).integer(key);
  parameters.integer(static_cast<int64_t>(state)).integer(due).text(problem);
  return write(true, [&]() -> Status {
    auto rows = writer_.query(std::string(kHere) + kCounted +
                                  ", settled as (update notice set state=$4,due=$5,problem=$6 "
                                  "from here where key=$3 and state=0) "
                                  "select exists(select 1 from here)",
                              parameters, "write to it");
    if (!rows) return tl::unexpected(rows.error());
    return check_format(*rows);
  });
}

Result<std::vector<Notice>> PostgresStore::notices(RunKey run) {
  Parameters parameters;
  parameters.integer(run);
  auto rows = read(fmt::format("select {} from notice join run on run.key=notice.run "
                               "where $1=0 or notice.run=$1 order by notice.key",
                               kColumns),
                   parameters, "read its notices");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<Notice> found;
  found.reserve(static_cast<size_t>(rows->size()));
  for (int row = 0; row < rows->size(); ++row) found.push_back(notice_at(*rows, row, 0));
  return found;
}

Result<std::optional<int64_t>> PostgresStore::next_notice() {
  auto rows = read("select min(due) from notice where state=0", {}, "read its notices");
  if (!rows) return tl::unexpected(rows.error());
  return rows->optional(0, 0);
}

}  // namespace rbk::engine::postgres
