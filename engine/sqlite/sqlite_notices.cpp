// The outbox of a store on SQLite: what targets are to be told.
#include <fmt/format.h>

#include "engine/sqlite/sqlite_store.h"

namespace rbk::engine::sqlite {
namespace {

constexpr std::string_view kColumns =
    "select notice.key,notice.id,notice.run,run.id,request,kind,target,payload,made,due,attempts,"
    "state,problem from notice join run on run.key=notice.run";

}  // namespace

Status SqliteStore::write_notices(const RunChange& change) {
  for (const Notice& notice : change.notices) {
    if (auto ok = writer_.ready(
            writes_.notice,
            "insert into notice(id,run,request,kind,target,payload,made,due,attempts,state,problem)"
            " values(?,?,?,?,?,?,?,?,0,0,'') on conflict(id) do nothing");
        !ok)
      return ok;
    Statement& row = writes_.notice;
    row.bind_text(1, notice.id);
    row.bind(2, change.run);
    row.bind(3, static_cast<int64_t>(notice.request));
    row.bind_text(4, notice.kind);
    row.bind_text(5, notice.target);
    row.bind_text(6, notice.payload);
    row.bind(7, notice.made);
    row.bind(8, notice.due);
    if (auto ok = done(row, "write a notice to it"); !ok) return ok;
  }
  return {};
}

Result<std::vector<Notice>> SqliteStore::read_notices(Connection& connection,
                                                      Statement& statement) {
  std::vector<Notice> found;
  int code = SQLITE_ROW;
  while ((code = statement.step()) == SQLITE_ROW) {
    Notice& notice = found.emplace_back();
    notice.key = statement.integer(0);
    notice.id = statement.text(1);
    notice.run = statement.integer(2);
    notice.run_id = statement.text(3);
    notice.request = static_cast<uint64_t>(statement.integer(4));
    notice.kind = statement.text(5);
    notice.target = statement.text(6);
    notice.payload = statement.text(7);
    notice.made = statement.integer(8);
    notice.due = statement.integer(9);
    notice.attempts = statement.integer(10);
    notice.state = static_cast<Notice::State>(statement.integer(11));
    notice.problem = statement.text(12);
  }
  if (code != SQLITE_DONE) return tl::unexpected(connection.error("read its notices"));
  return found;
}

Result<std::vector<Notice>> SqliteStore::take_notices(int64_t now, int64_t lease, size_t most) {
  std::vector<Notice> taken;
  const Status done_ = transaction(false, [&]() -> Status {
    auto due =
        writer_.prepare(fmt::format("{} where state=0 and due<=? order by due limit ?", kColumns));
    if (!due) return tl::unexpected(due.error());
    due->bind(1, now);
    due->bind(2, static_cast<int64_t>(most));
    auto found = read_notices(writer_, *due);
    if (!found) return tl::unexpected(found.error());
    taken = std::move(*found);
    if (auto ok = writer_.ready(writes_.notice_take,
                                "update notice set due=?,attempts=attempts+1 where key=?");
        !ok)
      return ok;
    for (Notice& notice : taken) {
      writes_.notice_take.bind(1, lease);
      writes_.notice_take.bind(2, notice.key);
      if (auto ok = done(writes_.notice_take, "write to it"); !ok) return ok;
      ++notice.attempts;
    }
    return {};
  });
  if (!done_) return tl::unexpected(done_.error());
  return taken;
}

Status SqliteStore::settle_notice(int64_t key, Notice::State state, int64_t due,
                                  const std::string& problem) {
  return transaction(false, [&]() -> Status {
    if (auto ok =
            writer_.ready(writes_.notice_settle,
                          "update notice set state=?,due=?,problem=? where key=? and state=0");
        !ok)
      return ok;
    writes_.notice_settle.bind(1, static_cast<int64_t>(state));
    writes_.notice_settle.bind(2, due);
    writes_.notice_settle.bind_text(3, problem);
    writes_.notice_settle.bind(4, key);
    return done(writes_.notice_settle, "write to it");
  });
}

Result<std::vector<Notice>> SqliteStore::notices(RunKey run) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)
          ->prepare(fmt::format("{} where ?1=0 or notice.run=?1 order by notice.key", kColumns));
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, run);
  return read_notices(**connection, *statement);
}

Result<std::optional<int64_t>> SqliteStore::next_notice() {
  const auto ask = [](Connection& connection,
                      Statement& statement) -> Result<std::optional<int64_t>> {
    if (auto ok = connection.ready(statement, "select min(due) from notice where state=0"); !ok)
      return tl::unexpected(ok.error());
    Use use(statement);
    if (statement.step() != SQLITE_ROW) return tl::unexpected(connection.error("read its notices"));
    if (statement.is_null(0)) return std::nullopt;
    return statement.integer(0);
  };
  // Each engine asks at its end: that alone is not worth a second connection.
  if (!reader_.is_open()) {
    const std::lock_guard guard(writing_);
    if (writer_.is_open()) return ask(writer_, writes_.notice_next);
  }
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  return ask(**connection, next_notice_);
}

}  // namespace rbk::engine::sqlite
