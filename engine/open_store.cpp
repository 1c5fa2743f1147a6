// Which kind of store a URL names.
#include <fmt/format.h>

#include "engine/postgres/postgres_store.h"
#include "engine/postgres/url.h"
#include "engine/sqlite/sqlite_store.h"
#include "engine/store.h"

namespace rbk::engine {

Result<std::unique_ptr<Store>> open_store(std::string_view url, OpenMode mode) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (url.starts_with(kSqlite)) {
    std::string path(url.substr(kSqlite.size()));
    if (path.starts_with("//")) path.erase(0, 2);
    if (path.empty() || path.back() == '/')
      return fail(ErrorKind::kInvalid, fmt::format("`{}` names no file", url),
                  "write sqlite:PATH, as in sqlite:.runbook/store.db");
    return sqlite::SqliteStore::open(path, mode);
  }
  if (postgres::is_url(url)) return postgres::PostgresStore::open(url, mode);
  return fail(ErrorKind::kInvalid, fmt::format("`{}` is no store's URL", shown_store_url(url)),
              "write sqlite:PATH, as in sqlite:.runbook/store.db, or "
              "postgresql://USER@HOST:PORT/DATABASE");
}

std::string shown_store_url(std::string_view url) { return postgres::without_password(url); }

}  // namespace rbk::engine
