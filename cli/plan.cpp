#include "compiler/plan/plan.h"
#include "base/wall_time.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "base/units.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/parameters.h"
#include "cli/program_file.h"
#include "vm/machine.h"

namespace rbk::cli {
namespace {

using plan::Node;
using Shape = bytecode::Type::Shape;

/// A checked argument as the planner sees it.
plan::Value known_value(const bytecode::Program& program, bytecode::TypeId id,
                        const boost::json::value& json) {
  const bytecode::Type& type = program.types.at(id);
  plan::Value value;
  const auto text = [&] {
    return json.is_string() ? std::string(json.get_string()) : std::string();
  };
  switch (type.shape) {
    case Shape::kOptional:
      if (!json.is_null()) return known_value(program, type.element, json);
      value.shape = plan::Value::Shape::kNull;
      return value;
    case Shape::kBool:
      return json.is_bool() ? plan::Value::of_bool(json.get_bool()) : value;
    case Shape::kInt:
      return json.is_int64() ? plan::Value::of_int(json.get_int64()) : value;
    case Shape::kFloat:
      if (json.is_int64()) return plan::Value::of_float(static_cast<double>(json.get_int64()));
      return json.is_double() ? plan::Value::of_float(json.get_double()) : value;
    case Shape::kDuration:
      if (const auto micros = parse_duration(text()))
        return plan::Value::of_int(*micros, plan::Value::Unit::kDuration);
      return value;
    case Shape::kSize:
      if (json.is_int64()) return plan::Value::of_int(json.get_int64(), plan::Value::Unit::kSize);
      if (const auto bytes = parse_size(text()))
        return plan::Value::of_int(*bytes, plan::Value::Unit::kSize);
      return value;
    case Shape::kTime:
      if (const auto micros = parse_time(text()))
        return plan::Value::of_int(*micros, plan::Value::Unit::kTime);
      return value;
    case Shape::kString:
    case Shape::kUrl:
    case Shape::kCommand:
    case Shape::kQuery:
    case Shape::kRegex:
      return json.is_string() ? plan::Value::of_text(text()) : value;
    case Shape::kEnum:
      if (!json.is_string()) return value;
      value = plan::Value::of_text(text());
      value.is_member = true;
      return value;
    case Shape::kList: {
      const boost::json::array* items = json.if_array();
      if (items == nullptr) return value;
      std::vector<plan::Value> known;
      for (const boost::json::value& item : *items)
        known.push_back(known_value(program, type.element, item));
      return plan::Value::of_list(std::move(known));
    }
    case Shape::kRecord: {
      const boost::json::object* fields = json.if_object();
      if (fields == nullptr) return value;
      value.shape = plan::Value::Shape::kRecord;
      for (const bytecode::Type::Field& field : type.fields) {
        const boost::json::value* one = fields->if_contains(field.outer_name);
        value.fields.emplace_back(
            field.name, one != nullptr ? known_value(program, field.type, *one) : plan::Value{});
      }
      return value;
    }
    case Shape::kNull:
    case Shape::kJson:
    case Shape::kSecret:
    case Shape::kRange:
    case Shape::kMap:
    case Shape::kResult:
    case Shape::kError:
    case Shape::kFunction:
      return value;
  }
  return value;
}

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kStep:
      return "step";
    case Node::Kind::kCall:
      return "call";
    case Node::Kind::kBranch:
      return "branch";
    case Node::Kind::kLoop:
      return "loop";
    case Node::Kind::kParallel:
      return "parallel";
    case Node::Kind::kApproval:
      return "approval";
    case Node::Kind::kQuestion:
      return "question";
    case Node::Kind::kWait:
      return "wait";
    case Node::Kind::kCommit:
      return "commit";
    case Node::Kind::kRequire:
      return "require";
    case Node::Kind::kFail:
      return "fail";
    case Node::Kind::kReturn:
      return "return";
    case Node::Kind::kHandler:
      return "handler";
    case Node::Kind::kLock:
      return "lock";
    case Node::Kind::kWorker:
      return "worker";
  }
  return "step";
}

boost::json::array nodes_json(const std::vector<Node>& nodes) {
  boost::json::array result;
  for (const Node& node : nodes) {
    boost::json::object one{{"kind", kind_name(node.kind)}};
    if (!node.path.empty()) one["path"] = node.path;
    if (!node.title.empty()) one["title"] = node.title;
    if (!node.text.empty()) one["text"] = node.text;
    if (!node.action.empty()) one["action"] = node.action;
    if (!node.behaviour.empty()) one["behaviour"] = node.behaviour;
    if (!node.clauses.empty())
      one["clauses"] = boost::json::array(node.clauses.begin(), node.clauses.end());
    if (!node.undo.empty()) one["undo"] = nodes_json(node.undo);
    if (!node.children.empty()) one["children"] = nodes_json(node.children);
    result.push_back(std::move(one));
  }
  return result;
}

class Printer {
 public:
  explicit Printer(bool colour) : colour_(colour) {}

  void nodes(const std::vector<Node>& all, size_t depth) {
    for (const Node& one : all) node(one, depth);
  }
  const std::string& text() const { return text_; }

 private:
  std::string dim(const std::string& text) const {
    return colour_ && !text.empty() ? "\033[2m" + text + "\033[0m" : text;
  }
  std::string bold(const std::string& text) const {
    return colour_ && !text.empty() ? "\033[1m" + text + "\033[0m" : text;
  }
  std::string behaviour(const std::string& word) const {
    if (!colour_) return word;
    return word == "writes" ? "\033[33m" + word + "\033[0m" : "\033[32m" + word + "\033[0m";
  }

  void line(size_t depth, const std::string& text) {
    text_ += std::string(2 * depth, ' ') + text + "\n";
  }

  void node(const Node& node, size_t depth) {
    std::string head;
    if (node.kind == Node::Kind::kStep) {
      head = bold(node.path);
      if (!node.title.empty()) head += "  " + node.title;
    } else if (node.kind == Node::Kind::kCall) {
      head = node.text;
    } else if (node.kind == Node::Kind::kWorker) {
      head = fmt::format("{} {}", bold("on worker"), node.text);
    } else if (node.kind == Node::Kind::kParallel) {
      head = node.text.empty() ? "side by side" : node.text;
    } else if (node.kind == Node::Kind::kBranch || node.kind == Node::Kind::kLoop ||
               node.kind == Node::Kind::kHandler || node.kind == Node::Kind::kWait) {
      head = node.text;
    } else {
      head = fmt::format("{} {}", bold(std::string(kind_name(node.kind))), node.text);
    }
    if (!node.behaviour.empty()) head += "  " + behaviour(node.behaviour);
    line(depth, head);
    if (node.kind == Node::Kind::kStep && !node.text.empty()) line(depth + 1, node.text);
    for (const std::string& clause : node.clauses) line(depth + 1, dim(clause));
    if (!node.undo.empty()) {
      line(depth + 1, dim("undone by"));
      nodes(node.undo, depth + 2);
    }
    nodes(node.children, depth + 1);
  }

  bool colour_;
  std::string text_;
};

std::string summary(const plan::Plan& found) {
  std::string text = fmt::format("{} writes, {} idempotent, {} reads", found.writes,
                                 found.idempotent, found.reads);
  if (found.approvals != 0)
    text += fmt::format(", {} approval{}", found.approvals, found.approvals == 1 ? "" : "s");
  if (found.questions != 0)
    text += fmt::format(", {} question{}", found.questions, found.questions == 1 ? "" : "s");
  return text;
}

check::SymbolId find_symbol(const check::CheckedProgram& checked, const std::string& name) {
  for (check::SymbolId id = 0; id < checked.symbols.size(); ++id) {
    const check::Symbol& symbol = checked.symbols[id];
    if (symbol.kind == check::Symbol::Kind::kRunbook && symbol.module == 0 && symbol.name == name)
      return id;
  }
  return check::kNone;
}

/// What would keep a run from beginning now.
std::string closed_text(const std::vector<vm::ClosedOut>& closed) {
  std::string text;
  for (const vm::ClosedOut& one : closed)
    text += fmt::format("now it would be refused: {}\n", one.message);
  return text;
}

boost::json::array closed_json(const std::vector<vm::ClosedOut>& closed) {
  boost::json::array list;
  for (const vm::ClosedOut& one : closed) {
    boost::json::object calendar{{"calendar", one.calendar}};
    if (one.until) calendar["until"] = format_time(*one.until);
    if (!one.why.empty()) calendar["why"] = one.why;
    list.push_back(std::move(calendar));
  }
  return list;
}

}  // namespace

ExitStatus plan_command(const Terminal& terminal, const Arguments& arguments) {
  std::string file;
  std::optional<std::string> params;
  bool reads = false;
  std::vector<OtherOption> given;
  Options options("plan", "FILE[:RUNBOOK] [--PARAM VALUE]…");
  options.word("FILE", file).value("--params", params).flag("--reads", reads).others(given);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (reads)
    return refuse(terminal, {ErrorKind::kUnsupported, "`rbk plan --reads` is not there yet",
                             "without it the plan shows what is known before the run"});
  Result<Project> project = find_project();
  if (!project) return refuse(terminal, project.error());
  const Target target = parse_target(file);
  Result<Loaded> loaded = load_program(terminal, *project, target.file);
  if (!loaded) return refuse(terminal, loaded.error());
  if (!loaded->program) return ExitStatus::kUsage;
  if (!loaded->compiled)
    return refuse(terminal, {ErrorKind::kUnsupported,
                             fmt::format("{} holds no text to plan from", target.file),
                             "plan the .rbk file that it was compiled from"});
  Result<const bytecode::Runbook*> runbook = choose_runbook(*loaded->program, target);
  if (!runbook) return refuse(terminal, runbook.error());
  Result<boost::json::object> read =
      read_parameters(*loaded->program, **runbook, given, params, options.names());
  if (!read) return refuse(terminal, read.error());
  Result<boost::json::array> checked = vm::check_parameters(*loaded->program, **runbook, *read);
  if (!checked) {
    refuse(terminal, with_usage(checked.error(), *loaded->program, **runbook));
    return ExitStatus::kRefused;
  }
  std::map<std::string, plan::Value> values;
  for (size_t i = 0; i < (*runbook)->parameters.size(); ++i) {
    const bytecode::Parameter& parameter = (*runbook)->parameters[i];
    values[parameter.name] = known_value(*loaded->program, parameter.type, checked->at(i));
  }
  const check::CheckedProgram& tree = loaded->compiled->checked;
  const plan::Plan found = plan::plan(tree, find_symbol(tree, (*runbook)->name), values);
  const auto closed = vm::closed_out(*loaded->program, **runbook, wall_time());
  if (terminal.json) {
    terminal.print_json({{"runbook", found.runbook},
                         {"closed", closed_json(closed)},
                         {"writes", found.writes},
                         {"idempotent", found.idempotent},
                         {"reads", found.reads},
                         {"approvals", found.approvals},
                         {"questions", found.questions},
                         {"nodes", nodes_json(found.nodes)}});
    return ExitStatus::kSucceeded;
  }
  Printer printer(terminal.out_colour);
  printer.nodes(found.nodes, 1);
  terminal.print(fmt::format("{} would do this; nothing was run\n{}{}\n{}", found.runbook,
                             printer.text(), summary(found), closed_text(closed)));
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
