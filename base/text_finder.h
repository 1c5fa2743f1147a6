// Finds several texts in one pass over what comes in pieces (Aho and Corasick, 1975).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace rbk {

/// States are numbers; 0 is the first. Once linked, any number of threads may read one.
class TextFinder {
 public:
  using State = uint32_t;

  void add(std::string_view text);
  /// Once, after the last `add` and before the first `next`.
  void link();

  State next(State state, char byte) const {
    if (state == 0) return first_[static_cast<unsigned char>(byte)];
    if (const uint32_t row = nodes_[state].row)
      return rows_[(row - 1) * kRow + static_cast<unsigned char>(byte)];
    return next_by_list(state, byte);
  }
  /// Whether a text begins with it.
  bool begins(char byte) const { return first_[static_cast<unsigned char>(byte)] != 0; }
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
    uint32_t row = 0;  // where every byte leads, in `rows_`, counted from 1; 0: it has none
    char byte = 0;
  };
  static constexpr size_t kRow = 256;

  State child(State state, char byte) const;
  State next_by_list(State state, char byte) const;
  void add_row(State state);

  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::vector<State> rows_;  // of states with several children
  State first_[256] = {};    // children of the first state
};

}  // namespace rbk
