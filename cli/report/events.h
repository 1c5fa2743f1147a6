// What happens in a run, as one JSON object or one plain line each. The objects' fields are a
// contract: docs/events.md.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace rbk::cli {

/// Nothing for news that only other news explain (the end of a run has its own event).
std::optional<boost::json::object> event_of(const std::string& run, const engine::News& news);
boost::json::object event_of(const std::string& run, const engine::LogLine& line);
boost::json::object error_json(const vm::ErrorValue& error);
/// "approval", "doubt", "question", "signal".
std::string_view waiting_kind(engine::Wait::Kind kind);
boost::json::object waiting_json(const engine::WaitingFor& wait);
boost::json::object summary_json(const engine::RunSummary& run);

/// "start", "detach", "undo"; empty for a run that no run began.
std::string_view link_name(engine::Link link);
/// Of the news that a run was started: its id, and whether it is waited for.
std::string started_run(const engine::News& news);
bool is_detached(const engine::News& news);
/// "ShellError: exit 1", of the description of a failed step that asks.
std::string failure_text(const boost::json::value& description);

/// "approval go approved by eve {\"ticket\":\"OPS-1\"}", of a decision's news.
std::string decision_text(const engine::News& news);

/// Without time and newline; empty for news that nobody wants to read.
std::string line_of(const engine::News& news);
std::string line_of(const engine::LogLine& line);

/// Whether the runbook said it itself (`log.info`), and not a command or another action.
bool is_said(const engine::LogLine& line);

std::string_view stream_name(engine::LogStream stream);
std::string_view step_status_name(vm::Mark::StepStatus status);

/// "ShellError: the command ended with 1".
std::string error_text(const vm::ErrorValue& error);

/// "approval go: Really?", "in doubt deploy: Did shell in step deploy have its effect?".
std::string waiting_text(const engine::WaitingFor& wait);

/// The command that goes on with it.
std::string waiting_command(const engine::WaitingFor& wait, std::string_view store_option);

/// "failed"; "running, nobody drives it" of a run whose process stopped or died; "waiting for the
/// lock `db`, which run 3k9 has".
std::string standing_text(const engine::RunSummary& run);

/// What a retry did not come to of what a run before it had done.
std::string abandoned_text(const engine::AbandonedStep& step);

/// The commands that go on with a run which waits, in doubt or was stopped.
std::vector<std::string> next_commands(const engine::DriveEnd& end, std::string_view store_option);
/// The worker that goes on with runs of this placement.
std::string worker_for(const std::string& placement, std::string_view store_option);

/// A text as it is, anything else as JSON on one line.
std::string output_text(const boost::json::value& output);

/// The same with an empty string for null.
bool has_output(const boost::json::value& output);

/// "12.3s", "850ms", "2m05s": for people, from microseconds.
std::string duration_text(int64_t microseconds);

}  // namespace rbk::cli
