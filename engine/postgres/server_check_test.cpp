#include "engine/postgres/server_check.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/postgres/errors.h"
#include "engine/postgres/lease.h"
#include "engine/postgres/parameters.h"

namespace rbk::engine::postgres {
namespace {

ServerFacts sound() {
  ServerFacts facts;
  facts.version = 150018;
  facts.encoding = "UTF8";
  facts.waits = false;
  return facts;
}

ErrorKind kind_of(const ServerFacts& facts, bool reading = false, bool best_effort = false) {
  const Status fit = check_server(facts, "postgresql://db/x", reading, best_effort);
  if (fit) return ErrorKind::kInternal;
  EXPECT_NE(fit.error().message.find("postgresql://db/x"), std::string::npos);
  EXPECT_FALSE(fit.error().cure.empty());
  return fit.error().kind;
}

TEST(PostgresServer, WhatCanHoldAStoreIsTaken) {
  EXPECT_TRUE(check_server(sound(), "x", false, false));
  ServerFacts replicated = sound();
  replicated.standbys = 2;
  replicated.waits = true;
  EXPECT_TRUE(check_server(replicated, "x", false, false));
}

TEST(PostgresServer, WhatCanNotIsRefused) {
  ServerFacts facts = sound();
  facts.version = 90624;
  EXPECT_EQ(kind_of(facts, true), ErrorKind::kUnsupported);
  facts = sound();
  facts.encoding = "LATIN1";
  EXPECT_EQ(kind_of(facts, true), ErrorKind::kUnsupported);
  facts = sound();
  facts.standby = true;
  EXPECT_EQ(kind_of(facts), ErrorKind::kPermission);
  EXPECT_TRUE(check_server(facts, "x", true, false));
  facts = sound();
  facts.read_only = true;
  EXPECT_EQ(kind_of(facts, false, true), ErrorKind::kPermission);
}

TEST(PostgresServer, WhatMayLoseACommitIsRefusedUnlessThatIsUnderstood) {
  for (const auto spoil : {+[](ServerFacts& facts) { facts.fsync = false; },
                           +[](ServerFacts& facts) { facts.whole_pages = false; },
                           +[](ServerFacts& facts) { facts.standbys = 1; }}) {
    ServerFacts facts = sound();
    spoil(facts);
    EXPECT_EQ(kind_of(facts), ErrorKind::kRefused);
    EXPECT_TRUE(check_server(facts, "x", false, true));
    EXPECT_TRUE(check_server(facts, "x", true, false));
  }
}

TEST(PostgresErrors, AStateIsFoundInWhatLibpqSays) {
  EXPECT_EQ(state_in("connection to server on socket \"/x\" failed: FATAL:  28P01: Passwort-"
                     "Authentifizierung fehlgeschlagen\nLOCATION:  auth_failed, auth.c:326"),
            "28P01");
  EXPECT_EQ(state_in("FATAL:  password authentication failed for user \"ann\""), "28P01");
  EXPECT_EQ(state_in("FATAL:  database \"x\" does not exist"), "3D000");
  EXPECT_EQ(state_in("FATAL:  the database system is starting up"), "57P03");
  EXPECT_EQ(state_in("connection refused"), "");
}

TEST(PostgresErrors, EachKindHasItsCure) {
  const auto kind = [](const char* state) {
    const Error error = translate("postgresql://db/x", "write to it", {state, "why", {}, false});
    EXPECT_NE(error.message.find("postgresql://db/x"), std::string::npos) << state;
    EXPECT_FALSE(error.cure.empty()) << state;
    return error.kind;
  };
  EXPECT_EQ(kind(""), ErrorKind::kIo);
  EXPECT_EQ(kind("08006"), ErrorKind::kIo);
  EXPECT_EQ(kind("28P01"), ErrorKind::kPermission);
  EXPECT_EQ(kind("3D000"), ErrorKind::kNotFound);
  EXPECT_EQ(kind("42501"), ErrorKind::kPermission);
  EXPECT_EQ(kind("25006"), ErrorKind::kPermission);
  EXPECT_EQ(kind("53100"), ErrorKind::kFull);
  EXPECT_EQ(kind("53300"), ErrorKind::kLocked);
  EXPECT_EQ(kind("55P03"), ErrorKind::kLocked);
  EXPECT_EQ(kind("40P01"), ErrorKind::kLocked);
  EXPECT_EQ(kind("57P01"), ErrorKind::kIo);
  EXPECT_EQ(kind("XX001"), ErrorKind::kCorrupt);
  EXPECT_EQ(kind("54000"), ErrorKind::kLimit);
  EXPECT_EQ(kind("99999"), ErrorKind::kIo);
}

TEST(PostgresErrors, OnlyWhatWasRolledBackForCertainIsTransient) {
  EXPECT_TRUE((Failure{"40001", {}, {}, false}.is_transient()));
  EXPECT_TRUE((Failure{"40P01", {}, {}, false}.is_transient()));
  EXPECT_FALSE((Failure{"40001", {}, {}, true}.is_transient()));
  EXPECT_FALSE((Failure{"40003", {}, {}, false}.is_transient()));
}

TEST(PostgresParameters, TextsAreWhatTheServerTakes) {
  EXPECT_EQ(clean_text("héllo 🙂"), "héllo 🙂");
  EXPECT_EQ(clean_text(std::string_view("a\0b", 3)),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(clean_text("a\xff\xc3z\xc3"), "a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd");
  EXPECT_EQ(clean_text(""), "");
}

TEST(PostgresParameters, AnArrayIsInTheServersForm) {
  EXPECT_EQ(Array(Type::kInteger).binary(), std::string("\0\0\0\0\0\0\0\0\0\0\0\x14", 12));
  Array array(Type::kText);
  array.text("ab");
  EXPECT_EQ(array.binary(),
            std::string("\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\1\0\0\0\1\0\0\0\2ab", 26));
  Array numbers(Type::kInteger);
  numbers.integer(std::optional<int64_t>());
  numbers.integer(-2);
  EXPECT_EQ(numbers.binary().substr(20),
            std::string("\xff\xff\xff\xff\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xfe", 16));
}

TEST(PostgresLease, DeathIsProvedForProcessesThatCanBeSeen) {
  const std::string own = process_birth();
  ASSERT_FALSE(own.empty());
  EXPECT_FALSE(is_proved_dead(own));
  EXPECT_FALSE(is_proved_dead(""));
  EXPECT_FALSE(is_proved_dead("another-boot:pid:[1] 1 5"));
  const std::string boot = own.substr(0, own.find(' '));
  EXPECT_TRUE(is_proved_dead(boot + " " + std::to_string(getpid()) + " 1")) << "another's number";
  EXPECT_TRUE(is_proved_dead(boot + " 99999999 1"));
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t ended;
  waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
  EXPECT_TRUE(is_proved_dead(boot + " " + std::to_string(child) + " 5")) << "not fetched yet";
  waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace rbk::engine::postgres
