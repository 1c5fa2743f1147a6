// Takes secrets out of what is shown or kept: each run of bytes that belongs to a form of one
// (base/secret_forms.h) becomes `***`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret_forms.h"

namespace rbk {

inline constexpr std::string_view kMask = "***";

/// Finds several texts in one pass (Aho and Corasick, 1975). States are numbers; 0 is the first.
class TextFinder {
 public:
  using State = uint32_t;

  void add(std::string_view text);
  /// Once, after the last `add` and before the first `next`.
  void link();

  State next(State state, char byte) const;
  /// Bytes at the end of what was read that may begin one of the texts.
  size_t depth(State state) const { return nodes_[state].depth; }
  /// The length of the longest text that ends here; 0 if none does.
  size_t found(State state) const { return nodes_[state].found; }

 private:
  struct Node {
    State child = 0;  // the first of them, the others by `sibling`; 0: none
    State sibling = 0;
    State shorter = 0;  // of the longest proper suffix that may begin a text
    uint32_t depth = 0;
    uint32_t found = 0;
    char byte = 0;
  };
  State child(State state, char byte) const;

  std::vector<Node> nodes_ = std::vector<Node>(1);
  State first_[256] = {};  // children of the first state
};

/// What is to be masked. Immutable: any number of threads may use one.
class Masks {
 public:
  /// Secrets that are too short or empty have no forms, and are left alone.
  explicit Masks(const std::vector<std::string>& secrets);

  bool empty() const { return empty_; }
  std::string apply(std::string_view text) const;

 private:
  friend class MaskingStream;
  TextFinder whole_;
  TextFinder wrapped_;  // in what may have line breaks in it
  bool empty_ = true;
};

/// The same for text that comes in pieces: what comes out does not depend on where they end. Holds
/// back only what may still turn out to be a secret, at most three times the longest form.
class MaskingStream {
 public:
  explicit MaskingStream(std::shared_ptr<const Masks> masks) : masks_(std::move(masks)) {}

  /// What can be told now.
  std::string add(std::string_view bytes);
  /// The rest; nothing more may be added.
  std::string finish();

 private:
  void take(char byte);
  void cover(uint64_t begin, uint64_t end);
  uint64_t begin_of_wrapped(size_t digits) const;
  std::string give(uint64_t until);

  std::shared_ptr<const Masks> masks_;
  TextFinder::State whole_ = 0;
  TextFinder::State wrapped_ = 0;
  char last_ = 0;
  // Offsets count all that was ever added.
  std::string held_;  // what was not given yet, up to `end_`
  uint64_t end_ = 0;
  std::vector<uint64_t> breaks_;  // line breaks within what may be a wrapped form; ascending
  std::vector<std::pair<uint64_t, uint64_t>> covered_;  // [begin, end), ascending, apart
  bool in_mask_ = false;                                // what was given last was covered
};

}  // namespace rbk
