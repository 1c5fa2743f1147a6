#include "engine/own_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/spelling.h"
#include "vm/json_secrets.h"
#include "vm/machine.h"

namespace rbk::engine {

namespace {

/// The language's own kind that a program may answer with: it has no fields. A Timeout is what the
/// engine finds, and means more than its name.
constexpr std::string_view kPlainKind = "Failed";

/// All of them, in the order of stdlib/core.rbk.
constexpr std::array<std::string_view, 23> kCoreKinds = {
    "Failed",    "Timeout",         "Rejected",    "Closed",        "Cancelled",       "Stopped",
    "InDoubt",   "Deadlock",        "LockTaken",   "RunFailed",     "TooManyFailures", "ShellError",
    "ExecError", "ArithmeticError", "IndexError",  "NullError",     "JsonError",       "ParseError",
    "UrlError",  "QueryError",      "SecretError", "OutOfManifest", "LimitError"};

bool is_core(std::string_view kind) {
  return std::find(kCoreKinds.begin(), kCoreKinds.end(), kind) != kCoreKinds.end();
}

class DeclaredInProgram : public Declaration {
 public:
  DeclaredInProgram(std::shared_ptr<const bytecode::Program> program, uint32_t action)
      : program_(std::move(program)), action_(program_->actions.at(action)) {}

  Status check_output(const boost::json::value& output) const override {
    if (action_.result != bytecode::kNone) {
      if (vm::has_masked_field(*program_, action_.result, output))
        return fail(
            ErrorKind::kInvalid,
            "$: a field's name is masked, as it holds the text of a secret of the run: give "
            "the secret another value, or the field another name");
      return vm::check_output(*program_, action_.result, output);
    }
    if (output.is_null()) return {};
    return fail(ErrorKind::kInvalid,
                fmt::format("$: expected null, as {} declares no result", action_.name));
  }

  Result<std::string> check_error(std::string_view kind,
                                  const boost::json::object& fields) const override {
    const bytecode::TypeId type = find(kind);
    if (type != bytecode::kNone) {
      if (Status fits = vm::check_error_fields(*program_, type, fields); !fits)
        return tl::unexpected(fits.error());
      return program_->types[type].name;
    }
    if (kind != kPlainKind) return unknown(kind);
    if (!fields.empty())
      return fail(ErrorKind::kInvalid, fmt::format("$.{}: {} has no fields",
                                                   std::string_view(fields.begin()->key()), kind));
    return std::string(kind);
  }

 private:
  /// "lib/paging." of the action "lib/paging.page": what the full names of its file begin with.
  std::string_view home() const {
    const size_t dot = action_.name.rfind('.');
    return std::string_view(action_.name).substr(0, dot == std::string::npos ? 0 : dot + 1);
  }

  bytecode::TypeId find(std::string_view kind) const {
    if (is_core(kind)) return bytecode::kNone;
    const std::string here = std::string(home()) + std::string(kind);
    bytecode::TypeId imported = bytecode::kNone;
    for (bytecode::TypeId id = 0; id < program_->types.size(); ++id) {
      const bytecode::Type& type = program_->types[id];
      if (type.shape != bytecode::Type::Shape::kError) continue;
      if (type.name == here) return id;
      // Those of a file that it imports go by their full name: `lib/errors.Full`.
      if (type.name == kind && kind.find('.') != std::string_view::npos) imported = id;
    }
    return imported;
  }

  tl::unexpected<Error> unknown(std::string_view kind) const {
    std::vector<std::string_view> names;
    for (const bytecode::Type& type : program_->types) {
      const std::string_view name = type.name;
      if (type.shape == bytecode::Type::Shape::kError && name.starts_with(home()) &&
          name.find('.', home().size()) == std::string_view::npos && !is_core(name))
        names.push_back(name.substr(home().size()));
    }
    names.push_back(kPlainKind);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    const std::string_view near = nearest_name(kind, names);
    return fail(
        ErrorKind::kNotFound,
        fmt::format("no error kind {} is declared in the file of {}; {}there {} {}", kind,
                    action_.name, near.empty() ? std::string() : fmt::format("is {} meant? ", near),
                    names.size() == 1 ? "is only" : "are", fmt::join(names, ", ")));
  }

  std::shared_ptr<const bytecode::Program> program_;
  const bytecode::ActionImport& action_;
};

}  // namespace

std::span<const std::string_view> core_error_kinds() { return kCoreKinds; }

OwnProgram own_program(const std::shared_ptr<const bytecode::Program>& program, uint32_t action) {
  OwnProgram own;
  own.path = program->actions.at(action).exec;
  if (own.path.empty()) return own;
  for (const bytecode::SourceFile& file : program->files) {
    if (file.path == own.path) own.hash = file.hash;
  }
  own.declaration = std::make_shared<DeclaredInProgram>(program, action);
  return own;
}

}  // namespace rbk::engine
