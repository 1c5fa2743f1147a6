#include "engine/postgres/connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <vector>

namespace rbk::engine::postgres {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kConnectSeconds = 10;
// Longer than a statement waits for another's row (lock_timeout).
constexpr int64_t kShortestSilence = 15'000'000;

void ignore_notice(void*, const char*) {}

/// What libpq is given: of the URL, and where that says nothing, of the store.
struct Settings {
  std::vector<std::string> names, values;
  int hosts = 1;
  int seconds = kConnectSeconds;

  void set(std::string_view name, std::string value) {
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i] == name) {
        values[i] = std::move(value);
        return;
      }
    names.emplace_back(name);
    values.push_back(std::move(value));
  }
  bool has(std::string_view name) const {
    return std::find(names.begin(), names.end(), name) != names.end();
  }
  const char* variable(std::string_view name, const char* environment) const {
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i] == name) return values[i].c_str();
    return std::getenv(environment);
  }
};

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  if (what.empty()) return text;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

Result<Settings> settings_of(const Library& library, const Url& url) {
  char* problem = nullptr;
  PQconninfoOption* options = library.PQconninfoParse(url.connection.c_str(), &problem);
  if (options == nullptr) {
    std::string text = problem != nullptr ? problem : "no memory";
    library.PQfreemem(problem);
    // It may quote the URL, whole or in parts: then nothing of it is shown.
    const std::string shown = without_password(url.connection);
    if (shown != url.connection && text.find('"') != std::string::npos) text = "it is malformed";
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return fail(ErrorKind::kInvalid, fmt::format("`{}` is no store's URL: {}", shown, text),
                "write postgresql://USER@HOST:PORT/DATABASE; characters with a meaning of their "
                "own as %41");
  }
  Settings made;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option)
    if (option->val != nullptr) made.set(option->keyword, option->val);
  library.PQconninfoFree(options);
  if (const char* host = made.variable("host", "PGHOST"))
    made.hosts += static_cast<int>(std::count(host, host + std::string_view(host).size(), ','));
  if (const char* seconds = made.variable("connect_timeout", "PGCONNECT_TIMEOUT"))
    made.seconds = std::max(2, std::atoi(seconds));
  else
    made.set("connect_timeout", std::to_string(kConnectSeconds));
  // A server that is gone without a word is noticed before our lease is over.
  const auto milliseconds = std::to_string(url.lease / 1000);
  if (!made.has("tcp_user_timeout")) made.set("tcp_user_timeout", milliseconds);
  if (!made.has("keepalives_idle")) made.set("keepalives_idle", "5");
  if (!made.has("keepalives_interval")) made.set("keepalives_interval", "5");
  if (!made.has("keepalives_count")) made.set("keepalives_count", "2");
  if (!made.has("fallback_application_name")) made.set("fallback_application_name", "rbk");
  made.set("client_encoding", "UTF8");
  return made;
}

/// Step by step, so that libpq can be asked for the SQLSTATE of a refusal. False: the time is up.
bool connect_in_steps(const Library& library, PGconn* connection, int seconds) {
  library.PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  while (wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    pollfd socket{library.PQsocket(connection),
                  static_cast<short>(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    const int ready = poll(&socket, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    wanted = library.PQconnectPoll(connection);
  }
  return true;
}

PGconn* connect(const Library& library, const Settings& settings, bool& in_time) {
  std::vector<const char*> names, values;
  names.reserve(settings.names.size() + 1);
  values.reserve(settings.names.size() + 1);
  for (size_t i = 0; i < settings.names.size(); ++i) {
    names.push_back(settings.names[i].c_str());
    values.push_back(settings.values[i].c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  // Of several hosts libpq tries the next one when the time for one is up, but only in one call.
  if (settings.hosts > 1) return library.PQconnectdbParams(names.data(), values.data(), 0);
  PGconn* connection = library.PQconnectStartParams(names.data(), values.data(), 0);
  if (connection != nullptr && library.PQstatus(connection) != CONNECTION_BAD)
    in_time = connect_in_steps(library, connection, settings.seconds);
  return connection;
}

/// What of a verbose message is for people: not where in the server's source it was made.
std::string plain_message(std::string_view message) {
  std::string plain(message.substr(0, message.find("\nLOCATION:")));
  const std::string state = state_in(message);
  return state.empty() ? plain : replaced(plain, fmt::format("{}: ", state), "");
}

std::string place_of(const Library& library, const PGconn* connection) {
  const auto text = [](const char* value) { return std::string(value != nullptr ? value : ""); };
  const std::string user = text(library.PQuser(connection));
  const std::string host = text(library.PQhost(connection));
  const std::string port = text(library.PQport(connection));
  return fmt::format("postgresql://{}{}{}{}{}/{}", user, user.empty() ? "" : "@", host,
                     port.empty() ? "" : ":", port, text(library.PQdb(connection)));
}

}  // namespace

std::string quoted_name(std::string_view name) {
  return "\"" + replaced(std::string(name), "\"", "\"\"") + "\"";
}

Connection::~Connection() {
  if (connection_ != nullptr) library_->PQfinish(connection_);
}

Connection::Connection(Connection&& other) noexcept { *this = std::move(other); }

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(library_, other.library_);
  std::swap(connection_, other.connection_);
  std::swap(place_, other.place_);
  std::swap(facts_, other.facts_);
  std::swap(failure_, other.failure_);
  std::swap(is_ended_, other.is_ended_);
  std::swap(longest_silence_, other.longest_silence_);
  std::swap(is_silent_, other.is_silent_);
  std::swap(is_patient_, other.is_patient_);
  std::swap(prepared_, other.prepared_);
  std::swap(last_prepared_, other.last_prepared_);
  return *this;
}

Result<Connection> Connection::open(const Library& library, const Url& url) {
  auto settings = settings_of(library, url);
  if (!settings) return tl::unexpected(settings.error());
  Connection made;
  made.library_ = &library;
  bool in_time = true;
  made.connection_ = connect(library, *settings, in_time);
  if (made.connection_ == nullptr)
    return fail(ErrorKind::kLimit, "no memory to connect to the store");
  made.place_ = place_of(library, made.connection_);
  if (library.PQstatus(made.connection_) != CONNECTION_OK) {
    const std::string message = library.PQerrorMessage(made.connection_);
    Failure failure{state_in(message), plain_message(message), {}, true};
    if (library.PQconnectionNeedsPassword(made.connection_) != 0) failure.state = "28P01";
    if (!in_time)
      failure.detail = fmt::format("it does not answer within {} seconds", settings->seconds);
    return tl::unexpected(translate(made.place_, "connect to it", failure));
  }
  library.PQsetErrorVerbosity(made.connection_, PQERRORS_DEFAULT);
  library.PQsetnonblocking(made.connection_, 1);
  made.longest_silence_ = std::max(url.lease, kShortestSilence);
  library.PQsetNoticeProcessor(made.connection_, ignore_notice, nullptr);
  if (auto ready = made.set_up(url); !ready) return tl::unexpected(ready.error());
  return made;
}

/// One round trip. A commit is confirmed once it is durable here and on the standbys that the
/// server waits for, whatever the user's or the database's default is.
Status Connection::set_up(const Url& url) {
  const std::string sql = fmt::format(
      "set search_path to {}; set lock_timeout='10s'; set statement_timeout=0;"
      "set idle_in_transaction_session_timeout={}; set standard_conforming_strings=on;"
      "set default_transaction_isolation='read committed'; set jit=off;"
      "select set_config('synchronous_commit','on',false) "
      "where current_setting('synchronous_commit') not in ('on','remote_apply');{}",
      quoted_name(url.schema), url.lease / 1000, facts_query(url.schema));
  PGresult* result = answer(library_->PQsendQuery(connection_, sql.c_str()));
  if (library_->PQresultStatus(result) != PGRES_TUPLES_OK) return failed(result, "use it");
  const Rows rows(library_, result);
  const auto number = [&](int column) {
    return std::strtoll(rows.text(0, column).c_str(), nullptr, 10);
  };
  facts_.version = number(0);
  facts_.encoding = rows.text(0, 1);
  facts_.standby = rows.bytes(0, 2) == "t";
  facts_.read_only = rows.bytes(0, 3) == "on";
  facts_.fsync = rows.bytes(0, 4) == "on";
  facts_.whole_pages = rows.bytes(0, 5) == "on";
  facts_.waits = !rows.bytes(0, 6).empty();
  facts_.standbys = number(7);
  facts_.has_schema = rows.bytes(0, 8) == "t";
  facts_.has_store = rows.bytes(0, 9) == "t";
  facts_.foreign_tables = number(10);
  return {};
}

bool Connection::is_lost() {
  if (connection_ == nullptr || is_ended_) return true;
  // What the server says when it ends a session comes before the end itself.
  for (int read = 0; read < 4; ++read) {
    if (library_->PQconsumeInput(connection_) == 0 ||
        library_->PQstatus(connection_) != CONNECTION_OK)
      return true;
    pollfd socket{library_->PQsocket(connection_), POLLIN, 0};
    if (poll(&socket, 1, 0) <= 0) return false;
  }
  return false;
}

bool Connection::in_transaction() const {
  return library_->PQtransactionStatus(connection_) != PQTRANS_IDLE;
}

/// Sends what is left to be sent and takes in what has come, until something has. False: the
/// connection failed, or the server was silent for too long.
bool Connection::exchange() {
  using std::chrono::milliseconds;
  const auto end = Clock::now() + std::chrono::microseconds(longest_silence_);
  while (true) {
    const int unsent = library_->PQflush(connection_);
    if (unsent < 0) return false;
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now()).count();
    if (!is_patient_ && left <= 0) {
      is_silent_ = true;
      return false;
    }
    pollfd socket{library_->PQsocket(connection_),
                  static_cast<short>(unsent > 0 ? POLLIN | POLLOUT : POLLIN), 0};
    const int ready = poll(&socket, 1, is_patient_ ? -1 : static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    return (socket.revents & ~POLLOUT) == 0 || library_->PQconsumeInput(connection_) != 0;
  }
}

/// The result of what was sent, the last of several; nothing if the connection failed meanwhile.
PGresult* Connection::answer(int sent) {
  PGresult* last = nullptr;
  while (sent != 0) {
    while (library_->PQisBusy(connection_) != 0) {
      if (exchange()) continue;
      library_->PQclear(last);
      is_ended_ = true;
      return nullptr;
    }
    PGresult* next = library_->PQgetResult(connection_);
    if (next == nullptr) break;
    library_->PQclear(last);
    last = next;
    if (library_->PQstatus(connection_) != CONNECTION_OK) break;
  }
  return last;
}

tl::unexpected<Error> Connection::failed(PGresult* result, std::string_view doing) {
  const auto field = [&](int code) {
    const char* text = library_->PQresultErrorField(result, code);
    return std::string(text != nullptr ? text : "");
  };
  failure_ = {};
  failure_.state = field(PG_DIAG_SQLSTATE);
  failure_.detail = field(PG_DIAG_MESSAGE_PRIMARY);
  failure_.constraint = field(PG_DIAG_CONSTRAINT_NAME);
  if (is_silent_)
    failure_.detail =
        fmt::format("it has not answered for {} seconds", longest_silence_ / 1'000'000);
  else if (failure_.detail.empty())
    failure_.detail = library_->PQerrorMessage(connection_);
  library_->PQclear(result);
  is_ended_ = is_ended_ || ends_session(failure_.state);
  failure_.lost = is_ended_ || library_->PQstatus(connection_) != CONNECTION_OK;
  return tl::unexpected(translate(place_, doing, failure_));
}

Result<Rows> Connection::taken(PGresult* result, std::string_view doing) {
  const ExecStatusType status = library_->PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return failed(result, doing);
  failure_ = {};
  return Rows(library_, result);
}

Result<Rows> Connection::query(const std::string& sql, const Parameters& parameters,
                               std::string_view doing) {
  const std::vector<Oid> types = parameters.types();
  const std::vector<const char*> values = parameters.values();
  const std::vector<int> lengths = parameters.lengths();
  const std::vector<int> formats = parameters.formats();
  const auto [known, is_new] = prepared_.try_emplace(sql);
  if (is_new)
    return taken(answer(library_->PQsendQueryParams(connection_, sql.c_str(), parameters.count(),
                                                    types.data(), values.data(), lengths.data(),
                                                    formats.data(), 1)),
                 doing);
  if (known->second.empty()) {
    const std::string name = fmt::format("rbk{}", ++last_prepared_);
    PGresult* made = answer(library_->PQsendPrepare(connection_, name.c_str(), sql.c_str(),
                                                    parameters.count(), types.data()));
    if (library_->PQresultStatus(made) != PGRES_COMMAND_OK) return failed(made, doing);
    library_->PQclear(made);
    known->second = name;
  }
  return taken(
      answer(library_->PQsendQueryPrepared(connection_, known->second.c_str(), parameters.count(),
                                           values.data(), lengths.data(), formats.data(), 1)),
      doing);
}

Status Connection::run(const std::string& sql, std::string_view doing) {
  auto done = taken(answer(library_->PQsendQuery(connection_, sql.c_str())), doing);
  if (!done) return tl::unexpected(done.error());
  return {};
}

}  // namespace rbk::engine::postgres
