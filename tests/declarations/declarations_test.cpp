// What the stdlib layer declares has to be a program for the compiler, and in the house style.
#include "stdlib/declarations.h"

#include <gtest/gtest.h>

#include "compiler/check/checked.h"
#include "compiler/check/value_functions.h"
#include "compiler/format/format.h"
#include "compiler/syntax/parse.h"

namespace rbk {
namespace {

check::Options options() {
  check::Options result;
  for (const stdlib::ModuleText& module : stdlib::module_texts()) {
    result.standard.push_back({module.name, module.text});
  }
  return result;
}

std::string faults(const check::CheckedProgram& program) {
  std::string text;
  for (const diagnostics::Diagnostic& one : program.diagnostics.sorted()) {
    const source::Source& source = program.sources.get(one.primary.file);
    text += fmt::format("{}:{}: {} {}\n", source.path(), source.position(one.primary.begin).line,
                        diagnostics::code_text(one.code), one.message);
  }
  return text;
}

TEST(Declarations, EveryActionAndErrorCanBeUsedAsItsDocumentsSay) {
  const std::string text = R"(
record Ticket { title: string }

runbook all(host: string, folder: string, token: secret, file: string) {
  step free = shell("df --output=pcent ${folder} | tail -1 | tr -d ' %'") reads
  step dump = shell("pg_dump app > ${file}", env: env { PGPASSWORD: token }, cwd: "/", stdin: "x", grace: 1s)
    timeout 10m
    on doubt retry
    rollback none "a copy"
  step diff = shell("diff -u a b", accept: [0, 1]) reads
  log.info("${free.stdout.trim()} ${dump.exit_code} ${diff.stderr} ${diff.truncated}")
  step health = http.get("https://${host}/health", accept: 200..503, also_accept: [404], redirects: 0)
  step there = http.head("https://${host}/x", query: map { "a": "b" }, headers: map { "X-A": "1" })
  step made = http.post("https://${host}/tickets", json: json { title: "t", urgent: true }, bearer: token)
    rollback { http.delete("https://${host}/tickets/1", also_accept: [404]) }
  step put = http.put("https://${host}/x", body: "text", content_type: "a/b", headers: env { "X-Key": token })
    rollback none "the same"
  step part = http.patch("https://${host}/x", json: json { a: 1 }, max_body: 1MiB, ca_file: "/c")
    rollback none "the same"
  step purge = http.request("PURGE", "https://${host}/x", proxy: "http://p:1", connect_timeout: 1s) idempotent
    rollback none "a cache"
  let ticket = made.json as Ticket
  log.warn("${health.status} ${there.url} ${put.body} ${part.status} ${purge.status} ${ticket.title}")
  let fallback = http.Response { status: 200 }
  log.debug("${fallback.headers.length}")
  try {
    step last = shell("false") rollback none "nothing"
    log.error("${last.exit_code}")
  } catch e {
    match e {
      case ShellError { exit_code, stdout, stderr } => log.info("${exit_code}${stdout}${stderr}")
      case http.ServerError { status, body, url } => log.info("${status}${body}${url}")
      case http.ClientError { status } => log.info("${status}")
      case http.StatusError { status } => log.info("${status}")
      case http.ConnectionError { url } => log.info("${url}")
      case http.TooLarge { url } => log.info("${url}")
      case Failed {} | Timeout {} | Cancelled {} | Stopped {} | InDoubt {} | TooManyFailures {} => log.info("y")
      case ArithmeticError {} | IndexError {} | NullError {} | ParseError {} | UrlError {} | SecretError {} => log.info("x")
      case Closed { calendar, reason, opens } => log.info("${calendar}${reason}${opens == null}")
      case Deadlock { name } => log.info(name)
      case LockTaken { name } => log.info(name)
      case Rejected { by, reason } => log.info("${by.length}${reason}")
      case JsonError { message } => log.info(message)
      case _ => log.info("other")
    }
  }
}
)";
  EXPECT_EQ(faults(check::check("main.rbk", text, options())), "");
}

// The table is made by a script that knows the form of a line only: the parser has to see the same.
TEST(Declarations, TheTableOfFunctionsIsWhatTheFilesDeclare) {
  std::vector<std::string> declared;
  for (const stdlib::ModuleText& type : stdlib::value_texts()) {
    const std::string name = std::string(type.name) + ".rbk";
    const source::Source source(0, name, std::string(type.text));
    const syntax::ParsedFile parsed = syntax::parse(source);
    ASSERT_TRUE(parsed.ok()) << name << ": " << parsed.errors.front().message;
    EXPECT_EQ(format::format(source, parsed), type.text) << name << ": run ./dev rbk fmt on it";
    for (const syntax::DeclId id : parsed.ast.decls) {
      const syntax::Decl& decl = parsed.ast[id];
      const auto* native = std::get_if<syntax::NativeFnDecl>(&decl.node);
      ASSERT_NE(native, nullptr) << name << " declares something else: " << decl.name.text;
      const auto text = [&](syntax::TypeRefId written) {
        return written.valid() ? source.text(parsed.ast[written].span) : std::string_view();
      };
      std::string shape;
      for (const syntax::Field& field : native->params)
        shape +=
            fmt::format("{}{}: {}", shape.empty() ? "" : ", ", field.name.text, text(field.type));
      if (!native->is_property) shape = "(" + shape + ")";
      if (native->result.valid())
        shape += (native->is_property ? "" : " -> ") + std::string(text(native->result));
      declared.push_back(
          fmt::format("{}|{}|{}|{}", type.name, text(native->receiver), decl.name.text, shape));
    }
  }
  std::vector<std::string> compiled;
  for (const check::ValueFunction& one : check::value_functions())
    compiled.push_back(fmt::format("{}|{}|{}|{}", one.type, one.receiver, one.name, one.shape));
  std::sort(declared.begin(), declared.end());
  std::sort(compiled.begin(), compiled.end());
  EXPECT_EQ(compiled, declared);
  EXPECT_GT(declared.size(), 120U);
}

TEST(Declarations, EachModuleIsAProgramWithoutFaultsInTheHouseStyle) {
  for (const stdlib::ModuleText& module : stdlib::module_texts()) {
    const std::string name = std::string(module.name) + ".rbk";
    const source::Source source(0, name, std::string(module.text));
    const syntax::ParsedFile parsed = syntax::parse(source);
    EXPECT_TRUE(parsed.ok()) << name << ": " << parsed.errors.front().message;
    EXPECT_EQ(format::format(source, parsed), module.text) << name << ": run ./dev rbk fmt on it";
  }
}

}  // namespace
}  // namespace rbk
