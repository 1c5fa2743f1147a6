// String literals: margins, escapes, and the pieces around `${}`.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/syntax/builder.h"

namespace rbk::syntax {
namespace {

using Kind = TokenKind;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

// A stretch of text, or the value of a `${}` between two.
struct Builder::Piece {
  Span span;
  ExprId value;
};

ExprId Builder::text_literal(const P::TextContext* context) {
  if (context == nullptr) return error_expr({0, 0, source_.id()});
  if (context->str != nullptr) return interpolated(context->str);
  if (context->tok != nullptr && kind(context->tok) == Kind::kString)
    return string_token(context->tok);
  return error_expr(span(context));
}

ExprId Builder::string_token(const antlr4::Token* token) {
  const Span where = span(token);
  const std::string_view whole = text(token);
  size_t quote = whole.find('"');
  if (quote == whole.npos) return error_expr(where);
  const bool multi = whole.substr(quote).starts_with("\"\"\"") && whole.size() >= quote + 6;
  const auto opening = static_cast<uint32_t>(quote + (multi ? 3 : 1));
  std::vector<Piece> pieces{{{where.begin + opening, where.end - (multi ? 3 : 1), where.file}, {}}};
  return make(where, cook(whole.substr(0, opening), pieces));
}

ExprId Builder::interpolated(const P::InterpolatedContext* context) {
  const Deeper deeper(depth_);
  const Span where = span(context);
  if (context->open == nullptr || too_deep(where)) return error_expr(where);
  std::vector<Piece> pieces;
  for (const P::StringPartContext* part : context->parts) {
    if (part->tok != nullptr && kind(part->tok) == Kind::kStrText)
      pieces.push_back({span(part->tok), {}});
    else
      pieces.push_back({span(part), expr(part->e)});
  }
  return make(where, cook(text(context->open), pieces));
}

// Takes margins and escapes away. `opening` is what stands before the text: prefix and quotes.
StringLit Builder::cook(std::string_view opening, std::vector<Piece>& pieces) {
  StringLit literal;
  const bool raw = opening.starts_with('r');
  literal.kind = raw                        ? StringLit::Kind::kRaw
                 : opening.starts_with('$') ? StringLit::Kind::kDollar
                                            : StringLit::Kind::kPlain;
  literal.multi_line = opening.ends_with("\"\"\"");
  const std::string_view all = source_.text();

  size_t margin = 0;
  if (literal.multi_line && !pieces.empty()) {
    // A first line that is blank is no part of the text, nor is the newline before the closing one.
    Piece& front = pieces.front();
    bool first_line_counts = true;
    if (!front.value.valid()) {
      uint32_t at = front.span.begin;
      while (at < front.span.end && (is_blank(all[at]) || all[at] == '\r')) ++at;
      if (at < front.span.end && all[at] == '\n') {
        front.span.begin = at;
        first_line_counts = false;
      }
    }
    size_t smallest = std::string::npos;
    for (size_t p = 0; p < pieces.size(); ++p) {
      if (pieces[p].value.valid()) continue;
      const Span part = pieces[p].span;
      for (uint32_t i = part.begin; i < part.end; ++i) {
        if (all[i] != '\n') continue;
        uint32_t blank = i + 1;
        while (blank < part.end && is_blank(all[blank])) ++blank;
        const bool empty_line =
            blank < part.end &&
            (all[blank] == '\n' ||
             (all[blank] == '\r' && blank + 1 < part.end && all[blank + 1] == '\n'));
        if (!empty_line) smallest = std::min<size_t>(smallest, blank - i - 1);
      }
    }
    margin = smallest == std::string::npos ? 0 : smallest;
    Piece& back = pieces.back();
    if (!back.value.valid()) {
      uint32_t end = back.span.end;
      while (end > back.span.begin && is_blank(all[end - 1])) --end;
      if (end > back.span.begin && all[end - 1] == '\n') {
        --end;
        if (end > back.span.begin && all[end - 1] == '\r') --end;
        // With one newline in all it is both the first and the last.
        back.span.end = end;
      }
    }
    if (!first_line_counts && front.span.begin < front.span.end) {
      ++front.span.begin;  // its newline; the margin of the line after it goes too
      uint32_t blank = 0;
      while (blank < margin && front.span.begin < front.span.end &&
             is_blank(all[front.span.begin])) {
        ++front.span.begin;
        ++blank;
      }
    }
  }

  for (const Piece& piece : pieces) {
    StringLit::Part part;
    part.span = piece.span;
    part.value = piece.value;
    if (piece.value.valid()) {
      literal.parts.push_back(std::move(part));
      continue;
    }
    std::string& out = part.text;
    uint32_t i = piece.span.begin;
    const uint32_t end = std::max(piece.span.end, piece.span.begin);
    while (i < end) {
      const char c = all[i];
      if (c == '\r' && i + 1 < end && all[i + 1] == '\n') {
        ++i;
        continue;
      }
      if (c == '\n') {
        out += c;
        ++i;
        for (size_t blank = 0; blank < margin && i < end && is_blank(all[i]); ++blank) ++i;
        continue;
      }
      if (c != '\\' || raw || i + 1 >= end) {
        out += c;
        ++i;
        continue;
      }
      const char escape = all[i + 1];
      const uint32_t begin = i;
      i += 2;
      switch (escape) {
        case 'n':
          out += '\n';
          continue;
        case 't':
          out += '\t';
          continue;
        case 'r':
          out += '\r';
          continue;
        case '\\':
        case '"':
        case '$':
          out += escape;
          continue;
        default:
          break;
      }
      if (escape == 'u' && i < end && all[i] == '{') {
        uint32_t code = 0;
        uint32_t digits = 0;
        ++i;
        while (i < end && hex_digit(all[i]) >= 0 && digits < 7) {
          code = code * 16 + static_cast<uint32_t>(hex_digit(all[i]));
          ++i;
          ++digits;
        }
        const bool closed = i < end && all[i] == '}';
        if (closed) ++i;
        if (closed && digits > 0 && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF)) {
          append_utf8(out, code);
          continue;
        }
        report(SyntaxError::Code::kBadEscape, {begin, i, source_.id()},
               "this is no character's number", "write it like `\\u{e9}`, up to `\\u{10ffff}`");
        continue;
      }
      uint32_t length = 1;
      while (i - 1 + length < end &&
             (static_cast<unsigned char>(all[i - 1 + length]) & 0xC0) == 0x80)
        ++length;
      i += length - 1;
      report(SyntaxError::Code::kBadEscape, {begin, i, source_.id()},
             fmt::format("`{}` is no escape", all.substr(begin, i - begin)),
             "there are `\\n \\t \\r \\\\ \\\" \\$ \\u{…}`; a raw string is written `r\"…\"`");
      out.append(all.substr(begin + 1, i - begin - 1));
    }
    if (!out.empty()) literal.parts.push_back(std::move(part));
  }
  return literal;
}

}  // namespace rbk::syntax
