#!/usr/bin/env python3
"""A server that is killed and comes back under load, and engines that are killed at many moments: what was confirmed is there,
and no finished step is repeated. The runbooks, and what is expected of them, are those of tests/crash.

RBK_CRASH_KILLS, RBK_CRASH_SEED: as there.
"""
import os
import pathlib
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "crash"))
import crash_test  # noqa: E402
import on_postgres  # noqa: E402
import rbk  # noqa: E402

KILLS = int(os.environ.get("RBK_CRASH_KILLS", "60"))


class Faults(on_postgres.Case, crash_test.Crash):
    fsync = True

    def expect_whole(self, folder=None):
        """Every run has all of its entries, up to its head, and nobody holds what is over."""
        self.assertEqual(
            self.sql("select count(*) from run where head <> (select count(*) from journal where journal.run = run.key)"), "0"
        )
        self.assertEqual(self.sql("select count(*) from claim"), "0")
        self.assertEqual(self.sql("select count(*) from run where status >= 6 and holder <> 0"), "0")


class Killed(Faults):
    def test_killed_over_and_over(self):
        self.write("long.rbk", crash_test.LONG)
        begin = ("run", "long.rbk", "--effects", self.effects)
        wanted = crash_test.Crash.kills + KILLS // 2
        while crash_test.Crash.kills < wanted:
            self.new_store()
            self.until_over(20, 0.15, *begin)
            self.expect_once()
            self.effects.unlink()

    def test_killed_while_what_was_done_is_undone(self):
        self.write("back.rbk", crash_test.BACK)
        for _ in range(max(1, KILLS // 20)):
            self.new_store()
            self.until_over(20, 0.15, "run", "back.rbk", "--effects", self.effects)
            lines = self.lines()
            self.assertEqual(set(lines.values()), {1}, f"seed {crash_test.SEED}: {lines}")
            done = {line for line in lines if not line.startswith("undo")}
            self.assertEqual({line.removeprefix("undo ") for line in lines if line.startswith("undo")}, done)
            self.assertEqual(self.runs()[0]["status"], "failed")
            self.expect_whole()
            self.effects.unlink()

    def test_one_at_a_time_whoever_dies(self):
        self.write("locks.rbk", crash_test.LOCKS)
        for _ in range(max(1, KILLS // 12)):
            self.new_store()
            names = []
            for at in range(3):
                words = ("run", "locks.rbk:guarded", "--effects", self.effects, "--name", f"n{at}")
                known = len(self.runs())
                self.kill_after(self.random.uniform(0, 0.2), *words)
                if len(self.runs()) > known:
                    names.append(f"n{at}")
                self.kill_after(self.random.uniform(0, 0.1), "resume")
            self.finish() if names else None
            lines = self.effects.read_text().splitlines() if names else []
            self.assertEqual(lines[1::2], [line.replace("in ", "out ", 1) for line in lines[0::2]])
            self.assertEqual(sorted(line.split()[1] for line in lines[0::2]), sorted(names))
            self.assertEqual(self.rbk("locks", "--json", exit=None).lines(), [])
            self.effects.unlink(missing_ok=True)


class Families(Faults, crash_test.Families):
    def untaken(self):
        return int(self.sql("select count(*) from message where taken = 0"))

    def anew(self):
        self.effects.unlink()
        self.new_store()


class Restarted(Faults):
    def test_a_server_that_is_killed_and_comes_back_under_load(self):
        """No run is lost, no finished step is done again; engines find the server again by themselves, within their lease."""
        self.new_store(lease="20s")
        self.write("long.rbk", crash_test.LONG)
        count = 4
        files = [self.folder / f"effects{at}" for at in range(count)]
        engines = [
            rbk.start(self.folder, "run", "long.rbk", "--effects", file, "--branches", 3, "--steps", 40) for file in files
        ]
        rbk.eventually("all are on their way", lambda: all(file.exists() for file in files))
        restarts = 0
        while restarts < 4 and any(engine.poll() is None for engine in engines):
            time.sleep(self.random.uniform(0.2, 0.8))
            self.server.restart("immediate")
            restarts += 1
        self.assertGreater(restarts, 1)
        codes = [engine.wait(120) for engine in engines]
        self.finish()
        self.assertEqual(self.statuses(), ["succeeded"] * count, str(codes))
        self.assertEqual(codes, [rbk.SUCCEEDED] * count, "none had to be resumed by hand")
        for file in files:
            self.effects = file
            lines = self.lines()
            self.assertEqual(set(lines.values()), {1}, f"seed {crash_test.SEED}: repeated: {lines}")
            self.assertEqual(len(lines), 2 + 3 * 41)
        self.expect_whole()

    def test_a_server_that_stays_away_suspends_the_run(self):
        self.new_store(lease="1s")
        self.write("long.rbk", crash_test.LONG)
        engine = rbk.start(self.folder, "run", "long.rbk", "--effects", self.effects, "--steps", 40)
        rbk.eventually("it is on its way", lambda: len(self.lines()) > 4)
        self.server.halt()
        try:
            self.assertEqual(engine.wait(60), rbk.SUSPENDED)
        finally:
            self.server.start()
        self.finish()
        self.assertEqual(set(self.lines().values()), {1})
        self.assertEqual(self.statuses(), ["succeeded"])

    def test_a_server_that_freezes_suspends_the_run(self):
        """Its connections stay open, and it takes new ones, but it says nothing any more."""
        self.new_store(lease="1s", connect_timeout=2)
        self.write("long.rbk", crash_test.LONG)
        engine = rbk.start(self.folder, "run", "long.rbk", "--effects", self.effects, "--steps", 400)
        rbk.eventually("it is on its way", lambda: len(self.lines()) > 4)
        self.server.signal(signal.SIGSTOP)
        try:
            self.assertEqual(engine.wait(120), rbk.SUSPENDED)
            refused = self.rbk("runs", exit=rbk.FAILED)
            self.assertIn("it does not answer within 2 seconds", refused.err)
        finally:
            self.server.signal(signal.SIGCONT)
        self.finish()
        self.assertEqual(set(self.lines().values()), {1})
        self.assertEqual(self.statuses(), ["succeeded"])

    def test_what_is_read_and_posted_finds_the_server_again(self):
        self.new_store()
        self.write("ask.rbk", crash_test.ASK)
        waiting = rbk.start(self.folder, "run", "ask.rbk", "--effects", self.effects)
        self.assertEqual(waiting.wait(60), rbk.SUSPENDED)
        run = self.runs()[0]["run"]
        stop = threading.Event()

        def restart():
            while not stop.is_set():
                self.server.restart("fast")
                time.sleep(0.3)

        thread = threading.Thread(target=restart)
        thread.start()
        try:
            codes = [rbk.call(self.folder, "runs", "--json").code for _ in range(10)]
            self.assertTrue(set(codes) <= {rbk.SUCCEEDED, rbk.FAILED}, str(codes))
        finally:
            stop.set()
            thread.join()
        self.rbk("answer", run, "--set", "x=there")
        self.finish()
        self.assertEqual(dict(self.lines()), {"begin": 1, "there": 1})


if __name__ == "__main__":
    unittest.main()
