// A run's parameters, from JSON: read by their types, defaults filled in, conditions tested.
#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/spelling.h"
#include "vm/bytecode/type_text.h"
#include "vm/execution.h"
#include "vm/json.h"

namespace rbk::vm {

namespace {

using bytecode::kNone;
using bytecode::Parameter;

class ParameterReader {
 public:
  ParameterReader(const bytecode::Program& program, const bytecode::Runbook& runbook)
      : runbook_(runbook),
        // The execution lives no longer than this object, which does not outlive the program.
        execution_(std::shared_ptr<const bytecode::Program>(std::shared_ptr<void>(), &program),
                   Limits{.fuel = 100'000'000}) {}

  Result<boost::json::array> run(const boost::json::object& given) {
    refuse_unknown(given);
    for (size_t i = 0; i < runbook_.parameters.size(); ++i) {
      values_.emplace_back();
      known_.push_back(read(i, given));
      if (known_.back()) check(i);
    }
    if (!faults_.empty()) {
      return fail(ErrorKind::kInvalid, faults_,
                  fmt::format("give the parameters of {} as it declares them", runbook_.name));
    }
    boost::json::array out;
    for (const Value& value : values_) {
      out.push_back(to_outside(execution_.image(), value.slot(), value.kind()));
    }
    return out;
  }

 private:
  void fault(std::string text) {
    if (!faults_.empty()) faults_ += '\n';
    faults_ += text;
  }

  void refuse_unknown(const boost::json::object& given) {
    std::vector<std::string_view> names;
    for (const Parameter& parameter : runbook_.parameters) names.push_back(parameter.name);
    for (const auto& [key, value] : given) {
      const std::string_view name = key;
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      const std::string_view near = nearest_name(name, names);
      std::string text = fmt::format("{} has no parameter {}", runbook_.name, name);
      if (!near.empty()) {
        text += fmt::format("; is {} meant?", near);
      } else if (!names.empty()) {
        text += "; it has ";
        for (size_t i = 0; i < names.size(); ++i) {
          text += (i == 0 ? "" : ", ") + std::string(names[i]);
        }
      }
      fault(text);
    }
  }

  std::string type_of(const Parameter& parameter) {
    return bytecode::type_text(execution_.image().program(), parameter.type);
  }

  /// All parameters before `count` have values.
  bool all_known(size_t count) const {
    return std::all_of(known_.begin(), known_.begin() + static_cast<ptrdiff_t>(count),
                       [](bool known) { return known; });
  }

  bool read(size_t index, const boost::json::object& given) {
    const Parameter& parameter = runbook_.parameters[index];
    Image& image = execution_.image();
    if (const boost::json::value* json = given.if_contains(parameter.name)) {
      const Ref inside = json_in(image.heap(), *json);
      Result<Value> value =
          read_json(image, inside.get(), parameter.type, Unknown::kRefuse, execution_);
      if (image.heap().fault != Fault::kNone) {
        image.heap().fault = Fault::kNone;
        fault(parameter.name + ": the value is too large or nested too deep");
        return false;
      }
      if (!value) {
        // "$: expected …" of the value itself, "$.x: …" of a part of it.
        fault(parameter.name + value.error().message.substr(1));
        return false;
      }
      values_[index] = std::move(*value);
      return true;
    }
    if (parameter.default_function != kNone) {
      if (!all_known(index)) return false;  // the fault that hides it is told already
      const std::vector<Value> before(values_.begin(),
                                      values_.begin() + static_cast<ptrdiff_t>(index));
      Result<Value> value = execution_.evaluate(parameter.default_function, before);
      if (!value) {
        fault(fmt::format("{}: its default fails: {}", parameter.name, value.error().message));
        return false;
      }
      values_[index] = std::move(*value);
      return true;
    }
    if (image.type(parameter.type).shape == bytecode::Type::Shape::kOptional) {
      values_[index] = Value(Ref());
      return true;
    }
    fault(fmt::format("{}: expected {}, but it is missing{}", parameter.name, type_of(parameter),
                      parameter.doc.empty() ? std::string() : fmt::format(" ({})", parameter.doc)));
    return false;
  }

  void check(size_t index) {
    const Parameter& parameter = runbook_.parameters[index];
    if (!all_known(index + 1)) return;
    for (const bytecode::ParameterCheck& condition : parameter.checks) {
      Result<Value> holds = execution_.evaluate(condition.condition, values_);
      if (!holds) {
        fault(fmt::format("{}: {} can't be tested: {}", parameter.name, condition.text,
                          holds.error().message));
        continue;
      }
      if (holds->slot().i != 0) continue;
      Result<Value> message = execution_.evaluate(condition.message, values_);
      const String* text = message ? as_string(message->slot().o) : nullptr;
      fault(fmt::format("{}: {}", parameter.name,
                        text == nullptr ? condition.text : std::string(text->view())));
    }
  }

  const bytecode::Runbook& runbook_;
  Execution execution_;
  std::vector<Value> values_;
  std::vector<bool> known_;
  std::string faults_;
};

}  // namespace

Result<boost::json::array> check_parameters(const bytecode::Program& program,
                                            const bytecode::Runbook& runbook,
                                            const boost::json::object& given) {
  return ParameterReader(program, runbook).run(given);
}

Result<std::string> Execution::worker_label(const bytecode::Runbook& runbook,
                                            const std::vector<Value>& arguments) {
  constexpr size_t kLongest = 200;
  if (runbook.worker == kNone) return std::string();
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorKind::kInvalid, fmt::format("`on worker` of `{}` {}", runbook.name, why),
                "it has to give the label of a worker, as `rbk worker --label` has it");
  };
  const Result<Value> made = evaluate_within(runbook.worker, arguments);
  if (!made) return refuse("fails: " + made.error().message);
  const String* text = as_string(made->slot().o);
  if (text == nullptr || text->size == 0) return refuse("is empty");
  if (text->size > kLongest) return refuse(fmt::format("has more than {} bytes", kLongest));
  if (!is_utf8(text->view())) return refuse("is no UTF-8");
  return std::string(text->view());
}

Result<std::string> worker_label(const bytecode::Program& program, const bytecode::Runbook& runbook,
                                 const boost::json::array& arguments) {
  if (runbook.worker == kNone) return std::string();
  // It lives no longer than the program.
  Execution execution(std::shared_ptr<const bytecode::Program>(std::shared_ptr<void>(), &program),
                      Limits{.fuel = 100'000'000});
  auto values = execution.values_of(runbook, arguments);
  if (!values) return tl::unexpected(values.error());
  return execution.worker_label(runbook, *values);
}

}  // namespace rbk::vm
