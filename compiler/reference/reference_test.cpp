#include "compiler/reference/reference.h"

#include <gtest/gtest.h>

#include "compiler/syntax/parse.h"

namespace rbk::reference {
namespace {

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

TEST(Reference, SaysWhatTheValuesOfATypeCanDo) {
  const source::Source source(0, "list.rbk", R"(//! Lists.

/// How many.
fn list<T>.length -> int = native

/// Of each.
fn list<T>.map(of: fn(T) -> U) -> list<U> = native

/// From text.
fn parse(text: string) -> list<string> = native
)");
  const syntax::ParsedFile parsed = syntax::parse(source);
  ASSERT_TRUE(parsed.ok());
  const Module module = module_of("list", "list", source, parsed.ast);
  EXPECT_TRUE(module.of_values);
  ASSERT_EQ(module.entries.size(), 3U);
  EXPECT_EQ(module.entries[0].signature, "list<T>.length -> int");
  EXPECT_EQ(module.entries[0].full_name, "list.length");
  EXPECT_EQ(module.entries[0].doc, "How many.");
  EXPECT_EQ(module.entries[0].result, "int");
  EXPECT_EQ(module.entries[1].signature, "list<T>.map(of: fn(T) -> U) -> list<U>");
  EXPECT_EQ(module.entries[1].fields[0].type, "fn(T) -> U");
  EXPECT_EQ(module.entries[2].signature, "list.parse(text: string) -> list<string>");
}

}  // namespace
}  // namespace rbk::reference
