#include "compiler/plan/value.h"

#include <fmt/format.h>

#include "base/units.h"

namespace rbk::plan {

Value Value::of_bool(bool value) {
  Value made;
  made.shape = Shape::kBool;
  made.number = value ? 1 : 0;
  return made;
}

Value Value::of_int(int64_t value, Unit unit) {
  Value made;
  made.shape = Shape::kInt;
  made.unit = unit;
  made.number = value;
  return made;
}

Value Value::of_float(double value) {
  Value made;
  made.shape = Shape::kFloat;
  made.real = value;
  return made;
}

Value Value::of_text(std::string value) {
  Value made;
  made.shape = Shape::kText;
  made.text = std::move(value);
  return made;
}

Value Value::of_list(std::vector<Value> values) {
  Value made;
  made.shape = Shape::kList;
  made.items = std::move(values);
  return made;
}

std::string Value::shown() const {
  if (shape == Shape::kText) return text;
  return written();
}

std::string Value::written() const {
  switch (shape) {
    case Shape::kUnknown:
      return "?";
    case Shape::kNull:
      return "null";
    case Shape::kBool:
      return number != 0 ? "true" : "false";
    case Shape::kInt:
      switch (unit) {
        case Unit::kDuration:
          return format_duration(number);
        case Unit::kSize:
          return format_size(number);
        case Unit::kTime:
          return format_time(number);
        case Unit::kNone:
          return fmt::format("{}", number);
      }
      return {};
    case Shape::kFloat:
      return fmt::format("{}", real);
    case Shape::kText: {
      if (is_member) return "." + text;
      std::string quoted = "\"";
      for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        if (c == '\n')
          quoted += "\\n";
        else
          quoted += c;
      }
      return quoted + "\"";
    }
    case Shape::kList: {
      std::string joined;
      for (const Value& item : items) joined += (joined.empty() ? "" : ", ") + item.written();
      return "[" + joined + "]";
    }
    case Shape::kRecord: {
      std::string joined;
      for (const auto& [name, value] : fields)
        joined += fmt::format("{}{}: {}", joined.empty() ? "" : ", ", name, value.written());
      return "{ " + joined + " }";
    }
  }
  return {};
}

}  // namespace rbk::plan
