#!/usr/bin/env python3
"""Whoever goes on with a run, and from where: it goes on as it was begun, and the commands that go on with it can be copied."""
import os
import pathlib
import shlex
import signal
import sqlite3
import subprocess
import unittest

import rbk

MOVES = """
runbook moves() {
  step first = shell("umask; pwd; echo first >> lines")
    rollback { shell("umask >> undone; pwd >> undone") }
  approval go "go on?" { allow starter }
  step second = shell("umask; pwd; echo second >> lines") rollback none "a line"
  step inner = shell("pwd", cwd: "below") reads
}
"""

HOSTS = """
record Host { name: string }
runbook hosts(file: string) {
  parallel for h in [Host { name: "a" }, Host { name: "b" }, Host { name: "c" }] {
    step restart = shell("echo ${h.name} >> ${file}; sleep 60") rollback none "restarted is restarted"
  }
}
"""

ASKS = """
runbook asks(names: list<string>) {
  parallel for name in names {
    approval go "ok?" { allow starter }
  }
}
"""


LOCKED = """
runbook locked(n: int) {
  lock "x" {
    step s = shell("sleep 0.2; echo ${n} >> lines") rollback none "a line"
  }
}
"""


class GoingOn(rbk.Case):
    def test_what_is_freed_on_the_way_is_gone_on_with(self):
        self.write("locked.rbk", LOCKED)
        for n in range(3):
            self.rbk("run", "locked.rbk", "--n", n, "--detach")
        self.rbk("resume")
        self.assertEqual([run["status"] for run in self.rbk("runs", "--json").lines()], ["succeeded"] * 3)
        self.assertEqual(sorted((self.folder / "lines").read_text().split()), ["0", "1", "2"])

    def only_run(self):
        return self.rbk("runs", "--json").lines()[-1]["run"]

    def lines(self, run, step):
        return self.rbk("logs", run, "--step", step).out.split()

    def test_the_folder_and_the_file_mask_are_those_of_the_start(self):
        self.write("moves.rbk", MOVES)
        self.write("runbook.toml", "")
        (self.folder / "below").mkdir()
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        self.rbk("run", "moves.rbk", exit=rbk.SUSPENDED, umask=0o077)
        run = self.only_run()
        self.rbk("approve", run, "go", folder=elsewhere, umask=0o002)
        self.assertEqual((self.folder / "lines").read_text(), "first\nsecond\n")
        self.assertEqual(list(elsewhere.iterdir()), [])
        here = str(self.folder.resolve())
        self.assertIn("0077", self.rbk("logs", run, "--step", "second").out)
        self.assertIn(f"{here}/below", self.rbk("logs", run, "--step", "inner").out)
        self.rbk("rollback", run, folder=elsewhere, umask=0o002)
        self.assertEqual((self.folder / "undone").read_text().split(), ["0077", here])

    def test_a_store_of_the_first_format_is_brought_up(self):
        self.write("moves.rbk", MOVES)
        (self.folder / "below").mkdir()
        self.rbk("run", "moves.rbk", exit=rbk.SUSPENDED)
        store = self.folder / ".runbook/store.db"
        with sqlite3.connect(store) as old:
            old.executescript(
                rbk.AS_FORMAT_3 + "alter table run drop column folder; alter table run drop column umask; drop table claim; pragma user_version = 1"
            )
        old.close()
        (self.folder / ".runbook/store.db-format-1").write_text("somebody's own")
        run = self.only_run()
        self.rbk("approve", run, "go")
        with sqlite3.connect(store) as new:
            self.assertEqual(new.execute("pragma user_version").fetchone(), (6,))
            begin, approve = new.execute("select verb, kind, payload from audit order by number").fetchall()
            self.assertEqual(begin, ("begin", "store", '{"format":6,"migrated_from":1}'))
            self.assertEqual(approve[:2], ("approve", "run"))
        self.assertIn("intact: 2 rows", self.rbk("audit", "verify").out)
        self.assertEqual((self.folder / ".runbook/store.db-format-1").read_text(), "somebody's own")
        self.assertEqual(pathlib.Path(f"{store}-format-1-2").stat().st_mode & 0o777, 0o600)
        with sqlite3.connect(f"{store}-format-1-2") as kept:
            self.assertEqual(kept.execute("pragma user_version").fetchone(), (1,))
            self.assertEqual(kept.execute("select count(*) from run").fetchone(), (1,))

    def test_each_branch_in_doubt_is_answered_by_its_own_name(self):
        file = self.folder / "lines"
        self.write("hosts.rbk", HOSTS)
        process = rbk.start(self.folder, "run", "hosts.rbk", "--file", file)
        rbk.eventually("three steps", lambda: file.exists() and len(file.read_text().split()) == 3)
        run = self.only_run()
        process.kill()
        process.wait(30)
        found = subprocess.run(["pgrep", "-f", f"__supervise {self.folder.resolve()}"], capture_output=True, text=True, check=True)
        for pid in found.stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        self.rbk("resume", run, exit=rbk.IN_DOUBT)
        paths = sorted(wait["path"] for wait in self.rbk("inbox", "--json").lines())
        self.assertEqual(paths, ["restart[0]", "restart[1]", "restart[2]"])
        self.assertIn("restart[0]", self.rbk("resolve", run, "restart", "done", exit=rbk.USAGE).err)
        # What is printed answers nothing before somebody has written the answer.
        (command, *_) = [line.strip() for line in self.rbk("inbox").out.splitlines() if "rbk resolve" in line]
        copied = subprocess.run(
            ["bash", "-c", f'rbk() {{ "$RBK" "$@"; }}; {command}'], cwd=self.folder, env=rbk.environment(RBK=str(rbk.PROGRAM)),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        self.assertEqual(copied.returncode, rbk.USAGE, copied.stderr)
        self.assertEqual(len(self.rbk("inbox", "--json").lines()), 3)

    def test_what_is_printed_can_be_copied(self):
        names = ["$(touch pwned)", "it's; touch pwned", "a b", "*", "line\nbreak", "same", "same"]
        store = f"sqlite:{self.folder}/other store.db"
        self.write("asks.rbk", ASKS)
        words = [word for name in names for word in ("--names", name)]
        done = self.rbk("run", "asks.rbk", *words, "--store", store, exit=rbk.SUSPENDED)
        commands = [line.strip() for line in done.err.splitlines() if line.strip().startswith("rbk approve")]
        self.assertEqual(len(commands), len(names), done.err)
        for at, command in enumerate(commands):
            last = at + 1 == len(commands)
            copied = subprocess.run(
                ["bash", "-c", f'rbk() {{ "$RBK" "$@"; }}; {command}'], cwd=self.folder, env=rbk.environment(RBK=str(rbk.PROGRAM)),
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            self.assertEqual(copied.returncode, rbk.SUCCEEDED if last else rbk.SUSPENDED, f"{command}\n{copied.stderr}")
        self.assertFalse((self.folder / "pwned").exists())
        self.assertIn("--store", shlex.split(commands[0]))
        self.assertIn("'go[same#2]'", "\n".join(commands))

    def test_of_several_runs_each_line_says_whose_it_is(self):
        self.write("says.rbk", 'runbook says(text: string) {\n  wait 200ms\n  log.info(text)\n  wait 200ms\n  log.info(text)\n}\n')
        runs = {text: self.rbk("run", "says.rbk", "--text", text, "--detach").out.strip() for text in ("one", "two")}
        whose = None
        said = []
        for line in self.rbk("resume").out.splitlines():
            if line.startswith("run "):
                whose = line.split()[1]
            elif "log info" in line or " info " in line:
                said.append((whose, line.split()[-1]))
        self.assertEqual(sorted(said), sorted((run, text) for text, run in runs.items() for _ in range(2)))

    def test_what_a_run_says_moves_no_cursor(self):
        self.write("asks.rbk", ASKS)
        self.rbk("run", "asks.rbk", "--names", "red\x1b[31m\x07", exit=rbk.SUSPENDED)
        for words in (["inbox"], ["approvals"], ["show", self.only_run()]):
            self.assertNotRegex(self.rbk(*words).out, r"[\x07\x1b]", str(words))


if __name__ == "__main__":
    unittest.main()
