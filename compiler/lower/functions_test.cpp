// What functions compute: expressions, conditions, loops, match, text.
#include <gtest/gtest.h>

#include "compiler/lower/scripted_world_test.h"

namespace rbk::lower {
namespace {

/// The result of `runbook r() -> T { return … }` with these declarations before it.
std::string result(const std::string& type, const std::string& expression,
                   const std::string& before = "") {
  ScriptedWorld world(before + "\nrunbook r() -> " + type + " {\n  return " + expression + "\n}\n");
  std::string trace = world.run("r");
  if (trace.starts_with("=> succeeded ")) trace = trace.substr(13);
  if (!trace.empty() && trace.back() == '\n') trace.pop_back();
  return trace;
}

/// The same for `fn f() -> T` with this body.
std::string body(const std::string& type, const std::string& text, const std::string& before = "") {
  return result(type, "f()", before + "\nfn f() -> " + type + " {\n" + text + "\n}\n");
}

TEST(LowerFunctions, Hello) {
  ScriptedWorld world("runbook hello() {\n  log.info(\"hi\")\n}\n");
  EXPECT_EQ(world.run("hello"), "info: hi\n=> succeeded\n");
}

TEST(LowerFunctions, Arithmetic) {
  EXPECT_EQ(result("int", "2 + 3 * 4 - 6 / 4"), "13");
  EXPECT_EQ(result("int", "-7 / 2 + -7 % 3"), "-4");
  EXPECT_EQ(result("float", "1.5 * 4.0 - 0.25"), "5.75E0");
  EXPECT_EQ(result("duration", "90s + 2 * 30s"), "\"2m30s\"");
  EXPECT_EQ(result("int", "5m / 30s"), "10");
  EXPECT_EQ(result("size", "1GiB / 4"), "\"256MiB\"");
  EXPECT_EQ(result("int", "9223372036854775807 + one()", "fn one() -> int { return 1 }"),
            "=> failed ArithmeticError: the sum does not fit 64 bits");
  EXPECT_EQ(body("int", "  let big = 5000000000\n  let small = -40000\n  return big + small"),
            "4999960000");
  EXPECT_EQ(body("bool", "  let f = 1.5\n  return f > 1.0 and not (f >= 2.0) and f != 1.0"),
            "true");
}

TEST(LowerFunctions, AssignmentMayUseTheOldValue) {
  EXPECT_EQ(body("int", "  var x = 3\n  x = x - x * 2\n  x = 10 - x\n  return x"), "13");
  EXPECT_EQ(body("string", "  var s = \"a\"\n  s = \"${s}b${s}\"\n  return s"), "\"aba\"");
  EXPECT_EQ(body("list<int>",
                 "  var xs = [1, 2]\n"
                 "  xs = xs.map(fn(x) => x + xs.length)\n"
                 "  xs = if xs.length > 5 { [0] } else { xs.append(xs[0]) }\n"
                 "  return xs"),
            "[3,4,3]");
  EXPECT_EQ(body("int",
                 "  var x: int? = 1\n"
                 "  var y = 2\n"
                 "  y = x ?? y\n"
                 "  x = null\n"
                 "  y = (x ?? y) + (x ?? 5)\n"
                 "  return y"),
            "6");
}

TEST(LowerFunctions, Conditions) {
  const std::string before = "fn yes() -> bool { return true }\nfn no() -> bool { return false }";
  EXPECT_EQ(result("bool", "no() or yes() and not no()", before), "true");
  EXPECT_EQ(result("bool", "(no() or yes()) and not (yes() and no() or yes())", before), "false");
  EXPECT_EQ(body("list<bool>",
                 "  let n = 5\n"
                 "  return [n in 1..5, n in 1..<5, n not in 6..9, n in [1, 5],\n"
                 "    \"k\" in map { \"k\": 1 }, \"ab12\" matches r\"^[a-z]+\\d+$\"]"),
            "[true,false,true,true,true,true]");
  EXPECT_EQ(
      body("list<bool>",
           "  let a: string? = null\n"
           "  let b: int? = 0\n"
           "  return [a == null, b == null, a != null, b != null, \"a\" < \"b\", \"b\" >= \"c\"]"),
      "[true,false,false,true,true,false]");
  EXPECT_EQ(body("string",
                 "  let n: int? = 4\n"
                 "  if n != null and n > 3 { return \"big ${n}\" }\n"
                 "  return \"none\""),
            "\"big 4\"");
}

TEST(LowerFunctions, RecursionAndLoops) {
  EXPECT_EQ(result("int", "fib(20)",
                   "fn fib(n: int) -> int {\n"
                   "  if n < 2 { return n }\n"
                   "  return fib(n - 1) + fib(n - 2)\n"
                   "}"),
            "6765");
  EXPECT_EQ(result("int", "ack(2, 3)",
                   "fn ack(m: int, n: int = m + 1) -> int {\n"
                   "  if m == 0 { return n + 1 }\n"
                   "  if n == 0 { return ack(m - 1, 1) }\n"
                   "  return ack(m - 1, ack(m, n - 1))\n"
                   "}"),
            "9");
  EXPECT_EQ(result("list<int>", "[f(1), f(1, c: 5), f(1, 2)]",
                   "fn f(a: int, b: int = a * 10, c: int = a + b) -> int { return a + b + c }"),
            "[22,16,6]");
  EXPECT_EQ(body("int", "  var s = 0\n  for i in 1..100 { s = s + i }\n  return s"), "5050");
  EXPECT_EQ(body("int",
                 "  var s = 0\n"
                 "  for i in 0..<0 { s = -1 }\n"
                 "  for i in 9223372036854775806..9223372036854775807 { s = s + 1 }\n"
                 "  for i in 3..1 { s = -1 }\n"
                 "  return s"),
            "2");
  EXPECT_EQ(body("list<int>",
                 "  var out: list<int> = []\n"
                 "  for i, x in [5, 1, 7, 2, 9] {\n"
                 "    if x == 1 { continue }\n"
                 "    if i == 4 { break }\n"
                 "    out = out.append(x * 10 + i)\n"
                 "  }\n"
                 "  return out"),
            "[50,72,23]");
  EXPECT_EQ(body("string",
                 "  var out = \"\"\n"
                 "  for k, v in (map { \"a\": 1, \"b\": 2 }) { out = \"${out}${k}${v} \" }\n"
                 "  return out"),
            "\"a1 b2 \"");
}

TEST(LowerFunctions, LoopMethods) {
  const std::string xs = "  let xs = [3, 1, 2]\n  let k = 2\n";
  EXPECT_EQ(body("list<string>", xs + "  return xs.map(fn(x) => \"<${x * k}>\")"),
            "[\"<6>\",\"<2>\",\"<4>\"]");
  EXPECT_EQ(body("list<int>", xs + "  return xs.filter(fn(x) => x >= k and x != 3)"), "[2]");
  EXPECT_EQ(body("list<bool>", xs + "  return [xs.any(fn(x) => x > 2), xs.all(fn(x) => x > 2), "
                                    "xs.any(fn(x) => x > 3), xs.all(fn(x) => x < 4)]"),
            "[true,false,false,true]");
  EXPECT_EQ(body("int", xs + "  return xs.count(fn(x) => x > 1)"), "2");
  EXPECT_EQ(
      body("int", xs + "  return (xs.find(fn(x) => x < 3) ?? 0) + (xs.find(fn(x) => x > 9) ?? 40)"),
      "41");
  EXPECT_EQ(body("list<int>", xs + "  return xs.flat_map(fn(x) => [x, x * 10])"),
            "[3,30,1,10,2,20]");
  EXPECT_EQ(body("list<int>", xs + "  return xs.map(fn(x) {\n"
                                   "    if x == 1 { return 100 }\n"
                                   "    for i in 1..5 { if i == x { return i + k } }\n"
                                   "    return 0\n"
                                   "  })"),
            "[5,100,4]");
  EXPECT_EQ(result("list<int>", "[1, 2].map(twice)", "fn twice(n: int) -> int { return n * 2 }"),
            "[2,4]");
  EXPECT_EQ(body("list<int>",
                 "  let k = 5\n"
                 "  let add = if k > 3 { fn(x: int) => x + k } else { fn(x: int) => x }\n"
                 "  return [1, 2].map(add).map(fn(x) => add(x))"),
            "[11,12]");
}

TEST(LowerFunctions, RecordsEnumsMatch) {
  const std::string before =
      "enum Env { dev, staging, prod, custom(name: string, size: int) }\n"
      "record Host { name: string, port: int = 80, tags: list<string> = [], env: Env = .dev, "
      "note: string? }\n"
      "fn text(e: Env) -> string {\n"
      "  return match e {\n"
      "    case .dev | .staging => \"small\"\n"
      "    case .custom(n, s) if s > 10 => \"big ${n}\"\n"
      "    case .custom(_, 7) => \"seven\"\n"
      "    case .custom(n, _) => n\n"
      "    case .prod => \"prod\"\n"
      "  }\n"
      "}\n";
  EXPECT_EQ(result("Host", "Host { name: \"a\", port: 1 + 1 }", before),
            "{\"name\":\"a\",\"port\":2,\"tags\":[],\"env\":\"dev\",\"note\":null}");
  EXPECT_EQ(result("list<string>",
                   "[text(.dev), text(.staging), text(.prod), text(.custom(\"x\", 11)), "
                   "text(.custom(\"y\", 7)), text(Env.custom(\"z\", 1))]",
                   before),
            "[\"small\",\"small\",\"prod\",\"big x\",\"seven\",\"z\"]");
  EXPECT_EQ(
      result("bool", "Env.custom(\"x\", 1) == .custom(\"x\", 1) and Env.dev != .prod", before),
      "true");
  EXPECT_EQ(body("string",
                 "  let h = Host { name: \"a\" }\n"
                 "  return match h {\n"
                 "    case Host { name: \"b\" } => \"b\"\n"
                 "    case Host { port, env: .dev } => \"dev ${port}\"\n"
                 "    case _ => \"other\"\n"
                 "  }",
                 before),
            "\"dev 80\"");
  EXPECT_EQ(body("list<string>",
                 "  return [5, 500, 550, 42, -3].map(fn(n) => match n {\n"
                 "    case 5 => \"five\"\n"
                 "    case 500..599 => \"server\"\n"
                 "    case -3 => \"minus\"\n"
                 "    case other => \"${other}\"\n"
                 "  })"),
            "[\"five\",\"server\",\"server\",\"42\",\"minus\"]");
  EXPECT_EQ(body("list<int>",
                 "  let xs: list<int?> = [1, null, 3]\n"
                 "  return xs.map(fn(x) => match x {\n"
                 "    case null => 0\n"
                 "    case 1 => 10\n"
                 "    case n => n\n"
                 "  })"),
            "[10,0,3]");
}

TEST(LowerFunctions, OptionalChains) {
  const std::string before =
      "record Port { number: int }\n"
      "record Host { name: string?, port: Port? }\n"
      "fn port(h: Host?) -> int { return h?.port?.number ?? -1 }\n"
      "fn size(h: Host?) -> int? { return h?.name?.length }\n";
  EXPECT_EQ(
      result("list<int>", "[port(null), port(Host { }), port(Host { port: Port { number: 80 } })]",
             before),
      "[-1,-1,80]");
  EXPECT_EQ(
      result("list<int?>", "[size(null), size(Host { }), size(Host { name: \"abc\" })]", before),
      "[null,null,3]");
  EXPECT_EQ(
      body("list<string>",
           "  let xs: list<string>? = [\"a\", \"\"]\n"
           "  let none: list<string>? = null\n"
           "  return (xs?.filter(fn(x) => x != \"\") ?? []).concat(none?.reverse() ?? [\"none\"])"),
      "[\"a\",\"none\"]");
}

TEST(LowerFunctions, ListsMapsSlices) {
  EXPECT_EQ(body("list<list<int>>",
                 "  let xs = [1, 2, 3, 4, 5]\n"
                 "  return [xs[1..3], xs[1..<3], xs[..1], xs[3..], [xs[0], xs[-1]]]"),
            "[[2,3,4],[2,3],[1,2],[4,5],[1,5]]");
  EXPECT_EQ(body("string", "  let s = \"abcdef\"\n  return s[1..3]"), "\"bcd\"");
  EXPECT_EQ(body("list<int>",
                 "  let m = (map { \"a\": 1 }).put(\"b\", 2)\n"
                 "  return [m[\"a\"] ?? 0, m[\"z\"] ?? 9, m.get(\"b\") ?? 0, m.length]"),
            "[1,9,2,2]");
  EXPECT_EQ(body("int", "  let xs = [1]\n  return xs[5]"),
            "=> failed IndexError: the list has 1 elements, and none at 5");
}

TEST(LowerFunctions, AMapsValueOrAnother) {
  const std::string counts =
      "  var seen: map<string, int> = map { }\n"
      "  for name in [\"a\", \"b\", \"a\"] { seen = seen.put(name, (seen.get(name) ?? 10) + 1) }\n";
  EXPECT_EQ(body("map<string, int>", counts + "  return seen"), R"({"a":12,"b":11})");
  EXPECT_EQ(body("int", counts + "  let other = 5\n  return seen.get(\"c\") ?? other"), "5");
  EXPECT_EQ(body("string",
                 "  let m = map { 1: \"x\" }\n  let no = \"no\"\n"
                 "  return \"${m.get(1) ?? no}${m.get(2) ?? no}\""),
            "\"xno\"");
  // A null in JSON, or of an optional value, is none.
  EXPECT_EQ(body("json",
                 "  let m: map<string, json> = map { \"a\": null }\n"
                 "  let no: json = 7\n  return m.get(\"a\") ?? no"),
            "7");
  EXPECT_EQ(body("int",
                 "  let m: map<string, int?> = map { \"a\": null }\n"
                 "  return m.get(\"a\") ?? 8"),
            "8");
}

TEST(LowerFunctions, NumbersOfALoopAreLoadedOnceForEachKind) {
  EXPECT_EQ(body("float",
                 "  var x = 0.0\n  var n = 1\n"
                 "  for i in 1..3 {\n"
                 "    for j in 1..2 { x = x * 2.0 + 2.0 }\n    n = n * 2 % 1000\n"
                 "  }\n  return if n == 8 { x } else { 0.0 }"),
            "1.26E2");
  EXPECT_EQ(body("duration", "  var d = 1s\n  for i in 1..3 { d = d * 2 - 1s / 2 }\n  return d"),
            "\"4s500ms\"");
  // The same bits are another number of another kind; the pins of one loop end with it.
  EXPECT_EQ(body("string",
                 "  var a = 1\n  var b = 1s\n  var c = 1B\n"
                 "  for i in 1..2 {\n    a = a * 3\n    b = b * 3\n    c = c * 3\n  }\n"
                 "  for i in 1..2 { a = a * 5 }\n"
                 "  return \"${a} ${b} ${c}\""),
            "\"225 9s 9B\"");
}

TEST(LowerFunctions, Json) {
  const std::string before =
      "record Host { name: string, port: int from \"p\", tags: list<string> }\n";
  EXPECT_EQ(body("json",
                 "  let service = \"api\"\n"
                 "  let host = Host { name: \"a\", port: 1, tags: [] }\n"
                 "  return json { service, grace: 30s, \"x-y\": [1, 2], host, none: null }",
                 before),
            "{\"service\":\"api\",\"grace\":\"30s\",\"x-y\":[1,2],"
            "\"host\":{\"name\":\"a\",\"p\":1,\"tags\":[]},\"none\":null}");
  EXPECT_EQ(body("int",
                 "  let j = json { hosts: [json { name: \"a\", p: 7, tags: [\"x\"] }] }\n"
                 "  let h = j.hosts[0] as Host\n"
                 "  return h.port + (j[\"hosts\"] as list<Host>).length",
                 before),
            "8");
  EXPECT_EQ(body("Host", "  return json { name: null } as Host", before),
            "=> failed JsonError: $.name: expected string, got null");
  EXPECT_EQ(body("bool", "  let j = json { a: null }\n  return j.a == null and j.b == null"),
            "true");
  EXPECT_EQ(
      body("int", "  let lag = \"lag=42 ms\".parse(r\"lag=(?<lag>\\d+)\") as Lag\n  return lag.lag",
           "record Lag { lag: int }"),
      "42");
}

TEST(LowerFunctions, ConstantsAndDefaults) {
  EXPECT_EQ(result("list<string>", "names",
                   "const prefix = \"web\"\nconst names: list<string> = [\"${prefix}-1\", prefix]"),
            "[\"web-1\",\"web\"]");
  ScriptedWorld world(R"(
import "lib/hosts.rbk" as hosts

runbook r() -> list<string> {
  let h = hosts.Host { name: "x" }
  return [hosts.describe(h), "${hosts.limit}"]
}
)",
                      {{"lib/hosts.rbk", R"(
const limit = 5
const _base = 8000
record Host { name: string, port: int = 8080 }
fn describe(h: Host, base: int = _base + limit) -> string { return "${h.name}:${h.port} ${base}" }
)"}});
  EXPECT_EQ(world.run("r"), "=> succeeded [\"x:8080 8005\",\"5\"]\n");
}

TEST(LowerFunctions, CommandsAndUrls) {
  ScriptedWorld world(R"(
runbook r(name: string, files: list<string>, host: string = "h") {
  step a = shell("rm -f ${name} ${files}", env: env { PLAIN: name }) rollback none "x"
  let base: Url = "https://${host}/api"
  step b = http.get("${base}/hosts/${name}?q=${name}", query: map { "n": "1" }, accept: 200..204)
}
)");
  EXPECT_EQ(world.at("a", {ok(boost::json::object{})})
                .at("b", {ok(boost::json::object{})})
                .run("r", {{"name", "a b/c"}, {"files", {"x", "y'z"}}}),
            R"(begin a
do a: shell("rm -f 'a b/c' x 'y'\\''z'", {"PLAIN":"a b/c"}, [0], "5s")
end a ok {"exit_code":0,"stdout":"","stderr":"","truncated":false}
begin b
do b: http.get("https://h/api/hosts/a%20b%2Fc?q=a%20b%2Fc", {"n":"1"}, {"from":200,"to":204}, [], 5, "8MiB", "10s")
end b ok {"status":200,"headers":{},"body":"","json":null,"url":""}
=> succeeded
)");
}

}  // namespace
}  // namespace rbk::lower
