#include "base/text_finder.h"

#include <algorithm>
#include <deque>

namespace rbk {

TextFinder::State TextFinder::child(State state, char byte) const {
  if (state == 0) return first_[static_cast<unsigned char>(byte)];
  for (State at = nodes_[state].child; at != 0; at = nodes_[at].sibling)
    if (nodes_[at].byte == byte) return at;
  return 0;
}

void TextFinder::add(std::string_view text) {
  State at = 0;
  for (const char byte : text) {
    State to = child(at, byte);
    if (to == 0) {
      to = static_cast<State>(nodes_.size());
      Node made;
      made.byte = byte;
      made.depth = nodes_[at].depth + 1;
      made.sibling = nodes_[at].child;
      nodes_.push_back(made);
      nodes_[at].child = to;
      if (at == 0) first_[static_cast<unsigned char>(byte)] = to;
    }
    at = to;
  }
  nodes_[at].found = nodes_[at].depth;
}

// By depth: what a node falls back to is shorter, and linked before it.
void TextFinder::link() {
  std::deque<State> waiting;
  for (State at = nodes_[0].child; at != 0; at = nodes_[at].sibling) waiting.push_back(at);
  while (!waiting.empty()) {
    const State parent = waiting.front();
    waiting.pop_front();
    for (State at = nodes_[parent].child; at != 0; at = nodes_[at].sibling) {
      Node& node = nodes_[at];
      node.shorter = next(nodes_[parent].shorter, node.byte);
      node.found = std::max(node.found, nodes_[node.shorter].found);
      waiting.push_back(at);
    }
    const State first = nodes_[parent].child;
    if (first != 0 && nodes_[first].sibling != 0) add_row(parent);
  }
}

TextFinder::State TextFinder::next_by_list(State state, char byte) const {
  while (state != 0) {
    if (const State to = child(state, byte)) return to;
    state = nodes_[state].shorter;
    if (nodes_[state].row != 0) return next(state, byte);
  }
  return next(0, byte);
}

/// What it falls back to is linked, and has its row if it is to have one.
void TextFinder::add_row(State state) {
  rows_.resize(rows_.size() + kRow);
  State* row = rows_.data() + (rows_.size() - kRow);
  for (size_t i = 0; i < kRow; ++i)
    row[i] = next(nodes_[state].shorter, static_cast<char>(static_cast<unsigned char>(i)));
  for (State at = nodes_[state].child; at != 0; at = nodes_[at].sibling)
    row[static_cast<unsigned char>(nodes_[at].byte)] = at;
  nodes_[state].row = static_cast<uint32_t>(rows_.size() / kRow);
}

}  // namespace rbk
