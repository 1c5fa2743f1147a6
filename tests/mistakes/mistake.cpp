#include "tests/mistakes/mistake.h"

#include "compiler/syntax/scan.h"

namespace rbk::mistakes {
namespace {

using syntax::Token;
using syntax::TokenKind;

/// A word with one letter lost, doubled, or in its neighbour's place.
std::string misspelt(std::string word, std::mt19937& random) {
  const size_t at = random() % (word.size() - 1);
  switch (random() % 3) {
    case 0:
      word.erase(at + 1, 1);
      break;
    case 1:
      word.insert(at, 1, word[at]);
      break;
    default:
      if (word[at] == word[at + 1]) {
        word.erase(at, 1);
      } else {
        std::swap(word[at], word[at + 1]);
      }
  }
  return word;
}

bool is_text(const Token& token) {
  return token.missing || token.begin == token.end || token.kind == TokenKind::kStrText;
}
bool is_quote(const Token& token) {
  return token.kind == TokenKind::kStrBegin || token.kind == TokenKind::kStrEnd;
}

}  // namespace

std::vector<Mistake> mistakes_in(const std::string& text, std::mt19937& random) {
  source::SourceSet sources;
  const source::Source& source = sources.add("case.rbk", text);
  std::vector<syntax::SyntaxError> errors;
  const std::vector<Token> tokens = syntax::scan(source, errors).tokens;
  std::vector<Mistake> made;
  const auto make = [&](Kind kind, uint32_t begin, uint32_t end, const std::string& instead) {
    made.push_back({kind, source.position(begin).line, text.substr(begin, end - begin),
                    text.substr(0, begin) + instead + text.substr(end)});
  };
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (is_text(token)) continue;
    const std::string word = text.substr(token.begin, token.end - token.begin);
    make(Kind::kDrop, token.begin, token.end, "");
    if (syntax::is_word(token.kind) && word.size() > 2)
      make(Kind::kMisspell, token.begin, token.end, misspelt(word, random));
    if (i + 1 == tokens.size() || is_quote(token)) continue;
    const Token& next = tokens[i + 1];
    const std::string other = text.substr(next.begin, next.end - next.begin);
    if (is_text(next) || is_quote(next) || next.line_start || word == other) continue;
    const std::string between = text.substr(token.end, next.begin - token.end);
    make(Kind::kSwap, token.begin, next.end, other + between + word);
  }
  return made;
}

}  // namespace rbk::mistakes
