// One mistake gives one error.
#include <gtest/gtest.h>

#include "compiler/check/check_testing.h"

namespace rbk::check {
namespace {

struct Case {
  const char* what;
  const char* text;
  std::vector<std::string> errors;
};

const Case kCases[] = {
    {"a name that nobody declared, used more than once",
     "runbook r() {\n  let pae = 1\n  log.info(\"${page} ${page}\")\n"
     "  step s = shell(\"echo ${page}\") reads\n}\n",
     {"RBK0100 3:15"}},
    {"the same name in two runbooks: two mistakes",
     "runbook a() {\n  log.info(\"${x}\")\n}\nrunbook b() {\n  log.info(\"${x}\")\n}\n",
     {"RBK0100 2:15", "RBK0100 5:15"}},
    {"a field and a member that are not there",
     "record R { a: int }\nenum E { x, y }\nfn f(r: R) -> int { return r.b + r.b }\n"
     "fn g(e: E) -> int { return if e == .z { 1 } else if e == E.z { 2 } else { 3 } }\n",
     {"RBK0103 3:30", "RBK0104 4:37"}},
    {"a match over a member that is not there",
     "enum E { x, y }\nfn g(e: E) -> int {\n  return match e {\n    case .x => 1\n"
     "    case .z => 2\n  }\n}\n",
     {"RBK0104 5:11"}},
    {"a statement that declares and can't be read",
     "runbook r() {\n  lte xs = [1, 2]\n  log.info(\"${xs} ${xs.length}\")\n}\n",
     {"RBK0028 2:3"}},
    {"the value of a statement that can't be read",
     "runbook r() {\n  let rs = parallel for n in [1, 2] on continue {\n"
     "    step s = shell(\"true\") reads\n    n\n  }\n  "
     "log.info(\"${rs.oks().length}\")\n}\n",
     {"RBK0014 2:37"}},
    {"a parameter that can't be read",
     "runbook r(a int, b: string, c: list<int>) {\n  log.info(\"${a} ${b}\")\n"
     "  for x in c { log.info(\"${x}\") }\n}\n",
     {"RBK0012 1:13"}},
    {"a head that can't be read, and its callers",
     "fn f(a: int) int {\n  return a\n}\nrunbook r() {\n  log.info(\"${f(1) + f(2)}\")\n}\n",
     {"RBK0014 1:14"}},
    {"an enum and a record that can't be read in full",
     "enum E { , staging, prod }\nrecord R { : string, path: string }\n"
     "runbook r(e: E, r: R) {\n  let a = match e { case .dev => 1; case .prod => 2 }\n"
     "  log.info(\"${a} ${r.name} ${r.path}\")\n}\n",
     {"RBK0011 1:10", "RBK0011 2:12"}},
    {"a text that does not end",
     "runbook r(x: string) {\n  let t = \"\"\"\n    one\n  log.info(t)\n"
     "  step s = shell(\"echo \\\"${x}\\\"\") reads\n  step u = shell(\"\"\"\n    ls ${x}\n"
     "    \"\"\") reads\n  _later(x)\n}\nrunbook _later(y: string) {\n  log.info(y)\n}\n",
     {"RBK0003 2:11"}}};

TEST(Consequences, OneMistakeGivesOneError) {
  for (const Case& one : kCases) {
    std::vector<std::string> found;
    for (const std::string& line : testing::lines_of(testing::check_text(one.text)))
      found.push_back(line.substr(0, line.find(' ', line.find(' ') + 1)));
    EXPECT_EQ(found, one.errors) << one.what;
  }
}

}  // namespace
}  // namespace rbk::check
