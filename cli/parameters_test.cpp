#include "cli/parameters.h"

#include <boost/json/serialize.hpp>
#include <fstream>

#include "cli/ran_command.h"

namespace rbk::cli {
namespace {

using Shape = bytecode::Type::Shape;

class Parameters : public ::testing::Test {
 protected:
  Parameters() { runbook.name = "deploy"; }

  bytecode::TypeId type(Shape shape, bytecode::TypeId element = bytecode::kNone) {
    bytecode::Type made;
    made.shape = shape;
    made.element = element;
    program.types.push_back(made);
    return static_cast<bytecode::TypeId>(program.types.size() - 1);
  }
  void parameter(std::string name, bytecode::TypeId id) {
    bytecode::Parameter made;
    made.name = std::move(name);
    made.type = id;
    runbook.parameters.push_back(made);
  }
  std::string read(const std::vector<OtherOption>& given,
                   const std::optional<std::string>& file = {}) {
    const Result<boost::json::object> read =
        read_parameters(program, runbook, given, file, {"--reason", "--detach"});
    return read ? boost::json::serialize(*read) : read.error().message + " / " + read.error().cure;
  }

  bytecode::Program program;
  bytecode::Runbook runbook;
};

TEST_F(Parameters, AreReadByTheirTypes) {
  parameter("batch", type(Shape::kInt));
  parameter("share", type(Shape::kFloat));
  parameter("force", type(Shape::kBool));
  parameter("service", type(Shape::kString));
  parameter("every", type(Shape::kDuration));
  parameter("token", type(Shape::kSecret));
  parameter("config", type(Shape::kJson));
  parameter("env", type(Shape::kOptional, type(Shape::kEnum)));
  EXPECT_EQ(read({{"batch", "3"},
                  {"share", "0.5"},
                  {"force", std::nullopt},
                  {"service", "7"},
                  {"every", "5m"},
                  {"token", "@lb"},
                  {"config", "{\"a\":[1]}"},
                  {"env", "prod"}}),
            R"({"batch":3,"share":5E-1,"force":true,"service":"7","every":"5m","token":"@lb",)"
            R"("config":{"a":[1]},"env":"prod"})");
}

TEST_F(Parameters, WhatDoesNotFitIsLeftToTheTypesOwnMessage) {
  parameter("batch", type(Shape::kInt));
  EXPECT_EQ(read({{"batch", "three"}}), R"({"batch":"three"})");
  EXPECT_EQ(read({{"batch", "3x"}}), R"({"batch":"3x"})");
}

TEST_F(Parameters, ListsAreGivenByRepeating) {
  parameter("port", type(Shape::kList, type(Shape::kInt)));
  parameter("host", type(Shape::kString));
  EXPECT_EQ(read({{"port", "1"}, {"port", "2"}}), R"({"port":[1,2]})");
  EXPECT_EQ(read({{"host", "a"}, {"host", "b"}}),
            "--host is given twice / only a list is given by repeating");
}

TEST_F(Parameters, DashesStandForUnderscores) {
  parameter("dry_mode", type(Shape::kBool));
  EXPECT_EQ(read({{"dry-mode", "false"}}), R"({"dry_mode":false})");
}

TEST_F(Parameters, UnknownOnesNameTheNearest) {
  parameter("batch", type(Shape::kInt));
  EXPECT_EQ(read({{"bacth", "3"}}), "deploy has no parameter --bacth / did you mean --batch?");
  EXPECT_EQ(read({{"detahc", std::nullopt}}),
            "deploy has no parameter --detahc / did you mean --detach?");
  EXPECT_EQ(read({{"x", "3"}}), "deploy has no parameter --x / it takes --batch");
}

TEST_F(Parameters, NoJsonIsSaidSo) {
  parameter("config", type(Shape::kJson));
  EXPECT_TRUE(read({{"config", "{a}"}}).starts_with("--config: expected JSON, got `{a}`"));
}

TEST_F(Parameters, AKeyThatIsGivenTwiceIsRefused) {
  parameter("config", type(Shape::kJson));
  const std::string path = own_file("twice.json");
  const auto file = [&](const std::string& text) {
    std::ofstream(path) << text;
    return read({}, path);
  };
  const std::string cure = " / leave one of the two out";
  EXPECT_EQ(file(R"({"config": 1, "config": 2})"), path + " gives `config` twice" + cure);
  EXPECT_EQ(file(R"({"config": {"a": [1, {"b": {}, "\u0062": "}"}]}})"),
            path + " gives `config.a[1].b` twice" + cure);
  EXPECT_EQ(file(R"({"config": [{"a": "\"a\": 1, {"}, {"a": ",\"a\":"}, "a", "a"]})"),
            R"({"config":[{"a":"\"a\": 1, {"},{"a":",\"a\":"},"a","a"]})");
  EXPECT_EQ(read({{"config", R"({"a": 1, "a": 2})"}}), "--config: `a` is given twice" + cure);
}

TEST_F(Parameters, TheCommandLineReplacesTheFile) {
  parameter("batch", type(Shape::kInt));
  const std::string path = own_file("parameters.json");
  std::ofstream(path) << R"({"batch": 1, "reason": "x"})";
  EXPECT_EQ(read({{"batch", "3"}}, path), R"({"batch":3,"reason":"x"})");
  std::ofstream(path) << "[1]";
  EXPECT_EQ(read({}, path), path + R"( holds no JSON object / write {"parameter": value, …})");
  EXPECT_TRUE(read({}, path + "x").starts_with(path + "x cannot be read"));
}

}  // namespace
}  // namespace rbk::cli
