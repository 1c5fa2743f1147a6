// Walks a tree beside its tokens and writes both into a layout: the tree says where lines may
// break, the tokens are what is written.
#pragma once

#include <span>
#include <vector>

#include "compiler/format/layout.h"
#include "compiler/format/tokens.h"

namespace rbk::format {

/// A cursor over the tokens. Each `walk…` expects the cursor before its node and leaves it behind
/// it; what no one breaks is written with one blank or none between its tokens, so that nothing can
/// get lost.
class Walker {
 public:
  Walker(const source::Source& source, const syntax::Ast& ast);

  void declaration(const syntax::Decl& decl);
  /// The text as it stands; the cursor moves behind it.
  void verbatim(uint32_t begin, uint32_t end);
  /// The comment that comes next, at the end of the line or, behind a new_line, on its own.
  void top_comment() { comment(); }
  /// Begins a new line before what comes next; with an empty line before it if `blank`.
  void new_line(bool blank);
  bool at_end() const { return at_ == tokens_.size(); }
  const Token& next() const { return tokens_[at_]; }
  std::string finish() const { return layout_.finish(); }

 private:
  enum class Gap : uint8_t { kDefault, kNone, kSpace, kLine, kSoft, kHard };
  enum class BlockStyle : uint8_t { kOpen, kAuthor, kInGroup };

  // The cursor (walk.cpp).
  std::string_view text_of(const Token& token) const;
  bool next_is(std::string_view text) const;  // comments skipped
  const Token* next_word() const;             // comments skipped; null at the end
  void token();
  void advance();
  void skip_dropped();
  void until(uint32_t offset);
  void flush();
  void gap(Gap kind, bool keep_blank = false);
  bool comment();
  void comments();
  void drop(std::string_view text);
  bool comment_before(uint32_t offset) const;
  bool newline_in(uint32_t begin, uint32_t end) const;
  void blank_or_line(bool keep_blank);
  template <typename Each>
  void bracket(size_t count, bool brace, const Each& each);
  void items(size_t count, bool brace, size_t depth, const void* each,
             void (*call)(const void*, size_t));

  // Expressions (walk_expr.cpp).
  void expr(syntax::ExprId id);
  void maybe(syntax::ExprId id);
  void head(syntax::ExprId id);
  void node(const syntax::Expr& expr, const syntax::BinaryExpr& binary);
  void node(const syntax::Expr& expr, const syntax::LambdaExpr& lambda);
  void node(const syntax::Expr& expr, const syntax::BraceExpr& brace);
  void node(const syntax::Expr& expr, const syntax::IfExpr& branch);
  void node(const syntax::Expr& expr, const syntax::MatchExpr& match);
  void node(const syntax::Expr& expr, const syntax::TryExpr& attempt);
  void node(const syntax::Expr& expr, const syntax::ParallelExpr& parallel);
  void node(const syntax::Expr& expr, const syntax::ParallelForExpr& parallel);
  void node(const syntax::Expr& expr, const syntax::WaitFirstExpr& wait);
  void children(const syntax::Expr& expr);
  void postfix(syntax::ExprId id);
  void links(syntax::ExprId id, bool broken, uint32_t first_call);
  void arguments(const std::vector<syntax::Argument>& args);
  void argument(const syntax::Argument& arg);
  void entries(const std::vector<syntax::Entry>& entries);
  bool opens(syntax::ExprId id) const;
  void binary_chain(const syntax::BinaryExpr& binary, int level);
  void arm_body(syntax::BlockId id);
  void if_expr(const syntax::IfExpr& branch, bool flat);

  // Statements (walk_stmt.cpp).
  void block(syntax::BlockId id, BlockStyle style);
  void statement(syntax::StmtId id);
  template <typename More>
  void assigned(syntax::ExprId id, const More& more);
  void assigned(syntax::ExprId id);
  void step(const syntax::StepStmt& step);
  void clauses(const syntax::Clauses& clauses);
  void clause(const syntax::Clause& clause);
  void approval(const syntax::Stmt& stmt, const syntax::ApprovalStmt& approval);
  void given(const syntax::Stmt& stmt, const syntax::GivenStmt& given);
  void raw_lines(uint32_t end);

  // Declarations (walk_decl.cpp).
  void annotation(const syntax::Annotation& one);
  void field(const syntax::Field& field);
  void fields(const std::vector<syntax::Field>& fields, bool brace);
  void runbook(const syntax::Decl& decl, const syntax::RunbookDecl& runbook);
  void function(const syntax::Decl& decl, const syntax::FnDecl& fn);
  void action(const syntax::Decl& decl, const syntax::ActionDecl& action);
  void enumeration(const syntax::Decl& decl, const syntax::EnumDecl& members);
  void lines_in_braces(const syntax::Decl& decl);

  const source::Source& source_;
  const syntax::Ast& ast_;
  std::vector<Token> tokens_;
  Layout layout_;
  size_t at_ = 0;
  size_t depth_ = 0;               // brackets that are open
  const Token* before_ = nullptr;  // the token written last
  bool after_comment_ = false;     // a comment was written last: only a newline may follow
  Gap gap_ = Gap::kNone;
  bool keep_blank_ = false;  // an empty line in the source is kept at the gap
  bool one_line_ = false;    // in a statement's head: no operator breaks
};

/// Writes `count` items between a bracket and its partner; `each(i)` writes one.
template <typename Each>
void Walker::bracket(size_t count, bool brace, const Each& each) {
  items(count, brace, depth_, &each,
        [](const void* call, size_t i) { (*static_cast<const Each*>(call))(i); });
}

}  // namespace rbk::format
