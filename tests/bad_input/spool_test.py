#!/usr/bin/env python3
"""The folder of the spools is not as it should be: that is no step's fault, and nothing is done twice or undone for it."""
import os
import shutil
import signal
import subprocess
import time
import unittest

import rbk

STEPS = """
runbook steps(file: string, pause: string = "0") {
  for n in 1..4 {
    step s = shell("sleep ${pause}; echo ${n} >> ${file}")
      rollback { shell("echo undo ${n} >> ${file}") }
  }
}
"""
# A step's file serves the next one: so many at once need files of their own.
AT_ONCE = """
runbook steps(file: string, pause: string = "0") {
  step one = shell("sleep ${pause}; echo 1 >> ${file}")
    rollback { shell("echo undo 1 >> ${file}") }
  parallel for n in 2..4 {
    step s = shell("sleep ${pause}; echo ${n} >> ${file}")
      rollback { shell("echo undo ${n} >> ${file}") }
  }
}
"""


class Spools(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("steps.rbk", STEPS)
        self.file = self.folder / "lines"

    def lines(self):
        return self.file.read_text().split("\n")[:-1] if self.file.exists() else []

    def run_steps(self, *words, exit):
        return self.rbk("run", "steps.rbk", "--file", self.file, *words, exit=exit)

    def test_others_may_enter_it(self):
        self.run_steps(exit=rbk.SUCCEEDED)
        self.file.unlink()
        spool = self.folder / ".runbook" / "spool"
        spool.chmod(0o755)
        done = self.run_steps(exit=rbk.SUSPENDED)
        self.assertIn("chmod 700", done.err)
        self.assertIn("rbk resume", done.err)
        self.assertEqual(self.lines(), [])
        spool.chmod(0o700)
        self.rbk("resume")
        self.assertEqual(self.lines(), ["1", "2", "3", "4"])

    def test_no_file_can_be_made_in_it(self):
        self.write("steps.rbk", AT_ONCE)
        disk = self.folder / "disk"
        disk.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=40", "tmpfs", disk]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            self.skipTest("no right to mount a file system")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        store = f"sqlite:{disk}/store.db"
        process = rbk.start(
            self.folder, "run", "steps.rbk", "--file", self.file, "--pause", "0.8", "--store", store,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        rbk.eventually("a store", (disk / "spool" / "supervisor.socket").exists)
        # Again and again, as each file that is no longer needed makes room for another one.
        fillers = []
        while process.poll() is None:
            try:
                fillers.append(disk / f"filler{len(fillers)}")
                fillers[-1].touch()
            except OSError:
                fillers.pop()
                time.sleep(0.02)
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, rbk.SUSPENDED, err)
        self.assertIn("No space left", err)
        done = self.lines()
        self.assertLess(len(done), 4)
        self.assertLessEqual(set(done), {"1", "2", "3", "4"}, "nothing was undone")
        for filler in fillers:
            filler.unlink()
        self.rbk("resume", "--store", store)
        self.assertEqual(sorted(self.lines()), ["1", "2", "3", "4"])

    def test_it_is_removed_between_a_crash_and_the_resume(self):
        process = rbk.start(self.folder, "run", "steps.rbk", "--file", self.file, "--pause", "0.7")
        rbk.eventually("the first step", self.lines)
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(self.folder / ".runbook" / "spool")
        self.rbk("resume", exit=rbk.IN_DOUBT)
        time.sleep(1)
        self.assertEqual(self.lines(), ["1", "2"], "the command went on, and was not begun again")
        run = self.rbk("runs", "--json").lines()[0]["run"]
        self.rbk("resolve", run, "s[2]", "done")
        self.assertEqual(self.lines(), ["1", "2", "3", "4"])


if __name__ == "__main__":
    unittest.main()
