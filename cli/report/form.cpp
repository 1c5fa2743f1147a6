#include "cli/report/form.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json/array.hpp>

namespace rbk::cli {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::vector<std::string> texts_of(const json::object& object, std::string_view name) {
  std::vector<std::string> texts;
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_array()) return texts;
  for (const json::value& one : value->get_array())
    if (one.is_string()) texts.emplace_back(one.get_string());
  return texts;
}

/// {"large": {"n": int}}: as an answer gives it, with types for the values.
std::string payload_text(const std::string& member, const json::object& payload) {
  std::string text;
  for (const auto& [name, type] : payload)
    text += fmt::format("{}\"{}\": {}", text.empty() ? "" : ", ", std::string_view(name),
                        type.is_string() ? std::string_view(type.get_string()) : "json");
  return fmt::format("{{\"{}\": {{{}}}}}", member, text);
}

}  // namespace

std::vector<FormField> form_of(const json::object& description) {
  std::vector<FormField> form;
  const json::value* asked = description.if_contains("form");
  if (asked == nullptr || !asked->is_object()) return form;
  const json::value* fields = asked->get_object().if_contains("fields");
  if (fields == nullptr || !fields->is_array()) return form;
  for (const json::value& one : fields->get_array()) {
    const json::object* field = one.if_object();
    if (field == nullptr) continue;
    FormField& made = form.emplace_back();
    made.name = text_of(*field, "name");
    made.type = text_of(*field, "type");
    made.doc = text_of(*field, "doc");
    made.default_value = text_of(*field, "default");
    made.where = texts_of(*field, "where");
    made.members = texts_of(*field, "members");
    const json::value* payloads = field->if_contains("payloads");
    for (std::string& member : made.members) {
      const json::value* payload = payloads == nullptr || !payloads->is_object()
                                       ? nullptr
                                       : payloads->get_object().if_contains(member);
      if (payload != nullptr && payload->is_object())
        member = payload_text(member, payload->get_object());
    }
    made.required = !field->contains("default") && !field->contains("optional");
  }
  return form;
}

std::string field_text(const FormField& field) {
  std::string text = fmt::format("{}: {}", field.name, field.type);
  if (!field.members.empty()) text += fmt::format(" ({})", fmt::join(field.members, ", "));
  if (!field.default_value.empty()) text += " = " + field.default_value;
  for (const std::string& condition : field.where) text += " where " + condition;
  if (!field.doc.empty()) text += "  // " + field.doc;
  return text;
}

std::string required_options(const std::vector<FormField>& form) {
  std::string text;
  for (const FormField& field : form)
    if (field.required) text += fmt::format(" --set {}=…", field.name);
  return text;
}

}  // namespace rbk::cli
