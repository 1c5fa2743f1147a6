// Real processes, and real deaths of everybody involved.
#include "supervisor/client.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "supervisor/folder.h"
#include "supervisor/process.h"
#include "supervisor/spool.h"

namespace rbk::supervisor {
namespace {

using namespace std::chrono_literals;

// KiB of a supervisor; under a sanitizer, which keeps what was freed, it says nothing.
#ifdef __SANITIZE_ADDRESS__
constexpr long kMostMemory = LONG_MAX;
#else
constexpr long kMostMemory = 24 * 1024;
#endif

class Recorder : public Listener {
 public:
  void output(Stream stream, std::string_view bytes) override {
    const std::lock_guard lock(mutex_);
    std::string& text = stream == Stream::kOut ? out_ : err_;
    total_ += bytes.size();
    if (text.size() < 1U << 20) text += bytes;
    last_ = bytes;
    changed_.notify_all();
  }
  void dropped(uint64_t bytes, bool) override {
    const std::lock_guard lock(mutex_);
    dropped_ += bytes;
  }
  void waits(const Error& why) override {
    const std::lock_guard lock(mutex_);
    waits_for_ = why.message;
    changed_.notify_all();
  }
  bool wait_until_it_waits() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 30s, [&] { return !waits_for_.empty(); });
  }
  void ended(const Ending& ending) override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(ending_.has_value()) << "ended twice";
    ending_ = ending;
    changed_.notify_all();
  }
  Ending wait(std::chrono::seconds limit = 30s) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, limit, [this] { return ending_.has_value(); }));
    return ending_.value_or(Ending{Ending::Cause::kLost, -1, "the test waited in vain"});
  }
  bool wait_for_out(const std::string& text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 30s, [&] { return out_.find(text) != std::string::npos; });
  }
  bool has_ended() {
    const std::lock_guard lock(mutex_);
    return ending_.has_value();
  }
  std::string out() {
    const std::lock_guard lock(mutex_);
    return out_;
  }
  std::string err() {
    const std::lock_guard lock(mutex_);
    return err_;
  }
  std::string last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  uint64_t total() {
    const std::lock_guard lock(mutex_);
    return total_;
  }
  uint64_t dropped() {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string out_;
  std::string err_;
  std::string last_;
  std::string waits_for_;
  uint64_t total_ = 0;
  uint64_t dropped_ = 0;
  std::optional<Ending> ending_;
};

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool alive(pid_t process) {
  const std::string stat = text_of(fmt::format("/proc/{}/stat", process));
  return !stat.empty() && stat.find(") Z ") == std::string::npos;
}

bool eventually(const std::function<bool()>& condition, std::chrono::seconds limit = 20s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return true;
    std::this_thread::sleep_for(5ms);  // asked again after that
  }
  return condition();
}

// A client with a thread that does nothing but turn it.
class DrivenClient {
 public:
  explicit DrivenClient(Client::Options options) : client_(std::move(options)) {}
  ~DrivenClient() {
    over_ = true;
    thread_.join();
  }
  void start(Start start, std::shared_ptr<Listener> listener) {
    const std::lock_guard lock(mutex_);
    client_.start(std::move(start), std::move(listener));
  }
  void stop(const std::string& key) {
    const std::lock_guard lock(mutex_);
    client_.stop(key);
  }
  Found recover(const std::string& key, uint64_t fence, bool same_boot,
                std::shared_ptr<Listener> listener) {
    const std::lock_guard lock(mutex_);
    return client_.recover(key, fence, same_boot, std::move(listener));
  }
  void acknowledge(const std::string& key) {
    const std::lock_guard lock(mutex_);
    client_.acknowledge(key);
  }

 private:
  void work() {
    while (!over_) {
      pollfd wanted{-1, POLLIN, 0};
      {
        const std::lock_guard lock(mutex_);
        client_.turn();
        wanted.fd = client_.descriptor();
      }
      poll(&wanted, 1, 5);
    }
  }

  std::mutex mutex_;
  Client client_;
  std::atomic<bool> over_ = false;
  std::thread thread_{[this] { work(); }};
};

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    char name[] = "/tmp/rbk-client-XXXXXX";
    store_ = mkdtemp(name);
  }
  ~ClientTest() override {
    client_.reset();
    if (const pid_t process = supervisor(); process > 0) kill(process, SIGKILL);
    std::filesystem::remove_all(store_);
  }

  DrivenClient& client() {
    if (!client_) client_ = make_client();
    return *client_;
  }
  std::unique_ptr<DrivenClient> make_client() const {
    return std::make_unique<DrivenClient>(Client::Options{store_, {RBK_SUPERVISE}});
  }
  static Start sh(const std::string& key, const std::string& script) {
    Start start;
    start.key = key;
    start.words = {"/bin/sh", "-c", script};
    start.environment = {"PATH=/usr/bin:/bin"};
    start.directory = "/";
    return start;
  }
  std::shared_ptr<Recorder> begin(const Start& start) {
    auto recorder = std::make_shared<Recorder>();
    client().start(start, recorder);
    return recorder;
  }
  // The supervisor's process, or 0. Doesn't connect to it: that would keep it alive.
  pid_t supervisor() const {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string words = text_of(entry.path() / "cmdline");
      if (words.find("supervise") != std::string::npos && words.find(store_) != std::string::npos) {
        return std::stoi(entry.path().filename());
      }
    }
    return 0;
  }
  // Runs `body` in a process of its own that kills itself with its process group when it returns.
  template <typename Body>
  void in_a_process_that_dies(Body body) {
    const pid_t child = fork();
    if (child == 0) {
      setpgid(0, 0);
      body();
      kill(0, SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  std::string path(const std::string& name) const { return store_ + "/" + name; }
  bool spool_is_there(const std::string& key) const {
    return std::filesystem::exists(store_ + "/spool/" + key + ".spool");
  }

  std::string store_;
  std::unique_ptr<DrivenClient> client_;
};

TEST_F(ClientTest, ACommandsOutputAndStatusComeBack) {
  Start start =
      sh("a", "echo out; echo err >&2; cat; echo $X ${#RUNBOOK_ATTEMPT}; pwd; umask; exit 3");
  start.input = "from in\n";
  start.environment.push_back("X=y");
  start.directory = "/usr";
  start.file_mask = 027;
  const auto recorder = begin(start);
  const Ending ending = recorder->wait();
  EXPECT_EQ(ending.cause, Ending::Cause::kExited);
  EXPECT_EQ(ending.value, 3);
  EXPECT_EQ(recorder->out(), "out\nfrom in\ny 32\n/usr\n0027\n");
  EXPECT_EQ(recorder->err(), "err\n");
  EXPECT_TRUE(spool_is_there("a"));
  client().acknowledge("a");
  EXPECT_TRUE(eventually([&] { return !spool_is_there("a"); }));
}

TEST_F(ClientTest, SecretsAreMaskedBeforeTheyAreKept) {
  Start start = sh("a",
                   "printf 'a %s' \"${PW%ue}\"; sleep 0.05; echo 'ue b'; "
                   "printf 'u:%s' \"$PW\" | base64 >&2; printf 'end s3cret-v'; exit 0");
  start.environment.push_back("PW=s3cret-value");
  start.secrets = {"s3cret-value"};
  const auto recorder = begin(start);
  EXPECT_EQ(recorder->wait().value, 0);
  EXPECT_EQ(recorder->out(), "a *** b\nend s3cret-v");
  EXPECT_EQ(recorder->err(), "dTp***=\n");
  std::ifstream file(path("spool/a.spool"), std::ios::binary);
  const std::string kept((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(kept.find("*** b"), std::string::npos);
  EXPECT_EQ(kept.find("s3cret-value"), std::string::npos);
  client().acknowledge("a");
}

TEST_F(ClientTest, ALargeInputIsHandedOverAndARefusedOneHarmsNobody) {
  Start reads = sh("reads", "wc -c");
  reads.input.assign(8U << 20, 'x');
  Start refuses = sh("refuses", "exec 0<&-; exit 0");
  refuses.input = reads.input;
  const auto first = begin(reads);
  const auto second = begin(refuses);
  EXPECT_EQ(first->wait().value, 0);
  EXPECT_EQ(first->out(), "8388608\n");
  EXPECT_EQ(second->wait().cause, Ending::Cause::kExited);
}

TEST_F(ClientTest, TheEndOfItsInputEndsACommandOnceItHasGivenTheSign) {
  Start start = sh("a", "echo 'the sign' >&2; cat; echo over");
  start.input = "given\n";
  start.ends_by_input = "the sign";
  const auto recorder = begin(start);
  EXPECT_TRUE(recorder->wait_for_out("given"));
  client().stop("a");
  EXPECT_EQ(recorder->wait().cause, Ending::Cause::kStopped);
  EXPECT_EQ(recorder->out(), "given\nover\n");
}

TEST_F(ClientTest, WithoutTheSignASignalEndsIt) {
  Start start = sh("a", "echo 'the sig' >&2; cat; echo over");
  start.input = "given\n";
  start.ends_by_input = "the sign";
  const auto recorder = begin(start);
  EXPECT_TRUE(recorder->wait_for_out("given"));
  client().stop("a");
  EXPECT_EQ(recorder->wait().cause, Ending::Cause::kStopped);
  EXPECT_EQ(recorder->out(), "given\n");
}

TEST_F(ClientTest, WhatCantBeStartedSaysWhy) {
  Start missing = sh("a", "");
  missing.words = {"/no/such/program"};
  Ending ending = begin(missing)->wait();
  EXPECT_EQ(ending.cause, Ending::Cause::kNotStarted);
  EXPECT_NE(ending.text.find("/no/such/program"), std::string::npos) << ending.text;
  Start elsewhere = sh("b", "true");
  elsewhere.directory = "/no/such/folder";
  ending = begin(elsewhere)->wait();
  EXPECT_EQ(ending.cause, Ending::Cause::kNotStarted);
  EXPECT_NE(ending.text.find("/no/such/folder"), std::string::npos) << ending.text;
  Start long_word = sh("c", std::string(3U << 20, 'x'));
  EXPECT_NE(begin(long_word)->wait().text.find("longer than"), std::string::npos);
}

TEST_F(ClientTest, ASupervisorThatCantBeStartedIsTheHostsTrouble) {
  DrivenClient client(Client::Options{store_, {"/no/such/supervisor"}});
  auto recorder = std::make_shared<Recorder>();
  client.start(sh("a", "true"), recorder);
  const Ending ending = recorder->wait();
  EXPECT_EQ(ending.cause, Ending::Cause::kTrouble);
  EXPECT_NE(ending.text.find("/no/such/supervisor"), std::string::npos) << ending.text;
  DrivenClient nowhere(Client::Options{store_ + "/gone", {RBK_SUPERVISE}});
  recorder = std::make_shared<Recorder>();
  nowhere.start(sh("a", "true"), recorder);
  EXPECT_EQ(recorder->wait().cause, Ending::Cause::kTrouble);
}

TEST_F(ClientTest, OutputComesWhileTheCommandRuns) {
  const auto recorder =
      begin(sh("a", "echo first; while [ ! -e " + path("go") + " ]; do sleep 0.01; done"));
  EXPECT_TRUE(recorder->wait_for_out("first"));
  EXPECT_FALSE(recorder->has_ended());
  std::ofstream(path("go")) << "";
  EXPECT_EQ(recorder->wait().cause, Ending::Cause::kExited);
}

TEST_F(ClientTest, AnAttemptIsStartedOnceHoweverOftenItIsAsked) {
  const std::string script = "echo x >> " + path("effects") + "; sleep 0.1";
  const auto first = begin(sh("a", script));
  auto other = make_client();
  auto second = std::make_shared<Recorder>();
  other->start(sh("a", script), second);
  const Ending one = first->wait();
  const Ending two = second->wait();
  EXPECT_NE(one.cause == Ending::Cause::kNotStarted, two.cause == Ending::Cause::kNotStarted);
  EXPECT_EQ(text_of(path("effects")), "x\n");
}

TEST_F(ClientTest, WhatWasLookedForAndNotStartedIsStartedByTheNext) {
  in_a_process_that_dies([&] {
    EXPECT_EQ(client().recover("a", 1, true, std::make_shared<Recorder>()), Found::kNeverStarted);
  });
  Start start = sh("a", "echo x >> " + path("effects"));
  start.fence = 2;
  const auto recorder = begin(start);
  EXPECT_EQ(recorder->wait().cause, Ending::Cause::kExited);
  EXPECT_EQ(text_of(path("effects")), "x\n");
}

TEST_F(ClientTest, ManyClientsAtOnceGetOneSupervisor) {
  std::vector<std::unique_ptr<DrivenClient>> clients;
  std::vector<std::shared_ptr<Recorder>> recorders;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(make_client());
    recorders.push_back(std::make_shared<Recorder>());
    clients.back()->start(sh(fmt::format("k{}", i), "echo $PPID"), recorders.back());
  }
  std::set<std::string> parents;
  for (const auto& recorder : recorders) {
    EXPECT_EQ(recorder->wait().value, 0);
    parents.insert(recorder->out());
  }
  EXPECT_EQ(parents.size(), 1U);
}

TEST_F(ClientTest, SixHundredCommandsRunAtOnceWithTheLimitsOfTheirEngine) {
  // More files than a process may usually open: pipes and a spool each.
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit before = limit;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, 1024);
  setrlimit(RLIMIT_NOFILE, &limit);
  ASSERT_EQ(mkfifo(path("gate").c_str(), 0600), 0);
  std::vector<std::shared_ptr<Recorder>> recorders;
  for (int i = 0; i < 600; ++i) {
    recorders.push_back(begin(sh(fmt::format("k{}", i), "read x < " + path("gate"))));
  }
  const auto last = begin(sh("last", "ulimit -Sn; ulimit -Hn"));
  EXPECT_EQ(last->wait().value, 0);
  EXPECT_EQ(last->out(), fmt::format("{}\n{}\n", limit.rlim_cur, limit.rlim_max));
  setrlimit(RLIMIT_NOFILE, &before);
  for (int i = 0; i < 600; ++i) EXPECT_FALSE(recorders[static_cast<size_t>(i)]->has_ended()) << i;
  const int gate = open(path("gate").c_str(), O_WRONLY | O_CLOEXEC);
  const std::string lines(600, '\n');
  EXPECT_EQ(write(gate, lines.data(), lines.size()), 600);
  for (const auto& recorder : recorders) EXPECT_EQ(recorder->wait().cause, Ending::Cause::kExited);
  close(gate);
}

TEST_F(ClientTest, TheCommandOutlivesItsEngineAndIsFoundAgain) {
  in_a_process_that_dies([&] {
    auto recorder = std::make_shared<Recorder>();
    client().start(
        sh("a", "echo one; echo x >> " + path("effects") + "; while [ ! -e " + path("go") +
                    " ]; do sleep 0.01; done; echo two; echo last >&2; exit 9"),
        recorder);
    recorder->wait_for_out("one");
  });
  auto recorder = std::make_shared<Recorder>();
  EXPECT_EQ(client().recover("a", 1, true, recorder), Found::kFound);
  EXPECT_TRUE(recorder->wait_for_out("one"));
  EXPECT_FALSE(recorder->has_ended());
  std::ofstream(path("go")) << "";
  const Ending ending = recorder->wait();
  EXPECT_EQ(ending.cause, Ending::Cause::kExited);
  EXPECT_EQ(ending.value, 9);
  EXPECT_EQ(recorder->out(), "one\ntwo\n");
  EXPECT_EQ(recorder->err(), "last\n");
  EXPECT_EQ(text_of(path("effects")), "x\n");
}

TEST_F(ClientTest, ACommandThatEndedWhileNobodyListenedIsFoundAgain) {
  in_a_process_that_dies([&] {
    client().start(sh("a", "echo done; echo > " + path("ran") + "; exit 4"),
                   std::make_shared<Recorder>());
    eventually([&] { return std::filesystem::exists(path("ran")); });
  });
  // Even when its supervisor is gone too, as it was idle.
  eventually([&] { return supervisor() == 0; }, 20s);
  EXPECT_EQ(supervisor(), 0);
  auto recorder = std::make_shared<Recorder>();
  EXPECT_EQ(client().recover("a", 1, true, recorder), Found::kFound);
  EXPECT_EQ(recorder->wait().value, 4);
  EXPECT_EQ(recorder->out(), "done\n");
}

TEST_F(ClientTest, ACommandThatEndsAfterItsEngineKeepsNoSupervisor) {
  ASSERT_EQ(mkfifo(path("gate").c_str(), 0600), 0);
  in_a_process_that_dies([&] {
    auto recorder = std::make_shared<Recorder>();
    client().start(sh("a", "echo ready; read x < " + path("gate") + "; exit 4"), recorder);
    recorder->wait_for_out("ready");
  });
  std::this_thread::sleep_for(200ms);  // it hears of the engine's death
  std::ofstream(path("gate")) << "\n";
  EXPECT_TRUE(eventually([&] { return supervisor() == 0; }));
  auto recorder = std::make_shared<Recorder>();
  EXPECT_EQ(client().recover("a", 1, true, recorder), Found::kFound);
  EXPECT_EQ(recorder->wait().value, 4);
}

TEST_F(ClientTest, WhatWasNeverStartedIsNeverStartedTwice) {
  EXPECT_EQ(client().recover("a", 1, true, std::make_shared<Recorder>()), Found::kNeverStarted);
  // An engine that froze before it sent its start and thaws now:
  auto frozen = make_client();
  auto late = std::make_shared<Recorder>();
  frozen->start(sh("a", "echo late >> " + path("effects")), late);
  EXPECT_EQ(late->wait().cause, Ending::Cause::kNotStarted);
  Start start = sh("a", "echo once >> " + path("effects"));
  start.fence = 1;
  const auto recorder = begin(start);
  EXPECT_EQ(recorder->wait().cause, Ending::Cause::kExited);
  EXPECT_EQ(text_of(path("effects")), "once\n");
}

TEST_F(ClientTest, InAnotherLifeOfTheHostAbsenceProvesNothing) {
  EXPECT_EQ(client().recover("a", 1, false, std::make_shared<Recorder>()), Found::kUnknown);
  begin(sh("b", "exit 5"))->wait();
  auto recorder = std::make_shared<Recorder>();
  EXPECT_EQ(make_client()->recover("c", 1, false, recorder), Found::kUnknown);
  auto other = make_client();
  EXPECT_EQ(other->recover("b", 1, false, recorder), Found::kFound);
  EXPECT_EQ(recorder->wait().value, 5);
}

TEST_F(ClientTest, TheDeathOfTheSupervisorLeavesUnknownAndNothingAlive) {
  const auto recorder =
      begin(sh("a", "echo $$; sleep 100 & echo $!; setsid sleep 100 & echo $!; echo ok; wait"));
  ASSERT_TRUE(recorder->wait_for_out("ok"));
  std::istringstream numbers(recorder->out());
  std::vector<pid_t> processes(3);
  for (pid_t& process : processes) numbers >> process;
  ASSERT_EQ(kill(supervisor(), SIGKILL), 0);
  const Ending ending = recorder->wait();
  EXPECT_EQ(ending.cause, Ending::Cause::kLost);
  for (const pid_t process : processes) EXPECT_FALSE(alive(process)) << process;
  // The next one serves on.
  EXPECT_EQ(begin(sh("b", "exit 6"))->wait().value, 6);
}

TEST_F(ClientTest, ASupervisorThatIsStoppedIsWaitedFor) {
  in_a_process_that_dies([&] {
    auto recorder = std::make_shared<Recorder>();
    client().start(sh("a", "echo ready; while [ ! -e " + path("go") + " ]; do sleep 0.01; done"),
                   recorder);
    recorder->wait_for_out("ready");
  });
  const pid_t process = supervisor();
  ASSERT_EQ(kill(process, SIGSTOP), 0);
  auto recorder = std::make_shared<Recorder>();
  EXPECT_EQ(client().recover("a", 1, true, recorder), Found::kFound);
  const auto other = begin(sh("b", "exit 7"));
  EXPECT_TRUE(recorder->wait_until_it_waits());
  EXPECT_TRUE(other->wait_until_it_waits());
  EXPECT_FALSE(recorder->has_ended());  // its command lives
  std::ofstream(path("go")) << "";
  ASSERT_EQ(kill(process, SIGCONT), 0);
  EXPECT_EQ(recorder->wait().cause, Ending::Cause::kExited);
  EXPECT_EQ(other->wait().value, 7);
}

TEST_F(ClientTest, ASpoolThatIsRemovedDoesNotHideItsCommand) {
  const std::string script = "echo x >> " + path("effects") + "; echo ready; while [ ! -e " +
                             path("go") + " ]; do sleep 0.01; done; exit 8";
  in_a_process_that_dies([&] {
    auto recorder = std::make_shared<Recorder>();
    client().start(sh("a", script), recorder);
    recorder->wait_for_out("ready");
  });
  std::filesystem::remove(path("spool/a.spool"));
  auto recorder = std::make_shared<Recorder>();
  EXPECT_EQ(client().recover("a", 1, true, recorder), Found::kNeverStarted);
  Start start = sh("a", script);
  start.fence = 1;
  client().start(start, recorder);
  EXPECT_TRUE(recorder->wait_for_out("ready"));
  std::ofstream(path("go")) << "";
  EXPECT_EQ(recorder->wait().value, 8);
  EXPECT_EQ(text_of(path("effects")), "x\n");
}

TEST_F(ClientTest, ASupervisorThatIsKilledAsItStartsIsStartedAgain) {
  const std::string script =
      fmt::format("if [ -e {0} ]; then exec {1} \"$1\"; else touch {0}; kill -9 $$; fi",
                  path("once"), RBK_SUPERVISE);
  DrivenClient client(Client::Options{store_, {"/bin/sh", "-c", script, "sh"}});
  auto recorder = std::make_shared<Recorder>();
  client.start(sh("a", "exit 4"), recorder);
  EXPECT_EQ(recorder->wait().value, 4);
}

TEST_F(ClientTest, ASupervisorThatDiedUnheardLeavesUnknownToTheNextEngine) {
  pid_t command = 0;
  in_a_process_that_dies([&] {
    auto recorder = std::make_shared<Recorder>();
    client().start(sh("a", "echo $$ > " + path("pid") + "; echo ready; exec sleep 100"), recorder);
    recorder->wait_for_out("ready");
  });
  ASSERT_EQ(kill(supervisor(), SIGKILL), 0);
  std::istringstream(text_of(path("pid"))) >> command;
  EXPECT_TRUE(alive(command));
  auto recorder = std::make_shared<Recorder>();
  EXPECT_EQ(client().recover("a", 1, true, recorder), Found::kFound);
  EXPECT_EQ(recorder->wait().cause, Ending::Cause::kLost);
  EXPECT_EQ(recorder->out(), "ready\n");
  EXPECT_FALSE(alive(command));
}

TEST_F(ClientTest, TheDeadlineEndsTheWholeTree) {
  Start start =
      sh("a",
         "sh -c 'trap \"\" TERM; sleep 100 & echo $!; wait' & echo $!; setsid sleep 100 & "
         "echo $!; echo ok; wait");
  start.deadline = 2'000'000;
  start.grace = 200'000;
  const auto recorder = begin(start);
  const Ending ending = recorder->wait();
  EXPECT_EQ(ending.cause, Ending::Cause::kDeadline);
  std::istringstream numbers(recorder->out());
  int seen = 0;
  for (std::string word; numbers >> word;) {
    if (word == "ok") continue;
    ++seen;
    EXPECT_FALSE(alive(std::stoi(word))) << word;
  }
  EXPECT_EQ(seen, 3);
}

TEST_F(ClientTest, StoppingACommandLeavesThoseOfOtherStoresAlone) {
  // The same key, as in a copy of a store.
  char name[] = "/tmp/rbk-other-XXXXXX";
  const std::string other_store = mkdtemp(name);
  {
    DrivenClient other(Client::Options{other_store, {RBK_SUPERVISE}});
    auto stopped = std::make_shared<Recorder>();
    other.start(sh("a", "echo ready; exec sleep 100"), stopped);
    ASSERT_EQ(mkfifo(path("gate").c_str(), 0600), 0);
    const auto kept = begin(sh("a", "echo ready; read x < " + path("gate")));
    ASSERT_TRUE(stopped->wait_for_out("ready") && kept->wait_for_out("ready"));
    other.stop("a");
    EXPECT_EQ(stopped->wait().cause, Ending::Cause::kStopped);
    EXPECT_FALSE(kept->has_ended());
    std::ofstream(path("gate")) << "\n";
    EXPECT_EQ(kept->wait().cause, Ending::Cause::kExited);
  }
  std::filesystem::remove_all(other_store);
}

TEST_F(ClientTest, AStoppedCommandMayEndByItself) {
  const auto recorder =
      begin(sh("a", "trap 'echo tidy; exit 8' TERM; echo ready; while :; do sleep 0.01; done"));
  ASSERT_TRUE(recorder->wait_for_out("ready"));
  client().stop("a");
  const Ending ending = recorder->wait();
  EXPECT_EQ(ending.cause, Ending::Cause::kStopped);
  EXPECT_EQ(WEXITSTATUS(ending.value), 8);
  EXPECT_EQ(recorder->out(), "ready\ntidy\n");
}

TEST_F(ClientTest, AServiceLeftInTheBackgroundLivesOn) {
  const auto recorder = begin(sh("a", "(trap '' TERM; while [ ! -e " + path("go") +
                                          " ]; do echo tick; sleep 0.01; done; echo > " +
                                          path("survived") + ") & echo started"));
  EXPECT_EQ(recorder->wait().value, 0);
  client().acknowledge("a");
  client_.reset();
  std::this_thread::sleep_for(6s);  // past the supervisor's idle time
  std::ofstream(path("go")) << "";
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(path("survived")); }));
  EXPECT_TRUE(eventually([&] { return supervisor() == 0; }));
}

TEST_F(ClientTest, AGigabyteOfOutputIsHeldInBoundedMemoryAndSpace) {
  constexpr uint64_t kBytes = 1U << 30;
  const auto recorder =
      begin(sh("a", fmt::format("echo head; head -c {} /dev/zero; echo tail", kBytes)));
  long peak = 0;
  uintmax_t disk = 0;
  while (!recorder->has_ended()) {
    std::istringstream status(text_of(fmt::format("/proc/{}/status", supervisor())));
    for (std::string word; status >> word;) {
      long value = 0;
      if (word == "VmHWM:" && status >> value) peak = std::max(peak, value);
    }
    uintmax_t now = 0;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(store_ + "/spool", gone)) {
      const uintmax_t size = entry.is_regular_file(gone) ? entry.file_size(gone) : 0;
      if (!gone) now += size;
    }
    disk = std::max(disk, now);
    std::this_thread::sleep_for(2ms);  // a sample of its space
  }
  EXPECT_EQ(recorder->wait().value, 0);
  EXPECT_TRUE(recorder->out().starts_with("head\n"));
  EXPECT_TRUE(recorder->last().ends_with("tail\n"));
  EXPECT_EQ(recorder->total() + recorder->dropped(), kBytes + 10);
  EXPECT_GT(peak, 0);
  EXPECT_LT(peak, kMostMemory) << "KiB";
  EXPECT_LT(disk, 18U << 20);
}

TEST_F(ClientTest, AttemptsAreStartedExactlyOnceThroughCrashes) {
  // Engines that die at any moment around their start; each attempt is gone on with until it ends.
  for (int i = 0; i < 40; ++i) {
    const std::string key = fmt::format("k{}", i);
    Start start = sh(key, fmt::format("echo {} >> {}", i, path("effects")));
    in_a_process_that_dies([&] {
      client().start(start, std::make_shared<Recorder>());
      std::this_thread::sleep_for(std::chrono::microseconds(i * 150));  // another moment each
    });
    start.fence = 1;
    auto next = make_client();
    auto recorder = std::make_shared<Recorder>();
    if (next->recover(key, 1, true, recorder) == Found::kNeverStarted) next->start(start, recorder);
    EXPECT_EQ(recorder->wait().cause, Ending::Cause::kExited);
  }
  std::multiset<std::string> effects;
  std::istringstream lines(text_of(path("effects")));
  for (std::string line; lines >> line;) effects.insert(line);
  EXPECT_EQ(effects.size(), 40U);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(effects.count(std::to_string(i)), 1U) << i;
}

TEST_F(ClientTest, SupervisorsKilledAtAnyMomentNeverRepeatACommand) {
  std::map<std::string, Ending::Cause> causes;
  for (int i = 0; i < 25; ++i) {
    const auto recorder =
        begin(sh(fmt::format("k{}", i), fmt::format("echo {} >> {}", i, path("effects"))));
    std::this_thread::sleep_for(std::chrono::microseconds(i * 120));  // another moment each
    if (const pid_t process = supervisor(); process > 0) kill(process, SIGKILL);
    causes[std::to_string(i)] = recorder->wait().cause;
  }
  std::map<std::string, int> effects;
  std::istringstream lines(text_of(path("effects")));
  for (std::string line; lines >> line;) ++effects[line];
  for (const auto& [number, cause] : causes) {
    const int count = effects[number];
    EXPECT_LE(count, 1) << number;
    EXPECT_EQ(count, cause == Ending::Cause::kExited       ? 1
                     : cause == Ending::Cause::kNotStarted ? 0
                                                           : count)
        << number;
  }
}

TEST_F(ClientTest, ASupervisorOfAnotherVersionIsNamed) {
  begin(sh("a", "true"))->wait();
  auto folder = Folder::open(store_);
  auto socket = folder->connect();
  ASSERT_TRUE(socket.has_value());
  std::string bytes;
  append_frame(bytes, Hello{kProtocolVersion + 1, 1});
  ASSERT_EQ(send(socket->get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  std::string answer;
  char buffer[512];
  ssize_t length = 0;
  while ((length = recv(socket->get(), buffer, sizeof buffer, 0)) > 0) {
    answer.append(buffer, static_cast<size_t>(length));
  }
  EXPECT_NE(answer.find(fmt::format("speaks version {}", kProtocolVersion)), std::string::npos);
}

}  // namespace
}  // namespace rbk::supervisor
