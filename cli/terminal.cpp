#include "cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/text_width.h"

namespace rbk::cli {
namespace {

bool shows_colour(std::FILE* stream) {
  const char* refused = std::getenv("NO_COLOR");
  return isatty(fileno(stream)) == 1 && (refused == nullptr || *refused == '\0');
}

/// 0, or why not all of it was written.
int write_all(std::FILE* stream, std::string_view text) {
  errno = 0;
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stream) == text.size() && std::fflush(stream) == 0;
  return written ? 0 : errno != 0 ? errno : EIO;
}

}  // namespace

Terminal Terminal::of_process() {
  Terminal terminal{stdout, stderr};
  terminal.out_colour = shows_colour(stdout);
  terminal.err_colour = shows_colour(stderr);
  return terminal;
}

void Terminal::print(std::string_view text) const {
  int none = 0;
  if (const int failed = write_all(out, text)) out_failed->compare_exchange_strong(none, failed);
}

void Terminal::print_to_err(std::string_view text) const { write_all(err, text); }

void Terminal::print_json(const boost::json::object& object) const {
  print(boost::json::serialize(object) + "\n");
}

void Terminal::print_error(const Error& error) const {
  if (json) {
    boost::json::object object{{"error", error.message}};
    if (!error.cure.empty()) object["cure"] = error.cure;
    write_all(err, boost::json::serialize(object) + "\n");
    return;
  }
  std::string text = err_colour ? "\033[1;31merror\033[0m: " : "error: ";
  // What programs and files have said is in it: no line of it is to move the cursor.
  for (size_t at = 0; at <= error.message.size();) {
    const size_t end = std::min(error.message.find('\n', at), error.message.size());
    text += printable(std::string_view(error.message).substr(at, end - at)) + "\n";
    at = end + 1;
  }
  if (!error.cure.empty()) text += fmt::format("  help: {}\n", error.cure);
  write_all(err, text);
}

}  // namespace rbk::cli
