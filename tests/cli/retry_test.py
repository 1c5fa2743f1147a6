#!/usr/bin/env python3
"""`rbk retry`: what a new run takes over of a finished one, what it does again, and whose it is then."""
import os
import signal
import unittest

import rbk

FAILS = """runbook deploy(file: string) {
  step look = shell("echo look >> ${file}; cat ${file}.version") reads
  step first = shell("echo first ${look.stdout.trim()} >> ${file}; echo made") rollback none "a line"
  step undone = shell("echo undone >> ${file}") rollback { shell("echo undo undone >> ${file}") }
  step second = shell("test -e ${file}.ok && echo second ${first.stdout.trim()} >> ${file}") rollback none "a line"
}
"""

GATED = """runbook deploy(file: string) {
  step first = shell("echo first >> ${file}") rollback { shell("echo undo first >> ${file}") }
  approval go "go on?" { allow starter }
  step second = shell("echo second >> ${file}") rollback none "a line"
}
"""

ITEMS = """runbook deploy(file: string) {
  parallel for host in ["web-1", "web-2", "web-3"] limit 1 on failure continue {
    step look = shell("echo look ${host} >> ${file}") reads
    step patch = shell("echo patch ${host} >> ${file}") rollback none "a line"
    step boot = shell("test ! -e ${file}.${host} && echo boot ${host} >> ${file}") rollback none "a line"
  }
  step after = shell("echo after >> ${file}") rollback none "a line"
}
"""


class Retry(rbk.Case):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "lines"
        (self.folder / "lines.version").write_text("v1\n")

    def lines(self):
        return self.file.read_text().split("\n")[:-1] if self.file.exists() else []

    def clear(self):
        self.file.write_text("")

    def begin(self, text, exit=rbk.FAILED):
        self.write("deploy.rbk", text)
        return rbk.run_id(self.rbk("run", "deploy.rbk", "--file", self.file, "--json", exit=exit))

    def retry(self, run, *words, exit=rbk.SUCCEEDED):
        return rbk.run_id(self.rbk("retry", run, *words, "--json", exit=exit))

    def refused(self, text, *words, exit=rbk.REFUSED):
        done = self.rbk(*words, exit=exit)
        self.assertIn(text, done.err)
        return done.err

    def taken(self, run):
        return {step["path"]: step["taken_over"] for step in rbk.steps(self.rbk("show", run, "--json")) if "taken_over" in step}

    def test_what_was_done_and_not_undone_is_taken_over(self):
        run = self.begin(FAILS)
        self.assertEqual(self.lines(), ["look", "first v1", "undone", "undo undone"])
        self.clear()
        (self.folder / "lines.ok").write_text("")
        (self.folder / "lines.version").write_text("v2\n")
        plan = self.rbk("retry", run, "--dry-run", "--json").lines()
        self.assertEqual(
            [(line["event"], line["path"]) for line in plan],
            [("would_take_over", "look"), ("would_take_over", "first"), ("would_begin", "undone")],
        )
        self.assertEqual(self.lines(), [])
        told = self.rbk("retry", run, "--dry-run").out
        self.assertIn("takes over  first", told)
        self.assertIn("runs        undone", told)
        done = self.rbk("retry", run, "--json")
        again = rbk.run_id(done)
        self.assertEqual(done.lines()[0], {"event": "run", "run": again, "runbook": "deploy", "retries": run})
        self.assertNotIn("not taken over", done.err)
        self.assertEqual(self.rbk("show", again, "--json").lines()[0]["abandoned"], [])
        self.assertIn(f"retries {run}", self.rbk("runs").out)
        # The reading, too: what was done with it is not done once more with another one.
        self.assertEqual(self.lines(), ["undone", "second made"])
        self.assertEqual(self.taken(again), {"look": run, "first": run})
        self.assertIn(f"retried as run {again}", self.rbk("show", run).out)
        self.assertIn(f"retries run {run}", self.rbk("show", again).out)
        self.assertEqual(self.rbk("show", run, "--json").lines()[0]["retried_as"], again)
        self.assertEqual(self.rbk("show", again, "--json").lines()[0]["retries"], run)
        events = self.rbk("show", again, "--events", "--json").lines()
        self.assertEqual([e["path"] for e in events if e["event"] == "taken_over" and e["from"] == run], ["look", "first"])
        self.assertIn(f"taken over first from run {run}", self.rbk("show", again, "--events").out)
        self.rbk("replay", again, "--all")
        audit = [row for row in self.rbk("audit", "--json").lines() if row.get("verb") == "retry"]
        self.assertEqual(audit[0]["payload"]["retries"], run)
        self.rbk("audit", "verify")
        self.rbk("store", "check")
        # It has succeeded, and is the run's only retry.
        self.refused("has succeeded", "retry", run)

    def test_what_the_retry_took_over_is_undone_with_it_and_no_more_by_the_first(self):
        run = self.begin(GATED, exit=rbk.SUSPENDED)
        self.refused("waiting, not finished", "retry", run)
        self.rbk("cancel", run, exit=rbk.CANCELLED)
        again = self.retry(run, exit=rbk.SUSPENDED)
        self.assertEqual(self.lines(), ["first"])
        self.refused(again, "rollback", run)
        self.refused(again, "rollback", run, "--dry-run")
        self.refused(f"rbk resume {again}", "retry", run)
        self.rbk("reject", again, "--reason", "no", exit=rbk.FAILED)
        self.assertEqual(self.lines(), ["first", "undo first"])
        self.refused(again, "rollback", run)
        # The latest of them is retried: nothing is left to be taken over.
        third = self.retry(run, exit=rbk.SUSPENDED)
        self.assertEqual(self.rbk("show", third, "--json").lines()[0]["retries"], again)
        self.assertEqual(self.lines(), ["first", "undo first", "first"])
        self.rbk("approve", third)
        self.assertEqual(self.lines()[-1], "second")
        self.rbk("rollback", third)
        self.assertEqual(self.lines()[-1], "undo first")

    def test_from_a_step_on_everything_runs_again(self):
        (self.folder / "lines.ok").write_text("")
        run = self.begin(FAILS, exit=rbk.SUCCEEDED)
        self.clear()
        self.refused("has succeeded", "retry", run)
        self.refused("did you mean undone?", "retry", run, "--from", "undonne", exit=None)
        again = self.retry(run, "--from", "undone")
        self.assertEqual(self.lines(), ["undone", "second made"])
        self.assertEqual(self.taken(again), {"look": run, "first": run})

    def test_items_that_failed(self):
        (self.folder / "lines.web-2").write_text("")
        run = self.begin(ITEMS, exit=rbk.PARTIAL)
        self.assertEqual(len(self.lines()), 9)
        self.clear()
        (self.folder / "lines.web-2").unlink()
        again = self.retry(run, "--failed")
        self.assertEqual(self.lines(), ["look web-2", "boot web-2"])
        self.assertIn("after", self.taken(again))
        self.refused("has succeeded", "retry", again, "--failed")

    def test_items_that_are_named(self):
        (self.folder / "lines.web-2").write_text("")
        run = self.begin(ITEMS, exit=rbk.PARTIAL)
        self.clear()
        self.refused("did you mean web-1?", "retry", run, "--only", "web-11", exit=None)
        # The one that failed ends so again, and nothing of it runs.
        self.retry(run, "--only", "web-3", exit=rbk.PARTIAL)
        self.assertEqual(self.lines(), ["look web-3", "patch web-3", "boot web-3"])
        self.refused("say different things", "retry", run, "--only", "web-3", "--failed", exit=rbk.USAGE)

    def test_what_has_begun_elsewhere_makes_readings_old(self):
        self.write(
            "deploy.rbk",
            """runbook deploy(file: string) {
  step shaky = shell("test -e ${file}.ok && echo shaky >> ${file}") rollback none "a line" on failure continue
  step look = shell("echo look >> ${file}") reads
  step end = shell("test -e ${file}.ok") rollback none "nothing"
}
""",
        )
        run = rbk.run_id(self.rbk("run", "deploy.rbk", "--file", self.file, "--json", exit=rbk.FAILED))
        self.assertEqual(self.lines(), ["look"])
        self.clear()
        (self.folder / "lines.ok").write_text("")
        self.retry(run)
        self.assertEqual(self.lines(), ["shaky", "look"])

    def test_other_arguments_are_another_attempt(self):
        run = self.begin(
            """runbook deploy(file: string) {
  step first = shell("echo first ${run.id} >> ${file}") rollback none "a line"
  step second = shell("test -e ${file}.ok") rollback none "nothing"
}
"""
        )
        (self.folder / "lines.ok").write_text("")
        self.assertIn("done before, with other arguments", self.rbk("retry", run, "--dry-run").out)
        done = self.rbk("retry", run, "--json")
        again = rbk.run_id(done)
        self.assertEqual(self.lines(), [f"first {run}", f"first {again}"])
        # What was done with the old arguments is told of, since neither run undoes it.
        self.assertIn(f"step first of run {run} was not taken over", done.err)
        self.assertIn(f"step first of run {run} was not taken over", self.rbk("show", again).out)
        self.assertEqual(self.rbk("show", again, "--json").lines()[0]["abandoned"], [{"path": "first", "run": run}])

    def test_a_defer_that_ran_asks_for_a_step_to_begin_with(self):
        run = self.begin(
            """runbook deploy(file: string) {
  step before = shell("echo before >> ${file}") rollback none "a line"
  step silence = shell("echo silence >> ${file}") rollback none "by the defer"
  defer { shell("echo unsilence >> ${file}") }
  step end = shell("test -e ${file}.ok") rollback none "nothing"
}
"""
        )
        self.clear()
        (self.folder / "lines.ok").write_text("")
        self.refused("defer", "retry", run)
        self.retry(run, "--from", "silence")
        self.assertEqual(self.lines(), ["silence", "unsilence"])

    def test_a_defer_behind_a_handler_of_the_failure_counts_too(self):
        run = self.begin(
            """runbook deploy(file: string) {
  defer { shell("echo unsilence >> ${file}") }
  step silence = shell("echo silence >> ${file}") rollback none "by the defer"
  step end = shell("test -e ${file}.ok") rollback none "nothing"
  before rollback e { step evidence = shell("echo evidence >> ${file}") reads }
}
"""
        )
        self.assertEqual(self.lines(), ["silence", "evidence", "unsilence"])
        self.refused("defer", "retry", run)

    def test_a_defer_of_an_item_that_ended_well_is_taken_over_beside_others(self):
        run = self.begin(
            """runbook deploy(file: string) {
  parallel for host in ["a", "b"] on failure continue {
    step mark = shell("echo mark ${host} >> ${file}") rollback { shell("echo unmark ${host} >> ${file}") }
    defer { shell("echo defer ${host} >> ${file}") }
    step work = shell("test ${host} = a || test -e ${file}.ok") rollback none "nothing"
  }
}
""",
            exit=rbk.PARTIAL,
        )
        self.clear()
        (self.folder / "lines.ok").write_text("")
        self.retry(run, "--failed")
        self.assertEqual(self.lines(), ["mark b", "defer b"])

    def test_what_was_undone_around_another_item_is_not_left_as_it_ended(self):
        run = self.begin(
            """runbook deploy(file: string) {
  try {
    for host in ["a", "b"] {
      step up = shell("echo up ${host} >> ${file}") rollback { shell("echo down ${host} >> ${file}") }
    }
    step check = shell("test -e ${file}.ok") rollback none "nothing"
  } catch e { log.warn(e.message) }
}
""",
            exit=rbk.SUCCEEDED,
        )
        (self.folder / "lines.ok").write_text("")
        self.refused("was undone by what is around its item", "retry", run, "--only", "b")

    def test_a_run_that_has_passed_a_commit(self):
        run = self.begin(
            """runbook deploy(file: string) {
  step a = shell("echo a >> ${file}") rollback { shell("echo undo a >> ${file}") }
  commit "the new primary is live"
  step end = shell("test -e ${file}.ok") rollback none "nothing"
}
"""
        )
        for words in ((), ("--from", "end")):
            self.refused('commit "the new primary is live"', "retry", run, *words)

    def test_a_defer_of_what_ended_well_is_taken_over(self):
        run = self.begin(
            """runbook deploy(file: string) {
  step inner = _part(file)
  step end = shell("test -e ${file}.ok") rollback none "nothing"
}

runbook _part(file: string) {
  step silence = shell("echo silence >> ${file}") rollback none "by the defer"
  defer { shell("echo unsilence >> ${file}") }
  step work = shell("echo work >> ${file}") rollback none "a line"
}
"""
        )
        self.clear()
        (self.folder / "lines.ok").write_text("")
        self.retry(run)
        self.assertEqual(self.lines(), [])

    def test_runs_that_it_started(self):
        run = self.begin(
            """runbook deploy(file: string) {
  step part = start _one(file)
  step end = shell("test -e ${file}.ok") rollback none "nothing"
}

runbook _one(file: string) {
  step line = shell("echo one >> ${file}; echo said") rollback none "a line"
}
"""
        )
        self.clear()
        (self.folder / "lines.ok").write_text("")
        self.assertIn(f"takes over what run {run}-1 did", self.rbk("retry", run, "--dry-run").out)
        again = self.retry(run)
        self.assertEqual(self.lines(), [])
        self.assertEqual(self.rbk("show", f"{again}-1", "--json").lines()[0]["retries"], f"{run}-1")
        self.assertEqual(self.taken(f"{again}-1"), {"line": f"{run}-1"})
        self.refused(f"rbk retry {run}", "retry", f"{run}-1")

    def test_a_kill_in_the_middle(self):
        self.write(
            "deploy.rbk",
            """runbook deploy(file: string) {
  for n in 1..40 {
    step line = shell("echo ${n} >> ${file}") rollback none "a line"
  }
  step end = shell("test -e ${file}.ok && echo end >> ${file}") rollback none "a line"
}
""",
        )
        run = rbk.run_id(self.rbk("run", "deploy.rbk", "--file", self.file, "--json", exit=rbk.FAILED))
        self.clear()
        (self.folder / "lines.ok").write_text("")
        process = rbk.start(self.folder, "retry", run)
        self.addCleanup(process.kill)

        def begun():
            runs = self.rbk("runs", "--json").lines()
            return next((one["run"] for one in runs if one["run"] != run), None)

        again = rbk.eventually("the retry has begun", begun)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.rbk("resume", again)
        self.assertEqual(self.lines(), ["end"])
        self.assertEqual(len(self.taken(again)), 40)

    def test_what_is_in_doubt_stays_so(self):
        self.write(
            "deploy.rbk",
            """runbook deploy(file: string) {
  step act = shell("echo act >> ${file}; sleep 100") timeout 1s rollback none "a line"
}
""",
        )
        run = rbk.run_id(self.rbk("run", "deploy.rbk", "--file", self.file, "--json", exit=rbk.FAILED))
        self.assertIn("nobody knows whether it was done", self.rbk("retry", run, "--dry-run").out)
        again = self.retry(run, exit=rbk.IN_DOUBT)
        self.assertEqual(self.lines(), ["act"])
        output = '{"stdout": "", "stderr": "", "exit_code": 0}'
        self.rbk("resolve", again, "act", "done", "--output", output)
        self.assertEqual(self.lines(), ["act"])

    def test_both_go_together(self):
        run = self.begin(FAILS)
        (self.folder / "lines.ok").write_text("")
        again = self.retry(run)
        self.rbk("store", "retain", "--older-than", "1ms", "--status", "succeeded")
        self.assertEqual({one["run"] for one in self.rbk("runs", "--json").lines()}, {run, again})
        self.rbk("store", "retain", "--older-than", "1ms")
        self.assertEqual(self.rbk("runs", "--json").lines(), [])


if __name__ == "__main__":
    unittest.main()
