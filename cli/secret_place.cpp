#include "cli/secret_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/encoding.h"
#include "base/secret_forms.h"
#include "base/units.h"

namespace rbk::cli {
namespace {

constexpr std::string_view kEnv = "env:";
constexpr std::string_view kFile = "file:";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

std::string seen_from(const std::string& folder, const std::string& path) {
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

tl::unexpected<Error> unreadable(const std::string& name, const std::string& why,
                                 std::string cure) {
  return fail(ErrorKind::kRefused, fmt::format("the secret `{}` can't be read: {}", name, why),
              std::move(cure));
}

Result<std::string> read_variable(const std::string& variable, const std::string& name) {
  const char* value = std::getenv(variable.c_str());
  if (value == nullptr)
    return unreadable(name, fmt::format("the variable {} is not set", variable),
                      "set it in the environment in which rbk runs");
  return std::string(value);
}

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<std::string> read_secret_file(const std::string& path, const std::string& name) {
  const OpenFile file(path);
  struct stat facts {};
  if (file.get() < 0 || fstat(file.get(), &facts) != 0)
    return unreadable(name, fmt::format("{}: {}", path, std::strerror(errno)),
                      "write it to that file, readable for its owner alone");
  if (!S_ISREG(facts.st_mode))
    return unreadable(name, fmt::format("{} is no plain file", path),
                      "it is read anew for each step: name a file that stays");
  if ((facts.st_mode & S_IWOTH) != 0)
    return unreadable(name, fmt::format("everybody may write to {}", path),
                      fmt::format("chmod 600 {}", path));
  std::string text(kLongestSecret + 2, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(name, fmt::format("{}: {}", path, std::strerror(errno)), "");
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  text.resize(size);
  return text;
}

}  // namespace

std::optional<SecretPlace> parse_secret_place(std::string_view text) {
  if (text.starts_with(kEnv) && is_secret_name(text.substr(kEnv.size())))
    return SecretPlace{SecretPlace::Kind::kVariable, std::string(text.substr(kEnv.size()))};
  if (text.starts_with(kFile) && text.size() > kFile.size())
    return SecretPlace{SecretPlace::Kind::kFile, std::string(text.substr(kFile.size()))};
  return std::nullopt;
}

bool is_secret_name(std::string_view text) {
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

Result<std::string> read_secret(const SecretPlace& place, const std::string& name,
                                const std::string& folder) {
  const bool is_file = place.kind == SecretPlace::Kind::kFile;
  const std::string path = is_file ? seen_from(folder, place.where) : std::string();
  auto text = is_file ? read_secret_file(path, name) : read_variable(place.where, name);
  if (!text) return text;
  const std::string source = is_file ? path : "the variable " + place.where;
  if (text->ends_with('\n')) {
    text->pop_back();
    if (text->ends_with('\r')) text->pop_back();
  }
  if (text->empty()) return unreadable(name, source + " is empty", "");
  if (text->size() < kShortestSecret)
    return unreadable(
        name, fmt::format("{} has fewer than {} bytes", source, kShortestSecret),
        "whatever is printed would hold so short a text by chance, and could not be masked");
  if (text->size() > kLongestSecret)
    return unreadable(name,
                      fmt::format("{} has more than {}", source,
                                  format_size(static_cast<int64_t>(kLongestSecret))),
                      "hand over what decrypts it, or its path");
  if (text->find('\0') != std::string::npos || !is_utf8(*text))
    return unreadable(name, source + " is no text",
                      "keep it as base64, and let the command decode it");
  return text;
}

std::optional<std::string> doubtful(const SecretPlace& place, const std::string& folder) {
  if (place.kind != SecretPlace::Kind::kFile) return std::nullopt;
  const std::string path = seen_from(folder, place.where);
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0 || (facts.st_mode & S_IROTH) == 0) return std::nullopt;
  return fmt::format("every user of this host may read the secret in {0}; chmod 600 {0}", path);
}

}  // namespace rbk::cli
