#include "engine/testing/store_sql.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <stdexcept>

#include "engine/postgres/connection.h"

namespace rbk::engine::testing {
namespace {

void on_sqlite(const std::string& path, const std::string& text) {
  sqlite3* database = nullptr;
  char* error = nullptr;
  const bool done = sqlite3_open(path.c_str(), &database) == SQLITE_OK &&
                    sqlite3_exec(database, text.c_str(), nullptr, nullptr, &error) == SQLITE_OK;
  const std::string why = error != nullptr ? error : "it can't be opened";
  sqlite3_free(error);
  sqlite3_close(database);
  if (!done) throw std::runtime_error(fmt::format("{}: {}", text, why));
}

void on_postgres(const std::string& url, const std::string& text) {
  auto connection =
      postgres::Connection::open(*postgres::library().value(), postgres::parse_url(url).value());
  const Status done =
      connection ? connection->run(text, "change it") : Status(tl::unexpected(connection.error()));
  if (!done) throw std::runtime_error(fmt::format("{}: {}", text, done.error().message));
}

}  // namespace

void store_sql(const TempFolder& folder, const std::string& text) {
  store_sql(folder.store(), text);
}

void store_sql(const std::string& url, const std::string& text) {
  constexpr std::string_view kFile = "sqlite:";
  if (url.starts_with(kFile))
    on_sqlite(url.substr(kFile.size()), text);
  else
    on_postgres(url, text);
}

}  // namespace rbk::engine::testing
