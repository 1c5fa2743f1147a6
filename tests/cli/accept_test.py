#!/usr/bin/env python3
"""A store that was copied or restored: what was unfinished is held, until `rbk store accept` says that the loss is understood."""
import os
import shutil
import unittest

import rbk

BOOK = """
runbook asks() -> string {
  approval go "really?" { allow starter }
  return "went"
}
runbook few() -> int {
  step a = shell("true") reads
  return 1
}
runbook works(file: string) {
  step look = shell("true") reads
  step write = shell("echo x >> ${file}; n=0; while [ ! -e ${file}.end ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n+1)); done") rollback none "a line"
}
"""


class Accept(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("few.rbk", BOOK)
        self.store = self.folder / ".runbook/store.db"
        self.saved = self.folder / "saved"

    def asks(self):
        return rbk.run_id(self.rbk("run", "few.rbk:asks", "--json", exit=rbk.SUSPENDED))

    def save(self):
        """All of the store's files but its lock file, which no backup has."""
        self.saved.mkdir(exist_ok=True)
        for part in ("", "-wal"):
            shutil.copyfile(f"{self.store}{part}", self.saved / f"store.db{part}")

    def put_back(self, in_place):
        for file in self.store.parent.glob("store.db*"):
            if not in_place or file.name.endswith("-shm"):
                file.unlink()
        for part in ("", "-wal"):
            shutil.copyfile(self.saved / f"store.db{part}", f"{self.store}{part}")

    def status(self, run):
        return next(row for row in self.rbk("runs", "--json").lines() if row["run"] == run)["status"]

    def test_a_restored_file_is_held_until_it_is_accepted(self):
        run = self.asks()
        self.save()
        self.rbk("approve", run, "go")
        self.put_back(in_place=False)
        self.assertEqual(self.status(run), "waiting")  # who only reads looks at it as it is, and is told so
        self.assertIn("what is unfinished is held as soon as", self.rbk("runs").err)
        for words in (("approve", run, "go"), ("reject", run, "go", "--reason", "no"), ("cancel", run), ("resume", run),
                      ("pause", run), ("signal", run, "x"), ("skip", run, "go"), ("resolve", run, "go", "done")):  # fmt: skip
            done = self.rbk(*words, exit=rbk.REFUSED)
            self.assertIn("quarantined", done.err, words)
            self.assertIn("rbk store accept", done.err, words)
            self.assertIn("1 unfinished run", done.err, words)
        self.assertEqual(self.status(run), "quarantined")
        shown = self.rbk("show", run).out
        self.assertEqual(shown.splitlines()[-1], "  rbk store accept")
        self.assertNotIn("rbk resume", shown)
        self.assertIn("rbk store accept", self.rbk("inbox").err)
        self.assertIn("nothing to resume", self.rbk("resume", exit=rbk.REFUSED).out)
        self.rbk("run", "few.rbk:few")  # what is new begins
        self.rbk("store", "check")
        asked = self.rbk("store", "accept", exit=rbk.REFUSED)
        self.assertIn(f"run {run}, asks, was waiting", asked.out)
        self.assertIn("--yes", asked.err)
        self.assertEqual(self.status(run), "quarantined")
        lines = self.rbk("store", "accept", "--yes", "--json").lines()
        self.assertEqual([line["event"] for line in lines], ["holds", "held", "accepted"])
        self.assertEqual((lines[0]["runs"], lines[1]["run"], lines[1]["under_way"], lines[2]["runs"]), (1, run, [], 1))
        self.assertEqual(self.status(run), "waiting")
        done = self.rbk("approve", run, "go")
        self.assertEqual(done.err, "")
        self.assertIn("holds nothing back", self.rbk("store", "accept").out)
        trail = self.rbk("audit", "--json").lines()
        verbs = [row["verb"] for row in trail if row["kind"] == "store"]
        self.assertEqual(verbs, ["begin", "begin epoch", "store accept"])
        self.rbk("audit", "verify")

    def test_a_file_that_is_put_back_in_its_place(self):
        run = self.asks()
        self.save()
        self.rbk("run", "few.rbk:few")
        inode = os.stat(self.store).st_ino
        self.put_back(in_place=True)
        self.assertEqual(os.stat(self.store).st_ino, inode)
        self.assertIn("earlier state", self.rbk("approve", run, "go", exit=rbk.REFUSED).err)
        self.rbk("store", "accept", "--yes")
        self.rbk("approve", run, "go")

    def test_what_is_no_restore_makes_no_alarm(self):
        run = self.asks()
        self.rbk("store", "backup", "copy.db")
        self.rbk("store", "vacuum")
        self.store.parent.rename(self.folder / "elsewhere")
        (self.folder / "elsewhere").rename(self.store.parent)
        self.assertEqual(self.rbk("approve", run, "go").err, "")

    def test_a_copy_without_anything_unfinished_goes_on(self):
        self.rbk("run", "few.rbk:few")
        self.save()
        self.put_back(in_place=False)
        self.assertEqual(self.rbk("run", "few.rbk:few").err, "")

    def test_schedules_are_told_of(self):
        self.write("few.rbk", BOOK + "schedule rare for few() { every 9h }\n")
        self.rbk("schedule", "add", "few.rbk")
        self.rbk("store", "backup", "copy.db")
        for part in self.store.parent.glob("store.db*"):
            part.unlink()
        (self.folder / "copy.db").rename(self.store)
        self.rbk("run", "few.rbk:few")
        for words in (("check",), ("vacuum",), ("backup", "again.db"), ("retain", "--older-than", "1d")):
            self.assertIn("rbk store accept", self.rbk("store", *words).err, words)
        self.assertIn("rbk store accept", self.rbk("schedule", "list").err)
        told = self.rbk("store", "accept", exit=rbk.REFUSED).out
        self.assertIn("schedule rare, dealt with up to", told)
        line = self.rbk("store", "accept", "--yes", "--json").lines()[1]
        self.assertEqual((line["event"], line["schedule"], line["paused"]), ("held_schedule", "rare", False))
        self.assertNotIn("rbk store accept", self.rbk("schedule", "list").err)

    def test_a_step_that_was_under_way_is_in_doubt(self):
        file = self.folder / "lines"
        self.addCleanup(lambda: (self.folder / "lines.end").write_text(""))
        process = rbk.start(self.folder, "run", "few.rbk:works", "--file", file)
        rbk.eventually("the step", file.exists)
        run = self.rbk("runs", "--json").lines()[0]["run"]
        self.rbk("store", "backup", "copy.db")
        (self.folder / "lines.end").write_text("")
        process.wait(60)  # it has ended well after the copy was made
        (self.folder / "lines.end").unlink()
        for part in self.store.parent.glob("store.db*"):
            part.unlink()
        (self.folder / "copy.db").rename(self.store)
        self.assertIn("a copy that `rbk store backup` has made", self.rbk("resume", run, exit=rbk.REFUSED).err)
        held = self.rbk("store", "accept", "--yes", "--json").lines()[1]
        self.assertEqual((held["was"], held["under_way"]), ("running", [{"path": "write", "action": "shell", "then": "in_doubt"}]))
        self.rbk("resume", run, exit=rbk.IN_DOUBT)
        self.assertEqual(file.read_text(), "x\n")
        self.rbk("resolve", run, "write", "done", "--output", '{"stdout": "", "stderr": "", "code": 0}', exit=None)


if __name__ == "__main__":
    unittest.main()
