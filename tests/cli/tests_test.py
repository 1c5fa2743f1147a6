#!/usr/bin/env python3
"""`rbk test`: which tests it runs, what it prints for people, for programs and for CI systems, and how it ends."""
import unittest
import xml.etree.ElementTree

import rbk

GOOD = """
runbook double(n: int) -> int {
  step look = shell("look ${n}") reads
  log.info("<${n}> & \\"more\\"")
  return n * 2
}
test "twice" {
  given shell => shell.Output { }
  let it = double(n: 2)
  expect it.output == 4
}
"""
BAD = (
    GOOD
    + """
test "three times <&>" {
  given shell => shell.Output { }
  let it = double(n: 2)
  expect it.output == 6
}
"""
)


class Tests(rbk.Case):
    def test_all_tests_of_the_project_are_run(self):
        self.write("a.rbk", GOOD)
        self.write("sub/b.rbk", GOOD)
        self.write("c.rbk", "runbook r() {\n}\n")
        done = self.rbk("test")
        self.assertIn("2 tests: all passed", done.out)
        self.assertFalse((self.folder / ".runbook").exists(), "a test needs no store")

    def test_one_that_fails_says_why_and_what_its_run_did(self):
        self.write("bad.rbk", BAD)
        done = self.rbk("test", "bad.rbk", exit=rbk.FAILED)
        self.assertIn("✓ twice", done.out)
        self.assertIn("✗ three times <&>", done.out)
        self.assertIn("`it.output == 6` does not hold: it.output = 4", done.out)
        self.assertIn("--> bad.rbk:16", done.out)
        self.assertIn('look: shell "look 2" succeeds', done.out)
        self.assertIn("2 tests: 1 failed, 1 passed", done.out)

    def test_programs_get_an_object_a_test(self):
        self.write("bad.rbk", BAD)
        done = self.rbk("test", "bad.rbk", "--json", exit=rbk.FAILED)
        good, bad, total = done.lines()
        self.assertEqual([good["title"], good["passed"], good["file"], good["line"]], ["twice", True, "bad.rbk", 7])
        self.assertEqual([bad["passed"], bad["failed_line"]], [False, 16])
        self.assertIn("does not hold", bad["message"])
        self.assertIn("the run succeeded", bad["story"][-1])
        self.assertEqual([total["event"], total["passed"], total["failed"]], ["tests", 1, 1])

    def test_ci_systems_get_junit_xml(self):
        self.write("a.rbk", GOOD)
        self.write("bad.rbk", BAD)
        self.rbk("test", "--junit", "out.xml", exit=rbk.FAILED)
        suites = xml.etree.ElementTree.parse(self.folder / "out.xml").getroot()
        self.assertEqual([(s.get("name"), s.get("tests"), s.get("failures")) for s in suites], [("a.rbk", "1", "0"), ("bad.rbk", "2", "1")])
        failed = suites[1][1]
        self.assertEqual([failed.get("name"), failed.get("line")], ["three times <&>", "13"])
        self.assertIn("does not hold", failed[0].get("message"))
        self.assertIn('<2> & "more"', failed[0].text)

    def test_junit_that_cannot_be_written_is_told(self):
        self.write("a.rbk", GOOD)
        done = self.rbk("test", "--junit", "no/such/out.xml", exit=None)
        self.assertNotEqual(done.code, 0)
        self.assertIn("no/such/out.xml", done.err)

    def test_files_with_errors_end_with_2_and_the_others_are_run(self):
        self.write("a.rbk", GOOD)
        self.write("wrong.rbk", 'test "x" {\n  expect nothing\n}\n')
        done = self.rbk("test", exit=rbk.USAGE)
        self.assertIn("✓ twice", done.out)
        self.assertIn("RBK0100", done.err)

    def test_what_is_not_there_is_told(self):
        self.write("a.rbk", GOOD)
        self.assertIn("no.rbk", self.rbk("test", "no.rbk", exit=rbk.USAGE).err)
        self.assertIn("compiled program", self.rbk("test", "a.rbkc", exit=rbk.USAGE).err)
        self.assertIn("there is 1 test", self.rbk("test", "--filter", "nope", exit=rbk.USAGE).err)

    def test_a_run_that_never_ends_is_stopped(self):
        self.write(
            "loop.rbk",
            'runbook r() {\n  repeat every 1s at most 100000000d {\n    step a = shell("x") reads\n    until a.exit_code == 1\n  }\n}\n'
            'test "x" {\n  given shell => shell.Output { }\n  let it = r()\n  expect it.failed\n}\n',
        )
        done = self.rbk("test", "loop.rbk", exit=rbk.FAILED, timeout=100)
        self.assertIn("has not ended after", done.out)


if __name__ == "__main__":
    unittest.main()
