// What comes back of a command: log lines, and in the end its outcome.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <string>

#include "engine/action.h"
#include "stdlib/output_text.h"
#include "supervisor/client.h"

namespace rbk::stdlib {

/// The outcome of a command that `why` kept from being started. `kind`: "ShellError", "ExecError".
engine::Outcome not_started(std::string kind, const Error& why);

class CommandListener : public supervisor::Listener {
 public:
  struct About {
    std::string name;   // for messages: "`df -h`"
    std::string error;  // the kind that it fails with: "ShellError"
    size_t most_out = 1U << 20;
    bool logs_out = true;  // its standard output is for people
  };
  /// `over` is called once, before the sink's `finish`.
  CommandListener(About about, std::shared_ptr<engine::AttemptSink> sink,
                  std::function<void()> over);

  void output(supervisor::Stream stream, std::string_view bytes) override;
  void waits(const Error& why) override;
  void dropped(uint64_t bytes, bool no_space) override;
  void ended(const supervisor::Ending& ending) override;

 protected:
  /// It ended by itself, with this status.
  virtual engine::Outcome exited(int64_t status) const = 0;
  /// What it comes to, however it ended.
  virtual engine::Outcome outcome_of(const supervisor::Ending& ending) const;
  /// Added to the message of a command that could not be started.
  virtual std::string why_not_started() const { return {}; }

  const std::string& name() const { return about_.name; }
  const Head& out() const { return out_; }
  std::string err() const;
  /// Some output is missing: there was more than is kept.
  bool is_cut() const { return dropped_ || out_.truncated() || err_.truncated(); }
  bool lost_output() const { return dropped_; }
  void add_output(boost::json::object& into) const;
  engine::Outcome failed(std::string message, engine::Effect effect, int64_t exit_code) const;
  engine::AttemptSink& sink() const { return *sink_; }

 private:
  About about_;
  std::shared_ptr<engine::AttemptSink> sink_;
  std::function<void()> over_;
  LineSplitter out_lines_;
  LineSplitter err_lines_;
  Head out_;
  Tail err_;
  bool dropped_ = false;
};

/// The end of standard error on one line, for a message: at most so many lines of it; empty if
/// nothing was said.
std::string last_lines(std::string_view text, size_t most);

}  // namespace rbk::stdlib
