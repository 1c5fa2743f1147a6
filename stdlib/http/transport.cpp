#include "stdlib/http/transport.h"

#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "stdlib/http/curl_library.h"
#include "stdlib/http/exchange.h"

namespace rbk::stdlib {

class Transport::Core {
 public:
  ~Core();
  void send(uint64_t id, HttpRequest request, Done done);
  void cancel(uint64_t id);

 private:
  struct Waiting {
    uint64_t id;
    HttpRequest request;
    Done done;
  };
  struct UnderWay {
    std::unique_ptr<Exchange> exchange;
    Done done;
  };

  Status prepare();  // with mutex_
  void run();
  void take_news();
  void begin(Waiting waiting);
  void collect();
  void finish(std::map<uint64_t, UnderWay>::iterator one, HttpReply reply);

  std::mutex mutex_;
  std::vector<Waiting> waiting_;
  std::vector<uint64_t> cancelled_;
  bool stopping_ = false;
  std::optional<CurlLibrary> curl_;
  CURLM* multi_ = nullptr;
  std::thread thread_;
  std::map<uint64_t, UnderWay> under_way_;  // the thread's own
};

Transport::Core::~Core() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  curl_->multi_wakeup(multi_);
  thread_.join();
  curl_->multi_cleanup(multi_);
}

Status Transport::Core::prepare() {
  if (thread_.joinable()) return {};
  auto curl = CurlLibrary::open();
  if (!curl) return tl::unexpected<Error>(curl.error());
  curl_ = *curl;
  multi_ = curl_->multi_init();
  if (multi_ == nullptr) return fail(ErrorKind::kLimit, "libcurl has no memory");
  thread_ = std::thread([this] { run(); });
  return {};
}

void Transport::Core::send(uint64_t id, HttpRequest request, Done done) {
  std::unique_lock lock(mutex_);
  const Status prepared = prepare();
  if (!prepared) {
    lock.unlock();
    HttpReply reply;
    reply.problem = HttpReply::Problem::kConnection;
    reply.text = prepared.error().message + "; " + prepared.error().cure;
    reply.url = request.url;
    done(std::move(reply));
    return;
  }
  waiting_.push_back({id, std::move(request), std::move(done)});
  lock.unlock();
  curl_->multi_wakeup(multi_);
}

void Transport::Core::cancel(uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable()) return;
    cancelled_.push_back(id);
  }
  curl_->multi_wakeup(multi_);
}

void Transport::Core::run() {
  constexpr int kLongestWait = 60'000;  // milliseconds; news wake it
  while (true) {
    take_news();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ && waiting_.empty()) break;
    }
    int running = 0;
    curl_->multi_perform(multi_, &running);
    collect();
    curl_->multi_poll(multi_, nullptr, 0, kLongestWait, nullptr);
  }
  while (!under_way_.empty()) {
    finish(under_way_.begin(), under_way_.begin()->second.exchange->cancelled());
  }
}

void Transport::Core::take_news() {
  std::vector<Waiting> begun;
  std::vector<uint64_t> cancelled;
  {
    const std::lock_guard lock(mutex_);
    begun.swap(waiting_);
    cancelled.swap(cancelled_);
  }
  for (Waiting& one : begun) begin(std::move(one));
  for (const uint64_t id : cancelled) {
    const auto found = under_way_.find(id);
    if (found != under_way_.end()) finish(found, found->second.exchange->cancelled());
  }
}

void Transport::Core::begin(Waiting waiting) {
  auto exchange = std::make_unique<Exchange>(*curl_, std::move(waiting.request));
  if (exchange->handle() == nullptr ||
      curl_->multi_add_handle(multi_, exchange->handle()) != CURLM_OK) {
    HttpReply reply = exchange->take_reply();
    reply.problem = HttpReply::Problem::kConnection;
    reply.text = "libcurl has no memory";
    waiting.done(std::move(reply));
    return;
  }
  under_way_[waiting.id] = {std::move(exchange), std::move(waiting.done)};
}

void Transport::Core::collect() {
  int left = 0;
  while (const CURLMsg* message = curl_->multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const handle = message->easy_handle;
    const CURLcode code = message->data.result;
    const auto found =
        std::find_if(under_way_.begin(), under_way_.end(),
                     [handle](const auto& one) { return one.second.exchange->handle() == handle; });
    if (found == under_way_.end()) continue;
    if (found->second.exchange->ended(code)) {
      curl_->multi_remove_handle(multi_, handle);
      curl_->multi_add_handle(multi_, handle);
    } else {
      finish(found, found->second.exchange->take_reply());
    }
  }
}

void Transport::Core::finish(std::map<uint64_t, UnderWay>::iterator one, HttpReply reply) {
  curl_->multi_remove_handle(multi_, one->second.exchange->handle());
  const Done done = std::move(one->second.done);
  under_way_.erase(one);
  done(std::move(reply));
}

Transport::Transport() : core_(std::make_unique<Core>()) {}
Transport::~Transport() = default;
void Transport::send(uint64_t id, HttpRequest request, Done done) {
  core_->send(id, std::move(request), std::move(done));
}
void Transport::cancel(uint64_t id) { core_->cancel(id); }

}  // namespace rbk::stdlib
