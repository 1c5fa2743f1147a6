// Requests on their way: one thread with libcurl's multi interface, made at the first request.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "stdlib/http/http_request.h"

namespace rbk::stdlib {

/// Any thread may call it. The destructor cancels what is under way: its answers come first.
class Transport {
 public:
  using Done = std::function<void(HttpReply)>;

  Transport();
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// `done` is called once, from the transport's thread. Ids are the caller's.
  void send(uint64_t id, HttpRequest request, Done done);

  /// Ends the exchange now (kCancelled), unless it is over.
  void cancel(uint64_t id);

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace rbk::stdlib
