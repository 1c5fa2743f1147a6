#!/usr/bin/env python3
"""Kills the real `rbk` (SIGKILL) at many moments of a run and resumes it, until the run ends.

Each step appends one line to a file, so that its effect can be counted: after all kills every finished step's line must be there
exactly once, and the run must have ended as it should. The supervisor lives on when the engine is killed; where a test
kills it too, steps in doubt are answered as their `on doubt` says.

RBK_CRASH_KILLS: about how many kills in all (default 150). RBK_CRASH_SEED: the seed of the moments, printed with each run.
"""
import collections
import os
import pathlib
import random
import re
import signal
import sqlite3
import subprocess
import time
import unittest
import unittest.mock

import rbk

KILLS = int(os.environ.get("RBK_CRASH_KILLS", "150"))
SEED = int(os.environ.get("RBK_CRASH_SEED", random.SystemRandom().randrange(1 << 32)))

LONG = """
/// Branches of steps that each leave one line behind.
runbook long(effects: string, branches: int = 3, steps: int = 6) -> int {
  step begin = shell("echo begin >> ${effects}") rollback none "a line"
  let done = parallel for b in 1..branches {
    for s in 1..steps {
      step append = shell("sleep 0.005; echo ${b}.${s} >> ${effects}") rollback none "a line"
    }
    step nested {
      step inner = shell("echo ${b}.nested >> ${effects}") rollback none "a line"
      wait 10ms
    }
    b
  }
  step end = shell("echo end >> ${effects}") rollback none "a line"
  return done.sum()
}
"""

BACK = """
/// Fails at its end and undoes what it did, each with a line.
runbook back(effects: string, branches: int = 3, steps: int = 3) {
  step first = shell("echo first >> ${effects}")
    rollback { shell("sleep 0.005; echo undo first >> ${effects}") }
  parallel for b in 1..branches {
    for s in 1..steps {
      step append = shell("echo ${b}.${s} >> ${effects}")
        rollback { shell("sleep 0.005; echo undo ${b}.${s} >> ${effects}") }
    }
  }
  fail "on purpose"
}
"""

DOUBT = """
/// One step that is under way when everything is killed.
runbook doubt(effects: string) -> string {
  step slow = shell("echo begun >> ${effects}; sleep 1; echo done >> ${effects}")
    CLAUSE
    rollback none "a line"
  return "went on"
}
"""

HOLD = """
/// A time through which something must hold, looked at again and again.
runbook hold_on(effects: string) -> bool {
  let begin = now()
  step canary = shell("echo up >> ${effects}") rollback none "a line"
  hold 700ms every 20ms {
    step look = shell("echo look >> ${effects}") reads
    require look.exit_code == 0
  }
  step whole = shell("echo whole >> ${effects}") rollback none "a line"
  return now() - begin >= 700ms
}
"""

ASK = """
/// Asks, and does what it is told.
runbook asks(effects: string) {
  step begin = shell("echo begin >> ${effects}") rollback none "a line"
  ask what "which?" {
    form { x: string }
  }
  step tell = shell("echo ${what.x} >> ${effects}") rollback none "a line"
}
"""

SIGNALS = """
/// Takes one signal after the other, and leaves a line of each.
runbook takes(effects: string, count: int = 5) {
  for i in 1..count {
    let got = wait for signal go: int
    step append = shell("echo ${got.payload} >> ${effects}") rollback none "a line"
  }
}
"""

FIRST = """
/// Waits for what comes first, a few times; what loses is undone.
runbook races(effects: string, rounds: int = 3) {
  for i in 1..rounds {
    wait first {
      case signal go: int as got => {
        step take = shell("echo ${got.payload} >> ${effects}") rollback none "a line"
      }
      case repeat every 20ms {
        step mark = shell("echo mark >> ${effects}") rollback { shell("echo unmark >> ${effects}") }
        step look = shell("true") reads
        until look.exit_code == 1
      } => fail "it can't be"
    }
  }
}
"""


LOCKS = """
/// Does something that only one may do at a time, and is seen at it; a failing one undoes it under the lock.
runbook guarded(effects: string, name: string, fails: bool = false) exclusive "all" queue {
  lock "db" {
    step enter = shell("echo in ${name} >> ${effects}; sleep 0.02")
      rollback {
        shell("echo in undo-${name} >> ${effects}; sleep 0.02; echo out undo-${name} >> ${effects}")
      }
    step leave = shell("echo out ${name} >> ${effects}") rollback none "a line"
  }
  require not fails
}

/// Has it until a file is there.
runbook has(effects: string, name: string) {
  lock "db" {
    step enter = shell("echo in ${name} >> ${effects}") rollback none "a line"
    repeat every 20ms at most 10m {
      step look = shell("ls ${effects}-go 2>/dev/null || true") reads
      until look.stdout != ""
    }
    step leave = shell("echo out ${name} >> ${effects}") rollback none "a line"
  }
}
"""


FAMILY = """
/// Starts runs side by side, each of which starts another, and detaches one; then it fails, or not.
runbook family(effects: string, branches: int = 3, fails: bool = false) -> int {
  let done = parallel for b in 1..branches {
    step child = start _child(effects: effects, name: "${b}")
    child
  }
  step late = detach _line(effects: effects, text: "detached") rollback none "a line"
  require not fails
  return done.sum()
}

runbook _child(effects: string, name: string) -> int {
  step append = shell("echo ${name} >> ${effects}") rollback { shell("echo undo ${name} >> ${effects}") }
  step inner = start _line(effects: effects, text: "inner-${name}")
  return 1
}

runbook _line(effects: string, text: string) {
  step append = shell("echo ${text} >> ${effects}") rollback { shell("echo undo ${text} >> ${effects}") }
}
"""


def reap(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


class Crash(rbk.Case):
    kills = 0

    def setUp(self):
        super().setUp()
        self.random = random.Random(f"{SEED} {self.id()}")
        self.effects = self.folder / "effects"

    def lines(self):
        return collections.Counter(self.effects.read_text().splitlines()) if self.effects.exists() else {}

    def runs(self):
        done = self.rbk("runs", "--json", exit=None)
        if done.code == rbk.USAGE and "there is no store" in done.err:
            return []
        self.assertEqual(done.code, rbk.SUCCEEDED, str(done))
        return done.lines()

    def finish(self):
        """Resumes until nothing can go on. A run that sleeps for a moment is left by `resume`, and taken up by the next."""
        for _ in range(100):
            done = rbk.call(self.folder, "resume")
            if not any(run["status"] in ("running", "waiting") for run in self.runs()):
                return done.code
            time.sleep(0.02)
        raise AssertionError(f"it does not come to its end: {done}")

    def kill_after(self, seconds, *words):
        """Starts rbk, kills it after so long; whether it had ended by itself before."""
        process = rbk.start(self.folder, *words)
        try:
            process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            reap(process)
            Crash.kills += 1
            return False

    def until_over(self, most, longest, *begin):
        """Kills and resumes until the run is over, at most so many times; then lets it end. The exit status of the last."""
        if not self.kill_after(self.random.uniform(0, longest), *begin):
            for _ in range(most - 1):
                if self.kill_after(self.random.uniform(0, longest), "resume"):
                    break
        if not self.runs():
            return rbk.call(self.folder, *begin).code
        return self.finish()

    def expect_whole(self, folder=None):
        store = (folder or self.folder) / ".runbook/store.db"
        with sqlite3.connect(store) as connection:
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        connection.close()

    def expect_once(self, branches=3, steps=6, runs=1):
        wanted = {"begin": 1, "end": 1}
        for b in range(1, branches + 1):
            wanted.update({f"{b}.{s}": 1 for s in range(1, steps + 1)})
            wanted[f"{b}.nested"] = 1
        self.assertEqual(dict(self.lines()), wanted, f"seed {SEED}")
        runs_now = self.runs()
        self.assertEqual([run["status"] for run in runs_now], ["succeeded"] * runs)
        steps_now = rbk.steps(self.rbk("show", runs_now[0]["run"], "--json"))
        self.assertEqual({step["status"] for step in steps_now}, {"succeeded"})
        paths = collections.Counter(step["path"] for step in steps_now)
        self.assertEqual({path for path, count in paths.items() if count > 1 and "append" not in path}, set())
        self.expect_whole()


class Random(Crash):
    def test_killed_over_and_over(self):
        self.write("long.rbk", LONG)
        begin = ("run", "long.rbk", "--effects", self.effects)
        wanted = Crash.kills + KILLS // 2
        while Crash.kills < wanted:
            self.until_over(20, 0.12, *begin)
            self.expect_once()
            for leftover in (self.effects, *(self.folder / ".runbook").glob("store*")):
                leftover.unlink()


class Swept(Crash):
    def test_killed_at_each_moment(self):
        """One kill a run, a little later each time: from before the store exists to after the end."""
        self.write("long.rbk", LONG)
        count = max(1, KILLS // 5)
        for at in range(count):
            name = f"sweep{at}"
            folder = self.folder / name
            folder.mkdir()
            self.effects = folder / "effects"
            store = f"sqlite:{folder}/.runbook/store.db"
            begin = ("run", "../long.rbk", "--effects", self.effects, "--store", store)
            self.kill_after(0.6 * at / count, *begin)
            with unittest.mock.patch.object(self, "folder", folder):
                runs = self.runs()
                self.assertLessEqual(len(runs), 1)
                if runs:
                    self.finish()
                else:
                    self.assertEqual(dict(self.lines()), {}, "an effect without a run")
                    self.rbk(*begin)
                self.expect_once()


class Hold(Crash):
    def test_killed_while_it_holds(self):
        """It ends once, and not before its time; the checks go on where they were."""
        self.write("hold.rbk", HOLD)
        for _ in range(max(1, KILLS // 30)):
            self.until_over(20, 0.15, "run", "hold.rbk", "--effects", self.effects)
            lines = self.lines()
            self.assertEqual((lines["up"], lines["whole"]), (1, 1), f"seed {SEED}")
            self.assertGreaterEqual(lines["look"], 2)
            (run,) = self.runs()
            self.assertEqual(run["status"], "succeeded")
            self.assertEqual(self.rbk("show", run["run"], "--json").lines()[0]["output"], True)
            self.expect_whole()
            for leftover in (self.effects, *(self.folder / ".runbook").glob("store*")):
                leftover.unlink()


class Ask(Crash):
    def test_killed_while_it_asks_and_is_answered(self):
        """The first answer that was taken counts, once; whoever answers may be killed at any moment."""
        self.write("ask.rbk", ASK)
        wanted = Crash.kills + max(1, KILLS // 10)
        while Crash.kills < wanted:
            self.kill_after(self.random.uniform(0, 0.06), "run", "ask.rbk", "--effects", self.effects)
            if not self.runs():
                continue
            (run,) = self.runs()
            rbk.call(self.folder, "resume")
            for at in range(20):
                if not self.rbk("inbox", "--json").lines():
                    break
                self.kill_after(self.random.uniform(0, 0.03), "answer", run["run"], "--set", f"x=answer{at}")
            if self.rbk("inbox", "--json").lines():  # on a slow machine all of them were killed before
                self.rbk("answer", run["run"], "--set", "x=last", exit=None)
            self.finish()
            self.assertEqual(self.runs()[0]["status"], "succeeded")
            lines = self.lines()
            self.assertEqual((len(lines), set(lines.values())), (2, {1}), f"seed {SEED}")
            self.expect_whole()
            for leftover in (self.effects, *(self.folder / ".runbook").glob("store*")):
                leftover.unlink()


class Signals(Crash):
    def test_each_counts_once_whoever_dies(self):
        """Who sends is killed at any moment and sends again under the same id; who takes is killed as well."""
        self.write("signals.rbk", SIGNALS)
        wanted = Crash.kills + max(1, KILLS // 6)
        while Crash.kills < wanted:
            self.kill_after(self.random.uniform(0, 0.06), "run", "signals.rbk", "--effects", self.effects)
            if not self.runs():
                continue
            run = self.runs()[0]["run"]
            for at in range(1, 6):
                words = ("signal", run, "go", at, "--id", f"id-{at}")
                longest = 0.05
                while not self.kill_after(self.random.uniform(0, longest), *words):
                    longest *= 1.1
                    self.kill_after(self.random.uniform(0, 0.03), "resume")
            self.finish()
            self.assertEqual(self.runs()[0]["status"], "succeeded")
            self.assertEqual(dict(self.lines()), {str(at): 1 for at in range(1, 6)}, f"seed {SEED}")
            self.expect_whole()
            for leftover in (self.effects, *(self.folder / ".runbook").glob("store*")):
                leftover.unlink()


class Locks(Crash):
    def expect_alone(self, names):
        """Nobody came in before the one before was out, each was there once, and nothing is held any more."""
        lines = self.effects.read_text().splitlines()
        self.assertEqual(lines[1::2], [line.replace("in ", "out ", 1) for line in lines[0::2]], f"seed {SEED}")
        self.assertEqual(sorted(line.split()[1] for line in lines[0::2]), sorted(names), f"seed {SEED}")
        self.assertEqual(self.rbk("locks", "--json").lines(), [])
        self.expect_whole()

    def test_one_at_a_time_whoever_dies(self):
        self.write("locks.rbk", LOCKS)
        wanted = Crash.kills + max(1, KILLS // 4)
        while Crash.kills < wanted:
            names = []
            for at in range(3):
                fails = at == 1
                words = ("run", "locks.rbk:guarded", "--effects", self.effects, "--name", f"n{at}", "--fails", str(fails).lower())
                known = len(self.runs())
                self.kill_after(self.random.uniform(0, 0.15), *words)
                if len(self.runs()) > known:
                    names += [f"n{at}", f"undo-n{at}"] if fails else [f"n{at}"]
                self.kill_after(self.random.uniform(0, 0.1), "resume")
            if not names:
                continue
            self.finish()
            self.expect_alone(names)
            for leftover in (self.effects, *(self.folder / ".runbook").glob("store*")):
                leftover.unlink()

    def test_it_is_held_across_a_crash_and_given_on_in_order(self):
        self.write("locks.rbk", LOCKS)
        words = [("run", "locks.rbk:has", "--effects", self.effects, "--name", name) for name in ("a", "b", "c")]
        first = rbk.start(self.folder, *words[0])
        rbk.eventually("the first has it", lambda: self.lines().get("in a"))
        reap(first)
        (lock,) = self.rbk("locks", "--json").lines()
        self.assertEqual([claim["driven"] for claim in lock["holders"]], [False])
        run = lock["holders"][0]["run"]
        told = self.rbk("locks").out
        self.assertIn(f"`rbk resume {run}` goes on with it, `rbk cancel {run}` ends it", told)

        def queued():
            locks = self.rbk("locks", "--json").lines()
            return [claim["run"] for claim in locks[0]["queue"]] if locks else []

        second = rbk.start(self.folder, *words[1])
        rbk.eventually("the second waits", lambda: len(queued()) == 1)
        third = rbk.start(self.folder, *words[2])
        rbk.eventually("the third waits", lambda: len(queued()) == 2)
        order = queued()
        reap(second)
        self.assertEqual(queued(), order)
        pathlib.Path(f"{self.effects}-go").write_text("")
        self.rbk("resume", run)
        self.assertEqual(queued(), order[1:])  # the second has it, though nobody drives it
        self.assertIsNone(third.poll())
        self.rbk("resume", order[0])
        self.assertEqual(third.wait(30), rbk.SUCCEEDED)
        self.assertEqual(self.effects.read_text().split(), "in a out a in b out b in c out c".split())
        self.expect_alone(["a", "b", "c"])


class Families(Crash):
    def expect_family(self, fails):
        """Each run once, each effect once, each undone once where it fails; whoever began a run, at one place."""
        names = [f"{start}{b}" for start in ("", "inner-") for b in (1, 2, 3)]
        wanted = {name: 1 for name in [*names, "detached"]}
        if fails:
            wanted.update({f"undo {name}": 1 for name in names})
        self.assertEqual(dict(self.lines()), wanted, f"seed {SEED}")
        runs = self.runs()
        started = [run for run in runs if run.get("link") != "undo"]
        self.assertEqual(len(started), 8, f"seed {SEED}")
        self.assertEqual(len(runs) - len(started), 6 if fails else 0, f"seed {SEED}")
        root = next(run for run in runs if "parent" not in run)
        self.assertEqual({run["run"] for run in runs if run.get("parent") == root["run"] and run["link"] == "start"},
                         {f"{root['run']}-{n}" for n in (1, 2, 3)})
        self.assertEqual((root["status"], root["rolled_back"]), ("failed", True) if fails else ("succeeded", False))
        self.assertEqual({run["status"] for run in runs if run is not root}, {"succeeded"})
        self.expect_whole()
        self.assertEqual(self.untaken(), 0, "somebody was not told")

    def untaken(self):
        """Messages that nobody has taken."""
        with sqlite3.connect(self.folder / ".runbook/store.db") as connection:
            (left,) = connection.execute("select count(*) from message where taken=0").fetchone()
        connection.close()
        return left

    def anew(self):
        """The next round begins with an empty store."""
        for leftover in (self.effects, *(self.folder / ".runbook").glob("store*")):
            leftover.unlink()

    def test_killed_at_many_moments(self):
        self.write("family.rbk", FAMILY)
        wanted = Crash.kills + max(2, KILLS // 4)
        fails = False
        while Crash.kills < wanted:
            fails = not fails
            begin = ("run", "family.rbk", "--effects", self.effects, "--fails", str(fails).lower())
            self.until_over(20, 0.2, *begin)
            self.finish()
            self.expect_family(fails)
            self.anew()


class First(Crash):
    def test_killed_while_cases_race(self):
        """Each signal wins one race, once, and what the other case did is undone."""
        self.write("first.rbk", FIRST)
        wanted = Crash.kills + max(1, KILLS // 10)
        while Crash.kills < wanted:
            self.kill_after(self.random.uniform(0, 0.08), "run", "first.rbk", "--effects", self.effects)
            if not self.runs():
                continue
            run = self.runs()[0]["run"]
            for at in range(1, 4):
                longest = 0.05
                while not self.kill_after(self.random.uniform(0, longest), "signal", run, "go", at, "--id", at):
                    if self.lines().get(str(at)):
                        break  # it goes on: the next signal follows
                    longest *= 1.1
            self.finish()
            self.assertEqual(self.runs()[0]["status"], "succeeded")
            lines = self.lines()
            self.assertEqual({name: lines[name] for name in "123"}, {name: 1 for name in "123"}, f"seed {SEED}")
            self.assertEqual(lines["mark"], lines["unmark"], f"seed {SEED}")
            self.expect_whole()
            for leftover in (self.effects, *(self.folder / ".runbook").glob("store*")):
                leftover.unlink()


class Rollback(Crash):
    def test_killed_while_it_undoes(self):
        self.write("back.rbk", BACK)
        wanted = Crash.kills + KILLS // 5
        while Crash.kills < wanted:
            self.until_over(20, 0.12, "run", "back.rbk", "--effects", self.effects)
            done = {"first": 1, **{f"{b}.{s}": 1 for b in (1, 2, 3) for s in (1, 2, 3)}}
            done.update({f"undo {name}": 1 for name in list(done)})
            self.assertEqual(dict(self.lines()), done, f"seed {SEED}")
            (run,) = self.runs()
            self.assertEqual((run["status"], run["rolled_back"]), ("failed", True))
            self.expect_whole()
            for leftover in (self.effects, *(self.folder / ".runbook").glob("store*")):
                leftover.unlink()


class Together(Crash):
    def test_two_resume_at_once(self):
        self.write("long.rbk", LONG)
        for _ in range(3):
            self.start_and_kill()
            both = [rbk.start(self.folder, "resume") for _ in range(2)]
            for process in both:
                self.assertIn(process.wait(60), (rbk.SUCCEEDED, rbk.REFUSED, rbk.SUSPENDED))
            self.finish()
            self.expect_once()
            for leftover in (self.effects, *(self.folder / ".runbook").glob("store*")):
                leftover.unlink()

    def start_and_kill(self):
        """Kills a run soon after its first step has begun."""
        process = rbk.start(self.folder, "run", "long.rbk", "--effects", self.effects)
        rbk.eventually("the first line", self.lines)
        time.sleep(self.random.uniform(0, 0.1))
        reap(process)
        Crash.kills += 1

    def test_one_takes_over_from_another_that_dies(self):
        self.write("long.rbk", LONG)
        process = rbk.start(self.folder, "run", "long.rbk", "--effects", self.effects)
        rbk.eventually("the first line", self.lines)
        other = rbk.start(self.folder, "resume")
        time.sleep(0.05)
        reap(process)
        Crash.kills += 1
        other.wait(60)
        self.finish()
        self.expect_once()

    def test_many_runs_in_one_store(self):
        self.write("long.rbk", LONG)
        started = [
            rbk.start(self.folder, "run", "long.rbk", "--effects", f"{self.effects}{at}", "--steps", "3")
            for at in range(4)
        ]
        for process in started:
            time.sleep(self.random.uniform(0, 0.1))
            reap(process)
            Crash.kills += 1
        count = len(self.runs())
        self.kill_after(0.1, "resume")
        self.finish()
        self.assertEqual([run["status"] for run in self.runs()], ["succeeded"] * count)
        for at in range(4):
            self.effects = self.folder / f"effects{at}"
            self.assertIn(set(self.lines().values()), (set(), {1}))
        if (self.folder / ".runbook/store.db").exists():  # on a slow machine all may have been killed before
            self.expect_whole()


class Supervisor(Crash):
    def all_killed(self, clause):
        """A step is under way when engine and supervisor are killed."""
        self.write("doubt.rbk", DOUBT.replace("CLAUSE", clause))
        process = rbk.start(self.folder, "run", "doubt.rbk", "--effects", self.effects)
        rbk.eventually("the step has begun", self.lines)
        reap(process)
        for pid in rbk.supervisors(self.folder):
            os.kill(pid, signal.SIGKILL)
            Crash.kills += 1
        Crash.kills += 1
        (run,) = self.runs()
        return run["run"]

    def test_its_own_death_alone_does_not_stop_a_run(self):
        self.write("long.rbk", LONG)
        process = rbk.start(self.folder, "run", "long.rbk", "--effects", self.effects)
        rbk.eventually("the first line", self.lines)
        for pid in rbk.supervisors(self.folder):
            os.kill(pid, signal.SIGKILL)
            Crash.kills += 1
        process.wait(60)
        for _ in range(10):
            (run,) = self.runs()
            if run["status"] != "in_doubt":
                break
            for line in self.rbk("inbox", "--json").lines():
                # What a person does: look whether the effect is there.
                name = line["path"]
                done = self.looks_done(name)
                self.rbk("resolve", run["run"], name, "done" if done else "not-done", exit=None)
            self.rbk("resume", exit=None)
        self.expect_once()

    def looks_done(self, path):
        items = re.findall(r"\[(\d+)\]", path)
        line = f"{items[0]}.nested" if path.endswith("/inner") else ".".join(items) or path
        return line in self.lines()

    def test_on_doubt_retry(self):
        self.all_killed("on doubt retry")
        self.rbk("resume")
        self.assertEqual(self.lines()["begun"], 2)

    def test_on_doubt_verify(self):
        run = self.all_killed(
            'on doubt verify { step seen = shell("grep -qx done ${effects}", accept: [0, 1]) reads\n'
            " if seen.exit_code == 0 { Doubt.done(shell.Output { }) } else { Doubt.not_done } }"
        )
        self.rbk("resume", run)
        self.assertEqual(self.runs()[0]["status"], "succeeded")
        self.assertEqual(self.lines()["done"], 1)

    def test_on_doubt_fail(self):
        run = self.all_killed("on doubt fail")
        self.rbk("resume", run, exit=rbk.FAILED)

    def test_without_a_clause_a_person_says_done(self):
        run = self.all_killed("")
        done = self.rbk("resume", run, exit=rbk.IN_DOUBT)
        self.assertIn(f"rbk resolve {run}", done.out + done.err)
        self.rbk("resume", run, exit=rbk.IN_DOUBT)
        self.assertEqual(self.runs()[0]["status"], "in_doubt")
        self.assertIn("slow", self.rbk("inbox").out)
        self.rbk("resolve", run, "slow", "done")
        self.assertEqual(self.runs()[0]["status"], "succeeded")
        self.assertEqual(self.lines()["begun"], 1)

    def test_without_a_clause_a_person_says_not_done(self):
        run = self.all_killed("")
        self.rbk("resume", run, exit=rbk.IN_DOUBT)
        self.rbk("resolve", run, "slow", "not-done")
        self.assertEqual(self.lines()["begun"], 2)

    def test_without_a_clause_a_person_says_fail(self):
        run = self.all_killed("")
        self.rbk("resume", run, exit=rbk.IN_DOUBT)
        self.rbk("resolve", run, "slow", "fail", exit=rbk.FAILED)


OWN = """
record Done { line: string, attempt: int }
error Refused { why: string }

action put(line: string) -> Done writes = exec "plugins/put"

/// Own actions, each of which leaves one line behind.
runbook own(count: int = 4, fails: bool = false) -> list<string> {
  let lines = parallel for b in 1..2 {
    var all: list<string> = []
    for n in 1..count {
      step one = put("${b}.${n}") rollback { put("undo ${b}.${n}") }
      all = all.append(one.line)
    }
    all.join(" ")
  }
  if fails {
    fail "on purpose"
  }
  return lines
}

/// One that is under way until somebody says so.
runbook slow() -> Done {
  step slow = put("slow") rollback none "a line"
  return slow
}
"""

PUT = r"""#!/bin/sh
line=$(sed 's/.*"line":"\([^"]*\)".*/\1/')
echo "put $line" >&2
if [ "$line" = slow ]; then
  echo begun >> effects
  while [ ! -e go ]; do sleep 0.01; done
fi
sleep 0.005
echo "$line" >> effects
printf '{"ok": {"line": "%s", "attempt": 1}}' "$line"
"""


class OwnActions(Crash):
    def setUp(self):
        super().setUp()
        self.write("own.rbk", OWN)
        self.program = self.write("plugins/put", PUT)
        self.program.chmod(0o755)

    def wanted(self, count=4):
        return {f"{b}.{n}": 1 for b in (1, 2) for n in range(1, count + 1)}

    def test_killed_over_and_over(self):
        wanted = Crash.kills + KILLS // 10
        while Crash.kills < wanted:
            self.until_over(10, 0.12, "run", "own.rbk:own")
            self.assertEqual(dict(self.lines()), self.wanted(), f"seed {SEED}")
            self.assertEqual([run["status"] for run in self.runs()], ["succeeded"])
            self.expect_whole()
            for leftover in (self.effects, *(self.folder / ".runbook").glob("store*")):
                leftover.unlink()

    def test_killed_while_it_undoes(self):
        self.until_over(10, 0.15, "run", "own.rbk:own", "--fails", "true")
        self.assertEqual(dict(self.lines()), {**self.wanted(), **{f"undo {line}": 1 for line in self.wanted()}}, f"seed {SEED}")
        self.assertEqual([(run["status"], run["rolled_back"]) for run in self.runs()], [("failed", True)])

    def begin_slow_and_kill(self):
        process = rbk.start(self.folder, "run", "own.rbk:slow")
        rbk.eventually("the program has begun", self.lines)
        reap(process)
        Crash.kills += 1
        return self.runs()[0]["run"]

    def test_the_next_engine_finds_its_answer(self):
        run = self.begin_slow_and_kill()
        resumed = rbk.start(self.folder, "resume", run)
        time.sleep(0.2)
        reap(resumed)  # and once more
        Crash.kills += 1
        # What was begun goes on with the program that it is, whatever lies there by now.
        self.program.write_text("#!/bin/sh\n")
        (self.folder / "go").touch()
        done = self.rbk("resume", run, "--json")
        self.assertEqual(rbk.ending(done)["output"], {"line": "slow", "attempt": 1})
        self.assertEqual(dict(self.lines()), {"begun": 1, "slow": 1})
        self.assertIn("put slow", self.rbk("logs", run).out)

    def test_it_ended_while_nobody_was_there(self):
        run = self.begin_slow_and_kill()
        (self.folder / "go").touch()
        rbk.eventually("its effect", lambda: "slow" in self.lines())
        done = self.rbk("resume", run, "--json")
        self.assertEqual(rbk.ending(done)["output"], {"line": "slow", "attempt": 1})
        self.assertEqual(dict(self.lines()), {"begun": 1, "slow": 1})

    def test_its_supervisor_died_too(self):
        run = self.begin_slow_and_kill()
        for pid in rbk.supervisors(self.folder):
            os.kill(pid, signal.SIGKILL)
            Crash.kills += 1
        self.rbk("resume", run, exit=rbk.IN_DOUBT)
        self.rbk("resolve", run, "slow", "done", "--output", '{"line": 7}', exit=rbk.USAGE)
        self.rbk("resolve", run, "slow", "done", "--output", '{"line": "slow", "attempt": 1}')
        self.assertEqual(self.runs()[0]["status"], "succeeded")
        self.assertEqual(self.lines()["begun"], 1)


def tearDownModule():
    print(f"crash: {Crash.kills} kills, seed {SEED}", flush=True)


if __name__ == "__main__":
    unittest.main()
