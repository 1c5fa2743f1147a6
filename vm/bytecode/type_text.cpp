#include "vm/bytecode/type_text.h"

#include <fmt/format.h>

#include "vm/bytecode/op_table.h"

namespace rbk::bytecode {

namespace {

using Shape = Type::Shape;

/// Deeper parts show as their index only, so that no hostile table makes an endless text.
constexpr int kDeepest = 6;

std::string text_of(const Program& program, TypeId id, int depth) {
  if (id == kNone) return "nothing";
  if (id >= program.types.size() || depth > kDeepest) return fmt::format("type {}", id);
  const Type& type = program.types[id];
  const auto part = [&](TypeId inner) { return text_of(program, inner, depth + 1); };
  switch (type.shape) {
    case Shape::kOptional:
      return part(type.element) + "?";
    case Shape::kMap:
      return fmt::format("map<{}, {}>", part(type.key), part(type.element));
    case Shape::kRange:
    case Shape::kList:
      return fmt::format("{}<{}>", name_of(type.shape), part(type.element));
    case Shape::kResult:
      if (type.key != kNone)
        return fmt::format("{}<{}, {}>", name_of(type.shape), part(type.element), part(type.key));
      return fmt::format("{}<{}>", name_of(type.shape), part(type.element));
    case Shape::kRecord:
    case Shape::kEnum:
    case Shape::kError:
      return type.name;
    case Shape::kFunction: {
      std::string text = "fn(";
      for (size_t i = 0; i < type.fields.size(); ++i) {
        text += (i == 0 ? "" : ", ") + part(type.fields[i].type);
      }
      return text + ") -> " + part(type.element);
    }
    default:
      return std::string(name_of(type.shape));
  }
}

}  // namespace

std::string type_text(const Program& program, TypeId type) { return text_of(program, type, 0); }

}  // namespace rbk::bytecode
