#include "cli/report/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/hash.h"
#include "base/text_width.h"
#include "base/units.h"
#include "cli/files.h"
#include "cli/report/events.h"
#include "engine/descriptions.h"

namespace rbk::cli {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

constexpr size_t kWidest = 100;       // columns of a value
constexpr uint32_t kLinesAround = 3;  // of the text, before and after a place

std::string text_at(const object& fields, std::string_view name) {
  const value* found = fields.if_contains(name);
  return found == nullptr ? std::string() : output_text(*found);
}

std::string shortly(const value& shown) {
  return cut_to_width(printable(boost::json::serialize(shown)), kWidest);
}

/// "name = value" of each, in parentheses; empty for an empty object.
std::string in_parentheses(const value* fields) {
  if (fields == nullptr || !fields->is_object()) return {};
  std::string text;
  for (const auto& [name, one] : fields->get_object())
    if (!one.is_null())
      text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", std::string_view(name),
                          boost::json::serialize(one));
  return text.empty() ? text : "(" + cut_to_width(printable(text), kWidest) + ")";
}

/// What happened, on one line.
std::string what_text(const object& what) {
  const std::string kind = text_at(what, "kind");
  std::string text = kind;
  std::replace(text.begin(), text.end(), '_', ' ');
  for (const std::string_view field : {"runbook", "path", "run", "name", "lock", "action", "how"})
    if (const std::string part = text_at(what, field); !part.empty())
      text += (field == "how" ? ": " : " ") + part;
  if (const value* paths = what.if_contains("paths"); paths != nullptr && paths->is_array())
    for (const value& path : paths->get_array()) text += " " + output_text(path);
  if (const value* approved = what.if_contains("approved"))
    text += *approved == true ? ": approved" : ": rejected";
  text = printable(text);
  if (kind == "started") text += in_parentheses(what.if_contains("arguments"));
  if (const value* by = what.if_contains("by"))
    text += " by " + printable(by->is_string() ? output_text(*by) : boost::json::serialize(*by));
  if (const value* output = what.if_contains("output"); output != nullptr && !output->is_null())
    text += " " + shortly(*output);
  if (const value* payload = what.if_contains("payload")) text += " " + shortly(*payload);
  if (const value* error = what.if_contains("error"); error != nullptr && error->is_object())
    text += fmt::format(" {}: {}", text_at(error->get_object(), "kind"),
                        printable(text_at(error->get_object(), "message")));
  if (const std::string reason = text_at(what, "reason"); !reason.empty())
    text += ": " + printable(reason);
  return text;
}

object place_json(const vm::Place& place) {
  return {{"file", place.file}, {"line", place.line}, {"column", place.column}};
}

/// An entry of the news, but for its time and run, which are the event's.
array marks_json(const engine::Replay& replay) {
  array made;
  for (const vm::Mark& mark : replay.turn().marks) {
    engine::News news;
    news.mark = mark;
    if (auto event = event_of(replay.run().id, news)) {
      event->stable_erase("run");
      event->stable_erase("time");
      made.emplace_back(std::move(*event));
    }
  }
  return made;
}

}  // namespace

const std::vector<std::string>* SourceLines::of(const bytecode::Program& program,
                                                const std::string& file) {
  const auto known = files_.find(file);
  if (known != files_.end()) return known->second ? &*known->second : nullptr;
  auto& lines = files_[file];
  const auto compiled =
      std::find_if(program.files.begin(), program.files.end(),
                   [&](const bytecode::SourceFile& one) { return one.path == file; });
  const auto text = read_file(root_ + "/" + file);
  if (!text || compiled == program.files.end() || sha256(*text) != compiled->hash) return nullptr;
  lines.emplace();
  size_t begin = 0;
  while (begin <= text->size()) {
    const size_t end = std::min(text->find('\n', begin), text->size());
    lines->push_back(text->substr(begin, end - begin));
    begin = end + 1;
  }
  return &*lines;
}

std::string place_text(const vm::Place& place) {
  if (place.file.empty()) return "at no known place";
  return fmt::format("{}:{}:{}", printable(place.file), place.line, place.column);
}

std::string request_text(const object& request) {
  std::string text = text_at(request, "what");
  std::replace(text.begin(), text.end(), '_', ' ');
  for (const std::string_view field : {"path", "name", "lock", "run", "runbook", "action"})
    if (const std::string part = text_at(request, field); !part.empty())
      text += " " + printable(part);
  if (const value* of = request.if_contains("of"))
    text += fmt::format(" of {}", boost::json::serialize(*of));
  if (const value* attempt = request.if_contains("attempt"); attempt && *attempt != 1)
    text += fmt::format(", attempt {}", boost::json::serialize(*attempt));
  text += in_parentheses(request.if_contains("arguments"));
  for (const std::string_view field : {"until", "expires"})
    if (const std::string time = text_at(request, field); !time.empty())
      text += fmt::format(" {} {}", field, time);
  return text;
}

std::string ReplayText::paint(std::string_view tint, std::string_view text) const {
  return colour_ ? fmt::format("{}{}\033[0m", tint, text) : std::string(text);
}

std::string ReplayText::event() const {
  if (replay_.at() == 0) return fmt::format("before the first of {} events\n", replay_.count());
  return fmt::format("{}  {}  {}\n",
                     paint("\033[1m", fmt::format("event {} of {}", replay_.at(), replay_.count())),
                     format_time(replay_.entry().time), what_text(replay_.what()));
}

std::string ReplayText::fibers(bool variables) const {
  std::string text;
  for (const vm::FiberState& fiber : replay_.fibers()) {
    const vm::Place place = fiber.frames.empty() ? vm::Place{} : fiber.frames.front().place;
    text +=
        fmt::format("fiber {}{}  {}{}\n", fiber.id,
                    fiber.path.empty() ? "" : "  in " + printable(fiber.path), place_text(place),
                    fiber.waits_for.empty()
                        ? ""
                        : fmt::format("  waits for {}{}", fiber.waits_for,
                                      fiber.request == 0 ? "" : fmt::format(" {}", fiber.request)));
    for (const vm::FrameState& frame : fiber.frames) {
      if (&frame != &fiber.frames.front())
        text += fmt::format("  in {}  {}\n", printable(frame.function), place_text(frame.place));
      if (const auto* lines = sources_.of(replay_.program(), frame.place.file);
          lines != nullptr && frame.place.line >= 1 && frame.place.line <= lines->size())
        text += paint("\033[36m", fmt::format("  {:>5} │ {}\n", frame.place.line,
                                              printable((*lines)[frame.place.line - 1])));
      if (!variables) continue;
      for (const vm::VariableState& variable : frame.variables)
        text +=
            fmt::format("    {} = {}\n", variable.name,
                        variable.too_large ? "(too large to be shown)" : shortly(variable.value));
    }
  }
  if (text.empty())
    text = replay_.at() == 0 ? "" : "no fibers: the run has ended\n";
  else if (variables && !vm::names_variables(replay_.program()))
    text += "the program does not know the names of its variables\n";
  return text;
}

std::string ReplayText::pending() const {
  std::string text;
  for (const auto& [id, asked] : replay_.pending().all())
    text += fmt::format(
        "waits {}  {}{}{}\n", id,
        request_text(engine::describe_request(replay_.program(), asked.request)),
        asked.in_doubt      ? ", in doubt"
        : asked.not_started ? ", not begun"
                            : "",
        asked.repetition == 0 ? "" : fmt::format(", begun anew {} times", asked.repetition));
  return text;
}

std::string ReplayText::text_around(std::optional<uint64_t> wanted) const {
  std::string text;
  for (const vm::FiberState& fiber : replay_.fibers()) {
    if ((wanted && fiber.id != *wanted) || fiber.frames.empty()) continue;
    const vm::Place& place = fiber.frames.front().place;
    text += fmt::format("fiber {}  {}\n", fiber.id, place_text(place));
    const auto* lines = sources_.of(replay_.program(), place.file);
    if (lines == nullptr) {
      text += "  the text is not here, or has changed since the run was started\n";
      continue;
    }
    const uint32_t first = place.line > kLinesAround ? place.line - kLinesAround : 1;
    for (uint32_t line = first; line <= place.line + kLinesAround && line <= lines->size(); ++line)
      text += fmt::format("{} {:>5} │ {}\n", line == place.line ? ">" : " ", line,
                          printable((*lines)[line - 1]));
  }
  return text;
}

std::string ReplayText::all() const {
  std::string text = event();
  for (const vm::Mark& mark : replay_.turn().marks) {
    engine::News news;
    news.mark = mark;
    if (const std::string line = line_of(news); !line.empty())
      text += fmt::format("  {}\n", printable(line));
  }
  for (const vm::Request& request : replay_.turn().requests)
    text += fmt::format("  asks {}: {}\n", request.id,
                        request_text(engine::describe_request(replay_.program(), request)));
  if (const auto& ending = replay_.turn().ending; ending)
    text += fmt::format("  the run ends: {}{}\n", engine::to_string(engine::status_of(*ending)),
                        ending->error ? ", " + printable(error_text(*ending->error)) : "");
  return text + fibers(true) + pending();
}

object replay_json(const engine::Replay& replay) {
  const bytecode::Program& program = replay.program();
  object made{{"event", "replay"},
              {"run", replay.run().id},
              {"number", replay.at()},
              {"count", replay.count()},
              {"time", format_time(replay.entry().time)},
              {"what", replay.what()},
              {"marks", marks_json(replay)}};
  array requests;
  for (const vm::Request& request : replay.turn().requests)
    requests.emplace_back(engine::describe_request(program, request));
  made["requests"] = std::move(requests);
  array fibers;
  for (const vm::FiberState& fiber : replay.fibers()) {
    object one{{"fiber", fiber.id}, {"path", fiber.path}, {"waits_for", fiber.waits_for}};
    if (fiber.parent != 0) one["parent"] = fiber.parent;
    if (fiber.request != 0) one["request"] = fiber.request;
    array frames;
    for (const vm::FrameState& frame : fiber.frames) {
      object variables;
      for (const vm::VariableState& variable : frame.variables)
        variables[variable.name] = variable.value;
      frames.emplace_back(object{{"function", frame.function},
                                 {"place", place_json(frame.place)},
                                 {"undoes", frame.undoes},
                                 {"variables", std::move(variables)}});
    }
    one["frames"] = std::move(frames);
    fibers.emplace_back(std::move(one));
  }
  made["fibers"] = std::move(fibers);
  array pending;
  for (const auto& [id, asked] : replay.pending().all()) {
    object one = engine::describe_request(program, asked.request);
    one["in_doubt"] = asked.in_doubt;
    one["begun"] = !asked.not_started;
    one["repetition"] = asked.repetition;
    pending.emplace_back(std::move(one));
  }
  made["pending"] = std::move(pending);
  if (const auto& ending = replay.turn().ending; ending) {
    object end{{"status", engine::to_string(engine::status_of(*ending))},
               {"rolled_back", ending->rolled_back},
               {"output", ending->output}};
    if (ending->error) end["error"] = error_json(*ending->error);
    made["ending"] = std::move(end);
  }
  return made;
}

}  // namespace rbk::cli
