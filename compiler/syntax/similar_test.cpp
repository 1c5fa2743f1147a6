#include "compiler/syntax/similar.h"

#include <gtest/gtest.h>

#include "compiler/syntax/foreign.h"

namespace rbk::syntax {
namespace {

TEST(SimilarWords, OfStatementsAndDeclarations) {
  const std::pair<const char*, const char*> statements[] = {{"stpe", "step"},
                                                            {"lte", "let"},
                                                            {"approvl", "approval"},
                                                            {"rollbak", "rollback"},
                                                            {"afte", "after"},
                                                            {"hosts", ""},
                                                            {"x", ""},
                                                            {"restart", ""}};
  for (const auto& [written, meant] : statements)
    EXPECT_EQ(similar_statement_word(written), meant) << written;
  EXPECT_EQ(similar_declaration_word("runbok"), "runbook");
  EXPECT_EQ(similar_declaration_word("struct"), "record");
}

TEST(ForeignWords, OfStatementsTypesAndValues) {
  EXPECT_NE(instead_of("while").find("for x in xs"), std::string_view::npos);
  EXPECT_EQ(type_instead_of("integer"), "int");
  EXPECT_EQ(value_instead_of("nil"), "null");
  EXPECT_EQ(type_instead_of("Host"), "");
}

}  // namespace
}  // namespace rbk::syntax
