#!/usr/bin/env python3
"""What people decide at the wrong moment or at once with others: which of it counts, and that the others are told."""
import contextlib
import getpass
import os
import signal
import sqlite3
import subprocess
import time
import unittest

import rbk

GATE = """
runbook gate(file: string) {
  step before = shell("echo before >> ${file}")
    rollback { shell("echo undo before >> ${file}") }
  approval go "go on?" { by group "sre" }
  step after = shell("sleep 0.5; echo after >> ${file}") rollback none "a line"
}
"""

FAILS = """
runbook fails(file: string) {
  for n in 1..3 {
    step work = shell("echo ${n} >> ${file}")
      rollback { shell("echo undo ${n} >> ${file}; until [ -e ${file}.free ]; do sleep 0.05; done") }
  }
  step bad = shell("echo bad >> ${file}; exit 9") rollback none "it fails"
  after failure e { shell("echo after failure >> ${file}") }
  after cancel { shell("echo after cancel >> ${file}") }
}
"""

ONE = """
runbook one(file: string) {
  step work = shell("echo x >> ${file}")
    rollback { shell("sleep 0.3; echo undo >> ${file}") }
}
"""

STUCK = """
runbook stuck(file: string) {
  step one = shell("echo one >> ${file}") rollback { shell("echo undo one >> ${file}") }
  step around {
    step two = shell("echo two >> ${file}") rollback { shell("test -e ${file}.free && echo undo two >> ${file}") }
  }
  step bad = shell("exit 9") reads
}
"""

SIDES = """
runbook sides(file: string) {
  step before = shell("echo before >> ${file}") rollback { shell("echo undo before >> ${file}") }
  parallel {
    step a = shell("echo a >> ${file}") rollback { shell("echo undo a >> ${file}") }
    step b {
      step inner = shell("echo b >> ${file}") rollback { shell("echo undo b >> ${file}") }
    }
    step c = shell("echo c >> ${file}") rollback { shell("echo undo c >> ${file}") }
  }
}
"""

FORGETS = """
runbook forgets(file: string) {
  step bad = shell("exit 3; ${file}") on failure ask rollback none "nothing"
}
"""

PEOPLE = f"""
[groups]
sre = ["bob", "eve"]
[permissions]
act_as = ["{getpass.getuser()}"]
"""


class Decisions(rbk.Case):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "lines"
        self.free = self.folder / "lines.free"
        self.write("runbook.toml", PEOPLE)

    def lines(self):
        return self.file.read_text().split("\n")[:-1] if self.file.exists() else []

    def taken(self):
        """How many messages the drivers of the store's runs have read."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/.runbook/store.db?mode=ro", uri=True)) as store:
            return store.execute("select count(*) from message where taken <> 0").fetchone()[0]

    def begin(self, name, text, *words, exit=None):
        self.write(f"{name}.rbk", text)
        return self.rbk("run", f"{name}.rbk", "--file", self.file, *words, exit=exit)

    def only_run(self):
        return self.rbk("runs", "--json").lines()[-1]

    def together(self, *calls):
        """Calls of rbk that begin at the same time."""
        processes = [
            rbk.start(self.folder, *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for words in calls
        ]
        outputs = [process.communicate(timeout=60) for process in processes]
        return [(process.returncode, *output) for process, output in zip(processes, outputs)]

    def test_what_a_timeout_left_open_is_undone_though_the_run_is_cancelled_before_the_next_attempt(self):
        self.write(
            "slow.rbk",
            'runbook slow(file: string) {\n  step a = shell("echo begun >> ${file}; sleep 60")\n    timeout 500ms\n'
            '    retry 3 times backoff 60s..60s on Timeout\n    rollback { shell("echo undone >> ${file}") }\n}\n',
        )
        process = rbk.start(self.folder, "run", "slow.rbk", "--file", self.file)
        rbk.eventually("the run is there", lambda: self.rbk("runs", "--json", exit=None).out)
        rbk.eventually("it pauses", lambda: "retry" in self.rbk("show", self.only_run()["run"], "--events").out)
        self.rbk("cancel", self.only_run()["run"], "--rollback", exit=None)
        rbk.eventually("it is undone", lambda: self.lines() == ["begun", "undone"])
        process.wait(30)

    def test_who_decided_what_is_kept_and_shown(self):
        self.write("form.rbk", 'runbook form() {\n  approval go "sure?" {\n    by group "sre"\n    form { ticket: string }\n  }\n}\n')
        for word, more, answer in [
            ("approve", ["--set", "ticket=T-7"], f'approval go approved by {getpass.getuser()} (as bob) {{"ticket":"T-7"}}'),
            ("reject", ["--reason", "not now"], f"approval go rejected by {getpass.getuser()} (as bob): not now"),
        ]:
            run = rbk.run_id(self.rbk("run", "form.rbk", "--json", exit=rbk.SUSPENDED))
            self.rbk(word, run, "go", *more, "--as", "bob", exit=None)
            self.assertIn(answer, self.rbk("show", run).out)
            self.assertIn(answer, self.rbk("show", run, "--events").out)
            decided = self.rbk("show", run, "--json").lines()[0]["decisions"]
            self.assertEqual([(one["what"], one["by"]) for one in decided], [("approval", ["bob"])])
            self.assertEqual([one["acting"] for one in decided], [[f"{getpass.getuser()} (as bob)"]])

    def test_who_starts_a_run_for_another_is_kept_and_shown(self):
        self.write("plain.rbk", 'runbook plain() { log.info("x") }\n')
        run = rbk.run_id(self.rbk("run", "plain.rbk", "--as", "bob", "--json"))
        shown = self.rbk("show", run, "--json").lines()[0]
        self.assertEqual(shown["starter"], "bob")
        self.assertEqual([(one["what"], one["answer"], one["by"], one["acting"]) for one in shown["decisions"]],
                         [("run", "started", ["bob"], [f"{getpass.getuser()} (as bob)"])])
        self.assertIn(f"run plain started by {getpass.getuser()} (as bob)", self.rbk("show", run).out)
        own = rbk.run_id(self.rbk("run", "plain.rbk", "--json"))
        self.assertEqual(self.rbk("show", own, "--json").lines()[0]["decisions"], [])

    def test_one_approves_while_another_rejects(self):
        for _ in range(8):
            self.begin("gate", GATE, exit=rbk.SUSPENDED)
            run = self.rbk("runs", "--status", "waiting", "--json").lines()[0]["run"]
            approves, rejects = self.together(
                ("approve", run, "--as", "bob"), ("reject", run, "--reason", "no", "--as", "eve")
            )
            ended = self.rbk("show", run, "--json").lines()[0]["status"]
            if ended == "succeeded":
                self.assertEqual((approves[0], rejects[0]), (0, rbk.REFUSED), rejects)
            else:
                self.assertEqual(ended, "failed")
                self.assertEqual((approves[0], rejects[0]), (rbk.REFUSED, rbk.FAILED), approves)

    def test_a_decision_that_comes_too_late_is_refused(self):
        self.begin("gate", GATE, exit=rbk.SUSPENDED)
        run = self.only_run()["run"]
        self.rbk("reject", run, "--reason", "no", "--as", "bob", exit=rbk.FAILED)
        for late in (("approve", run), ("reject", run, "--reason", "no")):
            self.assertIn("waits for no approval", self.rbk(*late, "--as", "eve", exit=rbk.REFUSED).err)

    def test_a_cancellation_while_it_undoes_stops_nothing(self):
        for words in ((), ("--now",), ("--rollback", "--now")):
            self.file.write_text("")
            self.free.unlink(missing_ok=True)
            self.write("fails.rbk", FAILS)
            process = rbk.start(self.folder, "run", "fails.rbk", "--file", self.file)
            rbk.eventually("the first rollback", lambda: "undo 3" in self.lines())
            run = self.rbk("runs", "--status", "running", "--json").lines()[0]["run"]
            before = self.taken()
            cancels = rbk.start(self.folder, "cancel", run, *words, stderr=subprocess.PIPE, text=True)
            rbk.eventually("the driver has read it", lambda: self.taken() > before)
            self.free.touch()
            _, told = cancels.communicate(timeout=60)
            self.assertEqual((cancels.returncode, process.wait(60)), (rbk.REFUSED, rbk.FAILED), told)
            self.assertIn("too late", told)
            expected = ["1", "2", "3", "bad", "undo 3", "undo 2", "undo 1", "after failure"]
            self.assertEqual(self.lines(), expected)

    def test_of_several_cancellations_the_first_counts(self):
        self.write("one.rbk", ONE.replace('shell("echo x', 'shell("until [ -e ${file}.free ]; do sleep 0.05; done; echo x'))
        process = rbk.start(self.folder, "run", "one.rbk", "--file", self.file)
        run = rbk.eventually("the run", lambda: self.rbk("runs", "--json", exit=None).lines())[0]["run"]
        first = rbk.start(self.folder, "cancel", run)
        rbk.eventually("the driver has read it", self.taken)
        second = rbk.start(self.folder, "cancel", run, "--rollback", stderr=subprocess.PIPE, text=True)
        rbk.eventually("the driver has read both", lambda: self.taken() > 1)
        self.free.touch()
        _, told = second.communicate(timeout=60)
        self.assertEqual(second.returncode, rbk.REFUSED, told)
        self.assertIn(f"cancelled run {run} first, and left what it did", told)
        self.assertIn(f"rbk rollback {run}", told)
        self.assertEqual((process.wait(60), first.wait(60)), (rbk.CANCELLED, rbk.CANCELLED))
        self.rbk("rollback", run)
        self.assertEqual(self.lines(), ["x", "undo"])

    def test_approvals_of_one_name_are_told_apart(self):
        self.write("two.rbk", 'runbook two() {\n  parallel for x in ["a", "b"] {\n    approval go "ok ${x}?" { allow starter }\n  }\n}\n')
        self.rbk("run", "two.rbk", exit=rbk.SUSPENDED)
        run = self.only_run()["run"]
        names = [wait["name"] for wait in self.rbk("approvals", "--json").lines()]
        self.assertEqual(sorted(names), ["go[a]", "go[b]"])
        self.assertIn("go[a], go[b]", self.rbk("approve", run, "go", exit=rbk.USAGE).err)
        self.rbk("approve", run, "go[b]", exit=rbk.SUSPENDED)
        self.rbk("approve", run, "go")

    def test_of_several_answers_the_first_counts(self):
        self.write("ask.rbk", 'runbook ask_it() -> string {\n  ask what "which?" {\n    by user "bob", user "eve"\n    form { x: string }\n  }\n  return what.x\n}\n')
        for _ in range(6):
            self.rbk("run", "ask.rbk", exit=rbk.SUSPENDED)
            run = self.rbk("runs", "--json").lines()[0]["run"]
            answers = [("answer", run, "--set", f"x={name}", "--as", name) for name in ("bob", "eve")]
            done = self.together(*answers)
            self.assertEqual(sorted(one[0] for one in done), [0, rbk.REFUSED], done)
            winner = "bob" if done[0][0] == 0 else "eve"
            self.assertEqual(self.rbk("show", run, "--json").lines()[0]["output"], winner)
            self.rbk(*answers[0], exit=rbk.REFUSED)

    def test_text_that_looks_like_a_number_stays_text_in_an_answer(self):
        self.write("ask.rbk", 'runbook ask_it() -> string {\n  ask what "which?" {\n    form { x: string, n: int? }\n  }\n  return "${what.x} ${what.n ?? 0}"\n}\n')
        self.rbk("run", "ask.rbk", exit=rbk.SUSPENDED)
        done = self.rbk("answer", self.only_run()["run"], "--set", "x=007", "--set", "n=7")
        self.assertIn("007 7", done.out)

    def test_a_rollback_that_failed_is_tried_again(self):
        self.write("stuck.rbk", STUCK)
        failed = self.rbk("run", "stuck.rbk", "--file", self.file, exit=rbk.ROLLBACK_FAILED)
        run = self.only_run()["run"]
        self.assertIn(f"rbk rollback {run}", failed.err)
        self.assertEqual(self.lines(), ["one", "two", "undo one"])
        again = self.rbk("rollback", run, exit=rbk.ROLLBACK_FAILED)
        self.assertIn(f"run {run} could not all be undone", again.err)
        self.assertIn(f"rbk rollback {run}", again.err)
        (self.folder / "lines.free").write_text("")
        self.rbk("rollback", run, "--to", "around")
        self.assertEqual(self.lines(), ["one", "two", "undo one", "undo two"])
        shown = self.rbk("show", run, "--json").lines()[0]
        self.assertEqual([each["status"] for each in shown["rollbacks"]], ["rollback_failed", "succeeded"])
        undone = shown["rollbacks"][-1]["run"]
        for words in ([], ["--to", "around"]):
            told = self.rbk("rollback", run, *words, exit=rbk.REFUSED).err
            self.assertIn(f"nothing of run {run} is left to be undone", told)
            self.assertIn(f"it was undone by hand: `rbk show {run}`", told)
        told = self.rbk("resume", run, exit=rbk.ROLLBACK_FAILED).err
        self.assertIn(f"run {undone} has undone what was left", told)
        self.assertNotIn("tries again", told)

    def test_what_a_rollback_lists_is_what_it_undoes(self):
        for to in ("before", "a", "b", "b/inner", "c"):
            self.begin("sides", SIDES, exit=rbk.SUCCEEDED)
            run = self.rbk("runs", "--json").lines()[0]["run"]  # the newest
            listed = [one["path"] for one in self.rbk("rollback", run, "--to", to, "--dry-run", "--json").lines()]
            undone = len(self.lines())
            self.rbk("rollback", run, "--to", to)
            self.assertEqual(
                sorted(path.split("/")[-1].replace("inner", "b") for path in listed),
                sorted(line.removeprefix("undo ") for line in self.lines()[undone:]),
            )
            self.assertIn({"b": "b/inner"}.get(to, to), listed)
            left = [one["path"] for one in self.rbk("rollback", run, "--dry-run", "--json").lines()]
            self.assertEqual(sorted(listed + left), ["a", "b/inner", "before", "c"])

    def test_a_slip_of_the_pen_in_an_output_is_no_default(self):
        self.begin("forgets", FORGETS, exit=rbk.SUSPENDED)
        run = self.only_run()["run"]
        told = self.rbk("resolve", run, "bad", "done", "--output", '{"stdou": "x"}', exit=rbk.USAGE).err
        self.assertIn("stdou", told)
        self.rbk("resolve", run, "bad", "done", "--output", '{"stdout": "x"}')

    def test_a_reason_says_something(self):
        self.begin("gate", GATE, exit=rbk.SUSPENDED)
        told = self.rbk("reject", self.only_run()["run"], "--reason", " ", exit=rbk.USAGE).err
        self.assertIn("--reason", told)

    def test_what_was_written_by_others_draws_no_lines(self):
        self.write("one.rbk", ONE)
        self.rbk("run", "one.rbk", "--file", self.file, "--reason", "ok\x1b[2J\nfake", "--label", "k=a\x1b[1m\nfake")
        for words in (["runs"], ["show", self.only_run()["run"]]):
            shown = self.rbk(*words).out
            self.assertNotIn("\x1b", shown)
            self.assertFalse([line for line in shown.split("\n") if line.startswith("fake")])
        told = self.rbk("run", "one.rbk", "--file", self.file, "--reason", os.fsdecode(b"\xc3"), exit=rbk.USAGE).err
        self.assertIn("UTF-8", told)

    def test_a_run_is_undone_once_however_many_ask(self):
        self.begin("one", ONE, exit=rbk.SUCCEEDED)
        run = self.only_run()["run"]
        codes = sorted(done[0] for done in self.together(*[("rollback", run)] * 3))
        self.assertEqual(codes, [0, rbk.REFUSED, rbk.REFUSED])
        self.assertEqual(self.lines(), ["x", "undo"])

    def test_an_attempt_that_never_began_begins_later(self):
        # Killed before its only step, then stopped before it has gone on with it.
        self.write("one.rbk", ONE)
        for at in range(8):
            process = rbk.start(self.folder, "run", "one.rbk", "--file", self.file, stdout=subprocess.PIPE)
            process.stdout.readline()
            process.kill()
            process.wait()
            process.stdout.close()
            resumes = rbk.start(self.folder, "resume")
            time.sleep(0.0015 + 0.0004 * at)
            resumes.send_signal(signal.SIGINT)
            resumes.wait(20)
            self.rbk("resume", exit=None)
        runs = self.rbk("runs", "--json").lines()
        self.assertEqual([run["status"] for run in runs], ["succeeded"] * len(runs))
        self.assertEqual(self.lines(), ["x"] * len(runs))

    def test_a_run_that_another_drives_is_told_of_and_taken_over(self):
        self.write("fails.rbk", FAILS)
        process = rbk.start(self.folder, "run", "fails.rbk", "--file", self.file)
        rbk.eventually("the first rollback", lambda: "undo 3" in self.lines())
        run = self.rbk("runs", "--json").lines()[0]["run"]
        self.assertIn(f"run {run} is driven by process {process.pid}", self.rbk("resume").out)
        follows = rbk.start(self.folder, "resume", run)
        time.sleep(0.3)  # mostly it waits by then; it takes over too if it comes later
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.free.touch()
        self.assertEqual(follows.wait(30), rbk.FAILED)
        self.assertEqual(sorted(self.lines()), sorted(set(self.lines())))
        self.assertIn("after failure", self.lines())


if __name__ == "__main__":
    unittest.main()
