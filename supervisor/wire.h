// What an engine and the supervisor say to each other over their socket:
// docs/formats/supervisor.md. Encoding and decoding only; no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace rbk::supervisor {

constexpr uint32_t kProtocolVersion = 4;
/// Frames beyond this are refused: a command's words, environment and input have to fit.
constexpr uint32_t kLargestFrame = 24U << 20;
/// How long a command may take to end after SIGTERM, unless its start says otherwise. Microseconds.
constexpr int64_t kDefaultGrace = 5'000'000;

enum class Stream : uint8_t { kOut = 1, kErr = 2 };

/// A place in an attempt's spool. The default one is the beginning.
struct Cursor {
  uint64_t segment = 0;
  uint64_t offset = 0;  // in the segment's file
  uint64_t total = 0;   // bytes of output before it, dropped ones too
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

/// How an attempt ended.
struct Ending {
  enum class Cause : uint8_t {
    kExited = 1,      // value: exit status
    kSignalled = 2,   // value: signal, not ours
    kDeadline = 3,    // ended by us since its time was up; value: wait status
    kStopped = 4,     // ended by us since an engine asked; value: wait status
    kNotStarted = 5,  // certainly never ran; text says why
    kLost = 6,        // it was started, and nobody knows how it ended; text says why
    kTrouble = 7,     // certainly never ran, as this host or the store's folder is not fit for it
  };
  Cause cause = Cause::kExited;
  int32_t value = 0;
  std::string text;
};

// ---- From the engine

struct Hello {
  uint32_t version = kProtocolVersion;
  uint64_t process = 0;  // the sender's process id
};
struct Start {
  std::string key;     // the attempt's: names its spool
  uint64_t fence = 0;  // grows with each engine that takes the run up: see Spool::find_or_void
  std::vector<std::string> words;        // words[0] is the program's path
  std::vector<std::string> environment;  // the whole of it, "NAME=value"
  std::string directory;                 // absolute
  std::string input;                     // the command's standard input
  // Not empty: the input stays open behind `input`. Once this text has been in its standard error,
  // closing the input is what asks the command to end, in place of SIGTERM.
  std::string ends_by_input;
  int64_t deadline = -1;             // microseconds from now; -1: none
  int64_t grace = kDefaultGrace;     // microseconds between SIGTERM and SIGKILL
  uint32_t file_mask = 022;          // its umask
  std::vector<std::string> secrets;  // that its output must not show, in any form
};
/// Sends the output from the cursor on, then how it ended.
struct Attach {
  std::string key;
  Cursor from;
};
struct Stop {
  std::string key;
};
/// The outcome is durable elsewhere: the spool may go.
struct Acknowledge {
  std::string key;
};

// ---- From the supervisor (which answers Hello with Hello)

struct Started {
  std::string key;
};
struct Output {
  std::string key;
  Cursor after;  // where to attach to read on
  Stream stream = Stream::kOut;
  std::string bytes;
};
/// Output that was there once and was dropped: it passed what a spool keeps, or could not be
/// written.
struct Dropped {
  std::string key;
  Cursor after;
  uint64_t bytes = 0;
  bool no_space = false;
};
struct Ended {
  std::string key;
  Ending ending;
};
/// The connection is refused and closed.
struct Refused {
  std::string text;
};

using Message =
    std::variant<Hello, Start, Attach, Stop, Acknowledge, Started, Output, Dropped, Ended, Refused>;

/// Appends the message as one frame.
void append_frame(std::string& out, const Message& message);

/// The first frame of `bytes`, and how much of them it took; nothing if it is not there in full.
struct Decoded {
  Message message;
  size_t size = 0;
};
/// kCorrupt for a frame that is too long, of an unknown type or shape.
Result<std::optional<Decoded>> decode_frame(std::string_view bytes);

}  // namespace rbk::supervisor
