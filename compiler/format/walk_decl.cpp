#include <algorithm>

#include "compiler/format/walk.h"

namespace rbk::format {
namespace {

using namespace syntax;  // NOLINT: every node kind is named here

}  // namespace

void Walker::field(const Field& field) {
  if (!field.annotations.empty()) {
    until(field.annotations.front().span.begin);
    flush();
  }
  for (const Annotation& one : field.annotations) annotation(one);
  until(field.name.span.begin);
  flush();
  until(field.name.span.end);
  if (field.type.valid()) until(ast_[field.type].span.end);
  if (field.default_value.valid()) expr(field.default_value);
  if (field.outer_name.valid() &&
      (field.where.empty() || field.outer_name < field.where.front().condition))
    expr(field.outer_name);
  if (!field.where.empty()) {
    layout_.begin_group();
    layout_.indent();
    for (const Refinement& one : field.where) {
      until(one.span.begin);
      gap(Gap::kLine);
      token();  // where
      expr(one.condition);
      if (one.message.valid()) {
        while (!next_is("else") && next_word() != nullptr) token();
        layout_.begin_group();
        layout_.indent();
        gap(Gap::kLine);
        expr(one.message);
        layout_.outdent();
        layout_.end_group();
      }
    }
    layout_.outdent();
    layout_.end_group();
  }
  until(field.span.end);
}

void Walker::annotation(const Annotation& one) {
  until(one.name.span.end);
  if (next_is("(") && next_word()->begin < one.span.end) arguments(one.args);
  until(one.span.end);
}

void Walker::fields(const std::vector<Field>& fields, bool brace) {
  bracket(fields.size(), brace, [&](size_t i) { field(fields[i]); });
}

void Walker::declaration(const Decl& decl) {
  flush();
  for (const Annotation& one : decl.annotations) {
    annotation(one);
    gap(Gap::kHard);
  }
  flush();
  std::visit(
      [&](const auto& it) {
        using T = std::decay_t<decltype(it)>;
        if constexpr (std::is_same_v<T, ConstDecl>) {
          assigned(it.value);
        } else if constexpr (std::is_same_v<T, FnDecl>) {
          function(decl, it);
        } else if constexpr (std::is_same_v<T, NativeFnDecl>) {
          until(decl.name.span.end);
          if (next_is("(")) fields(it.params, false);
        } else if constexpr (std::is_same_v<T, RecordDecl> || std::is_same_v<T, ErrorKindDecl>) {
          until(decl.name.span.end);
          if (next_is("{") && next_word()->begin < decl.span.end) fields(it.fields, true);
        } else if constexpr (std::is_same_v<T, EnumDecl>) {
          enumeration(decl, it);
        } else if constexpr (std::is_same_v<T, RunbookDecl>) {
          runbook(decl, it);
        } else if constexpr (std::is_same_v<T, ActionDecl>) {
          action(decl, it);
        } else if constexpr (std::is_same_v<T, ScheduleDecl> || std::is_same_v<T, TriggerDecl>) {
          until(it.runbook.span.end);
          if (next_is("(")) arguments(it.args);
          lines_in_braces(decl);
        } else if constexpr (std::is_same_v<T, CalendarDecl>) {
          lines_in_braces(decl);
        } else if constexpr (std::is_same_v<T, TestDecl>) {
          block(it.body, BlockStyle::kOpen);
        } else if constexpr (std::is_same_v<T, InvariantDecl>) {
          block(it.body, BlockStyle::kAuthor);
        }
      },
      decl.node);
  until(decl.span.end);
}

void Walker::function(const Decl& decl, const FnDecl& fn) {
  until(decl.name.span.end);
  if (next_is("(")) fields(fn.params, false);
  block(fn.body, BlockStyle::kAuthor);
}

void Walker::action(const Decl& decl, const ActionDecl& action) {
  until(decl.name.span.end);
  if (next_is("(")) fields(action.params, false);
  maybe(action.exec);
}

void Walker::enumeration(const Decl& decl, const EnumDecl& members) {
  until(decl.name.span.end);
  if (!next_is("{")) return;
  bracket(members.members.size(), true, [&](size_t i) {
    const EnumDecl::Member& member = members.members[i];
    until(member.name.span.begin);
    flush();
    until(member.name.span.end);
    if (!member.payload.empty() && next_is("(")) fields(member.payload, false);
    until(member.span.end);
  });
}

void Walker::runbook(const Decl& decl, const RunbookDecl& runbook) {
  until(decl.name.span.end);
  if (next_is("(")) fields(runbook.params, false);
  if (runbook.result.valid()) until(ast_[runbook.result].span.end);
  // The clauses of the head, one a line, and the brace below them.
  std::vector<uint32_t> begins;
  const auto before = [&](uint32_t offset) {  // the clause's own word
    uint32_t word = 0;
    for (size_t i = at_; i < tokens_.size() && tokens_[i].begin < offset; ++i) {
      const std::string_view text = text_of(tokens_[i]);
      if (tokens_[i].kind == Token::Kind::kWord &&
          (text == "allow" || text == "on" || text == "max"))
        word = tokens_[i].begin;
    }
    if (word != 0) begins.push_back(word);
  };
  for (const Who& who : runbook.allow) before(who.span.begin);
  if (runbook.worker.valid()) before(ast_[runbook.worker].span.begin);
  for (const Exclusive& one : runbook.exclusive) begins.push_back(one.span.begin);
  for (const Outside& one : runbook.outside) begins.push_back(one.span.begin);
  if (runbook.max.valid()) before(ast_[runbook.max].span.begin);
  std::sort(begins.begin(), begins.end());
  begins.erase(std::unique(begins.begin(), begins.end()), begins.end());
  layout_.indent();
  for (const uint32_t begin : begins) {
    until(begin);
    gap(Gap::kHard);
    token();
  }
  const uint32_t body = ast_[runbook.body].span.begin;
  until(body);
  comments();
  layout_.outdent();
  if (!begins.empty()) gap(Gap::kHard);
  block(runbook.body, BlockStyle::kOpen);
}

void Walker::lines_in_braces(const Decl& decl) {
  while (!next_is("{") && next_word() != nullptr && next_word()->begin < decl.span.end) token();
  if (!next_is("{")) return;
  token();
  if (next_is("}") && tokens_[at_].kind != Token::Kind::kComment) {
    token();
    return;
  }
  layout_.indent();
  gap(Gap::kHard);
  raw_lines(decl.span.end - 1);
  keep_blank_ = true;
  comments();
  layout_.outdent();
  gap(Gap::kHard);
  token();
}

}  // namespace rbk::format
