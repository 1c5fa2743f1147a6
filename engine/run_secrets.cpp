#include "engine/run_secrets.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/masking_sink.h"
#include "vm/json_secrets.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;
using bytecode::Program;
using bytecode::Type;
using bytecode::TypeId;

/// `seen`: the types that are being looked at.
bool may_hold_secret(const Program& program, TypeId id, std::set<TypeId>& seen) {
  if (id >= program.types.size() || !seen.insert(id).second) return false;
  const Type& type = program.types[id];
  if (type.shape == Type::Shape::kSecret) return true;
  const auto in_fields = [&](const std::vector<Type::Field>& fields) {
    return std::any_of(fields.begin(), fields.end(), [&](const Type::Field& field) {
      return may_hold_secret(program, field.type, seen);
    });
  };
  return may_hold_secret(program, type.element, seen) || in_fields(type.fields) ||
         std::any_of(type.members.begin(), type.members.end(),
                     [&](const Type::Member& member) { return in_fields(member.payload); });
}

Error refusal(const Error& why) { return {ErrorKind::kRefused, why.message, why.cure}; }

}  // namespace

bool takes_secrets(const Program& program, const bytecode::Runbook& runbook) {
  std::set<TypeId> seen;
  return std::any_of(runbook.parameters.begin(), runbook.parameters.end(),
                     [&](const bytecode::Parameter& parameter) {
                       return may_hold_secret(program, parameter.type, seen);
                     });
}

RunSecrets::RunSecrets(const Program& program, const bytecode::Runbook& runbook,
                       json::array arguments, std::string folder)
    : folder_(std::move(folder)) {
  const auto add = [this](const std::string& name, json::value&) -> Status {
    given_.insert(name);
    return {};
  };
  for (size_t i = 0; i < runbook.parameters.size() && i < arguments.size(); ++i)
    (void)vm::each_secret(program, runbook.parameters[i].type, arguments[i], add);
  named_ = vm::named_secrets(program);
}

Status RunSecrets::check(SecretSource* source) const {
  const auto refuse_without = [&](const std::string& name) -> Status {
    return fail(ErrorKind::kRefused, fmt::format("the secret `{}` can't be read here", name));
  };
  for (const std::string& name : given_) {
    if (source == nullptr) return refuse_without(name);
    if (auto value = source->read(name, folder_); !value)
      return tl::unexpected(refusal(value.error()));
  }
  for (const std::string& name : named_) {
    if (source == nullptr) return refuse_without(name);
    if (Status found = source->find(name, folder_); !found)
      return tl::unexpected(refusal(found.error()));
  }
  return {};
}

Result<std::string> RunSecrets::read(SecretSource* source, const std::string& name) {
  if (source == nullptr)
    return fail(ErrorKind::kRefused, fmt::format("the secret `{}` can't be read here", name));
  auto value = source->read(name, folder_);
  if (!value) return tl::unexpected(refusal(value.error()));
  if (!value->variable.empty()) variables_.insert(value->variable);
  if (values_.insert(value->text).second) masks_.reset();
  return std::move(value->text);
}

void RunSecrets::look(SecretSource* source) {
  // One that can't be read stays masked as it was last known; who is given it is told.
  for (const std::string& name : given_) (void)read(source, name);
  for (const std::string& name : named_) (void)read(source, name);
  // Commands inherit this process's environment: what is secret in it is, whoever asks for it.
  if (source != nullptr) {
    for (const SecretVariable& one : source->variables(folder_)) {
      variables_.insert(one.variable);
      (void)read(source, one.name);
    }
  }
  if (!masks_ && !values_.empty())
    masks_ =
        std::make_shared<const Masks>(std::vector<std::string>(values_.begin(), values_.end()));
}

Status RunSecrets::hand_over(SecretSource* source, const Program& program, uint32_t action,
                             Attempt& attempt) {
  for (const Type::Field& parameter : program.actions.at(action).parameters) {
    json::value* argument = attempt.arguments.if_contains(parameter.name);
    if (argument == nullptr) continue;
    Status done = vm::each_secret(program, parameter.type, *argument,
                                  [&](const std::string& name, json::value& place) -> Status {
                                    auto value = read(source, name);
                                    if (!value) return tl::unexpected(value.error());
                                    place = *value;
                                    return {};
                                  });
    if (!done) return done;
  }
  look(source);
  attempt.secrets.assign(values_.begin(), values_.end());
  attempt.masks = masks_;
  attempt.withheld.assign(variables_.begin(), variables_.end());
  return {};
}

std::shared_ptr<AttemptSink> RunSecrets::masking(std::shared_ptr<AttemptSink> sink,
                                                 std::shared_ptr<const Program> program,
                                                 uint32_t action) const {
  if (!masks_) return sink;
  const bytecode::TypeId output = program->actions.at(action).result;
  return masking_sink(std::move(sink), masks_, std::move(program), output);
}

}  // namespace rbk::engine
