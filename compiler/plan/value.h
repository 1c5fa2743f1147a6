// A value as far as it is known before a run.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace rbk::plan {

struct Value {
  enum class Shape : uint8_t {
    kUnknown,
    kNull,
    kBool,
    kInt,  // whole numbers, durations in microseconds and sizes in bytes: `unit` tells them apart
    kFloat,
    kText,    // strings, and enum members without payload by name
    kList,    // items
    kRecord,  // fields
  };
  enum class Unit : uint8_t { kNone, kDuration, kSize, kTime };

  Shape shape = Shape::kUnknown;
  Unit unit = Unit::kNone;
  bool is_member = false;  // kText: an enum's member
  int64_t number = 0;      // kBool, kInt
  double real = 0;         // kFloat
  std::string text;
  std::vector<Value> items;
  std::vector<std::pair<std::string, Value>> fields;

  bool known() const { return shape != Shape::kUnknown; }
  static Value of_bool(bool value);
  static Value of_int(int64_t value, Unit unit = Unit::kNone);
  static Value of_float(double value);
  static Value of_text(std::string value);
  static Value of_list(std::vector<Value> values);
  /// As interpolation would show it; only of known values.
  std::string shown() const;
  /// As one would write it in a runbook: text in quotes; only of known values.
  std::string written() const;
  friend bool operator==(const Value&, const Value&) = default;
};

}  // namespace rbk::plan
