// What each mistake gets: code, place, and words of the message; and nothing besides.
#include "compiler/check/check_testing.h"
#include "compiler/diagnostics/fixes.h"

namespace rbk::check {
namespace {

struct Case {
  const char* name;
  const char* text;
  std::vector<std::string> expected;  // "RBK0100 2:5 fragment", by place
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class Mistakes : public ::testing::TestWithParam<Case> {};

TEST_P(Mistakes, AreTold) {
  static const std::map<std::string, std::string> files = {
      {"lib/a.rbk", "import \"b.rbk\" as b\nfn f() -> int {\n  return b.g()\n}\n"},
      {"lib/b.rbk", "import \"a.rbk\" as a\nfn g() -> int {\n  return a.f()\n}\n"},
      {"lib/mail", "#!/bin/sh\n"},
      {"plain", "echo\n"},
      {"lib/mail.rbk", "action send() writes = exec \"mail\"\n"},
      {"lib/c.rbk",
       "fn open() -> int {\n  return _closed()\n}\nfn _closed() -> int {\n  return 1\n}\n"},
  };
  const std::vector<std::string> found =
      testing::lines_of(testing::check_text(GetParam().text, files));
  std::string all;
  for (const std::string& line : found) all += line + "\n";
  ASSERT_EQ(found.size(), GetParam().expected.size()) << all;
  for (size_t i = 0; i < found.size(); ++i) {
    const std::string& wanted = GetParam().expected[i];
    const size_t fragment = wanted.find(' ', wanted.find(':'));
    EXPECT_TRUE(found[i].starts_with(wanted.substr(0, fragment) + " ")) << found[i] << "\n"
                                                                        << wanted;
    if (fragment == std::string::npos) continue;
    EXPECT_NE(found[i].find(wanted.substr(fragment + 1)), std::string::npos) << found[i] << "\n"
                                                                             << wanted;
  }
}

const Case kCases[] = {
    {"several_from_one_file",
     "fn f() -> int {\n  return nope\n}\nfn g() -> string {\n  return 1\n}\nrunbook r() {\n"
     "  log.inf(\"x\")\n}\n",
     {"RBK0100 2:10 `nope`", "RBK0200 5:10 expected `string`, found `int`", "RBK0106 8:7 `inf`"}},
    {"one_mistake_one_error",
     "runbook r() {\n  let a = nope\n  let b = a.x.y(1) + 2\n  log.info(\"${b}\")\n}\n",
     {"RBK0100 2:11 `nope`"}},
    {"import_cycle",
     "import \"lib/a.rbk\" as a\nfn f() -> int {\n  return a.f()\n}\n",
     {"lib/a.rbk RBK0109 1:8 lib/a.rbk -> lib/b.rbk -> lib/a.rbk"}},
    {"import_missing",
     "import \"nope.rbk\" as n\nfn f() -> int {\n  return n.x()\n}\n",
     {"RBK0108 1:8 `nope.rbk`"}},
    {"program_of_an_imported_file",
     "import \"lib/mail.rbk\" as mail\nrunbook r() {\n  step s = mail.send() rollback none "
     "\"x\"\n}\n",
     {}},
    {"program_missing",
     "action send() writes = exec \"mail\"\naction post() writes = exec \"lib/../../mail\"\n"
     "action call() writes = exec \"/bin/mail\"\naction ring() writes = exec \"${1}\"\n",
     {"RBK0117 1:29 `mail`", "RBK0117 2:29 `lib/../../mail`", "RBK0117 3:29 `/bin/mail`",
      "RBK0117 4:29"}},
    {"program_unfit", "action send() writes = exec \"plain\"\n", {"RBK0118 1:29 `plain`"}},
    {"cannot_pass",
     "record Job { work: Query, next: list<Job> }\n"
     "action a(job: list<Job>?) writes = exec \"lib/mail\"\n"
     "action b() -> map<string, Command> reads = exec \"lib/mail\"\n"
     "action c(command: Command) -> Url reads = exec \"lib/mail\"\n"
     "action d(token: secret) -> list<secret> writes = exec \"lib/mail\"\n"
     "action e() -> list<Query> reads = exec \"lib/mail\"\n",
     {"RBK0230 3:15 `Command`", "RBK0900 5:28 `secret`", "RBK0230 6:15 `Query`"}},
    {"import_outside",
     "import \"../../x.rbk\" as n\nfn f() -> int {\n  return n.x()\n}\n",
     {"RBK0120 1:8 `../../x.rbk`"}},
    {"import_outside_by_way_of_a_folder",
     "import \"lib/../../x.rbk\" as n\nfn f() -> int {\n  return n.x()\n}\n",
     {"RBK0120 1:8 `lib/../../x.rbk`"}},
    {"import_unused",
     "import \"lib/c.rbk\" as c\nfn f() -> int {\n  return 1\n}\n",
     {"RBK0110 1:23 `c` is never used"}},
    {"private",
     "import \"lib/c.rbk\" as c\nfn f() -> int {\n  return c._closed()\n}\n",
     {"RBK0107 3:12 `_closed`"}},
    {"unknown_annotation", "@strct\nrunbook r() {\n}\n", {"RBK0111 1:2 `@strct`"}},
    {"narrowed_by_and",
     "fn f(s: string?) -> int {\n  if s != null and s.length > 3 {\n    return s.length\n  }\n"
     "  return s.length\n}\n",
     {"RBK0207 5:10 may be null"}},
    {"narrowed_by_or",
     "fn f(s: string?) -> int {\n  if s == null or s.is_empty {\n    return 0\n  }\n"
     "  return s.length\n}\n",
     {}},
    {"narrowed_field",
     "record U { boss: string? }\nfn f(u: U) -> int {\n  if u.boss == null {\n    return 0\n  }\n"
     "  return u.boss.length\n}\n",
     {}},
    {"narrowed_var_is_forgotten_by_assignment",
     "fn g() -> string? {\n  return null\n}\nfn f() -> int {\n  var s = g()\n  if s == null {\n"
     "    return 0\n  }\n  let n = s.length\n  s = g()\n  return n + s.length\n}\n",
     {"RBK0207 11:14 may be null"}},
    {"narrowed_var_is_forgotten_in_a_loop",
     "fn g() -> string? {\n  return null\n}\nfn f() -> int {\n  var s = g()\n  var n = 0\n"
     "  if s == null {\n    return 0\n  }\n  for i in 1..3 {\n    n = n + s.length + i\n    s = "
     "g()\n  }\n"
     "  return n\n}\n",
     {"RBK0207 11:13 may be null"}},
    {"narrowed_by_require",
     "fn f(s: string?) -> int {\n  require s != null else \"s is needed\"\n  return s.length\n}\n",
     {}},
    {"narrowed_by_match",
     "fn f(s: string?) -> int {\n  return match s {\n    case null => 0\n    case _ => s.length\n  "
     "}\n}\n",
     {}},
    {"constant_overflow",
     "fn f() -> int {\n  return 9223372036854775807 + 1\n}\n",
     {"RBK0211 2:10 does not fit in a `int`"}},
    {"constant_division",
     "fn f(n: int) -> int {\n  return n / (1 - 1)\n}\n",
     {"RBK0212 2:12 division by zero"}},
    {"assign_in_branch",
     "runbook r(xs: list<int>) {\n  var sum = 0\n  parallel for x in xs {\n    sum = sum + x\n  }\n"
     "  log.info(\"${sum}\")\n}\n",
     {"RBK0307 4:5 `sum`"}},
    {"assign_in_lambda",
     "fn f(xs: list<int>) -> int {\n  var sum = 0\n  xs.each(fn(x) {\n    sum = sum + x\n  })\n"
     "  return sum\n}\n",
     {"RBK0301 4:5 `sum` of outside is changed in a `fn`"}},
    {"assign_in_rollback",
     "runbook r() {\n  var n = 0\n  step a = shell(\"true\")\n    rollback { n = 1 }\n"
     "  log.info(\"${n}\")\n}\n",
     {"RBK0216 4:16 `n`"}},
    {"action_outside_step",
     "runbook r() {\n  shell(\"true\")\n}\n",
     {"RBK0300 2:3 `shell` acts on the world"}},
    {"action_in_a_step_block",
     "runbook r() {\n  step a {\n    let out = shell(\"true\")\n    out.stdout\n  }\n}\n",
     {"RBK0300 3:15 `shell`"}},
    {"action_in_fn", "fn f() {\n  shell(\"true\")\n}\n", {"RBK0301 2:3 `shell` is called"}},
    {"action_in_lambda",
     "runbook r(xs: list<string>) {\n  xs.each(fn(x) {\n    log.info(x)\n  })\n}\n",
     {"RBK0301 3:5 `log.info`"}},
    {"no_rollback",
     "runbook r() {\n  step a = shell(\"true\")\n  step b = shell(\"true\")\n}\n",
     {"RBK0302 2:8 `shell` writes"}},
    {"no_rollback_after_commit",
     "runbook r() {\n  step a = shell(\"true\")\n  commit \"done\"\n  step b = "
     "shell(\"true\")\n}\n",
     {}},
    {"no_rollback_in_a_loop",
     "runbook r(xs: list<string>) {\n  for x in xs {\n    step a = shell(\"rm ${x}\")\n  }\n}\n",
     {"RBK0302 3:10 `shell` writes"}},
    {"no_rollback_in_a_try",
     "runbook r() {\n  step a = shell(\"true\")\n  try {\n    step b = shell(\"true\") reads\n"
     "  } catch e {\n    log.info(e.message)\n  }\n}\n",
     {}},
    {"strict_makes_it_an_error",
     "@strict\nrunbook r() {\n  step a = shell(\"true\")\n  step b = shell(\"true\")\n}\n",
     {"RBK0302 3:8 `shell` writes"}},
    {"suppressed",
     "@suppress(RBK0302)\nrunbook r() {\n  step a = shell(\"true\")\n  step b = "
     "shell(\"true\")\n}\n",
     {}},
    {"suppressed_by_no_code",
     "@suppress(RBK9999)\nrunbook r() {\n}\n@suppress\nrunbook s() {\n}\n@suppress(RBK0200)\n"
     "runbook t() {\n}\n",
     {"RBK0116 1:11 `RBK9999`", "RBK0203 4:2 `@suppress`", "RBK0116 7:11 `RBK0200`"}},
    {"timeout_without_doubt",
     "runbook r() {\n  step a = shell(\"true\")\n    timeout 5s\n    rollback none "
     "\"harmless\"\n}\n",
     {"RBK0303 3:5 whether `shell` took effect"}},
    {"timeout_with_retry_on_timeout",
     "runbook r() {\n  step a = shell(\"true\")\n    timeout 5s\n    retry 2 times on Timeout\n"
     "    rollback none \"harmless\"\n}\n",
     {}},
    {"longer_than_timeout",
     "runbook r() {\n  step outer timeout 1m {\n    step a = shell(\"true\") reads timeout 5m\n  "
     "}\n}\n",
     {"RBK0056 2:14 `timeout`"}},
    {"longer_than_the_timeout_around",
     "runbook r() {\n  step outer {\n    step a = shell(\"true\") reads timeout 5m\n    wait 2m\n"
     "  }\n    timeout 1m\n}\n",
     {"RBK0304 3:34 5m", "RBK0304 4:5 2m"}},
    {"return_in_step",
     "runbook r() -> int {\n  step a {\n    return 1\n  }\n  return 2\n}\n",
     {"RBK0305 3:5 a step"}},
    {"break_out_of_a_step",
     "runbook r() {\n  for i in 1..3 {\n    step a {\n      log.info(\"${i}\")\n      break\n    "
     "}\n  }\n}\n",
     {"RBK0306 5:7 `break`"}},
    {"handler_in_the_middle",
     "runbook r() {\n  after failure e {\n    log.info(e.message)\n  }\n  log.info(\"x\")\n}\n",
     {"RBK0308 2:3 `after failure e`"}},
    {"handler_sees_names_that_may_be_absent",
     "runbook r(host: string) {\n  let upper = host.upper()\n  log.info(upper)\n  after failure e "
     "{\n"
     "    log.info(\"${host} ${e.message}\")\n    log.info(upper)\n    if upper != null {\n"
     "      log.info(upper)\n    }\n  }\n}\n",
     {"RBK0207 6:14 may be null"}},
    {"rollback_sees_its_step_s_output",
     "runbook r() {\n  step a = shell(\"mktemp\")\n    rollback {\n      if a != null {\n"
     "        shell(\"rm ${a.stdout}\")\n      }\n    }\n}\n",
     {}},
    {"doubt_on_reads",
     "runbook r() {\n  step a = shell(\"true\")\n    reads\n    on doubt retry\n}\n",
     {"RBK0325 4:5 `shell` is never in doubt"}},
    {"verify",
     "runbook r() {\n  step a = shell(\"true\")\n    on doubt verify {\n"
     "      let seen = http.get(\"http://x/y\", also_accept: [404])\n      match seen.status {\n"
     "        case 404 => .not_done\n        case _ => .done(shell.Output { stdout: seen.body })\n"
     "      }\n    }\n    rollback none \"harmless\"\n}\n",
     {}},
    {"verify_writes",
     "runbook r() {\n  step a = shell(\"true\")\n    on doubt verify {\n      shell(\"true\")\n"
     "      Doubt.unknown\n    }\n    rollback none \"harmless\"\n}\n",
     {"RBK0310 4:7 `shell` writes"}},
    {"parallel_needs_steps",
     "runbook r() {\n  parallel {\n    log.info(\"x\")\n  }\n}\n",
     {"RBK0313 3:5 `parallel`"}},
    {"siblings_do_not_see_each_other",
     "runbook r() {\n  parallel {\n    step a = shell(\"true\") reads\n"
     "    step b = shell(\"echo ${a.stdout}\") reads\n  }\n  log.info(a.stdout)\n}\n",
     {"RBK0100 4:28 `a`"}},
    {"parallel_steps_may_have_failed",
     "runbook r() {\n  parallel on failure continue {\n    step a = shell(\"true\") reads\n  }\n"
     "  if a.ok {\n    log.info(a.value.stdout)\n  }\n  log.info(a.stdout)\n}\n",
     {"RBK0103 8:14 `Result<shell.Output>`"}},
    {"secret_in_text",
     "runbook r(t: secret) {\n  log.info(\"t is ${t}\")\n}\n",
     {"RBK0400 2:20 shown by this text"}},
    {"secret_as_argument",
     "runbook r(t: secret) {\n  log.info(t)\n}\n",
     {"RBK0400 2:12 `message` of `log.info`"}},
    {"secret_in_json",
     "runbook r(t: secret) {\n  step a = http.post(\"http://x/\", json: json { t })\n}\n",
     {"RBK0400 2:48 `json`"}},
    {"secret_in_command",
     "runbook r(t: secret) {\n  step a = shell(\"echo ${t}\") reads\n}\n",
     {"RBK0400 2:26 this command"}},
    {"secret_as_output",
     "runbook r(t: secret) -> secret {\n  return t\n}\n",
     {"RBK0400 1:25 output of `r`"}},
    {"secret_where_it_may_go",
     "runbook r(t: secret) {\n  step a = shell(\"env\", env: env { T: t }) reads\n"
     "  step b = http.get(\"http://x/\", bearer: t)\n}\n",
     {}},
    {"secret_in_a_record",
     "record Login { user: string, password: secret }\nrunbook r(t: secret) {\n"
     "  let login = Login { user: \"a\", password: t }\n"
     "  step a = http.post(\"http://x/\", json: json { login }) idempotent\n"
     "  log.info(\"${login == login}\")\n"
     "  step b = http.get(\"http://x/\", bearer: login.password)\n}\n",
     {"RBK0400 4:48 `json`", "RBK0228 5:15 `Login`"}},
    {"secret_as_a_steps_output",
     "runbook r(t: secret) {\n  step a {\n    t\n  }\n}\n",
     {"RBK0400 2:8 output of `a`"}},
    {"secret_in_an_error",
     "error Bad { token: secret }\nrunbook r(t: secret) {\n  fail Bad { token: t }\n}\n",
     {"RBK0400 1:13 the error `Bad`"}},
    {"secret_that_may_be_missing",
     "runbook r(t: secret? = null) {\n  if t != null {\n"
     "    step a = http.get(\"http://x/\", bearer: t)\n  }\n}\n",
     {}},
    {"secret_from_outside",
     "record Login { user: string, password: secret }\nrunbook r(t: secret, j: json) {\n"
     "  let a = j as Login\n  step b = http.get(\"http://x/\", bearer: a.password)\n}\n",
     {"RBK0225 3:11 `Login`"}},
    {"secret_taken_apart",
     "record Login { user: string, password: secret }\nrunbook r(l: Login, t: secret?) {\n"
     "  let user = match l {\n    case Login { user, password: _ } => user\n  }\n"
     "  let told = match t {\n    case null => \"no\"\n    case _ => \"yes\"\n  }\n"
     "  log.info(\"${user} ${told}\")\n}\n",
     {}},
    {"secret_by_name",
     "runbook r(prod: bool) {\n  let t = if prod { secrets.a } else { secrets.b }\n"
     "  step b = http.get(\"http://x/\", bearer: t)\n  log.info(\"${secrets.a}\")\n}\n",
     {"RBK0400 4:15 this text"}},
    {"plain_string_as_command",
     "runbook r(c: string) {\n  step a = shell(c) reads\n}\n",
     {"RBK0401 2:18 `Command`"}},
    {"value_in_double_quotes",
     "runbook r(f: string) {\n  step a = shell(\"rm \\\"${f}\\\"\") reads\n}\n",
     {"RBK0402 2:24 double quotes"}},
    {"value_in_single_quotes",
     "runbook r(f: string) {\n  step a = shell(\"rm 'x ${f}'\") reads\n}\n",
     {"RBK0402 2:25 single quotes"}},
    {"value_in_substitution",
     "runbook r(f: string) {\n  step a = shell(\"echo $(cat ${f})\") reads\n}\n",
     {"RBK0402 2:30 `$(…)`"}},
    {"value_in_backticks",
     "runbook r(f: string) {\n  step a = shell(\"echo `cat ${f}`\") reads\n}\n",
     {"RBK0402 2:29 backticks"}},
    {"value_in_here_document",
     "runbook r(f: string) {\n  step a = shell(\"cat <<EOF\\n${f}\\nEOF\\necho ${f}\") reads\n}\n",
     {"RBK0402 2:30 here-document"}},
    {"value_after_backslash",
     "runbook r(f: string) {\n  step a = shell(\"echo \\\\${f}\") reads\n}\n",
     {"RBK0402 2:26 escape"}},
    {"value_in_comment",
     "runbook r(f: string) {\n  step a = shell(\"true # ${f}\") reads\n}\n",
     {"RBK0402 2:26 comment"}},
    {"name_of_the_shell",
     "runbook r() {\n  step a = shell(\"echo ${HOME}\") reads\n}\n",
     {"RBK0403 2:26 `${HOME}`"}},
    {"list_in_part_of_a_word",
     "runbook r(xs: list<string>) {\n  step a = shell(\"ls --x=${xs}\") reads\n"
     "  step b = shell(\"ls ${xs}\") reads\n}\n",
     {"RBK0406 2:28 part of a word"}},
    {"url_without_scheme",
     "runbook r() {\n  step a = http.get(\"example.com\")\n}\n",
     {"RBK0404 2:21 no scheme"}},
    {"string_at_the_head_of_a_url",
     "runbook r(u: string) {\n  step a = http.get(\"${u}/x\")\n}\n",
     {"RBK0406 2:24 URL's head"}},
    {"glued_to_a_url",
     "runbook r(u: Url) {\n  step a = http.get(\"${u}.evil.com/x\")\n}\n",
     {"RBK0404 2:26 after a whole `Url`"}},
    {"raw_command",
     "runbook r(c: string) {\n  step a = shell(shell.raw(c)) reads\n}\n",
     {"RBK0405 2:18 `shell.raw`"}},
    {"default_outside_where",
     "runbook r(n: int = 20 where n in 1..10) {\n  log.info(\"${n}\")\n}\n",
     {"RBK0500 1:20 `n`"}},
    {"argument_outside_where",
     "runbook inner(n: int where n in 1..10) {\n  log.info(\"${n}\")\n}\nrunbook r() {\n"
     "  step a = inner(15)\n}\n",
     {"RBK0501 5:18 `15`"}},
    {"argument_that_does_not_match",
     "runbook inner(s: string where s matches r\"^[a-z]+$\") {\n  log.info(s)\n}\nrunbook r() {\n"
     "  step a = inner(\"Web 1\")\n  step b = inner(\"web\")\n}\n",
     {"RBK0501 5:18 `\"Web 1\"`"}},
    {"where_of_a_later_parameter",
     "runbook r(a: int where a < b, b: int) {\n  log.info(\"${a} ${b}\")\n}\n",
     {"RBK0503 1:28 `a`"}},
    {"command_from_outside",
     "runbook r(c: Command) {\n  step a = shell(c) reads\n}\n",
     {"RBK0502 1:14 `Command`"}},
    {"constants_in_a_circle", "const a = b + 1\nconst b = a + 1\n", {"RBK0229 1:7 `a`"}},
    {"int_where_float_is_wanted",
     "fn f() -> float {\n  return 1\n}\n",
     {"RBK0233 2:10 expected `float`, found `int`"}},
    {"int_and_float",
     "fn f(x: float) -> float {\n  return x * 2\n}\n",
     {"RBK0238 2:12 `*` does not work on `float` and `int`"}},
    {"question_mark_on_what_is_never_null",
     "fn f(s: string) -> int {\n  return s?.length\n}\n",
     {"RBK0206 2:11 `?.`"}},
    {"function_without_parentheses",
     "fn f(s: string) -> string {\n  return s.trim\n}\n",
     {"RBK0113 2:12 `trim` is a function"}},
    {"property_with_parentheses",
     "fn f(s: string) -> int {\n  return s.length()\n}\n",
     {"RBK0205 2:12 `length`"}},
    {"lock",
     "runbook r() {\n  lock \"x\" limit 0 {\n    log.info(\"x\")\n  }\n}\n",
     {"RBK0327 2:18 `limit` cannot be 0"}},
    {"lock_by_a_number",
     "runbook r()\n  max 0\n  exclusive 5\n{\n  log.info(\"x\")\n}\n",
     {"RBK0327 2:7 `max` cannot be 0", "RBK0200 3:13 expected `string`"}},
    {"lock_in_a_fn",
     "fn f() {\n  lock \"x\" {\n    let a = 1\n  }\n}\nrunbook r() {\n  f()\n}\n",
     {"RBK0301 2:3 `lock`"}},
    {"ask",
     "runbook r() {\n  ask what \"which?\" {\n    by starter\n    form { n: int }\n"
     "    expires 1h then reject\n  }\n  log.info(\"${what.n}\")\n}\n",
     {"RBK0320 5:5 `then reject`"}},
    {"wait_for_signal",
     "runbook r() {\n  let g = wait for signal go: int\n  log.info(\"${g.payload}\")\n"
     "  wait for signal go\n}\n",
     {"RBK0231 4:19 `go`"}},
    {"start", "runbook i() {\n}\nrunbook r() {\n  step a = start i()\n}\n", {}},
    {"start_action",
     "runbook r() {\n  step a = start shell(\"true\") reads\n}\n",
     {"RBK0319 2:18 `shell`"}},
    {"detach",
     "runbook i() {\n}\nrunbook r() {\n  step a = detach i()\n    rollback none \"it ends by "
     "itself\"\n"
     "    timeout 5m\n  log.info(a.id)\n}\n",
     {"RBK0309 6:5 `timeout`"}},
    {"detach_is_left_behind",
     "runbook i() {\n}\nrunbook r() {\n  step a = detach i()\n  step b = shell(\"true\") "
     "reads\n}\n",
     {"RBK0302 4:8 `i`"}},
    {"approval",
     "runbook r() {\n  approval go \"sure?\" {\n    by group \"sre\"\n    not by user \"eve\"\n"
     "    quorum 2\n    form { ticket: string where ticket matches r\"^OPS-\\d+$\" }\n"
     "    expires 4h then reject\n  }\n  log.info(go.ticket)\n"
     "  log.info(go.approvers.join(\", \"))\n}\n",
     {}},
    {"approval_escalates",
     "runbook r() {\n  approval go \"sure?\" {\n    by group \"sre\"\n"
     "    expires 4h then escalate group \"boss\"\n  }\n}\n",
     {"RBK0315 4:30 nobody is in the group `boss`"}},
    {"error_kinds_are_matched",
     "runbook r() {\n  try {\n    step a = shell(\"false\") reads\n  } catch e {\n    match e {\n"
     "      case ShellError { exit_code, message } if exit_code == 3 => log.info(message)\n"
     "      case http.ServerError { status } => log.info(\"${status}\")\n"
     "      case Timeout { } => log.info(\"late\")\n      case _ => log.info(e.message)\n    }\n  "
     "}\n}\n",
     {}},
    {"errors_need_a_rest",
     "fn f(e: error) -> int {\n  return match e {\n    case Timeout { } => 1\n  }\n}\n",
     {"RBK0213 2:10 every other value"}},
    {"nested_patterns_are_exhaustive",
     "enum E { a(x: bool), b }\nfn f(e: E) -> int {\n  return match e {\n    case .a(true) => 1\n"
     "    case .b => 2\n  }\n}\n",
     {"RBK0213 3:10 `.a(false)`"}},
    {"results",
     "runbook r(xs: list<string>) -> int {\n"
     "  let all = parallel for x in xs on failure continue {\n"
     "    step a = shell(\"ls ${x}\") reads\n    a.stdout\n  }\n"
     "  for one in all {\n    match one {\n      case .ok(out) => log.info(out)\n"
     "      case .err(e) => log.warn(e.message)\n    }\n  }\n  return all.errors.length\n}\n",
     {}},
    {"what_may_be_null_is_one_mistake",
     "runbook r(s: string? = null) {\n  log.info(s.trim().upper() ?? \"-\")\n}\n",
     {"RBK0207 2:12 found `string?`"}},
    {"a_step_in_a_fn_is_one_mistake",
     "fn f() -> int {\n  step a = shell(\"true\")\n  step b {\n    step c = shell(\"true\")\n  }\n"
     "  return 1\n}\n",
     {"RBK0301 2:3 a step in a `fn`", "RBK0301 3:3 a step in a `fn`"}},
    {"a_lambda_with_a_block",
     "fn f(xs: list<string>) -> list<int> {\n  return xs.map(fn(x) {\n    let n = x.length\n"
     "    return n + 1\n  })\n}\n",
     {}},
    {"a_lambda_that_gives_two_types",
     "fn f(xs: list<string>) -> int {\n  return xs.map(fn(x) {\n    if x == \"\" {\n      return "
     "1\n"
     "    }\n    return \"a\"\n  }).length\n}\n",
     {"RBK0200 6:12 found `string`"}},
    {"retry_of_one_kind_sees_its_fields",
     "runbook r() {\n  step a = shell(\"false\") reads retry 2 times on ShellError if "
     "error.exit_code == 75\n"
     "  step b = shell(\"false\") reads retry 2 times on ShellError, Timeout if error.exit_code == "
     "75\n  step c = shell(\"false\") reads retry 2 times if error.exit_cod == 75\n}\n",
     {"RBK0103 4:56 `exit_cod`"}},
};

INSTANTIATE_TEST_SUITE_P(All, Mistakes, ::testing::ValuesIn(kCases),
                         [](const auto& given) { return std::string(given.param.name); });

/// Every fix that `--fix` would apply leaves fewer mistakes, and none that was not there before.
TEST(Fixes, LeaveFewerMistakes) {
  size_t applied_count = 0;
  for (const Case& one : kCases) {
    const CheckedProgram before = testing::check_text(one.text);
    const auto found = before.diagnostics.sorted();
    const auto applied = diagnostics::apply_fixes(before.sources.get(0), found);
    if (applied.count == 0) continue;
    applied_count += applied.count;
    const CheckedProgram after = testing::check_text(applied.text);
    EXPECT_LT(after.diagnostics.sorted().size(), found.size()) << one.name << "\n" << applied.text;
    for (const auto& left : after.diagnostics.sorted()) {
      EXPECT_TRUE(std::any_of(found.begin(), found.end(),
                              [&](const auto& known) { return known.code == left.code; }))
          << one.name << ": " << left.message << "\n"
          << applied.text;
    }
  }
  EXPECT_GE(applied_count, 6u);
}

TEST(NumbersOfClauses, AreToldWithTheirCure) {
  const CheckedProgram program = testing::check_text(
      "runbook r(hosts: list<string>) {\n"
      "  step a = shell(\"true\") reads timeout -1s retry -1 times backoff -1s\n"
      "  parallel for h in hosts limit -1 on failure tolerate -1 {\n"
      "    step b = shell(\"ls ${h}\") reads\n  }\n"
      "  repeat every -1s at most -1 times {\n    step c = shell(\"ls\") reads\n"
      "    until c.exit_code == 0\n  }\n"
      "  wait -1s\n"
      "  approval go \"?\" {\n    by group \"sre\"\n    quorum -1\n    expires -1h then reject\n  "
      "}\n"
      "  step d = inner(-1)\n}\n"
      "runbook inner(n: int where n in 1..9) {\n  log.info(\"${n}\")\n}\n");
  const auto found = program.diagnostics.sorted();
  EXPECT_EQ(found.size(), 11u);
  for (const auto& one : found) {
    const bool has_where = one.message.ends_with("of `n`");
    EXPECT_EQ(one.code,
              has_where ? diagnostics::Code::kOutsideWhere : diagnostics::Code::kClauseValue)
        << one.message;
    EXPECT_TRUE(one.hint.starts_with("write ") || one.hint.starts_with("give ")) << one.message;
  }
}

TEST(LanguageExample, GetsJustWhatIsNotThereYet) {
  std::string page = testing::read_source_file("compiler/check/testdata/restart_service.rbk");
  ASSERT_FALSE(page.empty());
  const std::map<std::string, std::string> files = {
      {"lib/inventory.rbk",
       "enum Env { staging, prod }\nrunbook hosts(service: string, env: string) -> list<string> {\n"
       "  step out = shell(\"list ${service} ${env}\") reads\n  return out.stdout.lines\n}\n"}};
  const std::vector<std::string> found = testing::lines_of(testing::check_text(page, files));
  std::string all;
  for (const std::string& line : found) all += line + "\n";
  EXPECT_EQ(all,
            "RBK0900 58:115 `run.url` is not supported yet\n"
            "RBK0900 71:9 the module `slack` is not supported yet\n");
}

TEST(StandardModules, AreParsedOnlyWhenUsed) {
  EXPECT_EQ(testing::check_text("runbook r() {\n  log.info(\"hello\")\n}\n").modules.size(), 1u);
  EXPECT_EQ(
      testing::check_text("runbook r() {\n  step a = shell(\"true\") reads\n}\n").modules.size(),
      2u);
}

TEST(StandardModules, HaveNoMistakes) {
  const CheckedProgram program = testing::check_text(
      "runbook r() {\n  step a = shell(\"true\") reads\n  step b = http.get(\"http://x/\")\n"
      "    retry 2 times on Timeout\n}\n");
  for (const std::string& line : testing::lines_of(program)) ADD_FAILURE() << line;
  EXPECT_EQ(program.modules.size(), 4u);
}

}  // namespace
}  // namespace rbk::check
