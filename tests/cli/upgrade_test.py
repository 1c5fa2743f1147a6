#!/usr/bin/env python3
"""`rbk upgrade`: which suspended runs a new version of their program could go on with, and going on with it."""
import getpass
import unittest

import rbk

WAITS = """runbook deploy(file: string) {
  step first = shell("echo first >> ${file}") rollback { shell("echo undo first >> ${file}") }
  wait for signal go: int
  step second = shell("echo second >> ${file}") rollback none "a line"
}
"""

GATED = """runbook deploy(file: string) {
  step first = shell("echo first >> ${file}") rollback none "a line"
  approval go "go on?" { allow starter }
  step second = shell("echo second >> ${file}") rollback none "a line"
  ask again "and again?" { form { yes: bool } }
}
"""


class Upgrade(rbk.Case):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "lines"

    def lines(self):
        return self.file.read_text().split("\n")[:-1]

    def begin(self, text, name="deploy.rbk"):
        self.write(name, text)
        return rbk.run_id(self.rbk("run", name, "--file", self.file, "--json", exit=rbk.SUSPENDED))

    def check(self, run, text, exit=rbk.SUCCEEDED, **more):
        self.write("deploy.rbk", text)
        done = self.rbk("upgrade", run, "--to", "deploy.rbk", "--check", "--json", exit=exit, **more)
        return done.lines()[0]

    def test_what_is_to_come_may_change(self):
        run = self.begin(WAITS)
        changed = WAITS.replace("echo second", "echo changed second").replace("runbook deploy", "\n// moved\nrunbook deploy")
        verdict = self.check(run, changed)
        self.assertEqual((verdict["verdict"], verdict["run"]), ("goes_on", run))
        # Checking changes nothing.
        self.assertEqual(self.rbk("show", run, "--json").lines()[0]["program"], verdict["from"])

    def test_a_moved_run_goes_on_with_the_new_program(self):
        run = self.begin(WAITS)
        # An action more, before the one that was used: its index in the program is another.
        changed = WAITS.replace("runbook deploy(file: string) {", "runbook aaa() {\n  log.info(\"a\")\n}\n\nrunbook deploy(file: string) {").replace(
            "step second", 'step page = http.get("http://127.0.0.1:9/") on failure continue\n  step second'
        ).replace("echo second", "echo changed")
        self.write("deploy.rbk", changed)
        moved = self.rbk("upgrade", run, "--to", "deploy.rbk", "--json").lines()[0]
        self.assertEqual(moved["event"], "upgraded")
        shown = self.rbk("show", run, "--json").lines()[0]
        self.assertEqual(shown["program"], moved["to"])
        self.assertIn(f"moved to program {moved['to']} by {getpass.getuser()}", self.rbk("show", run).out)
        self.assertEqual(self.rbk("show", run, "--events", "--json").lines()[-1]["event"], "upgraded")
        # All of its history can be read with the new program, from the beginning as well.
        events = self.rbk("replay", run, "--all", "--json").lines()
        self.assertEqual(events[-1]["what"]["kind"], "upgraded")
        self.assertEqual(events[0]["what"]["runbook"], "deploy")
        self.rbk("signal", run, "go", "1", exit=rbk.PARTIAL)
        self.assertEqual(self.lines(), ["first", "changed"])
        self.rbk("replay", run, "--all")
        # And it is undone by what the new program says.
        self.rbk("rollback", run)
        self.assertEqual(self.lines(), ["first", "changed", "undo first"])

    def test_the_step_that_a_paused_run_stands_before_can_be_corrected(self):
        """It has not begun: no output is that of a command that nobody ran."""
        stops = WAITS.replace("  wait for signal go: int\n", "").replace(
            "echo first >> ${file}", "echo first >> ${file}; while test ! -e ${file}.free; do sleep 0.05; done", 1
        )
        self.write("deploy.rbk", stops)
        process = rbk.start(self.folder, "run", "deploy.rbk", "--file", self.file)
        self.addCleanup(process.kill)
        rbk.eventually("it is in its first step", self.file.exists)
        run = self.rbk("runs", "--json").lines()[0]["run"]
        self.rbk("pause", run)
        (self.folder / "lines.free").touch()
        self.assertEqual(process.wait(120), rbk.SUSPENDED)
        self.assertEqual(self.check(run, stops.replace("echo first", "echo another"), exit=rbk.FAILED)["verdict"], "must_stay")
        self.assertEqual(self.check(run, stops.replace("step second", "step other"), exit=rbk.FAILED)["verdict"], "must_stay")
        self.assertEqual(self.check(run, stops.replace("echo second", "echo corrected"))["verdict"], "goes_on")
        self.rbk("upgrade", run, "--to", "deploy.rbk")
        self.rbk("unpause", run)
        self.assertEqual(self.lines(), ["first", "corrected"])
        self.assertEqual(self.rbk("replay", run, "--all", "--json").lines()[-1]["ending"]["status"], "succeeded")

    def test_moving_twice_keeps_all_of_the_history(self):
        run = self.begin(WAITS)
        for number in (1, 2):
            more = "".join(f'runbook r{i}() {{\n  step x = http.get("http://127.0.0.1:{i}/")\n}}\n\n' for i in range(number))
            self.write("deploy.rbk", more + WAITS.replace("echo second", f"echo second {number}"))
            self.rbk("upgrade", run, "--to", "deploy.rbk")
            self.rbk("replay", run, "--all")
        self.rbk("signal", run, "go", "1")
        self.assertEqual(self.lines(), ["first", "second 2"])
        self.assertEqual(self.rbk("replay", run, "--all", "--json").lines()[-1]["ending"]["status"], "succeeded")

    def test_what_was_done_may_not(self):
        run = self.begin(WAITS)
        verdict = self.check(run, WAITS.replace("echo first >>", "echo other >>"), exit=rbk.FAILED)
        self.assertEqual((verdict["verdict"], verdict["number"]), ("must_stay", 1))
        self.assertEqual((verdict["was"]["path"], verdict["now"]["path"]), ("first", "first"))
        self.assertEqual(verdict["was"]["place"]["line"], 2)
        self.assertIn("echo other", str(verdict["now"]["arguments"]))
        # A step more before where it waits.
        more = WAITS.replace("  wait for", '  step extra = shell("true") reads\n  wait for')
        verdict = self.check(run, more, exit=rbk.FAILED)
        self.assertEqual(verdict["number"], 2)
        self.assertEqual(verdict["now"]["path"], "extra")
        self.assertEqual(verdict["now"]["place"]["line"], 3)
        done = self.rbk("upgrade", run, "--to", "deploy.rbk", exit=rbk.REFUSED)
        for word in ("must stay, for event 2", "now perform extra", "deploy.rbk:3"):
            self.assertIn(word, done.out)
        # It was left as it was.
        self.write("deploy.rbk", WAITS)
        self.assertEqual(self.check(run, WAITS)["verdict"], "same")
        self.rbk("signal", run, "go", "1")
        self.assertEqual(self.lines(), ["first", "second"])

    def test_other_parameters_and_missing_runbooks(self):
        run = self.begin(WAITS)
        verdict = self.check(run, WAITS.replace("file: string", "file: string, more: int = 1"), exit=rbk.FAILED)
        self.assertIn("parameters", verdict["why"])
        verdict = self.check(run, WAITS.replace("runbook deploy", "runbook other"), exit=rbk.FAILED)
        self.assertIn("no runbook `deploy`", verdict["why"])

    def test_an_approval_binds_the_program(self):
        run = self.begin(GATED)
        changed = GATED.replace("echo second", "echo changed")
        self.assertEqual(self.check(run, changed)["verdict"], "goes_on")
        self.rbk("approve", run, exit=rbk.SUSPENDED)
        verdict = self.check(run, changed, exit=rbk.FAILED)
        self.assertIn("approval `go` was given", verdict["why"])

    def test_all_of_a_file_and_no_others(self):
        runs = [self.begin(WAITS) for _ in range(2)]
        other = self.begin(WAITS.replace("echo second", "echo other"), name="other.rbk")
        self.write("deploy.rbk", WAITS.replace("echo second", "echo changed"))
        verdicts = self.rbk("upgrade", "--all", "--to", "deploy.rbk", "--check", "--json").lines()
        self.assertEqual([one["run"] for one in verdicts], runs)
        self.rbk("upgrade", "--all", "--to", "deploy.rbk")
        programs = {self.rbk("show", run, "--json").lines()[0]["program"] for run in runs}
        self.assertEqual(programs, {verdicts[0]["to"]})
        self.assertNotIn(self.rbk("show", other, "--json").lines()[0]["program"], programs)

    def test_runs_that_are_over_stay(self):
        run = self.begin(WAITS)
        self.rbk("signal", run, "go", "1")
        verdict = self.check(run, WAITS.replace("echo second", "echo changed"), exit=rbk.FAILED)
        self.assertEqual(verdict["why"], "it is succeeded")
        for words in ([], [run], ["--all", run, "--to", "x"]):
            self.rbk("upgrade", *words, exit=rbk.USAGE)
        self.write("deploy.rbk", "runbook deploy( {\n")
        self.rbk("upgrade", run, "--to", "deploy.rbk", exit=rbk.USAGE)


if __name__ == "__main__":
    unittest.main()
