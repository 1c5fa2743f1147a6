// One connection to a PostgreSQL server, set up as the store needs it, with errors in our words.
// Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "engine/postgres/errors.h"
#include "engine/postgres/library.h"
#include "engine/postgres/parameters.h"
#include "engine/postgres/server_check.h"
#include "engine/postgres/url.h"

namespace rbk::engine::postgres {

/// `name` as an SQL identifier, whatever it holds.
std::string quoted_name(std::string_view name);

class Connection {
 public:
  /// Connects and sets the session up. One attempt; a server that does not answer is given up after
  /// ten seconds, or what connect_timeout says.
  static Result<Connection> open(const Library& library, const Url& url);

  Connection() = default;
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;

  bool is_open() const { return connection_ != nullptr; }
  /// Whether the server has closed it, as far as that is known without asking.
  bool is_lost();
  /// A transaction was begun and not ended.
  bool in_transaction() const;

  /// A statement may take as long as it takes. Else a server that neither sends nor takes anything
  /// for the time of a lease, and at least fifteen seconds, is taken for lost: it may be frozen.
  void set_patient(bool is_patient) { is_patient_ = is_patient; }

  /// One statement, prepared when it comes a second time. What went wrong then is `failure`.
  Result<Rows> query(const std::string& sql, const Parameters& parameters, std::string_view doing);
  /// Several statements without parameters, and no rows.
  Status run(const std::string& sql, std::string_view doing);

  const Failure& failure() const { return failure_; }
  /// The server's facts when the session began.
  const ServerFacts& facts() const { return facts_; }
  /// "postgresql://USER@HOST:PORT/DATABASE": for messages.
  const std::string& place() const { return place_; }

 private:
  Status set_up(const Url& url);
  bool exchange();
  PGresult* answer(int sent);
  tl::unexpected<Error> failed(PGresult* result, std::string_view doing);
  Result<Rows> taken(PGresult* result, std::string_view doing);

  const Library* library_ = nullptr;
  PGconn* connection_ = nullptr;
  std::string place_;
  ServerFacts facts_;
  Failure failure_;
  bool is_ended_ = false;  // the server has said so, or it was silent
  bool is_silent_ = false;
  bool is_patient_ = false;
  int64_t longest_silence_ = 0;                            // microseconds
  std::unordered_map<std::string, std::string> prepared_;  // its name by its text; empty: seen once
  int last_prepared_ = 0;
};

}  // namespace rbk::engine::postgres
