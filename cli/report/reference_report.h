// The reference of what modules and files declare, as people read it, and as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "compiler/reference/reference.h"

namespace rbk::cli {

/// Each module on a line.
std::string modules_text(const std::vector<reference::Module>& modules, bool colour);
/// What it is for, and each of its public entries on a line.
std::string module_text(const reference::Module& module, bool colour);
/// All that there is to say. `modules`: where the types that it names are looked for.
std::string entry_text(const std::vector<reference::Module>& modules,
                       const reference::Module& module, const reference::Entry& entry, bool colour);
/// "string.split(separator: string) -> list<string>  its parts".
std::string entry_line(const reference::Entry& entry, bool colour);

boost::json::object module_json(const reference::Module& module);
boost::json::object entry_json(const reference::Module& module, const reference::Entry& entry);

}  // namespace rbk::cli
