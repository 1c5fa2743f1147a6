#include "compiler/syntax/foreign.h"

#include <array>
#include <utility>

namespace rbk::syntax {
namespace {

using Entry = std::pair<std::string_view, std::string_view>;

constexpr std::string_view kLoop =
    "go through something with `for x in xs { … }`, or wait with `repeat every 5s at most 20 times "
    "{ …; until done }`";
constexpr std::string_view kElseIf = "write `else if`";
constexpr std::string_view kMatch = "write `match value { case … => … }`";
constexpr std::string_view kFail = "write `fail \"what went wrong\"`, or `fail Kind { … }`";
constexpr std::string_view kPrint = "write `log.info(\"…\")`";
constexpr std::string_view kFn = "declare a `fn` beside this, or write `let f = fn(x) => …`";

constexpr std::array kInstead = {
    Entry{"while", kLoop},
    Entry{"loop", kLoop},
    Entry{"do", kLoop},
    Entry{"foreach", "write `for x in xs { … }`"},
    Entry{"elif", kElseIf},
    Entry{"elsif", kElseIf},
    Entry{"elseif", kElseIf},
    Entry{"unless", "write `if not …`"},
    Entry{"switch", kMatch},
    Entry{"throw", kFail},
    Entry{"raise", kFail},
    Entry{"except", "write `try { … } catch e { … }`"},
    Entry{"finally", "write `defer { … }` before it: it runs at the end in any case"},
    Entry{"rescue", "write `try { … } catch e { … }`"},
    Entry{"print", kPrint},
    Entry{"println", kPrint},
    Entry{"puts", kPrint},
    Entry{"echo", kPrint},
    Entry{"sleep", "write `wait 5s`"},
    Entry{"exit", "write `return`, or `fail \"why\"`"},
    Entry{"def", kFn},
    Entry{"func", kFn},
    Entry{"function", kFn},
};

}  // namespace

std::string_view value_instead_of(std::string_view word) {
  static constexpr std::pair<std::string_view, std::string_view> kValues[] = {
      {"nil", "null"},  {"None", "null"}, {"NULL", "null"},   {"undefined", "null"},
      {"True", "true"}, {"yes", "true"},  {"False", "false"}, {"no", "false"}};
  for (const auto& [foreign, ours] : kValues) {
    if (foreign == word) return ours;
  }
  return {};
}

std::string_view member_instead_of(std::string_view word) {
  static constexpr std::pair<std::string_view, std::string_view> kMembers[] = {
      {"len", "length"},
      {"size", "length"},
      {"count", "length"},
      {"push", "append"},
      {"add", "append"},
      {"toUpperCase", "upper"},
      {"to_upper", "upper"},
      {"uppercase", "upper"},
      {"toLowerCase", "lower"},
      {"to_lower", "lower"},
      {"lowercase", "lower"},
      {"includes", "contains"},
      {"include", "contains"},
      {"has", "contains"},
      {"startswith", "starts_with"},
      {"startsWith", "starts_with"},
      {"endswith", "ends_with"},
      {"endsWith", "ends_with"},
      {"strip", "trim"},
      {"chomp", "trim_end"},
      {"forEach", "each"},
      {"foreach", "each"},
      {"isEmpty", "is_empty"},
      {"empty", "is_empty"},
      {"contains", "has"},
      {"containsKey", "has"},
      {"filter_map", "flat_map"},
      {"some", "any"},
      {"every", "all"},
      {"select", "filter"},
      {"collect", "map"},
      {"to_i", "to_int"},
      {"parseInt", "to_int"}};
  for (const auto& [foreign, ours] : kMembers) {
    if (foreign == word) return ours;
  }
  return {};
}

std::string_view type_instead_of(std::string_view word) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {"integer", "int"},
      {"long", "int"},
      {"i64", "int"},
      {"number", "int"},
      {"double", "float"},
      {"real", "float"},
      {"f64", "float"},
      {"str", "string"},
      {"text", "string"},
      {"String", "string"},
      {"boolean", "bool"},
      {"object", "json"},
      {"any", "json"},
      {"dict", "map<string, string>"},
      {"array", "list<string>"},
      {"datetime", "time"},
      {"date", "time"},
      {"timestamp", "time"},
      {"timedelta", "duration"},
      {"bytes", "size"},
      {"url", "Url"},
      {"command", "Command"},
      {"regex", "Regex"}};
  for (const auto& [foreign, ours] : kTypes) {
    if (foreign == word) return ours;
  }
  return {};
}

std::string_view instead_of(std::string_view word) {
  for (const auto& [foreign, ours] : kInstead) {
    if (foreign == word) return ours;
  }
  return {};
}

}  // namespace rbk::syntax
