#include "tests/mistakes/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "stdlib/declarations.h"

namespace rbk::mistakes {
namespace {

namespace fs = std::filesystem;

Result<std::string> read(const fs::path& path) {
  std::ifstream file(path);
  if (!file) return fail(ErrorKind::kNotFound, fmt::format("no file '{}'", path.string()));
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

/// Cuts a conformance file into its cases; a file without cases is one text.
std::vector<Text> texts_of(const fs::path& path) {
  auto whole = read(path);
  if (!whole) throw std::runtime_error(whole.error().message);
  const std::string folder = path.parent_path().string();
  if (whole->find("\n// --- ") == std::string::npos && !whole->starts_with("// --- "))
    return {{path.string(), {}, folder, *whole}};
  std::vector<Text> cases;
  std::istringstream lines(*whole);
  bool several_files = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("// --- ")) {
      if (several_files) cases.pop_back();
      several_files = false;
      cases.push_back({path.string(), line.substr(7), folder, {}});
    } else if (!cases.empty()) {
      several_files = several_files || line.starts_with("// +++ ");
      cases.back().text += line + "\n";
    }
  }
  if (several_files) cases.pop_back();
  return cases;
}

}  // namespace

check::CheckedProgram check_text(const Text& origin, std::string text) {
  check::Options options;
  for (const stdlib::ModuleText& module : stdlib::module_texts())
    options.standard.push_back({module.name, module.text});
  options.read = [&origin](const std::string& path) {
    return read(fs::path(origin.folder) / path);
  };
  return check::check("case.rbk", std::move(text), options);
}

std::vector<Text> read_corpus(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(path))
      if (entry.path().extension() == ".rbk") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Text> corpus;
  for (const fs::path& file : files)
    for (Text& text : texts_of(file))
      if (!check_text(text, text.text).diagnostics.has_errors()) corpus.push_back(std::move(text));
  return corpus;
}

}  // namespace rbk::mistakes
