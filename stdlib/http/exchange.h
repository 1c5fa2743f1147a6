// One request with libcurl, its redirects included.
#pragma once

#include <memory>
#include <string>

#include "stdlib/http/curl_library.h"
#include "stdlib/http/http_request.h"

namespace rbk::stdlib {

class Exchange {
 public:
  /// `curl` outlives it.
  Exchange(const CurlLibrary& curl, HttpRequest request);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  CURL* handle() const { return handle_; }

  /// libcurl is done with the handle. True if the reply is a redirect to be followed: then the
  /// handle is ready for the next exchange.
  bool ended(CURLcode code);

  HttpReply take_reply() { return std::move(reply_); }
  HttpReply cancelled();

 private:
  void prepare();
  void add_headers();
  void note_sent();
  bool follow();
  std::string explain(CURLcode code) const;

  static size_t take_header(char* data, size_t size, size_t count, void* self);
  static size_t take_body(char* data, size_t size, size_t count, void* self);

  const CurlLibrary& curl_;
  HttpRequest request_;
  HttpReply reply_;
  CURL* handle_ = nullptr;
  curl_slist* headers_ = nullptr;
  int64_t redirects_left_ = 0;
  int64_t deadline_ = 0;        // microseconds of the steady clock
  bool headers_ended_ = false;  // of the last answer
  bool too_large_ = false;
  char error_[CURL_ERROR_SIZE] = {};
};

}  // namespace rbk::stdlib
