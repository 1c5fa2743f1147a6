#include "cli/report/audit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "base/text_width.h"
#include "base/units.h"

namespace rbk::cli {

namespace json = boost::json;

namespace {

json::object beginning(const engine::AuditRow& row) {
  const engine::AuditNote& note = row.note;
  json::object made{{"number", row.number}, {"time", format_time(note.by.time)},
                    {"by", note.by.user},   {"typed_by", note.by.real},
                    {"verb", note.verb},    {"kind", note.kind},
                    {"object", note.object}};
  return made;
}

/// "ann", "ann (typed by root)".
std::string who(const engine::Doer& by) {
  if (by.real.empty()) return printable(by.user);
  return fmt::format("{} (typed by {})", printable(by.user), printable(by.real));
}

}  // namespace

json::object audit_json(const engine::AuditRow& row) {
  json::object made = beginning(row);
  boost::system::error_code failure;
  json::value payload = json::parse(row.note.payload, failure);
  made["payload"] = failure ? json::value(row.note.payload) : std::move(payload);
  made["redacted"] = row.redacted;
  made["hash"] = to_hex(row.hash);
  return made;
}

json::object audit_export_json(const engine::AuditRow& row) {
  json::object made = beginning(row);
  made["time_us"] = row.note.by.time;
  made["payload"] = row.note.payload;
  made["redacted"] = row.redacted;
  made["payload_hash"] = to_hex(row.payload_hash);
  made["previous"] = to_hex(row.previous);
  made["hash"] = to_hex(row.hash);
  return made;
}

std::string audit_table(const std::vector<engine::AuditRow>& rows) {
  size_t number = 3;
  size_t by = 2;
  size_t verb = 4;
  size_t object = 6;
  for (const engine::AuditRow& row : rows) {
    number = std::max(number, fmt::formatted_size("{}", row.number));
    by = std::max(by, who(row.note.by).size());
    verb = std::max(verb, row.note.verb.size());
    object = std::max(object, row.note.kind.size() + 1 + row.note.object.size());
  }
  std::string text = fmt::format("{:>{}}  {:<20}  {:<{}}  {:<{}}  {:<{}}  {}\n", "NUM", number,
                                 "TIME", "BY", by, "WHAT", verb, "OBJECT", object, "DETAILS");
  for (const engine::AuditRow& row : rows)
    text += fmt::format("{:>{}}  {:<20}  {:<{}}  {:<{}}  {:<{}}  {}\n", row.number, number,
                        format_time(row.note.by.time / 1'000'000 * 1'000'000), who(row.note.by), by,
                        printable(row.note.verb), verb,
                        printable(row.note.kind + " " + row.note.object), object,
                        row.redacted ? "(redacted)" : printable(row.note.payload));
  return text;
}

json::object audit_check_json(const engine::AuditCheck& check) {
  json::object made{{"event", "audit"},
                    {"intact", !check.fault()},
                    {"rows", check.head().number},
                    {"redacted", json::array(check.redacted().begin(), check.redacted().end())},
                    {"head", check.head().number == 0 ? json::value(nullptr)
                                                      : json::value(to_string(check.head()))}};
  if (const auto& fault = check.fault()) {
    made["row"] = fault->number;
    made["what"] = fault->what;
    made["expected"] = fault->expected;
    made["found"] = fault->found;
  }
  return made;
}

std::string audit_check_text(const engine::AuditCheck& check) {
  std::string text;
  if (!check.redacted().empty())
    text = fmt::format("redacted, and in its place: row{} {}\n",
                       check.redacted().size() == 1 ? "" : "s", fmt::join(check.redacted(), ", "));
  const engine::AuditHead& head = check.head();
  if (const auto& fault = check.fault())
    return text + fmt::format(
                      "row {}: {}\n  expected {}\n  found    {}\n"
                      "the audit trail is broken{}\n",
                      fault->number, fault->what, printable(fault->expected),
                      printable(fault->found),
                      head.number == 0 ? std::string(" from its beginning")
                                       : fmt::format("; up to row {} it is intact", head.number));
  return text + fmt::format(
                    "the audit trail is intact: {} row{}\n"
                    "head {}\n",
                    head.number, head.number == 1 ? "" : "s", to_string(head));
}

}  // namespace rbk::cli
