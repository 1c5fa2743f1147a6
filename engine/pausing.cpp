// Pausing runs, and leaving steps out: checked and posted here, taken up (messages.cpp) by whoever
// drives the run.
#include <fmt/format.h>

#include "engine/engine_state.h"
#include "engine/json_fields.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;

tl::unexpected<Error> not_under_way(const RunRow& row, std::string_view what) {
  return fail(ErrorKind::kRefused,
              fmt::format("run {} can't be {}: it is {}", row.id, what, to_string(row.status)),
              fmt::format("`rbk show {}` tells how it stands", row.id));
}

/// By its path, its name, or its name without what it was for: "patch[web-1]" is a `patch` too.
bool is_step(const std::string& path, const std::string& name) {
  if (path == name) return true;
  const size_t slash = path.rfind('/');
  const std::string_view last =
      slash == std::string::npos ? path : std::string_view(path).substr(slash + 1);
  return last == name || last.substr(0, last.find('[')) == name;
}

}  // namespace

/// To the run, and to those that it has begun: a pause to whom it waits for, the end of one to
/// those and to all that are paused. One that nobody drives may have its pause still before it.
Status Engine::State::post_pause(const RunRow& row, bool pause, const Person& by) {
  const auto kind = pause ? Message::Kind::kPause : Message::Kind::kUnpause;
  if (auto posted = post(row.key, 0, kind, {{"user", by.user}}, by); !posted) return posted;
  auto children = store->children(row.key);
  if (!children) return tl::unexpected(children.error());
  for (const RunRow& child : *children) {
    const bool is_paused = child.status == RunStatus::kPaused;
    const bool is_awaited = child.link != Link::kDetached;
    const bool concerned = pause ? is_awaited && !is_paused : is_awaited || is_paused;
    if (is_over(child.status) || child.status == RunStatus::kQuarantined || !concerned) continue;
    if (auto posted = post_pause(child, pause, by); !posted) return posted;
  }
  return {};
}

Status Engine::pause(const std::string& run, const Person& by) {
  auto row = state_->find_changeable(run, "can't be paused");
  if (!row) return tl::unexpected(row.error());
  if (is_over(row->status) || row->status == RunStatus::kQuarantined)
    return not_under_way(*row, "paused");
  if (row->status == RunStatus::kPaused)
    return fail(ErrorKind::kRefused, fmt::format("run {} is paused already", row->id),
                fmt::format("`rbk unpause {}` goes on with it", row->id));
  return state_->post_pause(*row, true, by);
}

Status Engine::unpause(const std::string& run, const Person& by) {
  auto row = state_->find_changeable(run, "can't be unpaused");
  if (!row) return tl::unexpected(row.error());
  if (row->status != RunStatus::kPaused) return not_under_way(*row, "unpaused");
  return state_->post_pause(*row, false, by);
}

/// Whether the machine takes it is found out first.
Status Engine::State::post_skip(const RunRow& row, vm::RequestId request, const std::string& path,
                                const std::optional<json::value>& output, const Person& by) {
  json::value given = output.value_or(nullptr);
  const auto attempt = [&] {
    return try_on_machine(
        row, vm::event::Resolved{request, vm::event::Resolved::How::kSkip, given, by.user});
  };
  auto tried = attempt();
  const bool refused = !tried;
  // Not said: what its fields say by themselves, if all of them do.
  if (refused && !output) {
    const Error first = tried.error();
    given = json::object{};
    tried = attempt();
    if (!tried) tried = tl::unexpected(first);
  }
  if (!tried) {
    Error error = tried.error();
    if (error.cure.empty() && !output) error.cure = "say what it gives: --output JSON";
    return tl::unexpected(std::move(error));
  }
  auto posted = post(row.key, request, Message::Kind::kResolve,
                     {{"how", "skip"}, {"user", by.user}, {"output", given}}, by,
                     fmt::format("skip:{}:{}:{}", row.id, request, row.head), path);
  if (!posted && posted.error().kind == ErrorKind::kExists)
    return fail(ErrorKind::kRefused, fmt::format("step {} has been answered already", path),
                fmt::format("`rbk show {}` tells how the run stands", row.id));
  return posted;
}

Status Engine::skip(const std::string& run, const std::string& path,
                    const std::optional<json::value>& output, const Person& by) {
  State& state = *state_;
  auto row = state.find_changeable(run, "can't be changed");
  if (!row) return tl::unexpected(row.error());
  if (is_over(row->status) || row->status == RunStatus::kQuarantined)
    return not_under_way(*row, "changed");
  if (auto failure = state.find_wait(*row, Wait::Kind::kFailure, path)) {
    const json::object description = object_of(failure->description);
    if (auto may = may_answer(description, row->starter, by); !may)
      return tl::unexpected(may.error());
    if (flag_of(description, "in_doubt"))
      return fail(ErrorKind::kRefused,
                  fmt::format("step {} may have taken effect, and would not be undone if it were "
                              "skipped",
                              failure->path),
                  fmt::format("`rbk resolve {} {}` with done or fail says what became of it",
                              row->id, failure->path));
    return state.post_skip(*row, failure->request, failure->path, output, by);
  }
  auto program = load_program(*state.store, *row);
  if (!program) return tl::unexpected(program.error());
  auto recovered = recover_run(*state.store, *row, *program);
  if (!recovered) return tl::unexpected(recovered.error());
  const Asked* found = nullptr;
  std::string others;
  for (const auto& [id, asked] : recovered->asked.all()) {
    const vm::request::Perform* perform = asked.perform();
    if (perform == nullptr) continue;
    const bool can =
        asked.not_started && !asked.in_doubt && !asked.stop && !asked.may_have_taken_effect();
    if (can) others += (others.empty() ? "" : ", ") + perform->path;
    if (!is_step(perform->path, path)) continue;
    if (found != nullptr && found->perform()->path != path && perform->path != path)
      return fail(ErrorKind::kInvalid,
                  fmt::format("run {} has several steps `{}` under way", row->id, path),
                  "name one by its path: `rbk show` lists them");
    if (found == nullptr || perform->path == path) found = &asked;
  }
  if (found == nullptr) {
    auto shown = show(run);
    if (!shown) return tl::unexpected(shown.error());
    for (const StepDetail& step : shown->steps)
      if (is_step(step.path, path) && step.ended)
        return fail(ErrorKind::kRefused,
                    fmt::format("step {} has ended: it is {}", step.path, to_string(step.status)),
                    others.empty() ? std::string() : "it can skip: " + others);
    return fail(ErrorKind::kNotFound,
                fmt::format("run {} has no step `{}` that could be skipped now", row->id, path),
                others.empty()
                    ? std::string("a step can be when it has failed and asks, or when the run is "
                                  "paused and comes to it: `rbk pause` first")
                    : "it can skip: " + others);
  }
  if (found->in_doubt)
    return fail(ErrorKind::kRefused,
                fmt::format("step {} is in doubt: it may have taken effect", path),
                fmt::format("`rbk resolve {} {}` with done or fail says what became of it", row->id,
                            found->perform()->path));
  if (!found->not_started || found->stop)
    return fail(
        ErrorKind::kRefused, fmt::format("step {} has begun", path),
        fmt::format("`rbk pause {}` keeps what follows from beginning; `rbk cancel {}` ends "
                    "the run",
                    row->id, row->id));
  if (found->may_have_taken_effect())
    return fail(
        ErrorKind::kRefused,
        fmt::format("step {} has been tried before: that may have taken effect, and would "
                    "not be undone if it were skipped",
                    path),
        fmt::format("let it be tried again: `rbk unpause {}`; or `rbk cancel {} --rollback`",
                    row->id, row->id));
  return state.post_skip(*row, found->request.id, found->perform()->path, output, by);
}

}  // namespace rbk::engine
