#!/usr/bin/env python3
"""`rbk run --confirm`: a person is asked before each step that writes."""
import signal
import subprocess
import unittest

import rbk

STEPS = """
runbook steps() {
  step look = shell("echo looked") reads
  step one = shell("echo one >> done") rollback { shell("echo undo one >> done") }
  step two = shell("echo two >> done") rollback { shell("echo undo two >> done") }
  step three = shell("echo three >> done") rollback none "it is harmless"
}
"""


class Confirm(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("steps.rbk", STEPS)

    def done(self):
        file = self.folder / "done"
        return file.read_text().split() if file.exists() else []

    def test_each_writing_step_is_asked_for(self):
        done = self.rbk("run", "steps.rbk", "--confirm", stdin="yes\ny\nyes\n")
        self.assertEqual(self.done(), ["one", "two", "three"])
        self.assertEqual(done.err.count("go on?"), 3, done.err)
        self.assertNotIn("look is about", done.err)
        self.assertIn('one is about to call shell\n  command = "echo one >> done"\n', done.err)

    def test_all_asks_no_more(self):
        done = self.rbk("run", "steps.rbk", "--confirm", stdin="y\nperhaps\nall\n")
        self.assertEqual(self.done(), ["one", "two", "three"])
        self.assertEqual(done.err.count("go on?"), 2, done.err)
        self.assertIn("answer yes, no, or all", done.err)

    def test_no_stops_before_the_step(self):
        for answers in ("y\nno\n", "y\n"):  # said, and the end of the input
            with self.subTest(answers):
                done = self.rbk("run", "steps.rbk", "--confirm", stdin=answers, exit=rbk.SUSPENDED)
                self.assertEqual(self.done(), ["one"])
                self.assertNotIn("began two", done.out)
                run = done.out.split()[1]
                self.assertIn(f"two has not begun; `rbk resume {run}`", done.err)
                self.rbk("cancel", run, "--rollback", exit=rbk.CANCELLED)
                self.assertEqual(self.done(), ["one", "undo", "one"])
                (self.folder / "done").unlink()

    def test_after_a_no_it_can_be_resumed(self):
        done = self.rbk("run", "steps.rbk", "--confirm", "--json", stdin="no\n", exit=rbk.SUSPENDED)
        self.assertEqual(self.done(), [])
        self.assertEqual(rbk.ending(done)["next"], [f"rbk resume {rbk.run_id(done)}"])
        self.rbk("resume", rbk.run_id(done))
        self.assertEqual(self.done(), ["one", "two", "three"])

    def test_ctrl_c_at_the_question_stops(self):
        process = subprocess.Popen(
            [rbk.PROGRAM, "run", "steps.rbk", "--confirm"], cwd=self.folder, env=rbk.environment(), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        said = ""
        while "go on?" not in said:
            said += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, rbk.SUSPENDED)
        self.assertEqual(self.done(), [])

    def test_a_second_attempt_is_not_asked_for(self):
        self.write(
            "again.rbk",
            'runbook again() {\n  step a = shell("echo x >> done; test $(wc -l < done) -gt 1") retry 2 times\n    rollback none "harmless"\n}\n',
        )
        done = self.rbk("run", "again.rbk", "--confirm", stdin="y\n")
        self.assertEqual(self.done(), ["x", "x"])
        self.assertEqual(done.err.count("go on?"), 1, done.err)

    def test_where_nobody_could_answer_it_is_refused(self):
        self.rbk("run", "steps.rbk", "--confirm", "--detach", exit=rbk.USAGE)
        self.rbk("run", "steps.rbk", "--confirm", "--params", "-", stdin="{}", exit=rbk.USAGE)
        self.assertFalse((self.folder / ".runbook").exists())

    def test_a_dry_run_leaves_the_rest_aside(self):
        done = self.rbk("run", "steps.rbk", "--confirm", "--dry-run", "--reason", "a look", "--label", "k=v")
        self.assertIn("nothing was run", done.out)


if __name__ == "__main__":
    unittest.main()
