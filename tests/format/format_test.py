#!/usr/bin/env python3
"""`rbk fmt` over every runbook there is here: it changes no meaning, and what it wrote it leaves as it is."""
import pathlib
import re
import sys
import unittest

import rbk

sys.path.insert(0, str(rbk.ROOT / "tests/conformance"))
import case_file  # noqa: E402


class Format(rbk.Case):
    def texts(self):
        for path in sorted((rbk.ROOT / "tests/conformance").rglob("*.rbk")):
            for case in case_file.read(path, path.relative_to(rbk.ROOT)):
                for name, text in case.files.items():
                    if name.endswith(".rbk"):
                        yield case.name, text
        for path in sorted((rbk.ROOT / "examples").rglob("*.rbk")):
            yield str(path.relative_to(rbk.ROOT)), path.read_text()
        for page in sorted((rbk.ROOT / "docs").rglob("*.md")):
            for at, text in enumerate(re.findall(r"^```rbk[^\n]*\n(.*?)^```$", page.read_text(), re.M | re.S)):
                yield f"{page.name} {at}", text

    def diagnostics(self, files):
        found = {file: [] for file in files}
        done = self.rbk("check", "--json", *files, exit=None)
        for line in done.lines():
            if "code" in line:
                found[line["file"]].append((line["code"], line["message"]))
        return found

    def test_keeps_the_meaning_and_is_stable(self):
        names = {}
        for at, (name, text) in enumerate(self.texts()):
            names[f"{at:04}.rbk"] = name
            self.write(f"{at:04}.rbk", text)
        self.assertGreater(len(names), 200)
        files = sorted(names)
        before = self.diagnostics(files)
        # A file that does not parse is left alone, and fmt says so.
        whole = [file for file in files if not any(code < "RBK0100" for code, _ in before[file])]
        self.rbk("fmt", *whole)
        once = {file: pathlib.Path(self.folder / file).read_text() for file in whole}
        after = self.diagnostics(whole)
        for file in whole:
            with self.subTest(case=names[file]):
                self.assertEqual(sorted(after[file]), sorted(before[file]))
        self.rbk("fmt", *whole)
        for file in whole:
            with self.subTest(case=names[file]):
                self.assertEqual((self.folder / file).read_text(), once[file])
        self.rbk("fmt", "--check", *whole)

    def test_a_broken_file_is_left_alone(self):
        path = self.write("broken.rbk", "runbook  r( {\n")
        done = self.rbk("fmt", "broken.rbk", exit=None)
        self.assertNotEqual(done.code, rbk.SUCCEEDED)
        self.assertEqual(path.read_text(), "runbook  r( {\n")

    def test_check_changes_nothing(self):
        path = self.write("ugly.rbk", 'runbook   r()   {\nlog.info( "x" )\n}\n')
        self.rbk("fmt", "--check", "ugly.rbk", exit=rbk.FAILED)
        self.assertEqual(path.read_text(), 'runbook   r()   {\nlog.info( "x" )\n}\n')
        self.rbk("fmt", "ugly.rbk")
        self.assertEqual(path.read_text(), 'runbook r() {\n  log.info("x")\n}\n')


if __name__ == "__main__":
    unittest.main()
