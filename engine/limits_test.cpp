#include "engine/limits.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace rbk::engine {
namespace {

namespace json = boost::json;
using bytecode::Manifest;
using bytecode::Program;
using Kind = Manifest::Kind;
using Shape = bytecode::Type::Shape;

/// With the actions http.post(url, bearer, proxy), shell(command, on) and an own one.
Program program() {
  Program made;
  const auto type = [&](Shape shape) {
    bytecode::Type one;
    one.shape = shape;
    made.types.push_back(one);
    return static_cast<bytecode::TypeId>(made.types.size() - 1);
  };
  const auto field = [](const char* name, bytecode::TypeId of) {
    bytecode::Type::Field one;
    one.name = one.outer_name = name;
    one.type = of;
    return one;
  };
  const auto url = type(Shape::kUrl);
  const auto command = type(Shape::kCommand);
  const auto secret = type(Shape::kSecret);
  const auto text = type(Shape::kString);
  bytecode::ActionImport post;
  post.name = "http.post";
  post.parameters = {field("url", url), field("bearer", secret), field("proxy", text)};
  bytecode::ActionImport shell;
  shell.name = "shell";
  shell.parameters = {field("command", command), field("on", text)};
  bytecode::ActionImport own;
  own.name = "page";
  own.exec = "plugins/page";
  made.actions = {post, shell, own};
  return made;
}

/// What is refused, or "".
std::string refused(const std::vector<Manifest::Entry>& allowed, uint32_t action,
                    const char* arguments) {
  const Limits limits(Manifest{"m.json", allowed});
  const Status within = limits.check(program(), action, json::parse(arguments).as_object(),
                                     [](const std::string& name) { return name == "given"; });
  if (within) return {};
  return within.error().message.substr(0, within.error().message.find(" lies outside"));
}

TEST(Limits, ARequestNeedsItsHostAndItself) {
  const Manifest::Entry host{Kind::kHost, "a.example", ""};
  const Manifest::Entry post{Kind::kRequest, "https://a.example/${x}", "POST"};
  const char* request = R"({"url": "https://a.example/y", "proxy": null})";
  EXPECT_EQ(refused({host, post}, 0, request), "");
  EXPECT_EQ(refused({post}, 0, request), "the host a.example");
  EXPECT_EQ(refused({host, {Kind::kRequest, "https://a.example/y", "GET"}}, 0, request),
            "the request POST https://a.example/y");
  EXPECT_EQ(refused({host, post}, 0, R"({"url": "https://a.example/y", "proxy": "http://p:1"})"),
            "the host http://p:1");
}

TEST(Limits, ACommandNeedsItsHost) {
  const Manifest::Entry command{Kind::kCommand, "reboot", "web-1"};
  const Manifest::Entry host{Kind::kHost, "web-1", ""};
  EXPECT_EQ(refused({command, host}, 1, R"({"command": "reboot", "on": "web-1"})"), "");
  EXPECT_EQ(refused({command, host}, 1, R"({"command": "reboot", "on": "web-2"})"),
            "the host web-2");
  EXPECT_EQ(refused({command, host}, 1, R"({"command": "reboot", "on": null})"),
            "the command reboot");
  EXPECT_EQ(refused({}, 2, "{}"), "the command plugins/page");
  EXPECT_EQ(refused({{Kind::kCommand, "plugins/page", ""}}, 2, "{}"), "");
}

TEST(Limits, ASecretIsNamedOrGiven) {
  const std::vector<Manifest::Entry> request{{Kind::kHost, "a", ""},
                                             {Kind::kRequest, "https://a/", "POST"}};
  const auto with = [&](const char* secret, const char* used) {
    std::vector<Manifest::Entry> entries = request;
    entries.push_back({Kind::kSecret, secret, ""});
    return refused(
        entries, 0,
        (std::string(R"({"url": "https://a/", "bearer": {"secret": ")") + used + "\"}}").c_str());
  };
  EXPECT_EQ(with("secrets.db", "db"), "");
  EXPECT_EQ(with("secrets.db", "given"), "the secret given");
  EXPECT_EQ(with("token", "given"), "");
  EXPECT_EQ(with("token", "db"), "the secret db");
}

TEST(Limits, WhoMayDecideIsAllOfThem) {
  const Limits limits(Manifest{"m.json", {{Kind::kPerson, "group \"sre\"", ""}}});
  const auto fits = [&](const char* description) {
    return limits.check_people(json::parse(description).as_object()).has_value();
  };
  EXPECT_TRUE(fits(R"({"by": [{"group": "sre"}]})"));
  EXPECT_FALSE(fits(R"({"by": [{"group": "sre"}, {"user": "ann"}]})"));
  EXPECT_FALSE(fits(R"({"by": [{"group": "sre"}], "escalate_to": [{"group": "dev"}]})"));
  EXPECT_FALSE(fits(R"({"by": [{"group": "sre"}], "break_glass": [{"group": "dev"}]})"));
  EXPECT_FALSE(fits(R"({"by": []})")) << "anybody";
  const Limits open(Manifest{"m.json", {{Kind::kPerson, "anybody", ""}}});
  EXPECT_TRUE(open.check_people(json::parse(R"({"by": []})").as_object()));
}

TEST(Limits, WhatIsNotKnownBeforeARunIsLookedAtThen) {
  const Limits limits(Manifest{"m.json", {{Kind::kHost, "web-1", ""}}});
  EXPECT_TRUE(limits.check({Kind::kHost, "${host}", ""}));
  EXPECT_TRUE(limits.check({Kind::kHost, "web-1", ""}));
  EXPECT_FALSE(limits.check({Kind::kHost, "web-2", ""}));
  EXPECT_FALSE(limits.check({Kind::kPerson, "group \"${team}\"", ""}));
}

}  // namespace
}  // namespace rbk::engine
