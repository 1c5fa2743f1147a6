#!/usr/bin/env python3
"""`on worker`: a run goes on at a worker of its label and nowhere else, whoever started it, and so do its undo, its retry and what it starts."""
import contextlib
import json
import signal
import sqlite3
import subprocess
import unittest

import rbk

PLACED = """
runbook placed(file: string, dc: string = "fra") -> int
  on worker "dc-${dc}"
{
  step write = shell("echo $WHO >> ${file}") rollback { shell("echo undone by $WHO >> ${file}") }
  return write.exit_code
}
runbook anywhere(file: string) {
  step write = shell("echo $WHO >> ${file}") rollback none "a line"
}
runbook parent(file: string, fails: bool = false) -> int {
  step here = shell("echo parent by $WHO >> ${file}") rollback none "a line"
  step there = start placed(file: file)
  if fails { fail "no luck" }
  return there
}
runbook impatient(file: string) {
  step there = start placed(file: file)
    timeout 1s
}
runbook unlucky(file: string)
  on worker "dc-fra"
{
  step write = shell("echo $WHO >> ${file}") rollback none "a line"
  step may_fail = shell("test -e lucky") rollback none "a look"
}
runbook slow(file: string)
  on worker "dc-fra"
{
  for i in 1..6 {
    step write = shell("sleep 0.2; echo $WHO >> ${file}") rollback none "a line"
  }
}
runbook asks(file: string)
  on worker "dc-fra"
{
  approval go "go on?" { allow starter }
  step write = shell("echo $WHO >> ${file}") rollback none "a line"
}
schedule often for placed(file: "FILE") {
  every 1h
}
"""


class Placing(rbk.Case):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "lines"
        self.write("p.rbk", PLACED.replace("FILE", str(self.file)))
        self.workers = []
        self.addCleanup(self.end_workers)

    def end_workers(self):
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.communicate()

    def worker(self, who, *words):
        worker = rbk.start(self.folder, "worker", "--json", *words, env={"WHO": who}, stdout=subprocess.PIPE, text=True)
        self.workers.append(worker)
        self.assertEqual(json.loads(worker.stdout.readline())["event"], "works")
        return worker

    def lines(self):
        return self.file.read_text().splitlines() if self.file.exists() else []

    def start(self, runbook, *words):
        """`rbk run`, which goes on; what it has said by then is read by `ended`."""
        process = rbk.start(
            self.folder, "run", f"p.rbk:{runbook}", "--file", self.file, *words,
            env={"WHO": "starter"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.addCleanup(process.kill)
        return process

    def ended(self, process, code=rbk.SUCCEEDED):
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, code, out + err)
        return out, err

    def runs(self):
        done = self.rbk("runs", "--json", exit=None)  # there may be no store yet
        return done.lines() if done.code == rbk.SUCCEEDED else []

    def run_of(self, runbook):
        return rbk.eventually(f"a run of {runbook}", lambda: [run for run in self.runs() if run["runbook"] == runbook])[0]

    def status_of(self, run):
        return self.rbk("show", run, "--json").lines()[0]["status"]

    def test_whoever_starts_it_follows_it_where_it_goes_on(self):
        process = self.start("placed")
        run = self.run_of("placed")
        self.assertEqual((run["worker"], run["status"], run["driven"]), ("dc-fra", "running", False))
        self.assertIn('running, waits for a worker "dc-fra"', self.rbk("runs").out)
        self.worker("a", "--label", "dc-fra")
        out, err = self.ended(process)
        self.assertIn(f'run {run["run"]} waits for a worker "dc-fra", and none is alive: rbk worker --label dc-fra\n', err)
        self.assertTrue(out.endswith("\n0\n"), out)
        self.assertEqual(self.lines(), ["a"])
        self.assertIn('  on a worker "dc-fra"\n', self.rbk("show", run["run"]).out)
        started = [row for row in self.rbk("audit", "--json").lines() if row.get("verb") == "start"]
        self.assertEqual(started[0]["payload"]["worker"], "dc-fra")

    def test_its_label_may_depend_on_its_parameters(self):
        self.worker("any")
        self.worker("fra", "--label", "dc-fra", "--only-labelled")
        self.worker("both", "--label", "dc-ber", "--label", "dc-muc", "--only-labelled")
        for dc in ("fra", "ber", "muc"):
            self.ended(self.start("placed", "--dc", dc))
        self.rbk("run", "p.rbk:anywhere", "--file", self.file, "--detach")
        rbk.eventually("four lines", lambda: len(self.lines()) == 4)
        self.assertEqual(self.lines(), ["fra", "both", "both", "any"])

    def test_a_worker_for_its_labels_alone_takes_nothing_else(self):
        self.worker("fra", "--label", "dc-fra", "--only-labelled")
        told = self.rbk("run", "p.rbk:anywhere", "--file", self.file, "--detach")
        self.assertIn("no worker is alive that goes on with it", told.err)
        self.ended(self.start("placed"))
        self.assertEqual(self.lines(), ["fra"])
        self.assertEqual(self.run_of("anywhere")["status"], "running")
        self.rbk("resume", env={"WHO": "me"})
        self.assertEqual(self.lines(), ["fra", "me"])

    def test_nobody_else_goes_on_with_it(self):
        told = self.rbk("run", "p.rbk:placed", "--file", self.file, "--detach")
        self.assertIn("no worker is alive that goes on with it: rbk worker --label dc-fra\n", told.err)
        run = told.out.strip()
        told = self.rbk("resume", exit=rbk.SUSPENDED)
        self.assertIn(f'run {run} waits for a worker "dc-fra"', told.err)
        self.worker("other", "--label", "dc-ber")
        self.rbk("run", "p.rbk:anywhere", "--file", self.file, "--detach")
        rbk.eventually("the other run's line", lambda: self.lines() == ["other"])
        self.assertEqual(self.status_of(run), "running")
        self.worker("fra", "--label", "dc-fra")
        self.rbk("resume", run)
        self.assertEqual(self.lines(), ["other", "fra"])

    def test_one_that_is_followed_is_stopped_looking_at(self):
        process = self.start("placed")
        run = self.run_of("placed")["run"]
        process.send_signal(signal.SIGINT)
        _, err = self.ended(process, rbk.SUSPENDED)
        self.assertIn("rbk worker --label dc-fra", err)
        self.assertEqual(self.status_of(run), "running")

    def test_what_it_starts_goes_on_at_its_own_workers(self):
        process = self.start("parent")
        rbk.eventually("its child", lambda: [run for run in self.runs() if run["runbook"] == "placed"])
        self.worker("fra", "--label", "dc-fra", "--only-labelled")
        out, _ = self.ended(process)
        self.assertTrue(out.endswith("\n0\n"), out)
        self.assertEqual(self.lines(), ["parent by starter", "fra"])

    def test_what_it_started_is_undone_where_it_was_done(self):
        self.worker("fra", "--label", "dc-fra", "--only-labelled")
        self.ended(self.start("parent", "--fails"), rbk.FAILED)
        self.assertEqual(self.lines(), ["parent by starter", "fra", "undone by fra"])

    def test_a_rollback_by_hand_goes_on_there_too(self):
        self.worker("fra", "--label", "dc-fra")
        self.ended(self.start("placed"))
        run = self.run_of("placed")["run"]
        self.rbk("rollback", run, env={"WHO": "me"})
        self.assertEqual(self.lines(), ["fra", "undone by fra"])

    def test_so_does_a_retry(self):
        self.worker("fra", "--label", "dc-fra")
        self.ended(self.start("unlucky"), rbk.FAILED)
        run = self.run_of("unlucky")["run"]
        (self.folder / "lucky").write_text("")
        self.rbk("retry", run, env={"WHO": "me"})
        self.assertEqual(self.lines(), ["fra"])

    def test_so_does_what_a_schedule_starts(self):
        self.rbk("schedule", "add", "p.rbk:often")
        self.worker("any")
        self.rbk("schedule", "run", "often")
        run = self.run_of("placed")
        self.assertEqual((run["worker"], run["status"]), ("dc-fra", "running"))
        self.worker("fra", "--label", "dc-fra")
        rbk.eventually("its line", lambda: self.lines() == ["fra"])

    def test_another_of_its_label_takes_over_from_one_that_is_killed(self):
        first = self.worker("first", "--label", "dc-fra")
        process = self.start("slow")
        rbk.eventually("it is on its way", lambda: len(self.lines()) >= 2)
        self.worker("any")
        first.kill()
        first.wait()
        run = self.run_of("slow")["run"]
        self.worker("second", "--label", "dc-fra")
        self.ended(process)
        self.assertEqual(self.status_of(run), "succeeded")
        self.assertEqual(len(self.lines()), 6)
        self.assertEqual(set(self.lines()), {"first", "second"})

    def test_what_nobody_has_taken_up_is_cancelled_by_anybody(self):
        run = self.rbk("run", "p.rbk:placed", "--file", self.file, "--detach").out.strip()
        self.rbk("cancel", run, exit=rbk.CANCELLED)
        self.assertEqual(self.status_of(run), "cancelled")
        done = self.rbk("run", "p.rbk:impatient", "--file", self.file, exit=rbk.FAILED)
        self.assertIn("Timeout", done.err)
        self.worker("any")
        run = self.rbk("run", "p.rbk:impatient", "--file", self.file, "--detach").out.strip()
        rbk.eventually("a worker sees its time", lambda: self.status_of(run) == "failed")
        self.assertEqual([one["status"] for one in self.runs() if one["runbook"] == "placed"], ["cancelled"] * 3)
        self.assertEqual(self.lines(), [])

    def test_what_people_say_is_told_to_it(self):
        self.worker("fra", "--label", "dc-fra")
        _, err = self.ended(self.start("asks"), rbk.SUSPENDED)
        self.assertIn("rbk approve", err)
        run = self.run_of("asks")["run"]
        self.rbk("approve", run, env={"WHO": "me"})
        self.assertEqual(self.lines(), ["fra"])

    def test_a_cancel_and_a_pause_wait_for_it(self):
        run = self.rbk("run", "p.rbk:placed", "--file", self.file, "--detach").out.strip()
        told = self.rbk("pause", run, exit=rbk.SUSPENDED)
        self.assertIn('is to be paused, and is running, waits for a worker "dc-fra" still', told.err)
        self.worker("fra", "--label", "dc-fra")
        rbk.eventually("it is paused", lambda: self.status_of(run) == "paused")
        self.rbk("cancel", run, exit=rbk.CANCELLED)
        self.assertEqual(self.lines(), [])

    def edit(self, text):
        """What no command does to the store."""
        if hasattr(self, "sql"):
            return self.sql(text)
        with contextlib.closing(sqlite3.connect(self.folder / ".runbook/store.db", isolation_level=None)) as store:
            return store.execute(text)

    def test_one_that_got_nowhere_is_tried_once_more_by_its_workers(self):
        run = self.rbk("run", "p.rbk:placed", "--file", self.file, "--detach").out.strip()
        self.edit("update run set status=5, claims=4, ending='it gets nowhere'")
        self.worker("fra", "--label", "dc-fra")
        self.assertEqual(self.status_of(run), "quarantined")
        self.rbk("resume", run)
        self.assertEqual(self.lines(), ["fra"])

    def test_workers_are_listed(self):
        self.rbk("workers", exit=rbk.USAGE)
        self.rbk("run", "p.rbk:anywhere", "--file", self.file)
        self.assertEqual(self.rbk("workers").out, "no worker is alive\n")
        plain = self.worker("any")
        both = self.worker("fra", "--label", "dc-fra", "--label", "a b", "--only-labelled")
        listed = rbk.eventually("both are there", lambda: [rows for rows in [self.rbk("workers", "--json").lines()] if len(rows) == 2])[0]
        rows = {row["process"]: row for row in listed}
        self.assertEqual((rows[plain.pid]["labels"], rows[plain.pid]["only_labelled"]), ([], False))
        self.assertEqual((rows[both.pid]["labels"], rows[both.pid]["only_labelled"]), (["dc-fra", "a b"], True))
        self.assertIn('for "dc-fra", "a b"\n', self.rbk("workers").out)

    def test_mistakes_are_told(self):
        done = self.rbk("run", "p.rbk:placed", "--file", self.file, "--dc", "x" * 300, exit=rbk.USAGE)
        self.assertIn("`on worker` of `placed` has more than 200 bytes", done.err)
        done = self.rbk("worker", "--only-labelled", exit=rbk.USAGE)
        self.assertIn("--only-labelled without a label", done.err)
        self.rbk("worker", "--label", "", exit=rbk.USAGE)
        self.write("empty.rbk", 'runbook e(x: string)\n  on worker x\n{\n  log.info("x")\n}\nrunbook s(x: string) {\n  step c = start e(x: x)\n}\n')
        done = self.rbk("run", "empty.rbk:e", "--x", "", exit=rbk.USAGE)
        self.assertIn("`on worker` of `e` is empty", done.err)
        done = self.rbk("run", "empty.rbk:s", "--x", "", exit=rbk.FAILED)
        self.assertIn("`on worker` of `e` is empty", done.err)

    def test_a_plan_and_a_summary_say_so(self):
        self.assertIn('  on worker "dc-muc"\n', self.rbk("plan", "p.rbk:placed", "--file", "x", "--dc", "muc").out)
        self.assertIn("dc-${dc}", self.rbk("check", "--effects", "p.rbk").out)


if __name__ == "__main__":
    unittest.main()
