#include "compiler/format/format.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "compiler/syntax/dump.h"

namespace rbk::format {
namespace {

std::string formatted(const std::string& text) {
  const source::Source source(0, "a.rbk", text);
  return format(source, syntax::parse(source));
}

/// The text is in the house style already.
void expect_stays(const std::string& text) { EXPECT_EQ(formatted(text), text); }

/// What is formatted reads as before, and formatting it again changes nothing.
void expect_harmless(const std::string& text, const std::string& name) {
  const source::Source source(0, name, text);
  const syntax::ParsedFile parsed = syntax::parse(source);
  const source::Source result(0, name, format(source, parsed));
  const syntax::ParsedFile again = syntax::parse(result);
  EXPECT_EQ(format(result, again), result.text()) << name;
  EXPECT_EQ(parsed.ast.comments.size(), again.ast.comments.size()) << name;
  if (parsed.ok()) {
    EXPECT_TRUE(again.ok()) << name << ": " << again.errors.front().message << "\n"
                            << result.text();
    EXPECT_EQ(syntax::dump(parsed.ast), syntax::dump(again.ast)) << name;
  }
}

std::vector<std::string> all_runbooks() {
  std::vector<std::string> files;
  const std::filesystem::path root(RBK_SOURCE_DIR);
  for (const char* folder : {"tests", "examples", "stdlib", "bench"}) {
    if (!std::filesystem::exists(root / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() == ".rbk") files.push_back(entry.path().string());
    }
  }
  return files;
}

TEST(Format, AByteOrderMarkGoes) {
  EXPECT_EQ(formatted("\xEF\xBB\xBF// about a\nconst a = 1\n"), "// about a\nconst a = 1\n");
}

TEST(Format, IsHarmlessOnEveryRunbookOfTheProject) {
  const std::vector<std::string> files = all_runbooks();
  EXPECT_GT(files.size(), 90u);
  for (const std::string& path : files) {
    std::ifstream file(path);
    expect_harmless({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}, path);
  }
}

TEST(Format, TheExampleOfTheLanguageIsInTheHouseStyle) {
  expect_stays(R"(import "lib/inventory.rbk" as inventory

enum Env { staging, prod }

/// Restarts a service.
runbook restart_service(
  /// The service's name.
  service: string where service matches r"^[a-z][a-z0-9-]*$",
  batch: int = 2 where batch in 1..10,
) -> Report
  allow group "sre"
  exclusive "restart-${service}" queue
{
  let lb: Url = "https://lb.${env}.example.com"

  if env == .prod {
    approval go "Restart ${service}?" {
      by group "sre-leads"
      quorum 2
      form { ticket: string where ticket matches r"^OPS-\d+$" }
      expires 4h then reject
    }
    run.label("ticket", go.ticket)
  }

  let results = parallel for host in hosts limit batch on failure tolerate 5% {
    step drain "Take ${host} out of rotation" =
      http.post("${lb}/pools/${service}/hosts/${host}/drain", bearer: lb_token)
        timeout 2m
        retry 5 times backoff 1s..30s on http.ServerError, Timeout
        rollback { http.post("${lb}/pools/${service}/hosts/${host}/undrain", bearer: lb_token) }

    repeat every 5s at most 10m {
      step probe = http.get("http://${host}:8080/health", accept: 100..599)
      until probe.status == 200
    }
  }

  return Report { restarted: hosts, failed: results.errors.length, took: now() - started }

  after failure e {
    slack.post("#ops", "restart of ${service} failed: ${e.message} ${run.url}") on failure continue
  }
}

schedule nightly for restart_service(service: "reports") {
  cron "0 3 * * 1-5" in "Europe/Berlin"
  missed run once within 6h
}
)");
}

TEST(Format, BlanksAndLines) {
  EXPECT_EQ(formatted("fn   f( a:int,b :  list < string >? )->int{return -a+b[ 0 ]*( 2 )}\n\n\n\n"),
            "fn f(a: int, b: list<string>?) -> int { return -a + b[0] * (2) }\n");
  EXPECT_EQ(formatted("fn f() -> int {\n\n\n  let a = 1;  let b = 2\n\n\n\n  return a\n\n}"),
            "fn f() -> int {\n  let a = 1\n  let b = 2\n\n  return a\n}\n");
  EXPECT_EQ(formatted("const a=1\nconst b=2\nrecord R{x:int}\nrecord S{y:int}"),
            "const a = 1\nconst b = 2\n\nrecord R { x: int }\n\nrecord S { y: int }\n");
  EXPECT_EQ(formatted(""), "");
  EXPECT_EQ(formatted("\r\nfn f() -> int { return 1 }\r\n"), "fn f() -> int { return 1 }\n");
}

TEST(Format, ABracketWhoseFirstItemStandsOnItsOwnLineStaysOpen) {
  EXPECT_EQ(formatted("record R {\n  a: int, b: int }\n"), "record R {\n  a: int\n  b: int\n}\n");
  EXPECT_EQ(formatted("record R { a: int\n b: int }\n"), "record R { a: int, b: int }\n");
  EXPECT_EQ(formatted("fn f(\na: int) -> int { return 1 }\n"),
            "fn f(\n  a: int,\n) -> int { return 1 }\n");
}

TEST(Format, WhatDoesNotFitIsBroken) {
  const std::string a(40, 'a');
  const std::string b(40, 'b');
  const std::string c(40, 'c');
  EXPECT_EQ(
      formatted("fn f() -> int {\n  return g(" + a + ", " + b + ", " + c + ")\n}\n"),
      "fn f() -> int {\n  return g(\n    " + a + ",\n    " + b + ",\n    " + c + ",\n  )\n}\n");
  EXPECT_EQ(formatted("fn f() -> int {\n  let x = " + a + " and " + b + " and " + c + "\n}\n"),
            "fn f() -> int {\n  let x = " + a + " and\n    " + b + " and\n    " + c + "\n}\n");
  EXPECT_EQ(formatted("fn f() -> int {\n  let x = " + a + " +\n " + b + "\n}\n"),
            "fn f() -> int {\n  let x = " + a + " + " + b + "\n}\n");
}

TEST(Format, OneLongTextGetsNoLinesAroundIt) {
  const std::string text = "\"" + std::string(90, 'x') + "\"";
  EXPECT_EQ(formatted("runbook r() {\n  step s = shell(" + text + ") rollback none \"x\"\n}\n"),
            "runbook r() {\n  step s =\n    shell(" + text + ")\n      rollback none \"x\"\n}\n");
}

TEST(Format, ClausesStandBehindOrBelow) {
  expect_stays("runbook r() {\n  step s = shell(\"x\") reads\n}\n");
  EXPECT_EQ(formatted("runbook r() {\n  step s = shell(\"x\") timeout 5m\n on doubt retry\n}\n"),
            "runbook r() {\n  step s = shell(\"x\")\n    timeout 5m\n    on doubt retry\n}\n");
  EXPECT_EQ(
      formatted("runbook r() {\n  step s = shell(\"x\") rollback {\n shell(\"y\")\n }\n}\n"),
      "runbook r() {\n  step s = shell(\"x\")\n    rollback {\n      shell(\"y\")\n    }\n}\n");
}

TEST(Format, TheLastArgumentOpensByItself) {
  expect_stays(R"(fn f() -> int {
  return xs.map(fn(x) {
    let y = x
    return y
  })
}
)");
  expect_stays(R"(runbook r() {
  step s = http.post(url, json {
    a: 1
    b: 2
  })
}
)");
}

TEST(Format, CommentsStayWhereTheyAre) {
  expect_stays(R"(//! The file.

// About f.
/// Documents f.
fn f(
  // before a
  a: int,  // behind a
  b: int,  // behind b
  // at the end
) -> int {
  // first
  let x = 1   // one
  let yy = [  // open
    1,
    // between
    2,
  ]

  // alone

  return match x {
    // arm
    case 1 => 2  // two
    case _ => 3
    // last
  }
  // end
}

// behind it all
)");
}

TEST(Format, CommentsAtOddPlacesAreKept) {
  for (const char* text :
       {"fn f(a: int /* no */) -> int { return 1 }",
        "fn f() -> int {\n  return 1 + // x\n    2\n}\n",
        "fn f() -> int {\n  let x = // x\n    2\n  return x\n}\n",
        "fn f() -> int {\n  return g( // x\n    a, // y\n    b // z\n  ) // w\n}\n",
        "fn f() // x\n -> int // y\n{ return 1 } // z\n",
        "runbook r() {\n  step a = f() // x\n    // y\n    timeout 5m // z\n  // w\n}\n",
        "record R { // x\n}\n",
        "fn f() -> int {\n  if a { // x\n    b()\n  } // y\n  // z\n  else { c() }\n}\n",
        "fn f() -> int { // x\n}\n", "// only\n", "// a\n\n\n// b\n"})
    expect_harmless(text, text);
}

TEST(Format, OddTextKeepsItsMeaning) {
  for (const char* text : {
           "record R { a: list<int>= [] }\n",
           "/// Documented. \nfn f() -> int { return 1 }\n",
           "fn f(e: E) -> int { return match e { case .a => 1;; case .b => 2 } }\n",
           "runbook r() {\n  let y = x\n ; ;  .c\n}\n",
           "fn f() -> int {\n  return a.b(fn(h) => h.x\n// own\n)\n    ?.c\n}\n",
           "fn f() -> int {\n  let y = x\n    .c\n  return y\n}\n",
       })
    expect_harmless(text, text);
}

TEST(Format, WhatDoesNotParseIsKeptByteForByte) {
  const std::string broken = "fn  broken( {\n   let   x  =\n}";
  const std::string result =
      formatted("fn   f()->int{return 1}\n\n" + broken + "\n\nfn   g()->int{return 2}\n");
  EXPECT_NE(result.find("fn f() -> int { return 1 }\n"), std::string::npos) << result;
  EXPECT_NE(result.find("fn g() -> int { return 2 }\n"), std::string::npos) << result;
  EXPECT_NE(result.find(broken), std::string::npos) << result;
  expect_harmless("} junk (\nfn f() -> int { return 1 }\n) more\n", "junk");
}

TEST(Format, LongChainsAreBrokenAtTheirCalls) {
  expect_stays(R"(fn f() -> list<string> {
  return hosts.filter(fn(h) => h.zone == "a" and h.healthy and not h.draining)
    .map(fn(h) => h.name.trim())
    .sort_by(fn(name) => name.lower())
}
)");
}

}  // namespace
}  // namespace rbk::format
