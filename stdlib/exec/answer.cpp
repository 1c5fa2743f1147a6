#include "stdlib/exec/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/spelling.h"
#include "stdlib/utf8.h"

namespace rbk::stdlib {

namespace {

namespace json = boost::json;
using engine::Effect;

constexpr std::string_view kForm = R"(one JSON object, {"ok": …} or {"error": {…}})";
constexpr size_t kDeepest = 400;  // as everywhere: docs/formats/values.md
constexpr size_t kShown = 60;

constexpr std::array<std::string_view, 5> kErrorKeys = {"kind", "message", "retryable", "effect",
                                                        "fields"};

Answer fault(std::string what, Effect effect = Effect::kUnknown) {
  Answer answer;
  answer.fault = {std::move(what), effect};
  return answer;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

/// The beginning of it, on one line.
std::string shown(std::string_view text) {
  text = trimmed(text);
  const std::string line(utf8_prefix(text.substr(0, text.find('\n')), kShown));
  return fmt::format("`{}{}`", valid_utf8(line), line.size() < text.size() ? "…" : "");
}

std::string kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a bool";
    case json::kind::string:
      return "a text";
    case json::kind::array:
      return "a list";
    case json::kind::object:
      return "an object";
    default:
      return "a number";
  }
}

std::string line_and_column(std::string_view text, size_t at) {
  const std::string_view before = text.substr(0, at);
  const size_t newline = before.rfind('\n');
  return fmt::format("line {}, column {}", 1 + std::count(before.begin(), before.end(), '\n'),
                     1 + (newline == std::string_view::npos ? at : at - newline - 1));
}

class ErrorReader {
 public:
  ErrorReader(const json::value& given, const engine::Declaration& declaration)
      : given_(given), declaration_(declaration) {}

  Answer read() {
    const json::object* error = given_.if_object();
    if (error == nullptr)
      return fault(
          fmt::format("answered an error that does not fit: $.error: expected an object "
                      "with at least `message`, got {}",
                      kind_of(given_)));
    read_effect(*error);
    read_keys(*error);
    engine::Outcome outcome;
    outcome.kind = engine::Outcome::Kind::kError;
    outcome.error.kind = text(*error, "kind", "Failed");
    outcome.error.message = text(*error, "message", "");
    if (fault_.empty() && trimmed(outcome.error.message).empty())
      fault_ = "$.error.message: expected a text that says what went wrong, but it is missing";
    if (const json::value* retryable = error->if_contains("retryable")) {
      if (retryable->is_bool())
        outcome.error.retryable = retryable->as_bool();
      else
        wrong("retryable", "true or false", *retryable);
    }
    if (const json::value* fields = error->if_contains("fields"); fields && !fields->is_null()) {
      if (fields->is_object())
        outcome.error.fields = fields->as_object();
      else
        wrong("fields", "an object", *fields);
    }
    if (fault_.empty()) read_kind(outcome.error);
    if (!fault_.empty()) return fault("answered an error that does not fit: " + fault_, effect_);
    outcome.effect = effect_;
    return {std::move(outcome), std::nullopt};
  }

 private:
  void wrong(std::string_view key, std::string_view expected, const json::value& got) {
    if (!fault_.empty()) return;
    const auto* text = got.if_string();
    fault_ = fmt::format("$.error.{}: expected {}, got {}", key, expected,
                         text != nullptr ? shown(*text) : kind_of(got));
  }

  void read_effect(const json::object& error) {
    const json::value* effect = error.if_contains("effect");
    if (effect == nullptr) return;
    const auto* text = effect->if_string();
    const std::string_view word = text == nullptr ? std::string_view() : std::string_view(*text);
    if (word == "none") {
      effect_ = Effect::kNone;
    } else if (word == "done") {
      effect_ = Effect::kDone;
    } else {
      effect_ = Effect::kUnknown;
      if (word != "unknown") wrong("effect", "\"none\", \"done\" or \"unknown\"", *effect);
    }
  }

  void read_keys(const json::object& error) {
    for (const auto& [key, value] : error) {
      const std::string_view name = key;
      if (!fault_.empty() ||
          std::find(kErrorKeys.begin(), kErrorKeys.end(), name) != kErrorKeys.end())
        continue;
      const std::string_view near = nearest_name(name, kErrorKeys);
      fault_ = fmt::format("$.error.{}: an error has {}{}", name, fmt::join(kErrorKeys, ", "),
                           near.empty() ? "; those of its kind stand in `fields`"
                                        : fmt::format("; is {} meant?", near));
    }
  }

  std::string text(const json::object& error, std::string_view key, std::string_view otherwise) {
    const json::value* value = error.if_contains(key);
    if (value == nullptr) return std::string(otherwise);
    if (const auto* text = value->if_string()) return std::string(*text);
    wrong(key, "a text", *value);
    return {};
  }

  void read_kind(engine::ActionError& error) {
    Result<std::string> kind = declaration_.check_error(error.kind, error.fields);
    if (kind) {
      error.kind = std::move(*kind);
      return;
    }
    const std::string& why = kind.error().message;
    fault_ = kind.error().kind == ErrorKind::kNotFound
                 ? fmt::format("$.error.kind: {}", why)
                 : fmt::format("$.error.fields{}", std::string_view(why).substr(1));
    fault_ += fmt::format("; its message was {}", shown(error.message));
  }

  const json::value& given_;
  const engine::Declaration& declaration_;
  Effect effect_ = Effect::kDone;
  std::string fault_;
};

}  // namespace

Answer read_answer(std::string_view text, const engine::Declaration& declaration) {
  if (trimmed(text).empty()) return fault(fmt::format("printed no answer: expected {}", kForm));
  json::parse_options options;
  options.max_depth = kDeepest;
  json::stream_parser parser({}, options);
  json::error_code problem;
  const size_t end = parser.write_some(text.data(), text.size(), problem);
  if (!problem && !parser.done()) parser.finish(problem);
  if (problem)
    return fault(
        fmt::format("printed what is no JSON ({}: {}): expected {}, got {}; what is "
                    "for people belongs on its standard error",
                    line_and_column(text, end), problem.message(), kForm, shown(text)));
  if (!trimmed(text.substr(end)).empty())
    return fault(
        fmt::format("printed more than one answer: after the first came {}; what is "
                    "for people belongs on its standard error",
                    shown(text.substr(end))));
  const json::value value = parser.release();
  const json::object* answer = value.if_object();
  if (answer == nullptr)
    return fault(fmt::format("answered {1}: expected {0}", kForm, kind_of(value)));
  const json::value* ok = answer->if_contains("ok");
  const json::value* error = answer->if_contains("error");
  for (const auto& [key, part] : *answer) {
    if (key == "ok" || key == "error") continue;
    return fault(fmt::format("answered `{}`: expected {}{}", std::string_view(key), kForm,
                             ok == nullptr && error == nullptr ? "; its output stands in `ok`"
                                                               : ", and nothing beside it"),
                 ok != nullptr ? Effect::kDone : Effect::kUnknown);
  }
  if (ok != nullptr && error != nullptr)
    return fault("answered both `ok` and `error`: expected one of them");
  if (error != nullptr) return ErrorReader(*error, declaration).read();
  if (ok == nullptr) return fault(fmt::format("answered an empty object: expected {}", kForm));
  if (Status fits = declaration.check_output(*ok); !fits)
    return fault(fmt::format("answered what does not fit its declaration: $.ok{}",
                             std::string_view(fits.error().message).substr(1)),
                 Effect::kDone);
  Answer made;
  made.outcome.output = *ok;
  return made;
}

}  // namespace rbk::stdlib
