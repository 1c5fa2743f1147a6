#!/usr/bin/env python3
"""The audit trail on the command line: what stands in it, and what `rbk audit verify` says of one that was changed."""
import getpass
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import unittest

import rbk

ME = getpass.getuser()

ASKS = """
runbook asks(service: string = "web") {
  approval go "Go on with ${service}?" { allow starter }
  step done = shell("echo done") rollback { shell("echo undone") }
}
runbook waits(file: string) {
  step long = shell("touch ${file}; until [ -e ${file}.free ]; do sleep 0.05; done") reads
}
schedule nightly for asks() {
  cron "0 4 * * *" in "UTC"
}
"""

SECRET = """
runbook uses(token: secret) {
  approval go "Go on?" { allow starter }
}
"""

PEOPLE = f"""
[permissions]
act_as = ["{ME}"]
"""


class Audit(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("asks.rbk", ASKS)

    def begin(self, *words, exit=rbk.SUSPENDED):
        return rbk.run_id(self.rbk("run", "asks.rbk:asks", *words, "--json", exit=exit))

    def rows(self, *words):
        return self.rbk("audit", "export", *words).lines()

    def verbs(self, *words):
        return [row["verb"] for row in self.rows(*words)]

    def sql(self, text):
        with sqlite3.connect(self.folder / ".runbook/store.db") as store:
            store.executescript(text)
        store.close()

    def verdict(self, *words, exit=rbk.SUCCEEDED):
        (line,) = self.rbk("audit", "verify", *words, "--json", exit=exit).lines()
        return line

    def test_each_change_has_a_row_that_names_who_made_it(self):
        self.write("runbook.toml", PEOPLE)
        run = self.begin("--service", "db", "--reason", "OPS-7")
        self.rbk("pause", run, "--as", "bob")
        self.rbk("unpause", run, exit=None)
        self.rbk("approve", run, "go", "--as", "bob")
        self.rbk("rollback", run)
        self.rbk("schedule", "add", "asks.rbk", "--as", "carol")
        self.rbk("schedule", "pause", "nightly")
        self.rbk("schedule", "resume", "nightly")
        self.rbk("schedule", "remove", "nightly", "--as", "bob")
        rows = self.rows()
        self.assertEqual(
            [(row["verb"], row["by"], row["typed_by"]) for row in rows],
            [
                ("begin", "rbk", ""),
                ("start", ME, ""),
                ("pause", "bob", ME),
                ("unpause", ME, ""),
                ("approve", "bob", ME),
                ("rollback", ME, ""),
                ("schedule add", "carol", ME),
                ("schedule pause", ME, ""),
                ("schedule resume", ME, ""),
                ("schedule remove", "bob", ME),
            ],
        )
        start = json.loads(rows[1]["payload"])
        self.assertEqual((rows[1]["kind"], rows[1]["object"]), ("run", run))
        self.assertEqual((start["runbook"], start["arguments"], start["reason"]), ("asks", ["db"], "OPS-7"))
        self.assertEqual(json.loads(rows[4]["payload"])["path"], "go")
        self.assertEqual((rows[6]["kind"], rows[6]["object"]), ("schedule", "nightly"))
        self.assertEqual(self.verbs("--run", run[:8]), ["start", "pause", "unpause", "approve"])
        self.assertEqual(self.verbs("--who", "carol"), ["schedule add"])
        self.assertEqual(self.verbs("--until", "1h"), [])
        self.assertEqual(len(self.verbs("--since", "1h")), 10)
        self.assertEqual([row["verb"] for row in self.rbk("audit", "-n", 2, "--json").lines()], ["schedule resume", "schedule remove"])
        table = self.rbk("audit", "--run", run).out
        self.assertRegex(table, rf"(?m)^ *5 .*Z +bob \(typed by {ME}\) +approve +run {run} +\{{")

    def test_what_is_refused_leaves_no_row(self):
        run = self.begin()
        self.rbk("approve", run, "other", exit=rbk.USAGE)
        self.rbk("unpause", run, exit=rbk.REFUSED)
        self.rbk("rollback", run, exit=rbk.REFUSED)
        self.rbk("approve", run, "go", "--as", "bob", exit=rbk.REFUSED)
        self.assertEqual(self.verbs(), ["begin", "start"])

    def test_a_run_that_is_taken_over_from_the_dead(self):
        file = self.folder / "long"
        process = rbk.start(self.folder, "run", "asks.rbk:waits", "--file", file)
        rbk.eventually("the step", file.exists)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        (self.folder / "long.free").touch()
        self.rbk("resume")
        row = self.rows()[-1]
        self.assertEqual((row["verb"], row["by"]), ("take over", ME))
        payload = json.loads(row["payload"])
        self.assertEqual((payload["as"], payload["from"]["process"]), ("person", process.pid))
        self.verdict()

    def test_a_worker_fires_in_the_name_of_the_schedule(self):
        self.write("soon.rbk", 'runbook quick() { log.info("x") }\nschedule soon for quick() {\n  every 1s\n}\n')
        self.rbk("schedule", "add", "soon.rbk")
        worker = rbk.start(self.folder, "worker")
        try:
            rbk.eventually("a firing", lambda: "fire" in self.verbs())
        finally:
            worker.terminate()
            worker.wait(60)
        row = next(row for row in self.rows() if row["verb"] == "fire" and row["kind"] == "run")
        self.assertEqual(row["by"], "schedule soon")
        self.assertEqual(json.loads(row["payload"])["runbook"], "quick")
        self.verdict()

    def test_what_was_changed_shows_where(self):
        run = self.begin()
        self.rbk("cancel", run, exit=None)
        self.begin()
        self.begin()
        head = self.verdict()["head"]
        self.assertEqual(head.split(":")[0], "5")
        out = self.rbk("audit", "verify").out
        self.assertEqual(out, f"the audit trail is intact: 5 rows\nhead {head}\n")
        ((author,),) = [self.one("select author from audit where number=3")]
        self.sql("update audit set author='eve' where number=3")
        line = self.verdict(exit=rbk.FAILED)
        self.assertEqual((line["intact"], line["row"], line["rows"], line["what"]), (False, 3, 2, "what it says was changed"))
        self.assertRegex(line["expected"] + line["found"], "^[0-9a-f]{128}$")
        broken = self.rbk("audit", "verify", exit=rbk.FAILED).out
        self.assertRegex(broken, r"row 3: what it says was changed\n  expected \w+\n  found    \w+\n.*up to row 2 it is intact\n")
        self.sql(f"update audit set author='{author}' where number=3")
        self.verdict()
        # A row is gone; two have changed places; the end is gone.
        self.sql("create table kept as select * from audit; delete from audit where number=4")
        self.assertEqual(self.verdict(exit=rbk.FAILED)["what"], "it is not there")
        self.sql("delete from audit; insert into audit select * from kept")
        self.sql("update audit set number=-1 where number=4; update audit set number=4 where number=5; update audit set number=5 where number=-1")
        self.assertEqual(self.verdict(exit=rbk.FAILED)["row"], 4)
        self.sql("delete from audit; insert into audit select * from kept; delete from audit where number=5")
        self.verdict()
        cut = self.verdict("--head", head, exit=rbk.FAILED)
        self.assertEqual((cut["row"], cut["what"]), (5, "the end of the trail was cut off"))
        self.begin()
        self.verdict()
        self.assertEqual(self.verdict("--head", head, exit=rbk.FAILED)["what"], "it is another one than the head that was kept")

    def one(self, text):
        with sqlite3.connect(self.folder / ".runbook/store.db") as store:
            return store.execute(text).fetchone()

    def test_a_payload_is_emptied_and_the_chain_holds(self):
        self.begin("--reason", "for John Doe of Acme")
        head = self.verdict()["head"]
        self.rbk("audit", "redact", 2, exit=rbk.USAGE)
        self.rbk("audit", "redact", 2, "--reason", "a customer's name")
        self.rbk("audit", "redact", 2, "--reason", "again", exit=rbk.REFUSED)
        self.rbk("audit", "redact", 9, "--reason", "none", exit=None)
        line = self.verdict("--head", head)
        self.assertEqual((line["redacted"], line["rows"]), ([2], 3))
        self.assertIn("redacted, and in its place: row 2", self.rbk("audit", "verify").out)
        self.assertNotIn("John Doe", self.rbk("audit", "export").out)
        self.assertEqual(self.verbs(), ["begin", "start", "audit redact"])
        self.assertIn("(redacted)", self.rbk("audit").out)

    def test_secrets_are_names(self):
        self.write("uses.rbk", SECRET)
        self.write("runbook.toml", '[secrets]\ntoken = "env:TOKEN"\n')
        self.rbk("run", "uses.rbk", "--token", "@token", env={"TOKEN": "hunter2-hunter2"}, exit=rbk.SUSPENDED)
        out = self.rbk("audit", "export").out
        self.assertIn("token", out)
        self.assertNotIn("hunter2", out)

    def test_the_script_of_the_page_checks_an_export(self):
        page = (rbk.ROOT / "docs/audit.md").read_text()
        (script,) = re.findall(r"```python file=check_audit.py\n(.*?)```", page, re.S)
        self.write("check_audit.py", script)
        self.begin("--service", "Zürich \" \\ \u2028 \U0001f600", "--reason", "one\ntwo")
        self.begin()
        self.rbk("audit", "redact", 3, "--reason", "test")
        export = self.rbk("audit", "export").out

        def checked(text):
            return subprocess.run(
                [sys.executable, self.folder / "check_audit.py"], input=text, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PYTHONIOENCODING": "utf-8"}
            )  # fmt: skip

        done = checked(export)
        self.assertEqual((done.returncode, done.stdout), (0, self.verdict()["head"] + "\n"), done.stderr)
        self.assertEqual(checked(export.replace('"verb":"start"', '"verb":"stop"', 1)).returncode, 1)
        self.assertEqual(checked(export.replace("Zürich", "Basel", 1)).returncode, 1)
        lines = export.splitlines(keepends=True)
        self.assertEqual(checked("".join(lines[:1] + lines[2:])).returncode, 1)

    def test_mistakes_are_told(self):
        self.begin()
        for words, told in [
            (["audit", "verfy"], "did you mean `rbk audit verify`?"),
            (["audit", "verify", "--head", "12"], "NUMBER:HASH"),
            (["audit", "redact", "x", "--reason", "y"], "no row's number"),
            (["audit", "export", "--until", "soon"], "--until soon is neither a time nor a duration"),
        ]:
            self.assertIn(told, self.rbk(*words, exit=rbk.USAGE).err)
        self.assertEqual(self.rbk("audit", "--run", "nothing").out, "the audit trail has no such row\n")


if __name__ == "__main__":
    unittest.main()
