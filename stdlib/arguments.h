// An action's arguments, read by their types. The compiler has checked them; what does not fit came
// from a program that was compiled against other declarations.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rbk::stdlib {

class Arguments {
 public:
  explicit Arguments(const boost::json::object& given) : given_(given) {}

  /// Absent or null: nothing. Of another type: nothing, and `fault` says so.
  std::optional<std::string> text(std::string_view name);
  std::optional<int64_t> number(std::string_view name);
  std::optional<int64_t> duration(std::string_view name);  // microseconds
  std::optional<int64_t> size(std::string_view name);      // bytes
  /// Both ends are in it.
  std::optional<std::pair<int64_t, int64_t>> range(std::string_view name);
  std::optional<std::vector<int64_t>> numbers(std::string_view name);
  /// Of a map, or an `env`.
  std::vector<std::pair<std::string, std::string>> texts(std::string_view name);
  /// Null if it is absent or null.
  const boost::json::value* value(std::string_view name) const;

  /// The first thing that did not fit; empty if everything did.
  const std::string& fault() const { return fault_; }

 private:
  std::optional<std::string> text_of(std::string_view name, const boost::json::value& from,
                                     std::string_view type);
  void expected(std::string_view name, std::string_view what);

  const boost::json::object& given_;
  std::string fault_;
};

}  // namespace rbk::stdlib
