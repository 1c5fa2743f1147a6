// Text as one word of a POSIX shell.
#pragma once

#include <string>
#include <string_view>

namespace rbk {

/// As it stands where the shell takes it so, else in single quotes. A zero byte can be in no word:
/// whoever runs what comes out refuses it before.
std::string shell_word(std::string_view text);

/// The same on one line: a text with control characters is written as `$'…'`, which bash, zsh and
/// ksh read. For commands that are shown, to be copied.
std::string shown_shell_word(std::string_view text);

}  // namespace rbk
