#!/usr/bin/env python3
"""`rbk worker`: goes on with what can go on, beside others, through kills and stops; and who is told that there is one."""
import json
import pathlib
import signal
import subprocess
import time
import unittest

import rbk

STEPS = """
runbook steps(file: string, name: string, pause: string = "0.2") {
  for i in 1..4 {
    step write = shell("sleep ${pause}; echo ${name} ${i} >> ${file}") rollback none "a line"
  }
}
"""

WAITS = """
runbook waits(file: string) {
  step first = shell("echo first >> ${file}") rollback none "a line"
  wait 2s
  approval go "go on?" { allow starter }
  step second = shell("echo second >> ${file}") rollback none "a line"
}
"""


class Worker(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("steps.rbk", STEPS)
        self.write("waits.rbk", WAITS)
        self.file = self.folder / "lines"
        self.workers = []
        self.addCleanup(self.end_workers)

    def lines(self):
        return self.file.read_text().splitlines() if self.file.exists() else []

    def worker(self, *words):
        worker = rbk.start(self.folder, "worker", "--json", *words, stdout=subprocess.PIPE, text=True)
        self.workers.append(worker)
        said = json.loads(worker.stdout.readline())
        self.assertEqual((said["event"], said["process"]), ("works", worker.pid))
        return worker

    def end_workers(self):
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.communicate()

    def stop(self, worker, code=rbk.SUCCEEDED):
        """Drains it; what it said."""
        worker.send_signal(signal.SIGTERM)
        out, _ = worker.communicate(timeout=30)
        self.assertEqual(worker.returncode, code, out)
        return [json.loads(line) for line in out.splitlines()]

    def detach(self, name, *words):
        return self.rbk("run", "steps.rbk", "--file", self.file, "--name", name, "--detach", "--json", *words).lines()[0]["run"]

    def runs(self):
        return {run["run"]: run for run in self.rbk("runs", "--json").lines()}

    def all_over(self, count=1):
        rbk.eventually("the end of all runs", lambda: [run["status"] for run in self.runs().values()] == ["succeeded"] * count, 60)

    def test_it_goes_on_with_what_was_detached(self):
        told = self.rbk("run", "steps.rbk", "--file", self.file, "--name", "a", "--detach")
        self.assertIn("no worker is alive that goes on with it: rbk worker, or rbk resume", told.err)
        worker = self.worker()
        self.all_over()
        told = self.rbk("run", "steps.rbk", "--file", self.file, "--name", "b", "--detach")
        self.assertNotIn("no worker", told.err)
        self.all_over(2)
        self.assertEqual(self.lines(), ["a 1", "a 2", "a 3", "a 4", "b 1", "b 2", "b 3", "b 4"])
        said = self.stop(worker)
        self.assertEqual([event["event"] for event in said if event["event"] in ("taken", "end", "stopped")], ["taken", "end"] * 2 + ["stopped"])
        self.assertIn("no worker", self.rbk("run", "steps.rbk", "--file", self.file, "--name", "c", "--detach").err)

    def test_what_waits_is_let_go_and_taken_up_again(self):
        worker = self.worker()
        run = self.rbk("run", "waits.rbk", "--file", self.file, "--detach", "--json").lines()[0]["run"]
        rbk.eventually("the question", lambda: self.rbk("approvals", "--json").lines())
        rbk.eventually("it is let go", lambda: not self.runs()[run]["driven"])
        self.rbk("approve", run, "go", exit=None)
        self.all_over()
        self.assertEqual(self.lines(), ["first", "second"])
        self.stop(worker)

    def test_killed_in_the_middle_of_a_run(self):
        first = self.worker()
        run = self.detach("a", "--pause", "0.5")
        rbk.eventually("the first line", self.lines)
        second = self.worker()
        first.kill()
        self.all_over()
        self.assertEqual(self.lines(), ["a 1", "a 2", "a 3", "a 4"])
        said = self.stop(second)
        self.assertEqual([event["run"] for event in said if event["event"] == "taken"], [run])

    def test_many_runs_and_several_workers(self):
        workers = [self.worker("--slots", "3") for _ in range(3)]
        names = [f"n{i}" for i in range(12)]
        for name in names:
            self.detach(name, "--pause", "0.05")
        own = rbk.start(self.folder, "run", "steps.rbk", "--file", self.file, "--name", "own", "--pause", "0.05")
        workers.pop(0).kill()
        self.all_over(13)
        own.wait(30)
        self.assertCountEqual(self.lines(), [f"{name} {i}" for name in [*names, "own"] for i in range(1, 5)])
        for worker in workers:
            self.stop(worker)

    def test_sigterm_drains(self):
        worker = self.worker()
        run = self.detach("a", "--pause", "2")
        rbk.eventually("it is taken", lambda: self.runs()[run]["driven"])
        time.sleep(0.3)
        self.stop(worker)
        self.assertIn(self.lines(), (["a 1"], ["a 1", "a 2"], ["a 1", "a 2", "a 3"]))
        self.assertEqual((self.runs()[run]["status"], self.runs()[run]["driven"]), ("running", False))
        worker = self.worker()
        self.all_over()
        self.assertEqual(self.lines(), ["a 1", "a 2", "a 3", "a 4"])
        self.stop(worker)

    def test_a_second_signal_stops_at_once(self):
        worker = self.worker()
        run = self.detach("a", "--pause", "20")
        rbk.eventually("it is taken", lambda: self.runs()[run]["driven"])
        time.sleep(0.3)
        worker.send_signal(signal.SIGINT)
        time.sleep(0.2)
        began = time.monotonic()
        self.stop(worker, rbk.SUSPENDED)
        self.assertLess(time.monotonic() - began, 15)
        self.rbk("cancel", run, "--now", exit=rbk.CANCELLED)

    def test_it_needs_next_to_nothing_when_idle(self):
        worker = self.worker()
        time.sleep(0.5)
        fields = lambda: pathlib.Path(f"/proc/{worker.pid}/stat").read_text().rsplit(")", 1)[1].split()
        before = sum(map(int, fields()[11:13]))
        time.sleep(3)
        self.assertLess(sum(map(int, fields()[11:13])) - before, 10, "hundredths of a second of the processor in three seconds")
        self.stop(worker)

    def test_a_child_that_gets_nowhere_is_quarantined_and_its_parent_is_not(self):
        self.write("family.rbk", 'runbook parent() { step s = start kid() }\nrunbook kid() { step k = shell("sleep 600") rollback none "nothing" }\n')
        parent = self.rbk("run", "family.rbk:parent", "--detach", "--json").lines()[0]["run"]
        kid = f"{parent}-1"
        deaths = 0
        quarantined = lambda: self.runs().get(kid, {}).get("status") == "quarantined"
        while deaths < 9:
            worker = self.worker()
            rbk.eventually("the child is claimed", lambda: quarantined() or self.runs().get(kid, {}).get("driven"), 60)
            if quarantined():
                break
            worker.kill()
            worker.wait()
            deaths += 1
        self.assertLessEqual(deaths, 4)
        self.assertEqual(self.runs()[parent]["status"], "waiting")
        self.stop(worker)
        told = self.rbk("resume", parent, exit=rbk.SUSPENDED).err
        self.assertIn(f"for run {kid}, which is quarantined", told)
        self.assertIn(f"rbk resume {kid}", told)
        for word in ("cancel", "rollback"):
            told = self.rbk(word, kid, exit=rbk.REFUSED).err
            self.assertIn(f"`rbk resume {kid}` tries it once more", told)
        self.rbk("cancel", parent, "--now", exit=None)
        self.assertIn(self.runs()[parent]["status"], ("cancelled", "rollback_failed"))

    def test_what_is_refused(self):
        told = self.rbk("worker", "--store", f"sqlite:{self.folder}/typo/x.db", exit=rbk.USAGE).err
        self.assertIn("there is no store at", told)
        self.assertFalse((self.folder / "typo").exists())
        self.assertIn("--slots 0: a number from 1 to 10000", self.rbk("worker", "--slots", "0", exit=rbk.USAGE).err)


if __name__ == "__main__":
    unittest.main()
