// What a command on another host comes to: what `ssh` and the script there print, told apart.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "stdlib/shell/shell_listener.h"

namespace rbk::stdlib {

class RemoteListener : public ShellListener {
 public:
  /// `arguments`: those of `shell`; `mark`: see remote_mark.
  RemoteListener(const boost::json::object& arguments, std::string host, const std::string& mark,
                 std::shared_ptr<engine::AttemptSink> sink, std::function<void()> over);

  void output(supervisor::Stream stream, std::string_view bytes) override;
  void ended(const supervisor::Ending& ending) override;

 protected:
  engine::Outcome outcome_of(const supervisor::Ending& ending) const override;

 private:
  void read_out(std::string_view bytes);
  void read_err(std::string_view bytes);
  void read_sign(std::string_view sign);
  engine::Outcome unreachable(const std::string& why) const;
  engine::Outcome lost() const;

  std::string host_;
  std::string out_sign_;  // before the command's standard output
  std::string err_sign_;  // before each word of the script's on standard error
  std::string out_;       // what was not handed on yet
  std::string err_;
  bool out_began_ = false;
  bool connected_ = false;
  bool began_ = false;
  std::optional<int64_t> status_;
  std::string not_started_;  // why; empty: it was
};

}  // namespace rbk::stdlib
