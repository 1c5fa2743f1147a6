// Where a store's file lives: what tells it from its copies. A store that finds itself elsewhere
// was restored or copied (rule 6 of durability).
// docs/decisions/0058-a-restored-store-is-another-epoch.md.
#pragma once

#include <string>
#include <string_view>

namespace rbk::engine::sqlite {

/// What a copy says of its home that was made by us.
inline constexpr std::string_view kCopied = "copy";

/// Inode number and time of birth, "INODE SECONDS.NANOSECONDS"; without the time where the file
/// system keeps none; empty if it can't be asked. Neither a rename nor a reboot changes them, nor
/// that its file system is mounted elsewhere or under another device number; a copy has others.
std::string home_of(const std::string& path);
std::string home_of(int file);

/// Whether a file that says `kept` of its home, with blanks behind it or without, lies there still.
/// One that says nothing does.
bool is_home(std::string_view kept, std::string_view found);

}  // namespace rbk::engine::sqlite
