#include "engine/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/descriptions.h"
#include "engine/journal.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;

/// Whether a path is this step's: all of it, or its last part with or without the item.
bool names_step(std::string_view path, std::string_view step) {
  if (path == step) return true;
  const size_t slash = path.rfind('/');
  std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (last == step) return true;
  return last.substr(0, last.find('[')) == step;
}

}  // namespace

Result<std::unique_ptr<Replay>> Replay::open(Store& store, const std::string& run) {
  auto row = store.find_run(run);
  if (!row) return tl::unexpected(row.error());
  auto program = load_program(store, *row);
  if (!program) return tl::unexpected(program.error());
  std::unique_ptr<Replay> made(new Replay(store, std::move(*row), std::move(*program)));
  auto entries = store.entries(made->row_.key, 0);
  if (!entries) return tl::unexpected(entries.error());
  made->entries_ = std::move(*entries);
  if (auto begun = made->restart_before(1); !begun) return tl::unexpected(begun.error());
  return made;
}

Status Replay::refresh() {
  auto row = store_.run(row_.key);
  if (!row) return tl::unexpected(row.error());
  auto more = store_.entries(row_.key, count());
  if (!more) return tl::unexpected(more.error());
  const bool moved = row->program != row_.program;
  row_ = std::move(*row);
  std::move(more->begin(), more->end(), std::back_inserter(entries_));
  if (!moved) return {};
  auto program = load_program(store_, row_);
  if (!program) return tl::unexpected(program.error());
  program_ = std::move(*program);
  kept_.clear();
  const uint64_t here = at_;
  if (auto begun = restart_before(1); !begun) return begun;
  return go_to(here);
}

Status Replay::seek(uint64_t entry) {
  if (entry == 0 || entry > count())
    return fail(ErrorKind::kInvalid, fmt::format("run {} has no event {}", row_.id, entry),
                count() == 0 ? std::string("it has none yet")
                             : fmt::format("its events are 1 to {}", count()));
  return go_to(entry);
}

Status Replay::go_to(uint64_t entry) {
  if (entry == at_) return {};
  // Also forwards where a state that is kept is nearer.
  const auto after = kept_.lower_bound(entry);
  const bool nearer = after != kept_.begin() && std::prev(after)->first > at_;
  if (entry < at_ || nearer)
    if (auto begun = restart_before(entry); !begun) return begun;
  while (at_ < entry)
    if (auto done = step(); !done) return done;
  return {};
}

Result<bool> Replay::seek_step(const std::string& wanted) {
  const uint64_t from = at_;
  while (at_ < count()) {
    if (auto done = step(); !done) return tl::unexpected(done.error());
    if (concerns(wanted)) return true;
  }
  if (auto back = go_to(from); !back) return tl::unexpected(back.error());
  return false;
}

bool Replay::concerns(const std::string& step) const {
  using Kind = vm::Mark::Kind;
  const bool marked =
      std::any_of(turn_.marks.begin(), turn_.marks.end(), [&](const vm::Mark& mark) {
        const bool tells = mark.kind == Kind::kStepBegan || mark.kind == Kind::kStepEnded ||
                           mark.kind == Kind::kAttemptFailed || mark.kind == Kind::kUndoBegan ||
                           mark.kind == Kind::kUndoEnded;
        return tells && names_step(mark.path, step);
      });
  if (marked) return true;
  return std::any_of(turn_.requests.begin(), turn_.requests.end(), [&](const vm::Request& request) {
    const auto* perform = std::get_if<vm::request::Perform>(&request.what);
    return perform != nullptr && names_step(perform->path, step);
  });
}

/// To the latest state that is kept and lies before this entry.
Status Replay::restart_before(uint64_t entry) {
  at_ = 0;
  what_.clear();
  turn_ = {};
  const auto after = kept_.lower_bound(entry);
  if (after != kept_.begin()) {
    const auto& [at, kept] = *std::prev(after);
    if (auto machine = vm::Machine::restore(program_, {}, kept.machine)) {
      run_.emplace(RecoveredRun{std::move(*machine), kept.asked});
      run_->head = at_ = at;
      run_->time = kept.time;
      return learn_upgrades(*run_, row_, *program_, entries_);
    }
    kept_.clear();
  }
  auto begun = beginning_of(store_, row_, program_);
  if (!begun) return tl::unexpected(begun.error());
  run_.emplace(std::move(*begun));
  return learn_upgrades(*run_, row_, *program_, entries_);
}

void Replay::remember() {
  if (at_ % keep_every_ != 0 || kept_.contains(at_)) return;
  if (kept_.size() >= kMostKept) {
    keep_every_ *= 2;
    std::erase_if(kept_, [&](const auto& kept) { return kept.first % keep_every_ != 0; });
    if (at_ % keep_every_ != 0) return;
  }
  kept_.emplace(at_, Kept{run_->machine.snapshot(), run_->asked, run_->time});
}

Status Replay::step() {
  const Entry& next = entries_[at_];
  json::object what;
  if (next.kind == Entry::Kind::kEvent) {
    auto journaled = decode_body(next.body, store_);
    if (journaled && run_->translate(next.number, journaled->event)) {
      const Asked* answered = run_->asked.find(answered_by(journaled->event));
      what = describe_event(*program_, journaled->event,
                            answered == nullptr ? nullptr : &answered->request);
    }
  } else if (next.kind == Entry::Kind::kUpgraded) {
    if (auto upgraded = decode_upgraded(next.body))
      what = {{"kind", entry_word(next.kind)},
              {"from", to_hex(upgraded->from)},
              {"to", to_hex(upgraded->to)},
              {"by", upgraded->by}};
  } else if (next.kind == Entry::Kind::kPaused || next.kind == Entry::Kind::kUnpaused) {
    what = {{"kind", entry_word(next.kind)}, {"by", next.body}};
  } else if (next.kind == Entry::Kind::kTakenOver) {
    auto taken = decode_taken_over(next.body);
    if (!taken) return tl::unexpected(taken.error());
    what = {{"kind", entry_word(next.kind)}, {"requests", json::array{taken->request}}};
    if (const Asked* asked = run_->asked.find(taken->request))
      what["paths"] = json::array{path_of(asked->request)};
    if (auto source = store_.run(taken->run)) what["run"] = source->id;
  } else if (auto requests = decode_requests(next.body)) {
    json::array ids;
    json::array paths;
    for (const vm::RequestId id : *requests) {
      ids.emplace_back(id);
      if (const Asked* asked = run_->asked.find(id)) paths.emplace_back(path_of(asked->request));
    }
    what = {
        {"kind", entry_word(next.kind)}, {"requests", std::move(ids)}, {"paths", std::move(paths)}};
  }
  auto turn = replay_entry(*run_, store_, row_, next);
  if (!turn) {
    // The machine may have taken it: the state before it is made anew.
    const Error error = turn.error();
    const uint64_t before = at_;
    if (auto back = restart_before(before + 1); !back) return back;
    while (at_ < before)
      if (auto done = step(); !done) return done;
    return tl::unexpected(error);
  }
  ++at_;
  what_ = std::move(what);
  turn_ = *turn ? std::move(**turn) : vm::Turn{};
  remember();
  return {};
}

}  // namespace rbk::engine
