// Against a real server (test_server.py), TLS included.
#include "stdlib/http/http_action.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "stdlib/recording_sink.h"

extern char** environ;

namespace rbk::stdlib {
namespace {

using engine::Attempt;
using engine::Behaviour;
using engine::Effect;
using engine::Outcome;

class Server {
 public:
  explicit Server(std::vector<std::string> arguments = {}) {
    int in[2];
    int out[2];
    EXPECT_EQ(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    std::vector<std::string> words = {"python3", RBK_SOURCE_DIR "/stdlib/http/test_server.py"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in[0], 0);
    posix_spawn_file_actions_adddup2(&files, out[1], 1);
    EXPECT_EQ(posix_spawnp(&process_, "python3", &files, nullptr, pointers.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
    close(in[0]);
    close(out[1]);
    input_ = in[1];
    std::string text;
    char c = 0;
    while (read(out[0], &c, 1) == 1 && c != '\n') text += c;
    port_ = std::atoi(text.c_str());
    EXPECT_GT(port_, 0) << "the test server did not start";
    close(out[0]);
  }
  ~Server() {
    close(input_);
    waitpid(process_, nullptr, 0);
  }
  int port() const { return port_; }

 private:
  pid_t process_ = 0;
  int input_ = -1;
  int port_ = 0;
};

class HttpActionTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // A proxy that nobody asked for must not be used.
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    setenv("https_proxy", "http://127.0.0.1:9", 1);
    server_ = new Server();
  }
  static void TearDownTestSuite() { delete server_; }

  static std::string url(const std::string& path) {
    return fmt::format("http://127.0.0.1:{}{}", server_->port(), path);
  }
  std::shared_ptr<RecordingSink> begin(const std::string& name, const std::string& target,
                                       boost::json::object more = {},
                                       std::optional<int64_t> timeout = {}) {
    Attempt one;
    one.id = ++last_id_;
    one.name = "http." + name;
    one.arguments = std::move(more);
    one.arguments["url"] = target;
    one.key = std::string(64, 'k');
    one.behaviour = name == "get" || name == "head"     ? Behaviour::kReads
                    : name == "put" || name == "delete" ? Behaviour::kIdempotent
                                                        : Behaviour::kWrites;
    one.timeout = timeout;
    auto sink = std::make_shared<RecordingSink>();
    action_.start(one, sink);
    return sink;
  }
  Outcome run(const std::string& name, const std::string& target, boost::json::object more = {},
              std::optional<int64_t> timeout = {}) {
    return begin(name, target, std::move(more), timeout)->wait();
  }
  // What /echo saw.
  boost::json::object echoed(const std::string& name, const std::string& path,
                             boost::json::object more = {}) {
    const Outcome outcome = run(name, url(path), std::move(more));
    EXPECT_EQ(outcome.kind, Outcome::Kind::kOk) << outcome.error.message;
    const auto* object = outcome.output.as_object().at("json").if_object();
    return object == nullptr ? boost::json::object() : *object;
  }
  static std::string header(const boost::json::object& echo, std::string_view name) {
    std::string found;
    for (const auto& one : echo.at("headers").as_array()) {
      if (one.at(0).as_string() == name) found += one.at(1).as_string();
    }
    return found;
  }
  void refused(const std::string& name, const std::string& target, boost::json::object more,
               const char* word) {
    const Outcome outcome = run(name, target, std::move(more));
    EXPECT_EQ(outcome.kind, Outcome::Kind::kError);
    EXPECT_EQ(outcome.effect, Effect::kNone);
    EXPECT_EQ(outcome.error.fields.at("url").as_string(), target);
    EXPECT_NE(outcome.error.message.find(word), std::string::npos) << outcome.error.message;
  }

  static Server* server_;
  HttpAction action_;
  uint64_t last_id_ = 0;
};

Server* HttpActionTest::server_ = nullptr;

TEST_F(HttpActionTest, GetBringsTheAnswer) {
  const auto sink = begin("get", url("/status/200"));
  const Outcome outcome = sink->wait();
  EXPECT_EQ(outcome.kind, Outcome::Kind::kOk);
  const auto& output = outcome.output.as_object();
  EXPECT_EQ(output.at("status").as_int64(), 200);
  EXPECT_EQ(output.at("body").as_string(), "the body\nof 200");
  EXPECT_TRUE(output.at("json").is_null());
  EXPECT_EQ(output.at("url").as_string(), url("/status/200"));
  EXPECT_EQ(output.at("headers").at("x-twice").as_string(), "a");
  ASSERT_EQ(sink->lines(engine::LogStream::kInfo).size(), 1U);
  EXPECT_NE(sink->lines(engine::LogStream::kInfo)[0].find("200, 15B in "), std::string::npos);
  const Outcome many = run("get", url("/headers"));
  EXPECT_EQ(many.output.at("headers").at("x-many").as_string(), "one, two");
}

TEST_F(HttpActionTest, WhatIsGivenReachesTheServer) {
  const auto get = echoed("get", "/echo?a=1",
                          {{"query", {{"b c", "d&e/ä"}}},
                           {"headers", {{"X-Me", "1"}, {"X-Empty", ""}}},
                           {"bearer", "token"}});
  EXPECT_EQ(get.at("method").as_string(), "GET");
  EXPECT_EQ(get.at("path").as_string(), "/echo?a=1&b%20c=d%26e%2F%C3%A4");
  EXPECT_EQ(header(get, "x-me"), "1");
  EXPECT_EQ(header(get, "authorization"), "Bearer token");
  EXPECT_EQ(header(get, "user-agent"), "runbook");
  EXPECT_EQ(header(get, "idempotency-key"), "");

  const auto post = echoed("post", "/echo", {{"json", {{"a", {1, 2}}}}});
  EXPECT_EQ(post.at("method").as_string(), "POST");
  EXPECT_EQ(post.at("body").as_string(), R"({"a":[1,2]})");
  EXPECT_EQ(header(post, "content-type"), "application/json");
  EXPECT_EQ(header(post, "idempotency-key"), std::string(64, 'k'));
  EXPECT_EQ(header(post, "expect"), "");

  const auto text = echoed("put", "/echo", {{"body", "text"}, {"headers", {{"User-Agent", "me"}}}});
  EXPECT_EQ(text.at("method").as_string(), "PUT");
  EXPECT_EQ(text.at("body").as_string(), "text");
  EXPECT_EQ(header(text, "content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(header(text, "user-agent"), "me");
  EXPECT_EQ(
      echoed("patch", "/echo", {{"body", ""}, {"content_type", "a/b"}}).at("method").as_string(),
      "PATCH");
  EXPECT_EQ(echoed("delete", "/echo").at("method").as_string(), "DELETE");
  EXPECT_EQ(echoed("request", "/echo", {{"method", "purge"}}).at("method").as_string(), "PURGE");
  EXPECT_EQ(echoed("post", "/echo").at("method").as_string(), "POST");
  EXPECT_EQ(run("head", url("/echo")).output.at("body").as_string(), "");
}

TEST_F(HttpActionTest, AStatusThatIsNotAcceptedIsAnErrorOfItsKind) {
  const Outcome server = run("get", url("/status/503"));
  EXPECT_EQ(server.kind, Outcome::Kind::kError);
  EXPECT_EQ(server.effect, Effect::kDone);
  EXPECT_EQ(server.error.kind, "http.ServerError");
  EXPECT_TRUE(server.error.retryable);
  EXPECT_EQ(server.error.fields.at("status").as_int64(), 503);
  EXPECT_EQ(server.error.fields.at("body").as_string(), "the body\nof 503");
  EXPECT_NE(server.error.message.find("answered with 503: the body of 503"), std::string::npos)
      << server.error.message;
  for (const int gateway : {502, 504})
    EXPECT_EQ(run("post", url("/status/" + std::to_string(gateway))).effect, Effect::kUnknown);
  const Outcome client = run("post", url("/status/404"));
  EXPECT_EQ(client.error.kind, "http.ClientError");
  EXPECT_FALSE(client.error.retryable);
  EXPECT_TRUE(run("get", url("/status/429")).error.retryable);
  EXPECT_EQ(run("get", url("/status/300")).error.kind, "http.StatusError");
  boost::json::object also;
  also["also_accept"].emplace_array().push_back(404);
  EXPECT_EQ(run("get", url("/status/404"), also).kind, Outcome::Kind::kOk);
  EXPECT_EQ(run("get", url("/status/503"), {{"accept", {{"from", 100}, {"to", 599}}}}).kind,
            Outcome::Kind::kOk);
  EXPECT_EQ(run("get", url("/status/200"), {{"accept", {{"from", 201}, {"to", 201}}}}).kind,
            Outcome::Kind::kError);
}

TEST_F(HttpActionTest, RedirectsAreFollowedForReadsOnlyAndNotTooFar) {
  const Outcome followed = run("get", url("/redirect/302/2"));
  EXPECT_EQ(followed.kind, Outcome::Kind::kOk);
  EXPECT_EQ(followed.output.at("url").as_string(), url("/echo"));
  const Outcome endless = run("get", url("/redirect/302/9"));
  EXPECT_EQ(endless.error.kind, "http.StatusError");
  EXPECT_NE(endless.error.message.find("5 were followed, and `redirects` allows no more"),
            std::string::npos)
      << endless.error.message;
  EXPECT_EQ(run("get", url("/redirect/307/1"), {{"redirects", 0}}).error.kind, "http.StatusError");
  const Outcome write = run("post", url("/redirect/307/0"));
  EXPECT_EQ(write.error.kind, "http.StatusError");
  EXPECT_NE(write.error.message.find("a redirect to /echo that is not followed"), std::string::npos)
      << write.error.message;
  const std::string elsewhere =
      url("/redirect/302/0?to=") + fmt::format("http://localhost:{}/echo", server_->port());
  EXPECT_EQ(run("get", elsewhere).kind, Outcome::Kind::kOk);
  EXPECT_EQ(run("get", elsewhere, {{"bearer", "token"}}).error.kind, "http.StatusError");
  EXPECT_EQ(run("get", url("/redirect/302/0?to=file:///etc/passwd")).error.kind,
            "http.StatusError");
}

TEST_F(HttpActionTest, TheEffectIsToldAsFarAsItIsKnown) {
  // A port that nobody listens on: one that was just given back.
  const int probe = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(probe, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const Outcome unheard = run("post", fmt::format("http://127.0.0.1:{}/", ntohs(address.sin_port)));
  close(probe);
  EXPECT_EQ(unheard.error.kind, "http.ConnectionError");
  EXPECT_EQ(unheard.effect, Effect::kNone);
  EXPECT_TRUE(unheard.error.retryable);
  EXPECT_NE(unheard.error.message.find("nobody listens"), std::string::npos);
  EXPECT_EQ(run("post", "http://no-such-host.invalid/").effect, Effect::kNone);

  const Outcome lost = run("post", url("/drop"));
  EXPECT_EQ(lost.error.kind, "http.ConnectionError");
  EXPECT_EQ(lost.effect, Effect::kUnknown);
  const Outcome headless = run("post", url("/headless"));
  EXPECT_EQ(headless.error.kind, "http.ConnectionError");
  EXPECT_EQ(headless.effect, Effect::kUnknown);
  EXPECT_EQ(run("post", url("/cut")).effect, Effect::kUnknown);  // the status came, and it was 200
  EXPECT_EQ(run("post", url("/cut"), {{"accept", {{"from", 201}, {"to", 201}}}}).effect,
            Effect::kDone);

  const Outcome late = run("post", url("/slow/5"), {}, 1'000'000);
  EXPECT_EQ(late.error.kind, "Timeout");
  EXPECT_EQ(late.effect, Effect::kUnknown);
}

TEST_F(HttpActionTest, AWriteIsSentOnce) {
  // Over a kept connection libcurl would send it again by itself when it is lost.
  for (const char* name : {"post", "put", "patch"}) {
    EXPECT_EQ(run("get", url("/echo")).kind, Outcome::Kind::kOk);
    const Outcome lost = run(name, url(fmt::format("/count/{}?drop", name)), {{"body", "x"}});
    EXPECT_EQ(lost.error.kind, "http.ConnectionError");
    EXPECT_EQ(run("get", url(fmt::format("/count/{}", name))).output.at("body").as_string(), "1");
  }
}

TEST_F(HttpActionTest, AnAnswerIsNotLargerThanAllowed) {
  EXPECT_EQ(run("get", url("/large/1000"), {{"max_body", "1000B"}}).kind, Outcome::Kind::kOk);
  const Outcome large = run("get", url("/large/1001"), {{"max_body", "1000B"}});
  EXPECT_EQ(large.error.kind, "http.TooLarge");
  EXPECT_NE(large.error.message.find("max_body"), std::string::npos);
  EXPECT_EQ(run("post", url("/large/20000000")).effect, Effect::kUnknown);
  EXPECT_EQ(run("get", url("/bomb/50000000")).error.kind, "http.TooLarge");
}

TEST_F(HttpActionTest, AStopEndsReadsAtOnceAndLetsWritesFinish) {
  const auto read = begin("get", url("/slow/20"));
  const uint64_t read_id = last_id_;
  const auto write = begin("post", url("/slow/0.3"));
  const uint64_t write_id = last_id_;
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // it has been sent by then
  action_.stop(read_id, engine::StopMode::kGentle);
  action_.stop(write_id, engine::StopMode::kGentle);
  EXPECT_EQ(read->wait().kind, Outcome::Kind::kStopped);
  EXPECT_EQ(write->wait().kind, Outcome::Kind::kOk);
  const auto killed = begin("post", url("/slow/20"));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // it has been sent by then
  action_.stop(last_id_, engine::StopMode::kKill);
  const Outcome outcome = killed->wait();
  EXPECT_EQ(outcome.kind, Outcome::Kind::kStopped);
  EXPECT_EQ(outcome.effect, Effect::kUnknown);
}

TEST_F(HttpActionTest, ManyRequestsRunAtOnce) {
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) sinks.push_back(begin("get", url("/slow/0.3")));
  for (const auto& sink : sinks) EXPECT_EQ(sink->wait().kind, Outcome::Kind::kOk);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

TEST_F(HttpActionTest, TheEndOfTheActionEndsItsRequests) {
  auto action = std::make_unique<HttpAction>();
  Attempt one;
  one.name = "http.get";
  one.arguments["url"] = url("/slow/20");
  auto sink = std::make_shared<RecordingSink>();
  action->start(one, sink);
  action.reset();
  EXPECT_EQ(sink->wait().kind, Outcome::Kind::kStopped);
}

TEST_F(HttpActionTest, WhatCantBeSentHasNoEffect) {
  refused("get", "ftp://127.0.0.1/x", {}, "no http:// or https://");
  refused("get", "file:///etc/passwd", {}, "no http:// or https://");
  refused("get", "http://me:pw@127.0.0.1/", {}, "bearer");
  refused("get", "http://127.0.0.1/a b", {}, "blanks");
  refused("get", url("/echo"), {{"headers", {{"X-A", "1\r\nX-B: 2"}}}}, "newline");
  refused("get", url("/echo"), {{"headers", {{"X-A\n", "1"}}}}, "header's name");
  refused("get", url("/echo"), {{"bearer", "token\n"}}, "newline");
  refused("get", url("/echo"), {{"bearer", {{"secret", "lb_token"}}}}, "lb_token");
  refused("post", url("/echo"), {{"headers", {{"Content-Length", "1"}}}}, "transport");
  refused("post", url("/echo"), {{"json", 1}, {"body", "1"}}, "one body");
  refused("post", url("/echo"), {{"content_type", "a\nb"}, {"body", "1"}}, "newline");
  refused("request", url("/echo"), {{"method", "GET /x HTTP/1.1\r\n"}}, "no method");
  refused("get", url("/echo"), {{"proxy", "proxy:3128"}}, "no proxy");
  refused("get", url("/echo"), {{"accept", 200}}, "accept");
  refused("get", url("/echo"), {{"proxy", "http://127.0.0.1:9"}}, "127.0.0.1");
}

class HttpsTest : public HttpActionTest {
 protected:
  static void SetUpTestSuite() {
    HttpActionTest::SetUpTestSuite();
    char name[] = "/tmp/rbk-https-XXXXXX";
    folder_ = new std::string(mkdtemp(name));
    const std::string make = fmt::format(
        "cd {} && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext "
        "subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>/dev/null",
        *folder_);
    ASSERT_EQ(std::system(make.c_str()), 0);
    tls_ = new Server({*folder_ + "/cert.pem", *folder_ + "/key.pem"});
  }
  static void TearDownTestSuite() {
    delete tls_;
    std::filesystem::remove_all(*folder_);
    delete folder_;
    HttpActionTest::TearDownTestSuite();
  }
  static std::string secure(const std::string& path, const char* host = "localhost") {
    return fmt::format("https://{}:{}{}", host, tls_->port(), path);
  }
  static std::string certificate() { return *folder_ + "/cert.pem"; }

  static std::string* folder_;
  static Server* tls_;
};

std::string* HttpsTest::folder_ = nullptr;
Server* HttpsTest::tls_ = nullptr;

TEST_F(HttpsTest, CertificatesAreChecked) {
  const Outcome unknown = run("post", secure("/echo"));
  EXPECT_EQ(unknown.error.kind, "http.ConnectionError");
  EXPECT_EQ(unknown.effect, Effect::kNone);
  EXPECT_NE(unknown.error.message.find("ca_file"), std::string::npos) << unknown.error.message;
  EXPECT_EQ(run("post", secure("/echo"), {{"ca_file", certificate()}}).kind, Outcome::Kind::kOk);
  const Outcome wrong_name =
      run("post", secure("/echo", "127.0.0.1"), {{"ca_file", certificate()}});
  EXPECT_EQ(wrong_name.error.kind, "http.ConnectionError");
  EXPECT_EQ(wrong_name.effect, Effect::kNone);
  EXPECT_EQ(run("post", secure("/echo"), {{"ca_file", "/no/such/file"}}).effect, Effect::kNone);
}

TEST_F(HttpsTest, ARedirectNeverLeavesEncryption) {
  const Outcome outcome =
      run("get", secure("/redirect/302/0?to=") + url("/echo"), {{"ca_file", certificate()}});
  EXPECT_EQ(outcome.error.kind, "http.StatusError");
}

}  // namespace
}  // namespace rbk::stdlib
