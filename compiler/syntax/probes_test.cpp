// The inputs of tests/grammar/probes against their baselines: the tree, and each error with its
// place. RBK_UPDATE=1 writes the baselines anew; read the difference before you keep it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "compiler/syntax/dump.h"
#include "compiler/syntax/parse.h"

namespace rbk::syntax {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<fs::path> probes() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(RBK_SOURCE_DIR "/tests/grammar/probes")) {
    if (entry.path().extension() == ".rbk") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string report(const source::Source& source, const ParsedFile& file) {
  std::string out;
  for (const SyntaxError& error : file.errors) {
    const source::LineColumn at = source.position(error.span.begin);
    out += fmt::format("error {}:{} {}\n", at.line, at.column, error.message);
    if (!error.hint.empty()) out += fmt::format("  hint {}\n", error.hint);
  }
  return out + dump(file.ast);
}

TEST(Probes, GiveTheirBaselines) {
  const bool update = std::getenv("RBK_UPDATE") != nullptr;
  size_t count = 0;
  for (const fs::path& path : probes()) {
    const source::Source source(0, path.filename().string(), read(path));
    const std::string found = report(source, parse(source));
    fs::path baseline = path;
    baseline.replace_extension(".ast");
    if (update) std::ofstream(baseline, std::ios::binary) << found;
    EXPECT_EQ(found, read(baseline)) << path.filename();
    ++count;
  }
  EXPECT_GE(count, 93u);
}

TEST(Probes, OneMistakeGivesOneError) {
  // What these break they break in more than one place; all others have one mistake at most.
  const std::map<std::string, size_t> several = {
      {"ex2", 2}, {"p26_list_value", 2}, {"r11_block_value_then_clause", 2}, {"s04_lost_paren", 2}};
  for (const fs::path& path : probes()) {
    const source::Source source(0, path.filename().string(), read(path));
    const auto known = several.find(path.stem().string());
    EXPECT_LE(parse(source).errors.size(), known == several.end() ? 1 : known->second)
        << path.filename();
  }
}

}  // namespace
}  // namespace rbk::syntax
