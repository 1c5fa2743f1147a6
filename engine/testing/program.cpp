#include "engine/testing/program.h"

#include <fmt/format.h>

#include <cstdlib>
#include <set>
#include <sstream>

#include "vm/testing/assembler.h"

namespace rbk::engine::testing {
namespace {

/// One part of the script as assembler text.
std::string code_of(const std::string& kind, const std::string& name, int64_t number, size_t part) {
  if (kind == "l") return fmt::format("LoadConst text \"{}\"\nEmit \"log.info\" text _\n", name);
  if (kind == "s")
    return fmt::format("LoadConst time duration:{}us\nkeep count\nSleep time\n", name);
  if (kind == "a") {
    const bool expires = name == "exp";
    return fmt::format(
        "LoadConst text json:\"{{\\\"name\\\":\\\"{}\\\",\\\"question\\\":\\\"ok?\\\","
        "\\\"quorum\\\":{},\\\"by\\\":[{{\\\"group\\\":\\\"sre\\\"}}],"
        "\\\"form\\\":{{\\\"fields\\\":[{{\\\"name\\\":\\\"ticket\\\"}}]}}}}\"\n"
        "LoadConst time duration:300ms\nkeep count\nApprove value text Form | {} 0\n",
        name, number == 0 ? 1 : number, expires ? "time" : "_");
  }
  if (kind == "g")
    return fmt::format(
        "LoadConst time duration:{}us\nkeep count\nWaitSignal value \"{}\" Given | {} _\n",
        std::max<int64_t>(number, 1), name, number == 0 ? "_" : "time");
  if (kind == "q")
    return fmt::format(
        "LoadConst text json:\"{{\\\"name\\\":\\\"{}\\\",\\\"question\\\":\\\"which?\\\","
        "\\\"by\\\":[{{\\\"starter\\\":true}}],"
        "\\\"form\\\":{{\\\"fields\\\":[{{\\\"name\\\":\\\"ticket\\\"}}]}}}}\"\n"
        "keep count\nAsk value text Form | _ 0\n",
        name);
  const std::string_view behaviour = kind == "r" ? "1" : kind == "i" ? "2" : "3";
  const std::string_view doubt = kind == "v" ? "2" : "0";
  std::string code = "LoadInt i 0\n";
  code += fmt::format("again{}:\n", part);
  if (number > 0) code += "ToText text i int\nItemPush text\n";
  code += fmt::format("StepBegin {} _\nLoadConst time duration:200ms\nkeep count i\n", name);
  code += fmt::format("Perform value {} i | {} {} {}\n", name, kind == "t" ? "time" : "_",
                      behaviour, doubt);
  code += "StepEnd value json\n";
  if (kind == "b")
    code += fmt::format("MakeClosure text undo_{} _ | 0\nUndoPush text {} 0\n", name, name);
  if (number > 0) code += "ItemPop\n";
  code += "AddImm count count 1\nAddImm i i 1\n";
  code += fmt::format("LoadInt n {}\nJumpLtInt i n @again{}\n", number == 0 ? 1 : number, part);
  return code;
}

}  // namespace

std::shared_ptr<const bytecode::Program> program(const std::string& script) {
  std::string declarations =
      "record Form { ticket: string? }\nrecord Given { payload: int, sender: string }\n";
  std::string functions;
  std::string code;
  std::set<std::string> actions;
  std::istringstream parts(script);
  size_t number_of_part = 0;
  for (std::string part; std::getline(parts, part, ';'); ++number_of_part) {
    std::istringstream words(part);
    std::string kind;
    std::string name;
    int64_t number = 0;
    words >> kind >> name >> number;
    const bool performs = kind != "l" && kind != "s" && kind != "a" && kind != "g" && kind != "q";
    if (kind == "b" && actions.insert("undo").second)
      declarations += "action undo(n: int) -> json writes\n";
    if (performs && actions.insert(name).second) {
      declarations += fmt::format("action {}(n: int) -> json writes\nstep {}\n", name, name);
      functions += fmt::format(
          "function undo_{}()\nreg n int\nreg value ref\nLoadInt n 0\n"
          "keep\nPerform value undo n | _ 0 0\nReturnNothing\nend\n",
          name);
    }
    code += code_of(kind, name, number, number_of_part);
  }
  const std::string text = declarations +
                           "runbook main() -> int = main\n"
                           "function main() -> int\n"
                           "reg count i n int\nreg text value ref\nreg time duration\n"
                           "LoadInt count 0\n" +
                           code + "Return count\nend\n" +
                           (script.find("b ") != std::string::npos ? functions : "");
  auto made = std::make_shared<const bytecode::Program>(vm::testing::assemble(text));
  if (const auto sound = bytecode::verify(*made); !sound) {
    fmt::print(stderr, "a test's program is wrong: {}\n{}\n", sound.error().message, text);
    std::abort();
  }
  return made;
}

}  // namespace rbk::engine::testing
