// `rbk worker`: goes on with any run of the store, until it is stopped.
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/report/work_report.h"
#include "cli/session.h"

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

void say(const Terminal& terminal, std::string_view event, const std::string& store) {
  if (terminal.json)
    return terminal.print_json({{"event", event}, {"process", getpid()}, {"store", store}});
  terminal.print(event == "works" ? fmt::format("process {} works on {}\n", getpid(), store)
                                  : fmt::format("process {} has stopped\n", getpid()));
}

}  // namespace

ExitStatus worker_command(const Terminal& terminal, const Arguments& arguments) {
  std::optional<std::string> slots;
  StoreOptions store;
  Options options("worker", "[--slots N]");
  options.value("--slots", slots);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  engine::WorkOptions work;
  if (slots) {
    Result<size_t> wanted = how_many_slots(*slots);
    if (!wanted) return refuse(terminal, wanted.error());
    work.slots = *wanted;
  }
  // One that is named has to be there: a slip in its name would be waited on for ever.
  Result<Session> session =
      open_session(store, store.store ? engine::OpenMode::kExisting : engine::OpenMode::kCreate);
  if (!session) return refuse(terminal, session.error());
  const std::unique_ptr<engine::WorkObserver> report = work_report(terminal);
  work.observer = report.get();
  const Interrupts interrupts(*session->engine);
  say(terminal, "works", session->engine->store().place);
  const Status done = session->engine->work(work);
  if (!done) return refuse(terminal, done.error());
  say(terminal, "stopped", session->engine->store().place);
  return Interrupts::stopped_at_once() ? ExitStatus::kSuspended : ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
