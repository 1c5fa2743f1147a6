#include "compiler/check/exhaustive.h"

#include <algorithm>

namespace rbk::check {

using TypeShape = Type::Shape;

// What there is besides null is constructor 1 of an optional; its part is the value.
std::optional<std::vector<Exhaustive::Constructor>> Exhaustive::constructors(TypeId type) {
  const Type one = all_.types[type];
  std::vector<Constructor> result;
  switch (one.shape) {
    case TypeShape::kBool:
      return std::vector<Constructor>{{0, "false", {}, {}}, {1, "true", {}, {}}};
    case TypeShape::kOptional:
      return std::vector<Constructor>{{0, "null", {}, {}}, {1, "", {one.element}, {}}};
    case TypeShape::kResult:
      return std::vector<Constructor>{
          {0,
           ".ok",
           one.element == types::kNothing ? std::vector<TypeId>{}
                                          : std::vector<TypeId>{one.element},
           {}},
          {1, ".err", {types::kError}, {}}};
    case TypeShape::kEnum: {
      all_.resolve(one.symbol);
      const Symbol& symbol = all_.program.symbols[one.symbol];
      for (size_t i = 0; i < symbol.members.size(); ++i) {
        Constructor constructor{i, "." + symbol.members[i].name, {}, {}};
        for (const Field& field : symbol.members[i].payload)
          constructor.parts.push_back(field.type);
        result.push_back(std::move(constructor));
      }
      return result;
    }
    case TypeShape::kRecord:
    case TypeShape::kErrorKind: {
      all_.resolve(one.symbol);
      const Symbol& symbol = all_.program.symbols[one.symbol];
      Constructor constructor{one.symbol, symbol.name + " { … }", {}, {}};
      for (const Field& field : symbol.fields) {
        constructor.parts.push_back(field.type);
        constructor.fields.push_back(field.name);
      }
      result.push_back(std::move(constructor));
      return result;
    }
    default:
      return std::nullopt;
  }
}

std::vector<TypeId> Exhaustive::parts_of(TypeId type, const PatternShape& shape) {
  if (const auto all = constructors(type)) {
    for (const Constructor& one : *all) {
      if (one.id == shape.constructor) return one.parts;
    }
    return {};
  }
  if (all_.types.is(type, TypeShape::kError) && shape.constructor < all_.program.symbols.size()) {
    const auto kind = static_cast<SymbolId>(shape.constructor);
    all_.resolve(kind);
    std::vector<TypeId> parts;
    for (const Field& field : all_.program.symbols[kind].fields) parts.push_back(field.type);
    return parts;
  }
  return {};
}

std::vector<Exhaustive::Row> Exhaustive::expand(const std::vector<Row>& rows) {
  std::vector<Row> result;
  for (const Row& row : rows) {
    if (!row.empty() && row.front().kind == PatternShape::Kind::kOr) {
      std::vector<Row> alternatives;
      for (const PatternShape& part : row.front().parts) {
        Row copy = row;
        copy.front() = part;
        alternatives.push_back(std::move(copy));
      }
      alternatives = expand(alternatives);
      result.insert(result.end(), alternatives.begin(), alternatives.end());
    } else {
      result.push_back(row);
    }
  }
  return result;
}

std::vector<Exhaustive::Row> Exhaustive::specialise(const std::vector<Row>& rows, uint64_t id,
                                                    size_t count) {
  std::vector<Row> result;
  for (const Row& row : rows) {
    const PatternShape& first = row.front();
    if (first.kind == PatternShape::Kind::kConstructor && first.constructor != id) continue;
    Row next;
    if (first.kind == PatternShape::Kind::kConstructor) next = first.parts;
    next.resize(count);
    next.insert(next.end(), row.begin() + 1, row.end());
    result.push_back(std::move(next));
  }
  return result;
}

std::vector<Exhaustive::Row> Exhaustive::rest(const std::vector<Row>& rows) {
  std::vector<Row> result;
  for (const Row& row : rows) {
    if (row.front().kind == PatternShape::Kind::kAny)
      result.emplace_back(row.begin() + 1, row.end());
  }
  return result;
}

std::optional<std::vector<std::string>> Exhaustive::missing(std::vector<Row> rows,
                                                            const std::vector<TypeId>& columns) {
  if (--budget_ < 0) return std::nullopt;
  if (columns.empty()) {
    if (rows.empty()) return std::vector<std::string>{};
    return std::nullopt;
  }
  rows = expand(rows);
  const std::vector<TypeId> others(columns.begin() + 1, columns.end());
  const bool decides = std::any_of(rows.begin(), rows.end(), [](const Row& row) {
    return row.front().kind == PatternShape::Kind::kConstructor;
  });
  const auto all = decides ? constructors(columns.front()) : std::nullopt;
  if (!all) {
    // Of literals and kinds of errors there is always another one.
    auto found = missing(rest(rows), others);
    if (found) found->insert(found->begin(), "_");
    return found;
  }
  for (const Constructor& one : *all) {
    std::vector<TypeId> next = one.parts;
    next.insert(next.end(), others.begin(), others.end());
    auto found = missing(specialise(rows, one.id, one.parts.size()), next);
    if (!found) continue;
    std::string text = one.name;
    if (!one.parts.empty() && one.fields.empty()) {
      std::string parts;
      for (size_t i = 0; i < one.parts.size(); ++i) {
        if (i > 0) parts += ", ";
        parts += (*found)[i];
      }
      text = one.name.empty() ? parts : fmt::format("{}({})", one.name, parts);
    } else if (!one.fields.empty()) {
      std::string parts;
      for (size_t i = 0; i < one.fields.size(); ++i) {
        if ((*found)[i] == "_") continue;
        parts += fmt::format("{}{}: {}", parts.empty() ? "" : ", ", one.fields[i], (*found)[i]);
      }
      text = parts.empty()
                 ? std::string("_")
                 : fmt::format("{} {{ {} }}", one.name.substr(0, one.name.find(' ')), parts);
    }
    std::vector<std::string> result{text};
    result.insert(result.end(), found->begin() + static_cast<std::ptrdiff_t>(one.parts.size()),
                  found->end());
    return result;
  }
  return std::nullopt;
}

bool Exhaustive::useful(std::vector<Row> rows, Row row, const std::vector<TypeId>& columns) {
  if (--budget_ < 0) return true;
  if (columns.empty()) return rows.empty();
  rows = expand(rows);
  const std::vector<TypeId> others(columns.begin() + 1, columns.end());
  const PatternShape first = row.front();
  if (first.kind == PatternShape::Kind::kOr) {
    return std::any_of(first.parts.begin(), first.parts.end(), [&](const PatternShape& part) {
      Row copy = row;
      copy.front() = part;
      return useful(rows, std::move(copy), columns);
    });
  }
  if (first.kind == PatternShape::Kind::kConstructor) {
    std::vector<TypeId> next = parts_of(columns.front(), first);
    const size_t count = next.size();
    next.insert(next.end(), others.begin(), others.end());
    std::vector<Row> specialised = specialise({row}, first.constructor, count);
    return useful(specialise(rows, first.constructor, count), std::move(specialised.front()), next);
  }
  const bool decides = std::any_of(rows.begin(), rows.end(), [](const Row& one) {
    return one.front().kind == PatternShape::Kind::kConstructor;
  });
  const auto all = decides ? constructors(columns.front()) : std::nullopt;
  Row tail(row.begin() + 1, row.end());
  if (!all) return useful(rest(rows), std::move(tail), others);
  return std::any_of(all->begin(), all->end(), [&](const Constructor& one) {
    std::vector<TypeId> next = one.parts;
    next.insert(next.end(), others.begin(), others.end());
    Row wide(one.parts.size());
    wide.insert(wide.end(), tail.begin(), tail.end());
    return useful(specialise(rows, one.id, one.parts.size()), std::move(wide), next);
  });
}

std::optional<std::string> Exhaustive::missing(const std::vector<PatternShape>& rows, TypeId type) {
  std::vector<Row> matrix;
  matrix.reserve(std::size(rows));
  for (const PatternShape& row : rows) matrix.push_back({row});
  const auto found = missing(std::move(matrix), {type});
  if (!found) return std::nullopt;
  return found->front();
}

bool Exhaustive::reached(const std::vector<PatternShape>& rows, const PatternShape& row,
                         TypeId type) {
  std::vector<Row> matrix;
  matrix.reserve(std::size(rows));
  for (const PatternShape& before : rows) matrix.push_back({before});
  return useful(std::move(matrix), {row}, {type});
}

}  // namespace rbk::check
