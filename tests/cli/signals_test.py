#!/usr/bin/env python3
"""Signals by commands: to a run that somebody drives, that nobody drives, and from many at once."""
import unittest

import rbk

SUM = """
/// Adds up what it is sent.
runbook sum(count: int = 8) -> int {
  var total = 0
  for i in 1..count {
    let got = wait for signal add: int
    total = total + got.payload
  }
  return total
}
"""

DRIVEN = """
runbook driven(file: string) -> int {
  step begin = shell("echo x >> ${file}") rollback none "a line"
  parallel {
    step takes {
      let got = wait for signal add: int
      got.payload
    }
    step busy = shell("sleep 2") reads
  }
  return takes
}
"""


class Signals(rbk.Case):
    def begin(self, name, text, *words, exit=rbk.SUSPENDED):
        self.write(f"{name}.rbk", text)
        done = self.rbk("run", f"{name}.rbk", *words, exit=exit)
        return self.rbk("runs", "--json").lines()[0]["run"], done

    def test_many_at_once_each_counts(self):
        run, _ = self.begin("sum", SUM)
        sent = [rbk.start(self.folder, "signal", run, "add", 2**at) for at in range(8)]
        codes = [process.wait(60) for process in sent]
        self.assertLessEqual(set(codes), {rbk.SUCCEEDED, rbk.SUSPENDED})
        # Whoever came last may have found the run let go.
        self.rbk("resume", run, exit=None)
        self.assertEqual(self.rbk("show", run, "--json").lines()[0]["output"], 255)

    def test_the_same_id_from_many_counts_once(self):
        run, _ = self.begin("sum", SUM, "--count", 2)
        sent = [rbk.start(self.folder, "signal", run, "add", 5, "--id", "same") for _ in range(6)]
        self.assertEqual({process.wait(60) for process in sent}, {rbk.SUSPENDED})
        done = self.rbk("signal", run, "add", 5, "--id", "same", exit=rbk.SUSPENDED)
        self.assertIn("a signal add with the id same was sent before, and counts once", done.err)
        self.rbk("signal", run, "add", 7, "--id", "other")
        self.assertEqual(self.rbk("show", run, "--json").lines()[0]["output"], 12)

    def test_a_run_that_another_drives_takes_it(self):
        self.write("driven.rbk", DRIVEN)
        file = self.folder / "lines"
        drives = rbk.start(self.folder, "run", "driven.rbk", "--file", file)
        rbk.eventually("the first step", file.exists)
        run = self.rbk("runs", "--json").lines()[0]["run"]
        self.rbk("signal", run, "add", 41)
        self.assertEqual(drives.wait(30), rbk.SUCCEEDED)
        self.assertEqual(self.rbk("show", run, "--json").lines()[0]["output"], 41)

    def test_what_goes_on_with_it_is_printed(self):
        run, done = self.begin("sum", SUM)
        self.assertIn("signal add: int", done.err)
        self.assertIn(f"rbk signal {run} add JSON", done.err)
        shown = self.rbk("show", run)
        self.assertIn("waits for signal add: int", shown.out)
        (wait,) = self.rbk("show", run, "--json").lines()[0]["waits"]
        self.assertEqual((wait["kind"], wait["name"], wait["description"]["type"]), ("signal", "add", "int"))
        self.assertIn("nothing waits", self.rbk("inbox").out)

    def test_too_much_is_refused(self):
        run, _ = self.begin("any", "runbook any() {\n  wait for signal go\n}\n")
        done = self.rbk("signal", run, "go", '"' + "x" * 70_000 + '"', exit=rbk.USAGE)
        self.assertIn("may bring 64KiB", done.err)
        self.assertIn("--id is empty", self.rbk("signal", run, "go", "--id", "", exit=rbk.USAGE).err)


if __name__ == "__main__":
    unittest.main()
