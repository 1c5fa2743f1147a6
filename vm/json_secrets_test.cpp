#include "vm/json_secrets.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace rbk::vm {
namespace {

namespace json = boost::json;
using bytecode::Type;
using Shape = Type::Shape;

Type of(Shape shape, bytecode::TypeId element = bytecode::kNone) {
  Type type;
  type.shape = shape;
  type.element = element;
  return type;
}

/// 0 secret, 1 json, 2 list<secret>, 3 map<string, secret>, 4 Login, 5 Auth, 6 Login?, 7 Result.
bytecode::Program program() {
  bytecode::Program made;
  Type login = of(Shape::kRecord);
  login.name = "Login";
  login.fields = {{"user", "user", 1, bytecode::kNone},
                  {"password", "pass-word", 0, bytecode::kNone}};
  Type auth = of(Shape::kEnum);
  auth.name = "Auth";
  auth.members = {{"none", "none", {}}, {"login", "by login", {{"it", "it", 4, bytecode::kNone}}}};
  made.types = {of(Shape::kSecret),
                of(Shape::kJson),
                of(Shape::kList, 0),
                of(Shape::kMap, 0),
                login,
                auth,
                of(Shape::kOptional, 4),
                of(Shape::kResult, 4)};
  made.constants.push_back({0, 0, "lb_token", {}});
  made.constants.push_back({1, 0, "{\"secret\":\"x\"}", {}});
  return made;
}

/// The names found, and the value with `<NAME>` in their places.
std::string found(bytecode::TypeId type, std::string_view text) {
  json::value value = json::parse(text);
  std::string names;
  EXPECT_TRUE(each_secret(program(), type, value,
                          [&](const std::string& name, json::value& place) -> Status {
                            names += name + " ";
                            place = "<" + name + ">";
                            return {};
                          }));
  return names + json::serialize(value);
}

TEST(JsonSecrets, AreFoundByTheirTypes) {
  EXPECT_EQ(found(0, R"({"secret":"a"})"), R"(a "<a>")");
  EXPECT_EQ(found(2, R"([{"secret":"a"},{"secret":"b"}])"), R"(a b ["<a>","<b>"])");
  EXPECT_EQ(found(3, R"({"x":{"secret":"a"},"y":"plain"})"), R"(a {"x":"<a>","y":"plain"})");
  EXPECT_EQ(found(4, R"({"user":{"secret":"no"},"pass-word":{"secret":"a"}})"),
            R"(a {"user":{"secret":"no"},"pass-word":"<a>"})");
  EXPECT_EQ(found(5, R"({"by login":{"it":{"user":1,"pass-word":{"secret":"a"}}}})"),
            R"(a {"by login":{"it":{"user":1,"pass-word":"<a>"}}})");
  EXPECT_EQ(found(5, R"("none")"), R"("none")");
  EXPECT_EQ(found(6, "null"), "null");
  EXPECT_EQ(found(7, R"({"ok":{"pass-word":{"secret":"a"}}})"), R"(a {"ok":{"pass-word":"<a>"}})");
}

TEST(JsonSecrets, WhatIsJsonHoldsNone) {
  EXPECT_EQ(found(1, R"({"secret":"a"})"), R"({"secret":"a"})");
  EXPECT_EQ(found(0, R"({"secret":"a","more":1})"), R"({"secret":"a","more":1})");
  EXPECT_EQ(found(4, R"([{"secret":"a"}])"), R"([{"secret":"a"}])");
  EXPECT_EQ(named_secrets(program()), (std::set<std::string>{"lb_token"}));
}

TEST(JsonSecrets, TextsKeysAndNumbersAreMasked) {
  const Masks masks({"12345", "s3cret"});
  const json::value value = json::parse(
      R"({"a":["s3cret!",12345,123456,1.5,true,null],"s3cret":{"12345":"x"},"n":-12345})");
  EXPECT_EQ(json::serialize(masked(value, masks)),
            R"({"a":["***!","***",123456,1.5E0,true,null],"***":{"***":"x"},"n":-12345})");
}

TEST(JsonSecrets, NamesOfFieldsAndMembersAreTheProgramsAndStay) {
  const Masks masks({"user", "pass-word", "by login", "s3cret"});
  const auto shown = [&](bytecode::TypeId type, const char* text) {
    return json::serialize(masked(program(), type, json::parse(text), masks));
  };
  EXPECT_EQ(shown(4, R"({"user":"s3cret","pass-word":"x"})"), R"({"user":"***","pass-word":"x"})");
  EXPECT_EQ(shown(5, R"({"by login":{"it":{"user":1,"pass-word":"s3cret"}}})"),
            R"({"by login":{"it":{"user":1,"pass-word":"***"}}})");
  EXPECT_EQ(shown(3, R"({"s3cret":"user"})"), R"({"***":"***"})");
  EXPECT_EQ(shown(1, R"({"user":"x"})"), R"({"***":"x"})");
  EXPECT_EQ(json::serialize(masked_fields(json::parse(R"({"user":"s3cret"})").as_object(), masks)),
            R"({"user":"***"})");
}

}  // namespace
}  // namespace rbk::vm
