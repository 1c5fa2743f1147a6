#include "stdlib/declarations.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "stdlib/registry.h"

namespace rbk::stdlib {
namespace {

TEST(Declarations, HoldTheModulesAsTheyStandInTheirFiles) {
  std::map<std::string, std::string> texts;
  for (const ModuleText& module : module_texts()) {
    texts[std::string(module.name)] = std::string(module.text);
  }
  for (const ModuleText& type : value_texts())
    texts["values/" + std::string(type.name)] = type.text;
  EXPECT_EQ(texts.size(), 14U);
  for (const char* path : {"core.rbk", "shell/shell.rbk", "http/http.rbk", "log/log.rbk"}) {
    std::ifstream file(std::string(RBK_SOURCE_DIR "/stdlib/") + path);
    std::stringstream text;
    text << file.rdbuf();
    const std::string name = std::filesystem::path(path).stem();
    EXPECT_EQ(texts[name], text.str()) << name;
    EXPECT_FALSE(text.str().empty());
  }
}

TEST(Registry, KnowsEveryDeclaredActionAndNoOther) {
  Registry registry({.store = "/nonexistent"});
  for (const ModuleText& module : module_texts()) {
    if (module.name == "log") continue;  // the machine's
    std::istringstream lines{std::string(module.text)};
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("action ")) continue;
      const std::string action = line.substr(7, line.find('(') - 7);
      const std::string module_name(module.name);
      const std::string name = action == module_name ? action : module_name + "." + action;
      EXPECT_TRUE(registry.find(name).has_value()) << name;
    }
  }
  const auto unknown = registry.find("http.fetch");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(unknown.error().message.find("http.fetch"), std::string::npos);
}

}  // namespace
}  // namespace rbk::stdlib
