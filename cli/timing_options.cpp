#include "cli/timing_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/spelling.h"
#include "base/units.h"

namespace rbk::cli {

using std::chrono::floor;
using std::chrono::seconds;
using timing::sys_seconds;

Status known_verb(std::string_view command, std::string_view verb,
                  const std::vector<std::string_view>& verbs) {
  if (std::find(verbs.begin(), verbs.end(), verb) != verbs.end()) return {};
  const std::string_view near = nearest_name(verb, verbs);
  std::string cure = fmt::format("there are {}; `rbk {} --help` shows what each takes",
                                 fmt::join(verbs, ", "), command);
  if (!near.empty()) cure = fmt::format("did you mean `rbk {} {}`? {}", command, near, cure);
  return fail(ErrorKind::kInvalid,
              verb.empty() ? fmt::format("`rbk {}` does not say what to do", command)
                           : fmt::format("there is no `rbk {} {}`", command, verb),
              std::move(cure));
}

Result<sys_seconds> from_time(const std::optional<std::string>& given) {
  if (!given) return floor<seconds>(std::chrono::system_clock::now());
  Result<int64_t> time = parse_time(*given);
  if (!time) return fail(ErrorKind::kInvalid, "--from: " + time.error().message, time.error().cure);
  return floor<seconds>(
      std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(*time)));
}

Result<int64_t> time_or_ago(std::string_view option, const std::string& text) {
  if (Result<int64_t> time = parse_time(text)) return *time;
  if (Result<int64_t> ago = parse_duration(text)) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return floor<std::chrono::microseconds>(now).count() - *ago;
  }
  return fail(ErrorKind::kInvalid,
              fmt::format("{} {} is neither a time nor a duration", option, text),
              fmt::format("write {0} 2026-11-24T13:00:00Z or {0} 2h", option));
}

Result<int> how_many(const std::optional<std::string>& given, int otherwise) {
  if (!given) return otherwise;
  int count = 0;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), count);
  if (error != std::errc() || end != given->data() + given->size() || count < 1 || count > 1000)
    return fail(ErrorKind::kInvalid,
                fmt::format("-n {}: a number from 1 to 1000 is wanted", *given), "write -n 10");
  return count;
}

Result<std::vector<check::SymbolId>> declared(const check::CheckedProgram& checked,
                                              check::Symbol::Kind kind, std::string_view what,
                                              const std::string& file, const std::string& name) {
  std::vector<check::SymbolId> found;
  std::vector<std::string_view> names;
  const check::CheckedModule& module = *checked.modules.front();
  for (const syntax::DeclId decl : module.ast.decls) {
    const check::SymbolId id = module.decls.at(decl.index);
    if (id == check::kNone || checked.symbol(id).kind != kind) continue;
    names.push_back(checked.symbol(id).name);
    if (name.empty() || checked.symbol(id).name == name) found.push_back(id);
  }
  if (!found.empty()) return found;
  if (names.empty())
    return fail(ErrorKind::kNotFound, fmt::format("{} declares no {}", file, what),
                fmt::format("name a file that has a `{}`", what));
  std::string all;
  for (const std::string_view one : names)
    all += fmt::format("{}{}:{}", all.empty() ? "" : ", ", file, one);
  const std::string_view near = nearest_name(name, names);
  return fail(ErrorKind::kNotFound, fmt::format("{} declares no {} \"{}\"", file, what, name),
              near.empty() ? "it has " + all : fmt::format("did you mean {}:{}?", file, near));
}

}  // namespace rbk::cli
