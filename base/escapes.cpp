#include "base/escapes.h"

#include <algorithm>

namespace rbk {

namespace {

struct Entity {
  std::string_view name;
  char byte;
};

// Those of ASCII in HTML 5 (13.5, Named character references) that a writer may use.
constexpr Entity kEntities[] = {
    {"amp", '&'},    {"lt", '<'},     {"gt", '>'},     {"quot", '"'},     {"apos", '\''},
    {"AMP", '&'},    {"LT", '<'},     {"GT", '>'},     {"QUOT", '"'},     {"excl", '!'},
    {"num", '#'},    {"dollar", '$'}, {"percnt", '%'}, {"lpar", '('},     {"rpar", ')'},
    {"ast", '*'},    {"midast", '*'}, {"plus", '+'},   {"comma", ','},    {"period", '.'},
    {"sol", '/'},    {"colon", ':'},  {"semi", ';'},   {"equals", '='},   {"quest", '?'},
    {"commat", '@'}, {"lsqb", '['},   {"lbrack", '['}, {"bsol", '\\'},    {"rsqb", ']'},
    {"rbrack", ']'}, {"Hat", '^'},    {"lowbar", '_'}, {"UnderBar", '_'}, {"grave", '`'},
    {"lcub", '{'},   {"lbrace", '{'}, {"verbar", '|'}, {"vert", '|'},     {"VerticalLine", '|'},
    {"rcub", '}'},   {"rbrace", '}'}, {"Tab", '\t'},   {"NewLine", '\n'}};

constexpr uint32_t kLastCode = 0x10ffff;
constexpr std::string_view kLetters = "abeEfnrtv";
constexpr std::string_view kOfLetters = "\a\b\x1b\x1b\f\n\r\t\v";

/// 99: no digit.
uint32_t value_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint32_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint32_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<uint32_t>(c - 'A' + 10);
  return 99;
}

bool is_mark(char c) {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return c >= ' ' && c < 0x7f && !is_letter && !(c >= '0' && c <= '9');
}

}  // namespace

void EscapeReader::take(const SourceByte& byte, std::vector<SourceByte>& out) {
  if (size_ == 0 && !begins_escape(byte.byte)) {
    out.push_back(byte);
    return;
  }
  held_[size_] = byte;
  text_[size_] = byte.byte;
  ++size_;
  switch (judge()) {
    case Verdict::kMore:
      return;
    case Verdict::kEscape:
      give(out);
      size_ = 0;
      return;
    case Verdict::kNone:
      // Of what is held only the first can begin an escape, and now the last.
      out.insert(out.end(), held_.begin(), held_.begin() + static_cast<ptrdiff_t>(size_ - 1));
      size_ = 0;
      take(byte, out);
  }
}

void EscapeReader::finish(std::vector<SourceByte>& out) {
  out.insert(out.end(), held_.begin(), held_.begin() + static_cast<ptrdiff_t>(size_));
  size_ = 0;
}

EscapeReader::Verdict EscapeReader::judge() {
  is_byte_ = false;
  if (size_ == 1) return Verdict::kMore;
  switch (text_[0]) {
    case '%':
      return judge_percent();
    case '&':
      return judge_entity();
    default:
      return judge_backslash();
  }
}

EscapeReader::Verdict EscapeReader::digits(size_t from, size_t count, uint32_t base) {
  code_ = 0;
  for (size_t i = from; i < std::min(size_, from + count); ++i) {
    const uint32_t value = value_of(text_[i]);
    if (value >= base) return Verdict::kNone;
    code_ = code_ * base + value;
  }
  if (size_ < from + count) return Verdict::kMore;
  return code_ <= kLastCode ? Verdict::kEscape : Verdict::kNone;
}

EscapeReader::Verdict EscapeReader::judge_percent() {
  if (text_[1] == 'u') return digits(2, 4, 16);  // JavaScript's escape()
  is_byte_ = true;
  return digits(1, 2, 16);
}

EscapeReader::Verdict EscapeReader::judge_entity() {
  const char last = text_[size_ - 1];
  if (text_[1] == '#') {
    if (size_ == 2) return Verdict::kMore;
    const bool is_hex = text_[2] == 'x' || text_[2] == 'X';
    const size_t from = is_hex ? 3 : 2;
    if (size_ == from) return Verdict::kMore;
    if (last != ';')
      return value_of(last) < (is_hex ? 16U : 10U) && size_ < kLongest - 1 ? Verdict::kMore
                                                                           : Verdict::kNone;
    code_ = 0;
    for (size_t i = from; i + 1 < size_ && code_ <= kLastCode; ++i)
      code_ = code_ * (is_hex ? 16 : 10) + value_of(text_[i]);
    return size_ > from + 1 && code_ <= kLastCode ? Verdict::kEscape : Verdict::kNone;
  }
  const std::string_view name(text_.data() + 1, size_ - 1 - (last == ';' ? 1 : 0));
  for (const Entity& entity : kEntities) {
    if (last == ';' ? entity.name != name : !entity.name.starts_with(name)) continue;
    code_ = static_cast<uint32_t>(entity.byte);
    return last == ';' ? Verdict::kEscape : Verdict::kMore;
  }
  return Verdict::kNone;
}

EscapeReader::Verdict EscapeReader::judge_backslash() {
  const char kind = text_[1];
  if (kind == 'u') {
    if (size_ == 2) return Verdict::kMore;
    if (text_[2] != '{') return digits(2, 4, 16);
    const char last = text_[size_ - 1];
    if (size_ == 3) return Verdict::kMore;
    if (last != '}') return value_of(last) < 16 && size_ < 10 ? Verdict::kMore : Verdict::kNone;
    return size_ > 4 ? digits(3, size_ - 4, 16) : Verdict::kNone;
  }
  is_byte_ = true;
  code_ = static_cast<uint32_t>(kind);
  if (is_mark(kind)) return Verdict::kEscape;
  if (backslash_ == Backslash::kNoLetters) return Verdict::kNone;
  if (const size_t at = kLetters.find(kind); at != std::string_view::npos) {
    code_ = static_cast<uint32_t>(kOfLetters[at]);
    return Verdict::kEscape;
  }
  if (kind == 'x') return digits(2, 2, 16);
  if (kind >= '0' && kind <= '3') return digits(1, 3, 8);
  is_byte_ = false;
  return kind == 'U' ? digits(2, 8, 16) : Verdict::kNone;
}

void EscapeReader::give(std::vector<SourceByte>& out) const {
  const auto add = [&](uint32_t byte) {
    out.push_back({static_cast<char>(static_cast<unsigned char>(byte)), held_[0].begin,
                   held_[size_ - 1].end});
  };
  const auto rest = [&](uint32_t shift) { add(0x80 | (code_ >> shift & 0x3f)); };
  if (is_byte_ || code_ < 0x80) {
    add(code_);
  } else if (code_ < 0x800) {
    add(0xc0 | code_ >> 6);
    rest(0);
  } else if (code_ < 0x10000) {
    add(0xe0 | code_ >> 12);
    rest(6);
    rest(0);
  } else {
    add(0xf0 | code_ >> 18);
    rest(12);
    rest(6);
    rest(0);
  }
}

std::string without_escapes(std::string_view text) {
  EscapeReader reader;
  std::vector<SourceByte> bytes;
  bytes.reserve(text.size());
  uint64_t at = 0;
  for (const char byte : text) {
    reader.take({byte, at, at + 1}, bytes);
    ++at;
  }
  reader.finish(bytes);
  std::string made;
  made.reserve(bytes.size());
  for (const SourceByte& byte : bytes) made += byte.byte;
  return made;
}

}  // namespace rbk
