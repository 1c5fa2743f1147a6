#include "engine/testing/postgres.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace rbk::engine::testing {
namespace {

/// A server for as long as this process runs.
class OwnServer {
 public:
  OwnServer() : file_("/tmp/rbk-test-postgres-" + std::to_string(getpid())), owner_(getpid()) {
    call("start");
  }
  ~OwnServer() {
    if (getpid() == owner_) call("stop");
  }
  OwnServer(const OwnServer&) = delete;
  const std::string& file() const { return file_; }

 private:
  void call(const char* what) const {
    const std::string command =
        std::string("exec " RBK_SOURCE_DIR "/tests/postgres_server.py ") + what + " " + file_;
    if (std::system(command.c_str()) != 0) std::abort();
  }

  std::string file_;
  pid_t owner_;
};

std::string server_file() {
  for (const char* name : {"RBK_TEST_STORE", "RBK_TEST_POSTGRES"})
    if (const char* file = std::getenv(name)) return file;
  static const OwnServer own;
  return own.file();
}

}  // namespace

bool wants_postgres() { return std::getenv("RBK_TEST_STORE") != nullptr; }

std::string postgres_store(const std::string& schema) {
  std::ifstream file(server_file());
  std::string url;
  std::getline(file, url);
  return url + "&schema=" + schema;
}

}  // namespace rbk::engine::testing
