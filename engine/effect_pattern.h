// A text of an effect summary, held against what an attempt really reaches: `${…}` in it stands for
// what was not known before the run. What the machine puts there is quoted for the shell, encoded
// for the URL or a parameter of the query, so nothing else is let through in its place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rbk::engine {

class EffectPattern {
 public:
  enum class Reading {
    kName,     // of people, databases: `${…}` is any text
    kHost,     // letters, digits and `.-_:[]`; the whole text `${…}`: any
    kUrl,      // what stands in a URL as it is, or encoded; at its beginning: any
    kCommand,  // words, quoted for the shell; the whole text `${…}`, and `${shell.raw(…)}`: any
    kQuery,    // values, and names in quotes; the whole text `${…}`: any
  };

  EffectPattern(Reading reading, std::string_view text);

  /// Of a query the text with its values in their places (`query_text`).
  bool matches(std::string_view reached) const;
  /// It lets anything through.
  bool is_open() const;

 private:
  /// A letter, and whether it is quoted: it means itself then.
  struct Unit {
    char letter = 0;
    bool quoted = false;
  };
  struct Part {
    enum class Kind { kUnit, kValue, kAny, kFork, kJump };
    Kind kind = Kind::kUnit;
    Unit unit;
    size_t to = 0;  // kFork: the other way, kJump
  };
  class Reader;

  void add_value(Reader& reader, std::string_view written, bool is_all);
  bool lets_through(Unit unit) const;
  void reach(size_t at, std::vector<bool>& is_reached, std::vector<size_t>& reached) const;

  Reading reading_;
  std::vector<Part> parts_;
};

/// A query as a summary would show it, its `$1` replaced: what stands in one's place is marked as
/// quoted by the byte 0x01 before and after it, which `EffectPattern` reads.
std::string query_text(std::string_view text, const std::vector<std::string>& values);

/// "db.example.com" of "https://me@db.example.com:8443/x", and of what is no URL.
std::string host_of_url(std::string_view url);

}  // namespace rbk::engine
