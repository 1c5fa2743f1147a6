#!/usr/bin/env python3
"""What two versions of a runbook do differently, as `rbk diff` tells it."""
import unittest

import rbk

OLD = '''runbook drain(host: string, batch: int = 1 where batch in 1..10, token: secret) {
  approval go "Drain?" { by group "sre" }
  step out = http.post("https://lb.example.com/${host}", bearer: token) timeout 1m
    rollback { http.put("https://lb.example.com/${host}") timeout 1m }
  log.info("${batch}")
}
runbook gone() {
  log.info("x")
}
'''
NEW = '''runbook drain(host: string, batch: int = 1 where batch in 1..20, token: secret, key: secret) {
  step out = http.delete("https://lb.example.com/${host}", bearer: token) timeout 1m
    rollback none "x"
  step more = shell("sync", env: env { KEY: key }) timeout 1m on doubt retry rollback none "x"
  log.info("${batch}")
}
runbook fresh() {
  log.info("x")
}
runbook _private() {
  log.info("x")
}
'''


class Diff(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("old.rbk", OLD)
        self.write("new.rbk", NEW)

    def test_each_difference_is_a_line(self):
        done = self.rbk("diff", "old.rbk", "new.rbk", exit=1)
        self.assertEqual(done.err, "")
        for line in (
            "drain",
            "    takes the new parameter `key: secret`, which must be given",
            "  ! parameter `batch` may be in 1..20, was in 1..10",
            "  ! requests DELETE https://lb.example.com/${host}, in out",
            "  ! reads the secret key, in more",
            "  ! drops the approval `go`",
            '  ! no longer undoes step `out`: none "x"',
            "    has the step `more` (writes, shell)",
            "gone\n    is gone",
            "fresh\n  ! is new",
        ):
            self.assertIn(line + "\n", done.out)
        self.assertNotIn("_private", done.out)

    def test_the_same_is_0(self):
        done = self.rbk("diff", "old.rbk", "old.rbk")
        self.assertEqual(done.out, "no differences in what they do\n")
        self.assertEqual(self.rbk("diff", "--json", "old.rbk", "old.rbk").out, "")

    def test_json(self):
        lines = self.rbk("diff", "old.rbk", "new.rbk", "--json", exit=1).lines()
        self.assertIn(
            {"runbook": "drain", "change": "changed", "what": "parameter", "name": "batch", "aspect": "where",
             "before": "batch in 1..10", "after": "batch in 1..20", "widens": True,
             "text": "parameter `batch` may be in 1..20, was in 1..10"},
            lines,
        )  # fmt: skip
        self.assertIn("approval", {line["what"] for line in lines if line["change"] == "removed" and line["widens"]})

    def test_what_holds_back(self):
        old = """runbook r(hosts: list<string>) {
  require hosts.length > 2 else "too few"
  let _go = wait for signal go by group "sre" timeout 1h
  parallel for host in hosts limit 2 {
    hold 10m every 1m { require host != "" }
  }
  if hosts.length > 5 {
    step many = shell("sync") timeout 1m on doubt ask rollback none "x"
  }
  wait 5m
}
"""
        new = old.replace("> 2", "> 1").replace(' by group "sre"', "").replace("limit 2", "limit 9")
        new = new.replace("hold 10m", "hold 1m").replace("> 5", "> 3").replace("doubt ask", "doubt retry")
        self.write("a.rbk", old)
        self.write("b.rbk", new.replace("  wait 5m\n", ""))
        done = self.rbk("diff", "a.rbk", "b.rbk", exit=1)
        for line in (
            '! the signal `go` may come from anybody, was group "sre"',
            "! `on doubt` of step `many` is `retry`, was `ask`",
            "! step `many` is done only if `hosts.length > 3`, was only if `hosts.length > 5`",
            "! `require` is `hosts.length > 1`, was `hosts.length > 2`",
            "! the `limit` of `parallel for host in hosts` is `9`, was `2`",
            "! `hold` is `1m every 1m`, was `10m every 1m`",
            "! no longer has `wait 5m`",
        ):
            self.assertIn("  " + line + "\n", done.out)
        self.rbk("diff", "a.rbk", "a.rbk")

    def test_named_runbooks(self):
        done = self.rbk("diff", "old.rbk:drain", "new.rbk", exit=1)
        self.assertNotIn("fresh", done.out)
        self.rbk("diff", "old.rbk:gone", "new.rbk:fresh")
        self.rbk("diff", "old.rbk:gone", "new.rbk:_private")
        done = self.rbk("diff", "old.rbk:drian", "new.rbk", exit=rbk.USAGE)
        self.assertIn("did you mean old.rbk:drain?", done.err)

    def test_standard_input_is_one_side(self):
        self.rbk("diff", "-", "old.rbk", stdin=OLD)
        self.rbk("diff", "old.rbk", "-", stdin=NEW, exit=1)
        done = self.rbk("diff", "-", "-", stdin=OLD, exit=rbk.USAGE)
        self.assertIn("only one of the two", done.err)

    def test_what_cannot_be_compared_is_2(self):
        self.write("bad.rbk", "runbook r() {\n  nonsense()\n}\n")
        self.rbk("compile", "old.rbk", "-o", "old.rbkc")
        for words, told in (
            (["old.rbk"], "NEW.rbk"),
            (["old.rbk", "none.rbk"], "none.rbk cannot be read"),
            (["old.rbk", "bad.rbk"], "bad.rbk has 1 error"),
            (["old.rbkc", "new.rbk"], "without its text"),
            (["old.rbk", "."], "cannot be read"),
            (["old.rbk", "new.rbk", "third.rbk"], "third.rbk"),
        ):
            with self.subTest(words):
                self.assertIn(told, self.rbk("diff", *words, exit=rbk.USAGE).err)


if __name__ == "__main__":
    unittest.main()
