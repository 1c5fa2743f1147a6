// What the generated parser does where the text does not fit: reports it once, in our words, and
// goes on where brackets and terminators say that the next part begins.
#pragma once

#include <antlr4-runtime.h>

#include <vector>

#include "compiler/syntax/brackets.h"
#include "compiler/syntax/parse.h"
#include "compiler/syntax/token_stream.h"

namespace rbk::syntax {

class Recovery final : public antlr4::DefaultErrorStrategy {
 public:
  /// All must outlive it. What `errors` holds already (of the scanner, of bracket repair) silences
  /// errors in the same statement, and `broken` those on its lines.
  Recovery(DeclStream& stream, const std::vector<Broken>& broken, std::vector<SyntaxError>& errors)
      : stream_(stream), broken_(broken), errors_(errors) {}

  void begin_declaration();

  /// Whether something in these bytes was reported or repaired: what is built from it must not be
  /// complained about again.
  bool failed_in(source::Span span) const;

  /// The declaration's pieces in which something was reported or repaired.
  std::vector<source::Span> unread() const;

  /// What was skipped at the level of a block, to stand in it as error statements.
  struct Junk {
    const antlr4::ParserRuleContext* block;
    source::Span span;
  };
  const std::vector<Junk>& junk() const { return junk_; }

  void sync(antlr4::Parser* parser) override;
  void reportError(antlr4::Parser* parser, const antlr4::RecognitionException& error) override;
  void recover(antlr4::Parser* parser, std::exception_ptr error) override;
  antlr4::Token* recoverInline(antlr4::Parser* parser) override;
  void reportMatch(antlr4::Parser*) override {}
  bool inErrorRecoveryMode(antlr4::Parser*) override { return false; }

 private:
  void report(antlr4::Parser* parser, const antlr4::misc::IntervalSet& expected);
  void number_pieces();
  /// The piece (a statement, without what stands in its blocks) that a token or a place is in.
  uint32_t piece_of(size_t token_index);
  uint32_t piece_at(uint32_t offset);
  /// The token at a place, or the first one behind it.
  size_t token_at(uint32_t offset) const;
  bool silenced(size_t token_index);
  void fail(uint32_t piece);
  /// Skips whole groups up to `kind` on this level; stops before what ends the level.
  bool skip_to(antlr4::Parser* parser, TokenKind kind);
  void skip_token_or_group(antlr4::Parser* parser);

  DeclStream& stream_;
  const std::vector<Broken>& broken_;
  std::vector<SyntaxError>& errors_;
  std::vector<uint32_t> pieces_;     // of each token; made at the first error
  std::vector<bool> failed_pieces_;  // by number: reported, or repaired
  bool failed_ = false;              // any of them
  std::vector<Junk> junk_;
};

}  // namespace rbk::syntax
