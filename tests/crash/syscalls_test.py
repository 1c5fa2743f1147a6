#!/usr/bin/env python3
"""Lets each system call that writes to the store or to a spool fail, one after the other (`strace --inject`), and goes on.

The engine is killed at the call, or the call fails as on a broken disk (EIO) or a full one (ENOSPC, which stays full); the supervisor is
killed or its call fails. Afterwards what rbk had said to be done is still done, each step's effect is there exactly once, and
the run comes to its end. Which of the calls: of RBK_SYSCALLS_EVERY calls one (default 5: others of them at each start).
"""
import collections
import contextlib
import json
import os
import pathlib
import random
import re
import sqlite3
import subprocess
import time
import unittest

import rbk

EVERY = int(os.environ.get("RBK_SYSCALLS_EVERY", "5"))
SEED = int(os.environ.get("RBK_CRASH_SEED", random.SystemRandom().randrange(1 << 32)))

WRITES = "write,writev,pwrite64,pwritev,fsync,fdatasync,ftruncate,fallocate,unlink,rename"

REFERENCE = """
/// Each step leaves one line behind; what the last one finds makes it undo the others, or not.
runbook reference(effects: string, fails: bool = false) -> string {
  step first = shell("echo first >> ${effects}; echo one") on doubt ask rollback { shell("echo undo first >> ${effects}") }
  parallel for b in 1..2 {
    step branch = shell("echo branch ${b} >> ${effects}") on doubt ask rollback { shell("echo undo branch ${b} >> ${effects}") }
  }
  wait 1ms
  step last = shell("echo last >> ${effects}") on doubt ask rollback { shell("echo undo last >> ${effects}") }
  require not fails
  return first.stdout.trim()
}
"""

DONE = ["first", "branch 1", "branch 2", "last"]

WAITS = """
/// Its supervisor can be seen before the first effect.
runbook reference(effects: string, fails: bool = false) -> string {
  step gate = shell("touch ${effects}-up; for i in $(seq 3000); do [ -e ${effects}-go ] && break; sleep 0.02; done") reads
  step first = shell("echo first >> ${effects}; echo one") on doubt ask rollback { shell("echo undo first >> ${effects}") }
  step last = shell("echo last >> ${effects}") on doubt ask rollback { shell("echo undo last >> ${effects}") }
  require not fails
  return first.stdout.trim()
}
"""


def events(said):
    """The whole lines of JSON in what a call with --json said, which may have been cut off."""
    for line in said.splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            event = json.loads(line)
            if "event" in event:
                yield event


def calls(trace):
    """How often each call was made."""
    return collections.Counter(re.findall(r"^(?:\d+ +)?(\w+)\(", trace, re.MULTILINE))


class Syscalls(rbk.Case):
    def setUp(self):
        super().setUp()
        self.offset = random.Random(f"{SEED} {self.id()}").randrange(EVERY)
        self.top = self.folder

    def place(self, name):
        """A folder, with a store, for one round."""
        self.folder = self.top / name
        self.folder.mkdir()
        self.effects = self.folder / "effects"
        self.store = self.folder / "store.db"

    def words(self, *more):
        return [*map(str, more), "--store", f"sqlite:{self.store}"]

    def begin(self, fails):
        return self.words("run", "../reference.rbk", "--effects", self.effects, "--fails", str(fails).lower(), "--json")

    def traced(self, inject, *words):
        """Runs rbk, with a fault at one of its calls on the store; how it ended, what it said, and its trace."""
        trace, out = self.folder / "trace", self.folder / "out"
        paths = [word for name in ("", "-wal", "-shm") for word in ("-P", f"{self.store}{name}")]
        with out.open("w") as stdout:
            done = subprocess.run(
                ["strace", "-D", "-f", "-qq", "-o", trace, *paths, *inject, rbk.PROGRAM, *words],
                cwd=self.folder, env=rbk.environment(), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stdout, timeout=300, check=False,
            )
        return done.returncode, out.read_text(), trace.read_text()

    def finish(self, begin):
        """Takes the run to its end without faults: what is in doubt is looked at, as a person would."""
        if not self.store.exists() or not self.rbk(*self.words("runs", "--json")).lines():
            self.assertFalse(self.effects.exists(), "an effect without a run")
            self.rbk(*begin, exit=None)
        for _ in range(100):
            (run,) = self.rbk(*self.words("runs", "--json")).lines()
            for doubt in self.rbk(*self.words("inbox", "--json")).lines():
                self.resolve(doubt)
            if run["status"] in ("succeeded", "failed", "cancelled"):
                return run
            rbk.call(self.folder, *self.words("resume"))
            time.sleep(0.02)
        raise AssertionError(f"it does not come to its end: {run}")

    def resolve(self, doubt):
        """Whether an attempt did what it should is seen in the file: a doubt is asked about after its command has ended."""
        step = doubt["path"].split("/")[0].replace("[", " ").rstrip("]")
        undo = "/rollback/" in doubt["path"]
        words = ["not-done"]
        if self.lines().get(f"undo {step}" if undo else step):
            words = ["done", "--output", json.dumps({"exit_code": 0, "stdout": "" if undo else "one\n", "stderr": ""})]
        self.rbk(*self.words("resolve", doubt["run"], doubt["path"], *words))

    def lines(self):
        return collections.Counter(self.effects.read_text().splitlines()) if self.effects.exists() else {}

    def expect(self, said, run, fails, done):
        wanted = dict.fromkeys(done, 1)
        if fails:
            wanted |= dict.fromkeys((f"undo {line}" for line in done), 1)
        self.assertEqual(dict(self.lines()), wanted, said)
        self.assertEqual((run["status"], run["rolled_back"]), ("failed", True) if fails else ("succeeded", False), said)
        shown = self.rbk(*self.words("show", run["run"], "--json")).lines()
        if not fails:
            self.assertEqual(shown[0]["output"], "one")
        ended = {step["path"] for step in shown if step["event"] == "step" and step["status"] in ("succeeded", "rolled_back")}
        for event in events(said):
            self.assertEqual(event["run"], run["run"], "a run that was told of is gone")
            if event["event"] == "step_ended" and event["status"] == "succeeded":
                self.assertIn(event["path"], ended, "a step that was told of is gone")
        with contextlib.closing(sqlite3.connect(self.store)) as connection:
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchone(), ("ok",))

    def rounds(self, counts):
        """Each call, as its name and which of that name it is, of EVERY one."""
        calls = [(name, at) for name, count in sorted(counts.items()) for at in range(1, count + 1)]
        return calls[self.offset :: EVERY]

    def sweep(self, fault, codes, fails):
        """One round for each call of a run without faults."""
        (self.top / "reference.rbk").write_text(REFERENCE)
        self.place("whole")
        _, said, trace = self.traced(["-e", f"trace={WRITES}"], *self.begin(fails))
        counts = calls(trace)
        self.assertGreater(min(counts["pwrite64"], counts["fdatasync"] * 8), 40, said)
        met = 0
        for name, at in self.rounds(counts):
            self.place(f"{name}-{at}")
            begin = self.begin(fails)
            with self.subTest(fault=fault, call=name, at=at, seed=SEED):
                code, said, trace = self.traced(["-e", f"trace={name}", "-e", f"inject={name}:{fault.replace('AT', str(at))}"], *begin)
                self.assertIn(code, (*codes, rbk.FAILED if fails else rbk.SUCCEEDED), said)  # not each run makes as many calls
                met += code < 0 or "(INJECTED)" in trace
                self.expect(said, self.finish(begin), fails, DONE)
        self.assertGreater(met * EVERY, sum(counts.values()) // 4, "the calls were not met")
        print(f"engine, {fault}: {met} of {sum(counts.values())} calls, seed {SEED}", flush=True)

    def test_the_engine_is_killed_at_each_call(self):
        self.sweep("signal=KILL:when=AT", (-9,), fails=False)

    def test_the_engine_is_killed_at_each_call_of_a_rollback(self):
        self.sweep("signal=KILL:when=AT", (-9,), fails=True)

    def test_each_call_of_the_engine_fails_once(self):
        self.sweep("error=EIO:when=AT", (rbk.SUCCEEDED, rbk.FAILED, rbk.SUSPENDED), fails=False)

    def test_the_disk_is_full_from_a_call_on(self):
        self.sweep("error=ENOSPC:when=AT+", (rbk.SUCCEEDED, rbk.FAILED, rbk.SUSPENDED), fails=True)

    def supervised(self, fault, fails):
        """One round for each call of the supervisor."""
        (self.top / "reference.rbk").write_text(WAITS)
        self.place("whole")
        counts = calls(self.beside(["-e", f"trace={WRITES},sendto"], fails)[1])
        self.assertGreater(min(counts["pwrite64"], counts["sendto"]), 4)
        met = 0
        for name, at in self.rounds(counts):
            self.place(f"{name}-{at}")
            with self.subTest(fault=fault, call=name, at=at, seed=SEED):
                said, trace = self.beside(["-e", f"trace={name}", "-e", f"inject={name}:{fault.replace('AT', str(at))}"], fails)
                met += "killed by" in trace or "(INJECTED)" in trace
                self.expect(said, self.finish(self.begin(fails)), fails, ["first", "last"])
        self.assertGreater(met * EVERY, sum(counts.values()) // 4, "the calls were not met")
        print(f"supervisor, {fault}: {met} of {sum(counts.values())} calls, seed {SEED}", flush=True)

    def beside(self, inject, fails):
        """Runs rbk while its supervisor is traced; what it said, and the trace."""
        out, trace = self.folder / "out", self.folder / "trace"
        with out.open("w") as stdout:
            run = rbk.start(self.folder, *self.begin(fails), stdout=stdout, stderr=stdout)
            rbk.eventually("the first step", pathlib.Path(f"{self.effects}-up").exists)
            rbk.eventually("only its supervisor", lambda: len(rbk.supervisors(self.folder)) == 1)
            (supervisor,) = rbk.supervisors(self.folder)
            with subprocess.Popen(["strace", "-o", trace, "-p", str(supervisor), *inject], stderr=subprocess.DEVNULL) as tracer:
                rbk.eventually("a tracer", lambda: traced(supervisor))
                pathlib.Path(f"{self.effects}-go").touch()
                run.wait(60)
                tracer.terminate()
        return out.read_text(), trace.read_text()

    def test_the_supervisor_is_killed_at_each_call(self):
        self.supervised("signal=KILL:when=AT", fails=False)

    def test_each_call_of_the_supervisor_fails_once(self):
        self.supervised("error=EIO:when=AT", fails=True)


def traced(process):
    """Whether somebody traces it."""
    return "TracerPid:\t0\n" not in pathlib.Path(f"/proc/{process}/status").read_text()


if __name__ == "__main__":
    unittest.main()
