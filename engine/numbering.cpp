#include "engine/numbering.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/codec.h"

namespace rbk::engine {
namespace {

template <typename Name>
uint32_t place_of(const std::vector<Name>& names, const Name& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? Numbering::kUnknown : static_cast<uint32_t>(found - names.begin());
}

template <typename Name>
std::vector<uint32_t> places_of(const std::vector<Name>& names, const std::vector<Name>& among) {
  std::vector<uint32_t> places;
  places.reserve(names.size());
  for (const Name& name : names) places.push_back(place_of(among, name));
  return places;
}

void put_hash(Writer& writer, const Digest& hash) {
  writer.raw({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

Digest get_hash(Reader& reader) {
  Digest hash{};
  const std::string_view bytes = reader.raw(hash.size());
  if (bytes.size() == hash.size())
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(hash.data()));
  return hash;
}

}  // namespace

ProgramNames ProgramNames::of(const bytecode::Program& program) {
  ProgramNames names;
  names.actions.reserve(program.actions.size());
  for (const bytecode::ActionImport& action : program.actions)
    names.actions.emplace_back(action.name, action.exec);
  names.runbooks.reserve(program.runbooks.size());
  for (const bytecode::Runbook& runbook : program.runbooks) names.runbooks.push_back(runbook.name);
  return names;
}

Numbering Numbering::between(const ProgramNames& then, const bytecode::Program& now) {
  const ProgramNames known = ProgramNames::of(now);
  Numbering made;
  made.actions_then = places_of(known.actions, then.actions);
  made.runbooks_then = places_of(known.runbooks, then.runbooks);
  made.runbooks_now = places_of(then.runbooks, known.runbooks);
  return made;
}

Status Numbering::translate(vm::Event& event) const {
  auto* started = std::get_if<vm::event::Started>(&event.what);
  if (started == nullptr) return {};
  if (started->runbook >= runbooks_now.size() || runbooks_now[started->runbook] == kUnknown)
    return fail(ErrorKind::kCorrupt, "its program has not the runbook that it began with");
  started->runbook = runbooks_now[started->runbook];
  return {};
}

std::string encode_upgraded(const Upgraded& upgraded) {
  Writer writer;
  put_hash(writer, upgraded.from);
  put_hash(writer, upgraded.to);
  writer.text(upgraded.by);
  writer.number(upgraded.names.actions.size());
  for (const auto& [name, exec] : upgraded.names.actions) {
    writer.text(name);
    writer.text(exec);
  }
  writer.number(upgraded.names.runbooks.size());
  for (const std::string& name : upgraded.names.runbooks) writer.text(name);
  return writer.take();
}

Result<Upgraded> decode_upgraded(std::string_view body) {
  Reader reader(body);
  Upgraded made;
  made.from = get_hash(reader);
  made.to = get_hash(reader);
  made.by = reader.text();
  const uint64_t actions = reader.number();
  for (uint64_t i = 0; i < actions && reader.ok(); ++i) {
    std::string name = reader.text();
    made.names.actions.emplace_back(std::move(name), reader.text());
  }
  const uint64_t runbooks = reader.number();
  for (uint64_t i = 0; i < runbooks && reader.ok(); ++i)
    made.names.runbooks.push_back(reader.text());
  if (!reader.ok() || !reader.at_end())
    return fail(ErrorKind::kCorrupt, "a journal entry that names no programs");
  return made;
}

}  // namespace rbk::engine
