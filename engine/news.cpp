#include "engine/news.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "engine/codec.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;

enum class Where : uint8_t { kNull = 0, kInline = 1, kBlob = 2, kEvent = 3 };

void put_value(Writer& writer, const json::value& value, const json::value* output,
               std::vector<Blob>& blobs) {
  if (value.is_null()) {
    writer.byte(static_cast<uint8_t>(Where::kNull));
  } else if (output != nullptr && *output == value) {
    writer.byte(static_cast<uint8_t>(Where::kEvent));
  } else if (std::string text = json::serialize(value); text.size() <= kLongestInline) {
    writer.byte(static_cast<uint8_t>(Where::kInline));
    writer.text(text);
  } else {
    const Digest hash = sha256(text);
    writer.byte(static_cast<uint8_t>(Where::kBlob));
    writer.raw({reinterpret_cast<const char*>(hash.data()), hash.size()});
    blobs.push_back({hash, std::move(text)});
  }
}

Result<json::value> parse(std::string_view text) {
  boost::system::error_code failure;
  json::value value = json::parse(text, failure);
  if (failure) return fail(ErrorKind::kCorrupt, "news: a value is no JSON: " + failure.message());
  return value;
}

Result<json::value> get_value(Reader& reader, NewsSource& source) {
  switch (static_cast<Where>(reader.byte())) {
    case Where::kNull:
      return json::value();
    case Where::kInline:
      return parse(reader.view());
    case Where::kEvent:
      return source.event_output();
    case Where::kBlob: {
      Digest hash{};
      const std::string_view bytes = reader.raw(hash.size());
      if (!reader.ok()) break;
      std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(hash.data()));
      auto text = source.blob(hash);
      if (!text) return tl::unexpected(text.error());
      return parse(*text);
    }
  }
  reader.stop();
  return json::value();
}

void put_error(Writer& writer, const std::optional<vm::ErrorValue>& error) {
  writer.byte(error ? 1 : 0);
  if (!error) return;
  writer.text(error->kind);
  writer.text(error->message);
  writer.byte(error->retryable ? 1 : 0);
  writer.text(error->fields.empty() ? std::string() : json::serialize(error->fields));
}

Result<std::optional<vm::ErrorValue>> get_error(Reader& reader) {
  if (reader.byte() == 0) return std::nullopt;
  vm::ErrorValue error;
  error.kind = reader.text();
  error.message = reader.text();
  error.retryable = reader.byte() != 0;
  if (const std::string_view fields = reader.view(); !fields.empty()) {
    auto parsed = parse(fields);
    if (!parsed) return tl::unexpected(parsed.error());
    if (!parsed->is_object())
      return fail(ErrorKind::kCorrupt, "news: an error's fields are no object");
    error.fields = std::move(parsed->get_object());
  }
  return error;
}

void put_mark(Writer& writer, const vm::Mark& mark, const json::value* output,
              std::vector<Blob>& blobs) {
  writer.byte(static_cast<uint8_t>(mark.kind));
  writer.byte(static_cast<uint8_t>(mark.status));
  writer.text(mark.path);
  writer.number(mark.step);
  writer.number(mark.parent);
  writer.text(mark.title);
  writer.number(mark.attempt);
  writer.text(mark.level);
  writer.text(mark.text);
  writer.signed_number(mark.wait);
  put_value(writer, mark.output, output, blobs);
  put_error(writer, mark.error);
}

Result<vm::Mark> get_mark(Reader& reader, NewsSource& source) {
  vm::Mark mark;
  const uint8_t kind = reader.byte();
  const uint8_t status = reader.byte();
  if (kind > static_cast<uint8_t>(vm::Mark::Kind::kCommitted) ||
      status > static_cast<uint8_t>(vm::Mark::StepStatus::kCancelled))
    return fail(ErrorKind::kCorrupt, "news: an unknown kind of mark");
  mark.kind = static_cast<vm::Mark::Kind>(kind);
  mark.status = static_cast<vm::Mark::StepStatus>(status);
  mark.path = reader.text();
  mark.step = reader.number();
  mark.parent = reader.number();
  mark.title = reader.text();
  mark.attempt = static_cast<uint32_t>(reader.number());
  mark.level = reader.text();
  mark.text = reader.text();
  mark.wait = reader.signed_number();
  auto output = get_value(reader, source);
  if (!output) return tl::unexpected(output.error());
  mark.output = std::move(*output);
  auto error = get_error(reader);
  if (!error) return tl::unexpected(error.error());
  mark.error = std::move(*error);
  return mark;
}

void put_until(Writer& writer, const std::optional<int64_t>& until) {
  writer.byte(until ? 1 : 0);
  if (until) writer.signed_number(*until);
}

}  // namespace

std::string encode_news(const std::vector<News>& news, const json::value* output,
                        std::vector<Blob>& blobs) {
  if (news.empty()) return {};
  Writer writer;
  for (const News& item : news) {
    writer.byte(static_cast<uint8_t>(item.kind));
    switch (item.kind) {
      case News::Kind::kMark:
        put_mark(writer, item.mark, output, blobs);
        break;
      case News::Kind::kAttemptBegan:
        writer.number(item.request);
        writer.text(item.path);
        writer.number(item.step);
        writer.number(item.attempt);
        writer.text(item.action);
        put_value(writer, item.input, nullptr, blobs);
        break;
      case News::Kind::kApproval:
      case News::Kind::kQuestion:
      case News::Kind::kAwaits:
      case News::Kind::kFailure:
      case News::Kind::kQueues:
      case News::Kind::kLocked:
      case News::Kind::kUnlocked:
      case News::Kind::kStarted:
      case News::Kind::kRunEnded:
      case News::Kind::kTakenOver:
        writer.number(item.request);
        writer.text(item.path);
        put_value(writer, item.input, nullptr, blobs);
        put_until(writer, item.until);
        break;
      case News::Kind::kSleeps:
        writer.number(item.request);
        put_until(writer, item.until);
        break;
      case News::Kind::kDoubt:
        writer.number(item.request);
        writer.text(item.path);
        break;
      case News::Kind::kAttemptEnded:
      case News::Kind::kWaitOver:
      case News::Kind::kRepeat:
        writer.number(item.request);
        break;
      case News::Kind::kCancelled:
      case News::Kind::kPaused:
      case News::Kind::kUnpaused:
        writer.text(item.by);
        break;
      case News::Kind::kSignalled:
        writer.text(item.path);
        writer.text(item.by);
        break;
      case News::Kind::kUpgraded:
        writer.text(item.by);
        put_value(writer, item.input, nullptr, blobs);
        break;
      case News::Kind::kDecided:
        writer.text(item.path);
        put_value(writer, item.input, nullptr, blobs);
        break;
      case News::Kind::kStatus:
        writer.byte(static_cast<uint8_t>(item.status));
        break;
      case News::Kind::kEnded:
        break;
    }
  }
  return writer.take();
}

Result<std::vector<News>> decode_news(std::string_view bytes, NewsSource& source) {
  std::vector<News> news;
  Reader reader(bytes);
  while (reader.ok() && !reader.at_end()) {
    News item;
    item.kind = static_cast<News::Kind>(reader.byte());
    switch (item.kind) {
      case News::Kind::kMark: {
        auto mark = get_mark(reader, source);
        if (!mark) return tl::unexpected(mark.error());
        item.mark = std::move(*mark);
        break;
      }
      case News::Kind::kAttemptBegan:
      case News::Kind::kApproval:
      case News::Kind::kQuestion:
      case News::Kind::kAwaits:
      case News::Kind::kFailure:
      case News::Kind::kQueues:
      case News::Kind::kLocked:
      case News::Kind::kUnlocked:
      case News::Kind::kStarted:
      case News::Kind::kRunEnded:
      case News::Kind::kTakenOver: {
        item.request = reader.number();
        item.path = reader.text();
        if (item.kind == News::Kind::kAttemptBegan) {
          item.step = reader.number();
          item.attempt = static_cast<uint32_t>(reader.number());
          item.action = reader.text();
        }
        auto input = get_value(reader, source);
        if (!input) return tl::unexpected(input.error());
        item.input = std::move(*input);
        if (item.kind != News::Kind::kAttemptBegan && reader.byte() != 0)
          item.until = reader.signed_number();
        break;
      }
      case News::Kind::kSleeps:
        item.request = reader.number();
        if (reader.byte() != 0) item.until = reader.signed_number();
        break;
      case News::Kind::kDoubt:
        item.request = reader.number();
        item.path = reader.text();
        break;
      case News::Kind::kAttemptEnded:
      case News::Kind::kWaitOver:
      case News::Kind::kRepeat:
        item.request = reader.number();
        break;
      case News::Kind::kCancelled:
      case News::Kind::kPaused:
      case News::Kind::kUnpaused:
        item.by = reader.text();
        break;
      case News::Kind::kSignalled:
        item.path = reader.text();
        item.by = reader.text();
        break;
      case News::Kind::kUpgraded:
      case News::Kind::kDecided: {
        (item.kind == News::Kind::kDecided ? item.path : item.by) = reader.text();
        auto input = get_value(reader, source);
        if (!input) return tl::unexpected(input.error());
        item.input = std::move(*input);
        break;
      }
      case News::Kind::kStatus: {
        const uint8_t status = reader.byte();
        if (status < 1 || status > static_cast<uint8_t>(RunStatus::kCancelled)) reader.stop();
        item.status = static_cast<RunStatus>(status);
        break;
      }
      case News::Kind::kEnded:
        break;
      default:
        reader.stop();
    }
    if (reader.ok()) news.push_back(std::move(item));
  }
  if (!reader.ok()) return fail(ErrorKind::kCorrupt, "news: bytes that are no news");
  return news;
}

json::object error_json(const vm::ErrorValue& error) {
  return {{"kind", error.kind},
          {"message", error.message},
          {"retryable", error.retryable},
          {"fields", error.fields}};
}

std::string ending_json(const vm::Ending& ending) {
  json::object object{{"status", static_cast<int64_t>(ending.status)},
                      {"rolled_back", ending.rolled_back},
                      {"output", ending.output}};
  if (ending.error) object["error"] = error_json(*ending.error);
  return json::serialize(object);
}

Result<vm::Ending> parse_ending(std::string_view text) {
  const auto corrupt = [] { return fail(ErrorKind::kCorrupt, "a run's ending is damaged"); };
  auto value = parse(text);
  if (!value) return tl::unexpected(value.error());
  const json::object* object = value->if_object();
  if (object == nullptr) return corrupt();
  vm::Ending ending;
  const json::value* status = object->if_contains("status");
  if (status == nullptr || !status->is_int64() || status->get_int64() < 0 ||
      status->get_int64() > static_cast<int64_t>(vm::Ending::Status::kCancelled))
    return corrupt();
  ending.status = static_cast<vm::Ending::Status>(status->get_int64());
  if (const json::value* rolled_back = object->if_contains("rolled_back"))
    ending.rolled_back = rolled_back->is_bool() && rolled_back->get_bool();
  if (const json::value* output = object->if_contains("output")) ending.output = *output;
  if (const json::value* error = object->if_contains("error")) {
    const json::object* fields = error->if_object();
    if (fields == nullptr) return corrupt();
    vm::ErrorValue& made = ending.error.emplace();
    if (const auto* kind = fields->if_contains("kind"); kind && kind->is_string())
      made.kind = kind->get_string();
    if (const auto* message = fields->if_contains("message"); message && message->is_string())
      made.message = message->get_string();
    if (const auto* retryable = fields->if_contains("retryable"))
      made.retryable = retryable->is_bool() && retryable->get_bool();
    if (const auto* own = fields->if_contains("fields"); own && own->is_object())
      made.fields = own->get_object();
  }
  return ending;
}

RunStatus status_of(const vm::Ending& ending) {
  switch (ending.status) {
    case vm::Ending::Status::kSucceeded:
      return RunStatus::kSucceeded;
    case vm::Ending::Status::kPartial:
      return RunStatus::kPartial;
    case vm::Ending::Status::kFailed:
      return RunStatus::kFailed;
    case vm::Ending::Status::kRollbackFailed:
      return RunStatus::kRollbackFailed;
    case vm::Ending::Status::kCancelled:
      return RunStatus::kCancelled;
  }
  return RunStatus::kFailed;
}

}  // namespace rbk::engine
