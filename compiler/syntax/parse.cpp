#include "compiler/syntax/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <memory>

#include "compiler/syntax/brackets.h"
#include "compiler/syntax/builder.h"
#include "compiler/syntax/layout.h"
#include "compiler/syntax/recovery.h"
#include "compiler/syntax/scan.h"
#include "compiler/syntax/token_stream.h"

namespace rbk::syntax {
namespace {

std::string file_doc(const source::Source& source, const std::vector<Comment>& comments) {
  std::string doc;
  for (const Comment& comment : comments) {
    if (comment.kind != Comment::Kind::kFileDoc) continue;
    std::string_view line = source.text(comment.span).substr(3);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (!doc.empty()) doc += '\n';
    doc += line;
  }
  return doc;
}

DeclId error_declaration(Ast& ast, source::Span span) {
  Decl decl;
  decl.span = span;
  return ast.add(std::move(decl));
}

// A word of the language that was taken for a name is one mistake, however often the name is used
// in the declaration. `first` is the first error of the declaration.
void keep_first_of_reserved(const source::Source& source, std::vector<SyntaxError>& errors,
                            size_t first) {
  const auto begin = errors.begin() + static_cast<ptrdiff_t>(first);
  std::stable_sort(begin, errors.end(), [](const SyntaxError& a, const SyntaxError& b) {
    return a.span.begin < b.span.begin;
  });
  std::vector<std::string_view> words;
  errors.erase(std::remove_if(begin, errors.end(),
                              [&](const SyntaxError& error) {
                                if (error.code != SyntaxError::Code::kReserved) return false;
                                const std::string_view word = source.text(error.span);
                                if (std::find(words.begin(), words.end(), word) != words.end())
                                  return true;
                                words.push_back(word);
                                return false;
                              }),
               errors.end());
}

// Parses one declaration; contexts live only until the next.
class DeclarationParser {
 public:
  DeclarationParser(const source::Source& source, Ast& ast, std::vector<SyntaxError>& errors)
      : stream_(source),
        recovery_(std::make_shared<Recovery>(stream_, errors)),
        parser_(&stream_),
        builder_(source, ast, errors) {
    parser_.setBuildParseTree(false);
    parser_.removeErrorListeners();
    parser_.setErrorHandler(recovery_);
  }

  DeclId parse(const std::vector<Token>& tokens, const DeclRange& range) {
    stream_.load(tokens, range.first, range.last);
    recovery_->begin_declaration();
    parser_.reset();
    return builder_.declaration(parser_.declaration(), *recovery_);
  }

 private:
  DeclStream stream_;
  std::shared_ptr<Recovery> recovery_;
  RunbookParser parser_;
  Builder builder_;
};

}  // namespace

ParsedFile parse(const source::Source& source) {
  ParsedFile file;
  Scanned scanned = scan(source, file.errors);
  file.ast.comments = std::move(scanned.comments);
  file.ast.doc = file_doc(source, file.ast.comments);
  const std::vector<Token> tokens = balance(source, std::move(scanned.tokens), file.errors);
  const Layout layout = lay_out(source, tokens, file.errors);

  file.ast.exprs.reserve(layout.tokens.size() / 3);
  file.ast.stmts.reserve(layout.tokens.size() / 16);
  DeclarationParser parser(source, file.ast, file.errors);
  for (const DeclRange& range : layout.decls) {
    if (!range.readable) {
      file.ast.decls.push_back(error_declaration(file.ast, range.span));
      continue;
    }
    const size_t errors_before = file.errors.size();
    try {
      file.ast.decls.push_back(parser.parse(layout.tokens, range));
    } catch (const std::exception& failure) {
      // The generated parser's own errors end in Recovery; what gets here is a fault of ours.
      SyntaxError error;
      error.span = range.span;
      error.message = "this declaration can't be read";
      error.hint = fmt::format("the reason lies in the compiler: {}", failure.what());
      file.errors.push_back(std::move(error));
      file.ast.decls.push_back(error_declaration(file.ast, range.span));
    }
    keep_first_of_reserved(source, file.errors, errors_before);
  }
  std::stable_sort(
      file.errors.begin(), file.errors.end(),
      [](const SyntaxError& a, const SyntaxError& b) { return a.span.begin < b.span.begin; });
  return file;
}

}  // namespace rbk::syntax
