#!/usr/bin/env python3
"""What the documents show is what happens: their code compiles, their commands run and print what stands below them.

In a Markdown file of README.md and docs/:

    ```rbk                  compiles without a diagnostic
    ```rbk file=hello.rbk   the same, and is written to that file, for the commands that follow
    ```rbk wrong=RBK0200    gives just that diagnostic
    ```sh file=plugins/x    is written to that file and made executable; so is ```python
    ```console              lines that begin with `$ ` are executed in a folder of the page's own; the lines below
                            each are its output, where `…` stands for any text and a line `…` for any lines
    ```console status=1     the last command ends with that exit status, not with 0
    ```terminal             the same on a terminal: below each command stands what is on its screen at last

`rbk` is the built program and `RUN` in a command the id of the latest run. Durations in outputs are not compared.
"""
import os
import re
import subprocess
import unittest

import rbk
import terminal

FENCE = re.compile(r"^( {0,3})```(rbk|console|terminal|sh|python)([^\n]*)\n(.*?)^\1```$", re.M | re.S)
DURATION = re.compile(r"\b\d+(?:\.\d+)?(?:us|ms|s|m)(?:\d+(?:ms|s|us))*\b")
PAGES = [rbk.ROOT / "README.md", *sorted((rbk.ROOT / "docs").rglob("*.md"))]


def settings(text):
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def pattern_of(lines):
    """A regular expression for the output written below a command."""
    parts = []
    for line in lines:
        if line.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*?")
            continue
        pieces = [DURATION.sub("\0", piece) for piece in line.rstrip().split("…")]
        escaped = r"[^\n]*".join(re.escape(piece).replace("\0", r"[\d.]+\w*") for piece in pieces)
        parts.append(re.sub(r"(?:\\ )+", r"\\ +", escaped) + r" *\n")
    return re.compile("".join(parts) + r"\Z")


class Page(rbk.Case):
    def setUp(self):
        super().setUp()
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "rbk").symlink_to(rbk.PROGRAM)
        self.work = self.folder / "work"
        self.work.mkdir()
        self.tools = tools

    def latest_run(self):
        runs = rbk.call(self.work, "runs", "--json").lines() if (self.work / ".runbook").exists() else []
        return max((line["run"] for line in runs if "run" in line), default="")

    def code(self, text, wanted):
        if "file" in wanted:
            path = self.work / wanted["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
        else:
            path = self.folder / "example.rbk"
        path.write_text(text)
        done = self.rbk("check", "--json", path, folder=path.parent, exit=None)
        found = [f"{line['code']} {line['line']}: {line['message']}" for line in done.lines() if "code" in line]
        if "wrong" in wanted:
            self.assertEqual([code.split()[0] for code in found], [wanted["wrong"]], text)
        else:
            self.assertEqual(found, [], text)

    def commands(self, text, wanted, on_terminal=False):
        groups = []
        for line in text.splitlines():
            if line.startswith("$ "):
                groups.append((line[2:], []))
            elif groups:
                groups[-1][1].append(line)
        for at, (command, output) in enumerate(groups):
            if command.startswith("./dev "):
                continue  # builds everything: .ci/run does that
            command = re.sub(r"\bRUN\b", lambda _: self.latest_run(), command)
            environment = {"PATH": f"{self.tools}:{os.environ['PATH']}", "COLUMNS": 100}
            expected = int(wanted.get("status", 0)) if at == len(groups) - 1 else 0
            if on_terminal:
                written, code = terminal.run(self.work, "bash", "-c", command, extra={**environment, "COLUMNS": "100"})
                both = terminal.screen(written)
                self.assertEqual(code, expected, f"$ {command}\n{both}")
                self.assertRegex(both, pattern_of(output), f"$ {command}")
                continue
            done = subprocess.run(
                ["bash", "-c", command], cwd=self.work, capture_output=True, text=True, timeout=120, check=False,
                env=rbk.environment(**environment),
            )  # fmt: skip
            both = done.stdout + done.stderr
            self.assertEqual(done.returncode, expected, f"$ {command}\n{both}")
            self.assertRegex(both + ("" if both.endswith("\n") or not both else "\n"), pattern_of(output), f"$ {command}")

    def page(self, path):
        # What the page may use: the examples, under the name by which it calls them.
        (self.work / "examples").symlink_to(rbk.ROOT / "examples")
        for match in FENCE.finditer(path.read_text()):
            _, kind, rest, text = match.groups()
            line = path.read_text()[: match.start()].count("\n") + 1
            with self.subTest(page=path.name, line=line):
                wanted = settings(rest)
                if kind in ("sh", "python"):
                    if "file" in wanted:
                        self.write(self.work / wanted["file"], text).chmod(0o755)
                elif kind == "rbk":
                    self.code(text, wanted)
                else:
                    self.commands(text, wanted, kind == "terminal")


def test_of(path):
    return lambda self: self.page(path)


for document in PAGES:
    name = str(document.relative_to(rbk.ROOT)).removesuffix(".md").replace("/", "_").replace("-", "_").lower()
    setattr(Page, f"test_{name}", test_of(document))


class Links(unittest.TestCase):
    def test_each_file_that_is_named_is_there(self):
        for document in PAGES:
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text()):
                if "://" not in target:
                    self.assertTrue((document.parent / target).exists(), f"{document}: {target}")

    def test_no_page_is_lost(self):
        linked = set()
        for document in PAGES:
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text()):
                linked.add((document.parent / target).resolve())
        lost = [
            str(page)
            for page in PAGES[1:]
            if page.resolve() not in linked and page.parent.resolve() not in linked
        ]
        self.assertEqual(lost, [], "pages that nothing links to")


if __name__ == "__main__":
    unittest.main()
