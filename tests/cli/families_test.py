#!/usr/bin/env python3
"""Runs that start runs, between processes: who drives them, how they are shown, what a cancellation reaches."""
import unittest

import rbk

TEXT = """
runbook asks() -> string {
  step child = start _child()
  return child
}
runbook _child() -> string {
  step w = shell("echo did >> effects") rollback { shell("echo undid >> effects") }
  approval go "Go on?" {
    allow starter
    form { why: string }
  }
  return go.why
}
runbook slow() {
  step child = start _slow()
}
runbook _slow() {
  step w = shell("echo did >> effects; while ! test -e go; do sleep 0.02; done")
    rollback { shell("echo undid >> effects") }
}
runbook quick() {
  step aside = detach _quick() rollback none "it ends by itself"
}
runbook _quick() {
  log.info("quick")
}
runbook fails() {
  step child = start _fails() on failure ask
}
runbook _fails() {
  step w = shell("exit 3") on failure ask rollback none "nothing"
}
runbook throws() {
  step aside = detach _aside() rollback none "it ends by itself"
}
runbook _aside() {
  step w = shell("echo aside >> effects") rollback none "nothing"
}
"""


class Families(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("f.rbk", TEXT)

    def effects(self):
        file = self.folder / "effects"
        return file.read_text().split() if file.exists() else []

    def anew(self):
        for leftover in (self.folder / ".runbook").glob("store*"):
            leftover.unlink()

    def show(self, run):
        return self.rbk("show", run, "--json").lines()[0]

    def begin(self, runbook, exit=rbk.SUSPENDED):
        return rbk.run_id(self.rbk("run", f"f.rbk:{runbook}", "--json", exit=exit))

    def test_the_command_that_goes_on_names_the_child(self):
        done = self.rbk("run", "f.rbk:asks", exit=rbk.SUSPENDED)
        run = self.rbk("runs", "--json").lines()[-1]["run"]
        self.assertIn(f"run {run}-1: approval go: Go on?", done.err)
        self.assertIn(f"rbk approve {run}-1 go", done.err)
        self.assertIn(f"started run {run}-1 _child", done.out)
        end = rbk.ending(self.rbk("resume", run, "--json", exit=rbk.SUSPENDED))
        self.assertEqual([(wait["run"], wait["name"]) for wait in end["waits"]], [(f"{run}-1", "go")])
        self.rbk("approve", f"{run}-1", "go", "--set", "why=so")
        self.assertEqual((self.show(run)["status"], self.show(run)["output"]), ("succeeded", "so"))

    def test_both_ways_the_link_is_shown(self):
        run = self.begin("asks")
        parent, child = self.show(run), self.show(f"{run}-1")
        self.assertEqual(parent["children"], [{"run": f"{run}-1", "runbook": "_child", "status": "waiting", "link": "start", "step": "child"}])
        self.assertEqual((parent["began"], parent["awaits"]), ([f"{run}-1"], [f"{run}-1"]))
        self.assertEqual((child["parent"], child["parent_step"], child["link"]), (run, "child", "start"))
        self.assertIn(f"started run {run}-1 _child in step child: waiting", self.rbk("show", run).out)
        self.assertIn(f"started by run {run}, step child", self.rbk("show", f"{run}-1").out)
        self.assertIn(f"waiting for run {run}-1", self.rbk("runs").out)
        self.assertIn(f"start of {run}", self.rbk("runs").out)
        self.assertIn(f"rbk logs {run}-1", self.rbk("logs", run).err)
        (step,) = rbk.steps(self.rbk("show", run, "--json"))
        self.assertEqual((step["status"], step["runs"]), ("waiting", [f"{run}-1"]))

    def test_what_the_child_waits_for_is_said_of_the_parent(self):
        run = self.begin("asks")
        shown = self.rbk("show", run).out
        self.assertIn(f"run {run}-1: waits for approval go: Go on?", shown)
        self.assertIn(f"  rbk approve {run}-1 go --set why=", shown)
        self.assertNotIn("rbk resume", shown)
        self.assertEqual([(wait["run"], wait["name"]) for wait in self.show(run)["waits"]], [(f"{run}-1", "go")])
        told = self.rbk("approve", run, "go", "--set", "why=so", exit=rbk.REFUSED).err
        self.assertIn(f"run {run} waits for no approval itself: run {run}-1, which it started, does", told)
        run = self.begin("fails")
        told = self.rbk("resolve", run, "w", "fail", exit=rbk.REFUSED).err
        self.assertIn(f"run {run}-1, which it started, does", told)

    def test_one_that_ended_here_is_not_left_for_others(self):
        self.assertNotIn("was detached", self.rbk("run", "f.rbk:quick").err)

    def test_a_cancellation_reaches_it(self):
        for words, effects in (([], ["did"]), (["--rollback"], ["did", "undid"]), (["--now"], ["did"])):
            run = self.begin("asks")
            self.rbk("cancel", run, *words, exit=rbk.CANCELLED)
            self.assertEqual((self.show(run)["status"], self.show(f"{run}-1")["status"]), ("cancelled", "cancelled"))
            self.assertEqual(self.effects(), effects)
            # What was left is undone by a rollback of the one that began it.
            left = words != ["--rollback"]
            self.rbk("rollback", run, exit=rbk.SUCCEEDED if left else rbk.REFUSED)
            self.assertEqual(self.effects(), ["did", "undid"])
            self.rbk("rollback", f"{run}-1", exit=rbk.REFUSED)
            (self.folder / "effects").unlink()

    def test_another_process_may_drive_it(self):
        run = self.begin("asks")
        self.rbk("cancel", f"{run}-1", exit=rbk.CANCELLED)
        self.assertEqual(self.effects(), ["did", "undid"])
        self.assertTrue(self.show(run)["rolled_back"])
        self.assertEqual(self.show(run)["status"], "failed")
        self.assertEqual(self.show(run)["error"]["kind"], "RunFailed")

    def test_killed_it_goes_on_from_either_end(self):
        for end in ("parent", "child"):
            process = rbk.start(self.folder, "run", "f.rbk:slow")
            rbk.eventually("it is under way", lambda: self.effects() == ["did"])
            process.kill()
            process.wait()
            run = next(run["run"] for run in self.rbk("runs", "--json").lines() if "parent" not in run)
            (self.folder / "go").write_text("")
            self.rbk("resume", run if end == "parent" else f"{run}-1")
            self.assertEqual({run["status"] for run in self.rbk("runs", "--json").lines()}, {"succeeded"})
            self.assertEqual(self.effects(), ["did"])
            (self.folder / "go").unlink()
            (self.folder / "effects").unlink()
            self.anew()

    def test_a_detached_one_is_left_for_others(self):
        done = self.rbk("run", "f.rbk:throws")
        run = self.rbk("runs", "--json").lines()[-1]["run"]
        self.assertIn(f"run {run}-1 was detached: a worker goes on with it, or rbk resume {run}-1", done.err)
        self.assertEqual(self.effects(), [])
        self.rbk("resume")
        self.assertEqual(self.effects(), ["aside"])
        self.assertEqual(self.show(f"{run}-1")["link"], "detach")


if __name__ == "__main__":
    unittest.main()
