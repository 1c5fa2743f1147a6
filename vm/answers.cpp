// What programs of own actions answer, held against their declarations before a machine hears of
// it.
#include <fmt/format.h>

#include <algorithm>

#include "base/spelling.h"
#include "vm/bytecode/type_text.h"
#include "vm/execution.h"
#include "vm/json.h"

namespace rbk::vm {

namespace {

/// Reads values by the types of a program, without a run.
class AnswerReader {
 public:
  explicit AnswerReader(const bytecode::Program& program)
      // It lives no longer than this object, which does not outlive the program.
      : execution_(std::shared_ptr<const bytecode::Program>(std::shared_ptr<void>(), &program),
                   Limits{}) {}

  Status fits(bytecode::TypeId type, const boost::json::value& json) {
    Image& image = execution_.image();
    const Ref inside = json_in(image.heap(), json);
    const Result<Value> value = read_json(image, inside.get(), type, Unknown::kIgnore, execution_);
    const bool too_large = image.heap().fault != Fault::kNone;
    image.heap().fault = Fault::kNone;
    if (too_large) return fail(ErrorKind::kLimit, "$: it is too large, or nested too deep");
    if (!value) return tl::unexpected(value.error());
    return {};
  }

 private:
  Execution execution_;
};

std::string joined(const std::vector<std::string_view>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

Status check_output(const bytecode::Program& program, bytecode::TypeId type,
                    const boost::json::value& output) {
  return AnswerReader(program).fits(type, output);
}

Status check_error_fields(const bytecode::Program& program, bytecode::TypeId kind,
                          const boost::json::object& fields) {
  const bytecode::Type& type = program.types.at(kind);
  std::vector<std::string_view> names;
  for (const bytecode::Type::Field& field : type.fields) names.push_back(field.outer_name);
  for (const auto& [key, value] : fields) {
    const std::string_view name = key;
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::string_view near = nearest_name(name, names);
    return fail(ErrorKind::kInvalid,
                fmt::format("$.{}: {} has no field of this name{}", name, type.name,
                            !near.empty()   ? fmt::format("; is {} meant?", near)
                            : names.empty() ? std::string()
                                            : fmt::format("; it has {}", joined(names))));
  }
  AnswerReader reader(program);
  for (const bytecode::Type::Field& field : type.fields) {
    const boost::json::value* given = fields.if_contains(field.outer_name);
    // Each is optional, as an error of the language need not be complete.
    const bytecode::TypeId wanted = program.types[field.type].element;
    if (given == nullptr)
      return fail(ErrorKind::kInvalid,
                  fmt::format("$.{}: expected {}, but it is missing", field.outer_name,
                              bytecode::type_text(program, wanted)));
    if (Status fits = reader.fits(field.type, *given); !fits) {
      const std::string& message = fits.error().message;
      return fail(ErrorKind::kInvalid,
                  fmt::format("$.{}{}", field.outer_name, std::string_view(message).substr(1)));
    }
  }
  return {};
}

}  // namespace rbk::vm
