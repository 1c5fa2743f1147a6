// Literals with `${}`: what they are follows from where they stand, and so does how each value is
// encoded. A value never becomes syntax of the shell, of a URL or of a query.
#include <algorithm>
#include <cctype>

#include "base/units.h"
#include "compiler/check/body_checker.h"
#include "compiler/check/pattern_text.h"
#include "compiler/check/shell_text.h"
#include "compiler/check/shell_variables.h"
#include "compiler/check/shell_words.h"

namespace rbk::check {

using diagnostics::Code;

namespace {

std::string_view place_text(ShellText::Place place) {
  switch (place) {
    case ShellText::Place::kWord:
      return "words";
    case ShellText::Place::kSingleQuotes:
      return "single quotes";
    case ShellText::Place::kDoubleQuotes:
      return "double quotes";
    case ShellText::Place::kBackticks:
      return "backticks";
    case ShellText::Place::kSubstitution:
      return "`$(…)`";
    case ShellText::Place::kExpansion:
      return "expansion";
    case ShellText::Place::kHereDocument:
      return "here-document";
    case ShellText::Place::kComment:
      return "comment";
    case ShellText::Place::kEscape:
      return "escape";
  }
  return "quotes";
}

/// What stands between the scheme and the end of a URL, as far as it has been read.
class UrlText {
 public:
  enum class Place { kHead, kScheme, kHost, kPath, kQuery, kAfterWhole };

  void text(std::string_view part) {
    for (size_t i = 0; i < part.size(); ++i) step(part, i);
  }
  void value() {
    if (place_ == Place::kHead) place_ = Place::kScheme;
    if (place_ == Place::kHost) host_empty_ = false;
  }
  void whole() { place_ = Place::kAfterWhole; }
  Place place() const { return place_; }
  const std::string& scheme() const { return scheme_; }
  bool host_empty() const { return host_empty_; }
  /// A character that no URL has, or 0.
  char bad() const { return bad_; }
  /// Text that goes on after a whole URL without `/`, `?` or `#`.
  bool glued() const { return glued_; }

 private:
  void step(std::string_view part, size_t i) {
    const char c = part[i];
    const auto code = static_cast<unsigned char>(c);
    if (bad_ == 0 && (code <= 0x20 || code == 0x7f || c == '"' || c == '<' || c == '>' ||
                      c == '\\' || c == '^' || c == '`' || c == '{' || c == '|' || c == '}'))
      bad_ = c;
    switch (place_) {
      case Place::kHead:
      case Place::kScheme:
        place_ = Place::kScheme;
        if (c == '/' && scheme_.ends_with(":/")) {
          scheme_.resize(scheme_.size() - 2);
          place_ = Place::kHost;
        } else {
          scheme_ += c;
        }
        break;
      case Place::kHost:
        if (c == '/')
          place_ = Place::kPath;
        else if (c == '?' || c == '#')
          place_ = Place::kQuery;
        else
          host_empty_ = false;
        break;
      case Place::kPath:
        if (c == '?' || c == '#') place_ = Place::kQuery;
        break;
      case Place::kQuery:
        break;
      case Place::kAfterWhole:
        if (c == '/')
          place_ = Place::kPath;
        else if (c == '?' || c == '#')
          place_ = Place::kQuery;
        else
          glued_ = true;
        break;
    }
  }

  Place place_ = Place::kHead;
  std::string scheme_;
  bool host_empty_ = true;
  bool glued_ = false;
  char bad_ = 0;
};

std::string plain_text(const syntax::StringLit& node) {
  return node.parts.empty() ? std::string() : node.parts.front().text;
}

}  // namespace

bool BodyChecker::is_scalar(TypeId type) const {
  switch (types_.shape(type)) {
    case Shape::kBool:
    case Shape::kInt:
    case Shape::kFloat:
    case Shape::kDuration:
    case Shape::kSize:
    case Shape::kTime:
    case Shape::kString:
    case Shape::kUrl:
    case Shape::kEnum:
      return true;
    default:
      return false;
  }
}

TypeId BodyChecker::infer_part(const syntax::StringLit::Part& part, std::string_view where,
                               bool may_be_null) {
  const ExprId expr = part.value;
  const TypeId type = infer(expr);
  if (types_.is_silent(type)) return types::kUnknown;
  if (refuse_secret(expr, type, where)) return types::kUnknown;
  const Span span = span_of(expr);
  if (types_.is_optional(type) && may_be_null) return type;
  if (types_.is_optional(type)) {
    diagnostics_.report(Code::kMayBeNull, span, text(types_.element(type)), text(type))
        .labelled("what should stand here for null?")
        .help(fmt::format("say it: `${{{} ?? \"…\"}}`", source(span)));
    return types::kUnknown;
  }
  switch (types_.shape(type)) {
    case Shape::kNothing:
      diagnostics_.report(Code::kNoValue, span, "string")
          .labelled("this does something and gives nothing back");
      return types::kUnknown;
    case Shape::kFunction:
      if (std::holds_alternative<syntax::NameExpr>(ast_[expr].node)) {
        diagnostics_.report(Code::kTypeAsValue, span, source(span), "a function")
            .labelled("a function has no text")
            .help(fmt::format("call it: `${{{}(…)}}`", source(span)));
        return types::kUnknown;
      }
      [[fallthrough]];
    case Shape::kNull:
    case Shape::kEnvironment:
    case Shape::kResult:
    case Shape::kRecord:
    case Shape::kMap:
    case Shape::kRange:
    case Shape::kForm:
    case Shape::kError:
    case Shape::kErrorKind: {
      auto& report = diagnostics_
                         .report(Code::kNotInterpolable, span, text(type),
                                 where.starts_with("this ") ? where.substr(5) : where)
                         .labelled(fmt::format("a `{}` has no text of its own", text(type)));
      if (types_.is(type, Shape::kRecord) || types_.is(type, Shape::kForm))
        report.help(fmt::format("name a field: `${{{}.…}}`", source(span)));
      else if (type == types::kError || types_.is(type, Shape::kErrorKind))
        report.help(fmt::format("its text is `${{{}.message}}`", source(span)));
      return types::kUnknown;
    }
    default:
      return type;
  }
}

TypeId BodyChecker::infer_string(ExprId expr, const syntax::StringLit& node, TypeId hint) {
  switch (hint) {
    case types::kCommand:
      return infer_command(expr, node);
    case types::kUrl:
      return infer_url(expr, node);
    case types::kQuery:
      return infer_query(expr, node);
    case types::kRegex:
    case types::kTime:
      return infer_literal(expr, node, hint);
    default:
      return infer_text(expr, node);
  }
}

TypeId BodyChecker::infer_text(ExprId expr, const syntax::StringLit& node) {
  if (node.is_plain_text()) return types::kString;
  std::vector<Encoding> encodings;
  for (const syntax::StringLit::Part& part : node.parts) {
    encodings.push_back(Encoding::kText);
    if (!part.value.valid()) continue;
    const TypeId type = infer_part(part, "this text");
    if (types_.is(type, Shape::kList))
      diagnostics_.report(Code::kNotInterpolable, span_of(part.value), text(type), "text")
          .labelled("how would its elements be set apart?")
          .help(types_.element(type) == types::kString
                    ? fmt::format("join them: `${{{}.join(\", \")}}`", source(span_of(part.value)))
                    : fmt::format("make each one text, and join them: `{}.map(fn(x) => "
                                  "\"${{x}}\").join(\", \")`",
                                  source(span_of(part.value))));
    if (type == types::kUrl) {
      ExprInfo& one = info(part.value);
      (one.convert == Convert::kNothing ? one.convert : one.then) = Convert::kUrlToString;
      one.type = types::kString;
    }
  }
  info(expr).encodings = static_cast<uint32_t>(module_.encodings.size());
  module_.encodings.insert(module_.encodings.end(), encodings.begin(), encodings.end());
  return types::kString;
}

// ---- Commands

// The quotes around a value are gone when `eval` or `sh -c` reads it. A number can do no harm.
void BodyChecker::report_read_again(const syntax::StringLit::Part& part, TypeId type,
                                    const std::string& reader) {
  const TypeId word = types_.is(type, Shape::kList) ? types_.element(type) : type;
  if (word != types::kString && word != types::kUrl) return;
  diagnostics_.report(Code::kRawCommand, part.span, reader)
      .labelled("what is in this value, the shell does")
      .help(reader == "eval"
                ? std::string("leave `eval` out, and write the command in place")
                : fmt::format("write the script in place, and hand values over as its arguments: "
                              "`{} 'echo \"$1\"' - ${{{}}}`",
                              reader, source(span_of(part.value))));
}

/// Names of the runbook that the shell would look for in its environment: `rm -rf /srv/$app`.
void BodyChecker::note_shell_names(ExprId expr, const syntax::StringLit& node) {
  using Kind = syntax::StringLit::Kind;
  // Who writes `$$"…"` has the shell's variables in mind.
  if (node.kind == Kind::kDollar || module_.standard) return;
  size_t margin = 0;
  if (node.multi_line)
    for (const syntax::StringLit::Part& part : node.parts)
      if (!part.value.valid())
        margin = std::max(margin, margin_of(source(part.span), part.text, node.kind == Kind::kRaw));
  ShellVariables variables(node.kind == Kind::kRaw, margin);
  std::vector<ShellVariable> found;
  std::string text;
  for (const syntax::StringLit::Part& part : node.parts) {
    if (part.value.valid()) {
      variables.value();
      text += "value";
      continue;
    }
    variables.text(source(part.span), part.span.begin, found);
    text += part.text;
  }
  if (found.empty()) return;
  const ShellAssigned assigned = shell_assigned(text);
  for (const ShellVariable& one : found) {
    const SymbolId id = scopes_.find(one.name);
    if (id == kNone || assigned.has(one.name)) continue;
    const TypeId type = types_.without_optional(program_.symbols[id].type);
    const bool is_secret = type == types::kSecret;
    const bool has_words =
        is_scalar(type) || (types_.is(type, Shape::kList) && is_scalar(types_.element(type)));
    if (!is_secret && !has_words) continue;
    use(id, span_of(expr));  // it was meant to be
    const Span span{static_cast<uint32_t>(one.begin), static_cast<uint32_t>(one.end),
                    span_of(expr).file};
    const bool is_word = one.place == ShellText::Place::kWord && node.kind != Kind::kRaw;
    all_.shell_names.push_back({module_.id, expr, one.name, span, is_word, is_secret});
  }
}

void BodyChecker::note_environment(const std::vector<ExprId>& arguments) {
  ExprId environment;
  for (const ExprId argument : arguments)
    if (argument.valid() && types_.without_optional(info(argument).type) == types::kEnvironment)
      environment = argument;
  for (const ExprId argument : arguments)
    if (argument.valid() && types_.without_optional(info(argument).type) == types::kCommand)
      all_.command_environments[{module_.id, argument.index}] = environment;
}

TypeId BodyChecker::infer_command(ExprId expr, const syntax::StringLit& node) {
  note_shell_names(expr, node);
  ShellText shell;
  ShellWords words;
  std::vector<Encoding> encodings;
  for (size_t i = 0; i < node.parts.size(); ++i) {
    const syntax::StringLit::Part& part = node.parts[i];
    encodings.push_back(Encoding::kText);
    if (!part.value.valid()) {
      shell.text(part.text);
      words.text(part.text);
      continue;
    }
    const std::string reader = words.value();
    const auto* name = std::get_if<syntax::NameExpr>(&ast_[part.value].node);
    if (name != nullptr && scopes_.find(name->name) == kNone &&
        all_.find_top_level(module_.id, name->name) == kNone) {
      std::vector<std::string_view> names = scopes_.names();
      const std::string_view near = nearest(name->name, std::move(names));
      auto& report = diagnostics_.report(Code::kShellName, span_of(part.value), name->name)
                         .labelled("`${}` puts in a value of the runbook");
      report.help(fmt::format(
          "for the shell's own variable write `${}` or `\\${{{}}}`{}", name->name, name->name,
          near.empty() ? std::string() : fmt::format("; or did you mean `{}`?", near)));
      report.fix(fmt::format("write `${}`", name->name),
                 {{part.span, fmt::format("\\${{{}}}", name->name)}},
                 diagnostics::Applicability::kMaybeIncorrect);
      shell.value();
      continue;
    }
    const TypeId type = infer_part(part, "this command");
    const ShellText::Place place = shell.place();
    const bool starts_word = shell.at_word_start();
    shell.value();
    if (type == types::kUnknown) continue;
    const std::string_view written = source(span_of(part.value));
    if (place != ShellText::Place::kWord) {
      std::string variable = "VALUE";
      if (name != nullptr) {
        variable = name->name;
        std::transform(variable.begin(), variable.end(), variable.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      }
      auto& report = diagnostics_.report(Code::kInShellQuotes, part.span, place_text(place))
                         .labelled("quoted for here, it would not be safe");
      const bool quoted =
          place == ShellText::Place::kDoubleQuotes || place == ShellText::Place::kSingleQuotes;
      const char quote = place == ShellText::Place::kDoubleQuotes ? '"' : '\'';
      if (quoted && i > 0 && i + 1 < node.parts.size() && node.parts[i - 1].text.ends_with(quote) &&
          node.parts[i + 1].text.starts_with(quote)) {
        // `"${x}"`: the value is quoted anyway, the quotes around it can go.
        const std::string_view all = module_.source->text();
        Span before{part.span.begin, part.span.begin, part.span.file};
        Span after{part.span.end, part.span.end, part.span.file};
        --before.begin;
        if (before.begin > 0 && all[before.begin - 1] == '\\') --before.begin;
        if (all.substr(after.end, 1) == "\\") ++after.end;
        ++after.end;
        report.help("leave the quotes out: every value is quoted already")
            .fix("remove the quotes", {{before, ""}, {after, ""}});
      } else {
        report.help(fmt::format(
            "hand it over in the environment: write `${}` there, and add `env: env {{ {}: {} }}`",
            variable, variable, written));
      }
      continue;
    }
    if (!reader.empty()) report_read_again(part, type, reader);
    if (is_scalar(type)) {
      encodings.back() = Encoding::kShellWord;
      if (type == types::kUrl) {
        ExprInfo& one = info(part.value);
        (one.convert == Convert::kNothing ? one.convert : one.then) = Convert::kUrlToString;
        one.type = types::kString;
      }
      continue;
    }
    if (types_.is(type, Shape::kList) && is_scalar(types_.element(type))) {
      const bool ends_word =
          i + 1 == node.parts.size() ||
          (!node.parts[i + 1].value.valid() && !node.parts[i + 1].text.empty() &&
           std::string_view(" \t\n;|&<>)").find(node.parts[i + 1].text.front()) !=
               std::string_view::npos);
      if (starts_word && ends_word) {
        encodings.back() = Encoding::kShellWords;
        continue;
      }
      diagnostics_.report(Code::kNotInterpolable, span_of(part.value), text(type), "part of a word")
          .labelled("each element becomes a word of its own")
          .help(fmt::format("put blanks around it, or join it: `${{{}.join(\",\")}}`", written));
      continue;
    }
    auto& report =
        diagnostics_.report(Code::kNotInterpolable, span_of(part.value), text(type), "command")
            .labelled("a command's words are made of text, numbers and lists of them");
    if (type == types::kJson)
      report.help(
          fmt::format("say what it is: `${{{} as string}}`, or `.text()` for the JSON", written));
  }
  info(expr).encodings = static_cast<uint32_t>(module_.encodings.size());
  module_.encodings.insert(module_.encodings.end(), encodings.begin(), encodings.end());
  return types::kCommand;
}

// ---- URLs

TypeId BodyChecker::infer_url(ExprId expr, const syntax::StringLit& node) {
  UrlText url;
  std::vector<Encoding> encodings;
  bool wrong = false;
  const auto bad = [&](Span span, std::string why, std::string cure) {
    if (wrong) return;
    wrong = true;
    diagnostics_.report(Code::kBadLiteral, span, "Url", why).help(std::move(cure));
  };
  for (const syntax::StringLit::Part& part : node.parts) {
    encodings.push_back(Encoding::kText);
    if (!part.value.valid()) {
      url.text(part.text);
      if (url.glued())
        bad(part.span, "after a whole `Url` goes on `/`, `?` or `#`",
            "write a `/` after the value");
      continue;
    }
    const TypeId type = infer_part(part, "this URL");
    const UrlText::Place place = url.place();
    if (place == UrlText::Place::kHead && type == types::kUrl) {
      encodings.back() = Encoding::kUrlWhole;
      url.whole();
      continue;
    }
    url.value();
    if (type == types::kUnknown) {
      // What it is was wrong; what follows is then read as a path.
      if (place == UrlText::Place::kHead) url.whole();
      continue;
    }
    if (place == UrlText::Place::kHead || place == UrlText::Place::kScheme) {
      diagnostics_
          .report(Code::kNotInterpolable, span_of(part.value), text(type),
                  place == UrlText::Place::kHead ? "URL's head" : "URL's scheme")
          .labelled("where a URL leads must be known to be one")
          .help(fmt::format("begin with `https://`, or make `{}` a `Url` where it gets its value",
                            source(span_of(part.value))));
      wrong = true;
      continue;
    }
    if (place == UrlText::Place::kAfterWhole)
      bad(part.span, "after a whole `Url` goes on `/`, `?` or `#`", "write a `/` before the value");
    if (!is_scalar(type)) {
      diagnostics_.report(Code::kNotInterpolable, span_of(part.value), text(type), "URL")
          .labelled("a URL is made of text and numbers");
      continue;
    }
    if (type == types::kUrl) {
      ExprInfo& one = info(part.value);
      (one.convert == Convert::kNothing ? one.convert : one.then) = Convert::kUrlToString;
      one.type = types::kString;
    }
    encodings.back() = place == UrlText::Place::kHost    ? Encoding::kUrlHost
                       : place == UrlText::Place::kQuery ? Encoding::kUrlQuery
                                                         : Encoding::kUrlPath;
  }
  const UrlText::Place end = url.place();
  if (end == UrlText::Place::kHead || (end == UrlText::Place::kScheme && !wrong))
    bad(span_of(expr), "it has no scheme", "begin with `https://` or `http://`");
  const std::string& scheme = url.scheme();
  const bool good_scheme = !scheme.empty() &&
                           std::islower(static_cast<unsigned char>(scheme.front())) != 0 &&
                           std::all_of(scheme.begin(), scheme.end(), [](unsigned char c) {
                             return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
                           });
  if (end != UrlText::Place::kScheme && end != UrlText::Place::kHead && !scheme.empty() &&
      !good_scheme)
    bad(span_of(expr), fmt::format("`{}` is no scheme", scheme), "begin with `https://`");
  if (!scheme.empty() && url.host_empty() && end != UrlText::Place::kScheme)
    bad(span_of(expr), "it names no host", "write the host after `//`");
  if (url.bad() != 0)
    bad(span_of(expr), fmt::format("`{}` cannot stand in a URL", url.bad()),
        "put values in with `${}`: they are encoded for where they stand");
  info(expr).encodings = static_cast<uint32_t>(module_.encodings.size());
  module_.encodings.insert(module_.encodings.end(), encodings.begin(), encodings.end());
  return types::kUrl;
}

// ---- Queries, patterns, times

TypeId BodyChecker::infer_query(ExprId expr, const syntax::StringLit& node) {
  SqlText sql;
  std::vector<Encoding> encodings;
  bool wrong = false;
  const auto bad = [&](Span span, std::string_view why, std::string_view cure) {
    if (!wrong) diagnostics_.report(Code::kBadLiteral, span, "Query", why).help(std::string(cure));
    wrong = true;
  };
  for (size_t i = 0; i < node.parts.size(); ++i) {
    const syntax::StringLit::Part& part = node.parts[i];
    encodings.push_back(Encoding::kText);
    if (!part.value.valid()) {
      if (part.text.find('\0') != std::string::npos)
        bad(part.span, "no query holds a zero byte", "leave it out");
      if (i > 0 && !part.text.empty() && SqlText::is_word(part.text.front()))
        bad(part.span, "a word begins right after a value", "put a blank between the two");
      sql.text(part.text);
      continue;
    }
    const TypeId type = infer_part(part, "this query", true);
    const SqlText::Place place = sql.place();
    if (place == SqlText::Place::kPlain && sql.in_word())
      bad(part.span, "a value begins right after a word", "put a blank between the two");
    sql.value();
    if (type == types::kUnknown) continue;
    if (place != SqlText::Place::kPlain) {
      if (!wrong) report_in_query(node, i, place);
      wrong = true;
      continue;
    }
    encodings.back() = query_encoding(part, type);
  }
  if (sql.wrote_parameter())
    bad(span_of(expr), "its parameters are numbered by itself", "put the value in with `${}`");
  if (sql.is_ambiguous())
    bad(span_of(expr), "databases differ on what `\\'` means in a string",
        "write `''` for a quote in it, or put the text in with `${}`");
  if (sql.place() != SqlText::Place::kPlain)
    bad(span_of(expr),
        sql.place() == SqlText::Place::kLineComment ? "its comment goes on to the end"
                                                    : "its quotes or its comment are not closed",
        sql.place() == SqlText::Place::kLineComment
            ? "end it with a line of its own, or leave it out"
            : "close them");
  info(expr).encodings = static_cast<uint32_t>(module_.encodings.size());
  module_.encodings.insert(module_.encodings.end(), encodings.begin(), encodings.end());
  return types::kQuery;
}

Encoding BodyChecker::query_encoding(const syntax::StringLit::Part& part, TypeId type) {
  if (type == types::kQuery) return Encoding::kQueryPiece;
  if (is_scalar(types_.without_optional(type))) return Encoding::kBind;
  if (types_.is(type, Shape::kList) && is_scalar(types_.without_optional(types_.element(type))))
    return Encoding::kBindList;
  auto& report =
      diagnostics_.report(Code::kNotInterpolable, span_of(part.value), text(type), "query")
          .labelled("a query's values are text, numbers, times and lists of them");
  const std::string_view written = source(span_of(part.value));
  if (type == types::kJson)
    report.help(
        fmt::format("say what it is: `${{{} as string}}`, or `.text()` for the JSON", written));
  return Encoding::kText;
}

namespace {

/// Whether the value is all that stands in its quotes, so that it can stand there without them.
bool fills_quotes(const syntax::StringLit& node, size_t part) {
  if (part == 0 || part + 1 >= node.parts.size()) return false;
  const std::string& before = node.parts[part - 1].text;
  const std::string& after = node.parts[part + 1].text;
  // Two of them are a quote in the text.
  if (!before.ends_with('\'') || before.ends_with("''") || !after.starts_with('\'')) return false;
  if (after.size() > 1 && (after[1] == '\'' || SqlText::is_word(after[1]))) return false;
  SqlText sql;
  for (size_t i = 0; i + 1 < part; ++i) {
    if (node.parts[i].value.valid())
      sql.value();
    else
      sql.text(node.parts[i].text);
  }
  sql.text(std::string_view(before).substr(0, before.size() - 1));
  // Else the quote is a part of the text, or belongs to the word before it: `E'…'`.
  return sql.place() == SqlText::Place::kPlain && !sql.in_word();
}

}  // namespace

void BodyChecker::report_in_query(const syntax::StringLit& node, size_t part,
                                  SqlText::Place place) {
  using At = SqlText::Place;
  const syntax::StringLit::Part& value = node.parts[part];
  const bool is_name = place == At::kIdentifier;
  const bool is_comment = place == At::kLineComment || place == At::kBlockComment;
  auto& report =
      diagnostics_.report(Code::kInQueryQuotes, value.span, is_comment ? "comment" : "own quotes")
          .labelled("here the database would take it for text of the query");
  const std::string_view written = source(span_of(value.value));
  const bool is_alone = !is_comment && !is_name && place != At::kDollarQuote &&
                        node.kind != syntax::StringLit::Kind::kRaw && fills_quotes(node, part);
  if (is_comment) {
    report.help("leave it out of the comment");
  } else if (is_name) {
    report.help(fmt::format("for a name write `${{sql.ident({})}}`, without quotes", written));
  } else if (!is_alone) {
    report.help("make the whole text one value: it goes to the database beside the query");
  } else {
    const Span span{value.span.begin - 1, value.span.end + 1, value.span.file};
    report.help("leave the quotes out: a value goes to the database beside the query")
        .fix("remove the quotes", {{span, fmt::format("${{{}}}", written)}});
  }
}

TypeId BodyChecker::infer_literal(ExprId expr, const syntax::StringLit& node, TypeId type) {
  if (!node.is_plain_text()) {
    for (const syntax::StringLit::Part& part : node.parts) {
      if (!part.value.valid()) continue;
      const TypeId found = infer_part(part, "this literal");
      if (found == types::kUnknown) continue;
      diagnostics_.report(Code::kNotInterpolable, span_of(part.value), text(found), text(type))
          .labelled(type == types::kRegex ? "a pattern is written out" : "a time is written out")
          .help(type == types::kRegex
                    ? "compare with `==`, `.contains(…)` or `.starts_with(…)` instead"
                    : "reckon with it: a time plus a `duration` is a time");
    }
    return type;
  }
  const std::string written = plain_text(node);
  if (type == types::kTime) {
    if (const Result<int64_t> time = parse_time(written); !time)
      diagnostics_.report(Code::kBadTime, span_of(expr), time.error().message)
          .help(time.error().cure.empty() ? "write it as `2026-11-24T13:00:00+01:00`"
                                          : time.error().cure);
    return type;
  }
  if (const auto mistake = pattern_mistake(written))
    diagnostics_.report(Code::kBadRegex, span_of(expr), *mistake)
        .help(node.kind == syntax::StringLit::Kind::kRaw
                  ? "patterns are those of RE2: no look-around, no back-references"
                  : "write patterns as `r\"…\"`, where a backslash is a backslash");
  return type;
}

}  // namespace rbk::check
