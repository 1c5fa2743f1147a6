// The names that can be seen at one place of a body, innermost first. A look-up is one hash,
// however deep the nesting is.
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/check/checked.h"

namespace rbk::check {

/// The names' texts must outlive the scopes: they are those of the symbols.
class Scopes {
 public:
  void open() { borders_.push_back(declared_.size()); }
  void close();
  /// The symbol that the innermost scope has under this name already, or kNone.
  SymbolId in_innermost(std::string_view name) const;
  void declare(std::string_view name, SymbolId symbol);
  /// kNone if no scope has it.
  SymbolId find(std::string_view name) const;
  /// Every name that can be seen, for "did you mean".
  std::vector<std::string_view> names() const;
  /// How many scopes are open: the next one's depth.
  size_t depth() const { return borders_.size(); }

  /// Opens a scope for as long as it lives.
  class Open {
   public:
    explicit Open(Scopes& scopes) : scopes_(scopes) { scopes_.open(); }
    ~Open() { scopes_.close(); }
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;

   private:
    Scopes& scopes_;
  };

 private:
  struct Declared {
    std::string_view name;
    SymbolId hidden = kNone;  // what the name meant outside
  };
  struct Seen {
    SymbolId symbol = kNone;
    size_t depth = 0;
  };
  std::unordered_map<std::string_view, Seen> visible_;
  std::vector<Declared> declared_;
  std::vector<size_t> hidden_depths_;
  std::vector<size_t> borders_;
};

}  // namespace rbk::check
