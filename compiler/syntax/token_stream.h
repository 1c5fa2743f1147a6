// One declaration's tokens as the generated parser reads them.
#pragma once

#include <antlr4-runtime.h>

#include <memory>
#include <string>
#include <vector>

#include "compiler/source/source.h"
#include "compiler/syntax/token.h"

namespace rbk::syntax {

/// A token behind ANTLR's interface. Lives as long as its stream holds its declaration.
class StreamToken final : public antlr4::Token {
 public:
  StreamToken(const syntax::Token& token, size_t index, const source::Source* source)
      : token_(token), index_(index), source_(source) {}

  const syntax::Token& token() const { return token_; }
  source::Span span() const { return {token_.begin, token_.end, source_->id()}; }

  std::string getText() const override { return std::string(source_->text(span())); }
  size_t getType() const override {
    return token_.kind == TokenKind::kNoToken ? antlr4::Token::EOF
                                              : static_cast<size_t>(token_.kind);
  }
  size_t getLine() const override { return source_->position(token_.begin).line; }
  size_t getCharPositionInLine() const override {
    return source_->position(token_.begin).column - 1;
  }
  size_t getChannel() const override { return DEFAULT_CHANNEL; }
  size_t getTokenIndex() const override { return index_; }
  size_t getStartIndex() const override { return token_.begin; }
  size_t getStopIndex() const override { return token_.end; }
  antlr4::TokenSource* getTokenSource() const override { return nullptr; }
  antlr4::CharStream* getInputStream() const override { return nullptr; }
  std::string toString() const override { return getText(); }

 private:
  syntax::Token token_;
  size_t index_;
  const source::Source* source_;
};

/// A declaration's tokens and an end. It needs no source to pull from: the token source of this
/// parser has cut up the whole file before.
class DeclStream final : public antlr4::TokenStream {
 public:
  explicit DeclStream(const source::Source& source) : source_(source) {}

  /// Takes the tokens of the next declaration; those of the one before are gone.
  void load(const std::vector<syntax::Token>& tokens, size_t first, size_t last) {
    tokens_.clear();
    tokens_.reserve(last - first + 1);
    for (size_t i = first; i < last; ++i) tokens_.emplace_back(tokens[i], i - first, &source_);
    syntax::Token end;
    end.begin = end.end = last > first ? tokens[last - 1].end : 0;
    end_ = StreamToken(end, last - first, &source_);
    at_ = 0;
    made_.clear();
  }

  /// A token that the text lacks, at the place of the next one.
  StreamToken* make_missing(TokenKind kind) {
    syntax::Token token;
    token.kind = kind;
    token.missing = true;
    token.begin = token.end = at_ > 0 ? tokens_[at_ - 1].token().end : next()->token().begin;
    made_.push_back(std::make_unique<StreamToken>(token, INVALID_INDEX, &source_));
    return made_.back().get();
  }

  StreamToken* next() { return token_at(at_); }
  StreamToken* token_at(size_t index) { return index < tokens_.size() ? &tokens_[index] : &end_; }
  const StreamToken* token_at(size_t index) const {
    return index < tokens_.size() ? &tokens_[index] : &end_;
  }
  size_t count() const { return tokens_.size(); }
  const source::Source& source() const { return source_; }

  antlr4::Token* LT(ssize_t k) override {
    if (k > 0) return token_at(at_ + static_cast<size_t>(k) - 1);
    const auto back = static_cast<size_t>(-k);
    return back == 0 || back > at_ ? nullptr : &tokens_[at_ - back];
  }
  size_t LA(ssize_t k) override {
    if (k == 1) return at_ < tokens_.size() ? tokens_[at_].getType() : antlr4::Token::EOF;
    const antlr4::Token* token = LT(k);
    if (token == nullptr || token == &end_) return antlr4::Token::EOF;
    return token->getType();
  }
  void consume() override {
    if (at_ < tokens_.size()) ++at_;
  }
  antlr4::Token* get(size_t index) const override {
    return const_cast<DeclStream*>(this)->token_at(index);
  }
  ssize_t mark() override { return 0; }
  void release(ssize_t) override {}
  size_t index() override { return at_; }
  void seek(size_t index) override { at_ = index; }
  size_t size() override { return tokens_.size() + 1; }
  antlr4::TokenSource* getTokenSource() const override { return nullptr; }
  std::string getSourceName() const override { return source_.path(); }
  std::string getText(const antlr4::misc::Interval&) override { return {}; }
  std::string getText() override { return {}; }
  std::string getText(antlr4::RuleContext*) override { return {}; }
  std::string getText(antlr4::Token*, antlr4::Token*) override { return {}; }

 private:
  const source::Source& source_;
  std::vector<StreamToken> tokens_;
  StreamToken end_{syntax::Token{}, 0, nullptr};
  std::vector<std::unique_ptr<StreamToken>> made_;
  size_t at_ = 0;
};

}  // namespace rbk::syntax
