// Tests: their bodies, the stand-ins of `given`, invariants.
#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "compiler/lower/body.h"
#include "compiler/lower/test_program.h"
#include "compiler/lower/walk.h"
#include "vm/bytecode/op_table.h"

namespace rbk::lower {

using bytecode::Behaviour;
using syntax::GivenStmt;
using Shape = check::Type::Shape;

// ---- Bodies

void Body::test(BlockId body, SymbolId looked_at) {
  if (looked_at != check::kNone) {
    const check::Symbol& it = program_.symbol(looked_at);
    locals_[looked_at] = code_.parameter(kind(it.type), it.name);
  }
  exits_.push_back({Exit::Kind::kFunction, kNoReg, {}, {}});
  block(body);
  exits_.pop_back();
  finish(bytecode::kNone);
}

/// A step whose name begins with the line: by it the runner knows how far a body has come.
void Body::begin_line(const std::string& what) {
  const std::string name = std::to_string(code_.line()) + " " + what;
  code_.emit(Op::kStepBegin, program_.step(name, index_, false), kNoReg);
}

void Body::ask_runner(uint16_t action, const std::string& shown, const std::vector<Slot>& slots,
                      Reg to) {
  TemporaryScope scope(code_);
  begin_line(shown);
  const Reg first = fill_run(slots);
  code_.emit_run(Op::kPerform, to, action, first, slots.size());
  code_.extra(kNoReg, 0, 0);
  code_.emit(Op::kStepEnd, kNoReg, 0);
}

void Body::tested_into(const Meaning& meaning, Reg to, check::TypeId outcome) {
  const check::Symbol& runbook = program_.symbol(meaning.symbol);
  const std::string name = program_.full_name(meaning.symbol);
  program_.function_of(meaning.symbol);
  std::vector<bytecode::Type::Field> parameters;
  for (const check::Field& field : runbook.fields)
    parameters.push_back({field.name, field.name, type(field.type), bytecode::kNone});
  const uint16_t action =
      program_.test_action(std::string(kRunAction) + name, std::move(parameters), type(outcome));
  ask_runner(action, name, field_slots(runbook.fields, meaning.symbol, meaning.arguments, false),
             to);
}

void Body::calls_into(const Meaning& meaning, Reg to, check::TypeId list) {
  const std::string name = program_.full_name(meaning.symbol);
  const uint16_t action = program_.test_action(std::string(kCallsAction) + name, {}, type(list));
  ask_runner(action, name, {}, to);
}

void Body::secret_into(const Meaning& meaning, Reg to) {
  const auto& literal = std::get<syntax::StringLit>(ast()[meaning.arguments.at(0)].node);
  const std::string value = literal.parts.empty() ? std::string() : literal.parts.front().text;
  const Reg json = temporary(Kind::kRef);
  json_object_into({{"secret",
                     [&](Reg inner) {
                       json_constant_into(boost::json::serialize(boost::json::string(value)),
                                          inner);
                     }}},
                   json);
  const bytecode::TypeId secret = program_.shape_type(bytecode::Type::Shape::kSecret);
  code_.emit(Op::kFromJson, to, json, program_.narrow(secret, "types"));
}

void Body::lower_expect(const syntax::ExpectStmt& node) {
  begin_line("expect");
  const Label holds = code_.label();
  branch(node.condition, true, holds);
  if (code_.reachable()) raise("Failed", condition_message(node.condition));
  code_.bind(holds);
  code_.emit(Op::kStepEnd, kNoReg, 0);
}

void Body::lower_crash(const syntax::CrashStmt& node) {
  const uint16_t action =
      program_.test_action(std::string(kCrashAction),
                           {{"before", "before", program_.bool_type(), bytecode::kNone},
                            {"step", "step", program_.string_type(), bytecode::kNone},
                            {"line", "line", program_.int_type(), bytecode::kNone}},
                           bytecode::kNone);
  std::string path;
  for (const syntax::Name& part : node.step.parts) path += (path.empty() ? "" : "/") + part.text;
  ask_runner(
      action, "crash",
      {{Kind::kBool, [&](Reg to) { code_.load_int(to, node.before ? 1 : 0); }},
       {Kind::kRef, [&](Reg to) { code_.load_constant(to, program_.string_constant(path)); }},
       {Kind::kInt, [&](Reg to) { code_.load_int(to, code_.line()); }}},
      kNoReg);
}

// ---- Stand-ins

namespace {

/// Whether one of the errors that it fails with has `retryable: …`.
bool says_retryable(const syntax::Ast& ast, const GivenStmt& node) {
  std::vector<ExprId> replies = node.values;
  replies.push_back(node.value);
  return std::any_of(replies.begin(), replies.end(), [&](ExprId id) {
    if (!id.valid()) return false;
    const auto* fail = std::get_if<syntax::FailExpr>(&ast[id].node);
    if (fail == nullptr) return false;
    const auto* error = std::get_if<syntax::BraceExpr>(&ast[fail->error].node);
    return error != nullptr &&
           std::any_of(error->entries.begin(), error->entries.end(),
                       [](const auto& entry) { return entry.name.text == "retryable"; });
  });
}

}  // namespace

void Body::lower_given(StmtId id, const GivenStmt& node) {
  const check::StmtInfo& given = module_->stmts.at(id.index);
  // What a signal brings, or what a person says of a step that has failed.
  const bool is_failure = node.kind == GivenStmt::Kind::kAsk && given.brought != check::kNone;
  const bool is_signal = node.kind == GivenStmt::Kind::kSignal || is_failure;
  if (!is_signal && (given.symbols.empty() || given.symbols[0] == check::kNone))
    return fault(ast()[id].span, "a `given` without what it stands in for");
  static const check::Symbol kNothing;
  const check::Symbol& target = is_signal ? kNothing : program_.symbol(given.symbols[0]);
  StandIn made;
  const source::LineColumn at = module_->source->position(ast()[id].span.begin);
  made.at = {module_->source->path(), at.line};
  made.kind = node.kind == GivenStmt::Kind::kApproval        ? StandIn::Kind::kApproval
              : is_failure                                   ? StandIn::Kind::kFailure
              : node.kind == GivenStmt::Kind::kAsk           ? StandIn::Kind::kQuestion
              : is_signal                                    ? StandIn::Kind::kSignal
              : target.kind != check::Symbol::Kind::kBuiltin ? StandIn::Kind::kCall
              : target.name == "now"                         ? StandIn::Kind::kClock
                                                             : StandIn::Kind::kRandom;
  made.target = made.kind == StandIn::Kind::kCall ? program_.full_name(given.symbols[0])
                                                  : node.target.last().text;
  if (made.kind == StandIn::Kind::kCall)
    for (const check::Field& field : target.fields) made.parameters.push_back(field.name);
  const Captures captures = captures_of(id);
  for (const Capture& capture : captures) {
    if (checked_type(program_.symbol(capture.symbol).type).shape != Shape::kFunction) continue;
    program_.fault(ErrorKind::kUnsupported, *module_, ast()[id].span,
                   "a `given` can't use `" + program_.symbol(capture.symbol).name +
                       "`, which is a function: write it in the `given` itself");
  }
  const uint32_t index = program_.stand_in_count();
  const std::string name = "given " + std::to_string(index + 1);
  const auto function = [&](std::string_view part, bytecode::TypeId result, const auto& write) {
    const std::string full = name + "/" + std::string(part);
    const uint32_t reserved = program_.reserve_function(full);
    Body body(program_, *module_, full, Role::kPure, reserved);
    body.take_captures(*this, captures);
    std::vector<bytecode::Parameter> parameters;
    for (const Capture& capture : captures) {
      const check::Symbol& symbol = program_.symbol(capture.symbol);
      bytecode::Parameter parameter;
      parameter.name = symbol.name;
      parameter.type = type(symbol.type);
      parameters.push_back(std::move(parameter));
    }
    if (made.kind == StandIn::Kind::kCall) body.take_call(target, given, parameters);
    bytecode::Parameter turn;
    turn.name = "turn";
    turn.type = program_.int_type();
    parameters.push_back(std::move(turn));
    const Reg turn_reg = body.code_.parameter(Kind::kInt, "turn");
    write(body, turn_reg);
    body.finish(result);
    return program_.add_hidden_runbook(full, reserved, std::move(parameters), result);
  };
  made.matches = function("match", program_.bool_type(),
                          [&](Body& body, Reg) { body.given_match(node, given); });
  if (node.reply != GivenStmt::Reply::kReject) {
    bytecode::TypeId result = bytecode::kNone;
    if (node.reply == GivenStmt::Reply::kApprove || node.reply == GivenStmt::Reply::kAnswer) {
      result = program_.json_type();
    } else if (is_signal) {
      result = type(given.brought);
    } else if (made.kind == StandIn::Kind::kClock) {
      result = program_.shape_type(bytecode::Type::Shape::kTime);
    } else if (made.kind == StandIn::Kind::kRandom) {
      result = program_.shape_type(bytecode::Type::Shape::kFloat);
    } else if (target.result != check::kNone &&
               checked_type(target.result).shape != Shape::kNothing) {
      result = type(target.result);
    }
    made.reply = function("reply", result,
                          [&](Body& body, Reg turn) { body.given_reply(node, result, turn); });
  }
  made.says_retryable = says_retryable(ast(), node);
  if (node.reply == GivenStmt::Reply::kInOrder)
    made.replies = static_cast<uint32_t>(node.values.size());
  program_.add_stand_in(std::move(made));

  const uint16_t action =
      program_.test_action(std::string(kGivenAction),
                           {{"stand_in", "stand_in", program_.int_type(), bytecode::kNone},
                            {"captures", "captures", program_.json_type(), bytecode::kNone}},
                           bytecode::kNone);
  std::vector<std::function<void(Reg)>> values;
  for (const Capture& capture : captures) {
    values.push_back([this, capture](Reg to) {
      convert(check::Convert::kToJson, capture.reg, program_.symbol(capture.symbol).type, to);
    });
  }
  ask_runner(action, name,
             {{Kind::kInt, [&](Reg to) { code_.load_int(to, index); }},
              {Kind::kRef, [&](Reg to) { json_list_into(values, to); }}},
             kNoReg);
}

/// The arguments of the call become parameters, those with a name of the `given` under it.
void Body::take_call(const check::Symbol& target, const check::StmtInfo& given,
                     std::vector<bytecode::Parameter>& parameters) {
  for (size_t i = 0; i < target.fields.size(); ++i) {
    const SymbolId symbol = i + 1 < given.symbols.size() ? given.symbols[i + 1] : check::kNone;
    // What it is compared with has the type as it is handed over, as a name has.
    const bytecode::TypeId of = symbol != check::kNone
                                    ? type(program_.symbol(symbol).type)
                                    : program_.handed_over(target.fields[i].type);
    bytecode::Parameter parameter;
    parameter.name = target.fields[i].name;
    parameter.type = of;
    const Reg reg = code_.parameter(program_.type_at(of).kind(), parameter.name);
    bind(symbol, reg);
    call_.push_back(reg);
    parameters.push_back(std::move(parameter));
  }
}

void Body::given_match(const GivenStmt& node, const check::StmtInfo& given) {
  const Label no = code_.label();
  const Reg answer = temporary(Kind::kBool);
  for (size_t i = 0; i < node.args.size() && i < given.places.size(); ++i) {
    const uint32_t place = given.places[i];
    if (place >= call_.size()) continue;
    if (place + 1 < given.symbols.size() && given.symbols[place + 1] != check::kNone) continue;
    const ExprId wanted = node.args[i].value;
    jump_unless_equal({call_[place], info(wanted).type, kNoReg}, wanted, no);
  }
  if (node.condition.valid()) branch(node.condition, false, no);
  code_.load_int(answer, 1);
  code_.leave(Op::kReturn, answer);
  code_.bind(no);
  code_.load_int(answer, 0);
  code_.leave(Op::kReturn, answer);
}

void Body::given_reply(const GivenStmt& node, bytecode::TypeId result, Reg turn) {
  const auto give = [&](ExprId id) {
    if (result == bytecode::kNone) {
      discard(id);
      if (code_.reachable()) code_.leave(Op::kReturnNothing);
      return;
    }
    const Reg made = temporary(program_.type_at(result).kind());
    into(id, made);
    if (code_.reachable()) code_.leave(Op::kReturn, made);
  };
  if (node.reply == GivenStmt::Reply::kApprove || node.reply == GivenStmt::Reply::kAnswer) {
    std::vector<JsonEntry> entries;
    for (const syntax::Entry& entry : node.entries) {
      entries.push_back({entry.name.text, [this, id = entry.value](Reg to) {
                           convert(check::Convert::kToJson, value(id), info(id).type, to);
                         }});
    }
    const Reg made = temporary(Kind::kRef);
    json_object_into(entries, made);
    code_.leave(Op::kReturn, made);
    return;
  }
  if (node.reply == GivenStmt::Reply::kValue) return give(node.value);
  for (size_t i = 0; i < node.values.size(); ++i) {
    TemporaryScope scope(code_);
    const Label next = code_.label();
    const Reg number = load_number(Kind::kInt, static_cast<int64_t>(i));
    code_.jump_compare(Op::kJumpNeInt, turn, number, next);
    give(node.values[i]);
    code_.bind(next);
  }
  raise("Failed", load_text("its replies are used up"));
}

// ---- The program

uint16_t ProgramLowering::test_action(std::string name,
                                      std::vector<bytecode::Type::Field> parameters,
                                      bytecode::TypeId result) {
  for (size_t i = 0; i < program_.actions.size(); ++i) {
    if (program_.actions[i].name == name) return static_cast<uint16_t>(i);
  }
  bytecode::ActionImport made;
  made.name = std::move(name);
  made.behaviour = Behaviour::kReads;
  made.parameters = std::move(parameters);
  made.result = result;
  program_.actions.push_back(std::move(made));
  return narrow(static_cast<uint32_t>(program_.actions.size() - 1), "actions");
}

uint32_t ProgramLowering::add_hidden_runbook(std::string name, uint32_t function,
                                             std::vector<bytecode::Parameter> parameters,
                                             bytecode::TypeId result) {
  bytecode::Runbook made;
  made.name = std::move(name);
  made.function = function;
  made.parameters = std::move(parameters);
  made.result = result;
  made.is_public = false;
  program_.runbooks.push_back(std::move(made));
  return static_cast<uint32_t>(program_.runbooks.size() - 1);
}

bytecode::TypeId ProgramLowering::handed_over(check::TypeId id) {
  const check::Type& from = checked_type(id);
  switch (from.shape) {
    case Shape::kUrl:
    case Shape::kCommand:
    case Shape::kRegex:
    case Shape::kSecret:
      return string_type();
    case Shape::kQuery:
      return json_type();
    case Shape::kEnvironment:
      return map_type(string_type(), string_type());
    case Shape::kFunction:
      return json_type();
    case Shape::kOptional:
      return optional_type(handed_over(from.element));
    case Shape::kList:
      return list_type(handed_over(from.element));
    default:
      return type(id);
  }
}

Result<TestProgram> ProgramLowering::run_tests(const std::vector<syntax::DeclId>& tests,
                                               std::unordered_set<SymbolId> replaced) {
  replaced_ = std::move(replaced);
  TestProgram made;
  const CheckedModule& main = *checked_.modules.at(0);
  const auto place = [&](const syntax::Decl& decl) {
    return WrittenAt{main.source->path(), main.source->position(decl.span.begin).line};
  };
  const auto title = [&](ExprId id) {
    const auto* literal = id.valid() ? std::get_if<syntax::StringLit>(&main.ast[id].node) : nullptr;
    return literal == nullptr || literal->parts.empty() ? std::string()
                                                        : literal->parts.front().text;
  };
  for (const syntax::DeclId id : tests) {
    const syntax::Decl& decl = main.ast[id];
    const auto& node = std::get<syntax::TestDecl>(decl.node);
    const std::string name = "test " + std::to_string(made.tests.size() + 1);
    const uint32_t function = reserve_function(name);
    Body(*this, main, name, Body::Role::kPure, function).test(node.body, check::kNone);
    made.tests.push_back(
        {title(node.title), place(decl), add_hidden_runbook(name, function, {}, bytecode::kNone)});
  }
  for (const syntax::DeclId id : main.ast.decls) {
    const syntax::Decl& decl = main.ast[id];
    const auto* node = std::get_if<syntax::InvariantDecl>(&decl.node);
    if (node == nullptr) continue;
    const SymbolId it = main.looked_at.at(id.index);
    const std::string name = "invariant " + std::to_string(made.invariants.size() + 1);
    const uint32_t function = reserve_function(name);
    Body(*this, main, name, Body::Role::kPure, function).test(node->body, it);
    bytecode::Parameter parameter;
    parameter.name = "it";
    parameter.type = type(symbol(it).type);
    const SymbolId about = main.about.at(id.index);
    function_of(about);
    made.invariants.push_back({title(node->title), place(decl), full_name(about),
                               add_hidden_runbook(name, function, {parameter}, bytecode::kNone)});
  }
  for (const syntax::DeclId id : main.ast.decls) {
    const SymbolId symbol_id = main.decls.at(id.index);
    if (!std::holds_alternative<syntax::ImportDecl>(main.ast[id].node) || symbol_id == check::kNone)
      continue;
    const check::Symbol& import = symbol(symbol_id);
    if (import.imported == check::kNone) continue;
    std::string path = checked_.modules.at(import.imported)->name;
    if (path.ends_with(".rbk")) path.resize(path.size() - 4);
    made.imports[path] = import.name;
  }
  tests_ = &made;
  auto program = run();
  if (!program) return tl::unexpected<Error>(std::move(program.error()));
  made.stand_ins = std::move(stand_ins_);
  made.program = std::make_shared<const bytecode::Program>(std::move(*program));
  return made;
}

void ProgramLowering::collect_errors(TestProgram& tests) {
  const auto actions = actions_;  // taking in a type may not change what is gone through
  for (const auto& [id, index] : actions) {
    const check::Symbol& action = symbol(id);
    std::vector<std::string>& kinds = tests.errors[program_.actions[index].name];
    const auto take = [&](const CheckedModule& module, std::string_view only) {
      for (const SymbolId one : module.decls) {
        if (one == check::kNone || symbol(one).kind != check::Symbol::Kind::kErrorKind) continue;
        if (!only.empty() && symbol(one).name != only) continue;
        type(symbol(one).type);
        kinds.push_back(full_name(one));
        for (const check::Field& field : symbol(one).fields) {
          if (field.written != nullptr && field.written->default_value.valid())
            tests.optional_fields.insert(kinds.back() + "." + field.outer_name);
        }
      }
    };
    if (action.kind == check::Symbol::Kind::kAction) take(*checked_.modules.at(action.module), {});
    if (action.name == "shell") {
      for (const auto& module : checked_.modules)
        if (module->standard && module->name == "core") take(*module, "ShellError");
    }
    if (kinds.empty()) kinds.emplace_back("Failed");
  }
}

namespace {

std::unordered_set<SymbolId> replaced_in(const CheckedModule& module, BlockId body,
                                         const check::CheckedProgram& checked) {
  std::unordered_set<SymbolId> found;
  Visitor visitor;
  visitor.stmt = [&](StmtId id) {
    const auto* given = std::get_if<GivenStmt>(&module.ast[id].node);
    const auto& symbols = module.stmts.at(id.index).symbols;
    if (given != nullptr && given->kind == GivenStmt::Kind::kCall && !symbols.empty() &&
        symbols[0] != check::kNone &&
        checked.symbol(symbols[0]).kind == check::Symbol::Kind::kRunbook)
      found.insert(symbols[0]);
    return true;
  };
  walk(module.ast, body, visitor);
  return found;
}

}  // namespace

Result<std::vector<TestProgram>> lower_tests(const check::CheckedProgram& checked) {
  const CheckedModule& main = *checked.modules.at(0);
  std::map<std::set<SymbolId>, std::vector<syntax::DeclId>> groups;
  bool has_invariants = false;
  for (const syntax::DeclId id : main.ast.decls) {
    has_invariants =
        has_invariants || std::holds_alternative<syntax::InvariantDecl>(main.ast[id].node);
    const auto* test = std::get_if<syntax::TestDecl>(&main.ast[id].node);
    if (test == nullptr) continue;
    const auto replaced = replaced_in(main, test->body, checked);
    groups[{replaced.begin(), replaced.end()}].push_back(id);
  }
  if (groups.empty() && has_invariants) groups[{}] = {};
  std::vector<TestProgram> made;
  for (const auto& [replaced, tests] : groups) {
    auto program = ProgramLowering(checked).run_tests(tests, {replaced.begin(), replaced.end()});
    if (!program) return tl::unexpected<Error>(std::move(program.error()));
    made.push_back(std::move(*program));
  }
  return made;
}

}  // namespace rbk::lower
