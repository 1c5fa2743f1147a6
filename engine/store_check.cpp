#include "engine/store_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/entry_blobs.h"
#include "engine/journal.h"
#include "engine/news.h"
#include "engine/numbering.h"
#include "engine/store_references.h"
#include "vm/bytecode/program.h"

namespace rbk::engine {
namespace {

/// The output of the entry's own event, which was read already.
class CheckedNews : public NewsSource {
 public:
  CheckedNews(Store& store, const boost::json::value* output) : store_(store), output_(output) {}
  Result<boost::json::value> event_output() override {
    if (output_ == nullptr)
      return fail(ErrorKind::kCorrupt, "its news refer to an output that is not there");
    return *output_;
  }
  Result<std::string> blob(const Digest& hash) override { return store_.blob(hash); }

 private:
  Store& store_;
  const boost::json::value* output_;
};

class Look {
 public:
  explicit Look(Store& store) : store_(store) {}

  Result<StoreCheck> take() {
    for (const auto part :
         {&Look::database, &Look::references, &Look::all_runs, &Look::programs, &Look::unfinished})
      if (Status done = (this->*part)(); !done) return tl::unexpected(done.error());
    made_.outputs = static_cast<int64_t>(outputs_.size());
    return std::move(made_);
  }

 private:
  /// What is damaged is a finding; anything else ends the look.
  Status found(std::string_view kind, std::string_view run, const Error& error,
               std::string_view what = {}) {
    if (error.kind != ErrorKind::kCorrupt && error.kind != ErrorKind::kUnsupported)
      return tl::unexpected(error);
    Finding& finding = made_.findings.emplace_back();
    finding.kind = kind;
    finding.run = run;
    finding.message = what.empty() ? error.message : fmt::format("{}: {}", what, error.message);
    finding.cure = error.cure.empty() ? std::string(kRestore) : error.cure;
    return {};
  }

  Status database() {
    auto said = store_.upkeep().damage();
    if (!said) return found("database", "", said.error());
    for (const std::string& line : *said)
      made_.findings.push_back({"database", "", "the file is damaged: " + line,
                                "restore the store from a backup; `sqlite3 FILE .recover` saves "
                                "what can be read"});
    return {};
  }

  Status references() {
    auto rows = store_.upkeep().dangling();
    if (!rows) return found("database", "", rows.error());
    for (const Dangling& row : *rows) {
      const Reference& reference = store_references()[row.reference];
      const auto told = [&](std::string_view text) {
        return fmt::format(fmt::runtime(text), fmt::arg("name", row.name),
                           fmt::arg("count", row.count));
      };
      made_.findings.push_back({std::string(reference.kind), row.run != 0 ? row.name : "",
                                told(reference.message), told(reference.cure)});
    }
    return {};
  }

  Status all_runs() {
    auto links = store_.upkeep().run_links();
    if (!links) return found("database", "", links.error());
    made_.runs = static_cast<int64_t>(links->size());
    for (const RunLinks& run : *links)
      if (Status done = journal(run); !done) return done;
    return {};
  }

  Status journal(const RunLinks& run) {
    auto entries = store_.entries(run.key, 0);
    if (!entries) return found("journal", run.id, entries.error());
    made_.entries += static_cast<int64_t>(entries->size());
    int64_t time = 0;
    for (const Entry& entry : *entries) {
      const std::string where = fmt::format("run {}, journal entry {}", run.id, entry.number);
      auto has_outputs = outputs_of(run, entry, where);
      if (!has_outputs) return tl::unexpected(has_outputs.error());
      if (*has_outputs)
        if (const Status sound = this->entry(entry); !sound)
          if (Status done = found("journal", run.id, sound.error(), where); !done) return done;
      if (entry.time < time)
        made_.findings.push_back({"journal", run.id,
                                  where + ": its time is before that of the one before",
                                  std::string(kRestore)});
      time = entry.time;
    }
    return {};
  }

  /// Whether all that the entry names is there; of one that can't be read it says nothing.
  Result<bool> outputs_of(const RunLinks& run, const Entry& entry, const std::string& where) {
    auto names = blobs_of(entry);
    if (!names) return true;
    bool all_there = true;
    for (const Digest& hash : *names) {
      auto known = outputs_.find(hash);
      if (known == outputs_.end()) {
        auto bytes = store_.blob(hash);
        const bool damaged = !bytes && bytes.error().kind == ErrorKind::kCorrupt;
        if (!bytes && !damaged) return tl::unexpected(bytes.error());
        known = outputs_.emplace(hash, bytes ? Status() : tl::unexpected(bytes.error())).first;
      }
      if (known->second) continue;
      all_there = false;
      if (Status done = found("output", run.id, known->second.error(), where); !done)
        return tl::unexpected(done.error());
    }
    return all_there;
  }

  Status entry(const Entry& entry) {
    const boost::json::value* output = nullptr;
    Result<JournaledEvent> event = JournaledEvent{};
    switch (entry.kind) {
      case Entry::Kind::kEvent:
        event = decode_body(entry.body, store_);
        if (!event) return tl::unexpected(event.error());
        output = output_of(event->event);
        break;
      case Entry::Kind::kRepeat:
      case Entry::Kind::kNotStarted:
      case Entry::Kind::kDoubt:
      case Entry::Kind::kBegun:
        if (auto requests = decode_requests(entry.body); !requests)
          return tl::unexpected(requests.error());
        break;
      case Entry::Kind::kUpgraded:
        if (auto upgraded = decode_upgraded(entry.body); !upgraded)
          return tl::unexpected(upgraded.error());
        break;
      case Entry::Kind::kTakenOver:
        if (auto taken = decode_taken_over(entry.body); !taken)
          return tl::unexpected(taken.error());
        break;
      case Entry::Kind::kPaused:
      case Entry::Kind::kUnpaused:
        break;
      default:
        return fail(ErrorKind::kUnsupported,
                    fmt::format("its kind {} is unknown", static_cast<int>(entry.kind)),
                    "use the rbk that wrote it, or a newer one");
    }
    CheckedNews source(store_, output);
    auto news = decode_news(entry.news, source);
    if (!news) return tl::unexpected(news.error());
    return {};
  }

  Status programs() {
    auto hashes = store_.upkeep().program_hashes();
    if (!hashes) return found("database", "", hashes.error());
    made_.programs = static_cast<int64_t>(hashes->size());
    for (const Digest& hash : *hashes) {
      const std::string what = "program " + to_hex(hash);
      auto bytes = store_.program(hash);
      auto program = bytes ? bytecode::load(*bytes) : tl::unexpected(bytes.error());
      Status sound;
      if (!program)
        sound = tl::unexpected(program.error());
      else if (bytecode::content_hash(*program) != hash)
        sound = fail(ErrorKind::kCorrupt, "it is another one than was kept", std::string(kRestore));
      if (sound) continue;
      if (Status done = found("program", "", sound.error(), what); !done) return done;
    }
    return {};
  }

  Status unfinished() {
    RunFilter filter;
    filter.unfinished = true;
    auto rows = store_.runs(filter);
    if (!rows) return found("database", "", rows.error());
    if (Status done = read_waits(); !done) return done;
    for (const RunRow& row : *rows)
      if (is_awaited_by_parent(row)) waiting_.insert(row.parent);
    for (const RunRow& row : *rows) standing(row);
    return {};
  }

  static bool is_awaited_by_parent(const RunRow& row) {
    return row.link == Link::kStarted || row.link == Link::kUndoing;
  }

  Status read_waits() {
    auto waits = store_.waits(0);
    if (!waits) return found("database", "", waits.error());
    for (const Wait& wait : *waits) waiting_.insert(wait.run);
    auto locks = store_.locks();
    if (!locks) return found("database", "", locks.error());
    for (const LockRow& lock : *locks)
      if (!lock.claim.held) waiting_.insert(lock.claim.run);
    auto messages = store_.messages(0);
    if (!messages) return found("database", "", messages.error());
    for (const Message& message : *messages) told_.insert(message.run);
    return {};
  }

  void standing(const RunRow& row) {
    const bool rests = row.status == RunStatus::kWaiting || row.status == RunStatus::kInDoubt;
    if (row.status == RunStatus::kQuarantined) {
      ++made_.quarantined;
    } else if (row.holder != 0 && store_.lives(row.holder)) {
      ++made_.driven;
    } else if (row.status == RunStatus::kPaused) {
      ++made_.paused;
    } else if (row.holder != 0 || !rests || row.wake || told_.contains(row.key)) {
      ++made_.can_go_on;
    } else if (!waiting_.contains(row.key)) {
      made_.findings.push_back(
          {"stuck", row.id,
           fmt::format("run {} is {}, and nothing is there that it waits for: nobody goes on with "
                       "it",
                       row.id, to_string(row.status)),
           fmt::format("`rbk resume {}` goes on with it", row.id)});
    } else {
      ++(row.status == RunStatus::kInDoubt ? made_.in_doubt : made_.waiting);
    }
  }

  Store& store_;
  StoreCheck made_;
  std::map<Digest, Status> outputs_;  // those that were looked at
  std::set<RunKey> waiting_;          // for something that is there
  std::set<RunKey> told_;             // something that they have not seen yet
};

}  // namespace

Result<StoreCheck> check_store(Store& store) {
  if (Status begun = store.upkeep().begin_look(); !begun) return tl::unexpected(begun.error());
  auto made = Look(store).take();
  store.upkeep().end_look();
  return made;
}

}  // namespace rbk::engine
