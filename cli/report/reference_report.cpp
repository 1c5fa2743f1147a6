#include "cli/report/reference_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>

#include "base/text_width.h"

namespace rbk::cli {
namespace {

using reference::Entry;
using reference::Field;
using reference::Module;
using EntryKind = Entry::Kind;

constexpr size_t kColumns = 100;

std::string_view entry_kind_name(EntryKind kind) {
  static constexpr std::string_view kNames[] = {
      "action", "runbook", "function", "record",   "enum",
      "error",  "const",   "calendar", "schedule", "function of values"};
  return kNames[static_cast<int>(kind)];
}

std::string bold(const std::string& text, bool colour) {
  return colour ? "\033[1m" + text + "\033[0m" : text;
}
std::string dim(const std::string& text, bool colour) {
  return colour && !text.empty() ? "\033[2m" + text + "\033[0m" : text;
}

/// The first sentence, on one line.
std::string summary_of(std::string_view doc) {
  std::string text;
  for (size_t i = 0; i < doc.size(); ++i) {
    const bool ends = i + 1 == doc.size() || doc[i + 1] == ' ' || doc[i + 1] == '\n';
    if (doc[i] == '\n') {
      if (i + 1 < doc.size() && doc[i + 1] == '\n') break;
      text += ' ';
      continue;
    }
    text += doc[i];
    if (doc[i] == '.' && ends) break;
  }
  return text;
}

/// What must be given, and `…` for what may be.
std::string short_signature(const Entry& entry) {
  if (entry.kind == EntryKind::kOfValue) return entry.signature;
  if (entry.kind != EntryKind::kAction && entry.kind != EntryKind::kRunbook &&
      entry.kind != EntryKind::kFunction)
    return entry.full_name;
  std::string given;
  bool more = false;
  for (const Field& field : entry.fields) {
    if (!field.default_value.empty()) {
      more = true;
      continue;
    }
    given += fmt::format("{}{}: {}", given.empty() ? "" : ", ", field.name, field.type);
  }
  if (more) given += given.empty() ? "…" : ", …";
  return fmt::format("{}({}){}", entry.full_name, given,
                     entry.result.empty() ? "" : " -> " + entry.result);
}

/// The comment's text; its code, indented, without the fences.
std::string doc_text(std::string_view doc, std::string_view indent, bool colour) {
  std::string text;
  bool code = false;
  while (!doc.empty()) {
    const size_t end = doc.find('\n');
    const std::string line = printable(doc.substr(0, end));
    doc.remove_prefix(end == std::string_view::npos ? doc.size() : end + 1);
    if (line.starts_with("```")) {
      code = !code;
      if (code && !text.ends_with("\n\n")) text += "\n";
      continue;
    }
    if (line.empty())
      text += "\n";
    else
      text += fmt::format("{}{}\n", indent, code ? "    " + dim(line, colour) : line);
  }
  return text;
}

std::string joined(std::string_view doc) {
  std::string text(doc);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return printable(text);
}

/// Words below each other within the columns that are left.
std::string wrapped(const std::string& text, size_t indent) {
  const size_t width = kColumns > indent + 30 ? kColumns - indent : 30;
  std::string made;
  std::string line;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    at = end + 1;
    if (!line.empty() && text_width(line) + 1 + text_width(word) > width) {
      made += line + "\n" + std::string(indent, ' ');
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return made + line;
}

std::string fields_text(const std::vector<Field>& fields, size_t indent, bool colour) {
  std::vector<std::string> heads;
  size_t width = 0;
  for (const Field& field : fields) {
    std::string head = field.name;
    if (!field.type.empty()) head += field.type.starts_with('(') ? field.type : ": " + field.type;
    if (!field.default_value.empty()) head += " = " + field.default_value;
    width = std::max(width, std::min<size_t>(text_width(head), 40));
    heads.push_back(std::move(head));
  }
  std::string text;
  for (size_t i = 0; i < fields.size(); ++i) {
    std::string more = joined(fields[i].doc);
    for (const std::string& where : fields[i].where)
      more += (more.empty() ? "where " : " Where ") + where + ".";
    const size_t head = text_width(heads[i]);
    std::string line = std::string(indent, ' ') + heads[i];
    if (!more.empty()) {
      const size_t pad = head < width ? width - head + 2 : 2;
      line +=
          std::string(pad, ' ') + dim(wrapped(more, indent + std::max(head, width) + 2), colour);
    }
    text += line + "\n";
  }
  return text;
}

/// The record or enum that a type names, "Response" or "http.Response" or a list of them.
const Entry* type_of(const std::vector<Module>& modules, const Module& module, std::string type) {
  while (type.ends_with('?')) type.pop_back();
  if (type.starts_with("list<") && type.ends_with('>')) type = type.substr(5, type.size() - 6);
  const auto is = [&](const Entry& entry, const std::string& name) {
    return (entry.kind == EntryKind::kRecord || entry.kind == EntryKind::kEnum) &&
           (entry.name == name || entry.full_name == name);
  };
  for (const Entry& entry : module.entries)
    if (is(entry, type)) return &entry;
  for (const Module& other : modules)
    for (const Entry& entry : other.entries)
      if (entry.full_name == type && is(entry, type)) return &entry;
  return nullptr;
}

/// The kinds of errors that an action may fail with: its module's, and those that its text names.
std::vector<const Entry*> errors_of(const std::vector<Module>& modules, const Module& module,
                                    const Entry& entry) {
  std::vector<const Entry*> errors;
  if (entry.kind != EntryKind::kAction) return errors;
  for (const Entry& one : module.entries)
    if (one.kind == EntryKind::kErrorKind) errors.push_back(&one);
  for (const Module& other : modules) {
    if (other.name != "core") continue;
    for (const Entry& one : other.entries)
      if (entry.doc.find(one.name) != std::string::npos || one.name == "Timeout" ||
          (entry.is_program && one.name == "ExecError"))
        errors.push_back(&one);
  }
  return errors;
}

void section(std::string& text, std::string_view name, const std::string& lines, bool colour) {
  if (!lines.empty()) text += fmt::format("\n{}\n{}", bold(std::string(name), colour), lines);
}

boost::json::array fields_json(const std::vector<Field>& fields) {
  boost::json::array all;
  for (const Field& field : fields) {
    boost::json::object one{{"name", field.name}};
    if (!field.type.empty()) one["type"] = field.type;
    if (!field.default_value.empty()) one["default"] = field.default_value;
    if (!field.where.empty())
      one["where"] = boost::json::array(field.where.begin(), field.where.end());
    if (!field.doc.empty()) one["doc"] = field.doc;
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

std::string entry_line(const Entry& entry, bool colour) {
  const std::string head = short_signature(entry);
  std::string line = "  " + bold(head, colour);
  const std::string summary = printable(summary_of(entry.doc));
  if (!summary.empty()) {
    const size_t width = text_width(head);
    line += std::string(width < 50 ? 50 - width + 2 : 2, ' ') +
            cut_to_width(summary, width < 50 ? 90 : 60);
  }
  return line + "\n";
}

std::string modules_text(const std::vector<Module>& modules, bool colour) {
  std::string text = bold("modules", colour) + "\n";
  std::string values;
  for (const Module& module : modules) {
    if (module.of_values) {
      values += (values.empty() ? "" : ", ") + module.name;
      continue;
    }
    text += fmt::format("  {}{}\n", bold(fmt::format("{:<8}", module.name), colour),
                        summary_of(module.doc));
  }
  return text +
         fmt::format(
             "\n{}\n  {}\n\n`rbk doc http` describes a module, `rbk doc http.get` one of its "
             "actions, `rbk doc string.split` a\nfunction of values, `rbk doc FILE.rbk` what a "
             "file declares.\n",
             bold("functions of values", colour), values);
}

std::string module_text(const Module& module, bool colour) {
  std::string text = bold(module.name, colour) + "\n";
  text += doc_text(module.doc, "", colour);
  static constexpr std::array<std::pair<EntryKind, std::string_view>, 10> kSections = {
      {{EntryKind::kAction, "actions"},
       {EntryKind::kRunbook, "runbooks"},
       {EntryKind::kFunction, "functions"},
       {EntryKind::kOfValue, "functions"},
       {EntryKind::kRecord, "records"},
       {EntryKind::kEnum, "enums"},
       {EntryKind::kErrorKind, "errors"},
       {EntryKind::kConst, "constants"},
       {EntryKind::kSchedule, "schedules"},
       {EntryKind::kCalendar, "calendars"}}};
  for (const auto& [kind, name] : kSections) {
    std::string lines;
    for (const Entry& entry : module.entries)
      if (entry.kind == kind && !entry.is_private) lines += entry_line(entry, colour);
    section(text, name, lines, colour);
  }
  return text;
}

std::string entry_text(const std::vector<Module>& modules, const Module& module, const Entry& entry,
                       bool colour) {
  std::string head = bold(short_signature(entry), colour);
  const bool is_timing = entry.kind == EntryKind::kCalendar || entry.kind == EntryKind::kSchedule;
  if (entry.kind == EntryKind::kConst || is_timing) head = bold(entry.signature, colour);
  std::string kind(entry_kind_name(entry.kind));
  if (entry.kind == EntryKind::kOfValue && entry.signature.find('(') == std::string::npos)
    kind = "property of values, without parentheses";
  if (!entry.behaviour.empty()) kind += ", " + entry.behaviour;
  if (entry.is_program) kind += ", a program of the project";
  std::string text = fmt::format("{}\n{}\n", head, dim(kind, colour));
  if (!entry.doc.empty()) text += "\n" + doc_text(entry.doc, "", colour);
  const bool called = entry.kind == EntryKind::kAction || entry.kind == EntryKind::kRunbook ||
                      entry.kind == EntryKind::kFunction;
  if (entry.kind != EntryKind::kOfValue)
    section(text,
            called                           ? "parameters"
            : entry.kind == EntryKind::kEnum ? "members"
                                             : "fields",
            fields_text(entry.fields, 2, colour), colour);
  if (called && !entry.result.empty()) {
    const Entry* result = type_of(modules, module, entry.result);
    section(text, "gives " + (result == nullptr ? entry.result : result->full_name),
            result == nullptr ? "" : fields_text(result->fields, 2, colour), colour);
    if (result == nullptr) text += fmt::format("\n{}\n", bold("gives " + entry.result, colour));
  }
  if (is_timing)
    section(text, entry.kind == EntryKind::kCalendar ? "closed" : "fires",
            "  " + wrapped(joined(entry.result), 2) + "\n", colour);
  std::string errors;
  for (const Entry* error : errors_of(modules, module, entry))
    errors +=
        fmt::format("  {:<22} {}\n", error->full_name, cut_to_width(summary_of(error->doc), 90));
  section(text, "may fail with", errors, colour);
  return text;
}

boost::json::object module_json(const Module& module) {
  boost::json::object made{{"module", module.name},
                           {"kind", module.of_values ? "type" : "module"},
                           {"summary", summary_of(module.doc)},
                           {"doc", module.doc}};
  boost::json::array names;
  for (const Entry& entry : module.entries)
    if (!entry.is_private) names.push_back(boost::json::string(entry.full_name));
  made["names"] = std::move(names);
  return made;
}

boost::json::object entry_json(const Module& module, const Entry& entry) {
  boost::json::object made{{"name", entry.full_name},
                           {"kind", entry_kind_name(entry.kind)},
                           {"module", module.name},
                           {"signature", entry.signature},
                           {"summary", summary_of(entry.doc)},
                           {"doc", entry.doc}};
  if (!entry.behaviour.empty()) made["behaviour"] = entry.behaviour;
  const bool is_timing = entry.kind == EntryKind::kCalendar || entry.kind == EntryKind::kSchedule;
  if (entry.kind != EntryKind::kConst && !is_timing)
    made[entry.kind == EntryKind::kEnum                                            ? "members"
         : entry.kind == EntryKind::kRecord || entry.kind == EntryKind::kErrorKind ? "fields"
                                                                                   : "parameters"] =
        fields_json(entry.fields);
  if (!entry.result.empty())
    made[entry.kind == EntryKind::kConst      ? "value"
         : entry.kind == EntryKind::kCalendar ? "closed"
         : entry.kind == EntryKind::kSchedule ? "fires"
                                              : "result"] = entry.result;
  if (entry.line != 0) made["line"] = entry.line;
  return made;
}

}  // namespace rbk::cli
