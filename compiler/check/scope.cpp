#include "compiler/check/scope.h"

namespace rbk::check {

void Scopes::close() {
  const size_t border = borders_.back();
  borders_.pop_back();
  while (declared_.size() > border) {
    Seen& seen = visible_[declared_.back().name];
    seen = {declared_.back().hidden, hidden_depths_.back()};
    declared_.pop_back();
    hidden_depths_.pop_back();
  }
}

SymbolId Scopes::in_innermost(std::string_view name) const {
  const auto found = visible_.find(name);
  if (found == visible_.end() || found->second.depth != borders_.size()) return kNone;
  return found->second.symbol;
}

void Scopes::declare(std::string_view name, SymbolId symbol) {
  Seen& seen = visible_[name];
  declared_.push_back({name, seen.symbol});
  hidden_depths_.push_back(seen.depth);
  seen = {symbol, borders_.size()};
}

SymbolId Scopes::find(std::string_view name) const {
  const auto found = visible_.find(name);
  return found == visible_.end() ? kNone : found->second.symbol;
}

std::vector<std::string_view> Scopes::names() const {
  std::vector<std::string_view> result;
  for (const auto& [name, seen] : visible_) {
    if (seen.symbol != kNone) result.push_back(name);
  }
  return result;
}

}  // namespace rbk::check
