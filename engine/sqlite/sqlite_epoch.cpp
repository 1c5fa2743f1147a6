// A store on SQLite that was restored or copied begins a new epoch, and holds what was unfinished
// (rule 6 of durability).
#include <fmt/format.h>

#include "base/wall_time.h"
#include "engine/audit_rows.h"
#include "engine/hold.h"
#include "engine/sqlite/files.h"
#include "engine/sqlite/home.h"
#include "engine/sqlite/sqlite_store.h"

namespace rbk::engine::sqlite {

/// Why it is another epoch; empty: it is the same.
std::string SqliteStore::what_befell(const Meta& meta) const {
  if (meta.home == kCopied) return "its file is a copy that `rbk store backup` has made";
  if (!is_home(meta.home, home_of(path_)))
    return "its file is another one than that which was written last: a copy, or restored";
  // Asked in this order: what a commit has witnessed is to be seen in the store after that.
  const int64_t witness = locks_.witness(meta.id);
  if (witness > meta.last_journal)
    return fmt::format(
        "its file was put back to an earlier state: it had come as far as entry {} of its journal, "
        "and ends with {}",
        witness, meta.last_journal);
  return {};
}

Status SqliteStore::take_epoch(const Meta& meta) {
  const bool changed = meta.epoch != identity_.epoch;
  identity_.epoch = meta.epoch;
  identity_.incarnation = meta.incarnation;
  identity_.hold.reset();
  if (!meta.hold.empty()) {
    auto hold = parse_hold(meta.hold, meta.epoch);
    if (!hold) return tl::unexpected(hold.error());
    identity_.hold = std::move(*hold);
  }
  if (changed && locks_.holds_any_engine())
    return replaced_while_in_use(path_,
                                 identity_.hold ? identity_.hold->why : "another epoch has begun");
  return {};
}

/// As it was when it was opened.
std::string SqliteStore::what_befell() const {
  Meta seen;
  seen.id = identity_.id;
  seen.home = home_;
  seen.last_journal = last_journal_;
  return what_befell(seen);
}

Status SqliteStore::look_at_epoch() {
  if (what_befell().empty()) return {};
  // Somebody may have written since: what a commit has witnessed is there by now.
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto meta = read_meta(**connection, path_);
  if (!meta) return tl::unexpected(meta.error());
  identity_.befell = what_befell(*meta);
  return {};
}

Status SqliteStore::settle_epoch() {
  // What was read when it was opened may be older than the witness: then it is looked at again,
  // while nobody commits.
  if (what_befell().empty()) return {};
  Meta now;
  const Status begun = transaction(false, [&]() -> Status {
    auto meta = read_meta(writer_, path_);
    if (!meta) return tl::unexpected(meta.error());
    now = std::move(*meta);
    std::string why = what_befell(now);
    if (why.empty()) return {};  // another process was faster
    if (auto done = begin_epoch(now, std::move(why)); !done) return done;
    auto after = read_meta(writer_, path_);
    if (!after) return tl::unexpected(after.error());
    now = std::move(*after);
    // That is how far it has come from here on.
    next_journal_ = now.last_journal + 1;
    return {};
  });
  if (!begun) return begun;
  const std::lock_guard guard(writing_);
  return take_epoch(now);
}

/// Within a transaction.
Status SqliteStore::begin_epoch(const Meta& meta, std::string why) {
  Hold hold{meta.epoch + 1, wall_time(), std::move(why), 0};
  bool has_schedules = false;
  {
    auto count = writer_.prepare(
        "select (select count(*) from run where status<5 or stood<>0),"
        "exists(select 1 from schedule where removed=0)");
    if (!count) return tl::unexpected(count.error());
    if (count->step() != SQLITE_ROW) return tl::unexpected(writer_.error("read its runs"));
    hold.runs = count->integer(0);
    has_schedules = count->integer(1) != 0;
  }
  const auto put = [&](const char* name, const std::string& value) -> Status {
    auto statement = writer_.prepare("insert or replace into meta values(?,?)");
    if (!statement) return tl::unexpected(statement.error());
    statement->bind_text(1, name);
    statement->bind_text(2, value);
    return done(*statement, "write to it");
  };
  if (auto ok = put("home", home_of(path_)); !ok) return ok;
  if (auto ok = put("incarnation", random_hex(16)); !ok) return ok;
  if (hold.runs > 0 || has_schedules)
    if (auto ok = put("hold", hold_text(hold)); !ok) return ok;
  // Whoever held a run has lost it, and no worker of before works.
  if (auto ok = writer_.run("update meta set value=value+1 where name='epoch';"
                            "update engine set works=0 where works=1");
      !ok)
    return ok;
  auto held = writer_.prepare(
      "update run set stood=status,status=5,ending=?,token=token+1,holder=0 where status<5");
  if (!held) return tl::unexpected(held.error());
  const std::string because = held_because(path_, hold);
  held->bind_text(1, because);
  if (auto ok = done(*held, "write to it"); !ok) return ok;
  tails_.clear();
  note(audit_of_epoch(meta.id, hold));
  return {};
}

Result<std::optional<Hold>> SqliteStore::hold() {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto meta = read_meta(**connection, path_);
  if (!meta) return tl::unexpected(meta.error());
  if (meta->hold.empty()) return std::nullopt;
  auto hold = parse_hold(meta->hold, meta->epoch);
  if (!hold) return tl::unexpected(hold.error());
  return std::move(*hold);
}

Result<int64_t> SqliteStore::accept(int64_t epoch, const Doer& by) {
  int64_t count = 0;
  const Status accepted = transaction(false, [&]() -> Status {
    auto meta = read_meta(writer_, path_);
    if (!meta) return tl::unexpected(meta.error());
    if (auto may = may_accept(path_, meta->epoch, !meta->hold.empty(), epoch); !may) return may;
    auto hold = parse_hold(meta->hold, meta->epoch);
    if (!hold) return tl::unexpected(hold.error());
    if (auto ok =
            writer_.run("update run set status=stood,stood=0,ending='',claims=0 where stood<>0");
        !ok)
      return ok;
    count = sqlite3_changes(writer_.raw());
    if (auto ok = writer_.run("delete from meta where name='hold'"); !ok) return ok;
    note(audit_of_acceptance(meta->id, *hold, count, by));
    return {};
  });
  if (!accepted) return tl::unexpected(accepted.error());
  identity_.hold.reset();
  return count;
}

}  // namespace rbk::engine::sqlite
