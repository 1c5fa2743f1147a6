#include "tests/simulation/oracle.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstdlib>
#include <utility>

#include "engine/journal.h"
#include "tests/simulation/disk.h"

namespace rbk::simulation {

using engine::Entry;

namespace {

/// Nothing fails while we look.
class NobodysTurn {
 public:
  NobodysTurn() : was_(std::exchange(Disk::instance().turn, nullptr)) {}
  ~NobodysTurn() { Disk::instance().turn = std::move(was_); }
  NobodysTurn(const NobodysTurn&) = delete;
  NobodysTurn& operator=(const NobodysTurn&) = delete;

 private:
  std::shared_ptr<Life> was_;
};

}  // namespace

const Mirror::Asked* Mirror::attempt(const std::string& key) const {
  const auto found = attempts.find(key);
  return found == attempts.end() ? nullptr : &performs.at(found->second.first);
}

Oracle::~Oracle() { close(); }

void Oracle::close() {
  const NobodysTurn ours;
  store_.reset();
  sqlite3_close(std::exchange(database_, nullptr));
}

engine::Store* Oracle::store() {
  if (store_) return store_.get();
  const NobodysTurn ours;
  auto opened = engine::open_store("sqlite:" + path_, engine::OpenMode::kExisting);
  if (!opened) return nullptr;
  store_ = std::move(*opened);
  return store_.get();
}

std::vector<engine::RunRow> Oracle::runs() {
  const NobodysTurn ours;
  if (store() == nullptr) return {};
  auto rows = store_->runs({});
  if (!rows) return {};
  return {rows->rbegin(), rows->rend()};
}

std::vector<std::string> Oracle::query(const std::string& sql) {
  const NobodysTurn ours;
  if (database_ == nullptr &&
      sqlite3_open_v2(path_.c_str(), &database_, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK)
    sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  std::vector<std::string> found;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    fmt::print(stderr, "{}: {}\n", sql, sqlite3_errmsg(database_));
    std::abort();
  }
  while (sqlite3_step(statement) == SQLITE_ROW) {
    const unsigned char* text = sqlite3_column_text(statement, 0);
    found.emplace_back(text == nullptr ? "" : reinterpret_cast<const char*>(text));
  }
  sqlite3_finalize(statement);
  return found;
}

int64_t Oracle::number(const std::string& sql) {
  const auto found = query(sql);
  return found.empty() || found.front().empty() ? 0 : std::stoll(found.front());
}

Mirror* Oracle::look(const std::string& run) {
  const NobodysTurn ours;
  if (store() == nullptr) return nullptr;
  auto row = store_->find_run(run);
  if (!row) return nullptr;
  Mirror& mirror = mirrors_[run];
  if (!mirror.machine) {
    auto program = engine::load_program(*store_, *row);
    if (!program) return nullptr;
    mirror.program = *program;
    if (row->origin == 0) {
      mirror.machine.emplace(mirror.program, vm::Limits{});
    } else {
      auto origin = store_->run(row->origin);
      if (!origin) return nullptr;
      auto beginning = engine::recover_run(*store_, *origin, mirror.program, false);
      if (!beginning) return nullptr;
      mirror.machine.emplace(std::move(beginning->machine));
    }
    mirror.keys.emplace(store_->identity().id, run);
  }
  mirror.row = *row;
  auto entries = store_->entries(row->key, mirror.head);
  if (!entries) {
    mirror.problem = entries.error().message;
    return &mirror;
  }
  for (const Entry& entry : *entries) {
    follow(mirror, entry);
    mirror.head = entry.number;
  }
  return &mirror;
}

void Oracle::follow(Mirror& mirror, const Entry& entry) {
  if (entry.kind == Entry::Kind::kTakenOver) {
    if (auto taken = engine::decode_taken_over(entry.body))
      mirror.taken_over.insert(taken->request);
    return;
  }
  if (entry.kind != Entry::Kind::kEvent) {
    auto requests = engine::decode_requests(entry.body);
    if (!requests) return;
    for (const vm::RequestId request : *requests) {
      const auto found = mirror.performs.find(request);
      if (found == mirror.performs.end()) continue;
      if (entry.kind == Entry::Kind::kDoubt) found->second.in_doubt = true;
      if (entry.kind != Entry::Kind::kRepeat) continue;
      const uint32_t repetition = ++found->second.repetitions;
      found->second.in_doubt = false;
      mirror.attempts[mirror.keys->attempt(request, repetition)] = {request, repetition};
    }
    return;
  }
  auto journaled = engine::decode_body(entry.body, *store_);
  if (!journaled) {
    mirror.problem = journaled.error().message;
    return;
  }
  if (const auto* performed = std::get_if<vm::event::Performed>(&journaled->event.what)) {
    const auto found = mirror.performs.find(performed->request);
    if (found != mirror.performs.end()) {
      ++found->second.answers;
      found->second.answer = *performed;
    }
  }
  if (const auto* signal = std::get_if<vm::event::Signalled>(&journaled->event.what))
    mirror.signals.push_back(*signal);
  auto turn = mirror.machine->deliver(journaled->event);
  if (!turn) {
    mirror.problem = fmt::format("entry {}: {}", entry.number, turn.error().message);
    return;
  }
  if (engine::digest(turn->requests) != journaled->digest)
    mirror.problem = fmt::format("entry {}: a replay asks for something else", entry.number);
  for (const vm::Request& request : turn->requests) {
    if (const auto* perform = std::get_if<vm::request::Perform>(&request.what)) {
      mirror.performs[request.id].perform = *perform;
      mirror.attempts[mirror.keys->attempt(request.id, 0)] = {request.id, 0};
    } else if (const auto* start = std::get_if<vm::request::Start>(&request.what)) {
      mirror.starts[request.id] = *start;
    } else if (const auto* stop = std::get_if<vm::request::Stop>(&request.what)) {
      const auto found = mirror.performs.find(stop->perform);
      if (found != mirror.performs.end()) found->second.unwanted = true;
    }
  }
  for (const vm::Mark& mark : turn->marks)
    mirror.committed = mirror.committed || mark.kind == vm::Mark::Kind::kCommitted;
}

}  // namespace rbk::simulation
