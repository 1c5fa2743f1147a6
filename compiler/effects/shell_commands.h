// What a shell's command starts and which files it redirects to, as far as its words tell. Reads
// the words of POSIX sh; what it does not understand it leaves out, and never makes up.
#pragma once

#include <string>
#include <vector>

namespace rbk::effects {

/// A text as far as it is known: what was written, and values between, shown as `${name}` where
/// nothing more is known of them.
struct Piece {
  std::string text;
  bool is_value = false;
};
using Pieces = std::vector<Piece>;

struct ShellCommands {
  struct File {
    std::string path;
    bool written = false;   // else read
    bool appended = false;  // written at its end
  };
  struct Host {
    std::string name;  // as it stands there: "root@web-1"
    std::string by;    // the program that reaches it: "ssh"
    friend bool operator==(const Host&, const Host&) = default;
  };
  /// Each once, in the order of the text: "systemctl"; "sudo" and what it starts are both there.
  std::vector<std::string> programs;
  /// Of `> file`, `>> file`, `< file`, `tee`, `dd`; of what runs by `ssh`: "root@web-1:/var/x".
  std::vector<File> files;
  /// Of `ssh`, `scp`, `rsync`, the clients of databases, and of URLs but those below.
  std::vector<Host> hosts;
  std::vector<std::string> urls;  // words that begin with http:// or https://
};

ShellCommands shell_commands(const Pieces& command);

}  // namespace rbk::effects
