#include "compiler/reference/reference.h"

#include <gtest/gtest.h>

#include "compiler/syntax/parse.h"
#include "vm/bytecode/op_table.h"

namespace rbk::reference {
namespace {

const Entry* find(const std::vector<Module>& modules, std::string_view full_name) {
  for (const Module& module : modules)
    for (const Entry& entry : module.entries)
      if (entry.full_name == full_name) return &entry;
  return nullptr;
}

TEST(Reference, SaysWhatADeclarationSays) {
  const source::Source source(0, "x.rbk", R"(//! A file.
/// What it does.
///
/// ```rbk
/// step a = get("x")
/// ```
action get(
  /// Where.
  url: Url,
  times: int = 3,
) -> Response reads = native
enum Env { staging, custom(name: string) }
runbook _hidden(n: int = 1 where n in 1..3) {
  log.info("x")
}
)");
  const syntax::ParsedFile parsed = syntax::parse(source);
  const Module module = module_of("http", "http", source, parsed.ast);
  EXPECT_EQ(module.doc, "A file.");
  ASSERT_EQ(module.entries.size(), 3U);
  const Entry& get = module.entries[0];
  EXPECT_EQ(get.full_name, "http.get");
  EXPECT_EQ(get.signature, "http.get(url: Url, times: int = 3) -> Response");
  EXPECT_EQ(get.behaviour, "reads");
  EXPECT_EQ(get.fields[0].doc, "Where.");
  EXPECT_EQ(get.fields[1].default_value, "3");
  EXPECT_TRUE(get.doc.starts_with("What it does.\n\n```rbk"));
  EXPECT_EQ(module.entries[1].fields[1].type, "(name: string)");
  EXPECT_TRUE(module.entries[2].is_private);
  EXPECT_EQ(module.entries[2].fields[0].where, std::vector<std::string>{"n in 1..3"});
}

TEST(Reference, TheFunctionsOfValuesAreThoseOfTheMachine) {
  const std::vector<Module> modules = functions_of_values();
  size_t count = 0;
  for (const bytecode::NativeInfo& native : bytecode::natives()) {
    std::string name(native.name);
    const size_t dot = name.find('.');
    const std::string first = name.substr(0, dot);
    if (first == "range" || first == "sort" || first == "shell" || first == "url") continue;
    // Functions of a type itself are named the other way round there.
    if (first == "parse" || first == "from_unix") name = name.substr(dot + 1) + "." + first;
    EXPECT_NE(find(modules, name), nullptr) << name;
    ++count;
  }
  EXPECT_GT(count, 100U);
  const Entry* split = find(modules, "string.split");
  ASSERT_NE(split, nullptr);
  EXPECT_EQ(split->signature, "string.split(separator: string) -> list<string>");
  EXPECT_EQ(split->doc, "its parts");
  EXPECT_EQ(split->example, "\"a,b\".split(\",\").join(\"+\")");
  EXPECT_EQ(split->gives, "a+b");
  EXPECT_EQ(split->result, "list<string>");
  EXPECT_EQ(find(modules, "list.first")->result, "T?");
  EXPECT_EQ(find(modules, "string.columns")->gives, "[{\"NAME\":\"web-1\",\"AGE\":\"5d\"}]");
}

}  // namespace
}  // namespace rbk::reference
