#include "engine/postgres/url.h"

#include <gtest/gtest.h>

namespace rbk::engine::postgres {
namespace {

TEST(PostgresUrl, OurParametersAreTakenOut) {
  const Url url = parse_url(
                      "postgresql://ann@db1:5433/ops?sslmode=require&schema=a%20b&lease=1m30s"
                      "&connect_timeout=3&durability=best_effort")
                      .value();
  EXPECT_EQ(url.connection, "postgresql://ann@db1:5433/ops?sslmode=require&connect_timeout=3");
  EXPECT_EQ(url.schema, "a b");
  EXPECT_EQ(url.lease, 90'000'000);
  EXPECT_TRUE(url.best_effort);
  const Url plain = parse_url("postgres:///ops").value();
  EXPECT_EQ(plain.connection, "postgres:///ops");
  EXPECT_EQ(plain.schema, "runbook");
  EXPECT_EQ(plain.lease, kLease);
  EXPECT_FALSE(plain.best_effort);
}

TEST(PostgresUrl, WhatOurParametersCanNotBeIsNamed) {
  for (const char* parameter : {"schema=", "schema=pg_mine", "schema=%00", "lease=0s", "lease=2h",
                                "lease=fast", "durability=none", "lease"}) {
    const auto refused = parse_url(std::string("postgresql://u:secret@h/d?") + parameter);
    ASSERT_FALSE(refused) << parameter;
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid) << parameter;
    EXPECT_FALSE(refused.error().cure.empty());
    EXPECT_EQ(refused.error().message.find("secret"), std::string::npos);
  }
}

TEST(PostgresUrl, NoPasswordIsEverShown) {
  EXPECT_EQ(without_password("postgresql://ann:secret@db1:5433/ops?sslmode=require"),
            "postgresql://ann@db1:5433/ops?sslmode=require");
  EXPECT_EQ(without_password("postgresql://ann:sec@re/t@db1/ops"), "postgresql://ann@db1/ops");
  EXPECT_EQ(without_password("postgresql://:secret@/ops"), "postgresql://@/ops");
  EXPECT_EQ(without_password("postgres://db1/ops?user=ann&password=secret&sslpassword=x&lease=3s"),
            "postgres://db1/ops?user=ann&lease=3s");
  EXPECT_EQ(without_password("postgres://db1/ops?password=secret"), "postgres://db1/ops");
  EXPECT_EQ(without_password("postgres://db1:5432,db2/ops"), "postgres://db1:5432,db2/ops");
  EXPECT_EQ(without_password("sqlite:a:b@c"), "sqlite:a:b@c");
}

}  // namespace
}  // namespace rbk::engine::postgres
