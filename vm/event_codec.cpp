// The journal's form of an event; docs/formats/snapshot.md describes it.
#include <fmt/format.h>

#include <bit>

#include "vm/machine.h"
#include "vm/wire_json.h"

namespace rbk::vm {

using bytecode::Reader;
using bytecode::Writer;

namespace {

constexpr uint8_t kEventVersion = 5;  // 1: Cancelled without `now`

/// The oldest version that has such an event: what an older rbk can read it is left to read.
uint8_t version_of(const Event& event) {
  const auto* started = std::get_if<event::Started>(&event.what);
  if (started != nullptr && !started->draws.empty()) return 5;
  if (started != nullptr && !started->overrides.empty()) return 4;
  if (std::holds_alternative<event::Acquired>(event.what)) return 4;
  const auto* resolved = std::get_if<event::Resolved>(&event.what);
  if (resolved != nullptr && resolved->how == event::Resolved::How::kSkip) return 5;
  if (std::holds_alternative<event::RunEnded>(event.what)) return 5;
  return std::holds_alternative<event::Signalled>(event.what) ? 3 : 2;
}

void put(Writer& out, const event::Started& event) {
  out.number(event.runbook);
  out.number(event.arguments.size());
  for (const boost::json::value& argument : event.arguments) put_json(out, argument);
  out.text(event.run);
  out.text(event.url);
  out.text(event.starter);
  out.text(event.reason);
  put_object(out, event.labels);
  out.number(event.seed);
  if (event.overrides.empty() && event.draws.empty()) return;
  out.number(event.overrides.size());
  for (const std::string& calendar : event.overrides) out.text(calendar);
  if (event.draws.empty()) return;
  out.number(event.draws.size());
  for (const double draw : event.draws) out.number(std::bit_cast<uint64_t>(draw));
}
bool has_error(const event::Performed& event) {
  using How = event::Performed::How;
  return event.how == How::kError || event.how == How::kLeft;
}
void put(Writer& out, const event::Performed& event) {
  out.number(event.request);
  out.byte(static_cast<uint8_t>(event.how));
  out.byte(static_cast<uint8_t>(event.effect));
  put_json(out, event.output);
  if (has_error(event)) put_error(out, event.error);
}
void put(Writer& out, const event::Woke& event) { out.number(event.request); }
void put(Writer& out, const event::Decided& event) {
  out.number(event.request);
  out.flag(event.approved);
  put_object(out, event.form);
  out.number(event.by.size());
  for (const std::string& name : event.by) out.text(name);
  out.text(event.reason);
}
void put(Writer& out, const event::Resolved& event) {
  out.number(event.request);
  out.byte(static_cast<uint8_t>(event.how));
  put_json(out, event.output);
  out.text(event.by);
}
void put(Writer& out, const event::Cancelled& event) {
  out.flag(event.rollback);
  out.flag(event.now);
  out.text(event.by);
}
void put(Writer& out, const event::RollBack& event) {
  out.text(event.to);
  out.text(event.by);
}
void put(Writer& out, const event::Signalled& event) {
  out.text(event.name);
  put_json(out, event.payload);
  out.text(event.sender);
  out.number(event.groups.size());
  for (const std::string& group : event.groups) out.text(group);
}

void put(Writer& out, const event::Acquired& event) {
  out.number(event.request);
  out.byte(static_cast<uint8_t>(event.how));
  out.text(event.message);
}

void put(Writer& out, const event::RunEnded& event) {
  out.number(event.request);
  out.flag(event.ok);
  if (event.ok) {
    out.flag(event.partial);
    put_json(out, event.output);
  } else {
    out.flag(event.undo_failed);
    put_error(out, event.error);
  }
}

template <typename E>
E get_enum(Reader& in, E last) {
  const uint8_t byte = in.byte();
  if (byte > static_cast<uint8_t>(last)) in.fail();
  return in.failed() ? E() : static_cast<E>(byte);
}

void get(Reader& in, event::Started& event, uint8_t version) {
  event.runbook = in.index();
  const size_t count = in.count();
  for (size_t i = 0; i < count && !in.failed(); ++i) event.arguments.push_back(get_json(in));
  event.run = in.text();
  event.url = in.text();
  event.starter = in.text();
  event.reason = in.text();
  event.labels = get_object(in);
  event.seed = in.number();
  if (version < 4) return;
  const size_t overrides = in.count();
  if (overrides == 0 && version == 4) in.fail();  // it would have been written as version 2
  for (size_t i = 0; i < overrides && !in.failed(); ++i) event.overrides.push_back(in.text());
  if (version < 5) return;
  const size_t draws = in.count();
  if (draws == 0) in.fail();
  for (size_t i = 0; i < draws && !in.failed(); ++i)
    event.draws.push_back(std::bit_cast<double>(in.number()));
}
void get(Reader& in, event::Performed& event) {
  event.request = in.number();
  event.how = get_enum(in, event::Performed::How::kLeft);
  event.effect = get_enum(in, Effect::kUnknown);
  event.output = get_json(in);
  if (has_error(event)) event.error = get_error(in);
}
void get(Reader& in, event::Woke& event) { event.request = in.number(); }
void get(Reader& in, event::Decided& event) {
  event.request = in.number();
  event.approved = in.flag();
  event.form = get_object(in);
  event.by.resize(in.count());
  for (std::string& name : event.by) name = in.text();
  event.reason = in.text();
}
void get(Reader& in, event::Resolved& event) {
  event.request = in.number();
  event.how = get_enum(in, event::Resolved::How::kSkip);
  event.output = get_json(in);
  event.by = in.text();
}
void get(Reader& in, event::Cancelled& event, uint8_t version) {
  event.rollback = in.flag();
  event.now = version >= 2 && in.flag();
  event.by = in.text();
}
void get(Reader& in, event::RollBack& event) {
  event.to = in.text();
  event.by = in.text();
}
void get(Reader& in, event::Signalled& event) {
  event.name = in.text();
  event.payload = get_json(in);
  event.sender = in.text();
  event.groups.resize(in.count());
  for (std::string& group : event.groups) group = in.text();
}

void get(Reader& in, event::Acquired& event) {
  event.request = in.number();
  event.how = get_enum(in, event::Acquired::How::kTaken);
  event.message = in.text();
}

void get(Reader& in, event::RunEnded& event) {
  event.request = in.number();
  event.ok = in.flag();
  if (event.ok) {
    event.partial = in.flag();
    event.output = get_json(in);
  } else {
    event.undo_failed = in.flag();
    event.error = get_error(in);
  }
}

/// Makes the alternative of that index.
template <size_t kIndex = 0>
bool choose(decltype(Event::what)& what, size_t index) {
  if constexpr (kIndex < std::variant_size_v<decltype(Event::what)>) {
    if (index == kIndex) {
      what.emplace<kIndex>();
      return true;
    }
    return choose<kIndex + 1>(what, index);
  }
  return false;
}

}  // namespace

std::string encode(const Event& event) {
  Writer out;
  out.byte(version_of(event));
  out.integer(event.time);
  out.byte(static_cast<uint8_t>(event.what.index()));
  std::visit([&out](const auto& what) { put(out, what); }, event.what);
  return out.take();
}

Result<Event> decode_event(std::string_view bytes) {
  Reader in(bytes);
  const uint8_t version = in.byte();
  if (!in.failed() && version > kEventVersion) {
    return fail(
        ErrorKind::kUnsupported,
        fmt::format("the event has format {}; this rbk reads up to {}", version, kEventVersion),
        "use a newer rbk");
  }
  Event event;
  event.time = in.integer();
  if (!choose(event.what, in.byte()) || version == 0) in.fail();
  if (version < version_of(event) && version_of(event) > 2) in.fail();
  std::visit(
      [&](auto& what) {
        using What = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<What, event::Cancelled> ||
                      std::is_same_v<What, event::Started>)
          get(in, what, version);
        else
          get(in, what);
      },
      event.what);
  if (!in.done()) return fail(ErrorKind::kCorrupt, "the event is damaged: it does not decode");
  return event;
}

}  // namespace rbk::vm
