#!/usr/bin/env python3
"""Stopping `rbk run`: Ctrl-C, cancel from elsewhere, a pipe that closes; the process groups of what it started."""
import collections
import json
import pathlib
import signal
import subprocess
import time
import unittest

import rbk

STEPS = """
runbook steps(file: string, pause: string = "0.3", count: int = 5) {
  for n in 1..count {
    step work = shell("sleep ${pause}; echo ${n} >> ${file}")
      rollback { shell("echo undo ${n} >> ${file}") }
  }
  after cancel {
    log.info("was cancelled")
    shell("echo after cancel >> ${file}")
  }
}
"""

UNWINDS = """
runbook unwinds(file: string) {
  for n in 1..4 {
    step work = shell("true")
      rollback { shell("sleep 0.3; echo undo ${n} >> ${file}") }
  }
  step fails = shell("exit 1") reads
}
"""

GATED = """
runbook gated(file: string) {
  for n in 1..3 {
    step work = shell("touch ${file}.began; until [ -e ${file}.free ]; do sleep 0.05; done; echo ${n} >> ${file}")
      rollback none "a line"
  }
}
"""

HANGS = """
runbook hangs(file: string) {
  step work = shell("sleep 321 & echo $! > ${file}; wait")
    rollback none "it only sleeps"
}
"""


def pending(pid, which):
    """Whether the signal was sent to the process and not delivered yet."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("ShdPnd:")[1].split()[0], 16) >> (which - 1) & 1


class Interrupt(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("steps.rbk", STEPS)
        self.file = self.folder / "lines"

    def lines(self):
        return self.file.read_text().split("\n")[:-1] if self.file.exists() else []

    def begin(self, *words):
        process = rbk.start(self.folder, "run", "steps.rbk", "--file", self.file, *words,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        return process

    def only_run(self):
        (run,) = self.rbk("runs", "--json").lines()
        return run

    def test_ctrl_c_stops_at_the_border(self):
        process = self.begin()
        rbk.eventually("the first step", self.lines)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
        self.assertEqual(process.returncode, rbk.SUSPENDED, output)
        self.assertIn("rbk resume", output)
        done = self.lines()
        self.assertIn(done, (["1"], ["1", "2"]), "the step under way went on to its end")
        time.sleep(0.5)
        self.assertEqual(self.lines(), done, "no other began")
        self.rbk("resume", self.only_run()["run"])
        self.assertEqual(self.lines(), ["1", "2", "3", "4", "5"])

    def test_what_ctrl_c_keeps_from_beginning_is_told_when_it_begins(self):
        process = self.begin("--json")
        rbk.eventually("the first step", self.lines)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
        told = [json.loads(line) for line in output.splitlines()]
        self.assertEqual(told[-1]["exit"], rbk.SUSPENDED, output)
        done = self.rbk("resume", told[0]["run"], "--json").lines()
        counts = collections.Counter
        for name in ("step_began", "attempt_began"):
            first = [event["path"] for event in told if event["event"] == name]
            ended = [event["path"] for event in told if event["event"] == "step_ended"]
            self.assertEqual(first, ended, "what began ended")
            rest = [event["path"] for event in done if event["event"] == name]
            self.assertEqual(counts(first + rest), counts(event["path"] for event in told + done if event["event"] == "step_ended"))
        began = next(event["time"] for event in done if event["event"] == "step_began")
        self.assertGreater(began, told[-1]["updated"])

    def test_a_second_ctrl_c_stops_at_once(self):
        self.write("steps.rbk", GATED)
        process = self.begin()
        rbk.eventually("the first step", (self.folder / "lines.began").exists)
        process.send_signal(signal.SIGINT)
        rbk.eventually("the first is heard", lambda: not pending(process.pid, signal.SIGINT))  # two at once are one
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, rbk.SUSPENDED)
        self.assertEqual(self.lines(), [], "it did not wait for the step")
        (self.folder / "lines.free").touch()
        self.rbk("resume", timeout=60)
        self.assertEqual(self.lines(), ["1", "2", "3"])

    def test_sigterm_is_as_ctrl_c(self):
        process = self.begin()
        rbk.eventually("the first step", self.lines)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, rbk.SUSPENDED)
        self.rbk("resume")
        self.assertEqual(self.lines(), ["1", "2", "3", "4", "5"])

    def test_what_did_not_begin_before_a_stop_does_not_begin_for_a_cancellation(self):
        for words in ([], ["--rollback"]):
            process = self.begin()
            rbk.eventually("the first step", self.lines)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
            self.assertEqual(process.returncode, rbk.SUSPENDED)
            done = self.lines()
            run = self.rbk("runs", "--json", "--limit", "1").lines()[0]["run"]
            self.rbk("cancel", run, *words, exit=rbk.CANCELLED)
            rest = [f"undo {line}" for line in reversed(done)] if words else []
            self.assertEqual(self.lines()[: -1], done + rest)
            self.file.unlink()

    def test_a_rollback_that_was_stopped_goes_on_when_it_is_cancelled(self):
        self.write("steps.rbk", UNWINDS)
        process = self.begin()
        rbk.eventually("the first rollback", self.lines)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, rbk.SUSPENDED)
        self.assertLess(len(self.lines()), 4)
        self.rbk("cancel", self.only_run()["run"], "--rollback", exit=None)
        self.assertEqual(self.lines(), ["undo 4", "undo 3", "undo 2", "undo 1"])
        self.assertTrue(self.only_run()["rolled_back"])

    def test_cancel_leaves_what_was_done(self):
        process = self.begin("--count", 99)
        rbk.eventually("the first step", self.lines)
        self.rbk("cancel", self.only_run()["run"], exit=None)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, rbk.CANCELLED)
        done = self.lines()[:-1]  # how far it came before it heard of it
        self.assertLess(len(done), 99)
        self.assertEqual(self.lines(), [str(n + 1) for n in range(len(done))] + ["after cancel"])
        self.assertEqual(self.only_run()["status"], "cancelled")

    def test_cancel_with_rollback(self):
        process = self.begin("--count", 99)
        rbk.eventually("the first step", self.lines)
        self.rbk("cancel", self.only_run()["run"], "--rollback", exit=None)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, rbk.CANCELLED)
        done = [line for line in self.lines() if line.isdigit()]  # how far it came before it heard of it
        self.assertLess(len(done), 99)
        undone = [f"undo {line}" for line in reversed(done)]
        self.assertEqual(self.lines()[: 2 * len(done)], [str(n + 1) for n in range(len(done))] + undone)

    def test_cancel_now_kills_the_whole_process_group(self):
        self.write("hangs.rbk", HANGS)
        process = rbk.start(self.folder, "run", "hangs.rbk", "--file", self.file)
        child = int(rbk.eventually("the child", self.lines)[0])
        self.rbk("cancel", self.only_run()["run"], "--now", exit=None)
        process.wait(30)
        rbk.eventually("the child is gone", lambda: not rbk.alive(child))

    def test_a_timeout_kills_the_whole_process_group(self):
        self.write("hangs.rbk", HANGS.replace("rollback none", "timeout 3s\n      rollback none"))
        self.rbk("run", "hangs.rbk", "--file", self.file, exit=rbk.FAILED)
        child = int(self.lines()[0])
        rbk.eventually("the child is gone", lambda: not rbk.alive(child))

    def test_a_reader_that_goes_away_does_not_harm_the_run(self):
        process = self.begin("--pause", "0.05")
        process.stdout.readline()
        process.stdout.close()
        process.wait(30)
        self.rbk("resume", exit=None)
        self.assertEqual(self.lines(), ["1", "2", "3", "4", "5"])

    def test_detach(self):
        done = self.rbk("run", "steps.rbk", "--file", self.file, "--pause", "0", "--detach", exit=None)
        self.assertEqual(self.lines(), [], str(done))
        self.rbk("resume", self.only_run()["run"])
        self.assertEqual(self.lines(), ["1", "2", "3", "4", "5"])


if __name__ == "__main__":
    unittest.main()
