// Takes secrets out of what is shown or kept: each run of bytes that belongs to a form of one
// (base/secret_forms.h) becomes `***`. Escapes are undone while looking (base/escapes.h), so that
// each character of a form may be written in any of its spellings.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/escapes.h"
#include "base/secret_forms.h"
#include "base/text_finder.h"

namespace rbk {

inline constexpr std::string_view kMask = "***";

/// Blanks between two digits of base64 or hexadecimal: indentation, groups.
inline constexpr size_t kWidestGap = 64;

/// What is to be masked. Immutable: any number of threads may use one.
class Masks {
 public:
  /// Secrets that are too short or empty have no forms, and are left alone.
  explicit Masks(const std::vector<std::string>& secrets);

  bool empty() const { return empty_; }
  std::string apply(std::string_view text) const;

 private:
  friend class FormReader;
  friend class MaskingStream;
  TextFinder whole_;
  TextFinder wrapped_;  // in what may have blanks and line breaks in it
  std::array<bool, 256> begins_form_ = {};
  // Bytes that begin neither a form nor an escape are passed over.
  std::array<bool, 256> passes_ = {};
  bool empty_ = true;
};

/// Where the bytes that were read came from. Bytes that stand side by side there are one entry.
class Origins {
 public:
  void add(uint64_t begin, uint64_t end) {
    if (begin != next_) runs_.push_back({count_, begin});
    ++count_;
    next_ = end == begin + 1 ? end : kNowhere;
  }
  /// Where the last `count` of them begin; `count` is not 0.
  uint64_t begin_of_last(size_t count) const;
  /// Only the last `count` will be asked for.
  void keep_last(size_t count);

 private:
  static constexpr uint64_t kNowhere = ~uint64_t{0};
  struct Run {
    uint64_t first = 0;  // the number of its first byte
    uint64_t begin = 0;  // where that is
  };
  std::vector<Run> runs_;
  uint64_t count_ = 0;
  uint64_t next_ = kNowhere;
  size_t prune_at_ = 64;  // runs
};

/// Finds forms in bytes of one level of escapes.
class FormReader {
 public:
  using Range = std::pair<uint64_t, uint64_t>;

  void read(const Masks& masks, const SourceByte& byte, std::vector<Range>& found) {
    if (!at_start() || masks.begins_form_[static_cast<unsigned char>(byte.byte)])
      read_on(masks, byte, found);
  }
  /// Nothing that was read may begin a form.
  bool at_start() const { return whole_ == 0 && wrapped_ == 0; }
  /// Where what may begin one begins; `end` if nothing does.
  uint64_t held_from(const Masks& masks, uint64_t end) const;
  /// What is read from here on will be found alike, and to begin at the same places.
  bool is_like(const Masks& masks, const FormReader& other) const {
    if (whole_ != other.whole_ || wrapped_ != other.wrapped_) return false;
    return at_start() || is_held_like(masks, other);
  }

 private:
  void read_on(const Masks& masks, const SourceByte& byte, std::vector<Range>& found);
  bool is_gap(char byte);
  bool is_held_like(const Masks& masks, const FormReader& other) const;

  TextFinder::State whole_ = 0;
  TextFinder::State wrapped_ = 0;
  size_t gap_ = 0;              // blanks since the last digit
  bool in_line_break_ = false;  // a line ended since then
  Origins whole_from_;
  Origins wrapped_from_;
};

/// The same for text that comes in pieces: what comes out does not depend on where they end. Holds
/// back only what may still turn out to be a secret.
class MaskingStream {
 public:
  explicit MaskingStream(std::shared_ptr<const Masks> masks) : masks_(std::move(masks)) {}

  /// What can be told now.
  std::string add(std::string_view bytes);
  /// The rest; nothing more may be added.
  std::string finish();

 private:
  struct Level {
    EscapeReader escapes;
    FormReader forms;
  };

  void take(char byte);
  void part();
  void take_apart(const SourceByte& byte);
  void cover_found();
  uint64_t held_from() const;
  std::string give(uint64_t until);

  std::shared_ptr<const Masks> masks_;
  FormReader plain_;
  // While no escape is near, they read what `plain_` reads, and stand still.
  bool apart_ = false;
  std::array<Level, kEscapeLevels> levels_;  // each reads what the one before it made
  Level no_letters_ = {EscapeReader(EscapeReader::Backslash::kNoLetters), {}};
  std::vector<SourceByte> bytes_;
  std::vector<SourceByte> next_bytes_;
  std::vector<FormReader::Range> found_;
  // Offsets count all that was ever added.
  std::string held_;  // what was not given yet, up to `end_`
  uint64_t end_ = 0;
  std::vector<FormReader::Range> covered_;  // [begin, end), ascending, apart
  bool in_mask_ = false;                    // what was given last was covered
};

}  // namespace rbk
