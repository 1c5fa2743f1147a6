// For tests of the checker: a project in memory, with the standard modules as they stand in
// stdlib/.
#pragma once

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "compiler/check/checked.h"
#include "timing/system_zones.h"

namespace rbk::check::testing {

inline std::string read_source_file(const std::string& path) {
  std::ifstream file(std::string(RBK_SOURCE_DIR "/") + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// `files` can be imported, and named as programs, by their paths.
inline CheckedProgram check_text(std::string text,
                                 const std::map<std::string, std::string>& files = {},
                                 std::string path = "main.rbk") {
  static const std::string core = read_source_file("stdlib/core.rbk");
  static const std::string shell = read_source_file("stdlib/shell/shell.rbk");
  static const std::string http = read_source_file("stdlib/http/http.rbk");
  static const std::string log = read_source_file("stdlib/log/log.rbk");
  Options options;
  options.standard = {{"core", core}, {"shell", shell}, {"http", http}, {"log", log}};
  options.groups = {{"sre", {"ann", "bob"}}, {"sre-leads", {"ann", "cat"}}, {"nobody", {}}};
  options.secrets = {"lb_token", "a", "b", "c", "d", "prod"};
  options.notify.emplace().insert("sre");
  options.read = [&files](const std::string& wanted) -> Result<std::string> {
    const auto found = files.find(wanted);
    if (found == files.end())
      return fail(ErrorKind::kNotFound, fmt::format("there is no file `{}`", wanted));
    return found->second;
  };
  options.find_program = [&files](const std::string& wanted) -> Result<FoundProgram> {
    const auto found = files.find(wanted);
    if (found == files.end())
      return fail(ErrorKind::kNotFound, fmt::format("there is no file `{}`", wanted));
    FoundProgram program{sha256(found->second), std::nullopt};
    if (!found->second.starts_with("#!"))
      program.unfit = Error{ErrorKind::kInvalid, "its first line says nothing", "add one"};
    return program;
  };
  options.zones = {timing::system_zone, timing::system_zone_names};
  return check(std::move(path), std::move(text), options);
}

/// "RBK0100 2:5 there is no `cuont` here", by place.
inline std::vector<std::string> lines_of(const CheckedProgram& program) {
  std::vector<std::string> result;
  for (const diagnostics::Diagnostic& one : program.diagnostics.sorted()) {
    const source::Source& source = program.sources.get(one.primary.file);
    const source::LineColumn place = source.position(one.primary.begin);
    result.push_back(
        fmt::format("{}{} {}:{} {}", source.path() == "main.rbk" ? "" : source.path() + " ",
                    diagnostics::code_text(one.code), place.line, place.column, one.message));
  }
  return result;
}

}  // namespace rbk::check::testing
