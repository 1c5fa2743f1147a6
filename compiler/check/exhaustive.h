// Whether the arms of a `match` leave a value out, and whether an arm is ever reached. After Luc
// Maranget, "Warnings for pattern matching" (2007). Knows types and shapes of patterns, no syntax.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/check/program_checker.h"

namespace rbk::check {

/// A pattern reduced to what decides: anything, or one constructor with patterns for its parts.
struct PatternShape {
  enum class Kind : uint8_t { kAny, kConstructor, kOr };
  Kind kind = Kind::kAny;
  uint64_t constructor = 0;
  std::string name;                 // of a literal, for messages
  std::vector<PatternShape> parts;  // kConstructor: its parts; kOr: the alternatives
};

class Exhaustive {
 public:
  explicit Exhaustive(ProgramChecker& all) : all_(all) {}

  /// A value that no row matches, as one would write it: "`.dev`". Nothing if all are matched.
  std::optional<std::string> missing(const std::vector<PatternShape>& rows, TypeId type);
  /// Some value reaches this row: no row before matches it.
  bool reached(const std::vector<PatternShape>& rows, const PatternShape& row, TypeId type);

 private:
  using Row = std::vector<PatternShape>;
  struct Constructor {
    uint64_t id = 0;
    std::string name;
    std::vector<TypeId> parts;
    std::vector<std::string> fields;  // of a record's parts
  };
  std::optional<std::vector<Constructor>> constructors(TypeId type);
  std::vector<TypeId> parts_of(TypeId type, const PatternShape& shape);
  std::optional<std::vector<std::string>> missing(std::vector<Row> rows,
                                                  const std::vector<TypeId>& columns);
  bool useful(std::vector<Row> rows, Row row, const std::vector<TypeId>& columns);
  static std::vector<Row> specialise(const std::vector<Row>& rows, uint64_t id, size_t count);
  static std::vector<Row> rest(const std::vector<Row>& rows);
  static std::vector<Row> expand(const std::vector<Row>& rows);

  ProgramChecker& all_;
  int budget_ = 20'000;  // steps, after which a `match` counts as right
};

}  // namespace rbk::check
