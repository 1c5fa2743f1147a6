#include "compiler/format/tokens.h"

#include <algorithm>
#include <array>

#include "base/letters.h"

namespace rbk::format {
namespace {

using syntax::Ast;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class Scanner {
 public:
  Scanner(const source::Source& source, const Ast& ast) : text_(source.text()), ast_(ast) {}

  std::vector<Token> run() {
    collect_strings();
    collect_operators();
    size_t comment = 0;
    size_t string = 0;
    uint32_t at = text_.starts_with("\xEF\xBB\xBF") ? 3 : 0;  // what is written has none
    uint32_t before = 0;
    while (true) {
      while (at < text_.size() && is_blank(text_[at])) ++at;
      if (at >= text_.size()) break;
      while (comment < ast_.comments.size() && ast_.comments[comment].span.begin < at) ++comment;
      while (string < strings_.size() && strings_[string].begin < at) ++string;
      Token token;
      token.begin = at;
      if (comment < ast_.comments.size() && ast_.comments[comment].span.begin == at) {
        token.kind = Token::Kind::kComment;
        token.own_line = ast_.comments[comment].own_line;
        token.end = ast_.comments[comment].span.end;
      } else if (string < strings_.size() && strings_[string].begin == at) {
        token.kind = Token::Kind::kString;
        token.end = strings_[string].end;
      } else {
        scan_plain(token);
      }
      token.end = std::max(token.end, at + 1);
      const auto lines = std::count(text_.begin() + before, text_.begin() + at, '\n');
      token.newlines = static_cast<uint8_t>(std::min<std::ptrdiff_t>(lines, 2));
      at = before = token.end;
      tokens_.push_back(token);
    }
    mark_exprs();
    mark_patterns();
    mark_statements();
    mark_types();
    mark_decls();
    mark_annotations();
    return std::move(tokens_);
  }

 private:
  /// The spans of the string literals that stand in no other one.
  void collect_strings() {
    for (const syntax::Expr& expr : ast_.exprs) {
      if (std::holds_alternative<syntax::StringLit>(expr.node) && !expr.span.empty() &&
          std::string_view("\"r$").find(text_[expr.span.begin]) != std::string_view::npos)
        strings_.push_back(expr.span);
    }
    std::sort(strings_.begin(), strings_.end(), [](source::Span a, source::Span b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
    });
  }

  void collect_operators() {
    for (const syntax::Expr& expr : ast_.exprs) {
      if (const auto* binary = std::get_if<syntax::BinaryExpr>(&expr.node))
        operators_.push_back(binary->op_span.begin);
    }
    std::sort(operators_.begin(), operators_.end());
  }

  bool is_operator(uint32_t offset) const {
    return std::binary_search(operators_.begin(), operators_.end(), offset);
  }

  void scan_plain(Token& token) const {
    uint32_t at = token.begin;
    if (is_digit(text_[at])) {
      token.kind = Token::Kind::kNumber;
      while (at < text_.size() &&
             (is_word(text_[at]) ||
              (text_[at] == '.' && at + 1 < text_.size() && is_digit(text_[at + 1]))))
        ++at;
      // An exponent's sign.
      if (at < text_.size() && (text_[at] == '-' || text_[at] == '+') && at + 1 < text_.size() &&
          is_digit(text_[at + 1]) && (text_[at - 1] == 'e' || text_[at - 1] == 'E')) {
        ++at;
        while (at < text_.size() && is_digit(text_[at])) ++at;
      }
      token.end = at;
      return;
    }
    if (is_word(text_[at])) {
      token.kind = Token::Kind::kWord;
      while (at < text_.size() && is_word(text_[at])) ++at;
      token.end = at;
      return;
    }
    constexpr std::array<std::string_view, 10> kLong{
        "..<", "=>", "->", "==", "!=", "<=", ">=", "..", "??", "?."};
    for (const std::string_view op : kLong) {
      // Behind a type's arguments `>=` is two: `list<int>= []`.
      if (op == ">=" && !is_operator(at)) continue;
      if (text_.substr(at, op.size()) == op) {
        token.end = at + static_cast<uint32_t>(op.size());
        return;
      }
    }
    token.end = at + 1;
  }

  /// The first token at or after an offset; the last one if there is none.
  Token& at(uint32_t offset) {
    auto found =
        std::lower_bound(tokens_.begin(), tokens_.end(), offset,
                         [](const Token& token, uint32_t value) { return token.begin < value; });
    if (found == tokens_.end()) --found;
    return *found;
  }

  std::string_view text_of(const Token& token) const {
    return text_.substr(token.begin, token.end - token.begin);
  }

  /// Glues the first such bracket at or after the offset to what stands before it.
  void glue(uint32_t offset, std::string_view bracket) {
    for (Token* token = &at(offset); token <= &tokens_.back(); ++token) {
      if (token->kind == Token::Kind::kPunct && text_of(*token) == bracket) {
        token->glued = true;
        return;
      }
    }
  }
  /// Glues an opening parenthesis that stands directly behind a name.
  void glue_list(uint32_t name_end) {
    Token& token = at(name_end);
    if (text_of(token) == "(") token.glued = true;
  }

  void mark_exprs() {
    if (tokens_.empty()) return;
    for (const syntax::Expr& expr : ast_.exprs) {
      if (const auto* binary = std::get_if<syntax::BinaryExpr>(&expr.node)) {
        at(binary->op_span.begin).binary = true;
      } else if (const auto* call = std::get_if<syntax::CallExpr>(&expr.node)) {
        glue(ast_[call->callee].span.end, "(");
      } else if (const auto* index = std::get_if<syntax::IndexExpr>(&expr.node)) {
        glue(ast_[index->base].span.end, "[");
      } else if (const auto* slice = std::get_if<syntax::SliceExpr>(&expr.node)) {
        glue(ast_[slice->base].span.end, "[");
      } else if (std::holds_alternative<syntax::LambdaExpr>(expr.node)) {
        glue(expr.span.begin, "(");
      } else if (std::holds_alternative<syntax::ShorthandExpr>(expr.node)) {
        mark_prefix(expr.span.begin);
      }
    }
  }

  void mark_prefix(uint32_t offset) {
    for (Token* token = &at(offset); token <= &tokens_.back(); ++token) {
      if (text_of(*token) == ".") {
        token->prefix = true;
        return;
      }
    }
  }

  void mark_patterns() {
    for (const syntax::Pattern& pattern : ast_.patterns) {
      if (const auto* member = std::get_if<syntax::MemberPattern>(&pattern.node)) {
        if (member->type.empty()) mark_prefix(pattern.span.begin);
        if (member->has_payload) glue_list(member->member.span.end);
      }
    }
  }

  void mark_statements() {
    for (const syntax::Stmt& stmt : ast_.stmts) {
      if (const auto* given = std::get_if<syntax::GivenStmt>(&stmt.node)) {
        if (given->has_args) glue_list(given->target.span.end);
      }
    }
  }

  /// `@deprecated(…)`, of whatever it stands before.
  void mark_annotations() {
    for (size_t i = 2; i < tokens_.size(); ++i) {
      if (text_of(tokens_[i]) == "(" && text_of(tokens_[i - 2]) == "@") tokens_[i].glued = true;
    }
  }

  void mark_types() {
    for (const syntax::TypeRef& type : ast_.types) {
      if (std::holds_alternative<syntax::FunctionType>(type.node)) glue(type.span.begin, "(");
    }
  }

  void mark_decls() {
    for (const syntax::Decl& decl : ast_.all_decls) {
      if (std::holds_alternative<syntax::FnDecl>(decl.node) ||
          std::holds_alternative<syntax::NativeFnDecl>(decl.node) ||
          std::holds_alternative<syntax::RunbookDecl>(decl.node) ||
          std::holds_alternative<syntax::ActionDecl>(decl.node))
        glue_list(decl.name.span.end);
      if (const auto* schedule = std::get_if<syntax::ScheduleDecl>(&decl.node))
        glue_list(schedule->runbook.span.end);
      if (const auto* trigger = std::get_if<syntax::TriggerDecl>(&decl.node))
        glue_list(trigger->runbook.span.end);
      if (const auto* members = std::get_if<syntax::EnumDecl>(&decl.node)) {
        for (const auto& member : members->members) glue_list(member.name.span.end);
      }
    }
  }

  std::string_view text_;
  const Ast& ast_;
  std::vector<source::Span> strings_;
  std::vector<uint32_t> operators_;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> scan(const source::Source& source, const syntax::Ast& ast) {
  return Scanner(source, ast).run();
}

bool spaced(std::string_view source, const Token& left, const Token& right) {
  const auto text = [&](const Token& token) {
    return token.kind == Token::Kind::kPunct ? source.substr(token.begin, token.end - token.begin)
                                             : std::string_view();
  };
  const std::string_view l = text(left);
  const std::string_view r = text(right);
  const auto any = [](std::string_view value, std::initializer_list<std::string_view> list) {
    return !value.empty() && std::find(list.begin(), list.end(), value) != list.end();
  };
  if (any(l, {"(", "[", ".", "?.", "..", "..<", "@"})) return false;
  if (any(r, {")", "]", ",", ";", ":", "?", "?.", "..", "..<"})) return false;
  if (r == "." && !right.prefix) return false;
  if (l == "-" && !left.binary) return false;
  if (l == "<" && !left.binary) return false;
  if (any(r, {"<", ">", "%"}) && !right.binary) return false;
  if (any(r, {"(", "["}) && right.glued) return false;
  return !(l == "{" && r == "}");
}

}  // namespace rbk::format
