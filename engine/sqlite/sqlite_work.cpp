// What there is to do for workers. Each question has an index of its own, so that it costs what it
// finds.
#include <algorithm>
#include <map>

#include "engine/placement.h"
#include "engine/sqlite/sqlite_store.h"

namespace rbk::engine::sqlite {
namespace {

constexpr const char* kReady =
    "select key,claims from run where holder=0 and status=1 and placement=?2 order by key limit ?1";
constexpr const char* kDue =
    "select key,claims from run where holder=0 and wake is not null and placement=?2 and wake<=?3 "
    "and status in (2,4) order by wake limit ?1";
constexpr const char* kSpokenTo =
    "select distinct run.key,run.claims from message join run on run.key=message.run "
    "where message.taken=0 and run.holder=0 and run.status in (1,2,3,4) and run.placement=?2 "
    "limit ?1";
constexpr const char* kHeld =
    "select key,claims,holder,placement from run where holder<>0 and status in (1,2,3,4)";
constexpr const char* kNextWake =
    "select wake from run where holder=0 and wake is not null and placement=?2 and wake>?1 "
    "and status in (2,4) order by wake limit 1";

}  // namespace

Result<std::vector<EngineRow>> SqliteStore::workers() {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)
          ->prepare("select key,boot,process,started,works,epoch,takes from engine where works=1");
  if (!statement) return tl::unexpected(statement.error());
  auto rows = read_engines(*statement);
  if (rows) std::erase_if(*rows, [](const EngineRow& row) { return !row.alive; });
  return rows;
}

Status SqliteStore::read_work(Statement& slot, const char* sql, std::optional<int64_t> now,
                              const std::string& placement, uint32_t most,
                              std::vector<WaitingWork::Run>& runs) {
  if (auto ok = reader_.ready(slot, sql); !ok) return ok;
  Use use(slot);
  use->bind(1, most);
  use->bind_text(2, placement);
  if (now) use->bind(3, *now);
  int code = SQLITE_ROW;
  while ((code = use->step()) == SQLITE_ROW)
    runs.push_back({use->integer(0), static_cast<int32_t>(use->integer(1))});
  if (code != SQLITE_DONE) return tl::unexpected(reader_.error("read its runs"));
  return {};
}

/// What nobody holds of one placement.
Status SqliteStore::read_free_work(int64_t now, const std::string& placement, uint32_t most,
                                   WaitingWork& work) {
  if (auto ok = read_work(read_ready_, kReady, std::nullopt, placement, most, work.runs); !ok)
    return ok;
  if (auto ok = read_work(read_due_, kDue, now, placement, most, work.runs); !ok) return ok;
  if (auto ok = read_work(read_spoken_to_, kSpokenTo, std::nullopt, placement, most, work.runs);
      !ok)
    return ok;
  if (auto ok = reader_.ready(read_next_wake_, kNextWake); !ok) return ok;
  Use next(read_next_wake_);
  next->bind(1, now);
  next->bind_text(2, placement);
  const int code = next->step();
  if (code == SQLITE_ROW)
    work.next_wake = std::min(work.next_wake.value_or(INT64_MAX), next->integer(0));
  else if (code != SQLITE_DONE)
    return tl::unexpected(reader_.error("read its runs"));
  return {};
}

Result<WaitingWork> SqliteStore::waiting_work(int64_t now, EngineKey own,
                                              const std::vector<std::string>& placements,
                                              uint32_t most) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  WaitingWork work;
  for (const std::string& placement : placements)
    if (auto ok = read_free_work(now, placement, most, work); !ok)
      return tl::unexpected(ok.error());
  if (auto ok = reader_.ready(read_held_, kHeld); !ok) return tl::unexpected(ok.error());
  std::map<EngineKey, bool> alive;
  Use held(read_held_);
  int code = SQLITE_ROW;
  while ((code = held->step()) == SQLITE_ROW) {
    const EngineKey holder = held->integer(2);
    // Claimed by a commit after which it could not be read: it is there for its holder alone.
    if (holder == own) {
      work.runs.push_back({held->integer(0), 0});
      continue;
    }
    if (!takes(placements, held->text(3))) continue;
    const auto known = alive.find(holder);
    const bool lives = known != alive.end() ? known->second : locks_.engine_lives(holder);
    alive.emplace(holder, lives);
    if (!lives) work.runs.push_back({held->integer(0), static_cast<int32_t>(held->integer(1))});
  }
  if (code != SQLITE_DONE) return tl::unexpected(reader_.error("read its runs"));
  for (const auto& [holder, lives] : alive)
    if (lives) work.holders.push_back(holder);
  return work;
}

}  // namespace rbk::engine::sqlite
