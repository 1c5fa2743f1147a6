// Fields of the JSON objects in which the store keeps descriptions and messages. What is not there,
// or is of another kind, is empty.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace rbk::engine {

inline std::string text_of(const boost::json::object& object, std::string_view field) {
  const boost::json::value* value = object.if_contains(field);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

inline bool flag_of(const boost::json::object& object, std::string_view field) {
  const boost::json::value* value = object.if_contains(field);
  return value != nullptr && value->is_bool() && value->get_bool();
}

inline boost::json::object form_of(const boost::json::object& message) {
  const boost::json::value* form = message.if_contains("form");
  return form != nullptr && form->is_object() ? form->get_object() : boost::json::object();
}

inline int64_t number_of(const boost::json::object& object, std::string_view field,
                         int64_t otherwise) {
  const boost::json::value* value = object.if_contains(field);
  return value != nullptr && value->is_int64() ? value->get_int64() : otherwise;
}

inline boost::json::object object_of(std::string_view text) {
  boost::system::error_code failure;
  boost::json::value value = boost::json::parse(text, failure);
  return !failure && value.is_object() ? value.get_object() : boost::json::object();
}

}  // namespace rbk::engine
