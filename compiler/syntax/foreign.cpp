#include "compiler/syntax/foreign.h"

#include <array>
#include <utility>

namespace rbk::syntax {
namespace {

using WordAndHint = std::pair<std::string_view, std::string_view>;

constexpr std::string_view kLoop =
    "go through something with `for x in xs { … }`, or wait with `repeat every 5s at most 20 times "
    "{ …; until done }`";
constexpr std::string_view kElseIf = "write `else if`";
constexpr std::string_view kMatch = "write `match value { case … => … }`";
constexpr std::string_view kFail = "write `fail \"what went wrong\"`, or `fail Kind { … }`";
constexpr std::string_view kPrint = "write `log.info(\"…\")`";
constexpr std::string_view kFn = "declare a `fn` beside this, or write `let f = fn(x) => …`";

constexpr std::array kInstead = {
    WordAndHint{"while", kLoop},
    WordAndHint{"loop", kLoop},
    WordAndHint{"do", kLoop},
    WordAndHint{"foreach", "write `for x in xs { … }`"},
    WordAndHint{"elif", kElseIf},
    WordAndHint{"elsif", kElseIf},
    WordAndHint{"elseif", kElseIf},
    WordAndHint{"unless", "write `if not …`"},
    WordAndHint{"switch", kMatch},
    WordAndHint{"throw", kFail},
    WordAndHint{"raise", kFail},
    WordAndHint{"except", "write `try { … } catch e { … }`"},
    WordAndHint{"finally", "write `defer { … }` before it: it runs at the end in any case"},
    WordAndHint{"rescue", "write `try { … } catch e { … }`"},
    WordAndHint{"print", kPrint},
    WordAndHint{"println", kPrint},
    WordAndHint{"puts", kPrint},
    WordAndHint{"echo", kPrint},
    WordAndHint{"sleep", "write `wait 5s`"},
    WordAndHint{"exit", "write `return`, or `fail \"why\"`"},
    WordAndHint{"def", kFn},
    WordAndHint{"func", kFn},
    WordAndHint{"function", kFn},
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
