#!/usr/bin/env python3
"""`rbk search`: runs are found by what they were given, did, answered and printed."""
import contextlib
import sqlite3
import unittest

import rbk

BOOK = """runbook move(host: string, fails: bool = false) -> string {
  step drain "Drain the node ${host}" = shell("echo draining; echo 'Connection REFUSED by peer' >&2; seq 1 30 | sed 's/^/line /'") reads
  if fails {
    fail "the balancer still sees ${host}"
  }
  return "moved away"
}
"""


class Search(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("move.rbk", BOOK)
        self.one = self.run_it("--host", "db-1", "--reason", "Ticket OPS-7", "--label", "env=Prod")
        self.two = self.run_it("--host", "db-2", "--fails", exit=rbk.FAILED)

    def run_it(self, *words, exit=rbk.SUCCEEDED):
        return rbk.run_id(self.rbk("run", "move.rbk", "--json", *words, exit=exit))

    def hits(self, *words):
        lines = self.rbk("search", *words, "--json").lines()
        self.assertEqual(lines[-1]["event"], "searched")
        self.assertEqual(lines[-1]["hits"], len(lines) - 1)
        return lines[:-1]

    def runs(self, *words):
        return {hit["run"] for hit in self.hits(*words)}

    def test_every_part_of_a_run_is_looked_through(self):
        for text, run, place in (
            ("ops-7", self.one, ("run", "reason")),
            ("env=prod", self.one, ("run", "label")),
            ("moved away", self.one, ("run", "output")),
            ("the balancer still", self.two, ("run", "error")),
            ('host = "db-2"', self.two, ("run", "argument")),
            ("node db-2", self.two, ("event", "drain")),
        ):
            hits = self.hits(text)
            self.assertEqual({hit["run"] for hit in hits}, {run}, text)
            self.assertIn(place, [(hit["in"], hit.get("field", hit.get("path"))) for hit in hits], text)
        logs = [hit for hit in self.hits("connection refused", "--logs")]
        self.assertEqual([(hit["in"], hit["path"], hit["run"]) for hit in logs], [("log", "drain", self.two), ("log", "drain", self.one)])
        self.assertTrue(all("Connection REFUSED by peer" in hit["text"] for hit in logs))

    def test_case_counts_once_the_text_has_a_capital(self):
        self.assertEqual(self.runs("ops-7"), {self.one})
        self.assertEqual(self.runs("OPS-7"), {self.one})
        self.assertEqual(self.runs("Ops-7"), set())

    def test_a_text_is_taken_as_it_is_and_a_pattern_as_one(self):
        self.assertEqual(self.runs("db-."), set())
        self.assertEqual(self.runs("db-.", "--regex"), {self.one, self.two})
        self.assertEqual(self.runs("^line 30$", "--regex", "--logs"), {self.one, self.two})
        self.assertEqual([hit["text"] for hit in self.hits("x*y*", "--regex", "--status", "failed") if not hit["text"]], [])
        self.assertIn("no regular expression", self.rbk("search", "(", "--regex", exit=rbk.USAGE).err)
        self.assertIn("TEXT is empty", self.rbk("search", "", exit=rbk.USAGE).err)

    def test_where_and_in_which_runs(self):
        self.assertEqual({hit["in"] for hit in self.hits("draining", "--no-logs")}, {"event"})  # the command
        self.assertEqual({hit["in"] for hit in self.hits("draining", "--logs")}, {"log"})
        self.assertEqual(self.runs("draining", "--status", "failed"), {self.two})
        self.assertEqual(self.runs("draining", "--label", "env=Prod"), {self.one})
        self.assertEqual(self.runs("draining", "--limit", "1"), {self.two})
        done = self.rbk("search", "draining", "--limit", "1")
        self.assertIn("1 older runs were not looked at", done.err)
        self.assertIn("leave nothing", self.rbk("search", "x", "--logs", "--no-logs", exit=rbk.USAGE).err)

    def test_a_hit_is_seen_however_long_its_line_is(self):
        self.write("long.rbk", 'runbook long() {\n  step s = shell("head -c 5000 /dev/zero | tr \'\\\\0\' \'x\'; echo \'é needle\'") reads\n}\n')
        self.rbk("run", "long.rbk")
        line = self.rbk("search", "needle", "--logs").out.splitlines()[1]
        self.assertIn("…xxx", line)
        self.assertIn("é needle", line)
        self.assertLess(len(line), 250)
        self.assertGreater(len(self.hits("needle", "--logs")[0]["text"]), 5000)

    def test_for_people(self):
        out = self.rbk("search", "line", "--logs").out
        self.assertEqual(out.count("drain | line"), 20)
        self.assertEqual(out.count("… and 20 more"), 2)
        self.assertTrue(out.startswith(f"run {self.two}  move  failed"))
        self.assertEqual(self.rbk("search", "nowhere").out, "nothing found in 2 runs\n")

    def test_nobody_finds_a_secret(self):
        self.write("show.rbk", 'runbook show(token: secret) {\n  step s = shell("cat token; echo $TOKEN", env: env { TOKEN: token }) reads\n}\n')
        (self.folder / "token").write_text("hunter2")
        self.rbk("run", "show.rbk", "--token", f"@file:{self.folder}/token")
        self.assertEqual(self.hits("hunter2"), [])
        self.assertEqual({hit["in"] for hit in self.hits("cat token")}, {"event"})

    def test_large_logs_are_packed_and_read_back(self):
        self.write("many.rbk", 'runbook many() {\n  step print = shell("seq -f \'%06.0f a line like others\' 1 20000") reads\n}\n')
        run = rbk.run_id(self.rbk("run", "many.rbk", "--json"))
        lines = self.rbk("logs", run, "--step", "print").out.splitlines()
        self.assertEqual((len(lines), lines[12_345]), (20_000, "012346 a line like others"))
        self.assertEqual(len(self.hits("012346 a line", "--logs")), 1)
        with contextlib.closing(sqlite3.connect(self.folder / ".runbook/store.db")) as store:
            packed, plain = store.execute("select sum(length(lines)), sum(plain_size) from log where path = 'print'").fetchone()
        self.assertLess(packed * 5, plain)
        self.assertGreater(plain, 20_000 * 25)
        self.rbk("store", "check")


if __name__ == "__main__":
    unittest.main()
