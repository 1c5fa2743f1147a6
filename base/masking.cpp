#include "base/masking.h"

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
  }
}

TextFinder::State TextFinder::next(State state, char byte) const {
  while (true) {
    const State to = child(state, byte);
    if (to != 0 || state == 0) return to;
    state = nodes_[state].shorter;
  }
}

Masks::Masks(const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    for (const SecretForm& form : secret_forms(secret)) {
      (form.wraps ? wrapped_ : whole_).add(form.text);
      empty_ = false;
    }
  }
  whole_.link();
  wrapped_.link();
}

std::string Masks::apply(std::string_view text) const {
  if (empty_) return std::string(text);
  // It does not outlive this call.
  MaskingStream stream(std::shared_ptr<const Masks>(std::shared_ptr<const Masks>(), this));
  std::string made = stream.add(text);
  return made + stream.finish();
}

std::string MaskingStream::add(std::string_view bytes) {
  if (masks_->empty()) return std::string(bytes);
  held_ += bytes;
  for (const char byte : bytes) take(byte);
  const uint64_t whole = end_ - masks_->whole_.depth(whole_);
  const uint64_t wrapped = begin_of_wrapped(masks_->wrapped_.depth(wrapped_));
  std::erase_if(breaks_, [&](uint64_t at) { return at < wrapped; });
  return give(std::min(whole, wrapped));
}

std::string MaskingStream::finish() { return give(end_); }

void MaskingStream::take(char byte) {
  ++end_;
  whole_ = masks_->whole_.next(whole_, byte);
  if (const size_t size = masks_->whole_.found(whole_)) cover(end_ - size, end_);
  // One line break, "\n" or "\r\n", may stand between any two digits.
  const bool is_break =
      (byte == '\n' && last_ != '\n') || (byte == '\r' && last_ != '\n' && last_ != '\r');
  last_ = byte;
  if (is_break && wrapped_ != 0) {
    breaks_.push_back(end_ - 1);
    return;
  }
  wrapped_ = masks_->wrapped_.next(wrapped_, byte);
  if (wrapped_ == 0) breaks_.clear();
  if (const size_t digits = masks_->wrapped_.found(wrapped_)) cover(begin_of_wrapped(digits), end_);
}

/// Where the last so many digits begin, line breaks between them left out.
uint64_t MaskingStream::begin_of_wrapped(size_t digits) const {
  uint64_t begin = end_ - digits;
  if (digits == 0) return begin;
  for (auto at = breaks_.rbegin(); at != breaks_.rend() && *at >= begin; ++at) --begin;
  return begin;
}

void MaskingStream::cover(uint64_t begin, uint64_t end) {
  while (!covered_.empty() && covered_.back().second >= begin) {
    begin = std::min(begin, covered_.back().first);
    covered_.pop_back();
  }
  covered_.emplace_back(begin, end);
}

/// Everything up to there, masked. Later finds begin there or behind it.
std::string MaskingStream::give(uint64_t until) {
  std::string given;
  uint64_t at = end_ - held_.size();
  const auto plain = [&](uint64_t to) {
    if (at >= to) return;
    given += std::string_view(held_).substr(at - (end_ - held_.size()), to - at);
    at = to;
    in_mask_ = false;
  };
  size_t done = 0;
  for (auto& [begin, end] : covered_) {
    if (begin >= until) break;
    plain(begin);
    if (!in_mask_) given += kMask;
    in_mask_ = true;
    at = std::min(end, until);
    if (end > until) {
      begin = until;
      break;
    }
    ++done;
  }
  covered_.erase(covered_.begin(), covered_.begin() + static_cast<ptrdiff_t>(done));
  plain(until);
  held_.erase(0, held_.size() - (end_ - until));
  return given;
}

}  // namespace rbk
