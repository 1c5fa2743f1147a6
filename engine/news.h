// What people see of a run: the news that each journal entry carries. It follows from the entries,
// so it can be made again; keeping it beside them is what lets `show` and `follow` work without a
// machine.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/status.h"
#include "engine/store.h"
#include "vm/machine.h"

namespace rbk::engine {

struct News {
  enum class Kind : uint8_t {
    kMark = 1,          // mark: what the machine says
    kAttemptBegan = 2,  // path, step, attempt, action, input
    kAttemptEnded = 3,  // request: the attempt has its terminal event; mark news says what followed
    kSleeps = 4,        // request, until
    kApproval = 5,      // request, path, input: the description; until: when it expires
    kDoubt = 6,         // request, path: a person has to say what became of an attempt
    kWaitOver = 7,      // request: a sleep, approval, question or doubt is over
    kRepeat = 8,        // request, and by it path, step, attempt: after a crash it is begun again
    kCancelled = 9,     // by: a person cancelled the run
    kStatus = 10,       // status: how the run stands from here on
    kEnded = 11,        // ending
    kQuestion = 12,     // as kApproval, of a question
    kAwaits = 13,       // as kApproval, of a signal
    kSignalled = 14,    // path: the signal's name; by: who sent it
    kDecided = 15,      // path; input: {what: approval|question|doubt|failure|step, name, answer,
                        // by: [users], acting?, reason?, form?}; answer: approved rejected answered
                        // expired done not_done retried failed left skipped
    kQueues = 16,  // request, path, input: {kind: lock|exclusive|max, lock, limit}; until. Whoever
                   // drives or follows the run hears of it only if it has to wait; then input has
                   // `holders`, the ids of the runs that have it, and `idle`, those nobody drives
    kLocked = 17,  // request, path, input: {kind, lock, limit, waited: microseconds}: it has it
    kUnlocked = 18,   // request (that of the kQueues), input: {kind, lock, limit}
    kStarted = 19,    // request, path, input: {run, runbook, detached}: it began a run of its own
    kRunEnded = 20,   // request, path, input: {run, status}: that run has ended
    kFailure = 21,    // as kApproval, of a step that has failed and asks: {name, error: {kind,
                      // message, retryable, fields}, in_doubt, type?, by?}
    kPaused = 23,     // by: nothing further begins
    kUnpaused = 24,   // by
    kTakenOver = 29,  // request, path, input: {run, in_doubt}: what became of the attempt in that
                      // run is what becomes of it; in doubt: nobody knows what that is
    kUpgraded = 22,   // by; input: {from, to}: it has another program from here on
  };
  Kind kind = Kind::kMark;
  uint64_t entry = 0;  // of the journal
  int64_t time = 0;    // microseconds since the epoch
  vm::Mark mark;
  vm::RequestId request = 0;
  std::string path;
  uint64_t step = 0;
  uint32_t attempt = 0;
  std::string action;
  boost::json::value input;
  std::optional<int64_t> until;
  std::string by;
  RunStatus status = RunStatus::kRunning;
  std::optional<vm::Ending> ending;
};

/// Values longer than this, as JSON text, are kept out of line.
inline constexpr size_t kLongestInline = 16 * 1024;

/// The form in Entry::news. `output` is that of the entry's own event, or null: news that repeat it
/// only refer to it. Long values go to `blobs`. Entry number, time and ending are not kept here:
/// the entry's and the run's rows have them.
std::string encode_news(const std::vector<News>& news, const boost::json::value* output,
                        std::vector<Blob>& blobs);

/// Where decoding finds what the news only refer to.
class NewsSource {
 public:
  virtual ~NewsSource() = default;
  virtual Result<boost::json::value> event_output() = 0;
  virtual Result<std::string> blob(const Digest& hash) = 0;
};

/// Trusts nothing: kCorrupt for what does not fit.
Result<std::vector<News>> decode_news(std::string_view bytes, NewsSource& source);

/// The forms in RunRow::ending and of errors in JSON: {kind, message, retryable, fields}.
std::string ending_json(const vm::Ending& ending);
Result<vm::Ending> parse_ending(std::string_view json);
boost::json::object error_json(const vm::ErrorValue& error);

/// The store's word for an ending.
RunStatus status_of(const vm::Ending& ending);

}  // namespace rbk::engine
