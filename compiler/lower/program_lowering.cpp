#include "compiler/lower/program_lowering.h"

#include <variant>

#include "base/hash.h"
#include "compiler/lower/body.h"
#include "compiler/lower/liveness.h"
#include "compiler/lower/test_program.h"
#include "vm/bytecode/op_table.h"

namespace rbk::lower {

using check::Symbol;

ProgramLowering::ProgramLowering(const check::CheckedProgram& checked) : checked_(checked) {}

Result<bytecode::Program> ProgramLowering::run() {
  for (source::FileId id = 0; id < checked_.sources.size(); ++id) {
    const source::Source& source = checked_.sources.get(id);
    program_.files.push_back({source.path(), sha256(source.text())});
  }
  for (const check::OwnProgram& own : checked_.programs)
    program_.files.push_back({own.path, own.hash});
  // All that the file declares; of others what it uses.
  const CheckedModule& main = *checked_.modules.at(0);
  for (const syntax::DeclId decl : main.ast.decls) {
    const SymbolId id = main.decls.at(decl.index);
    if (id == check::kNone) continue;
    const Symbol::Kind kind = symbol(id).kind;
    if (kind == Symbol::Kind::kFunction || kind == Symbol::Kind::kRunbook) function_of(id);
  }
  if (root_ != check::kNone) function_of(root_);
  lower_pending();
  if (tests_ != nullptr) collect_errors(*tests_);
  if (fault_) return tl::unexpected<Error>(*fault_);
  find_purity();
  for (size_t i = 0; i < program_.functions.size(); ++i) {
    add_safepoints(program_.functions[i], runs_[i]);
  }
  return std::move(program_);
}

Result<bytecode::Program> ProgramLowering::run_schedule(const check::Schedule& schedule,
                                                        bool with_arguments) {
  root_ = schedule.runbook;
  if (with_arguments) arguments_ = &schedule;
  return run();
}

void ProgramLowering::lower_pending() {
  // The lists grow while they are worked off.
  size_t checks = 0;
  for (size_t next = 0; !fault_; ++next) {
    for (; checks < pending_checks_.size() && !fault_; ++checks) {
      const auto [type, member] = pending_checks_[checks];
      lower_checks(type, member);
    }
    if (next >= pending_.size()) break;
    const auto [id, function] = pending_[next];
    const CheckedModule& module = module_of(id);
    const std::string name = full_name(id);
    switch (symbol(id).kind) {
      case Symbol::Kind::kFunction:
        Body(*this, module, name, Body::Role::kPure, function).function(id);
        break;
      case Symbol::Kind::kConst:
        Body(*this, module, name, Body::Role::kPure, function).constant(id);
        break;
      case Symbol::Kind::kRunbook:
        if (const auto asked = asked_functions_.find(id);
            asked != asked_functions_.end() && asked->second == function)
          Body(*this, module, name + "/asked", Body::Role::kRunbook, function).runbook(id, true);
        else
          lower_runbook(id, function);
        break;
      default:
        fault(ErrorKind::kInternal, module, symbol(id).span, "`" + name + "` has no code");
    }
  }
}

void ProgramLowering::lower_runbook(SymbolId id, uint32_t function) {
  const CheckedModule& module = module_of(id);
  const Symbol& of = symbol(id);
  const syntax::Decl& decl = module.ast[of.decl];
  const auto& node = std::get<syntax::RunbookDecl>(decl.node);
  const std::string name = full_name(id);
  const ParameterFunctions functions = functions_of_parameters(id);
  bytecode::Runbook made;
  made.name = name;
  made.doc = decl.doc;
  made.function = function;
  made.is_public = of.module == 0 && !of.name.starts_with('_');
  const bool has_result =
      of.result != check::kNone && checked_type(of.result).shape != check::Type::Shape::kNothing;
  made.result = has_result ? type(of.result) : bytecode::kNone;
  for (size_t i = 0; i < of.fields.size(); ++i) {
    const syntax::Field& written = node.params.at(i);
    bytecode::Parameter parameter;
    parameter.name = of.fields[i].name;
    parameter.doc = written.doc;
    parameter.type = type(of.fields[i].type);
    parameter.default_function = functions.defaults[i];
    const std::string prefix = name + "/" + parameter.name;
    if (parameter.default_function != bytecode::kNone) {
      Body(*this, module, prefix + "/default", Body::Role::kPure, parameter.default_function)
          .parameter_default(id, i);
    }
    if (arguments_ != nullptr && arguments_->runbook == id && arguments_->arguments[i].valid()) {
      parameter.default_function = reserve_function(prefix + "/argument");
      Body(*this, module_of(arguments_->symbol), prefix + "/argument", Body::Role::kPure,
           parameter.default_function)
          .scheduled_argument(id, i, arguments_->arguments[i]);
    }
    parameter.checks = lower_conditions(id, i);
    made.parameters.push_back(std::move(parameter));
  }
  for (const SymbolId outside : of.outside) made.outside.push_back(calendar(outside));
  made.allow = starters(id);
  if (node.worker.valid()) {
    made.worker = reserve_function(name + "/worker");
    Body(*this, module, name + "/worker", Body::Role::kPure, made.worker).worker_of(id);
  }
  Body(*this, module, name, Body::Role::kRunbook, function).runbook(id);
  program_.runbooks.push_back(std::move(made));
}

std::vector<bytecode::ParameterCheck> ProgramLowering::lower_conditions(SymbolId id,
                                                                        size_t parameter) {
  const CheckedModule& module = module_of(id);
  const check::Field& field = symbol(id).fields.at(parameter);
  const std::string prefix = full_name(id) + "/" + field.name;
  const auto functions = functions_of_parameters(id).checks.at(parameter);
  std::vector<bytecode::ParameterCheck> made;
  for (size_t k = 0; k < functions.size(); ++k) {
    const syntax::Refinement& where = field.written->where[k];
    const auto [condition, message] = functions[k];
    Body(*this, module, prefix + "/where", Body::Role::kPure, condition)
        .condition(symbol(id).parameters, parameter + 1, where);
    Body(*this, module, prefix + "/message", Body::Role::kPure, message)
        .message(symbol(id).parameters, parameter + 1, where);
    made.push_back({condition, message, condition_text(module, where.condition)});
  }
  return made;
}

const ProgramLowering::ParameterFunctions& ProgramLowering::functions_of_parameters(SymbolId id) {
  const auto known = parameter_functions_.find(id);
  if (known != parameter_functions_.end()) return known->second;
  const syntax::Decl& decl = module_of(id).ast[symbol(id).decl];
  const auto* runbook = std::get_if<syntax::RunbookDecl>(&decl.node);
  const std::string name = full_name(id);
  ParameterFunctions made;
  for (const syntax::Field& parameter :
       runbook != nullptr ? runbook->params : std::get<syntax::ActionDecl>(decl.node).params) {
    const std::string prefix = name + "/" + parameter.name.text;
    made.defaults.push_back(runbook != nullptr && parameter.default_value.valid()
                                ? reserve_function(prefix + "/default")
                                : bytecode::kNone);
    auto& checks = made.checks.emplace_back();
    for (size_t i = 0; i < parameter.where.size(); ++i) {
      const uint32_t condition = reserve_function(prefix + "/where");
      checks.emplace_back(condition, reserve_function(prefix + "/message"));
    }
  }
  return parameter_functions_.emplace(id, std::move(made)).first->second;
}

const ProgramLowering::Checks& ProgramLowering::functions_of_fields(SymbolId id, uint32_t member) {
  const auto known = field_functions_.find({id, member});
  if (known != field_functions_.end()) return known->second;
  const Symbol& of = symbol(id);
  const bool is_member = member != check::kNone;
  const auto& fields = is_member ? of.members.at(member).payload : of.fields;
  const bool is_refined = !(is_member ? of.members.at(member).parameters : of.parameters).empty();
  Checks made;
  for (size_t i = 0; i < fields.size() && is_refined; ++i) {
    auto& checks = made.emplace_back();
    const std::string prefix = full_name(id) + "/" + fields[i].name;
    for (size_t k = 0; fields[i].written != nullptr && k < fields[i].written->where.size(); ++k) {
      const uint32_t condition = reserve_function(prefix + "/where");
      checks.emplace_back(condition, reserve_function(prefix + "/message"));
    }
  }
  if (is_refined) pending_checks_.emplace_back(id, member);
  return field_functions_.emplace(std::pair(id, member), std::move(made)).first->second;
}

void ProgramLowering::lower_checks(SymbolId id, uint32_t member) {
  const Checks checks = functions_of_fields(id, member);
  const CheckedModule& module = module_of(id);
  const Symbol& of = symbol(id);
  const bool is_member = member != check::kNone;
  const auto& fields = is_member ? of.members.at(member).payload : of.fields;
  const auto& names = is_member ? of.members.at(member).parameters : of.parameters;
  for (uint32_t i = 0; i < checks.size(); ++i) {
    const std::string prefix = full_name(id) + "/" + fields[i].name;
    for (size_t k = 0; k < checks[i].size(); ++k) {
      const syntax::Refinement& where = fields[i].written->where[k];
      const auto [condition, message] = checks[i][k];
      Body(*this, module, prefix + "/where", Body::Role::kPure, condition)
          .condition(names, i + 1, where);
      Body(*this, module, prefix + "/message", Body::Role::kPure, message)
          .message(names, i + 1, where);
      program_.field_checks.push_back({type(of.type), is_member ? member : 0, i, condition, message,
                                       condition_text(module, where.condition)});
    }
  }
}

/// A function is pure if nothing in it, or in what it calls, waits or speaks to the engine.
void ProgramLowering::find_purity() {
  auto& functions = program_.functions;
  for (bytecode::Function& function : functions) {
    function.pure = true;
    for (const Instruction& word : function.code) {
      function.pure = function.pure && (word.op == Op::kExtra || bytecode::is_pure(word.op));
    }
    for (const bytecode::Handler& handler : function.handlers) {
      function.pure = function.pure && handler.reach != bytecode::Handler::Reach::kTimeout;
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (bytecode::Function& function : functions) {
      if (!function.pure) continue;
      for (const Instruction& word : function.code) {
        if (word.op == Op::kCall && !functions[word.b].pure) {
          function.pure = false;
          changed = true;
          break;
        }
      }
    }
  }
}

// ---- Tables

uint16_t ProgramLowering::narrow(uint32_t index, std::string_view what) {
  if (index < bytecode::kNoRegister) return static_cast<uint16_t>(index);
  if (!fault_) {
    fault_ = Error{ErrorKind::kLimit, "the program needs more than 65,534 " + std::string(what),
                   "split it into several files whose runbooks are started on their own"};
  }
  return 0;
}

uint16_t ProgramLowering::native(std::string_view name) {
  const auto known = natives_.find(std::string(name));
  if (known != natives_.end()) return known->second;
  const bytecode::NativeInfo* found = bytecode::find_native(name);
  if (found == nullptr && !fault_) {
    fault_ = Error{ErrorKind::kInternal, "the machine has no `" + std::string(name) + "`", {}};
  }
  program_.natives.push_back({std::string(name), found == nullptr ? 1 : found->version});
  const uint16_t made =
      narrow(static_cast<uint32_t>(program_.natives.size() - 1), "built-in functions");
  natives_.emplace(name, made);
  return made;
}

bytecode::Behaviour ProgramLowering::declared_behaviour(SymbolId id) const {
  const CheckedModule& module = module_of(id);
  switch (std::get<syntax::ActionDecl>(module.ast[symbol(id).decl].node).effect) {
    case syntax::ActionDecl::Effect::kReads:
      return bytecode::Behaviour::kReads;
    case syntax::ActionDecl::Effect::kIdempotent:
      return bytecode::Behaviour::kIdempotent;
    default:
      return bytecode::Behaviour::kWrites;
  }
}

uint16_t ProgramLowering::started_stand_in(SymbolId id) {
  const auto known = started_.find(id);
  if (known != started_.end()) return known->second;
  bytecode::ActionImport made = program_.actions.at(action(id));
  made.name = std::string(kStartAction) + made.name;
  core_error("RunFailed");
  program_.actions.push_back(std::move(made));
  const uint16_t index = narrow(static_cast<uint32_t>(program_.actions.size() - 1), "actions");
  started_.emplace(id, index);
  return index;
}

uint16_t ProgramLowering::action(SymbolId id) {
  const auto known = actions_.find(id);
  if (known != actions_.end()) return known->second;
  const CheckedModule& module = module_of(id);
  const Symbol& of = symbol(id);
  bytecode::ActionImport made;
  made.name = full_name(id);
  // A runbook that a test replaces is called as an action.
  const auto* node = std::get_if<syntax::ActionDecl>(&module.ast[of.decl].node);
  if (node != nullptr) {
    made.behaviour = declared_behaviour(id);
    if (!node->native) {
      const auto program = module.own_programs.find(node->exec.index);
      if (program != module.own_programs.end()) made.exec = program->second;
      import_error_kinds(module);
    }
  }
  for (const check::Field& field : of.fields) {
    made.parameters.push_back({field.name, field.outer_name.empty() ? field.name : field.outer_name,
                               type(field.type), bytecode::kNone});
  }
  const bool has_result =
      of.result != check::kNone && checked_type(of.result).shape != check::Type::Shape::kNothing;
  made.result = has_result ? type(of.result) : bytecode::kNone;
  program_.actions.push_back(std::move(made));
  const uint16_t index = narrow(static_cast<uint32_t>(program_.actions.size() - 1), "actions");
  actions_.emplace(id, index);
  for (size_t i = 0; node != nullptr && i < of.fields.size(); ++i) lower_conditions(id, i);
  return index;
}

uint16_t ProgramLowering::calendar(SymbolId id) {
  const auto known = calendars_.find(id);
  if (known != calendars_.end()) return known->second;
  const timing::Calendar& of = checked_.calendars.at(id);
  // No run was before that, and the form of the tz database must not matter to the hash.
  const timing::sys_seconds since = std::chrono::sys_days(std::chrono::year(1970) / 1 / 1);
  program_.calendars.emplace_back(of.name(), of.zone().since(since), of.rules());
  const uint16_t index = narrow(static_cast<uint32_t>(program_.calendars.size() - 1), "calendars");
  calendars_.emplace(id, index);
  core_error("Closed");
  return index;
}

void ProgramLowering::import_error_kinds(const CheckedModule& module) {
  for (const syntax::DeclId decl : module.ast.decls) {
    const SymbolId id = module.decls.at(decl.index);
    if (id == check::kNone) continue;
    const check::Symbol& declared = symbol(id);
    if (declared.kind == Symbol::Kind::kErrorKind) type(declared.type);
    if (declared.kind != Symbol::Kind::kModule || declared.imported == check::kNone) continue;
    for (const SymbolId theirs : checked_.modules[declared.imported]->decls) {
      if (theirs == check::kNone) continue;
      const check::Symbol& kind = symbol(theirs);
      if (kind.kind == Symbol::Kind::kErrorKind && !kind.name.starts_with('_')) type(kind.type);
    }
  }
}

uint16_t ProgramLowering::step(std::string name, uint32_t function, bool has_rollback) {
  for (size_t i = program_.steps.size(); i > 0; --i) {
    const bytecode::Step& known = program_.steps[i - 1];
    if (known.name == name && known.function == function && known.has_rollback == has_rollback) {
      return static_cast<uint16_t>(i - 1);
    }
  }
  program_.steps.push_back({std::move(name), function, has_rollback});
  return narrow(static_cast<uint32_t>(program_.steps.size() - 1), "steps");
}

uint16_t ProgramLowering::function_of(SymbolId id) {
  const auto known = functions_.find(id);
  if (known != functions_.end()) return narrow(known->second, "functions");
  const uint32_t index = reserve_function(full_name(id));
  functions_.emplace(id, index);
  pending_.emplace_back(id, index);
  return narrow(index, "functions");
}

uint16_t ProgramLowering::asked_function_of(SymbolId id) {
  const auto known = asked_functions_.find(id);
  if (known != asked_functions_.end()) return narrow(known->second, "functions");
  function_of(id);  // it is one of the program's runbooks all the same
  const uint32_t index = reserve_function(full_name(id) + "/asked");
  asked_functions_.emplace(id, index);
  pending_.emplace_back(id, index);
  return narrow(index, "functions");
}

uint32_t ProgramLowering::reserve_function(std::string name) {
  bytecode::Function placeholder;
  placeholder.name = std::move(name);
  program_.functions.push_back(std::move(placeholder));
  runs_.emplace_back();
  return static_cast<uint32_t>(program_.functions.size() - 1);
}

void ProgramLowering::define_function(uint32_t index, FunctionBuilder& code) {
  auto finished = code.finish();
  if (!finished) {
    if (!fault_) fault_ = finished.error();
    return;
  }
  program_.functions[index] = std::move(finished->function);
  runs_[index] = std::move(finished->runs);
}

std::string ProgramLowering::full_name(SymbolId id) const {
  const Symbol& of = symbol(id);
  if (of.module == 0 || of.module >= checked_.modules.size()) return of.name;
  const CheckedModule& home = *checked_.modules[of.module];
  if (home.standard) {
    // `shell` is an action of the module of that name.
    const bool plain = home.name == "core" || home.name == of.name;
    return plain ? of.name : home.name + "." + of.name;
  }
  std::string path = home.name;
  if (path.ends_with(".rbk")) path.resize(path.size() - 4);
  return path + "." + of.name;
}

void ProgramLowering::fault(ErrorKind kind, const CheckedModule& module, Span span,
                            std::string message) {
  if (fault_) return;
  std::string place;
  if (module.source != nullptr) {
    const source::LineColumn at = module.source->position(span.begin);
    place = module.source->path() + ":" + std::to_string(at.line) + ":" +
            std::to_string(at.column) + ": ";
  }
  const bool ours = kind == ErrorKind::kInternal;
  fault_ = Error{kind, place + std::move(message),
                 ours ? "this is a fault of the compiler: please report it with the file" : ""};
}

}  // namespace rbk::lower
