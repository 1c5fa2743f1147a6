// Makes Ast nodes of one declaration's rule contexts, and checks what is a matter of form but not
// of the grammar: precedence, which statement takes clauses, the case of names.
#pragma once

#include <RunbookParser.h>

#include <string>
#include <string_view>
#include <vector>

#include "compiler/syntax/ast.h"
#include "compiler/syntax/parse.h"
#include "compiler/syntax/recovery.h"
#include "compiler/syntax/token_stream.h"

namespace rbk::syntax {

/// No path in the tree is longer than this, so that a pass over it may recurse.
inline constexpr size_t kMaxTreeDepth = 500;

class Builder {
 public:
  using P = RunbookParser;

  Builder(const source::Source& source, Ast& ast, std::vector<SyntaxError>& errors)
      : source_(source), ast_(ast), errors_(errors) {}

  /// The declaration of this context; `recovery` tells what is broken in it.
  DeclId declaration(const P::DeclarationContext* context, const Recovery& recovery);

  /// The lines of `///` directly before a place, joined.
  std::string doc_before(uint32_t offset) const;

 private:
  // ---- Places and words (build_decl.cpp)
  Span span(const antlr4::ParserRuleContext* context) const;
  Span span(const antlr4::Token* token) const;
  std::string_view text(const antlr4::Token* token) const;
  static TokenKind kind(const antlr4::Token* token);
  void report(SyntaxError::Code code, Span where, std::string message, std::string hint = {},
              Span related = {}, std::string related_label = {});

  Name name(const P::NameContext* context) const;
  Name member_name(const antlr4::Token* token) const;
  /// Of a label or a name: one of the two is there.
  Name name_or_label(const P::NameContext* name, const antlr4::Token* label) const;
  /// A name that is declared here, whose case is checked.
  Name value_name(const P::NameContext* name, const antlr4::Token* label = nullptr);
  Name type_name(const P::NameContext* name);
  void check_value_case(const Name& name);
  Path path(const P::PathContext* context) const;

  std::vector<Field> fields(const P::FieldsContext* context);
  /// `is_key`: the name is that of a field, which may be any word, not that of a value.
  std::vector<Field> params(const P::ParamsContext* context, bool typed = true,
                            bool is_key = false);
  Field field(const P::FieldContext* context, bool typed, bool is_key);
  std::vector<Annotation> annotations(const std::vector<P::AnnotationContext*>& contexts);
  std::vector<Argument> args(const P::ArgsContext* context);
  Argument argument(const P::ArgContext* context);
  std::vector<Entry> entries(const P::EntriesContext* context);
  Entry entry(const P::EntryContext* context);

  void declaration_body(Decl& decl, const P::DeclarationContext* context);
  RunbookDecl runbook(const P::DeclarationContext* context);
  ActionDecl action(const P::DeclarationContext* context, Span where);
  /// `own_name`: the name that the declaration gets.
  NativeFnDecl native_function(const P::DeclarationContext* context, Name& own_name);
  EnumDecl enumeration(const P::DeclarationContext* context);
  ScheduleDecl schedule(const P::DeclarationContext* context);
  TriggerDecl trigger(const P::DeclarationContext* context);
  CalendarDecl calendar(const P::DeclarationContext* context);
  Outside outside(const P::PathContext* path, const antlr4::Token* then, Span where);

  // ---- Statements (build_stmt.cpp)
  /// `rounds`: directly in a `repeat`, where `until` may stand.
  BlockId block(const P::BlockContext* context, bool rounds = false);
  BlockId lone(StmtId statement);  // a block of one statement without braces
  BlockId arm_body(const P::BlockContext* block, const P::StatementContext* statement);
  StmtId statement(const P::StatementContext* context, bool rounds = false);
  StmtId make(Span where, decltype(Stmt::node) node);
  StmtId loop(const P::LoopContext* context, bool wait_first);
  decltype(Stmt::node) statement_node(const P::StatementContext* context, bool rounds);
  decltype(Stmt::node) step(const P::StatementContext* context);
  decltype(Stmt::node) lock(const P::StatementContext* context);
  decltype(Stmt::node) handler(const P::StatementContext* context);
  decltype(Stmt::node) approval(const P::StatementContext* context);
  decltype(Stmt::node) given(const P::StatementContext* context);
  decltype(Stmt::node) expression_statement(const P::StatementContext* context);
  void approval_item(ApprovalStmt& approval, const P::ApprovalItemContext* context);
  Clauses clauses(const std::vector<P::ClauseContext*>& contexts);
  std::optional<Clause> clause(const P::ClauseContext* context);
  Who who(const P::WhoContext* context);
  std::vector<Who> who_list(const std::vector<P::WhoContext*>& contexts);
  void only_in_test(const P::StatementContext* context);

  // ---- Expressions (build_expr.cpp)
  ExprId expr(const P::ExprContext* context, bool range_allowed = false);
  ExprId optional_expr(const P::ExprContext* context, bool range_allowed = false);
  ExprId make(Span where, decltype(Expr::node) node);
  ExprId error_expr(Span where);
  struct Chain;
  ExprId binary(Chain& chain, int lowest, const P::OperandContext* operand, size_t prefix);
  ExprId prefixed(Chain& chain, const P::OperandContext* operand, size_t prefix);
  ExprId apply(Chain& chain, const P::TailContext* tail, ExprId left, int precedence);
  ExprId lone_operand(const P::OperandContext* context);  // with its prefixes
  ExprId operand(const P::OperandContext* context);       // without
  ExprId core(const P::OperandContext* context);
  ExprId literal(const antlr4::Token* token, bool negative);
  ExprId suffix(const P::OperandContext* operand, const P::SuffixContext* context, ExprId base);
  ExprId subscript(const P::SuffixContext* context, ExprId base, Span where);
  ExprId brace(const P::SuffixContext* context, ExprId base, Span where);
  bool as_path(ExprId id, Path& path) const;
  ExprId compound(const P::CompoundContext* context);
  ExprId if_chain(const P::CompoundContext* context);
  ExprId parallel(const P::CompoundContext* context);
  ExprId wait_first(const P::CompoundContext* context);
  ExprId match(const P::CompoundContext* context);
  ExprId wait_signal(const P::WaitSignalContext* context);
  void needs_parentheses(ExprId id);
  void no_range(ExprId id);

  // ---- Strings (build_string.cpp)
  ExprId text_literal(const P::TextContext* context);
  ExprId string_token(const antlr4::Token* token);
  ExprId interpolated(const P::InterpolatedContext* context);
  struct Piece;
  StringLit cook(std::string_view opening, std::vector<Piece>& pieces);

  // ---- Patterns and types (build_pattern.cpp)
  PatternId pattern(const P::PatternContext* context);
  PatternId pattern_alt(const P::PatternAltContext* context);
  ExprId pattern_literal(const P::LiteralContext* context);
  ExprId pattern_bound(const P::BoundContext* context);
  PatternId make(Span where, decltype(Pattern::node) node);
  TypeRefId type(const P::TypeContext* context);
  TypeRefId optional_type(const P::TypeContext* context);

  const source::Source& source_;
  Ast& ast_;
  std::vector<SyntaxError>& errors_;
  const Recovery* recovery_ = nullptr;
  size_t depth_ = 0;       // of the node that is being built
  bool too_deep_ = false;  // reported for this declaration
  bool in_test_ = false;   // this declaration is a test or an invariant

  struct Deeper {
    explicit Deeper(size_t& depth) : depth_(depth) { ++depth_; }
    ~Deeper() { --depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    size_t& depth_;
  };
  bool too_deep(Span where, size_t more = 0);
};

}  // namespace rbk::syntax
