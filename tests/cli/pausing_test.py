#!/usr/bin/env python3
"""Pausing runs and leaving steps out, by people, while somebody drives the run or nobody does, and across crashes."""
import signal
import time
import unittest

import rbk

STEPS = """runbook steps(file: string) -> int {
  step one = shell("echo one >> ${file}; while test ! -e ${file}.free; do sleep 0.05; done") rollback { shell("echo undo one >> ${file}") }
  step two = shell("echo two >> ${file}") rollback { shell("echo undo two >> ${file}") }
  step three = shell("echo three >> ${file}") rollback { shell("echo undo three >> ${file}") }
  return two.stdout.length
}
"""

ASKS = """runbook asks(file: string) -> string {
  step one = shell("echo one >> ${file}") rollback { shell("echo undo one >> ${file}") }
  step two = shell("echo two >> ${file}; exit 3") rollback { shell("echo undo two >> ${file}") } on failure ask
  step three = shell("echo three ${two.stdout} >> ${file}") rollback { shell("echo undo three >> ${file}") }
  return two.stdout
}
"""

UNDOES = """runbook undoes(file: string) {
  step one = shell("echo one >> ${file}") rollback { shell("echo undo one >> ${file}") }
  step two = shell("echo two >> ${file}") rollback { shell("echo undo two >> ${file}; while test ! -e ${file}.free; do sleep 0.05; done") }
  fail "no"
}
"""

BOUND = """runbook bound(file: string) {
  step block {
    step one = shell("echo one >> ${file}; while test ! -e ${file}.free; do sleep 0.05; done") rollback none "a line"
    step two = shell("echo two >> ${file}") rollback none "a line"
  } timeout 5s
}
"""

PARENT = """runbook child(file: string) {
  step one = shell("echo child one >> ${file}; while test ! -e ${file}.free; do sleep 0.05; done") rollback none "a line"
  step two = shell("echo child two >> ${file}") rollback none "a line"
}

runbook parent(file: string) {
  step run_it = start child(file: file)
  step after = shell("echo after >> ${file}") rollback none "a line"
}
"""


class Pausing(rbk.Case):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "lines"

    def lines(self):
        return self.file.read_text().split("\n")[:-1] if self.file.exists() else []

    def free(self):
        (self.folder / "lines.free").touch()

    def show(self, run):
        return self.rbk("show", run, "--json").lines()[0]

    def begin(self, text=STEPS, target="steps.rbk"):
        """A run that somebody drives, in its first step."""
        self.write("steps.rbk", text)
        process = rbk.start(self.folder, "run", target, "--file", self.file)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        rbk.eventually("the first step begins", lambda: self.lines())
        runs = self.rbk("runs", "--json").lines()
        return process, min((run["run"] for run in runs), key=len)

    def ended(self, process, exit):
        self.assertEqual(process.wait(timeout=120), exit)

    def test_what_was_held_back_does_not_begin_after_its_time(self):
        """Nobody drives the run when the time of the block is up; whoever goes on with it later ends the block."""
        process, run = self.begin(BOUND)
        began = time.monotonic()
        self.rbk("pause", run)
        self.free()
        self.ended(process, rbk.SUSPENDED)
        shown = self.rbk("show", run, "--json").lines()
        self.assertNotIn("two", str(shown), "what is held back has not begun")
        time.sleep(max(0, began + 6 - time.monotonic()))
        self.rbk("unpause", run, exit=rbk.FAILED)
        self.assertEqual(self.lines(), ["one"])
        self.assertIn("Timeout", self.rbk("show", run).out)

    def test_what_is_under_way_ends_and_nothing_else_begins(self):
        process, run = self.begin()
        done = self.rbk("pause", run)
        self.assertIn(f"`rbk unpause {run}`", done.out)
        self.assertEqual(self.show(run)["status"], "paused")
        self.assertEqual(self.rbk("runs", "--status", "paused", "--json").lines()[0]["run"], run)
        self.free()
        self.ended(process, rbk.SUSPENDED)
        self.assertEqual(self.lines(), ["one"])
        self.assertIn("paused by", self.rbk("show", run).out)
        # Nor does it by itself later.
        self.rbk("resume", run, exit=rbk.SUSPENDED)
        self.rbk("resume")
        self.assertEqual(self.lines(), ["one"])
        self.rbk("pause", run, exit=rbk.REFUSED)
        self.rbk("unpause", run)
        self.assertEqual(self.lines(), ["one", "two", "three"])
        self.rbk("unpause", run, exit=rbk.REFUSED)
        kinds = [event["what"]["kind"] for event in self.rbk("replay", run, "--all", "--json").lines()]
        self.assertLess(kinds.index("paused"), kinds.index("not_started"))
        self.assertLess(kinds.index("not_started"), kinds.index("unpaused"))

    def test_a_pause_outlives_its_process(self):
        process, run = self.begin()
        self.rbk("pause", run)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.free()
        # Whoever goes on with it finds what was under way, and begins nothing.
        self.rbk("resume", exit=None)
        self.assertEqual(self.show(run)["status"], "paused")
        self.assertEqual(self.lines(), ["one"])
        self.rbk("unpause", run)
        self.assertEqual(self.lines(), ["one", "two", "three"])

    def test_a_worker_leaves_it_and_takes_it_up_again(self):
        store = ("--store", "sqlite:store.db")
        self.write("steps.rbk", STEPS)
        run = rbk.run_id(self.rbk("run", "steps.rbk", "--file", self.file, "--detach", "--json", *store))
        worker = rbk.start(self.folder, "worker", *store)
        self.addCleanup(worker.wait)
        self.addCleanup(worker.send_signal, signal.SIGTERM)
        rbk.eventually("the first step begins", lambda: self.lines())
        self.rbk("pause", run, *store)
        self.free()
        shown = lambda: self.rbk("show", run, "--json", *store).lines()[0]
        rbk.eventually("it is let go", lambda: not shown()["driven"])
        self.assertEqual((shown()["status"], self.lines()), ("paused", ["one"]))
        self.rbk("unpause", run, *store)
        self.assertEqual(self.lines(), ["one", "two", "three"])

    def test_a_paused_run_does_not_wait_for_what_another_process_has_under_way(self):
        store = ("--store", "sqlite:store.db")
        self.write("steps.rbk", PARENT)
        words = ("run", "steps.rbk:parent", "--file", self.file, "--detach", "--json", *store)
        run = rbk.run_id(self.rbk(*words))
        worker = rbk.start(self.folder, "worker", *store)
        self.addCleanup(worker.wait)
        self.addCleanup(worker.send_signal, signal.SIGKILL)
        self.addCleanup(self.free)
        rbk.eventually("the child begins", lambda: self.lines())
        self.rbk("pause", run, *store)
        self.assertEqual(self.lines(), ["child one"])
        self.free()
        both = lambda: {one["run"]: one["status"] for one in self.rbk("runs", "--json", *store).lines() if not one["driven"]}
        rbk.eventually("both are let go", lambda: list(both().values()) == ["paused", "paused"])
        self.rbk("unpause", run, *store)
        self.assertEqual(self.lines(), ["child one", "child two", "after"])

    def test_cancelling_ends_a_pause(self):
        process, run = self.begin()
        self.rbk("pause", run)
        self.free()
        self.ended(process, rbk.SUSPENDED)
        self.rbk("cancel", run, "--rollback", exit=rbk.CANCELLED)
        self.assertEqual(self.lines(), ["one", "undo one"])
        self.assertEqual(self.show(run)["rolled_back"], True)
        self.rbk("pause", run, exit=rbk.REFUSED)

    def test_the_runs_that_it_waits_for_are_paused_with_it(self):
        process, run = self.begin(PARENT, "steps.rbk:parent")
        self.rbk("pause", run)
        self.free()
        self.ended(process, rbk.SUSPENDED)
        child = self.show(run)["began"][0]
        self.assertEqual([self.show(one)["status"] for one in (run, child)], ["paused", "paused"])
        self.assertEqual(self.lines(), ["child one"])
        self.rbk("unpause", run)
        self.assertEqual(self.lines(), ["child one", "child two", "after"])

    def test_a_step_that_a_paused_run_has_not_begun_is_left_out(self):
        process, run = self.begin()
        self.rbk("pause", run)
        self.assertIn("has begun", self.rbk("skip", run, "one", exit=rbk.REFUSED).err)
        self.free()
        self.ended(process, rbk.SUSPENDED)
        self.assertIn("it can skip: two", self.rbk("skip", run, "three", exit=rbk.USAGE).err)
        self.assertIn("expected", self.rbk("skip", run, "two", "--output", "[]", exit=rbk.USAGE).err)
        self.assertIn("no JSON", self.rbk("skip", run, "two", "--output", "{", exit=rbk.USAGE).err)
        self.rbk("skip", run, "two", "--output", '{"stdout": "seven", "stderr": "", "exit_code": 0}', exit=rbk.SUSPENDED)
        self.assertEqual(self.show(run)["status"], "paused")
        self.rbk("unpause", run)
        self.assertEqual(self.lines(), ["one", "three"])
        self.assertEqual(self.show(run)["output"], 5)
        steps = {step["path"]: step["status"] for step in rbk.steps(self.rbk("show", run, "--json"))}
        self.assertEqual(steps, {"one": "succeeded", "two": "skipped", "three": "succeeded"})
        decided = self.show(run)["decisions"][0]
        self.assertEqual((decided["what"], decided["path"], decided["answer"]), ("step", "two", "skipped"))
        # What was not done is not undone.
        self.rbk("rollback", run)
        self.assertEqual(self.lines(), ["one", "three", "undo three", "undo one"])

    def test_a_step_of_a_run_that_was_stopped_is_left_out(self):
        process, run = self.begin()
        process.send_signal(signal.SIGINT)
        self.free()
        self.ended(process, rbk.SUSPENDED)
        self.rbk("skip", run, "two")
        self.assertEqual(self.lines(), ["one", "three"])

    def test_a_failed_step_that_asks_is_left_out(self):
        self.write("asks.rbk", ASKS)
        run = rbk.run_id(self.rbk("run", "asks.rbk", "--file", self.file, "--json", exit=rbk.SUSPENDED))
        self.rbk("skip", run, "two", "--output", '{"stdout": "x", "stderr": "", "exit_code": 0}')
        self.assertEqual(self.lines(), ["one", "two", "three x"])
        self.assertEqual(self.show(run)["output"], "x")
        self.rbk("rollback", run)
        self.assertEqual(self.lines()[3:], ["undo three", "undo one"])
        self.rbk("skip", run, "two", exit=rbk.REFUSED)

    def test_undoing_is_paused_as_well_and_nothing_of_it_left_out(self):
        self.write("undo.rbk", UNDOES)
        process = rbk.start(self.folder, "run", "undo.rbk", "--file", self.file)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        rbk.eventually("it undoes", lambda: "undo two" in self.lines())
        run = self.rbk("runs", "--json").lines()[0]["run"]
        self.rbk("pause", run)
        self.free()
        self.ended(process, rbk.SUSPENDED)
        self.assertEqual(self.lines(), ["one", "two", "undo two"])
        waits = self.rbk("replay", run, "--all", "--json").lines()[-1]["pending"]
        self.assertEqual([one["begun"] for one in waits], [False])
        self.assertIn("part of undoing", self.rbk("skip", run, waits[0]["path"], exit=rbk.USAGE).err)
        self.rbk("unpause", run, exit=rbk.FAILED)
        self.assertEqual(self.lines(), ["one", "two", "undo two", "undo one"])


if __name__ == "__main__":
    unittest.main()
