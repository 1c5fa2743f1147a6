#include "timing/zone.h"

#include <fmt/core.h>

#include <algorithm>

namespace rbk::timing {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::year_month_day;

namespace {

constexpr size_t kMaxFile = 1 << 20;

/// Big-endian numbers of a file; reading past its end gives zeros and is remembered.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  int64_t number(size_t size) {
    if (rest_.size() < size) {
      failed_ = true;
      rest_ = {};
      return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(size);
    return size == 4 ? static_cast<int32_t>(value) : static_cast<int64_t>(value);
  }
  void skip(size_t size) {
    failed_ = failed_ || rest_.size() < size;
    rest_.remove_prefix(std::min(size, rest_.size()));
  }
  std::string_view rest() const { return rest_; }
  bool failed() const { return failed_; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

struct Header {
  char version = 0;
  size_t ut_flags, standard_flags, leaps, times, types, letters;

  /// Of the data block behind it, with times of so many bytes.
  size_t size(size_t time_size) const {
    return times * time_size + times + types * 6 + letters + leaps * (time_size + 4) +
           standard_flags + ut_flags;
  }
};

std::optional<Header> read_header(Reader& reader) {
  if (!reader.rest().starts_with("TZif")) return std::nullopt;
  reader.skip(4);
  Header header;
  header.version = static_cast<char>(reader.number(1));
  reader.skip(15);
  for (size_t* count : {&header.ut_flags, &header.standard_flags, &header.leaps, &header.times,
                        &header.types, &header.letters})
    *count = static_cast<uint32_t>(reader.number(4));
  if (reader.failed() || header.size(8) > kMaxFile || header.types == 0) return std::nullopt;
  return header;
}

/// No clock is further from UTC: what makes sums of times safe.
bool sane(seconds offset) { return offset > -26h && offset < 26h; }

/// Times that are too far off for a year of std::chrono.
constexpr sys_seconds kFirst = std::chrono::sys_days(std::chrono::year(-30000) / 1 / 1);
constexpr sys_seconds kLast = std::chrono::sys_days(std::chrono::year(30000) / 1 / 1);

}  // namespace

Zone::Zone(std::string name, seconds offset) : name_(std::move(name)), first_offset_(offset) {}

Result<Zone> Zone::parse(std::string name, std::string_view bytes) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorKind::kCorrupt, fmt::format("the time zone {} can't be read: {}", name, why));
  };
  if (bytes.size() > kMaxFile) return bad("its file is too large");
  Reader reader(bytes);
  auto header = read_header(reader);
  if (!header) return bad("its file is no TZif file");
  size_t time_size = 4;
  if (header->version >= '2') {  // a second block has the same in 64 bits
    reader.skip(header->size(4));
    header = read_header(reader);
    if (!header) return bad("its file ends too early");
    time_size = 8;
  }
  if (header->leaps > 0) return bad("it counts leap seconds");
  std::vector<int64_t> times(header->times);
  for (int64_t& time : times) time = reader.number(time_size);
  std::vector<size_t> type_of(header->times);
  for (size_t& type : type_of) type = static_cast<size_t>(reader.number(1));
  std::vector<seconds> offsets(header->types);
  for (seconds& offset : offsets) {
    offset = seconds(reader.number(4));
    reader.skip(2);  // summer time or not, and the abbreviation
    if (!sane(offset)) return bad("it has an offset of more than a day");
  }
  reader.skip(header->letters + header->standard_flags + header->ut_flags);
  if (reader.failed()) return bad("its file ends too early");

  Zone zone(std::move(name), offsets.front());
  for (size_t i = 0; i < times.size(); ++i) {
    if (type_of[i] >= offsets.size()) return bad("a change has no type");
    const sys_seconds at = std::clamp(sys_seconds(seconds(times[i])), kFirst, kLast);
    if (!zone.changes_.empty() && at < zone.changes_.back().at) return bad("its changes go back");
    zone.changes_.push_back({at, offsets[type_of[i]]});
  }
  if (time_size == 4 || reader.rest().size() <= 2) return zone;
  std::string_view footer = reader.rest();
  if (!footer.starts_with('\n') || !footer.ends_with('\n')) return bad("its rule has no end");
  footer = footer.substr(1, footer.size() - 2);
  auto rule = PosixRule::parse(footer);
  if (!rule) return bad(rule.error().message);
  zone.rule_ = *rule;
  if (zone.changes_.empty()) zone.first_offset_ = rule->standard();
  return zone;
}

Result<Zone> Zone::make(std::string name, seconds first_offset, std::vector<Change> changes,
                        const std::string& rule) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorKind::kCorrupt, fmt::format("the time zone {} is malformed: {}", name, why));
  };
  Zone zone(std::move(name), first_offset);
  if (!sane(first_offset)) return bad("it has an offset of more than a day");
  for (size_t i = 0; i < changes.size(); ++i) {
    if (!sane(changes[i].offset)) return bad("it has an offset of more than a day");
    if (changes[i].at < kFirst || changes[i].at > kLast) return bad("it changes too far off");
    if (i > 0 && changes[i].at < changes[i - 1].at) return bad("its changes go back");
  }
  zone.changes_ = std::move(changes);
  if (rule.empty()) return zone;
  auto read = PosixRule::parse(rule);
  if (!read) return bad(read.error().message);
  zone.rule_ = std::move(*read);
  return zone;
}

Zone Zone::since(sys_seconds time) const {
  Zone made = *this;
  made.first_offset_ = period(time).offset;
  std::erase_if(made.changes_, [&](const Change& change) { return change.at <= time; });
  // What the rule gives as well need not be told.
  while (made.rule_ && !made.changes_.empty()) {
    const Change last = made.changes_.back();
    Zone shorter = made;
    shorter.changes_.pop_back();
    const Period now = shorter.period(last.at);
    const Period before = shorter.period(last.at - 1s);
    const Period was = made.period(last.at - 1s);
    if (now.begin != last.at || now.offset != last.offset || before.begin != was.begin ||
        before.offset != was.offset)
      break;
    made = std::move(shorter);
  }
  return made;
}

Zone::Period Zone::period_by_rule(sys_seconds instant) const {
  // The table ends where the rule begins.
  const sys_seconds from = changes_.empty() ? sys_seconds::min() : changes_.back().at;
  Period found{from, sys_seconds::max(), changes_.empty() ? first_offset_ : changes_.back().offset};
  if (instant < kFirst || instant > kLast) return {from, sys_seconds::max(), rule_->standard()};
  const auto year = year_month_day(std::chrono::floor<days>(instant)).year();
  for (auto in = year - std::chrono::years(2); in <= year + std::chrono::years(1); ++in) {
    for (const PosixRule::Change& change : rule_->changes(in)) {
      if (change.at <= from) continue;
      if (change.at > instant) {
        found.end = change.at;
        return found;
      }
      found.begin = change.at;
      found.offset = change.offset;
    }
  }
  return found;
}

Zone::Period Zone::period(sys_seconds instant) const {
  const auto after =
      std::upper_bound(changes_.begin(), changes_.end(), instant,
                       [](sys_seconds wanted, const Change& change) { return wanted < change.at; });
  if (after == changes_.end() && rule_) return period_by_rule(instant);
  Period found{sys_seconds::min(), sys_seconds::max(), first_offset_};
  if (after != changes_.begin()) {
    found.begin = std::prev(after)->at;
    found.offset = std::prev(after)->offset;
  }
  if (after != changes_.end()) found.end = after->at;
  return found;
}

local_seconds Zone::local(sys_seconds instant) const {
  return local_seconds(instant.time_since_epoch() + period(instant).offset);
}

Zone::Reading Zone::reading(local_seconds local) const {
  const auto as_utc = sys_seconds(local.time_since_epoch());
  Reading found;
  bool any = false;
  std::optional<sys_seconds> gap;
  Period now = period(as_utc - 27h);
  while (true) {
    const sys_seconds instant = as_utc - now.offset;
    if (instant >= now.begin && instant < now.end) {
      if (any && instant != found.first) found.kind = Reading::Kind::kTwice;
      if (!any) found.first = instant;
      found.last = instant;
      any = true;
    }
    if (now.end > as_utc + 27h) break;
    const Period next = period(now.end);
    if (instant >= now.end && as_utc - next.offset < next.begin) gap = now.end;
    now = next;
  }
  if (!any) found = {Reading::Kind::kSkipped, gap.value_or(as_utc), gap.value_or(as_utc)};
  return found;
}

std::string format(sys_seconds instant, const Zone& zone) {
  using namespace std::chrono;
  const Zone::Period period = zone.period(instant);
  const local_seconds local(instant.time_since_epoch() + period.offset);
  const auto day = floor<days>(local);
  const year_month_day date(day);
  const hh_mm_ss clock(local - day);
  const seconds offset = abs(period.offset);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  // Offsets of the 19th century have seconds, which RFC 3339 has no place for.
  return text + fmt::format("{}{:02}:{:02}", period.offset < 0s ? '-' : '+', offset.count() / 3600,
                            offset.count() / 60 % 60);
}

std::string format(local_seconds local) {
  using namespace std::chrono;
  const auto day = floor<days>(local);
  const year_month_day date(day);
  const hh_mm_ss clock(local - day);
  std::string text =
      fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count());
  if (clock.seconds() != 0s) text += fmt::format(":{:02}", clock.seconds().count());
  return text;
}

}  // namespace rbk::timing
