// A store on PostgreSQL that was restored or copied, or whose standby has taken over, begins a new
// epoch, and holds what was unfinished (rule 6 of durability).
#include <fmt/format.h>

#include <random>

#include "base/wall_time.h"
#include "engine/audit_rows.h"
#include "engine/hold.h"
#include "engine/postgres/postgres_store.h"

namespace rbk::engine::postgres {
namespace {

/// Everybody who writes reads `meta`, and is waited for and kept waiting.
constexpr const char* kAlone = "lock table meta in access exclusive mode";

std::string random_incarnation() {
  std::random_device random;
  std::string hex;
  for (int i = 0; i < 4; ++i) hex += fmt::format("{:08x}", random());
  return hex;
}

}  // namespace

Status PostgresStore::take_epoch(const Found& found) {
  std::optional<Hold> held;
  if (!found.hold.empty()) {
    auto hold = parse_hold(found.hold, found.epoch);
    if (!hold) return tl::unexpected(hold.error());
    held = std::move(*hold);
  }
  // Others read the identity of an engine that lives; what it was told first stays.
  if (joined_ != 0 && found.epoch != identity_.epoch)
    return replaced_while_in_use(identity_.place, held ? held->why : "another epoch has begun");
  if (joined_ != 0) return {};
  identity_.epoch = found.epoch;
  identity_.incarnation = found.incarnation;
  identity_.hold = std::move(held);
  return {};
}

Status PostgresStore::settle_epoch(Found found) {
  const bool is_new = found.home.empty() && !found.home_now.empty();
  if (what_befell(found).empty() && !is_new) return take_epoch(found);
  const Status settled = transaction(false, [&] { return begin_epoch(found); });
  if (!settled) {
    if (!writer_.is_lost() && writer_.in_transaction())
      if (auto undone = writer_.run("rollback", "write to it"); !undone) return undone;
    return settled;
  }
  return take_epoch(found);
}

/// Within a transaction.
Status PostgresStore::begin_epoch(Found& found) {
  if (auto alone = writer_.run(kAlone, "write to it"); !alone) return alone;
  auto now = read_meta(writer_);
  if (!now) return tl::unexpected(now.error());
  found = std::move(*now);
  const std::string why = what_befell(found);
  Parameters home;
  home.text(found.home_now);
  if (why.empty()) {
    // It does not know where it lives yet; or another process was faster.
    auto rows = writer_.query("update meta set home=$1 where home=''", home, "write to it");
    return rows ? Status() : tl::unexpected(rows.error());
  }
  auto count = writer_.query(
      "select (select count(*) from run where status<5 or stood<>0), "
      "exists(select 1 from schedule where removed=0)",
      {}, "read its runs");
  if (!count) return tl::unexpected(count.error());
  const Hold hold{found.epoch + 1, wall_time(), why, count->integer(0, 0)};
  found.epoch = hold.epoch;
  found.incarnation = random_incarnation();
  if (hold.runs > 0 || count->boolean(0, 1)) found.hold = hold_text(hold);
  found.home = found.home_now;
  Parameters meta;
  meta.integer(found.epoch).text(found.home).text(found.incarnation).text(found.hold);
  auto put = writer_.query("update meta set epoch=$1, home=$2, incarnation=$3, hold=$4", meta,
                           "write to it");
  if (!put) return tl::unexpected(put.error());
  Parameters because;
  because.text(held_because(identity_.place, hold));
  // Whoever held a run has lost it.
  auto held = writer_.query(
      "update run set stood=status, status=5, ending=$1, token=token+1, holder=0 where status<5",
      because, "write to it");
  if (!held) return tl::unexpected(held.error());
  Parameters slot;
  slot.integer(slot_);
  auto counted =
      writer_.query("update change set count=count+1 where slot=$1", slot, "write to it");
  if (!counted) return tl::unexpected(counted.error());
  lockless_.clear();
  note(audit_of_epoch(found.id, hold));
  return {};
}

Result<std::optional<Hold>> PostgresStore::hold() {
  auto rows = read("select hold, epoch from meta", {}, "read it");
  if (!rows) return tl::unexpected(rows.error());
  if (rows->size() == 0 || rows->text(0, 0).empty()) return std::nullopt;
  auto hold = parse_hold(rows->text(0, 0), rows->integer(0, 1));
  if (!hold) return tl::unexpected(hold.error());
  return std::move(*hold);
}

Result<int64_t> PostgresStore::accept(int64_t epoch, const Doer& by) {
  int64_t count = 0;
  const Status accepted = write(false, [&]() -> Status {
    return transaction(false, [&]() -> Status {
      if (auto alone = writer_.run(kAlone, "write to it"); !alone) return alone;
      auto found = read_meta(writer_);
      if (!found) return tl::unexpected(found.error());
      if (auto may = may_accept(identity_.place, found->epoch, !found->hold.empty(), epoch); !may)
        return may;
      auto hold = parse_hold(found->hold, found->epoch);
      if (!hold) return tl::unexpected(hold.error());
      Parameters slot;
      slot.integer(slot_);
      auto rows = writer_.query(
          "with released as (update run set status=stood, stood=0, ending='', claims=0 "
          "where stood<>0 returning key), "
          "counted as (update change set count=count+1 where slot=$1), "
          "freed as (update meta set hold='') select count(*) from released",
          slot, "write to it");
      if (!rows) return tl::unexpected(rows.error());
      count = rows->integer(0, 0);
      note(audit_of_acceptance(found->id, *hold, count, by));
      return {};
    });
  });
  if (!accepted) return tl::unexpected(accepted.error());
  identity_.hold.reset();
  return count;
}

}  // namespace rbk::engine::postgres
