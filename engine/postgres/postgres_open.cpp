// Opening a store on PostgreSQL, its connections, its engine's row.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "engine/placement.h"
#include "engine/postgres/postgres_store.h"
#include "engine/postgres/schema.h"

namespace rbk::engine {

StoreKind postgres_stores() { return {"PostgreSQL", postgres::kFormat}; }

namespace postgres {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostTries = 5;

}  // namespace

Result<std::unique_ptr<Store>> PostgresStore::open(std::string_view url, OpenMode mode) {
  auto parsed = parse_url(url);
  if (!parsed) return tl::unexpected(parsed.error());
  auto loaded = library();
  if (!loaded) return tl::unexpected(loaded.error());
  std::unique_ptr<PostgresStore> made(new PostgresStore(**loaded, std::move(*parsed), mode));
  made->slot_ = std::random_device()() % kCounters;
  Found found;
  auto connection = made->connect(found);
  if (!connection) return tl::unexpected(connection.error());
  // Reading comes first with most commands that only read.
  (mode == OpenMode::kReading ? made->reader_ : made->writer_) = std::move(*connection);
  const bool only_looks = mode == OpenMode::kReading;
  if (only_looks) made->identity_.befell = what_befell(found);
  const Status settled =
      only_looks ? made->take_epoch(found) : made->settle_epoch(std::move(found));
  if (!settled) return tl::unexpected(settled.error());
  return std::unique_ptr<Store>(std::move(made));
}

PostgresStore::~PostgresStore() {
  lease_.reset();
  if (joined_ == 0 || writer_.is_lost()) return;
  Parameters parameters;
  parameters.integer(joined_);
  // Not an error if it does not get through: then the lease runs out.
  (void)writer_.query("update engine set lease=null, works=0 where key=$1", parameters, "leave it");
}

Result<Connection> PostgresStore::connect(Found& found_here) {
  auto connection = Connection::open(library_, url_);
  if (!connection) return connection;
  const bool reading = mode_ == OpenMode::kReading;
  if (auto fit = check_server(connection->facts(), connection->place(), reading, url_.best_effort);
      !fit)
    return tl::unexpected(fit.error());
  // Only at first: a store that is gone later is not made anew.
  if (mode_ == OpenMode::kCreate && identity_.id.empty())
    if (auto made = create(*connection, url_); !made) return tl::unexpected(made.error());
  auto found = check(*connection, url_, reading);
  if (!found) return tl::unexpected(found.error());
  if (found->format < kFormat) {
    if (auto migrated = migrate(*connection); !migrated) return tl::unexpected(migrated.error());
    found = check(*connection, url_, reading);
    if (!found) return tl::unexpected(found.error());
  }
  if (!identity_.id.empty() && identity_.id != found->id)
    return fail(ErrorKind::kCorrupt,
                fmt::format("store {} was replaced by another one", connection->place()),
                "put the right database back");
  if (identity_.id.empty())
    identity_ = {found->id, kFormat, connection->place(), {}, 0, found->epoch};
  found_here = std::move(*found);
  return connection;
}

Status PostgresStore::connect_patiently(Connection& slot) {
  const auto end = Clock::now() + std::chrono::microseconds(url_.lease);
  auto pause = std::chrono::milliseconds(20);
  while (true) {
    slot = {};
    Found found;
    auto connection = connect(found);
    if (connection) {
      slot = std::move(*connection);
      // What only reads does not mind; what writes has to know where it is.
      const bool writes = &slot == &writer_ && mode_ != OpenMode::kReading;
      return writes ? settle_epoch(std::move(found)) : Status();
    }
    const ErrorKind kind = connection.error().kind;
    const bool may_pass = kind == ErrorKind::kIo || kind == ErrorKind::kLocked;
    if (!may_pass || Clock::now() + pause > end) return tl::unexpected(connection.error());
    std::this_thread::sleep_for(pause);  // a server that restarts is asked less and less often
    pause = std::min(pause * 2, std::chrono::milliseconds(500));
  }
}

Status PostgresStore::ready_to_write() {
  if (!writer_.is_lost()) return {};
  return connect_patiently(writer_);
}

Status PostgresStore::reopen() {
  const std::lock_guard guard(writing_);
  lockless_.clear();
  seen_.reset();
  reader_ = {};
  return connect_patiently(writer_);
}

Result<Rows> PostgresStore::read(const std::string& sql, const Parameters& parameters,
                                 std::string_view doing) {
  for (int attempt = 1;; ++attempt) {
    if (looking_) return reader_.query(sql, parameters, doing);
    if (reader_.is_lost())
      if (auto opened = connect_patiently(reader_); !opened) return tl::unexpected(opened.error());
    auto rows = reader_.query(sql, parameters, doing);
    if (rows || attempt == kMostTries) return rows;
    if (!reader_.failure().lost && !reader_.failure().is_transient()) return rows;
  }
}

Status PostgresStore::write(bool may_repeat, const std::function<Status()>& body) {
  const std::lock_guard guard(writing_);
  for (int attempt = 1;; ++attempt) {
    if (auto ready = ready_to_write(); !ready) return ready;
    Status done = body();
    if (done) return done;
    // What failed may not have been the server's: then the failure is an older one, or none.
    const bool lost = writer_.is_lost();
    if (!lost && writer_.in_transaction())
      if (auto undone = writer_.run("rollback", "write to it"); !undone) return undone;
    const bool again = lost ? may_repeat : writer_.failure().is_transient();
    if (!again || attempt == kMostTries) return done;
    // Whoever it collided with gets through first.
    std::this_thread::sleep_for(std::chrono::milliseconds(attempt * 5));
  }
}

Status PostgresStore::transaction(bool gate, const std::function<Status()>& body) {
  constexpr const char* kBegin = "begin";
  constexpr const char* kBehindGate = "begin; select one from gate for update";
  if (auto begun = writer_.run(gate ? kBehindGate : kBegin, "write to it"); !begun) return begun;
  noted_.clear();
  if (auto done = body(); !done) return done;
  if (auto done = write_audit(); !done) return done;
  return writer_.run("commit", "commit to it");
}

Status PostgresStore::check_format(const Rows& rows) const {
  if (rows.size() > 0 && rows.boolean(0, 0)) return {};
  return fail(ErrorKind::kUnsupported,
              fmt::format("store {} was brought to a newer format by a newer rbk", identity_.place),
              "go on with that rbk: `rbk resume`");
}

Status PostgresStore::join(const EngineRow& engine) {
  Parameters parameters;
  parameters.integer(kFormat).integer(engine.key).text(engine.boot).integer(engine.process);
  parameters.integer(engine.started).text(process_birth()).integer(url_.lease);
  parameters.integer(int64_t{engine.works ? 1 : 0}).integer(identity_.epoch);
  parameters.text(takes_text(engine.takes));
  // It may have joined before, without working.
  const std::string if_taken =
      engine.key == joined_ ? "update set works=excluded.works,takes=excluded.takes" : "nothing";
  const Status joined = write(true, [&]() -> Status {
    auto rows = writer_.query(
        std::string(kHere) +
            ", made as (insert into engine(key,boot,process,started,birth,lease,works,epoch,takes) "
            "select $2,$3,$4,$5,$6,clock_timestamp() + $7 * interval '1 microsecond',$8,$9,$10 "
            "from here "
            "on conflict (key) do " +
            if_taken +
            " returning key) "
            "select exists(select 1 from here), exists(select 1 from made)",
        parameters, "write to it");
    if (!rows) return tl::unexpected(rows.error());
    if (auto same = check_format(*rows); !same) return same;
    if (!rows->boolean(0, 1))
      return fail(ErrorKind::kExists, fmt::format("there is an engine {} already", engine.key));
    return {};
  });
  if (!joined || engine.key == joined_) return joined;
  joined_ = engine.key;
  lease_ = std::make_unique<Lease>(library_, url_, engine.key);
  return {};
}

bool PostgresStore::lapsed() { return lease_ && lease_->lapsed(); }

}  // namespace postgres
}  // namespace rbk::engine
