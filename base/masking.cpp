#include "base/masking.h"

#include <algorithm>

namespace rbk {

namespace {

/// Forms write a space as `+`; which of the two a secret has tells nobody anything.
char folded(char byte) { return byte == '+' ? ' ' : byte; }

}  // namespace

Masks::Masks(const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    for (SecretForm& form : secret_forms(secret)) {
      empty_ = false;
      if (form.wraps) {
        wrapped_.add(form.text);
        continue;
      }
      std::transform(form.text.begin(), form.text.end(), form.text.begin(), folded);
      whole_.add(form.text);
    }
  }
  whole_.link();
  wrapped_.link();
  for (size_t i = 0; i < passes_.size(); ++i) {
    const char byte = static_cast<char>(static_cast<unsigned char>(i));
    begins_form_[i] = whole_.begins(folded(byte)) || wrapped_.begins(byte);
    passes_[i] = !begins_form_[i] && !begins_escape(byte);
  }
}

std::string Masks::apply(std::string_view text) const {
  if (empty_) return std::string(text);
  // It does not outlive this call.
  MaskingStream stream(std::shared_ptr<const Masks>(std::shared_ptr<const Masks>(), this));
  std::string made = stream.add(text);
  return made + stream.finish();
}

uint64_t Origins::begin_of_last(size_t count) const {
  const uint64_t number = count_ - count;
  auto run = runs_.end() - 1;
  while (run->first > number) --run;
  return run->begin + (number - run->first);
}

void Origins::keep_last(size_t count) {
  if (count == 0) {
    runs_.clear();
    next_ = kNowhere;
    return;
  }
  if (runs_.size() < prune_at_) return;
  const uint64_t number = count_ - count;
  const auto behind = std::partition_point(runs_.begin(), runs_.end(),
                                           [&](const Run& run) { return run.first <= number; });
  if (behind != runs_.begin()) runs_.erase(runs_.begin(), behind - 1);
  prune_at_ = std::max<size_t>(64, 2 * runs_.size());
}

/// Whether it stands between two digits: blanks, and one line break among them.
bool FormReader::is_gap(char byte) {
  if (wrapped_ == 0) return false;
  if (byte == '\n' && !in_line_break_) {
    in_line_break_ = true;
    return true;
  }
  return (byte == ' ' || byte == '\t' || byte == '\r') && ++gap_ <= kWidestGap;
}

void FormReader::read_on(const Masks& masks, const SourceByte& byte, std::vector<Range>& found) {
  if ((whole_ = masks.whole_.next(whole_, folded(byte.byte))) != 0) {
    whole_from_.add(byte.begin, byte.end);
    if (const size_t size = masks.whole_.found(whole_))
      found.emplace_back(whole_from_.begin_of_last(size), byte.end);
  }
  whole_from_.keep_last(masks.whole_.depth(whole_));
  if (is_gap(byte.byte)) return;
  gap_ = 0;
  in_line_break_ = false;
  if ((wrapped_ = masks.wrapped_.next(wrapped_, byte.byte)) != 0) {
    wrapped_from_.add(byte.begin, byte.end);
    if (const size_t digits = masks.wrapped_.found(wrapped_))
      found.emplace_back(wrapped_from_.begin_of_last(digits), byte.end);
  }
  wrapped_from_.keep_last(masks.wrapped_.depth(wrapped_));
}

bool FormReader::is_held_like(const Masks& masks, const FormReader& other) const {
  const auto is_alike = [](size_t depth, const Origins& one, const Origins& another) {
    return depth == 0 || one.begin_of_last(depth) == another.begin_of_last(depth);
  };
  return is_alike(masks.whole_.depth(whole_), whole_from_, other.whole_from_) &&
         is_alike(masks.wrapped_.depth(wrapped_), wrapped_from_, other.wrapped_from_) &&
         (wrapped_ == 0 || (gap_ == other.gap_ && in_line_break_ == other.in_line_break_));
}

uint64_t FormReader::held_from(const Masks& masks, uint64_t end) const {
  if (whole_ != 0) end = std::min(end, whole_from_.begin_of_last(masks.whole_.depth(whole_)));
  if (wrapped_ != 0)
    end = std::min(end, wrapped_from_.begin_of_last(masks.wrapped_.depth(wrapped_)));
  return end;
}

std::string MaskingStream::add(std::string_view bytes) {
  if (masks_->empty()) return std::string(bytes);
  held_ += bytes;
  const auto passes = [&](char byte) { return masks_->passes_[static_cast<unsigned char>(byte)]; };
  for (auto at = bytes.begin(); at != bytes.end(); ++at) {
    if (!apart_ && plain_.at_start()) {
      const auto from = at;
      at = std::find_if_not(at, bytes.end(), passes);
      end_ += static_cast<uint64_t>(at - from);
      if (at == bytes.end()) break;
    }
    take(*at);
  }
  return give(held_from());
}

std::string MaskingStream::finish() {
  if (apart_) {
    // What a level held is read by those behind it.
    bytes_.clear();
    for (Level& level : levels_) {
      next_bytes_.clear();
      for (const SourceByte& one : bytes_) level.escapes.take(one, next_bytes_);
      level.escapes.finish(next_bytes_);
      bytes_.swap(next_bytes_);
      for (const SourceByte& one : bytes_) level.forms.read(*masks_, one, found_);
    }
    bytes_.clear();
    no_letters_.escapes.finish(bytes_);
    for (const SourceByte& one : bytes_) no_letters_.forms.read(*masks_, one, found_);
    cover_found();
  }
  return give(end_);
}

void MaskingStream::take(char byte) {
  const SourceByte read = {byte, end_, end_ + 1};
  ++end_;
  if (!apart_ && begins_escape(byte)) part();
  plain_.read(*masks_, read, found_);
  if (apart_) take_apart(read);
  if (!found_.empty()) cover_found();
}

void MaskingStream::part() {
  apart_ = true;
  for (Level& level : levels_) level.forms = plain_;
  no_letters_.forms = plain_;
}

void MaskingStream::take_apart(const SourceByte& byte) {
  bytes_.assign(1, byte);
  bool is_like = true;
  for (Level& level : levels_) {
    next_bytes_.clear();
    for (const SourceByte& one : bytes_) level.escapes.take(one, next_bytes_);
    bytes_.swap(next_bytes_);
    for (const SourceByte& one : bytes_) level.forms.read(*masks_, one, found_);
    is_like = is_like && level.escapes.idle() && level.forms.is_like(*masks_, plain_);
  }
  bytes_.clear();
  no_letters_.escapes.take(byte, bytes_);
  for (const SourceByte& one : bytes_) no_letters_.forms.read(*masks_, one, found_);
  apart_ = !(is_like && no_letters_.escapes.idle() && no_letters_.forms.is_like(*masks_, plain_));
}

void MaskingStream::cover_found() {
  for (const auto& one : found_) {
    size_t begin = one.first;
    size_t end = one.second;
    // They overlap or touch from `first` on, up to `last`.
    const auto first =
        std::partition_point(covered_.begin(), covered_.end(),
                             [&](const auto& covered) { return covered.second < begin; });
    auto last = first;
    for (; last != covered_.end() && last->first <= end; ++last) {
      begin = std::min(begin, last->first);
      end = std::max(end, last->second);
    }
    covered_.insert(covered_.erase(first, last), {begin, end});
  }
  found_.clear();
}

uint64_t MaskingStream::held_from() const {
  uint64_t from = plain_.held_from(*masks_, end_);
  if (!apart_) return from;
  const auto look = [&](const Level& level) {
    if (!level.escapes.idle()) from = std::min(from, level.escapes.held_from());
    from = std::min(from, level.forms.held_from(*masks_, end_));
  };
  for (const Level& level : levels_) look(level);
  look(no_letters_);
  return from;
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
