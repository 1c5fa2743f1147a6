#!/usr/bin/env python3
"""Every page of `rbk explain` keeps its promise: the bad example gives just its code, the good one gives nothing."""
import pathlib
import re
import unittest

import rbk

PAGES = sorted((rbk.ROOT / "compiler/diagnostics/explain").glob("RBK*.md"))
FENCE = re.compile(r"^```rbk,(bad|good)[^\n]*\n(.*?)^```$", re.M | re.S)
# What the examples import, and the programs and groups that they name.
IMPORTED = {
    "lib/hosts.rbk": 'fn _known() -> list<string> {\n  return ["web-1", "web-2"]\n}\n',
    "lib/zones.rbk": 'fn eu() -> list<string> {\n  return ["web-1"]\n}\n\nfn us() -> list<string> {\n  return ["web-2"]\n}\n',
    "plugins/page": "#!/bin/sh\n",
    "plugins/plain.txt": "echo\n",
    "runbook.toml": '[groups]\nsre = ["ann", "bob"]\nsre-leads = ["ann", "cat"]\n\n[secrets]\nlb_token = "env:LB_TOKEN"\n\n[notify.sre]\ncommand = "true"\n',
}


class Pages(rbk.Case):
    def codes(self, name, text):
        folder = self.folder / name
        folder.mkdir(parents=True)
        for file, content in {"main.rbk": text, **IMPORTED}.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(content)
            if content.startswith("#!"):
                (folder / file).chmod(0o755)
        done = self.rbk("check", "--json", "main.rbk", folder=folder, exit=None)
        return [item["code"] for item in done.lines() if "code" in item], done

    def test_each_page(self):
        self.assertGreaterEqual(len(PAGES), 150)
        for page in PAGES:
            examples = FENCE.findall(page.read_text())
            with self.subTest(page=page.name):
                self.assertEqual({kind for kind, _ in examples}, {"bad", "good"}, "a page has a bad and a good example")
            for at, (kind, text) in enumerate(examples):
                with self.subTest(page=page.name, kind=kind, example=at):
                    codes, done = self.codes(f"{page.stem}-{at}", text)
                    self.assertEqual(codes, [page.stem] if kind == "bad" else [], f"{text}\n{done}")

    def test_each_code_has_a_case_in_the_conformance_suite(self):
        suite = "".join(path.read_text() for path in (rbk.ROOT / "tests/conformance").rglob("*.rbk"))
        self.assertEqual([page.stem for page in PAGES if page.stem not in suite], [])

    def test_explain_prints_the_page(self):
        for page in PAGES:
            done = self.rbk("explain", page.stem)
            title = page.read_text().splitlines()[0].lstrip("# ")
            self.assertIn(title.split(": ", 1)[1], done.out)

    def test_an_unknown_code(self):
        done = self.rbk("explain", "RBK9999", exit=rbk.USAGE)
        self.assertIn("RBK9999", done.err)


if __name__ == "__main__":
    unittest.main()
