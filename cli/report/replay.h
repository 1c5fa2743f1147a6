// How a run stood after one of its events, as text and as one JSON object.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "engine/replay.h"

namespace rbk::cli {

/// The lines of a program's files, as long as these are what was compiled.
class SourceLines {
 public:
  /// `root`: the project's folder, from which files are named.
  explicit SourceLines(std::string root) : root_(std::move(root)) {}

  /// Null: the file is gone, or not what the program was made of.
  const std::vector<std::string>* of(const bytecode::Program& program, const std::string& file);

 private:
  std::string root_;
  std::map<std::string, std::optional<std::vector<std::string>>> files_;
};

class ReplayText {
 public:
  ReplayText(const engine::Replay& replay, SourceLines& sources, bool colour)
      : replay_(replay), sources_(sources), colour_(colour) {}

  /// All of it: what happened, the fibers with their variables, what waits.
  std::string all() const;
  /// "12 of 30  2026-11-24T13:00:00Z  performed drain shell ok".
  std::string event() const;
  /// The fibers with their places; `variables`: and their values.
  std::string fibers(bool variables) const;
  std::string pending() const;
  /// The text around the place of each fiber, or of the one of this number.
  std::string text_around(std::optional<uint64_t> fiber) const;

 private:
  std::string paint(std::string_view tint, std::string_view text) const;

  const engine::Replay& replay_;
  SourceLines& sources_;
  bool colour_;
};

/// {"event": "replay", …}: docs/events.md.
boost::json::object replay_json(const engine::Replay& replay);

/// "restart.rbk:12:3"; "at no known place".
std::string place_text(const vm::Place& place);

/// "perform drain shell {…}", of a request as JSON.
std::string request_text(const boost::json::object& request);

}  // namespace rbk::cli
