#include "compiler/syntax/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <set>
#include <string>
#include <utility>

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

// A word of the language that is used as a name is one mistake in its declaration, however often
// the name is then used.
void drop_repeated(std::vector<SyntaxError>& errors, const std::vector<DeclRange>& decls) {
  auto decl_of = [&](const SyntaxError& error) {
    return std::find_if(decls.begin(), decls.end(),
                        [&](const DeclRange& range) {
                          return error.span.begin >= range.span.begin &&
                                 error.span.begin <= range.span.end;
                        }) -
           decls.begin();
  };
  std::set<std::pair<long, std::string>> seen;
  std::erase_if(errors, [&](const SyntaxError& error) {
    const bool once =
        error.code == SyntaxError::Code::kReserved || error.code == SyntaxError::Code::kStrayCase;
    return once && !seen.emplace(decl_of(error), error.message).second;
  });
}

// Of a broken stretch only its cause is worth a word.
void drop_consequences(std::vector<SyntaxError>& errors, const std::vector<Broken>& broken) {
  std::vector<Broken> stretches = broken;
  std::stable_sort(stretches.begin(), stretches.end(),
                   [](const Broken& a, const Broken& b) { return a.cause < b.cause; });
  std::vector<Broken> kept;  // none of which follows from another
  auto follows = [&](uint32_t place) {
    return std::any_of(kept.begin(), kept.end(), [&](const Broken& stretch) {
      return stretch.holds(place) && stretch.cause != place;
    });
  };
  for (const Broken& stretch : stretches) {
    const bool reported = std::any_of(errors.begin(), errors.end(), [&](const SyntaxError& error) {
      return error.span.begin == stretch.cause;
    });
    if (reported && !follows(stretch.cause)) kept.push_back(stretch);
  }
  std::erase_if(errors, [&](const SyntaxError& error) { return follows(error.span.begin); });
}

// What lies in broken stretches was not read either.
void finish_unread(const source::Source& source, const std::vector<Token>& tokens,
                   const std::vector<Broken>& broken, Unread& unread) {
  for (const Broken& stretch : broken) unread.stretches.push_back(stretch.span);
  if (unread.stretches.empty()) return;
  std::vector<Span>& all = unread.stretches;
  std::sort(all.begin(), all.end(), [](Span a, Span b) { return a.begin < b.begin; });
  size_t kept = 0;
  for (size_t i = 1; i < all.size(); ++i) {
    if (all[i].begin <= all[kept].end) {
      all[kept].end = std::max(all[kept].end, all[i].end);
    } else {
      all[++kept] = all[i];
    }
  }
  all.resize(kept + 1);
  for (const Token& token : tokens) {
    const bool is_name =
        is_word(token.kind) || token.kind == TokenKind::kLabel || token.kind == TokenKind::kMember;
    if (is_name && unread.holds(token.begin))
      unread.words.emplace(source.text({token.begin, token.end, source.id()}));
  }
}

// `for (i = 0; i < 3; i++) {` breaks at each of its signs: one error says what is written here.
void explain_counting_loops(const source::Source& source, std::vector<SyntaxError>& errors) {
  std::set<uint32_t> explained;
  for (SyntaxError& error : errors) {
    const uint32_t number = source.position(error.span.begin).line;
    const std::string_view line = source.line(number);
    const size_t word = line.find_first_not_of(" \t");
    if (word == line.npos || !line.substr(word).starts_with("for") || line.find(';') == line.npos)
      continue;
    const size_t bracket = line.find_first_not_of(" \t", word + 3);
    if (bracket == line.npos || line[bracket] != '(') continue;
    if (!explained.insert(number).second) continue;
    const uint32_t at = source.line_begin(number) + static_cast<uint32_t>(bracket);
    error.code = SyntaxError::Code::kForeignStatement;
    error.span = {at, at + 1, source.id()};
    error.message = "there is no `for (…; …; …)`";
    error.label = "this is of another language";
    error.hint =
        "count with `for i in 0..<3 { … }`, or go through something with `for x in xs { … }`";
    error.related = {};
  }
  std::erase_if(errors, [&](const SyntaxError& error) {
    return explained.contains(source.position(error.span.begin).line) &&
           error.message != "there is no `for (…; …; …)`";
  });
}

// `if [ -f x ]; then … fi` breaks at many of its signs: one error says what is written here.
// Gives what of the text that is.
std::vector<source::Span> explain_shell_blocks(const source::Source& source,
                                               std::vector<SyntaxError>& errors) {
  std::vector<source::Span> blocks;
  const auto trimmed = [&](uint32_t number) {
    std::string_view line = source.line(number);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r'))
      line.remove_suffix(1);
    return line;
  };
  const auto opens = [](std::string_view line) {
    const bool tests =
        line.starts_with("if [") || line.starts_with("while [") || line.starts_with("until [");
    const bool heads = line.starts_with("if ") || line.starts_with("while ") ||
                       line.starts_with("until ") || line.starts_with("for ");
    return (tests && line.ends_with("]")) ||
           (heads && (line.ends_with(" then") || line.ends_with(";then") || line.ends_with(" do") ||
                      line.ends_with(";do")));
  };
  std::set<uint32_t> told;  // lines with an error
  for (const SyntaxError& error : errors) told.insert(source.position(error.span.begin).line);
  const uint32_t lines = source.position(static_cast<uint32_t>(source.text().size())).line;
  for (const uint32_t number : told) {
    const uint32_t at = source.line_begin(number);
    if (!blocks.empty() && at < blocks.back().end) continue;
    const std::string_view head = trimmed(number);
    if (!opens(head)) continue;
    uint32_t last = number;
    int open = 0;
    for (uint32_t n = number; n <= lines; ++n) {
      const std::string_view line = trimmed(n);
      if (opens(line)) ++open;
      const bool closes =
          line == "fi" || line == "done" || line.starts_with("fi;") || line.starts_with("done ");
      if (closes && --open == 0) {
        last = n;
        break;
      }
    }
    const uint32_t end = source.line_begin(last) + static_cast<uint32_t>(source.line(last).size());
    blocks.push_back({at, end, source.id()});
    const auto word = static_cast<uint32_t>(source.line(number).find_first_not_of(" \t"));
    const std::string keyword(head.substr(0, head.find(' ')));
    SyntaxError error;
    error.code = SyntaxError::Code::kForeignStatement;
    error.span = {at + word, at + word + static_cast<uint32_t>(head.size()), source.id()};
    error.message = fmt::format("there is no `{} …; {}`", keyword, keyword == "if" ? "then" : "do");
    error.label = "this is of a shell";
    error.hint =
        keyword == "if"
            ? "write `if condition { … }`; what the shell tests goes into a step: `step t = "
              "shell(\"test -f x\", accept: 0..1) reads`, and `if t.exit_code == 0 { … }`"
            : "write `for x in xs { … }`, or give the whole to a `shell(\"\"\"…\"\"\")`";
    std::erase_if(errors, [&](const SyntaxError& one) {
      return one.span.begin >= at && one.span.begin <= end;
    });
    const auto place = std::find_if(errors.begin(), errors.end(), [&](const SyntaxError& one) {
      return one.span.begin > error.span.begin;
    });
    errors.insert(place, std::move(error));
  }
  return blocks;
}

// The arms of a `match` that was not read as one stand in none.
void drop_arms_of_broken_match(const source::Source& source, std::vector<SyntaxError>& errors,
                               const std::vector<DeclRange>& decls) {
  const auto in_decl = [&](const SyntaxError& error, const DeclRange& range) {
    return error.span.begin >= range.span.begin && error.span.begin <= range.span.end;
  };
  for (const DeclRange& range : decls) {
    const auto broken = std::find_if(errors.begin(), errors.end(), [&](const SyntaxError& error) {
      const std::string_view line = source.line(source.position(error.span.begin).line);
      const bool has_arms =
          line.find("match ") != line.npos || line.find("wait first") != line.npos;
      return in_decl(error, range) && has_arms && error.code != SyntaxError::Code::kStrayCase;
    });
    if (broken == errors.end()) continue;
    const uint32_t from = broken->span.begin;
    std::erase_if(errors, [&](const SyntaxError& error) {
      return error.code == SyntaxError::Code::kStrayCase && in_decl(error, range) &&
             error.span.begin > from;
    });
  }
}

// A bracket that was put in where one was lost has no partner either: that is the same mistake.
void drop_partners_of_lost(const source::Source& source, std::vector<SyntaxError>& errors) {
  const std::string_view text = source.text();
  std::set<uint32_t> told;  // where something else is reported
  for (const SyntaxError& error : errors) {
    if (error.code != SyntaxError::Code::kUnclosed && error.code != SyntaxError::Code::kNeverOpened)
      told.insert(error.span.begin);
  }
  std::erase_if(errors, [&](const SyntaxError& error) {
    const uint32_t at = error.span.begin;
    const bool stands_there =
        at < text.size() && std::string_view("([{").find(text[at]) != std::string_view::npos;
    const bool is_bracket =
        error.code == SyntaxError::Code::kUnclosed || error.code == SyntaxError::Code::kNeverOpened;
    return is_bracket && !stands_there && told.contains(at);
  });
}

// Parses one declaration; contexts live only until the next.
class DeclarationParser {
 public:
  DeclarationParser(const source::Source& source, const std::vector<Broken>& broken, Ast& ast,
                    std::vector<SyntaxError>& errors)
      : stream_(source),
        recovery_(std::make_shared<Recovery>(stream_, broken, errors)),
        parser_(&stream_),
        builder_(source, ast, errors),
        ast_(ast) {
    parser_.setBuildParseTree(false);
    parser_.removeErrorListeners();
    parser_.setErrorHandler(recovery_);
  }

  DeclId parse(const std::vector<Token>& tokens, const DeclRange& range) {
    stream_.load(tokens, range.first, range.last);
    recovery_->begin_declaration();
    parser_.reset();
    const DeclId made = builder_.declaration(parser_.declaration(), *recovery_);
    for (const source::Span stretch : recovery_->unread()) ast_.unread.stretches.push_back(stretch);
    return made;
  }

 private:
  DeclStream stream_;
  std::shared_ptr<Recovery> recovery_;
  RunbookParser parser_;
  Builder builder_;
  Ast& ast_;
};

}  // namespace

ParsedFile parse(const source::Source& source) {
  ParsedFile file;
  Scanned scanned = scan(source, file.errors);
  file.ast.comments = std::move(scanned.comments);
  file.ast.doc = file_doc(source, file.ast.comments);
  const Balanced balanced = balance(source, std::move(scanned.tokens), file.errors);
  const Layout layout = lay_out(source, balanced, file.errors);

  file.ast.exprs.reserve(layout.tokens.size() / 3);
  file.ast.stmts.reserve(layout.tokens.size() / 16);
  DeclarationParser parser(source, balanced.broken, file.ast, file.errors);
  for (const DeclRange& range : layout.decls) {
    if (!range.readable) {
      file.ast.unread.stretches.push_back(range.span);
      file.ast.decls.push_back(error_declaration(file.ast, range.span));
      continue;
    }
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
  }
  std::stable_sort(
      file.errors.begin(), file.errors.end(),
      [](const SyntaxError& a, const SyntaxError& b) { return a.span.begin < b.span.begin; });
  for (const source::Span block : explain_shell_blocks(source, file.errors))
    file.ast.unread.stretches.push_back(block);
  finish_unread(source, layout.tokens, balanced.broken, file.ast.unread);
  drop_consequences(file.errors, balanced.broken);
  drop_repeated(file.errors, layout.decls);
  drop_partners_of_lost(source, file.errors);
  drop_arms_of_broken_match(source, file.errors, layout.decls);
  explain_counting_loops(source, file.errors);
  return file;
}

}  // namespace rbk::syntax
