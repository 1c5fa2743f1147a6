#include "base/sql_text.h"

#include <gtest/gtest.h>

namespace rbk {
namespace {

using Place = SqlText::Place;

Place after(std::string_view text) {
  SqlText sql;
  sql.text(text);
  return sql.place();
}

TEST(SqlText, knows_where_a_value_can_stand) {
  EXPECT_EQ(after("select "), Place::kPlain);
  EXPECT_EQ(after("select '"), Place::kString);
  EXPECT_EQ(after("select 'it''s"), Place::kString);
  EXPECT_EQ(after("select 'it''s' "), Place::kPlain);
  EXPECT_EQ(after("select 'x'"), Place::kPlain);
  EXPECT_EQ(after("select E'it\\'s"), Place::kString);
  EXPECT_EQ(after("select E'it\\'s' "), Place::kPlain);
  EXPECT_EQ(after("select name'x\\' "), Place::kPlain);
  EXPECT_EQ(after("select \"a\"\"b"), Place::kIdentifier);
  EXPECT_EQ(after("select \"a\"\"b\" "), Place::kPlain);
  EXPECT_EQ(after("select `a"), Place::kIdentifier);
  EXPECT_EQ(after("select 1 -- x"), Place::kLineComment);
  EXPECT_EQ(after("select 1 -- x\n"), Place::kPlain);
  EXPECT_EQ(after("select /* a /* b */ c"), Place::kBlockComment);
  EXPECT_EQ(after("select /* a /* b */ c */ "), Place::kPlain);
  EXPECT_EQ(after("select /*/ x"), Place::kBlockComment);
  EXPECT_EQ(after("do $$ x"), Place::kDollarQuote);
  EXPECT_EQ(after("do $$ x $$ "), Place::kPlain);
  EXPECT_EQ(after("do $a$ $$ $b$ "), Place::kDollarQuote);
  EXPECT_EQ(after("do $a$ $$ $b$ $a$ "), Place::kPlain);
  EXPECT_EQ(after("select a$b$ "), Place::kPlain);
  EXPECT_EQ(after("select 1 - - 2 / * "), Place::kPlain);
}

TEST(SqlText, knows_what_belongs_to_a_word) {
  SqlText sql;
  sql.text("limit");
  EXPECT_TRUE(sql.in_word());
  sql.text(" ");
  EXPECT_FALSE(sql.in_word());
  sql.value();
  EXPECT_TRUE(sql.in_word());
  sql.text(", ");
  EXPECT_FALSE(sql.in_word());
}

TEST(SqlText, sees_parameters_that_are_written) {
  const auto wrote = [](std::string_view text) {
    SqlText sql;
    sql.text(text);
    return sql.wrote_parameter();
  };
  EXPECT_TRUE(wrote("select $1"));
  EXPECT_TRUE(wrote("select ($12)"));
  EXPECT_FALSE(wrote("select '$1', \"$2\", a$3, $$ $4 $$ -- $5"));
}

TEST(SqlText, sees_quotes_that_databases_read_differently) {
  SqlText sql;
  sql.text("select 'it\\' ");
  EXPECT_TRUE(sql.is_ambiguous());
}

TEST(SqlText, counts_parameters_on_outside_of_quotes) {
  EXPECT_EQ(renumbered("select $1, $2", 0), "select $1, $2");
  EXPECT_EQ(renumbered("select $1, '$2', \"$3\", a$4, $$ $5 $$, $6 -- $7\n$8", 10),
            "select $11, '$2', \"$3\", a$4, $$ $5 $$, $16 -- $7\n$18");
  EXPECT_EQ(renumbered("$9", 1), "$10");
  EXPECT_EQ(renumbered("", 3), "");
}

}  // namespace
}  // namespace rbk
