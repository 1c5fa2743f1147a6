#include "compiler/source/source.h"

#include <algorithm>

namespace rbk::source {

Source::Source(FileId id, std::string path, std::string text)
    : id_(id), path_(std::move(path)), text_(std::move(text)), lines_{0} {
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') lines_.push_back(static_cast<uint32_t>(i + 1));
  }
}

std::string_view Source::text(Span span) const {
  const size_t begin = std::min<size_t>(span.begin, text_.size());
  const size_t end = std::clamp<size_t>(span.end, begin, text_.size());
  return std::string_view(text_).substr(begin, end - begin);
}

LineColumn Source::position(uint32_t offset) const {
  offset = std::min(offset, static_cast<uint32_t>(text_.size()));
  const auto after = std::upper_bound(lines_.begin(), lines_.end(), offset);
  const auto line = static_cast<uint32_t>(after - lines_.begin());
  return LineColumn{line, offset - lines_[line - 1] + 1};
}

std::string_view Source::line(uint32_t number) const {
  if (number == 0 || number > lines_.size()) return {};
  const uint32_t begin = lines_[number - 1];
  size_t end = number < lines_.size() ? lines_[number] - 1 : text_.size();
  if (end > begin && text_[end - 1] == '\r') --end;
  return std::string_view(text_).substr(begin, end - begin);
}

uint32_t Source::line_begin(uint32_t number) const {
  if (number == 0) return 0;
  if (number > lines_.size()) return static_cast<uint32_t>(text_.size());
  return lines_[number - 1];
}

const Source& SourceSet::add(std::string path, std::string text) {
  return files_.emplace_back(static_cast<FileId>(files_.size()), std::move(path), std::move(text));
}

const Source* SourceSet::find(std::string_view path) const {
  for (const Source& file : files_) {
    if (file.path() == path) return &file;
  }
  return nullptr;
}

}  // namespace rbk::source
