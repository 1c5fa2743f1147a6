#include "cli/manifest_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "cli/files.h"
#include "cli/report/effects_report.h"
#include "compiler/effects/effects.h"
#include "engine/limits.h"

namespace rbk::cli {
namespace {

namespace json = boost::json;
using bytecode::Manifest;
using Kind = Manifest::Kind;

constexpr size_t kMostShown = 5;
constexpr size_t kMostEntries = 10'000;

/// What a list of the summary says; `at`: the field that tells where.
struct List {
  const char* name;
  Kind kind;
  const char* text;
  const char* at;
};
constexpr List kLists[] = {
    {"hosts", Kind::kHost, "name", ""},           {"requests", Kind::kRequest, "url", "method"},
    {"commands", Kind::kCommand, "text", "host"}, {"queries", Kind::kQuery, "text", "database"},
    {"secrets", Kind::kSecret, "name", ""},       {"people", Kind::kPerson, "", ""}};

/// The field as text, "" without it. kInvalid: it is something else.
Result<std::string> text_field(const json::object& entry, const char* field,
                               const std::string& where) {
  const json::value* value = entry.if_contains(field);
  if (value == nullptr) return std::string();
  if (!value->is_string())
    return fail(ErrorKind::kInvalid, fmt::format("{}.{} is no text", where, field));
  return std::string(value->get_string());
}

Result<Manifest::Entry> entry_of(const List& list, const json::value& value,
                                 const std::string& where) {
  Manifest::Entry made;
  made.kind = list.kind;
  if (*list.text == '\0') {
    if (!value.is_string()) return fail(ErrorKind::kInvalid, where + " is no text");
    made.text = value.get_string();
    return made;
  }
  if (!value.is_object()) return fail(ErrorKind::kInvalid, where + " is no object");
  const json::object& entry = value.get_object();
  Result<std::string> text = text_field(entry, list.text, where);
  if (!text) return tl::unexpected(text.error());
  if (!entry.contains(list.text))
    return fail(ErrorKind::kInvalid, fmt::format("{} has no `{}`", where, list.text));
  made.text = std::move(*text);
  if (*list.at == '\0') return made;
  Result<std::string> at = text_field(entry, list.at, where);
  if (!at) return tl::unexpected(at.error());
  made.at = std::move(*at);
  return made;
}

/// Whether an approval of the summary has no `by`, so that anybody may give it.
Result<bool> is_anybodys(const json::object& summary) {
  const json::value* approvals = summary.if_contains("approvals");
  if (approvals == nullptr || !approvals->is_array())
    return fail(ErrorKind::kInvalid, "its list `approvals` is missing",
                "an empty list, [], allows nothing of its kind");
  for (const json::value& value : approvals->get_array()) {
    if (!value.is_object()) return fail(ErrorKind::kInvalid, "one of its `approvals` is no object");
    const json::object& approval = value.get_object();
    const json::value* kind = approval.if_contains("kind");
    const json::value* by = approval.if_contains("by");
    const bool is_ask = kind != nullptr && *kind == "ask";
    if (!is_ask && by != nullptr && by->is_array() && by->get_array().empty()) return true;
  }
  return false;
}

Result<Manifest> manifest_of(const json::object& summary, const std::string& name) {
  Manifest made{name, {}};
  const json::value* cut_short = summary.if_contains("cut_short");
  if (cut_short != nullptr && cut_short->is_bool() && cut_short->get_bool())
    return fail(ErrorKind::kInvalid, "it is cut short: not all that the runbook calls was followed",
                "split the runbook, or complete the lists by hand and remove `cut_short`");
  for (const List& list : kLists) {
    const json::value* entries = summary.if_contains(list.name);
    if (entries == nullptr || !entries->is_array())
      return fail(ErrorKind::kInvalid, fmt::format("its list `{}` is missing", list.name),
                  "an empty list, [], allows nothing of its kind");
    size_t number = 0;
    for (const json::value& value : entries->get_array()) {
      Result<Manifest::Entry> entry =
          entry_of(list, value, fmt::format("`{}[{}]`", list.name, number++));
      if (!entry) return tl::unexpected(entry.error());
      const bool is_new =
          std::find(made.entries.begin(), made.entries.end(), *entry) == made.entries.end();
      if (is_new) made.entries.push_back(std::move(*entry));
      if (made.entries.size() > kMostEntries)
        return fail(ErrorKind::kInvalid, fmt::format("it has more than {} entries", kMostEntries),
                    "say it by fewer, as `${}` stands for any text");
    }
  }
  Result<bool> anybody = is_anybodys(summary);
  if (!anybody) return tl::unexpected(anybody.error());
  if (*anybody) made.entries.push_back({Kind::kPerson, "anybody", {}});
  return made;
}

/// The values of a file, one behind the other.
Result<std::vector<json::value>> read_values(const std::string& text) {
  std::vector<json::value> values;
  size_t at = 0;
  for (;;) {
    at = text.find_first_not_of(" \t\r\n", at);
    if (at == std::string::npos) return values;
    json::stream_parser parser;
    boost::system::error_code failure;
    const size_t read = parser.write_some(text.data() + at, text.size() - at, failure);
    if (!failure && !parser.done()) parser.finish(failure);
    if (failure) {
      const auto line = std::count(text.begin(), text.begin() + static_cast<int64_t>(at), '\n');
      return fail(ErrorKind::kInvalid,
                  fmt::format("what begins in its line {} is no JSON", line + 1));
    }
    values.push_back(parser.release());
    at += read;
  }
}

bool is_summary(const json::value& value) {
  return value.is_object() && value.get_object().contains("runbook") &&
         value.get_object().contains("hosts");
}

}  // namespace

Result<Manifest> read_manifest(const std::string& file, const std::string& runbook) {
  const auto unfit = [&](const Error& error) -> tl::unexpected<Error> {
    return fail(
        error.kind, fmt::format("the manifest {} can't be used: {}", file, error.message),
        error.cure.empty() ? "write it by `rbk check --effects --json FILE.rbk`" : error.cure);
  };
  Result<std::string> text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  Result<std::vector<json::value>> values = read_values(*text);
  if (!values) return unfit(values.error());
  std::string others;
  std::optional<Manifest> found;
  for (const json::value& value : *values) {
    if (!is_summary(value)) continue;
    const json::object& summary = value.get_object();
    Result<std::string> name = text_field(summary, "runbook", "the object");
    if (!name) return unfit(name.error());
    if (*name != runbook) {
      others += (others.empty() ? "" : ", ") + *name;
      continue;
    }
    Result<Manifest> made = manifest_of(summary, file);
    if (!made) return unfit(made.error());
    if (found)
      return unfit({ErrorKind::kInvalid, fmt::format("it has the runbook {} twice", runbook),
                    "leave one of them, with all that it may reach"});
    found = std::move(*made);
  }
  if (found) return std::move(*found);
  return unfit({ErrorKind::kNotFound,
                fmt::format("it says nothing of the runbook {}{}", runbook,
                            others.empty() ? "" : "; it does of " + others),
                {}});
}

Result<std::shared_ptr<const bytecode::Program>> held_to(const Loaded& loaded,
                                                         const std::string& runbook,
                                                         const Manifest& manifest) {
  auto held = std::make_shared<bytecode::Program>(*loaded.program);
  held->manifest = manifest;
  if (loaded.compiled) {
    const check::CheckedProgram& checked = loaded.compiled->checked;
    const engine::Limits limits(manifest);
    std::string past;
    size_t count = 0;
    for (const check::SymbolId symbol : effects::runbooks_of(checked)) {
      if (checked.symbol(symbol).name != runbook) continue;
      json::object summary = effects_json(effects::summarise(checked, symbol));
      summary.erase("cut_short");
      Result<Manifest> own = manifest_of(summary, {});
      if (!own) return tl::unexpected(own.error());
      for (const Manifest::Entry& entry : own->entries) {
        const Status within = limits.check(entry);
        if (within) continue;
        if (++count <= kMostShown) past += (past.empty() ? "" : "\n") + within.error().message;
      }
    }
    if (count > kMostShown) past += fmt::format("\nand {} more", count - kMostShown);
    if (count != 0)
      return fail(
          ErrorKind::kRefused, past,
          "if it is meant, write the manifest anew by `rbk check --effects --json` and look "
          "at what it adds (`rbk diff`); else the runbook is wrong");
  }
  return held;
}

}  // namespace rbk::cli
