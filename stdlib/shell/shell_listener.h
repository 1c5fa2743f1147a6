// What comes back of a command: log lines, and in the end its outcome.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/action.h"
#include "stdlib/output_text.h"
#include "supervisor/client.h"

namespace rbk::stdlib {

class ShellListener : public supervisor::Listener {
 public:
  /// `arguments`: those of `shell`; `over` is called once, before the sink's `finish`.
  ShellListener(const boost::json::object& arguments, std::shared_ptr<engine::AttemptSink> sink,
                std::function<void()> over);

  void output(supervisor::Stream stream, std::string_view bytes) override;
  void waits(const Error& why) override;
  void dropped(uint64_t bytes, bool no_space) override;
  void ended(const supervisor::Ending& ending) override;

 private:
  engine::Outcome outcome_of(const supervisor::Ending& ending) const;
  engine::Outcome exited(int64_t status) const;
  engine::Outcome failed(std::string kind, std::string message, engine::Effect effect) const;
  void add_output(boost::json::object& into) const;

  std::string command_;  // for messages
  std::vector<int64_t> accept_;
  std::shared_ptr<engine::AttemptSink> sink_;
  std::function<void()> over_;
  LineSplitter out_lines_;
  LineSplitter err_lines_;
  Head out_;
  Tail err_;
  bool dropped_ = false;
};

}  // namespace rbk::stdlib
