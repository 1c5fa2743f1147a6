// What the entries of a journal hold. docs/formats/journal.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/numbering.h"
#include "engine/store.h"
#include "vm/machine.h"

namespace rbk::engine {

/// The body of a kEvent entry: the event, and a digest of the requests that it led to, by which a
/// replay that goes another way is found out. A long output goes to `blobs`.
std::string encode_body(const vm::Event& event, const std::vector<vm::Request>& requests,
                        std::vector<Blob>& blobs);

struct JournaledEvent {
  vm::Event event;
  uint64_t digest = 0;
};
Result<JournaledEvent> decode_body(std::string_view body, Store& store);
/// The hash under which the event's output is kept; nothing: it stands in the body.
Result<std::optional<Digest>> output_blob(std::string_view body);

/// The output that an event brings; null for events that bring none.
boost::json::value* output_of(vm::Event& event);
const boost::json::value* output_of(const vm::Event& event);

/// `numbering`: the digest is that of a program of then; null: of the requests' own.
uint64_t digest(const std::vector<vm::Request>& requests, const Numbering* numbering = nullptr);

/// The body of a kTakenOver entry.
struct TakenOver {
  vm::RequestId request = 0;  // the attempt's
  RunKey run = 0;             // where it was made
  vm::RequestId source = 0;   // its request there
};
std::string encode_taken_over(const TakenOver& taken);
Result<TakenOver> decode_taken_over(std::string_view body);

/// The body of the other kinds of entry.
std::string encode_requests(const std::vector<vm::RequestId>& requests);
Result<std::vector<vm::RequestId>> decode_requests(std::string_view body);

}  // namespace rbk::engine
