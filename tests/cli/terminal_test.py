#!/usr/bin/env python3
"""What `rbk run` shows: a live tree on a terminal, plain lines in a pipe, JSON for programs; output that is huge or odd."""
import json
import os
import re
import signal
import subprocess
import unittest

import rbk
import terminal

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write(
            "tree.rbk",
            'runbook tree() {\n  parallel for h in ["web-1", "web-2"] {\n    step work "Work on ${h}" = shell("sleep 0.3; echo done ${h}") reads\n  }\n'
            '  step last "The last one" = shell("true") reads\n}\n',
        )

    def test_a_tree_with_titles(self):
        shown, code = terminal.run(self.folder, rbk.PROGRAM, "run", "tree.rbk")
        self.assertEqual(code, rbk.SUCCEEDED, shown)
        for text in ("Work on web-1", "Work on web-2", "The last one"):
            self.assertIn(text, shown)
        self.assertRegex(shown, ESCAPES, "it is drawn live")

    def test_after_ctrl_c_the_tree_stands_there_once(self):
        self.write(
            "stops.rbk",
            'runbook stops() {\n  step outer {\n    step first = shell("echo begun; sleep 1") reads\n'
            '    step second = shell("true") reads\n  }\n}\n',
        )
        sent = []

        def interrupt(process, written, _):
            if "begun" in written and not sent:
                sent.append(process.send_signal(signal.SIGINT))

        written, code = terminal.run(self.folder, rbk.PROGRAM, "run", "stops.rbk", extra={"NO_COLOR": "1"}, act=interrupt)
        self.assertEqual(code, rbk.SUSPENDED, written)
        shown = terminal.screen(written)
        self.assertEqual(shown.count("outer"), 1, shown)
        self.assertEqual(shown.count("first"), 1, shown)
        self.assertNotIn("second", shown)
        self.assertRegex(shown, r"rbk resume \w+\s*$")
        written, code = terminal.run(self.folder, rbk.PROGRAM, "resume", extra={"NO_COLOR": "1"})
        self.assertEqual(code, rbk.SUCCEEDED, written)
        self.assertEqual(terminal.screen(written).count("second"), 1, written)

    def test_no_colour_when_asked(self):
        shown, _ = terminal.run(self.folder, rbk.PROGRAM, "run", "tree.rbk", extra={"NO_COLOR": "1"})
        self.assertNotRegex(shown, r"\x1b\[[0-9;]*m")

    def test_a_narrow_terminal(self):
        shown, code = terminal.run(self.folder, rbk.PROGRAM, "run", "tree.rbk", columns=24, rows=6)
        self.assertEqual(code, rbk.SUCCEEDED)

    def test_in_a_pipe_plain_lines(self):
        done = self.rbk("run", "tree.rbk")
        self.assertNotRegex(done.out + done.err, ESCAPES)
        self.assertIn("Work on web-1", done.out + done.err)

    def test_control_characters_of_a_command_do_not_reach_the_terminal(self):
        self.write("odd.rbk", "runbook odd() {\n  step a = shell(\"printf '\\\\033]0;owned\\\\007\\\\033[2Jx\\\\n'\") reads\n}\n")
        shown, code = terminal.run(self.folder, rbk.PROGRAM, "run", "odd.rbk")
        self.assertEqual(code, rbk.SUCCEEDED)
        self.assertNotIn("\x1b]0;owned", shown)

    def test_json_is_one_object_a_line(self):
        done = self.rbk("run", "tree.rbk", "--json")
        for line in done.out.splitlines():
            self.assertIsInstance(json.loads(line), dict)

    def test_bytes_that_are_no_text(self):
        self.write("bytes.rbk", "runbook b() -> int {\n  step a = shell(\"printf '\\\\377\\\\376\\\\000x\\\\n'\") reads\n  return a.stdout.length\n}\n")
        done = self.rbk("run", "bytes.rbk", "--json")
        for line in done.out.splitlines():
            json.loads(line)

    def test_a_huge_output_is_bounded_in_memory(self):
        self.write("huge.rbk", 'runbook huge() {\n  step a = shell("head -c 200000000 /dev/zero | tr \'\\\\0\' x") reads on failure continue\n}\n')
        process = subprocess.Popen(
            [rbk.PROGRAM, "run", "huge.rbk"], cwd=self.folder, env=rbk.environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertIn(process.returncode, (rbk.SUCCEEDED, rbk.PARTIAL, rbk.FAILED))
        most = 1 << 20 if "asan" in rbk.PROGRAM else 150 << 10
        self.assertLess(usage.ru_maxrss, most, "KiB")


if __name__ == "__main__":
    unittest.main()
