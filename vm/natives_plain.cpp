// Methods of numbers, durations, sizes, times and ranges; quoting for the shell and for URLs.
#include <fmt/format.h>

#include <cmath>

#include "base/units.h"
#include "vm/json.h"
#include "vm/natives_tables.h"

namespace rbk::vm {

namespace {

bool int_abs(NativeCall& call) {
  const int64_t value = call.arguments[0].i;
  if (value == INT64_MIN) return call.raise("ArithmeticError", "the result does not fit 64 bits");
  return call.give_int(value < 0 ? -value : value);
}
bool int_min(NativeCall& call) {
  return call.give_int(std::min(call.arguments[0].i, call.arguments[1].i));
}
bool int_max(NativeCall& call) {
  return call.give_int(std::max(call.arguments[0].i, call.arguments[1].i));
}

bool float_abs(NativeCall& call) {
  return call.give(Kind::kFloat, slot_of_float(std::abs(call.arguments[0].f)));
}

template <double (*to_whole)(double)>
bool to_whole_number(NativeCall& call) {
  const double value = to_whole(call.arguments[0].f);
  if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0)) {
    return call.raise("ArithmeticError", fmt::format("{} is no int", float_text(value)));
  }
  return call.give_int(static_cast<int64_t>(value));
}
double nearest(double value) { return std::round(value); }
double below(double value) { return std::floor(value); }
double above(double value) { return std::ceil(value); }

template <int64_t kMicroseconds>
bool in_units(NativeCall& call) {
  return call.give_int(call.arguments[0].i / kMicroseconds);
}

bool size_bytes(NativeCall& call) { return call.give_int(call.arguments[0].i); }

int64_t floor_div(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

bool time_unix(NativeCall& call) {
  return call.give_int(floor_div(call.arguments[0].i, 1'000'000));
}

struct Civil {
  int64_t year;
  int month;
  int day;
  int day_of_year;
  int64_t second_of_day;
};

/// Days to a date of the proleptic Gregorian calendar: Howard Hinnant's civil_from_days.
Civil civil(int64_t microseconds) {
  const int64_t seconds = floor_div(microseconds, 1'000'000);
  const int64_t days = floor_div(seconds, 86400);
  const int64_t shifted = days + 719468;
  const int64_t era = floor_div(shifted, 146097);
  const int64_t of_era = shifted - era * 146097;
  const int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int64_t from_march = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month = (5 * from_march + 2) / 153;
  Civil date{};
  date.day = static_cast<int>(from_march - (153 * month + 2) / 5 + 1);
  date.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
  static constexpr int kBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  const bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
  date.day_of_year = kBefore[date.month - 1] + date.day + (leap && date.month > 2 ? 1 : 0);
  date.second_of_day = seconds - days * 86400;
  return date;
}

bool time_date(NativeCall& call) {
  const Civil date = civil(call.arguments[0].i);
  return call.give(
      make_string(call.heap, fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day)));
}

bool time_format(NativeCall& call) {
  const String* pattern = call.string(1);
  if (pattern == nullptr) return false;
  const Civil date = civil(call.arguments[0].i);
  const std::string_view view = pattern->view();
  std::string out;
  for (size_t i = 0; i < view.size(); ++i) {
    if (view[i] != '%') {
      out += view[i];
      continue;
    }
    const char letter = ++i < view.size() ? view[i] : '\0';
    switch (letter) {
      case 'Y':
        out += fmt::format("{:04}", date.year);
        break;
      case 'm':
        out += fmt::format("{:02}", date.month);
        break;
      case 'd':
        out += fmt::format("{:02}", date.day);
        break;
      case 'j':
        out += fmt::format("{:03}", date.day_of_year);
        break;
      case 'H':
        out += fmt::format("{:02}", date.second_of_day / 3600);
        break;
      case 'M':
        out += fmt::format("{:02}", date.second_of_day / 60 % 60);
        break;
      case 'S':
        out += fmt::format("{:02}", date.second_of_day % 60);
        break;
      case '%':
        out += '%';
        break;
      default:
        return call.raise("ParseError",
                          fmt::format("{} holds a form that is not known; there are %Y %m %d %H %M "
                                      "%S %j %%",
                                      json_summary(pattern)));
    }
    if (!call.heap.fits(out.size())) return call.give(Ref());
  }
  return call.give(make_string(call.heap, out));
}

bool range_contains(NativeCall& call) {
  const auto* range = static_cast<const Range*>(call.object(0, Tag::kRange));
  if (range == nullptr) return false;
  if (call.kinds[1] != range->kind) {
    return call.raise("ProgramError", "a range holds no values of this kind");
  }
  const int64_t value = call.arguments[1].i;
  return call.give_bool(value >= range->low.i && value <= range->high.i);
}

// ---- Quoting

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// False after having raised.
bool add_quoted(NativeCall& call, std::string_view word, std::string& out) {
  if (word.find('\0') != std::string_view::npos) {
    return call.raise("ParseError", "a word for the shell holds a zero byte");
  }
  constexpr std::string_view kPlain = "_@%+=:,./-";
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [&](char c) {
    return is_alphanumeric(c) || kPlain.find(c) != std::string_view::npos;
  });
  if (plain) {
    out += word;
    return true;
  }
  out += '\'';
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  out += '\'';
  return true;
}

bool shell_quote(NativeCall& call) {
  const String* word = call.string(0);
  std::string out;
  return word != nullptr && add_quoted(call, word->view(), out) &&
         call.give(make_string(call.heap, out));
}

bool shell_quote_all(NativeCall& call) {
  const List* list = call.list(0);
  if (list == nullptr) return false;
  std::string out;
  for (size_t i = 0; i < list->items.size(); ++i) {
    const String* word = list->kind == Kind::kRef ? as_string(list->items[i].o) : nullptr;
    if (word == nullptr) return call.raise("NullError", fmt::format("word {} is no text", i));
    if (i > 0) out += ' ';
    if (!add_quoted(call, word->view(), out)) return false;
    if (!call.heap.fits(out.size())) return call.give(Ref());
  }
  return call.give(make_string(call.heap, out));
}

/// RFC 3986: all but the unreserved characters as %XX.
std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<uint8_t>(c));
    }
  }
  return out;
}

bool encode_path(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  if (text->view() == "." || text->view() == "..") {
    return call.raise(
        "UrlError", fmt::format("{} as a part of a URL's path would leave it", json_summary(text)));
  }
  return call.give(make_string(call.heap, percent_encoded(text->view())));
}

bool encode_query(NativeCall& call) {
  const String* text = call.string(0);
  return text != nullptr && call.give(make_string(call.heap, percent_encoded(text->view())));
}

bool encode_host(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  constexpr std::string_view kOthers = ".-_:[]";
  const std::string_view view = text->view();
  const bool fits = !view.empty() && std::all_of(view.begin(), view.end(), [&](char c) {
    return is_alphanumeric(c) || kOthers.find(c) != std::string_view::npos;
  });
  if (!fits) {
    return call.raise("UrlError", fmt::format("{} is no host of a URL", json_summary(text)));
  }
  return call.give(Ref::to(const_cast<String*>(text)));
}

constexpr NativeEntry kTable[] = {
    {"int.abs", int_abs},
    {"int.min", int_min},
    {"int.max", int_max},
    {"float.abs", float_abs},
    {"float.round", to_whole_number<nearest>},
    {"float.floor", to_whole_number<below>},
    {"float.ceil", to_whole_number<above>},
    {"duration.seconds", in_units<1'000'000>},
    {"duration.milliseconds", in_units<1'000>},
    {"duration.minutes", in_units<60'000'000>},
    {"duration.hours", in_units<3'600'000'000>},
    {"duration.days", in_units<86'400'000'000>},
    {"size.bytes", size_bytes},
    {"time.unix", time_unix},
    {"time.date", time_date},
    {"time.format", time_format},
    {"range.contains", range_contains},
    {"shell.quote", shell_quote},
    {"shell.quote_all", shell_quote_all},
    {"url.encode_path", encode_path},
    {"url.encode_query", encode_query},
    {"url.encode_host", encode_host},
};

}  // namespace

std::span<const NativeEntry> plain_natives() { return kTable; }

}  // namespace rbk::vm
