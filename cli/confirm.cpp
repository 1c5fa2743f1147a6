#include "cli/confirm.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cerrno>
#include <optional>

#include "cli/interrupt.h"

namespace rbk::cli {
namespace {

constexpr int kLookEvery = 200;  // milliseconds between looks for Ctrl-C

/// Nothing at the end of the input, and after Ctrl-C.
std::optional<std::string> read_line(int in) {
  std::string line;
  while (Interrupts::count() == 0) {
    pollfd wait{in, POLLIN, 0};
    const int ready = poll(&wait, 1, kLookEvery);
    if (ready < 0 && errno != EINTR) return std::nullopt;
    if (ready <= 0) continue;
    char letter = 0;
    const ssize_t count = read(in, &letter, 1);  // what follows the line is left where it is
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return std::nullopt;
    if (letter == '\n') return line;
    if (letter != '\r' && letter != ' ') line += letter;
  }
  return std::nullopt;
}

std::string question(const engine::AboutToWrite& attempt) {
  std::string text = fmt::format("{} is about to call {}\n", attempt.path, attempt.action);
  for (const auto& [name, value] : attempt.arguments)
    if (!value.is_null())
      text += fmt::format("  {} = {}\n", std::string_view(name), boost::json::serialize(value));
  return text + "go on? yes, no, or all: ";
}

}  // namespace

bool Confirmation::ask(const engine::AboutToWrite& attempt) {
  if (all_ || (attempt.number > 1 && confirmed_.contains(attempt.path))) return true;
  terminal_.print_to_err(question(attempt));
  while (true) {
    const std::optional<std::string> answer = read_line(in_);
    if (!answer) terminal_.print_to_err("\n");
    if (!answer || *answer == "n" || *answer == "no") {
      refused_ = attempt.path;
      return false;
    }
    if (*answer == "a" || *answer == "all") all_ = true;
    if (all_ || *answer == "y" || *answer == "yes") {
      confirmed_.insert(attempt.path);
      return true;
    }
    terminal_.print_to_err("answer yes, no, or all: ");
  }
}

}  // namespace rbk::cli
