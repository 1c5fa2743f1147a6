#include "compiler/effects/shell_commands.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace rbk::effects {
namespace {

// Before a command: it is still one.
constexpr auto kPrefixes = std::to_array<std::string_view>(
    {"if", "then", "elif", "else", "do", "!", "while", "until", "{", "}", "fi", "done", "esac"});

// The shell's own, that touch nothing outside of it.
constexpr auto kOfTheShell = std::to_array<std::string_view>(
    {":",      "[",     "true",   "false", "test",     "echo",   "printf",   "set",
     "export", "unset", "read",   "cd",    "exit",     "return", "shift",    "local",
     "umask",  "wait",  "trap",   "break", "continue", "pwd",    "readonly", "getopts",
     "type",   "hash",  "ulimit", "in",    "jobs",     "times"});

// Starts the command that follows; `with_value` are its options that take a word of their own.
struct Runner {
  std::string_view name;
  std::string_view with_value;
  int words = 0;  // that stand between it and the command
};
constexpr auto kRunners = std::to_array<Runner>({
    {"sudo", "ughpCTD"},
    {"doas", "uC"},
    {"env", "uCS"},
    {"nohup", ""},
    {"nice", "n"},
    {"ionice", "cnpt"},
    {"setsid", ""},
    {"stdbuf", "ioe"},
    {"time", "fo"},
    {"timeout", "ks", 1},
    {"xargs", "aEIILnPsd"},
    {"flock", "wE", 1},
    {"chroot", "", 1},
    {"command", ""},
    {"exec", "a"},
    {"builtin", ""},
});

constexpr auto kShells =
    std::to_array<std::string_view>({"sh", "bash", "dash", "ash", "ksh", "zsh"});

// Options of ssh that take a word of their own.
constexpr std::string_view kSshOptions = "BbcDEeFIiJLlmOoPpQRSWw";

// Copy from and to `host:path`.
struct Copier {
  std::string_view name;
  std::string_view with_value;
};
constexpr auto kCopiers =
    std::to_array<Copier>({{"scp", "cDFiJlloPSX"}, {"rsync", "efBTM"}, {"sftp", "BbcDFiJloPRSsX"}});

// Name their host by `-h` or `--host`.
constexpr auto kClients = std::to_array<std::string_view>(
    {"psql",       "pg_dump",      "pg_dumpall", "pg_restore", "pg_isready", "pg_basebackup",
     "createdb",   "dropdb",       "vacuumdb",   "reindexdb",  "mysql",      "mysqldump",
     "mysqladmin", "mariadb",      "redis-cli",  "mongosh",    "mongodump",  "influx",
     "cqlsh",      "mariadb-dump", "pgbench"});

template <typename List>
bool is_one_of(std::string_view word, const List& list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_assignment(std::string_view word) {
  const size_t sign = word.find('=');
  return sign != std::string_view::npos && sign > 0 &&
         word.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == sign;
}

template <typename T>
void add_once(std::vector<T>& to, T one) {
  if (std::find(to.begin(), to.end(), one) == to.end()) to.push_back(std::move(one));
}

class Reader {
 public:
  explicit Reader(const Pieces& pieces) {
    for (const Piece& piece : pieces) {
      if (piece.is_value) {
        values_.push_back(piece.text);
        text_ += kValue;
      } else {
        for (const char c : piece.text) text_ += c == kValue ? ' ' : c;
      }
    }
  }

  ShellCommands read() {
    commands(0);
    return std::move(found_);
  }

 private:
  static constexpr char kValue = '\x01';
  static constexpr int kDeepest = 20;

  bool at_end() const { return at_ >= text_.size(); }
  char here() const { return text_[at_]; }

  /// Up to what closes them: `)` of a `$(`, a backtick, or the end.
  void commands(int depth, char closer = 0);
  /// One word, quotes taken off; false if there is none here.
  bool word(std::string& into, int depth, char closer);
  void quoted(std::string& into, char quote, int depth);
  /// After a `$` or at a backtick: what is substituted is read for its own commands.
  bool substitution(std::string& into, int depth);
  void redirection(int depth, char closer);
  void skip_documents();
  void end_command();
  void add_programs(size_t first);
  size_t after_options(size_t at, std::string_view with_value) const;
  void ssh(size_t first);
  void copied(size_t first, const Copier& copier);
  void client(size_t first, const std::string& name);
  void tee(size_t first);
  void dd(size_t first);
  void add_file(std::string path, bool written, bool appended);
  /// Hosts and URLs that stand among the words.
  void addresses(size_t first);
  /// What `sh -c 'text'` runs.
  void script(size_t first);
  /// A text that is a command of its own, on that host or, if it is empty, here.
  void commands_of(const std::string& text, const std::string& host);
  void value(std::string& into) { into += values_.at(next_value_++); }

  std::string text_;  // each value is one kValue
  std::vector<std::string> values_;
  size_t next_value_ = 0;
  size_t at_ = 0;
  std::vector<std::string> words_;      // of the simple command that is being read
  bool pattern_ = false;                // of `case`: no command
  std::vector<std::string> documents_;  // delimiters of here-documents that begin at the next line
  ShellCommands found_;
};

void Reader::commands(int depth, char closer) {
  const std::vector<std::string> outer = std::exchange(words_, {});
  const bool outer_pattern = std::exchange(pattern_, false);
  int open = 0;   // parentheses
  int cases = 0;  // `case … in` without their `esac`
  while (!at_end()) {
    const char c = here();
    if (c == closer && closer != 0) break;
    if (c == ' ' || c == '\t') {
      ++at_;
    } else if (c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') {
      at_ += 2;
    } else if (c == '#') {
      while (!at_end() && here() != '\n') {
        if (here() == kValue) ++next_value_;
        ++at_;
      }
    } else if (c == '\n') {
      ++at_;
      end_command();
      skip_documents();
    } else if (c == '&' && at_ + 1 < text_.size() && text_[at_ + 1] == '>') {
      ++at_;
      redirection(depth, closer);
    } else if (pattern_ && (c == '|' || c == '(' || c == ')')) {
      ++at_;
      words_.clear();
      if (c == ')') pattern_ = false;
    } else if (c == ';' && cases > 0 && text_.compare(at_, 2, ";;") == 0) {
      at_ += 2;
      end_command();
      pattern_ = true;
    } else if (c == '(') {
      ++at_;
      if (!at_end() && here() == ')') words_.clear();  // `name()` declares
      end_command();
      ++open;
    } else if (c == ')') {
      ++at_;
      open = std::max(0, open - 1);
      end_command();
    } else if (c == ';' || c == '|' || c == '&') {
      ++at_;
      end_command();
    } else if (c == '>' || c == '<') {
      redirection(depth, closer);
    } else {
      std::string one;
      if (!word(one, depth, closer)) {
        ++at_;
        continue;
      }
      // `2> file`: the number belongs to the redirection.
      const bool is_number = one.find_first_not_of("0123456789") == std::string::npos;
      if (is_number && !at_end() && (here() == '>' || here() == '<')) continue;
      if (one == "in" && !words_.empty() && words_.front() == "case") {
        ++cases;
        pattern_ = true;
        words_.clear();
      } else if (one == "esac" && words_.empty()) {
        cases = std::max(0, cases - 1);
        pattern_ = false;
      } else {
        words_.push_back(std::move(one));
      }
    }
  }
  end_command();
  if (!at_end()) ++at_;  // the closer
  words_ = outer;
  pattern_ = outer_pattern;
}

bool Reader::word(std::string& into, int depth, char closer) {
  const size_t begin = at_;
  while (!at_end()) {
    const char c = here();
    if (c == closer && closer != 0) break;
    if (std::string_view(" \t\n;|&()<>").find(c) != std::string_view::npos) break;
    if (c == kValue) {
      ++at_;
      value(into);
    } else if (c == '\\') {
      ++at_;
      if (!at_end() && here() != '\n') into += here();
      if (!at_end()) ++at_;
    } else if (c == '\'' || c == '"') {
      quoted(into, c, depth);
    } else if (!substitution(into, depth)) {
      into += c;
      ++at_;
    }
  }
  return at_ > begin;
}

void Reader::quoted(std::string& into, char quote, int depth) {
  ++at_;
  while (!at_end() && here() != quote) {
    const char c = here();
    if (c == kValue) {
      ++at_;
      value(into);
    } else if (quote == '"' && c == '\\' && at_ + 1 < text_.size()) {
      into += text_[at_ + 1];
      at_ += 2;
    } else if (quote == '\'' || !substitution(into, depth)) {
      into += c;
      ++at_;
    }
  }
  if (!at_end()) ++at_;
}

bool Reader::substitution(std::string& into, int depth) {
  if (depth >= kDeepest) return false;
  if (here() == '`') {
    ++at_;
    commands(depth + 1, '`');
    into += "`…`";
    return true;
  }
  const bool is_number = text_.compare(at_, 3, "$((") == 0;
  if (is_number || text_.compare(at_, 2, "${") == 0) {
    const std::string_view closer = is_number ? "))" : "}";
    const size_t close = text_.find(closer, at_);
    const size_t end = close == std::string::npos ? text_.size() : close + closer.size();
    for (; at_ < end; ++at_) {
      if (here() == kValue)
        value(into);
      else
        into += here();
    }
    return true;
  }
  if (text_.compare(at_, 2, "$(") != 0) return false;
  at_ += 2;
  commands(depth + 1, ')');
  into += "$(…)";
  return true;
}

void Reader::redirection(int depth, char closer) {
  const char kind = here();
  ++at_;
  bool is_document = false;
  bool is_text = false;
  bool is_appended = false;
  if (!at_end() && here() == kind) {
    ++at_;
    is_document = kind == '<';
    is_appended = kind == '>';
    if (is_document && !at_end() && here() == '<') {  // <<< word
      ++at_;
      is_document = false;
      is_text = true;
    }
  } else if (!at_end() && (here() == '&' || here() == '|' || (kind == '<' && here() == '>'))) {
    const bool is_copy = here() == '&';
    ++at_;
    if (is_copy) {  // >&2, >&-
      std::string number;
      word(number, depth, closer);
      return;
    }
  }
  if (is_document && !at_end() && here() == '-') ++at_;
  while (!at_end() && (here() == ' ' || here() == '\t')) ++at_;
  std::string target;
  if (!word(target, depth, closer)) return;
  if (is_text) return;
  if (is_document) {
    documents_.push_back(std::move(target));
  } else if (!target.starts_with("/dev/") && !target.starts_with('&')) {
    add_file(std::move(target), kind == '>', is_appended);
  }
}

void Reader::add_file(std::string path, bool written, bool appended) {
  if (path.empty() || path.starts_with("/dev/")) return;
  const bool known =
      std::any_of(found_.files.begin(), found_.files.end(), [&](const ShellCommands::File& one) {
        return one.path == path && one.written == written && one.appended == appended;
      });
  if (!known) found_.files.push_back({std::move(path), written, appended});
}

void Reader::skip_documents() {
  for (const std::string& delimiter : std::exchange(documents_, {})) {
    while (!at_end()) {
      const size_t end = std::min(text_.find('\n', at_), text_.size());
      std::string_view line(text_.data() + at_, end - at_);
      next_value_ += static_cast<size_t>(std::count(line.begin(), line.end(), kValue));
      line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
      at_ = std::min(end + 1, text_.size());
      if (line == delimiter) break;
    }
  }
}

void Reader::end_command() {
  size_t first = 0;
  while (first < words_.size() &&
         (is_one_of(words_[first], kPrefixes) || is_assignment(words_[first])))
    ++first;
  const bool declares =
      first < words_.size() &&
      (words_[first] == "for" || words_[first] == "case" || words_[first] == "select");
  if (!declares) add_programs(first);
  addresses(first);
  words_.clear();
}

void Reader::addresses(size_t first) {
  for (size_t at = 0; at < words_.size(); ++at) {
    const std::string& one = words_[at];
    const size_t scheme = one.find("://");
    if (one.starts_with("http://") || one.starts_with("https://"))
      add_once(found_.urls, one);
    else if (scheme != std::string::npos && scheme > 0 && !one.starts_with("file:") &&
             one.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+.-") == scheme)
      add_once(found_.hosts, {one, first < words_.size() ? words_[first] : one.substr(0, scheme)});
  }
}

/// The first word from `at` that is no option and belongs to none.
size_t Reader::after_options(size_t at, std::string_view with_value) const {
  while (at < words_.size() && words_[at].starts_with('-')) {
    const std::string& option = words_[at];
    ++at;
    if (option == "--") break;
    if (!option.starts_with("--") && with_value.find(option.back()) != std::string_view::npos) ++at;
  }
  return at;
}

void Reader::add_programs(size_t first) {
  while (first < words_.size()) {
    if (is_assignment(words_[first])) {  // of `env A=b command`
      ++first;
      continue;
    }
    const std::string_view whole = words_[first];
    // A file's name behind its folders; a value's text may hold slashes of its own.
    const bool has_value = whole.find("${") != std::string_view::npos;
    const std::string name(has_value ? whole : whole.substr(whole.rfind('/') + 1));
    if (name.empty() || is_one_of(name, kOfTheShell)) return;
    if (name == "ssh") {
      add_once(found_.programs, name);
      return ssh(first);
    }
    if (is_one_of(name, kShells)) {
      add_once(found_.programs, name);
      return script(first);
    }
    const auto copier = std::find_if(kCopiers.begin(), kCopiers.end(),
                                     [&](const Copier& one) { return one.name == name; });
    if (copier != kCopiers.end()) copied(first, *copier);
    if (is_one_of(name, kClients)) client(first, name);
    if (name == "tee") tee(first);
    if (name == "dd") dd(first);
    const auto runner = std::find_if(kRunners.begin(), kRunners.end(),
                                     [&](const Runner& one) { return one.name == name; });
    if (runner == kRunners.end()) {
      add_once(found_.programs, name);
      return;
    }
    if (name != "command" && name != "exec" && name != "builtin" && name != "time")
      add_once(found_.programs, name);
    first = after_options(first + 1, runner->with_value) + static_cast<size_t>(runner->words);
  }
}

void Reader::ssh(size_t first) {
  const size_t target = after_options(first + 1, kSshOptions);
  if (target >= words_.size()) return;
  add_once(found_.hosts, {words_[target], "ssh"});
  // What it is to do there is one text, or the words as they stand.
  const size_t command = after_options(target + 1, kSshOptions);
  if (command >= words_.size()) return;
  const std::string text = words_[command];
  if (text.find(' ') != std::string::npos)
    commands_of(text, words_[target]);
  else
    add_programs(command);
}

/// `host:path`, but neither a URL nor a path that has a colon in it.
void Reader::copied(size_t first, const Copier& copier) {
  for (size_t at = after_options(first + 1, copier.with_value); at < words_.size();
       at = after_options(at + 1, copier.with_value)) {
    const std::string& one = words_[at];
    size_t colon = 0;
    for (int depth = 0; colon < one.size(); ++colon) {  // over `${ … }`
      if (one[colon] == '{') ++depth;
      if (one[colon] == '}') --depth;
      if (depth == 0 && (one[colon] == ':' || one[colon] == '/')) break;
    }
    if (colon > 0 && colon < one.size() && one[colon] == ':' && one.find("://") != colon)
      add_once(found_.hosts, {one.substr(0, colon), std::string(copier.name)});
  }
}

void Reader::client(size_t first, const std::string& name) {
  for (size_t at = first + 1; at < words_.size(); ++at) {
    const std::string& one = words_[at];
    std::string host;
    if ((one == "-h" || one == "--host") && at + 1 < words_.size())
      host = words_[at + 1];
    else if (one.starts_with("--host="))
      host = one.substr(sizeof "--host=" - 1);
    else if (one.starts_with("-h") && one.size() > 2)
      host = one.substr(2);
    else if (const size_t in = one.find("host=");
             in == 0 || (in > 0 && in < one.size() && one[in - 1] == ' '))
      host = one.substr(in + 5, one.find(' ', in) - in - 5);  // psql "host=db-1 dbname=app"
    if (!host.empty() && !host.starts_with('/')) add_once(found_.hosts, {host, name});
  }
}

void Reader::tee(size_t first) {
  bool appends = false;
  for (size_t at = first + 1; at < words_.size(); ++at) {
    if (!words_[at].starts_with('-'))
      add_file(words_[at], true, appends);
    else if (words_[at] == "-a" || words_[at] == "--append")
      appends = true;
  }
}

void Reader::dd(size_t first) {
  for (size_t at = first + 1; at < words_.size(); ++at) {
    if (words_[at].starts_with("of=")) add_file(words_[at].substr(3), true, false);
    if (words_[at].starts_with("if=")) add_file(words_[at].substr(3), false, false);
  }
}

void Reader::script(size_t first) {
  for (size_t at = first + 1; at < words_.size() && words_[at].starts_with('-'); ++at) {
    const bool is_script = !words_[at].starts_with("--") && words_[at].ends_with('c');
    if (is_script && at + 1 < words_.size()) return commands_of(words_[at + 1], {});
  }
}

void Reader::commands_of(const std::string& text, const std::string& host) {
  // A value stays one word there too; where it is not known, it is shown as `${name}`.
  Pieces pieces;
  for (size_t at = 0; at < text.size();) {
    const size_t value = std::min(text.find("${", at), text.size());
    if (value > at) pieces.push_back({text.substr(at, value - at), false});
    const size_t end =
        value == text.size() ? value : std::min(text.find('}', value), text.size() - 1) + 1;
    if (end > value) pieces.push_back({text.substr(value, end - value), true});
    at = end;
  }
  ShellCommands there = Reader(pieces).read();
  for (std::string& program : there.programs) add_once(found_.programs, std::move(program));
  for (ShellCommands::Host& one : there.hosts) add_once(found_.hosts, std::move(one));
  for (std::string& url : there.urls) add_once(found_.urls, std::move(url));
  for (ShellCommands::File& file : there.files)
    add_file(host.empty() ? file.path : host + ":" + file.path, file.written, file.appended);
}

}  // namespace

ShellCommands shell_commands(const Pieces& command) { return Reader(command).read(); }

}  // namespace rbk::effects
