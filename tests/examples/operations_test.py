#!/usr/bin/env python3
"""The operations of examples/operations: nothing to complain about, and no path on which an invariant breaks."""
import os
import re
import stat
import unittest

import rbk

OPERATIONS = rbk.ROOT / "examples" / "operations"
FILES = sorted(OPERATIONS.glob("*.rbk"))


class Operations(rbk.Case):
    def test_there_are_some(self):
        self.assertGreaterEqual(len(FILES), 4)

    def test_nothing_to_complain_about(self):
        for file in FILES:
            with self.subTest(file.name):
                done = self.rbk("check", "--strict", "--json", file)
                self.assertEqual([line for line in done.lines() if "code" in line], [])

    def test_formatted(self):
        self.rbk("fmt", "--check", *sorted(OPERATIONS.rglob("*.rbk")))

    def test_every_path_keeps_the_invariants(self):
        for file in FILES:
            with self.subTest(file.name):
                text = file.read_text()
                written = re.findall(r'^test "', text, re.M)
                self.assertGreaterEqual(len(written), 2)
                self.assertRegex(text, r'(?m)^invariant "')
                # Under a sanitizer thousands of paths take minutes: there the tests alone are run.
                sanitized = "/asan/" in str(rbk.PROGRAM)
                done = self.rbk("test", *([] if sanitized else ["--explore"]), file, timeout=600)
                self.assertIn(f"{len(written)} tests: all passed", done.out)
                if not sanitized:
                    self.assertRegex(done.out, r"✓ explored .*: \d+ paths")
                self.assertNotIn("✗", done.out)

    def test_says_what_it_is_for(self):
        table = (OPERATIONS / "README.md").read_text()
        for file in FILES:
            with self.subTest(file.name):
                head = "".join(line for line in file.read_text().splitlines(True) if line.startswith("//!"))
                self.assertRegex(head, rf"rbk run \S*{re.escape(file.name)}")
                self.assertGreaterEqual(head.count("//!"), 6, "what it touches, how it is called, how it is undone")
                self.assertIn(f"({file.name})", table)

    def test_programs_can_be_started(self):
        for program in (OPERATIONS / "plugins").iterdir():
            with self.subTest(program.name):
                self.assertTrue(program.stat().st_mode & stat.S_IXUSR and os.access(program, os.X_OK))
                self.assertTrue(program.read_bytes().startswith(b"#!"))


if __name__ == "__main__":
    unittest.main()
