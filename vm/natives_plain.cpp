// Methods of numbers, durations, sizes and ranges.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "vm/json.h"
#include "vm/natives_tables.h"

namespace rbk::vm {

namespace {

/// Of whole numbers and durations.
bool absolute(NativeCall& call) {
  const int64_t value = call.arguments[0].i;
  if (value == INT64_MIN) return call.raise("ArithmeticError", "the result does not fit 64 bits");
  return call.give(call.kinds[0], slot_of(value < 0 ? -value : value));
}

/// Of whole numbers, durations and sizes.
bool clamp(NativeCall& call) {
  const int64_t low = call.arguments[1].i;
  const int64_t high = call.arguments[2].i;
  if (low > high) return call.raise("ArithmeticError", "clamp: the lower end is above the upper");
  return call.give(call.kinds[0], slot_of(std::clamp(call.arguments[0].i, low, high)));
}
template <const int64_t& (*choose)(const int64_t&, const int64_t&)>
bool chosen(NativeCall& call) {
  return call.give(call.kinds[0], slot_of(choose(call.arguments[0].i, call.arguments[1].i)));
}

bool int_pow(NativeCall& call) {
  const int64_t exponent = call.arguments[1].i;
  if (exponent < 0)
    return call.raise("ArithmeticError", "a negative exponent gives no whole number");
  int64_t base = call.arguments[0].i;
  int64_t result = 1;
  for (int64_t left = exponent; left > 0; left >>= 1) {
    if ((left & 1) != 0 && __builtin_mul_overflow(result, base, &result))
      return call.raise("ArithmeticError", "the result does not fit 64 bits");
    if (left > 1 && __builtin_mul_overflow(base, base, &base)) {
      return call.raise("ArithmeticError", "the result does not fit 64 bits");
    }
  }
  return call.give_int(result);
}

bool float_min(NativeCall& call) {
  return call.give(Kind::kFloat, slot_of_float(std::min(call.arguments[0].f, call.arguments[1].f)));
}
bool float_max(NativeCall& call) {
  return call.give(Kind::kFloat, slot_of_float(std::max(call.arguments[0].f, call.arguments[1].f)));
}
bool float_clamp(NativeCall& call) {
  const double low = call.arguments[1].f;
  const double high = call.arguments[2].f;
  if (low > high) return call.raise("ArithmeticError", "clamp: the lower end is above the upper");
  return call.give(Kind::kFloat, slot_of_float(std::clamp(call.arguments[0].f, low, high)));
}
bool float_sqrt(NativeCall& call) {
  const double value = call.arguments[0].f;
  if (value < 0) return call.raise("ArithmeticError", "a negative number has no square root");
  return call.give(Kind::kFloat, slot_of_float(std::sqrt(value)));
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

bool range_contains(NativeCall& call) {
  const auto* range = static_cast<const Range*>(call.object(0, Tag::kRange));
  if (range == nullptr) return false;
  if (call.kinds[1] != range->kind) {
    return call.raise("ProgramError", "a range holds no values of this kind");
  }
  const int64_t value = call.arguments[1].i;
  return call.give_bool(value >= range->low.i && value <= range->high.i);
}

constexpr NativeEntry kTable[] = {
    {"int.abs", absolute},
    {"int.min", chosen<std::min<int64_t>>},
    {"int.max", chosen<std::max<int64_t>>},
    {"int.clamp", clamp},
    {"int.pow", int_pow},
    {"float.abs", float_abs},
    {"float.min", float_min},
    {"float.max", float_max},
    {"float.clamp", float_clamp},
    {"float.sqrt", float_sqrt},
    {"float.round", to_whole_number<nearest>},
    {"float.floor", to_whole_number<below>},
    {"float.ceil", to_whole_number<above>},
    {"duration.seconds", in_units<1'000'000>},
    {"duration.milliseconds", in_units<1'000>},
    {"duration.minutes", in_units<60'000'000>},
    {"duration.hours", in_units<3'600'000'000>},
    {"duration.days", in_units<86'400'000'000>},
    {"duration.weeks", in_units<604'800'000'000>},
    {"duration.microseconds", in_units<1>},
    {"duration.abs", absolute},
    {"duration.min", chosen<std::min<int64_t>>},
    {"duration.max", chosen<std::max<int64_t>>},
    {"duration.clamp", clamp},
    {"size.bytes", size_bytes},
    {"size.min", chosen<std::min<int64_t>>},
    {"size.max", chosen<std::max<int64_t>>},
    {"size.clamp", clamp},
    {"range.contains", range_contains},
};

}  // namespace

std::span<const NativeEntry> plain_natives() { return kTable; }

}  // namespace rbk::vm
