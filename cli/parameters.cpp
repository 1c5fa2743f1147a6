#include "cli/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <charconv>
#include <map>

#include "base/spelling.h"
#include "cli/files.h"
#include "cli/json_keys.h"
#include "vm/bytecode/type_text.h"

namespace rbk::cli {
namespace {

using bytecode::Runbook;
using Shape = bytecode::Type::Shape;

/// "dry_run" of "dry-run".
std::string parameter_name(std::string_view option) {
  std::string name(option);
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return name;
}

const bytecode::Parameter* find(const Runbook& runbook, std::string_view name) {
  for (const bytecode::Parameter& one : runbook.parameters) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

Error unknown(const Runbook& runbook, const std::string& name,
              const std::vector<std::string_view>& own) {
  std::vector<std::string> options;
  std::string all;
  for (const bytecode::Parameter& one : runbook.parameters) {
    options.push_back("--" + one.name);
    all += (all.empty() ? "--" : ", --") + one.name;
  }
  std::vector<std::string_view> candidates(options.begin(), options.end());
  candidates.insert(candidates.end(), own.begin(), own.end());
  const std::string_view near = nearest_name("--" + name, candidates);
  return {ErrorKind::kInvalid, fmt::format("{} has no parameter --{}", runbook.name, name),
          !near.empty() ? fmt::format("did you mean {}?", near)
          : all.empty() ? "it takes none"
                        : "it takes " + all};
}

/// Whether the type, null aside, is a list: then its option may be repeated.
const bytecode::Type* list_type(const bytecode::Program& program, bytecode::TypeId id) {
  const bytecode::Type* type = &program.types.at(id);
  while (type->shape == Shape::kOptional) type = &program.types.at(type->element);
  return type->shape == Shape::kList ? type : nullptr;
}

Result<boost::json::object> read_object(const std::string& file) {
  Result<std::string> text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  boost::json::error_code problem;
  boost::json::value value = boost::json::parse(*text, problem);
  const std::string name = file == "-" ? "standard input" : file;
  if (problem)
    return fail(ErrorKind::kInvalid, fmt::format("{} is no JSON: {}", name, problem.message()),
                "it holds one JSON object, a field a parameter");
  if (!value.is_object())
    return fail(ErrorKind::kInvalid, fmt::format("{} holds no JSON object", name),
                "write {\"parameter\": value, …}");
  if (const auto key = repeated_key(*text))
    return fail(ErrorKind::kInvalid, fmt::format("{} gives `{}` twice", name, *key),
                "leave one of the two out");
  return std::move(value.get_object());
}

template <typename Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || text.empty())
    return std::nullopt;
  return value;
}

/// A member of an enum as the shell takes it: its name, or the JSON of its values.
std::string member_text(const bytecode::Type::Member& member) {
  if (member.payload.empty()) return member.outer_name;
  std::string payload;
  for (const bytecode::Type::Field& field : member.payload)
    payload += fmt::format("{}\"{}\":…", payload.empty() ? "" : ",", field.outer_name);
  return fmt::format("'{{\"{}\":{{{}}}}}'", member.outer_name, payload);
}

}  // namespace

Result<boost::json::value> read_value(const bytecode::Program& program, bytecode::TypeId id,
                                      std::string_view text) {
  const bytecode::Type& type = program.types.at(id);
  const boost::json::value as_text = boost::json::string(text);
  switch (type.shape) {
    case Shape::kOptional:
      return read_value(program, type.element, text);
    case Shape::kBool:
      if (text == "true") return true;
      if (text == "false") return false;
      return as_text;
    case Shape::kInt:
      if (const auto value = number<int64_t>(text)) return *value;
      return as_text;
    case Shape::kFloat:
      if (const auto value = number<double>(text)) return *value;
      return as_text;
    case Shape::kEnum:
      if (!text.starts_with('{')) return as_text;
      break;
    case Shape::kNull:
    case Shape::kJson:
    case Shape::kRange:
    case Shape::kList:
    case Shape::kMap:
    case Shape::kResult:
    case Shape::kRecord:
    case Shape::kError:
    case Shape::kFunction:
      break;
    case Shape::kDuration:
    case Shape::kSize:
    case Shape::kTime:
    case Shape::kString:
    case Shape::kUrl:
    case Shape::kCommand:
    case Shape::kQuery:
    case Shape::kRegex:
    case Shape::kSecret:
      return as_text;
  }
  boost::json::error_code problem;
  boost::json::value value = boost::json::parse(text, problem);
  if (!problem) {
    if (const auto key = repeated_key(text))
      return fail(ErrorKind::kInvalid, fmt::format("`{}` is given twice", *key),
                  "leave one of the two out");
    return value;
  }
  return fail(ErrorKind::kInvalid,
              fmt::format("expected JSON, got `{}`: {}", text, problem.message()),
              "quote it for the shell, '{\"a\": 1}', or put it into a file and give --params FILE");
}

Error with_usage(Error error, const bytecode::Program& program, const Runbook& runbook) {
  constexpr size_t kMostMembers = 6;
  const auto value = [&](bytecode::TypeId id) {
    const bytecode::Type* type = &program.types.at(id);
    while (type->shape == bytecode::Type::Shape::kOptional) type = &program.types.at(type->element);
    const bool is_list = type->shape == bytecode::Type::Shape::kList;
    if (is_list) type = &program.types.at(type->element);
    std::string text;
    if (type->shape == bytecode::Type::Shape::kSecret)
      return std::string("@NAME|@env:NAME|@file:PATH");
    if (type->shape == bytecode::Type::Shape::kEnum && type->members.size() <= kMostMembers) {
      for (const bytecode::Type::Member& member : type->members)
        text += (text.empty() ? "" : "|") + member_text(member);
    } else {
      text =
          bytecode::type_text(program, static_cast<bytecode::TypeId>(type - program.types.data()));
      for (char& c : text)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return is_list ? text + "…" : text;
  };
  std::string needed;
  std::string others;
  for (const bytecode::Parameter& one : runbook.parameters) {
    const bool is_needed = one.default_function == bytecode::kNone &&
                           program.types.at(one.type).shape != bytecode::Type::Shape::kOptional;
    if (is_needed)
      needed += fmt::format(" --{} {}", one.name, value(one.type));
    else
      others += fmt::format(" [--{} {}]", one.name, value(one.type));
  }
  if (!runbook.parameters.empty()) error.cure += ":" + needed + others;
  return error;
}

Result<boost::json::object> read_parameters(const bytecode::Program& program,
                                            const Runbook& runbook,
                                            const std::vector<OtherOption>& given,
                                            const std::optional<std::string>& file,
                                            const std::vector<std::string_view>& own) {
  boost::json::object result;
  if (file) {
    Result<boost::json::object> read = read_object(*file);
    if (!read) return tl::unexpected(read.error());
    result = std::move(*read);
  }
  std::map<std::string, bool> seen;
  for (const OtherOption& option : given) {
    const bytecode::Parameter* parameter = find(runbook, option.name);
    if (parameter == nullptr) parameter = find(runbook, parameter_name(option.name));
    if (parameter == nullptr) return tl::unexpected(unknown(runbook, option.name, own));
    const bytecode::Type* list = list_type(program, parameter->type);
    const bool repeated = seen[parameter->name];
    seen[parameter->name] = true;
    if (repeated && list == nullptr)
      return fail(ErrorKind::kInvalid, fmt::format("--{} is given twice", option.name),
                  "only a list is given by repeating");
    if (!option.value && program.types.at(parameter->type).shape != Shape::kBool)
      return fail(ErrorKind::kInvalid, fmt::format("--{} needs a value", option.name),
                  fmt::format("write --{} VALUE", option.name));
    Result<boost::json::value> value = read_value(
        program, list != nullptr ? list->element : parameter->type, option.value.value_or("true"));
    if (!value) {
      Error error = value.error();
      error.message = fmt::format("--{}: {}", option.name, error.message);
      return tl::unexpected(error);
    }
    if (list == nullptr) {
      result[parameter->name] = std::move(*value);
      continue;
    }
    if (!repeated) result[parameter->name] = boost::json::array();
    result[parameter->name].get_array().push_back(std::move(*value));
  }
  return result;
}

}  // namespace rbk::cli
