#include "engine/journal.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "engine/codec.h"
#include "engine/news.h"
#include "engine/sum.h"

namespace rbk::engine {
namespace {

constexpr uint8_t kOutputInline = 1;
constexpr uint8_t kOutputInBlob = 2;

/// What stands before the event in the body of a kEvent entry.
struct Head {
  uint64_t digest = 0;
  std::optional<Digest> output;
};

Result<Head> read_head(Reader& reader) {
  Head head;
  const uint8_t form = reader.byte();
  head.digest = reader.number();
  if (form == kOutputInBlob) {
    const std::string_view bytes = reader.raw(head.output.emplace().size());
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(head.output->data()));
  }
  if (!reader.ok() || (form != kOutputInline && form != kOutputInBlob))
    return fail(ErrorKind::kCorrupt, "a journal entry that is no event");
  return head;
}

struct Digester {
  Sum& sum;
  const Numbering* numbering;
  void operator()(const vm::request::Perform& perform) {
    sum.add(numbering == nullptr ? perform.action : numbering->actions_then[perform.action]);
    sum.add(perform.path);
    sum.add(perform.step);
    sum.add(perform.attempt);
    if (perform.generation != 0) sum.add(perform.generation);
    sum.add(static_cast<uint64_t>(perform.timeout.value_or(-1)));
  }
  void operator()(const vm::request::Stop& stop) {
    sum.add(stop.perform);
    sum.add(static_cast<uint64_t>(stop.how));
  }
  void operator()(const vm::request::Sleep& sleep) { sum.add(static_cast<uint64_t>(sleep.until)); }
  void operator()(const vm::request::Approve& approve) {
    sum.add(approve.path);
    sum.add(static_cast<uint64_t>(approve.expires.value_or(-1)));
    if (approve.is_question) sum.add(uint64_t{1});
  }
  void operator()(const vm::request::AskDoubt& ask) { sum.add(ask.perform); }
  void operator()(const vm::request::AskFailure& ask) {
    sum.add(ask.path);
    sum.add(ask.step);
    sum.add(ask.error.kind);
  }
  void operator()(const vm::request::AwaitSignal& wait) {
    sum.add(wait.path);
    sum.add(wait.name);
    sum.add(static_cast<uint64_t>(wait.expires.value_or(-1)));
  }
  void operator()(const vm::request::Acquire& acquire) {
    sum.add(acquire.path);
    sum.add(static_cast<uint64_t>(acquire.lock.space));
    sum.add(acquire.lock.name);
    sum.add(static_cast<uint64_t>(acquire.lock.limit));
    sum.add(static_cast<uint64_t>(acquire.mode));
    sum.add(static_cast<uint64_t>(acquire.until.value_or(-1)));
    sum.add(uint64_t{acquire.unwinds});
    for (const vm::RequestId held : acquire.under) sum.add(held);
  }
  void operator()(const vm::request::Release& release) { sum.add(release.acquire); }
  void operator()(const vm::request::Forget& forget) { sum.add(forget.request); }
  void operator()(const vm::request::Start& start) {
    sum.add(numbering == nullptr ? start.runbook : numbering->runbooks_then[start.runbook]);
    sum.add(start.run);
    sum.add(start.path);
    sum.add(uint64_t{start.detached});
  }
  void operator()(const vm::request::CancelRun& cancel) {
    sum.add(cancel.start);
    sum.add(uint64_t{cancel.rollback} << 1 | uint64_t{cancel.now});
  }
  void operator()(const vm::request::UndoRun& undo) {
    sum.add(undo.run);
    sum.add(undo.path);
  }
};

}  // namespace

boost::json::value* output_of(vm::Event& event) {
  if (auto* performed = std::get_if<vm::event::Performed>(&event.what)) return &performed->output;
  if (auto* ended = std::get_if<vm::event::RunEnded>(&event.what)) return &ended->output;
  return nullptr;
}

const boost::json::value* output_of(const vm::Event& event) {
  if (const auto* performed = std::get_if<vm::event::Performed>(&event.what))
    return &performed->output;
  const auto* ended = std::get_if<vm::event::RunEnded>(&event.what);
  return ended == nullptr ? nullptr : &ended->output;
}

uint64_t digest(const std::vector<vm::Request>& requests, const Numbering* numbering) {
  if (requests.empty()) return 0;
  Sum sum;
  for (const vm::Request& request : requests) {
    sum.add(request.id);
    sum.add(request.what.index());
    std::visit(Digester{sum, numbering}, request.what);
  }
  return sum.value();
}

std::string encode_body(const vm::Event& event, const std::vector<vm::Request>& requests,
                        std::vector<Blob>& blobs) {
  Writer writer;
  std::string bytes = vm::encode(event);
  const boost::json::value* long_output = output_of(event);
  if (bytes.size() <= kLongestInline || long_output == nullptr || long_output->is_null()) {
    writer.byte(kOutputInline);
    writer.number(digest(requests));
    writer.raw(bytes);
    return writer.take();
  }
  std::string output = boost::json::serialize(*long_output);
  const Digest hash = sha256(output);
  blobs.push_back({hash, std::move(output)});
  vm::Event lean = event;
  *output_of(lean) = nullptr;
  writer.byte(kOutputInBlob);
  writer.number(digest(requests));
  writer.raw({reinterpret_cast<const char*>(hash.data()), hash.size()});
  writer.raw(vm::encode(lean));
  return writer.take();
}

Result<std::optional<Digest>> output_blob(std::string_view body) {
  Reader reader(body);
  auto head = read_head(reader);
  if (!head) return tl::unexpected(head.error());
  return head->output;
}

Result<JournaledEvent> decode_body(std::string_view body, Store& store) {
  Reader reader(body);
  auto head = read_head(reader);
  if (!head) return tl::unexpected(head.error());
  JournaledEvent made;
  made.digest = head->digest;
  auto event = vm::decode_event(reader.rest());
  if (!event) return tl::unexpected(event.error());
  made.event = std::move(*event);
  if (!head->output) return made;
  boost::json::value* output = output_of(made.event);
  if (output == nullptr)
    return fail(ErrorKind::kCorrupt, "a journal entry whose output is nobody's");
  auto text = store.blob(*head->output);
  if (!text) return tl::unexpected(text.error());
  boost::system::error_code failure;
  *output = boost::json::parse(*text, failure);
  if (failure) return fail(ErrorKind::kCorrupt, "a journal entry whose output is no JSON");
  return made;
}

std::string encode_taken_over(const TakenOver& taken) {
  Writer writer;
  writer.number(taken.request);
  writer.signed_number(taken.run);
  writer.number(taken.source);
  return writer.take();
}

Result<TakenOver> decode_taken_over(std::string_view body) {
  Reader reader(body);
  TakenOver taken;
  taken.request = reader.number();
  taken.run = reader.signed_number();
  taken.source = reader.number();
  if (!reader.ok() || !reader.at_end())
    return fail(ErrorKind::kCorrupt, "a journal entry that does not say what was taken over");
  return taken;
}

std::string encode_requests(const std::vector<vm::RequestId>& requests) {
  Writer writer;
  for (const vm::RequestId request : requests) writer.number(request);
  return writer.take();
}

Result<std::vector<vm::RequestId>> decode_requests(std::string_view body) {
  std::vector<vm::RequestId> requests;
  Reader reader(body);
  while (reader.ok() && !reader.at_end()) requests.push_back(reader.number());
  if (!reader.ok()) return fail(ErrorKind::kCorrupt, "a journal entry that names no requests");
  return requests;
}

}  // namespace rbk::engine
