#include "compiler/check/project_path.h"

#include <variant>
#include <vector>

namespace rbk::check {

std::optional<std::string> plain_text(const syntax::Ast& ast, syntax::ExprId id) {
  if (!id.valid()) return std::nullopt;
  const auto* literal = std::get_if<syntax::StringLit>(&ast[id].node);
  if (literal == nullptr || !literal->is_plain_text()) return std::nullopt;
  return literal->parts.empty() ? std::string() : literal->parts.front().text;
}

std::optional<std::string> join_path(std::string_view from, std::string_view path) {
  const std::string_view whole = from;
  while (from.starts_with("../")) from.remove_prefix(3);
  const std::string_view outside = whole.substr(0, whole.size() - from.size());
  std::vector<std::string_view> parts;
  const auto add = [&](std::string_view text) {
    while (true) {
      const size_t slash = text.find('/');
      const std::string_view part = text.substr(0, slash);
      if (part == "..") {
        if (parts.empty()) return false;
        parts.pop_back();
      } else if (!part.empty() && part != ".") {
        parts.push_back(part);
      }
      if (slash == std::string_view::npos) return true;
      text.remove_prefix(slash + 1);
    }
  };
  const bool absolute = from.starts_with('/');
  const size_t folder = from.rfind('/');
  if (folder != std::string_view::npos && !add(from.substr(0, folder))) return std::nullopt;
  if (!add(path)) return std::nullopt;
  std::string result = absolute ? "/" : std::string(outside);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) result += '/';
    result += parts[i];
  }
  return result;
}

}  // namespace rbk::check
