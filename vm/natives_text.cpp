// Methods of string. Positions and lengths count code points; bytes that are no UTF-8 count as one
// each.
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/units.h"
#include "vm/json.h"
#include "vm/natives_tables.h"

namespace rbk::vm {

namespace {

constexpr std::string_view kBlanks = " \t\r\n\v\f";

bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

int64_t code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); });
}

/// The byte at which code point `index` begins; the size of the text if it has no more.
size_t byte_of(std::string_view text, int64_t index) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if (is_continuation(text[at])) continue;
    if (index-- == 0) break;
  }
  return at;
}

void push_text(NativeCall& call, List* list, std::string_view text) {
  push(list, slot_of(make_string(call.heap, text).give()));
}

bool text_length(NativeCall& call) {
  const String* text = call.string(0);
  return text != nullptr && call.give_int(code_points(text->view()));
}

bool text_is_empty(NativeCall& call) {
  const String* text = call.string(0);
  return text != nullptr && call.give_bool(text->size == 0);
}

bool lines(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  List* list = new_list(call.heap, Kind::kRef, 0);
  call.give(Ref(list));
  std::string_view rest = text->view();
  while (!rest.empty() && call.heap.fault == Fault::kNone) {
    const size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    push_text(call, list, line);
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return true;
}

template <bool kStart, bool kEnd>
bool trim(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  std::string_view view = text->view();
  if (kStart) view.remove_prefix(std::min(view.find_first_not_of(kBlanks), view.size()));
  if (kEnd) view = view.substr(0, view.find_last_not_of(kBlanks) + 1);
  return call.give(make_string(call.heap, view));
}

template <char kFirst, char kLast>
bool change_case(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  String* changed = new_string(call.heap, text->size);
  std::transform(text->view().begin(), text->view().end(), changed->data(), [](char c) {
    return c >= kFirst && c <= kLast ? static_cast<char>(c ^ 0x20) : c;
  });
  return call.give(Ref(changed));
}

template <bool (*test)(std::string_view, std::string_view)>
bool test_part(NativeCall& call) {
  const String* text = call.string(0);
  const String* part = text == nullptr ? nullptr : call.string(1);
  return part != nullptr && call.give_bool(test(text->view(), part->view()));
}
bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}
bool begins(std::string_view text, std::string_view part) { return text.starts_with(part); }
bool ends(std::string_view text, std::string_view part) { return text.ends_with(part); }

/// A part of the text that is found by another text.
template <std::string_view (*take)(std::string_view, std::string_view)>
bool take_part(NativeCall& call) {
  const String* text = call.string(0);
  const String* by = text == nullptr ? nullptr : call.string(1);
  return by != nullptr && call.give(make_string(call.heap, take(text->view(), by->view())));
}
std::string_view without_prefix(std::string_view text, std::string_view prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}
std::string_view without_suffix(std::string_view text, std::string_view suffix) {
  return text.ends_with(suffix) ? text.substr(0, text.size() - suffix.size()) : text;
}
std::string_view before(std::string_view text, std::string_view separator) {
  return text.substr(0, text.find(separator));
}
std::string_view after(std::string_view text, std::string_view separator) {
  const size_t at = text.find(separator);
  return at == std::string_view::npos ? std::string_view() : text.substr(at + separator.size());
}

bool text_index_of(NativeCall& call) {
  const String* text = call.string(0);
  const String* part = text == nullptr ? nullptr : call.string(1);
  if (part == nullptr) return false;
  const size_t at = text->view().find(part->view());
  if (at == std::string_view::npos) return call.give(Ref());
  return call.give(
      make_box(call.heap, Kind::kInt, slot_of(code_points(text->view().substr(0, at)))));
}

/// How often it is there, without overlapping itself.
bool count_of(NativeCall& call) {
  const String* text = call.string(0);
  const String* part = text == nullptr ? nullptr : call.string(1);
  if (part == nullptr) return false;
  if (part->size == 0) return call.raise("ParseError", "count: the text to count is empty");
  int64_t count = 0;
  for (size_t at = text->view().find(part->view()); at != std::string_view::npos;
       at = text->view().find(part->view(), at + part->size)) {
    ++count;
  }
  return call.give_int(count);
}

bool repeated(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  const int64_t times = call.arguments[1].i;
  if (times < 0) return call.raise("IndexError", fmt::format("a text {} times", times));
  if (text->size == 0) return call.give(Ref::to(const_cast<String*>(text)));
  uint64_t size = 0;
  if (__builtin_mul_overflow(static_cast<uint64_t>(times), uint64_t{text->size}, &size) ||
      !call.heap.fits(size)) {
    call.heap.fits(UINT64_MAX);  // notes that the run is over its limit
    return call.give(Ref());
  }
  std::string out;
  out.reserve(size);
  for (int64_t i = 0; i < times; ++i) out += text->view();
  return call.give(make_string(call.heap, out));
}

/// At most so many code points; what is cut off shows as `…`, which counts.
bool truncate(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  const int64_t length = call.arguments[1].i;
  if (length < 1) return call.raise("IndexError", fmt::format("a text cut to {} letters", length));
  if (code_points(text->view()) <= length) return call.give(Ref::to(const_cast<String*>(text)));
  std::string out(text->view().substr(0, byte_of(text->view(), length - 1)));
  out += "…";
  return call.give(make_string(call.heap, out));
}

bool split(NativeCall& call) {
  const String* text = call.string(0);
  const String* separator = text == nullptr ? nullptr : call.string(1);
  if (separator == nullptr) return false;
  List* list = new_list(call.heap, Kind::kRef, 0);
  call.give(Ref(list));
  std::string_view rest = text->view();
  if (separator->size == 0) {  // every code point by itself
    while (!rest.empty() && call.heap.fault == Fault::kNone) {
      const size_t next = std::max<size_t>(byte_of(rest, 1), 1);
      push_text(call, list, rest.substr(0, next));
      rest.remove_prefix(next);
    }
    return true;
  }
  while (call.heap.fault == Fault::kNone) {
    const size_t end = rest.find(separator->view());
    push_text(call, list, rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + separator->size);
  }
  return true;
}

bool replace(NativeCall& call) {
  const String* text = call.string(0);
  const String* old = text == nullptr ? nullptr : call.string(1);
  const String* fresh = old == nullptr ? nullptr : call.string(2);
  if (fresh == nullptr) return false;
  if (old->size == 0) return call.raise("ParseError", "replace: the text to replace is empty");
  const std::string_view view = text->view();
  std::string out;
  size_t done = 0;
  for (size_t at = view.find(old->view()); at != std::string_view::npos;
       at = view.find(old->view(), done)) {
    out.append(view, done, at - done);
    out += fresh->view();
    done = at + old->size;
    if (!call.heap.fits(out.size())) return call.give(Ref());
  }
  out.append(view, done, std::string_view::npos);
  return call.give(make_string(call.heap, out));
}

bool text_slice(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  const std::string_view view = text->view();
  const int64_t count = code_points(view);
  const auto position = [count](int64_t index) {
    return std::clamp<int64_t>(index < 0 ? index + count : index, 0, count);
  };
  const int64_t from = position(call.arguments[1].i);
  const int64_t to = std::max(from, position(call.arguments[2].i));
  const size_t begin = byte_of(view, from);
  return call.give(
      make_string(call.heap, view.substr(begin, byte_of(view.substr(begin), to - from))));
}

bool words(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  List* list = new_list(call.heap, Kind::kRef, 0);
  call.give(Ref(list));
  const std::string_view view = text->view();
  size_t at = view.find_first_not_of(kBlanks);
  while (at != std::string_view::npos && call.heap.fault == Fault::kNone) {
    const size_t end = std::min(view.find_first_of(kBlanks, at), view.size());
    push_text(call, list, view.substr(at, end - at));
    at = view.find_first_not_of(kBlanks, end);
  }
  return true;
}

bool to_int(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  std::string_view view = text->view();
  if (view.starts_with('+') && !view.starts_with("+-")) view.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc() || end != view.data() + view.size()) return call.give(Ref());
  return call.give(make_box(call.heap, Kind::kInt, slot_of(value)));
}

bool to_float(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  const std::string_view view = text->view();
  double value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc() || end != view.data() + view.size() || !std::isfinite(value)) {
    return call.give(Ref());
  }
  return call.give(make_box(call.heap, Kind::kFloat, slot_of_float(value)));
}

template <Result<int64_t> (*parse)(std::string_view), Kind kind>
bool to_units(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  const Result<int64_t> value = parse(text->view());
  return call.give(value ? make_box(call.heap, kind, slot_of(*value)) : Ref());
}

// ---- Functions of the types: as `to_…`, but what is none raises

template <bool (*convert)(NativeCall&), Kind kind>
bool number_from(NativeCall& call) {
  if (!convert(call)) return false;
  const auto* box = static_cast<const Box*>(call.result.slot().o);
  if (box == nullptr) {
    const std::string text = json_summary(call.arguments[0].o);
    return kind == Kind::kInt
               ? call.raise("ParseError", fmt::format("{} is no whole number of 64 bits", text))
               : call.raise("ParseError", fmt::format("{} is no number", text));
  }
  return call.give(kind, box->value);
}

template <Result<int64_t> (*parse)(std::string_view), Kind kind>
bool units_from(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  const Result<int64_t> value = parse(text->view());
  return value ? call.give(kind, slot_of(*value)) : call.raise("ParseError", value.error().message);
}

bool text_to_json(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  Result<Ref> json = parse_json(call.heap, text->view());
  return json ? call.give(std::move(*json)) : call.raise("JsonError", json.error().message);
}

template <bool kLeft>
bool pad(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  const int64_t missing = call.arguments[1].i - code_points(text->view());
  if (missing <= 0) return call.give(Ref::to(const_cast<String*>(text)));
  const auto blanks = static_cast<uint64_t>(missing);
  if (!call.heap.fits(blanks)) return call.give(Ref());
  std::string out(blanks, ' ');
  out.insert(kLeft ? out.size() : 0, text->view());
  return call.give(make_string(call.heap, out));
}

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

/// Null after having raised.
const re2::RE2* pattern_of(NativeCall& call, const String* pattern) {
  const re2::RE2& compiled = call.patterns.find(pattern->view());
  if (compiled.ok()) return &compiled;
  call.raise("ParseError",
             fmt::format("the pattern {} is wrong: {}", json_summary(pattern), compiled.error()));
  return nullptr;
}

bool matches(NativeCall& call) {
  const String* text = call.string(0);
  const String* pattern = text == nullptr ? nullptr : call.string(1);
  const re2::RE2* compiled = pattern == nullptr ? nullptr : pattern_of(call, pattern);
  return compiled != nullptr &&
         call.give_bool(re2::RE2::PartialMatch(piece(text->view()), *compiled));
}

/// Calls `each(match)` for the matches from left to right, which don't overlap, until it says no.
/// False after having raised.
template <typename Each>
bool for_each_match(NativeCall& call, Each each) {
  const String* text = call.string(0);
  const String* pattern = text == nullptr ? nullptr : call.string(1);
  const re2::RE2* compiled = pattern == nullptr ? nullptr : pattern_of(call, pattern);
  if (compiled == nullptr) return false;
  const std::string_view view = text->view();
  size_t at = 0;
  while (at <= view.size() && call.heap.fault == Fault::kNone) {
    re2::StringPiece found;
    if (!compiled->Match(piece(view), at, view.size(), re2::RE2::UNANCHORED, &found, 1)) break;
    const std::string_view match(found.data(), found.size());
    if (!each(match)) break;
    const auto end = static_cast<size_t>(match.data() - view.data()) + match.size();
    at = match.empty() ? end + std::max<size_t>(byte_of(view.substr(end), 1), 1) : end;
  }
  return true;
}

bool find_one(NativeCall& call) {
  call.give(Ref());
  return for_each_match(call, [&](std::string_view match) {
    call.give(make_string(call.heap, match));
    return false;
  });
}

bool find_all(NativeCall& call) {
  List* list = new_list(call.heap, Kind::kRef, 0);
  call.give(Ref(list));
  return for_each_match(call, [&](std::string_view match) {
    push_text(call, list, match);
    return true;
  });
}

/// As `split`, at the matches that are not empty.
bool split_by(NativeCall& call) {
  List* list = new_list(call.heap, Kind::kRef, 0);
  call.give(Ref(list));
  const String* text = call.string(0);
  if (text == nullptr) return false;
  const std::string_view view = text->view();
  size_t done = 0;
  const bool good = for_each_match(call, [&](std::string_view match) {
    if (match.empty()) return true;
    const auto begin = static_cast<size_t>(match.data() - view.data());
    push_text(call, list, view.substr(done, begin - done));
    done = begin + match.size();
    return true;
  });
  if (good) push_text(call, list, view.substr(done));
  return good;
}

/// `$1` in the new text is the pattern's first group, `$0` the match, `$$` a dollar sign.
bool replace_all(NativeCall& call) {
  const String* text = call.string(0);
  const String* pattern = text == nullptr ? nullptr : call.string(1);
  const String* fresh = pattern == nullptr ? nullptr : call.string(2);
  const re2::RE2* compiled = fresh == nullptr ? nullptr : pattern_of(call, pattern);
  if (compiled == nullptr) return false;
  std::string rewrite;
  const std::string_view view = fresh->view();
  for (size_t i = 0; i < view.size(); ++i) {
    const char next = i + 1 < view.size() ? view[i + 1] : '\0';
    if (view[i] == '\\') {
      rewrite += "\\\\";
    } else if (view[i] == '$' && next == '$') {
      rewrite += '$';
      ++i;
    } else if (view[i] == '$' && next >= '0' && next <= '9') {
      if (next - '0' > compiled->NumberOfCapturingGroups()) {
        return call.raise("ParseError", fmt::format("the pattern {} has no group {}",
                                                    json_summary(pattern), next));
      }
      rewrite += '\\';
    } else {
      rewrite += view[i];
    }
  }
  std::string out(text->view());
  re2::RE2::GlobalReplace(&out, *compiled, rewrite);
  if (!call.heap.fits(out.size())) return call.give(Ref());
  return call.give(make_string(call.heap, out));
}

bool parse(NativeCall& call) {
  const String* text = call.string(0);
  const String* pattern = text == nullptr ? nullptr : call.string(1);
  const re2::RE2* compiled = pattern == nullptr ? nullptr : pattern_of(call, pattern);
  if (compiled == nullptr) return false;
  const int groups = compiled->NumberOfCapturingGroups() + 1;
  std::vector<re2::StringPiece> found(static_cast<size_t>(groups));
  if (!compiled->Match(piece(text->view()), 0, text->size, re2::RE2::UNANCHORED, found.data(),
                       groups)) {
    return call.raise("ParseError", fmt::format("{} does not match {}", json_summary(text),
                                                json_summary(pattern)));
  }
  Map* map = new_map(call.heap, Kind::kRef, Kind::kRef);
  call.give(Ref(map));
  for (const auto& [index, name] : compiled->CapturingGroupNames()) {
    const re2::StringPiece& group = found[static_cast<size_t>(index)];
    Ref value;
    if (group.data() != nullptr) {
      value = make_string(call.heap, {group.data(), group.size()});
      value->kind = Kind::kBool;  // see value.h
    }
    put(map, slot_of(make_string(call.heap, name).give()), slot_of(value.give()));
  }
  return true;
}

constexpr NativeEntry kTextNatives[] = {
    {"string.length", text_length},
    {"string.is_empty", text_is_empty},
    {"string.lines", lines},
    {"string.trim", trim<true, true>},
    {"string.trim_start", trim<true, false>},
    {"string.trim_end", trim<false, true>},
    {"string.upper", change_case<'a', 'z'>},
    {"string.lower", change_case<'A', 'Z'>},
    {"string.contains", test_part<holds>},
    {"string.starts_with", test_part<begins>},
    {"string.ends_with", test_part<ends>},
    {"string.split", split},
    {"string.replace", replace},
    {"string.slice", text_slice},
    {"string.words", words},
    {"string.to_int", to_int},
    {"string.to_float", to_float},
    {"string.to_size", to_units<parse_size, Kind::kSize>},
    {"string.to_duration", to_units<parse_duration, Kind::kDuration>},
    {"string.to_time", to_units<parse_time, Kind::kTime>},
    {"string.to_json", text_to_json},
    {"parse.int", number_from<to_int, Kind::kInt>},
    {"parse.float", number_from<to_float, Kind::kFloat>},
    {"parse.size", units_from<parse_size, Kind::kSize>},
    {"parse.duration", units_from<parse_duration, Kind::kDuration>},
    {"parse.time", units_from<parse_time, Kind::kTime>},
    {"string.pad_left", pad<true>},
    {"string.pad_right", pad<false>},
    {"string.matches", matches},
    {"string.parse", parse},
    {"string.find", find_one},
    {"string.find_all", find_all},
    {"string.split_by", split_by},
    {"string.replace_all", replace_all},
    {"string.remove_prefix", take_part<without_prefix>},
    {"string.remove_suffix", take_part<without_suffix>},
    {"string.before", take_part<before>},
    {"string.after", take_part<after>},
    {"string.index_of", text_index_of},
    {"string.count", count_of},
    {"string.repeat", repeated},
    {"string.truncate", truncate},
};

}  // namespace

std::span<const NativeEntry> text_natives() { return kTextNatives; }

}  // namespace rbk::vm
