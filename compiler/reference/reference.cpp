#include "compiler/reference/reference.h"

#include <fmt/format.h>

#include <algorithm>

namespace rbk::reference {
namespace {

using namespace syntax;  // NOLINT: this file reads trees and little else

class Reader {
 public:
  Reader(std::string_view prefix, const source::Source& source, const Ast& ast)
      : prefix_(prefix), source_(source), ast_(ast) {}

  Entry entry(const Decl& decl) const {
    Entry made;
    made.name = decl.name.text;
    // The module's own action is called by the module's name.
    made.full_name = prefix_.empty()        ? made.name
                     : made.name == prefix_ ? made.name
                                            : fmt::format("{}.{}", prefix_, made.name);
    made.doc = decl.doc;
    made.is_private = made.name.starts_with('_');
    made.line = source_.position(decl.name.span.begin).line;
    if (const auto* action = std::get_if<ActionDecl>(&decl.node)) {
      static constexpr const char* kBehaviours[] = {"writes", "reads", "idempotent", "writes"};
      made.kind = Entry::Kind::kAction;
      made.behaviour = kBehaviours[static_cast<int>(action->effect)];
      made.is_program = !action->native;
      callable(made, action->params, action->result);
    } else if (const auto* runbook = std::get_if<RunbookDecl>(&decl.node)) {
      made.kind = Entry::Kind::kRunbook;
      callable(made, runbook->params, runbook->result);
    } else if (const auto* function = std::get_if<FnDecl>(&decl.node)) {
      made.kind = Entry::Kind::kFunction;
      callable(made, function->params, function->result);
    } else if (const auto* native = std::get_if<NativeFnDecl>(&decl.node)) {
      made.kind = Entry::Kind::kOfValue;
      of_value(made, *native);
    } else if (const auto* record = std::get_if<RecordDecl>(&decl.node)) {
      made.kind = Entry::Kind::kRecord;
      fields(made, record->fields);
      made.signature = "record " + made.full_name;
    } else if (const auto* error = std::get_if<ErrorKindDecl>(&decl.node)) {
      made.kind = Entry::Kind::kErrorKind;
      fields(made, error->fields);
      made.signature = "error " + made.full_name;
    } else if (const auto* members = std::get_if<EnumDecl>(&decl.node)) {
      made.kind = Entry::Kind::kEnum;
      made.signature = "enum " + made.full_name;
      for (const EnumDecl::Member& member : members->members) {
        std::string payload;
        for (const syntax::Field& field : member.payload)
          payload += fmt::format("{}{}: {}", payload.empty() ? "" : ", ", field.name.text,
                                 text(field.type));
        if (!payload.empty()) payload = "(" + payload + ")";
        made.fields.push_back({member.name.text, payload, {}, {}, member.doc});
      }
    } else if (const auto* constant = std::get_if<ConstDecl>(&decl.node)) {
      made.kind = Entry::Kind::kConst;
      made.result = text(constant->value);
      made.signature =
          fmt::format("const {}{} = {}", made.full_name,
                      constant->type.valid() ? ": " + text(constant->type) : "", made.result);
    }
    if (const auto* calendar = std::get_if<CalendarDecl>(&decl.node)) {
      made.kind = Entry::Kind::kCalendar;
      made.signature = fmt::format("calendar {}{}", made.full_name,
                                   calendar->zone.valid() ? " in " + text(calendar->zone) : "");
      for (const CalendarDecl::Closed& one : calendar->closed) add(made.result, text(one.span));
    } else if (const auto* schedule = std::get_if<ScheduleDecl>(&decl.node)) {
      made.kind = Entry::Kind::kSchedule;
      std::string arguments;
      for (const Argument& one : schedule->args) add(arguments, text(one.span));
      made.signature = fmt::format("schedule {} for {}({})", made.full_name,
                                   schedule->runbook.text(), arguments);
      for (const ScheduleDecl::Firing& one : schedule->firings) add(made.result, text(one.span));
      for (const Outside& one : schedule->outside) add(made.result, text(one.span));
    }
    return made;
  }

 private:
  static void add(std::string& to, const std::string& text) {
    to += (to.empty() ? "" : ", ") + text;
  }
  std::string text(source::Span span) const { return std::string(source_.text(span)); }
  std::string text(ExprId id) const {
    return id.valid() ? std::string(source_.text(ast_[id].span)) : std::string();
  }
  std::string text(TypeRefId id) const {
    return id.valid() ? std::string(source_.text(ast_[id].span)) : std::string();
  }

  void fields(Entry& into, const std::vector<syntax::Field>& written) const {
    for (const syntax::Field& field : written) {
      Field made{field.name.text, text(field.type), text(field.default_value), {}, field.doc};
      for (const Refinement& where : field.where) made.where.push_back(text(where.condition));
      into.fields.push_back(std::move(made));
    }
  }

  void of_value(Entry& into, const NativeFnDecl& native) const {
    callable(into, native.params, native.result);
    const std::string_view whole = into.signature;
    std::string shape(whole.substr(into.full_name.size()));
    if (native.is_property) shape.erase(0, shape.find(" -> "));
    into.signature = fmt::format(
        "{}.{}{}", native.receiver.valid() ? text(native.receiver) : std::string(prefix_),
        into.name, shape);
  }

  void callable(Entry& into, const std::vector<syntax::Field>& params, TypeRefId result) const {
    fields(into, params);
    into.result = text(result);
    std::string list;
    for (const Field& field : into.fields) {
      list += fmt::format("{}{}: {}", list.empty() ? "" : ", ", field.name, field.type);
      if (!field.default_value.empty()) list += " = " + field.default_value;
    }
    into.signature = fmt::format("{}({}){}", into.full_name, list,
                                 into.result.empty() ? "" : " -> " + into.result);
  }

  std::string_view prefix_;
  const source::Source& source_;
  const Ast& ast_;
};

}  // namespace

Module module_of(std::string name, std::string_view prefix, const source::Source& source,
                 const Ast& ast) {
  Module made;
  made.name = std::move(name);
  made.doc = ast.doc;
  made.of_values = std::any_of(ast.decls.begin(), ast.decls.end(), [&](DeclId id) {
    return std::holds_alternative<NativeFnDecl>(ast[id].node);
  });
  const Reader reader(prefix, source, ast);
  for (const DeclId id : ast.decls) {
    const Decl& decl = ast[id];
    const bool has_entry = std::holds_alternative<ActionDecl>(decl.node) ||
                           std::holds_alternative<RunbookDecl>(decl.node) ||
                           std::holds_alternative<FnDecl>(decl.node) ||
                           std::holds_alternative<NativeFnDecl>(decl.node) ||
                           std::holds_alternative<RecordDecl>(decl.node) ||
                           std::holds_alternative<EnumDecl>(decl.node) ||
                           std::holds_alternative<ErrorKindDecl>(decl.node) ||
                           std::holds_alternative<CalendarDecl>(decl.node) ||
                           std::holds_alternative<ScheduleDecl>(decl.node) ||
                           std::holds_alternative<ConstDecl>(decl.node);
    if (has_entry && !decl.name.empty()) made.entries.push_back(reader.entry(decl));
  }
  return made;
}

}  // namespace rbk::reference
