// A run's parameters: read by type, defaults filled in, conditions tested, faults told together.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "vm/machine.h"
#include "vm/testing/assembler.h"

namespace rbk::vm {
namespace {

constexpr std::string_view kProgram = R"(
enum Env { staging, prod }
record Host { name: string, port: int = 80 }
runbook main(service: string, env: Env, batch: int = two where in_range message "batch in 1..10", wait: duration?, hosts: list<Host>, token: secret) = main
function two(service: string, env: Env) -> int pure
  reg n int
  LoadInt n 2
  Return n
end
function in_range(service: string, env: Env, batch: int) -> bool pure
  reg most int
  reg fits bool
  LoadInt most 10
  LeInt fits batch most
  Return fits
end
function message(service: string, env: Env, batch: int) -> string pure
  reg head text ref
  LoadConst head "at most ten hosts at once, not "
  ToText text batch int
  Concat text head 2
  Return text
end
function main(service: string, env: Env, batch: int, wait: duration?, hosts: list<Host>, token: secret)
  ReturnNothing
end
)";

std::string check(std::string_view given) {
  const bytecode::Program program = testing::assemble(kProgram);
  const Status valid = bytecode::verify(program);
  EXPECT_TRUE(valid) << valid.error().message;
  const Result<boost::json::array> result =
      check_parameters(program, program.runbooks[0], boost::json::parse(given).as_object());
  return result ? boost::json::serialize(*result) : result.error().message;
}

TEST(ParametersTest, DefaultsAreFilledInAndFormsMadePlain) {
  EXPECT_EQ(check(R"({"service":"api","env":"prod","hosts":[{"name":"a"}],"token":"@lb"})"),
            R"(["api","prod",2,null,[{"name":"a","port":80}],{"secret":"lb"}])");
  EXPECT_EQ(check(R"({"service":"api","env":"prod","batch":10.0,"wait":"90s","hosts":[],)"
                  R"("token":{"secret":"lb"}})"),
            R"(["api","prod",10,"1m30s",[],{"secret":"lb"}])");
}

TEST(ParametersTest, AllFaultsAreToldTogether) {
  EXPECT_EQ(check(R"({"servce":"api","env":"dev","batch":30,"hosts":[{"name":"a","prt":1}],)"
                  R"("token":"hunter2"})"),
            "main has no parameter servce; is service meant?\n"
            "service: expected string, but it is missing\n"
            "env: expected Env (one of staging, prod), got \"dev\"\n"
            "hosts[0].prt: Host has no field of this name; is port meant?\n"
            "token: expected where a secret is kept, never its value: \"@lb_token\" by its name, "
            "\"@env:LB_TOKEN\" or \"@file:PATH\"");
}

TEST(ParametersTest, ConditionsShowTheirValues) {
  EXPECT_EQ(check(R"({"service":"api","env":"prod","batch":30,"hosts":[],"token":"@lb"})"),
            "batch: at most ten hosts at once, not 30");
}

TEST(ParametersTest, WhatIsNestedTooDeepIsRefused) {
  boost::json::value deep = boost::json::array{};
  for (int i = 0; i < 1000; ++i) deep = boost::json::array{std::move(deep)};
  const bytecode::Program program = testing::assemble(kProgram);
  const Result<boost::json::array> result =
      check_parameters(program, program.runbooks[0], {{"hosts", std::move(deep)}});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("hosts: the value is too large or nested too deep"),
            std::string::npos);
}

}  // namespace
}  // namespace rbk::vm
