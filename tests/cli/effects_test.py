#!/usr/bin/env python3
"""What a runbook can touch, as `rbk check --effects` shows it."""
import json
import unittest

import rbk

TEXT = '''import "lib/pool.rbk" as pool

enum Env { staging, prod }

/// Takes a host out, and puts it back.
runbook main(host: string, env: Env = .staging, token: secret) -> int {
  approval go "Drain ${host}?" {
    by group "sre"
    quorum 2
    expires 1h then reject
  }
  step drain = pool.drain(host, env, token)
  return 1
  after failure e { http.post("https://chat.example.com/hook", body: e.message) }
}
runbook _hidden() {
  step a = shell("true") reads
}
'''
LIB = '''enum Env { staging, prod }
runbook drain(name: string, env: string, key: secret) {
  let lb: Url = "https://lb.example.com/${env}"
  step out = http.delete("${lb}/${name}", bearer: key) timeout 10s
    rollback { http.put("${lb}/${name}", bearer: key) timeout 20s }
}
'''


class Effects(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("lib/pool.rbk", LIB)
        self.write("main.rbk", TEXT.replace("env, token)", '"${env}", token)'))

    def summary(self, *words):
        lines = self.rbk("check", "--effects", "--json", *words).lines()
        return next(line for line in lines if "runbook" in line)

    def test_hosts_that_commands_run_on(self):
        self.write(
            "on.rbk",
            """
runbook r(host: string) {
  step a = shell("uptime", on: "web-1") reads
  step b = shell("uptime", on: host) reads
}
""",
        )
        out = self.rbk("check", "--effects", "on.rbk").out
        self.assertIn("web-1    shell on:", out)
        self.assertIn("${host}  shell on:", out)
        lines = self.rbk("check", "--effects", "--json", "on.rbk").lines()
        summary = next(line for line in lines if "runbook" in line)
        self.assertEqual([one["host"] for one in summary["commands"]], ["web-1", "${host}"])

    def test_the_text_says_what_it_touches(self):
        out = self.rbk("check", "--effects", "main.rbk").out
        for line in (
            "main  main.rbk:6",
            "  requests    idempotent  drain/out         DELETE  https://lb.example.com/${env}/${host}",
            "              idempotent  drain/out (undo)  PUT     https://lb.example.com/${env}/${host}",
            "              writes      (after failure)   POST    https://chat.example.com/hook",
            "  secrets     token  http.delete bearer:  drain/out",
            '  approvals   go  "Drain ${host}?"  2 of group "sre", expires 1h then reject',
            "  takes       at most 1h10s",
            "  undoing     no bound  `http.post` has no `timeout`",
            "              the rest  at most 20s",
        ):
            self.assertIn(line + "\n", out)
        self.assertNotIn("_hidden", out)

    def test_json_is_stable(self):
        got = self.summary("main.rbk")
        self.assertEqual(
            list(got),
            "runbook file line doc parameters result allow hosts requests commands queries secrets files approvals people "
            "signals runbooks locks outside schedules steps rules commits forward rollback".split(),
        )
        self.assertEqual(got["doc"], "Takes a host out, and puts it back.")
        self.assertEqual(got["people"], ['group "sre"'])
        self.assertEqual(got["parameters"][1], {"name": "env", "type": "Env", "default": ".staging", "members": ["staging", "prod"]})
        self.assertEqual(
            got["requests"][1],
            {"method": "PUT", "url": "https://lb.example.com/${env}/${host}", "host": "lb.example.com", "behaviour": "idempotent",
             "action": "http.put", "step": "drain/out", "phase": "rollback"},
        )  # fmt: skip
        self.assertEqual(got["forward"], {"bounded": True, "seconds": 3610.0})
        self.assertEqual(got["rollback"]["unbounded"], [{"why": "`http.post` has no `timeout`"}])
        self.assertEqual(got["runbooks"], [{"name": "pool.drain", "launch": "inside", "step": "drain", "phase": "forward"}])

    def test_an_own_action_is_a_program(self):
        self.write("plugins/page", "#!/bin/sh\n").chmod(0o755)
        self.write("own.rbk", 'action page(to: string) writes = exec "plugins/page"\n'
                   'runbook r() {\n  step p = page("ann") timeout 5s on doubt retry rollback none "x"\n}\n')  # fmt: skip
        got = self.summary("own.rbk")
        self.assertEqual(got["commands"], [{"text": "plugins/page", "programs": ["plugins/page"], "behaviour": "writes", "action": "page",
                                            "step": "p", "phase": "forward"}])  # fmt: skip

    def test_a_file_with_errors_has_none(self):
        self.write("bad.rbk", "runbook r() {\n  step a = shel(\"x\")\n}\n")
        done = self.rbk("check", "--effects", "bad.rbk", exit=rbk.USAGE)
        self.assertIn("RBK0100", done.err)
        self.assertNotIn("takes", done.out)

    def test_all_files_of_the_project(self):
        done = self.rbk("check", "--effects")
        self.assertIn("drain  lib/pool.rbk:2\n", done.out)
        self.assertIn("main  main.rbk:6\n", done.out)

    def test_it_asks_nothing_of_the_world(self):
        self.write("x.rbk", 'runbook r() {\n  step a = shell("touch made") rollback none "x"\n}\n')
        self.rbk("check", "--effects", "x.rbk")
        self.assertFalse((self.folder / "made").exists())
        self.assertFalse((self.folder / ".runbook").exists())

    def test_control_characters_do_not_reach_the_terminal(self):
        self.write("x.rbk", 'runbook r() {\n  step a = shell("printf \\u{1b}[31m") reads\n}\n')
        self.assertNotIn("\x1b", self.rbk("check", "--effects", "x.rbk").out)
        self.assertIn("\x1b", self.summary("x.rbk")["commands"][0]["text"])
        self.assertEqual(json.loads(json.dumps(self.summary("x.rbk"))), self.summary("x.rbk"))


if __name__ == "__main__":
    unittest.main()
