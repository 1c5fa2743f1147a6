// Where in a query a place is: outside of quotes and comments, a value can stand there as a
// parameter. Follows the quoting rules of standard SQL and of PostgreSQL. Fed with the text in
// order.
#pragma once

#include <string>
#include <string_view>

namespace rbk {

class SqlText {
 public:
  enum class Place {
    kPlain,
    kString,       // '…', E'…'
    kIdentifier,   // "…", `…`
    kLineComment,  // -- …
    kBlockComment,
    kDollarQuote,  // $tag$ … $tag$
  };

  void text(std::string_view part);
  void step(char c);
  /// A value stands here, as `$1` does.
  void value();

  Place place() const { return quote_ends_ ? Place::kPlain : place_; }
  /// Right after a letter, a digit, `_` or `$` of a word: what follows would belong to it.
  bool in_word() const;
  /// A parameter of its own was written: `$1`.
  bool wrote_parameter() const { return wrote_parameter_; }
  /// `\'` in a string that is no `E'…'`: databases differ on whether it ends there.
  bool is_ambiguous() const { return is_ambiguous_; }

  static bool is_word(char c);

 private:
  void plain(char c);

  Place place_ = Place::kPlain;
  char quote_ = 0;           // that ends the string or identifier
  bool quote_ends_ = false;  // it was there; the same again would double it
  bool escapes_ = false;     // E'…'
  bool escaped_ = false;
  bool is_ambiguous_ = false;
  bool wrote_parameter_ = false;
  bool in_tag_ = false;  // after a `$` that may open a dollar quote
  std::string tag_;      // "$tag$" of the open one; as far as it is read
  std::string tail_;     // of the body, as long as the tag
  int depth_ = 0;        // of block comments
  char last_ = ' ';
  char before_last_ = ' ';
};

/// The text with its parameters counted on: `$1` becomes `$3` for `by` 2. What is quoted stays.
std::string renumbered(std::string_view query, size_t by);

}  // namespace rbk
