// `rbk worker`: goes on with the runs of the store that are for it, until it is stopped.
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

#include "base/encoding.h"
#include "base/text_width.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/report/work_report.h"
#include "cli/report/workers.h"
#include "cli/session.h"
#include "engine/placement.h"

namespace rbk::cli {
namespace {

Result<size_t> how_many_slots(const std::string& text) {
  size_t slots = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), slots);
  if (error != std::errc() || end != text.data() + text.size() || slots < 1 || slots > 10'000)
    return fail(ErrorKind::kInvalid,
                fmt::format("--slots {}: a number from 1 to 10000 is wanted", text),
                "write --slots 8: so many runs are gone on with at once");
  return slots;
}

/// The placements of the runs that it takes: those of its labels, and unless it is for these alone
/// that of the runs which are for everybody.
Result<std::vector<std::string>> read_placements(const std::vector<std::string>& labels,
                                                 bool only_labelled) {
  constexpr size_t kLongest = 200;
  std::vector<std::string> placements;
  if (!only_labelled) placements.emplace_back();
  for (const std::string& label : labels) {
    if (label.empty() || label.size() > kLongest || !is_utf8(label))
      return fail(
          ErrorKind::kInvalid,
          fmt::format("--label {}: a text of 1 to {} bytes is wanted", printable(label), kLongest),
          "give what `on worker` names: --label dc-fra");
    if (!engine::takes(placements, label)) placements.push_back(label);
  }
  if (placements.empty())
    return fail(ErrorKind::kInvalid, "--only-labelled without a label: it would never do anything",
                "say whose runs it is for: --label dc-fra");
  return placements;
}

void say(const Terminal& terminal, std::string_view event, const std::string& store,
         const std::vector<std::string>& placements) {
  if (terminal.json) {
    boost::json::object told{{"event", event}, {"process", getpid()}, {"store", store}};
    for (const auto& [key, value] : placements_json(placements)) told[key] = value;
    return terminal.print_json(told);
  }
  terminal.print(event == "works" ? fmt::format("process {} works on {}{}\n", getpid(), store,
                                                placements_text(placements))
                                  : fmt::format("process {} has stopped\n", getpid()));
}

}  // namespace

ExitStatus worker_command(const Terminal& terminal, const Arguments& arguments) {
  std::optional<std::string> slots;
  std::vector<std::string> labels;
  bool only_labelled = false;
  StoreOptions store;
  Options options("worker", "[--slots N] [--label NAME]… [--only-labelled]");
  options.value("--slots", slots).values("--label", labels).flag("--only-labelled", only_labelled);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  engine::WorkOptions work;
  if (slots) {
    Result<size_t> wanted = how_many_slots(*slots);
    if (!wanted) return refuse(terminal, wanted.error());
    work.slots = *wanted;
  }
  Result<std::vector<std::string>> placements = read_placements(labels, only_labelled);
  if (!placements) return refuse(terminal, placements.error());
  work.takes = std::move(*placements);
  // One that is named has to be there: a slip in its name would be waited on for ever.
  Result<Session> session =
      open_session(store, store.store ? engine::OpenMode::kExisting : engine::OpenMode::kCreate);
  if (!session) return refuse(terminal, session.error());
  const std::unique_ptr<engine::WorkObserver> report = work_report(terminal);
  work.observer = report.get();
  const Interrupts interrupts(*session->engine);
  say(terminal, "works", session->engine->store().place, work.takes);
  const Status done = session->engine->work(work);
  if (!done) return refuse(terminal, done.error());
  say(terminal, "stopped", session->engine->store().place, work.takes);
  return Interrupts::stopped_at_once() ? ExitStatus::kSuspended : ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
