#include "stdlib/exec/answer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "stdlib/exec/declared_test.h"

namespace rbk::stdlib {
namespace {

using engine::Effect;
using Kind = engine::Outcome::Kind;

Answer read(std::string_view text) { return read_answer(text, testing::DeclaresInt()); }

std::string fault(std::string_view text) {
  const Answer answer = read(text);
  return answer.fault ? answer.fault->what : "no fault";
}

TEST(Answer, AnOutputIsTheValueOfOk) {
  const Answer answer = read(" \n{\"ok\": 7}\n\n");
  ASSERT_FALSE(answer.fault);
  EXPECT_EQ(answer.outcome.kind, Kind::kOk);
  EXPECT_EQ(answer.outcome.output, boost::json::value(7));
}

TEST(Answer, AnErrorHasWhatItSays) {
  const Answer answer = read(
      R"({"error": {"kind": "Full", "message": "no room", "retryable": true, "effect": "none", "fields": {"inbox": "a"}}})");
  ASSERT_FALSE(answer.fault) << answer.fault->what;
  EXPECT_EQ(answer.outcome.kind, Kind::kError);
  EXPECT_EQ(answer.outcome.error.kind, "lib/mail.Full");
  EXPECT_EQ(answer.outcome.error.message, "no room");
  EXPECT_TRUE(answer.outcome.error.retryable);
  EXPECT_EQ(answer.outcome.effect, Effect::kNone);
  EXPECT_EQ(answer.outcome.error.fields, (boost::json::object{{"inbox", "a"}}));
}

TEST(Answer, AnErrorNeedsNoMoreThanAMessage) {
  const Answer answer = read(R"({"error": {"message": "no room"}})");
  ASSERT_FALSE(answer.fault);
  EXPECT_EQ(answer.outcome.error.kind, "Failed");
  EXPECT_FALSE(answer.outcome.error.retryable);
  EXPECT_EQ(answer.outcome.effect, Effect::kDone);
}

TEST(Answer, WhatIsNoAnswerIsSaid) {
  EXPECT_TRUE(fault("").starts_with("printed no answer: expected one JSON object"));
  EXPECT_TRUE(fault(" \n ").starts_with("printed no answer"));
  EXPECT_NE(fault("{\n  'ok': 1}").find("line 2, column 3"), std::string::npos)
      << fault("{\n  'ok': 1}");
  EXPECT_NE(fault(R"({"ok": 1)").find("no JSON"), std::string::npos);
  EXPECT_NE(fault("{\"ok\": \"\xff\"}").find("no JSON"), std::string::npos);
  EXPECT_NE(fault(R"({"ok": 1}{"ok": 2})").find("more than one answer"), std::string::npos);
  EXPECT_NE(fault("7").find("answered a number"), std::string::npos);
  EXPECT_NE(fault("{}").find("an empty object"), std::string::npos);
  EXPECT_NE(fault(R"({"id": 1})").find("its output stands in `ok`"), std::string::npos);
  EXPECT_NE(fault(R"({"ok": 1, "id": 1})").find("nothing beside it"), std::string::npos);
  EXPECT_NE(fault(R"({"ok": 1, "error": {}})").find("both"), std::string::npos);
  EXPECT_NE(fault(R"({"ok": "x"})").find("$.ok: expected int"), std::string::npos);
  EXPECT_NE(
      fault(R"({"error": {"kind": 7, "message": "m"}})").find("$.error.kind: expected a text"),
      std::string::npos);
  EXPECT_NE(fault(R"({"error": {"message": ""}})").find("$.error.message"), std::string::npos);
  EXPECT_NE(fault(R"({"error": {"mesage": "m"}})").find("is message meant?"), std::string::npos);
  EXPECT_NE(fault(R"({"error": {"message": "m", "retryable": "yes"}})").find("true or false"),
            std::string::npos);
  EXPECT_NE(fault(R"({"error": {"message": "m", "fields": []}})").find("$.error.fields: expected"),
            std::string::npos);
  EXPECT_NE(fault(R"({"error": {"kind": "Other", "message": "m"}})").find("$.error.kind: "),
            std::string::npos);
  EXPECT_NE(fault(R"({"error": {"kind": "Full", "message": "m"}})").find("$.error.fields.inbox"),
            std::string::npos);
}

TEST(Answer, DeepNestingIsRefusedAndNotFollowed) {
  EXPECT_NE(fault(std::string(100'000, '[')).find("no JSON"), std::string::npos);
}

TEST(Answer, WhatIsKnownOfTheEffectStaysKnown) {
  EXPECT_EQ(read("").fault->effect, Effect::kUnknown);
  EXPECT_EQ(read(R"({"ok": "x"})").fault->effect, Effect::kDone);
  EXPECT_EQ(read(R"({"error": {"kind": "Other", "message": "m", "effect": "none"}})").fault->effect,
            Effect::kNone);
  EXPECT_EQ(read(R"({"error": {"message": "m", "effect": "perhaps"}})").fault->effect,
            Effect::kUnknown);
}

}  // namespace
}  // namespace rbk::stdlib
