#!/usr/bin/env python3
"""What becomes of a command's output: a full device, a reader that goes away, a log that is large."""
import os
import sqlite3
import subprocess
import time
import unittest

import rbk

FEW = 'runbook few() -> int {\n  step a = shell("echo one; echo two") reads\n  return 3\n}\n'
MIB = 1 << 20


def varint(number):
    data = bytearray()
    while number >= 0x80:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)


class Output(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("few.rbk", FEW)
        self.run_id = rbk.run_id(self.rbk("run", "few.rbk", "--json"))

    def grow_log(self, mebibytes):
        """Puts that much more into the run's log: long lines of its step, as the store keeps them."""
        line = b"x" * 1000
        chunk = (varint(0) + b"\0" + varint(len(line)) + line) * 64
        store = sqlite3.connect(self.folder / ".runbook/store.db")
        (key,) = store.execute("select key from run where id=?", (self.run_id,)).fetchone()
        rows = ((key, 1, 1, "a", chunk) for _ in range(mebibytes * MIB // len(chunk)))
        store.executemany("insert into log(run,step,attempt,path,lines) values(?,?,?,?,?)", rows)
        store.commit()
        store.close()

    def peak(self, *words):
        """The most memory that a command took, in MiB, and how many bytes it wrote."""
        with open(self.folder / "out", "wb") as out:
            process = subprocess.Popen([rbk.PROGRAM, *words], cwd=self.folder, env=rbk.environment(), stdout=out)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, rbk.SUCCEEDED)
        return usage.ru_maxrss >> 10, (self.folder / "out").stat().st_size

    def test_a_full_device_is_no_success(self):
        for words in (
            ["runs"], ["runs", "--json"], ["show", self.run_id], ["show", self.run_id, "--json"], ["logs", self.run_id],
            ["logs", self.run_id, "--json"], ["run", "few.rbk"], ["run", "few.rbk", "--json"], ["run", "few.rbk", "--detach"],
            ["check", "few.rbk"], ["plan", "few.rbk"], ["disasm", "few.rbk"], ["explain"], ["version"], ["--help"],
            ["check", "--effects"], ["diff", "few.rbk", "few.rbk"], ["doc"], ["doc", "http"], ["schema", "few.rbk"],
            ["run", "--help"], ["inbox"], ["approvals"], ["resume"],
        ):  # fmt: skip
            with self.subTest(words), open("/dev/full", "w") as full:
                done = subprocess.run(
                    [rbk.PROGRAM, *words], cwd=self.folder, env=rbk.environment(), stdin=subprocess.DEVNULL, stdout=full,
                    stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                )  # fmt: skip
                self.assertEqual(done.returncode, rbk.FAILED, done.stderr)
                self.assertIn("standard output", done.stderr)
                self.assertIn("No space left", done.stderr)

    def test_what_became_of_the_run_counts_more(self):
        self.write("fails.rbk", 'runbook f() {\n  approval go "Really?" {}\n}\n')
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [rbk.PROGRAM, "run", "fails.rbk"], cwd=self.folder, env=rbk.environment(), stdout=full,
                stderr=subprocess.PIPE, text=True, timeout=60, check=False,
            )  # fmt: skip
        self.assertEqual(done.returncode, rbk.SUSPENDED, done.stderr)
        self.assertIn("standard output", done.stderr)

    def test_a_closed_output_is_named(self):
        done = subprocess.run(
            ["sh", "-c", f"exec {rbk.PROGRAM} version >&-"], env=rbk.environment(), stderr=subprocess.PIPE, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        self.assertEqual(done.returncode, rbk.FAILED)
        self.assertIn("standard output", done.stderr)

    def test_a_reader_that_goes_away_ends_it_quickly_and_silently(self):
        self.grow_log(64)
        for keeps in (True, False):  # as a shell leaves SIGPIPE, and as some parents ignore it
            began = time.monotonic()
            process = subprocess.Popen(
                [rbk.PROGRAM, "logs", self.run_id], cwd=self.folder, env=rbk.environment(), stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, restore_signals=keeps,
            )  # fmt: skip
            process.stdout.readline()
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b"")
            process.stderr.close()
            process.wait(30)
            self.assertLess(time.monotonic() - began, 3)

    def test_a_large_log_takes_little_memory(self):
        small, _ = self.peak("logs", self.run_id)
        self.grow_log(64)
        for words in (["logs", self.run_id], ["logs", self.run_id, "--json"], ["logs", self.run_id, "--step", "a"]):
            with self.subTest(words):
                peak, written = self.peak(*words)
                self.assertGreater(written, 63 * MIB)
                self.assertLess(peak, small + (1024 if "asan" in rbk.PROGRAM else 24))


if __name__ == "__main__":
    unittest.main()
