#!/usr/bin/env python3
"""Stores as they should not be: where nothing can be written, damaged, of a newer format, with a run whose process died."""
import contextlib
import os
import signal
import sqlite3
import subprocess
import unittest

import rbk

WORKS = """
runbook works(file: string = "begun") {
  step a = shell("echo one; touch ${file}; sleep 60") reads
}
"""
FEW = 'runbook few() -> int {\n  step a = shell("echo one; echo two") reads\n  return 3\n}\n'
NOBODY = 65534

LARGE = r"""
runbook large() -> int {
  var all: list<string> = []
  for i in 1..10 {
    step fetch = shell("head -c 1000000 /dev/zero | tr '\\0' x; echo ${i}") reads
    all = all.append(fetch.stdout)
  }
  for i in 1..3 {
    step small = shell("echo ${i}") reads
  }
  approval go "all of it?" { by user "root" }
  return all.length
}
"""


class Store(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("few.rbk", FEW)
        self.run_id = rbk.run_id(self.rbk("run", "few.rbk", "--json"))
        self.store = self.folder / ".runbook/store.db"

    def as_reader(self, *words):
        """The command of a user who may read the store and write nothing."""
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [rbk.PROGRAM, *words], cwd=self.folder, env=rbk.environment(), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=60, check=False, **who,
        )  # fmt: skip
        return rbk.Done(list(words), done.returncode, done.stdout, done.stderr)

    def only_readable(self):
        for file in self.store.parent.iterdir():
            if file.is_file():
                file.chmod(0o444)
        self.store.parent.chmod(0o555)
        self.addCleanup(self.store.parent.chmod, 0o755)
        self.folder.chmod(0o755)

    def test_a_store_that_may_only_be_read(self):
        self.only_readable()
        for words, text in (
            (["runs"], self.run_id), (["runs", "--json"], '"driven":false'), (["show", self.run_id], "succeeded"),
            (["logs", self.run_id], "two"), (["approvals"], "no approval waits"), (["inbox"], "nothing waits"),
            (["rollback", self.run_id, "--dry-run"], "nothing is left to be undone"),
        ):  # fmt: skip
            with self.subTest(words):
                done = self.as_reader(*words)
                self.assertEqual(done.code, rbk.SUCCEEDED, str(done))
                self.assertIn(text, done.out)
        done = self.as_reader("resume")
        self.assertEqual(done.code, rbk.REFUSED, str(done))
        self.assertIn("write permission", done.err)

    def test_a_store_that_may_not_be_read(self):
        if os.geteuid() != 0:
            self.skipTest("needs a second user")
        self.folder.chmod(0o755)
        self.store.parent.chmod(0o755)
        done = self.as_reader("runs")
        self.assertEqual(done.code, rbk.REFUSED, str(done))
        self.assertIn("read permission", done.err)

    def test_a_damaged_store_is_a_failure(self):
        for file in self.store.parent.glob("store.db-*"):
            file.unlink()
        self.store.write_bytes(b"no database" * 1000)
        for words in (["runs"], ["resume"], ["run", "few.rbk"]):
            self.rbk(*words, exit=rbk.FAILED)

    def test_a_store_of_a_newer_format_is_usage(self):
        store = sqlite3.connect(self.store)
        store.execute("pragma user_version=99")
        store.commit()
        store.close()
        for words in (["runs"], ["resume"], ["run", "few.rbk"]):
            self.assertIn("format 99", self.rbk(*words, exit=rbk.USAGE).err)

    def test_a_run_whose_process_died_is_driven_by_nobody(self):
        self.write("works.rbk", WORKS)
        process = rbk.start(self.folder, "run", "works.rbk")
        rbk.eventually("the step", (self.folder / "begun").exists)
        run = self.rbk("runs", "--json", "--limit", "1").lines()[0]
        self.assertEqual((run["status"], run["driven"], run["process"]), ("running", True, process.pid))
        self.assertNotIn("nobody drives", self.rbk("runs").out)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        run = self.rbk("runs", "--json", "--limit", "1").lines()[0]
        self.assertEqual((run["status"], run["driven"], run.get("process")), ("running", False, None))
        self.assertIn("running, nobody drives it", self.rbk("runs").out)
        shown = self.rbk("show", run["run"])
        self.assertIn("running, nobody drives it", shown.out)
        self.assertIn(f"rbk resume {run['run']}", shown.out)
        self.rbk("cancel", run["run"], "--now", exit=rbk.CANCELLED)

    def test_a_small_step_writes_little_beside_large_results(self):
        """What is written follows what changed, not what the run holds: at a step, and at a wait."""
        self.write("large.rbk", LARGE)
        self.rbk("run", "large.rbk", exit=rbk.SUSPENDED)
        with contextlib.closing(sqlite3.connect(self.store)) as store:
            held = store.execute("select count(*), sum(plain_size) from blob where plain_size > 900000").fetchone()
            entries = store.execute("select length(body) + length(news) from journal order by key desc limit 6").fetchall()
            snapshots = store.execute("select coalesce(sum(length(bytes)), 0) from snapshot").fetchone()
        self.assertEqual(held[0], 10)
        self.assertGreater(held[1], 10_000_000)
        self.assertLess(max(size for (size,) in entries), 4096)
        self.assertLess(snapshots[0], 4096)


if __name__ == "__main__":
    unittest.main()
