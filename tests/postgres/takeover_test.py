#!/usr/bin/env python3
"""Engines that die, stand still and wake again: who takes their runs over, when, and what the old one may still do."""
import collections
import os
import re
import signal
import subprocess
import time
import unittest

import on_postgres
import rbk

STEPS = """
runbook steps(effects: string, count: int = 12) -> int {
  for i in 1..count {
    step append = shell("sleep 0.1; echo ${i} >> ${effects}") rollback none "a line"
  }
  return count
}
"""
LOCKED = """
runbook locked(effects: string, name: string) {
  lock "db" {
    step enter = shell("echo in ${name} >> ${effects}; sleep 0.3") rollback none "a line"
    step leave = shell("echo out ${name} >> ${effects}") rollback none "a line"
  }
}
"""
FAMILY = """
runbook family(effects: string) -> int {
  step child = start _child(effects: effects)
  step after = shell("echo after >> ${effects}") rollback none "a line"
  return child
}
runbook _child(effects: string) -> int {
  for i in 1..8 {
    step append = shell("sleep 0.1; echo child ${i} >> ${effects}") rollback none "a line"
  }
  return 8
}
"""

PATIENCE = 120  # seconds that a slow machine may take


class Takeover(on_postgres.Case):
    def setUp(self):
        super().setUp()
        self.effects = self.folder / "effects"
        self.write("steps.rbk", STEPS)

    def lines(self):
        return self.effects.read_text().splitlines() if self.effects.exists() else []

    def begin(self, at=3, wrapped=(), **options):
        """Starts the run and waits until it is on its way; the process and the run's id."""
        process = subprocess.Popen(
            [*wrapped, rbk.PROGRAM, "run", "steps.rbk", "--effects", str(self.effects)], cwd=self.folder,
            env=rbk.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options,
        )  # fmt: skip
        self.addCleanup(process.stdout.close)
        rbk.eventually("it is on its way", lambda: len(self.lines()) >= at)
        return process, self.rbk("runs", "--json").lines()[0]["run"]

    def expect_once(self):
        self.assertEqual(collections.Counter(self.lines()), {str(i): 1 for i in range(1, 13)})
        self.assertEqual(self.statuses(), ["succeeded"])

    def test_a_killed_one_is_followed_at_once_on_its_host(self):
        self.new_store(lease="10m")
        process, run = self.begin()
        process.kill()
        process.wait()
        self.assertEqual(self.rbk("runs", "--json").lines()[0]["driven"], False)
        self.rbk("resume", run)
        self.expect_once()

    def test_a_killed_one_of_elsewhere_is_followed_after_its_lease(self):
        """In a pid namespace of its own nothing of it can be seen, as on another host."""
        if os.geteuid() != 0:
            self.skipTest("a namespace of its own needs root")
        self.new_store(lease="10s")
        process, run = self.begin(at=2, wrapped=("unshare", "--pid", "--fork", "--mount-proc", "--kill-child"), start_new_session=True)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        killed = time.monotonic()
        self.assertEqual(self.rbk("runs", "--json").lines()[0]["driven"], True, "as far as anybody knows")
        done = self.rbk("resume", run, exit=None)
        self.assertGreater(time.monotonic() - killed, 1)
        # What was under way there is not known here: a person looks, and says.
        if done.code == rbk.IN_DOUBT:
            step = next(step for step in rbk.steps(self.rbk("show", run, "--json")) if step["status"] == "in_doubt")
            number = re.search(r"\[(\d+)\]", step["path"])[1]
            if number in self.lines():
                self.rbk("resolve", run, step["path"], "done", "--output", '{"stdout": "", "stderr": "", "exit_code": 0}', exit=None)
            else:
                self.rbk("resolve", run, step["path"], "retry", exit=None)
            self.rbk("resume", run, exit=None)
        self.expect_once()

    def test_one_that_stood_still_past_its_lease_writes_nothing_any_more(self):
        self.new_store(lease="1s")
        process, run = self.begin()
        process.send_signal(signal.SIGSTOP)
        try:
            head = int(self.sql("select head from run"))
            self.rbk("resume", run)
            self.expect_once()
            after = self.sql("select head, token, status, updated from run")
            self.assertGreater(int(after.split("|")[0]), head)
            logs = self.sql("select count(*) from log")
        finally:
            process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(PATIENCE), rbk.SUCCEEDED, "it sees how it ended elsewhere")
        self.assertNotIn("process 0", process.stdout.read())
        self.assertEqual(self.sql("select head, token, status, updated from run"), after)
        self.assertEqual(self.sql("select count(*) from log"), logs)
        self.expect_once()

    def test_one_that_wakes_sees_at_once_that_its_run_is_not_its_own_any_more(self):
        self.new_store(lease="1s")
        self.write("sleeps.rbk", "runbook sleeps() {\n  wait 5m\n}\n")
        process = rbk.start(self.folder, "run", "sleeps.rbk")
        rbk.eventually("it sleeps", lambda: self.rbk("runs", "--json", exit=None).out.find('"waiting"') > 0)
        process.send_signal(signal.SIGSTOP)
        run = self.rbk("runs", "--json").lines()[0]["run"]
        rbk.eventually("it counts as dead", lambda: not self.rbk("runs", "--json").lines()[0]["driven"])
        self.rbk("cancel", run, exit=rbk.CANCELLED)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(PATIENCE), rbk.CANCELLED)

    def test_one_that_stood_still_and_was_not_missed_goes_on(self):
        self.new_store(lease="1s")
        process, _ = self.begin()
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(PATIENCE), rbk.SUCCEEDED)
        self.expect_once()

    def test_a_family_whose_engine_stood_still_goes_on_elsewhere_and_is_not_driven_by_both(self):
        self.new_store(lease="1s")
        self.write("family.rbk", FAMILY)
        process = rbk.start(self.folder, "run", "family.rbk", "--effects", self.effects)
        rbk.eventually("the child is on its way", lambda: len(self.lines()) >= 2, 60)
        process.send_signal(signal.SIGSTOP)
        try:
            (root,) = (run["run"] for run in self.rbk("runs", "--json").lines() if "parent" not in run)
            rbk.eventually("it counts as dead", lambda: not any(run["driven"] for run in self.rbk("runs", "--json").lines()), 60)
            self.rbk("resume", root)
            after = self.sql("select id, head, token, status, updated from run order by key")
        finally:
            process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(PATIENCE), rbk.SUCCEEDED, "it sees how it ended elsewhere")
        self.assertEqual(self.sql("select id, head, token, status, updated from run order by key"), after)
        self.expect_family()

    def test_a_family_whose_engine_was_killed_is_followed_at_once(self):
        self.new_store(lease="10m")
        self.write("family.rbk", FAMILY)
        process = rbk.start(self.folder, "run", "family.rbk", "--effects", self.effects)
        rbk.eventually("the child is on its way", lambda: len(self.lines()) >= 2, 60)
        process.kill()
        process.wait()
        self.rbk("resume")
        self.expect_family()

    def expect_family(self):
        self.assertEqual(collections.Counter(self.lines()), {**{f"child {i}": 1 for i in range(1, 9)}, "after": 1})
        self.assertEqual(self.statuses(), ["succeeded", "succeeded"])
        self.assertEqual(self.sql("select count(*) from message where taken = 0"), "0")

    def test_a_lease_is_renewed_while_nothing_else_happens(self):
        self.new_store(lease="10s")
        go = self.folder / "go"
        self.write("slow.rbk", 'runbook slow(file: string, go: string) {\n  step a = shell("echo x >> ${file}; while ! test -e ${go}; do sleep 0.1; done") rollback none "a line"\n}\n')
        process = rbk.start(self.folder, "run", "slow.rbk", "--file", self.effects, "--go", go)
        rbk.eventually("it is on its way", self.lines)
        head = self.sql("select head from run")
        for _ in range(2):  # twice, so that one was of the time in which nothing else happened
            before = self.sql("select lease from engine")
            rbk.eventually("it is renewed", lambda: self.sql("select lease from engine") > before)
            self.assertEqual(self.rbk("runs", "--json").lines()[0]["driven"], True)
        self.assertEqual(self.sql("select head from run"), head)
        go.write_text("")
        self.assertEqual(process.wait(PATIENCE), rbk.SUCCEEDED)
        self.assertEqual(self.sql("select count(*) from engine where lease is not null"), "0", "it has left")

    def test_one_that_stands_still_with_a_lock_holds_nobody_up_for_longer_than_its_lease(self):
        self.new_store(lease="1s")
        self.write("locked.rbk", LOCKED)
        words = ("run", "locked.rbk", "--effects", self.effects, "--name")
        first = rbk.start(self.folder, *words, "a")
        rbk.eventually("it has the lock", self.lines)
        first.send_signal(signal.SIGSTOP)
        second = rbk.start(self.folder, *words, "b")
        rbk.eventually("the second waits", lambda: len(self.rbk("runs", "--json").lines()) == 2)
        time.sleep(1.2)
        self.assertIsNone(second.poll(), "the lock is the run's, not the engine's")
        run = self.rbk("runs", "--json").lines()[1]["run"]
        self.rbk("resume", run)
        self.assertEqual(second.wait(PATIENCE), rbk.SUCCEEDED)
        first.send_signal(signal.SIGCONT)
        self.assertEqual(first.wait(PATIENCE), rbk.SUCCEEDED)
        self.assertEqual(self.lines(), ["in a", "out a", "in b", "out b"])


if __name__ == "__main__":
    unittest.main()
