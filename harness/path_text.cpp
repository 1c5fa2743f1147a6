#include "harness/path_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/body.h"
#include "harness/samples.h"

namespace rbk::harness {

namespace json = boost::json;

std::optional<FirstRun> first_run(const lower::TestProgram& tests, uint32_t body,
                                  StandIns& stand_ins) {
  std::optional<FirstRun> found;
  bool crashes = false;
  run_body(tests, body, {},
           [&](const std::string& action, const json::object& arguments) -> Result<json::value> {
             if (action == lower::kGivenAction) {
               const json::value& captures = arguments.at("captures");
               stand_ins.add(static_cast<uint32_t>(arguments.at("stand_in").as_int64()),
                             captures.is_array() ? captures.as_array() : json::array());
               return json::value();
             }
             if (action == lower::kCrashAction) crashes = true;
             if (!action.starts_with(lower::kRunAction)) return json::value();
             const std::string name = action.substr(lower::kRunAction.size());
             const auto& runbooks = tests.program->runbooks;
             for (uint32_t i = 0; i < runbooks.size(); ++i) {
               if (runbooks[i].name == name) found = FirstRun{i, arguments, crashes};
             }
             return fail(ErrorKind::kInvalid, "that is all that was wanted");
           });
  return found;
}

std::string as_written(const lower::TestProgram& tests, std::string text) {
  for (const auto& [path, alias] : tests.imports) {
    const std::string from = path + ".";
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at))
      text.replace(at, from.size(), alias + ".");
  }
  return text;
}

namespace {

class Writing {
 public:
  explicit Writing(const lower::TestProgram& tests) : tests_(tests) {}

  /// `given TARGET => in order [ … ]`, or without `in order` where one reply does.
  std::string given(const std::string& target, const std::vector<const Reply*>& replies) const {
    std::vector<std::string> texts;
    texts.reserve(replies.size());
    for (const Reply* reply : replies) texts.push_back(reply_text(target, *reply));
    const bool same = std::all_of(texts.begin(), texts.end(),
                                  [&](const std::string& one) { return one == texts.front(); });
    if (same) return fmt::format("  given {} => {}\n", target, texts.front());
    std::string items;
    for (const std::string& text : texts) items += fmt::format("    {},\n", text);
    return fmt::format("  given {} => in order [\n{}  ]\n", target, items);
  }

 private:
  std::string reply_text(const std::string& target, const Reply& reply) const {
    if (reply.how == Reply::How::kFails) return "fail " + error_text(reply.error);
    for (const bytecode::ActionImport& action : tests_.program->actions) {
      if (action.name == target && action.result != bytecode::kNone)
        return literal(*tests_.program, action.result, reply.output);
    }
    return "null";
  }

  std::string error_text(const vm::ErrorValue& error) const {
    std::string fields = "message: " + quoted(error.message);
    for (const bytecode::Type& type : tests_.program->types) {
      if (type.shape != bytecode::Type::Shape::kError || type.name != error.kind) continue;
      for (const bytecode::Type::Field& field : type.fields) {
        const json::value* value = error.fields.if_contains(field.outer_name);
        if (value == nullptr || value->is_null()) continue;
        fields += fmt::format(", {}: {}", field.name, literal(*tests_.program, field.type, *value));
      }
    }
    if (error.kind == "Failed") return quoted(error.message);
    return fmt::format("{} {{ {} }}", error.kind, fields);
  }

  const lower::TestProgram& tests_;
};

/// A value of a form as the language writes it: by the form of the program that has these fields.
std::string form_literal(const bytecode::Program& program, const json::object& form,
                         std::string_view field) {
  const json::value& value = form.at(field);
  for (const bytecode::Type& type : program.types) {
    if (type.shape != bytecode::Type::Shape::kRecord || type.name != "form") continue;
    const auto find = [&](std::string_view name) {
      return std::find_if(type.fields.begin(), type.fields.end(),
                          [&](const bytecode::Type::Field& one) { return one.name == name; });
    };
    const bool has_all = std::all_of(form.begin(), form.end(), [&](const auto& entry) {
      return find(entry.key()) != type.fields.end();
    });
    if (has_all) return literal(program, find(field)->type, value);
  }
  return value.is_string() ? quoted(std::string_view(value.as_string())) : json::serialize(value);
}

std::string approval_text(const bytecode::Program& program, const FaultyWorld::Decided& one) {
  if (!one.decision) return {};
  if (!one.decision->approved) return fmt::format("  given approval {} => reject\n", one.approval);
  std::string fields;
  for (const auto& [name, value] : one.decision->form)
    fields += fmt::format("{}{}: {}", fields.empty() ? "" : ", ", std::string_view(name),
                          form_literal(program, one.decision->form, name));
  return fmt::format("  given {} {} => {} {{{}}}\n", one.is_question ? "ask" : "approval",
                     one.approval, one.is_question ? "answer" : "approve",
                     fields.empty() ? " " : " " + fields + " ");
}

/// By the type that the stand-in of the test gives.
std::string signal_text(const lower::TestProgram& tests, const std::string& name,
                        const json::value& brought) {
  for (const lower::StandIn& one : tests.stand_ins) {
    if (one.kind != lower::StandIn::Kind::kSignal || one.target != name) continue;
    return literal(*tests.program, tests.program->runbooks.at(one.reply).result, brought);
  }
  return json::serialize(brought);
}

/// By step: `given ask drain => .retry`, or all that was said of it in order.
std::string failures_text(const lower::TestProgram& tests,
                          const std::vector<FaultyWorld::Said>& failures,
                          const std::vector<FaultyWorld::Answered>& answered) {
  const auto name_of = [](const std::string& path) {
    const std::string plain = without_items(path);
    return plain.substr(plain.rfind('/') + 1);
  };
  const auto said = [&](const FaultyWorld::Said& one) {
    std::string text = fmt::format(".{}", word_of(one.resolution.how));
    if (one.resolution.how != vm::event::Resolved::How::kDone) return text;
    for (const auto& call : answered) {
      if (call.call.step != one.path) continue;
      for (const bytecode::ActionImport& action : tests.program->actions)
        if (action.name == call.call.target && action.result != bytecode::kNone)
          return fmt::format("{}({})", text,
                             literal(*tests.program, action.result, one.resolution.output));
    }
    return text;
  };
  std::vector<std::string> names;
  std::string text;
  for (const FaultyWorld::Said& first : failures) {
    const std::string name = name_of(first.path);
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    names.push_back(name);
    std::vector<std::string> all;
    for (const FaultyWorld::Said& one : failures)
      if (name_of(one.path) == name) all.push_back(said(one));
    text += all.size() == 1
                ? fmt::format("  given ask {} => {}\n", name, all.front())
                : fmt::format("  given ask {} => in order [{}]\n", name, fmt::join(all, ", "));
  }
  return text;
}

}  // namespace

std::string path_text(const lower::TestProgram& tests, const FirstRun& first,
                      const std::vector<Fault>& faults,
                      const std::vector<FaultyWorld::Answered>& answered,
                      const std::vector<FaultyWorld::Decided>& decided,
                      const std::vector<std::pair<std::string, json::value>>& sent,
                      const std::vector<FaultyWorld::Said>& failures, const json::object& outcome) {
  std::string title;
  for (const Fault& fault : faults) title += (title.empty() ? "" : ", ") + fault.text();
  std::string text = fmt::format("test {} {{\n", quoted(title.empty() ? "as it is" : title));
  std::vector<std::string> targets;
  for (const auto& one : answered) {
    if (std::find(targets.begin(), targets.end(), one.call.target) == targets.end())
      targets.push_back(one.call.target);
  }
  const Writing writing(tests);
  for (const std::string& target : targets) {
    std::vector<const Reply*> replies;
    for (const auto& one : answered) {
      if (one.call.target == target) replies.push_back(&one.reply);
    }
    text += writing.given(target, replies);
  }
  std::vector<std::string> told;
  for (const auto& one : decided) {
    if (std::find(told.begin(), told.end(), one.approval) != told.end()) continue;
    told.push_back(one.approval);
    text += approval_text(*tests.program, one);
  }
  for (const auto& [name, brought] : sent) {
    if (std::find(told.begin(), told.end(), name) != told.end()) continue;
    told.push_back(name);
    text += fmt::format("  given signal {} => {}\n", name, signal_text(tests, name, brought));
  }
  text += failures_text(tests, failures, answered);
  for (const Fault& fault : faults) {
    if (fault.kind != Fault::Kind::kCrashBefore && fault.kind != Fault::Kind::kCrashAfter) continue;
    std::string path = without_items(fault.place);
    std::replace(path.begin(), path.end(), '/', '.');
    text += fmt::format("  crash {} step {}\n",
                        fault.kind == Fault::Kind::kCrashBefore ? "before" : "after", path);
  }
  for (const Fault& fault : faults) {
    if (fault.kind == Fault::Kind::kCrashAfter && fault.said == Doubted::kNotDone)
      text += fmt::format(
          "  // then somebody says of {} that it was not done, which a test can't say\n",
          fault.place);
  }
  const bytecode::Runbook& runbook = tests.program->runbooks.at(first.runbook);
  std::string arguments;
  for (const bytecode::Parameter& parameter : runbook.parameters) {
    const json::value* value = first.parameters.if_contains(parameter.name);
    if (value == nullptr) continue;
    arguments += fmt::format("{}{}: {}", arguments.empty() ? "" : ", ", parameter.name,
                             literal(*tests.program, parameter.type, *value));
  }
  text += fmt::format("  let it = {}({})\n", runbook.name, arguments);
  const json::value* status = outcome.if_contains("status");
  text += status == nullptr ? std::string("  expect it.succeeded or it.failed\n")
                            : fmt::format("  expect it.status == {}\n",
                                          quoted(std::string_view(status->as_string())));
  return as_written(tests, text + "}\n");
}

}  // namespace rbk::harness
