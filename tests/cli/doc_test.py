#!/usr/bin/env python3
"""The reference, as `rbk doc` shows it: of the standard modules, the functions of values, and the user's files."""
import re
import unittest

import rbk

FILE = '''//! Runbooks of the shop.

/// Where it runs.
enum Env {
  staging
  /// Customers see it.
  prod
}
record Report { done: list<string>, failed: int = 0 }
error NoSpace { free: size }
const limit: int = 3

/// Restarts it. And more
/// than that.
///
/// ```rbk
/// step a = restart("api")
/// ```
runbook restart(
  /// The service's name.
  service: string where service matches r"^[a-z]+$",
  env: Env = .staging,
) -> Report {
  return Report { done: [service] }
}
fn _double(n: int) -> int {
  return 2 * n
}
'''


class Doc(rbk.Case):
    def test_every_name_has_a_page(self):
        names = 0
        for module in self.rbk("doc", "--json").lines():
            self.rbk("doc", module["module"])
            for name in module["names"]:
                names += 1
                page = self.rbk("doc", name).out
                head = re.sub(r"<[^.(]*>(?=\.)", "", page.split("\n")[0])  # list<T>.first
                self.assertIn(name, head, page)
            for entry in self.rbk("doc", "--json", module["module"]).lines()[1:]:
                self.assertTrue(entry["doc"], entry["name"])
        self.assertGreater(names, 150)

    def test_an_action(self):
        out = self.rbk("doc", "http.get").out
        for line in (
            "http.get(url: Url, …) -> Response",
            "action, reads",
            '    step health = http.get("https://${host}/health", accept: 200..503)',
            "  bearer: secret? = null              Sent as `Authorization: Bearer …`.",
            "gives http.Response",
        ):
            self.assertIn(line + "\n", out)
        self.assertRegex(out, r"may fail with\n  http\.ServerError  +The server failed")
        (entry,) = self.rbk("doc", "http.get", "--json").lines()
        self.assertEqual(entry["kind"], "action")
        self.assertEqual(entry["behaviour"], "reads")
        self.assertEqual(entry["parameters"][0], {"name": "url", "type": "Url"})
        self.assertTrue(entry["signature"].startswith("http.get(url: Url, query: map<string, string>? = null, "))

    def test_a_module_that_is_an_action(self):
        out = self.rbk("doc", "shell").out
        self.assertIn("\nshell(command: Command, …) -> Output\naction, writes\n", out)
        self.assertIn("ShellError", out)
        self.assertIn("  shell.Output ", out)

    def test_a_function_of_values(self):
        out = self.rbk("doc", "string.split").out
        self.assertIn("string.split(separator: string) -> list<string>\n", out)
        self.assertIn('\n\n    "a,b,".split(",") == ["a", "b", ""]\n', out)
        self.assertEqual(self.rbk("doc", "string.split()").out, out)
        self.assertEqual(self.rbk("doc", "split").out, out)
        self.assertIn("without parentheses", self.rbk("doc", "string.lines").out)
        self.assertIn("  list<Ordered>.sort() -> list<Ordered> ", self.rbk("doc", "list").out)
        self.assertIn("int.parse(text: string) -> int\n", self.rbk("doc", "int.parse").out)
        several = self.rbk("doc", "get").out
        self.assertIn("http.get(", several)
        self.assertIn("map<K, V>.get(", several)

    def test_every_declared_function_is_shown(self):
        declared = [line for file in (rbk.ROOT / "stdlib/values").glob("*.rbk")
                    for line in file.read_text().splitlines() if line.startswith("fn ")]
        listed = [m for m in self.rbk("doc", "--json").lines() if m["kind"] == "type"]
        self.assertEqual(sum(len(m["names"]) for m in listed), len(declared))
        shown = self.rbk("doc", "list").out
        for line in declared:
            if line.startswith("fn list<"):
                self.assertIn("  " + line.removeprefix("fn ").removesuffix(" = native"), shown)

    def test_a_file(self):
        self.write("shop.rbk", FILE)
        out = self.rbk("doc", "shop.rbk").out
        self.assertIn("Runbooks of the shop.\n", out)
        self.assertRegex(out, r"runbooks\n  restart\(service: string, …\) -> Report +Restarts it\.\n")
        self.assertRegex(out, r"enums\n  Env +Where it runs\.\n")
        self.assertNotIn("_double", out)
        out = self.rbk("doc", "shop.rbk:restart").out
        self.assertIn('  service: string      The service\'s name. Where service matches r"^[a-z]+$".\n', out)
        self.assertIn("gives Report\n  done: list<string>\n  failed: int = 0\n", out)
        self.assertIn("  prod     Customers see it.\n", self.rbk("doc", "shop.rbk:Env").out)
        self.assertIn("_double(n: int) -> int", self.rbk("doc", "shop.rbk:_double").out)
        self.assertIn("const limit: int = 3", self.rbk("doc", "shop.rbk:limit").out)
        (entry,) = self.rbk("doc", "shop.rbk:restart", "--json").lines()
        self.assertEqual(entry["parameters"][0]["where"], ['service matches r"^[a-z]+$"'])
        self.assertEqual(entry["result"], "Report")

    def test_an_own_action(self):
        self.write("own.rbk", '/// Pages somebody.\naction page(to: string) -> string writes = exec "plugins/page"\nerror NoPager { why: string }\n')
        out = self.rbk("doc", "own.rbk:page").out
        self.assertIn("page(to: string) -> string\naction, writes, a program of the project\n", out)
        for kind in ("NoPager", "Timeout", "ExecError"):
            self.assertIn(f"  {kind} ", out)

    def test_two_words_are_one_name(self):
        self.write("shop.rbk", FILE)
        self.assertEqual(self.rbk("doc", "http", "get").out, self.rbk("doc", "http.get").out)
        self.assertEqual(self.rbk("doc", "shop.rbk", "Env").out, self.rbk("doc", "shop.rbk:Env").out)

    def test_mistakes(self):
        self.write("shop.rbk", FILE)
        self.write("bad.rbk", "runbook r( {\n}\n")
        for word, told in (
            ("htp.get", "did you mean `rbk doc http.get`?"),
            ("http.pst", "did you mean `rbk doc http.post`?"),
            ("string.lnes", "did you mean `rbk doc string.lines`?"),
            ("shellerror", "did you mean `rbk doc ShellError`?"),
            ("nothing_like_it", "`rbk doc` lists what there is"),
            ("run.note", "steps.md"),
            ("Command", "templates.md"),
            ("shop.rbk:restrt", "did you mean shop.rbk:restart?"),
            ("shop.rbk:zzz", "`rbk doc shop.rbk` lists"),
            ("none.rbk", "none.rbk cannot be read"),
            ("bad.rbk", "RBK00"),
        ):
            with self.subTest(word):
                self.assertIn(told, self.rbk("doc", word, exit=rbk.USAGE).err)


if __name__ == "__main__":
    unittest.main()
