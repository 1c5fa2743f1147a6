#include "engine/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>

#include "engine/json_fields.h"
#include "vm/json_secrets.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;
using bytecode::Manifest;
using bytecode::Type;
using Kind = Manifest::Kind;
using Reading = EffectPattern::Reading;

constexpr auto kMethods =
    std::to_array<std::string_view>({"get", "head", "post", "put", "patch", "delete", "options"});
constexpr auto kDatabases =
    std::to_array<std::string_view>({"db", "database", "dsn", "connection"});
constexpr std::string_view kOwnSecret = "secrets.";
constexpr std::string_view kAnybody = "anybody";
constexpr size_t kShown = 5;      // of what may be reached
constexpr size_t kLongest = 200;  // of a text in a message

Reading reading_of(Kind kind) {
  switch (kind) {
    case Kind::kHost:
      return Reading::kHost;
    case Kind::kRequest:
      return Reading::kUrl;
    case Kind::kCommand:
      return Reading::kCommand;
    case Kind::kQuery:
      return Reading::kQuery;
    case Kind::kSecret:
    case Kind::kPerson:
      return Reading::kName;
  }
  return Reading::kName;
}

/// "the host", and "hosts".
std::pair<std::string_view, std::string_view> words_of(Kind kind) {
  switch (kind) {
    case Kind::kHost:
      return {"the host", "hosts"};
    case Kind::kRequest:
      return {"the request", "requests"};
    case Kind::kCommand:
      return {"the command", "commands"};
    case Kind::kQuery:
      return {"the query", "queries"};
    case Kind::kSecret:
      return {"the secret", "secrets"};
    case Kind::kPerson:
      return {"a decision of", "people"};
  }
  return {};
}

std::string in_capitals(std::string_view text) {
  std::string made(text);
  for (char& letter : made)
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  return made;
}

std::string shortened(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::erase(text, '\x01');
  if (text.size() <= kLongest) return text;
  size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

std::string shown(const Manifest::Entry& entry) {
  if (entry.kind == Kind::kRequest && !entry.at.empty()) return entry.at + " " + entry.text;
  if (entry.kind == Kind::kCommand && !entry.at.empty())
    return fmt::format("{} (on {})", entry.text, entry.at);
  return entry.text;
}

/// The last part of an action's name tells the method, as in the summary.
std::string method_of(const bytecode::ActionImport& action, const json::object& arguments) {
  if (const std::string given = text_of(arguments, "method"); !given.empty())
    return in_capitals(given);
  const std::string_view name =
      std::string_view(action.name).substr(action.name.rfind('.') + 1);  // npos + 1 is 0
  const bool known = std::find(kMethods.begin(), kMethods.end(), name) != kMethods.end();
  return known ? in_capitals(name) : std::string();
}

Type::Shape shape_of(const bytecode::Program& program, bytecode::TypeId id) {
  while (id < program.types.size() && program.types[id].shape == Type::Shape::kOptional)
    id = program.types[id].element;
  return id < program.types.size() ? program.types[id].shape : Type::Shape::kNull;
}

std::vector<std::string> values_of(const json::object& query) {
  std::vector<std::string> made;
  const json::value* values = query.if_contains("values");
  if (values == nullptr || !values->is_array()) return made;
  made.reserve(values->get_array().size());
  for (const json::value& value : values->get_array())
    made.push_back(value.is_string() ? std::string(value.get_string()) : json::serialize(value));
  return made;
}

/// "group \"sre\"", "user \"ann\"", "starter".
std::string person_text(const json::object& who) {
  if (flag_of(who, "starter")) return "starter";
  if (const std::string user = text_of(who, "user"); !user.empty())
    return fmt::format("user \"{}\"", user);
  return fmt::format("group \"{}\"", text_of(who, "group"));
}

}  // namespace

Limits::Limits(const Manifest& manifest) : name_(manifest.name) {
  allowed_.reserve(manifest.entries.size());
  for (const Manifest::Entry& entry : manifest.entries)
    allowed_.push_back({entry, EffectPattern(reading_of(entry.kind), entry.text),
                        EffectPattern(Reading::kName, entry.at)});
}

bool Limits::allows(Kind kind, std::string_view reached, std::string_view at) const {
  return std::any_of(allowed_.begin(), allowed_.end(), [&](const Allowed& one) {
    return one.entry.kind == kind && one.at.matches(at) && one.text.matches(reached);
  });
}

bool Limits::allows_host(const std::string& host) const {
  return allows(Kind::kHost, host) || allows(Kind::kHost, host_of_url(host));
}

/// A secret that has no `secrets.` before it is a parameter's: whichever the run was started with.
bool Limits::allows_secret(const std::string& name,
                           const std::function<bool(const std::string&)>& was_given) const {
  return std::any_of(allowed_.begin(), allowed_.end(), [&](const Allowed& one) {
    if (one.entry.kind != Kind::kSecret) return false;
    const bool is_own = one.entry.text.starts_with(kOwnSecret);
    return is_own ? one.entry.text.substr(kOwnSecret.size()) == name : was_given(name);
  });
}

tl::unexpected<Error> Limits::refuse(Kind kind, const std::string& reached) const {
  const auto [thing, things] = words_of(kind);
  std::string list;
  size_t count = 0;
  for (const Allowed& one : allowed_) {
    if (one.entry.kind != kind) continue;
    if (++count <= kShown) list += (list.empty() ? "" : "; ") + shortened(shown(one.entry));
  }
  if (count > kShown) list += fmt::format("; and {} more", count - kShown);
  const std::string allows =
      count == 0 ? fmt::format("no {}", things) : fmt::format("the {} {}", things, list);
  return fail(ErrorKind::kRefused,
              fmt::format("{} {} lies outside of the manifest {}, which allows {}", thing,
                          shortened(reached), name_, allows),
              "if it is meant, write the manifest anew by `rbk check --effects --json` and look at "
              "what it adds; else the runbook is wrong");
}

Status Limits::check_url(const std::string& method, const std::string& url) const {
  if (const std::string host = host_of_url(url); !allows_host(host))
    return refuse(Kind::kHost, host);
  if (!allows(Kind::kRequest, url, method))
    return refuse(Kind::kRequest, method.empty() ? url : method + " " + url);
  return {};
}

Status Limits::check_value(const bytecode::Program& program, const bytecode::ActionImport& action,
                           const Type::Field& parameter, const json::value& value,
                           const json::object& arguments) const {
  const std::string text = value.is_string() ? std::string(value.get_string()) : std::string();
  switch (shape_of(program, parameter.type)) {
    case Type::Shape::kUrl:
      return check_url(method_of(action, arguments), text);
    case Type::Shape::kCommand: {
      const std::string on = text_of(arguments, "on");
      if (!on.empty() && !allows_host(on)) return refuse(Kind::kHost, on);
      if (!allows(Kind::kCommand, text, on))
        return refuse(Kind::kCommand, on.empty() ? text : fmt::format("{} (on {})", text, on));
      return {};
    }
    case Type::Shape::kQuery: {
      if (!value.is_object()) return {};
      const json::object& query = value.get_object();
      std::string database;
      for (const std::string_view name : kDatabases)
        if (const std::string given = text_of(arguments, name); !given.empty()) database = given;
      const std::string whole = query_text(text_of(query, "text"), values_of(query));
      if (allows(Kind::kQuery, whole, database)) return {};
      return refuse(Kind::kQuery, database.empty() ? whole : whole + " in " + database);
    }
    default:
      break;
  }
  if (parameter.name == "proxy" && !text.empty() && !allows_host(text))
    return refuse(Kind::kHost, text);
  return {};
}

Status Limits::check(const bytecode::Program& program, uint32_t action,
                     const json::object& arguments,
                     const std::function<bool(const std::string&)>& was_given) const {
  const bytecode::ActionImport& called = program.actions.at(action);
  if (!called.exec.empty() && !allows(Kind::kCommand, called.exec))
    return refuse(Kind::kCommand, called.exec);
  for (const Type::Field& parameter : called.parameters) {
    const json::value* given = arguments.if_contains(parameter.name);
    if (given == nullptr || given->is_null()) continue;
    if (Status fits = check_value(program, called, parameter, *given, arguments); !fits)
      return fits;
    json::value copy = *given;
    Status fits = vm::each_secret(program, parameter.type, copy,
                                  [&](const std::string& name, json::value&) -> Status {
                                    if (allows_secret(name, was_given)) return {};
                                    return refuse(Kind::kSecret, name);
                                  });
    if (!fits) return fits;
  }
  return {};
}

Status Limits::check_people(const json::object& description) const {
  const json::value* by = description.if_contains("by");
  const bool is_anybodys = by == nullptr || !by->is_array() || by->get_array().empty();
  if (is_anybodys && !allows(Kind::kPerson, kAnybody))
    return refuse(Kind::kPerson, std::string(kAnybody));
  for (const std::string_view list : {"by", "escalate_to", "break_glass"}) {
    const json::value* people = description.if_contains(list);
    if (people == nullptr || !people->is_array()) continue;
    for (const json::value& who : people->get_array()) {
      if (!who.is_object()) continue;
      const std::string person = person_text(who.get_object());
      if (!allows(Kind::kPerson, person)) return refuse(Kind::kPerson, person);
    }
  }
  return {};
}

Status Limits::check(const Manifest::Entry& entry) const {
  const bool is_same = std::any_of(allowed_.begin(), allowed_.end(),
                                   [&](const Allowed& one) { return one.entry == entry; });
  if (is_same) return {};
  const bool is_known =
      entry.text.find("${") == std::string::npos && entry.at.find("${") == std::string::npos;
  switch (entry.kind) {
    case Kind::kSecret:
      // Of a parameter: which one it is, the attempt will say.
      if (!entry.text.starts_with(kOwnSecret)) return {};
      break;
    case Kind::kPerson:
      break;
    default:
      if (!is_known) return {};
  }
  if (entry.kind == Kind::kHost ? allows_host(entry.text)
                                : allows(entry.kind, entry.text, entry.at))
    return {};
  return refuse(entry.kind, shown(entry));
}

}  // namespace rbk::engine
