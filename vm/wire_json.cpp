#include "vm/wire_json.h"

#include <boost/json.hpp>

#include "vm/value.h"

namespace rbk::vm {

namespace json = boost::json;
using bytecode::Reader;
using bytecode::Writer;

namespace {

enum : uint8_t { kNull, kFalse, kTrue, kInt, kUnsigned, kFloat, kText, kList, kObject };

json::value get(Reader& in, int depth) {
  if (depth > kDeepest + 1) in.fail();
  switch (in.byte()) {
    case kNull:
      return nullptr;
    case kFalse:
      return false;
    case kTrue:
      return true;
    case kInt:
      return in.integer();
    case kUnsigned:
      return in.number();
    case kFloat:
      return in.real();
    case kText:
      return json::value(json::string(in.text()));
    case kList: {
      json::array array;
      const size_t count = in.count();
      for (size_t i = 0; i < count && !in.failed(); ++i) array.push_back(get(in, depth + 1));
      return array;
    }
    case kObject: {
      json::object object;
      const size_t count = in.count(2);
      for (size_t i = 0; i < count && !in.failed(); ++i) {
        const std::string key = in.text();
        if (!object.emplace(key, get(in, depth + 1)).second) in.fail();
      }
      return object;
    }
    default:
      in.fail();
      return nullptr;
  }
}

}  // namespace

void put_json(Writer& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return out.byte(kNull);
    case json::kind::bool_:
      return out.byte(value.get_bool() ? kTrue : kFalse);
    case json::kind::int64:
      out.byte(kInt);
      return out.integer(value.get_int64());
    case json::kind::uint64:
      out.byte(kUnsigned);
      return out.number(value.get_uint64());
    case json::kind::double_:
      out.byte(kFloat);
      return out.real(value.get_double());
    case json::kind::string:
      out.byte(kText);
      return out.text(value.get_string());
    case json::kind::array:
      out.byte(kList);
      out.number(value.get_array().size());
      for (const json::value& item : value.get_array()) put_json(out, item);
      return;
    case json::kind::object:
      out.byte(kObject);
      return put_object(out, value.get_object());
  }
}

json::value get_json(Reader& in) { return get(in, 0); }

void put_object(Writer& out, const json::object& object) {
  out.number(object.size());
  for (const auto& [key, value] : object) {
    out.text(key);
    put_json(out, value);
  }
}

json::object get_object(Reader& in) {
  json::object object;
  const size_t count = in.count(2);
  for (size_t i = 0; i < count && !in.failed(); ++i) {
    const std::string key = in.text();
    if (!object.emplace(key, get(in, 1)).second) in.fail();
  }
  return object;
}

void put_error(Writer& out, const ErrorValue& error) {
  out.text(error.kind);
  out.text(error.message);
  out.flag(error.retryable);
  put_object(out, error.fields);
}

ErrorValue get_error(Reader& in) {
  ErrorValue error;
  error.kind = in.text();
  error.message = in.text();
  error.retryable = in.flag();
  error.fields = get_object(in);
  return error;
}

}  // namespace rbk::vm
