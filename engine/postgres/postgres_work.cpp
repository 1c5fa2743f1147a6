// Who lives, who works, and what there is to do for workers. Each question has an index of its own,
// so that it costs what it finds.
#include <fmt/format.h>

#include <algorithm>

#include "engine/placement.h"
#include "engine/postgres/postgres_store.h"
#include "engine/postgres/schema.h"

namespace rbk::engine::postgres {
namespace {

/// Whether an engine that is not known to live does so now is not asked more often; microseconds.
constexpr int64_t kAskAgain = 100'000;

/// For how long an engine's lease lasts yet, in microseconds: 0 if it has run out.
constexpr std::string_view kLeft =
    "coalesce(greatest(extract(epoch from engine.lease-clock_timestamp())*1000000,0),0)::bigint";

// Who holds runs: one step of an index for each of them, however many runs they hold. Then four
// kinds of runs (1), the holders that are others (2), and the next time of a run (3).
constexpr std::string_view kWork = R"sql(
with recursive step(holder) as (
  select min(holder) from run where holder <> 0
  union all
  select (select min(run.holder) from run where run.holder <> 0 and run.holder > step.holder)
  from step where step.holder is not null),
holders as materialized (
  select step.holder, engine.birth, {left} as life
  from step left join engine on engine.key = step.holder
  where step.holder is not null and step.holder <> $3)
(select 1::bigint, found.key, found.claims::bigint, null::text
 from unnest($4::text[]) label cross join lateral (select key, claims from run
 where holder = 0 and status = 1 and placement = label order by key limit $1) found)
union all
(select 1, found.key, found.claims, null
 from unnest($4::text[]) label cross join lateral (select key, claims from run
 where holder = 0 and wake is not null and placement = label and wake <= $2 and status in (2, 4)
 order by wake limit $1) found)
union all
(select distinct 1, run.key, run.claims, null from message join run on run.key = message.run
 where message.taken = 0 and run.holder = 0 and run.status in (1, 2, 3, 4)
 and run.placement = any($4::text[]) limit $1)
union all
(select 1, run.key, run.claims, null from holders join run on run.holder = holders.holder
 where holders.life = 0 and run.holder <> 0 and run.status in (1, 2, 3, 4)
 and run.placement = any($4::text[]) limit $1)
union all
(select 2, holder, life, birth from holders)
union all
(select 3, min(found.wake), 0, null
 from unnest($4::text[]) label cross join lateral (select wake from run
 where holder = 0 and wake is not null and placement = label and wake > $2 and status in (2, 4)
 order by wake limit 1) found having min(found.wake) is not null)
)sql";

}  // namespace

Result<std::vector<EngineRow>> PostgresStore::read_engines(const std::string& where,
                                                           const Parameters& parameters) {
  auto rows =
      read(fmt::format("select key,boot,process,started,works,birth,{},epoch,takes from engine {}",
                       kLeft, where),
           parameters, "read its engines");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<EngineRow> found(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i) {
    EngineRow& row = found[static_cast<size_t>(i)];
    row.key = rows->integer(i, 0);
    row.boot = rows->text(i, 1);
    row.process = rows->integer(i, 2);
    row.started = rows->integer(i, 3);
    row.works = rows->integer(i, 4) != 0;
    row.epoch = rows->integer(i, 7);
    row.takes = takes_of(rows->text(i, 8));
    row.alive = rows->integer(i, 6) > 0 && !is_proved_dead(rows->text(i, 5));
  }
  return found;
}

Result<EngineRow> PostgresStore::engine(EngineKey key) {
  Parameters parameters;
  parameters.integer(key);
  auto rows = read_engines("where key=$1", parameters);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return fail(ErrorKind::kNotFound, fmt::format("there is no engine {}", key));
  return std::move(rows->front());
}

Result<std::vector<EngineRow>> PostgresStore::workers() {
  auto rows = read_engines("where works=1 order by key", {});
  if (rows) std::erase_if(*rows, [](const EngineRow& row) { return !row.alive; });
  return rows;
}

/// Of the dead only those are put down that are so for certain: one whose lease ran out a moment
/// ago may only have stood still, and works on when it wakes.
Status PostgresStore::leave_work() {
  auto working = read("select key,birth from engine where works=1", {}, "read its engines");
  if (!working) return tl::unexpected(working.error());
  Array dead(Type::kInteger);
  for (int i = 0; i < working->size(); ++i)
    if (is_proved_dead(working->text(i, 1))) dead.integer(working->integer(i, 0));
  Parameters parameters;
  parameters.integer(kFormat).integer(slot_).integer(joined_).array(dead);
  return write(true, [&]() -> Status {
    auto rows = writer_.query(
        std::string(kHere) + kCounted +
            ", left_work as (update engine set works=0 from here where works=1 and (key=$3 or "
            "key=any($4) or coalesce(lease < clock_timestamp() - interval '1 day', true))) "
            "select exists(select 1 from here)",
        parameters, "write to it");
    if (!rows) return tl::unexpected(rows.error());
    return check_format(*rows);
  });
}

/// Its lease was seen to last until some time: until then only the end of its process, which is
/// seen on this host, ends its life. Where the server does not answer nobody is given up.
bool PostgresStore::lives(EngineKey engine) {
  const int64_t now = boot_clock();
  const auto known = lives_.find(engine);
  if (known != lives_.end()) {
    if (is_proved_dead(known->second.birth)) return false;
    if (now < known->second.until) return true;
    if (now < known->second.asked + kAskAgain) return false;
  }
  Parameters parameters;
  parameters.integer(engine);
  auto rows = read(fmt::format("select birth,{} from engine where key=$1", kLeft), parameters,
                   "read its engines");
  if (!rows) return true;
  const bool is_there = rows->size() == 1;
  const Life life{is_there ? rows->text(0, 0) : std::string(),
                  now + (is_there ? rows->integer(0, 1) : 0), now};
  lives_[engine] = life;
  return now < life.until && !is_proved_dead(life.birth);
}

Result<WaitingWork> PostgresStore::waiting_work(int64_t now, EngineKey own,
                                                const std::vector<std::string>& placements,
                                                uint32_t most) {
  Array labels(Type::kText);
  for (const std::string& placement : placements) labels.text(placement);
  Parameters parameters;
  parameters.integer(most).integer(now).integer(own).array(labels);
  const int64_t asked = boot_clock();
  static const std::string sql = fmt::format(fmt::runtime(kWork), fmt::arg("left", kLeft));
  auto rows = read(sql, parameters, "read its runs");
  if (!rows) return tl::unexpected(rows.error());
  WaitingWork work;
  lives_.clear();
  Array dead(Type::kInteger);
  bool some_dead = false;
  for (int i = 0; i < rows->size(); ++i) {
    const int64_t key = rows->integer(i, 1);
    const int64_t value = rows->integer(i, 2);
    switch (rows->integer(i, 0)) {
      case 1:
        work.runs.push_back({key, static_cast<int32_t>(value)});
        break;
      case 2: {
        if (value == 0) break;  // its runs are among those above
        const std::string birth = rows->text(i, 3);
        if (is_proved_dead(birth)) {
          dead.integer(key);
          some_dead = true;
          break;
        }
        lives_[key] = {birth, asked + value, asked};
        work.holders.push_back(key);
        break;
      }
      default:
        work.next_wake = key;
    }
  }
  if (!some_dead) return work;
  Parameters whose;
  whose.array(dead).integer(most).array(labels);
  auto held = read(
      "select key,claims from run where holder=any($1) and holder<>0 and status in (1,2,3,4) "
      "and placement=any($3) limit $2",
      whose, "read its runs");
  if (!held) return tl::unexpected(held.error());
  for (int i = 0; i < held->size(); ++i)
    work.runs.push_back({held->integer(i, 0), static_cast<int32_t>(held->integer(i, 1))});
  return work;
}

}  // namespace rbk::engine::postgres
