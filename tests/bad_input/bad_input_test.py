#!/usr/bin/env python3
"""What bad input gets: a message that names the thing and the cure, the exit status of the contract, nothing half written."""
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import time
import unittest

import rbk

# A sanitizer reserves more memory than that for itself.
bounded = "/asan/" not in str(rbk.PROGRAM)

GOOD = 'runbook r(n: int = 1 where n in 1..9 else "one digit, not ${n}", file: string = "mark") {\n  step a = shell("echo ${n} >> ${file}")\n}\n'


class Bad(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("good.rbk", GOOD)

    def refused(self, *words, exit, names, **options):
        """Called so, rbk ends with this status, names these things on standard error, and has run nothing."""
        done = self.rbk(*words, exit=exit, **options)
        for name in names if isinstance(names, (list, tuple)) else [names]:
            self.assertIn(name, done.err, str(done))
        self.assertFalse((self.folder / "mark").exists(), "something was run")
        self.assertNotIn("terminate called", done.err)
        return done


class Files(Bad):
    def test_not_there(self):
        for command in ("run", "check", "compile", "plan", "fmt", "disasm"):
            extra = ("-o", "x.rbkc") if command == "compile" else ()
            self.refused(command, "nope.rbk", *extra, exit=rbk.USAGE, names="nope.rbk")
        self.assertFalse((self.folder / "x.rbkc").exists())
        self.assertFalse((self.folder / ".runbook").exists(), "a store was made for nothing")

    def test_a_folder_and_a_device(self):
        self.refused("run", ".", exit=rbk.USAGE, names=".")
        (self.folder / "dir.rbk").mkdir()
        self.refused("run", "dir.rbk", exit=rbk.USAGE, names="dir.rbk")

    def test_not_readable(self):
        path = self.write("locked.rbk", GOOD)
        path.chmod(0)
        if os.geteuid() == 0:
            self.skipTest("root reads everything")
        self.refused("run", "locked.rbk", exit=rbk.USAGE, names="locked.rbk")

    def test_does_not_parse(self):
        self.write("bad.rbk", "runbook r( {\n")
        done = self.refused("run", "bad.rbk", exit=rbk.USAGE, names=["bad.rbk:1", "RBK00"])
        self.assertFalse((self.folder / ".runbook").exists(), "a store was made for nothing")
        self.assertEqual(done.out, "")

    def test_a_wrong_type(self):
        self.write("bad.rbk", 'runbook r() {\n  let n: int = "x"\n  log.info("${n}")\n}\n')
        self.refused("run", "bad.rbk", exit=rbk.USAGE, names=["RBK0200", "bad.rbk:2:16"])

    def test_bytes_that_are_no_text(self):
        for at, data in enumerate([b"\xff\xfe\x00r", b"runbook \x00r() {}", os.urandom(4096), b"\xed\xa0\x80"]):
            (self.folder / f"bytes{at}.rbk").write_bytes(data)
            self.refused("run", f"bytes{at}.rbk", exit=rbk.USAGE, names=f"bytes{at}.rbk")

    def test_empty(self):
        self.write("empty.rbk", "")
        self.refused("run", "empty.rbk", exit=rbk.USAGE, names="empty.rbk")
        self.rbk("check", "empty.rbk")

    def test_huge_and_deep(self):
        self.write("deep.rbk", "fn f() -> int {\n  return " + "(" * 100000 + "1" + ")" * 100000 + "\n}\n")
        self.refused("check", "deep.rbk", exit=rbk.USAGE, names="deep.rbk")
        self.write("nest.rbk", "fn f() {\n" + "if true {\n" * 20000 + "}\n" * 20000 + "}\n")
        self.refused("check", "nest.rbk", exit=rbk.USAGE, names="nest.rbk")

    def test_words_that_are_no_command(self):
        self.refused("rnu", "good.rbk", exit=rbk.USAGE, names=["rnu", "rbk run"])
        self.refused(exit=rbk.USAGE, names="rbk --help")
        self.refused("run", exit=rbk.USAGE, names="FILE")
        self.refused("run", "good.rbk", "--store", "mysql://x", exit=rbk.USAGE, names="mysql://x")


class Parameters(Bad):
    def test_missing(self):
        self.write("needs.rbk", "runbook r(service: string, n: int) {\n  log.info(service)\n}\n")
        self.refused("run", "needs.rbk", exit=rbk.REFUSED, names=["service", "n"])

    def test_of_the_wrong_type(self):
        self.refused("run", "good.rbk", "--n", "five", exit=rbk.REFUSED, names=["n", "five", "int"])
        self.refused("run", "good.rbk", "--params", "-", stdin='{"n": "x"}', exit=rbk.REFUSED, names=["n", "int"])

    def test_outside_where(self):
        self.refused("run", "good.rbk", "--n", "12", exit=rbk.REFUSED, names="one digit, not 12")

    def test_unknown(self):
        self.refused("run", "good.rbk", "--file_name", "x", exit=rbk.USAGE, names=["file_name", "--file"])

    def test_a_value_is_missing(self):
        self.refused("run", "good.rbk", "--n", exit=rbk.USAGE, names="--n")

    def test_parameter_files(self):
        self.refused("run", "good.rbk", "--params", "nope.json", exit=rbk.USAGE, names="nope.json")
        for text in ("{", "[]", '"x"', "", '{"n": 1, "n": 2', "{'n': 1}"):
            self.write("p.json", text)
            self.refused("run", "good.rbk", "--params", "p.json", exit=rbk.USAGE, names="p.json")

    def test_nothing_is_stored_of_a_refused_run(self):
        self.refused("run", "good.rbk", "--n", "12", exit=rbk.REFUSED, names="12")
        self.assertFalse((self.folder / ".runbook").exists())


class Runs(Bad):
    def test_there_is_no_such_run(self):
        self.rbk("run", "good.rbk")
        (self.folder / "mark").unlink()
        for command in (["show", "zzzz"], ["logs", "zzzz"], ["resume", "zzzz"], ["approve", "zzzz"], ["cancel", "zzzz"]):
            self.refused(*command, exit=rbk.USAGE, names="zzzz")

    def test_a_run_that_is_over(self):
        run = rbk.run_id(self.rbk("run", "good.rbk", "--json"))
        (self.folder / "mark").unlink()
        for words in (["approve", run, "go"], ["cancel", run], ["resolve", run, "a", "done"]):
            done = self.rbk(*words, exit=None)
            self.assertIn(done.code, (rbk.USAGE, rbk.REFUSED), str(done))
            self.assertNotEqual(done.err, "")
        self.assertFalse((self.folder / "mark").exists())

    def test_no_store_yet(self):
        for words in (["runs"], ["inbox"], ["approvals"]):
            self.rbk(*words, exit=None)
        self.refused("show", "abc", exit=rbk.USAGE, names=["there is no store", ".runbook"])


class Stores(Bad):
    def setUp(self):
        super().setUp()
        self.rbk("run", "good.rbk")
        self.store = self.folder / ".runbook/store.db"
        self.assertTrue(self.store.exists())
        (self.folder / "mark").unlink()

    def bytes_of_store(self):
        return {path.name: path.read_bytes() for path in self.store.parent.glob("store*")}

    def test_locked_for_good(self):
        connection = sqlite3.connect(self.store)
        self.addCleanup(connection.close)
        connection.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        self.refused("run", "good.rbk", exit=rbk.FAILED, names=["store.db", "lock"])
        self.assertLess(time.monotonic() - began, 60)
        connection.rollback()
        self.rbk("run", "good.rbk")

    def test_locked_for_a_moment(self):
        connection = sqlite3.connect(self.store, check_same_thread=False)
        self.addCleanup(connection.close)
        connection.execute("BEGIN IMMEDIATE")
        process = rbk.start(self.folder, "run", "good.rbk")
        time.sleep(0.5)
        self.assertFalse((self.folder / "mark").exists(), "it ran before it was durable")
        connection.rollback()
        self.assertEqual(process.wait(30), rbk.SUCCEEDED)

    def test_read_only(self):
        if os.geteuid() == 0:
            self.read_only_as_root()
            return
        for path in self.store.parent.glob("store*"):
            path.chmod(0o444)
        self.store.parent.chmod(0o555)
        self.addCleanup(self.store.parent.chmod, 0o755)
        self.refused("run", "good.rbk", exit=rbk.FAILED, names="store.db")

    def read_only_as_root(self):
        """Root may write anywhere, so as somebody else."""
        os.chmod(self.folder, 0o755)
        self.store.parent.chmod(0o755)
        for path in self.store.parent.iterdir():
            path.chmod(0o644 if path.is_file() else 0o755)
        program = self.folder / "rbk"
        shutil.copy(rbk.PROGRAM, program)
        before = self.bytes_of_store()
        done = subprocess.run(
            [program, "run", "good.rbk"],
            cwd=self.folder, user="nobody", group="nogroup", extra_groups=[],
            env=rbk.environment(), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        self.assertIn(done.returncode, (rbk.FAILED, rbk.REFUSED), done.stderr)
        self.assertIn("store.db", done.stderr)
        self.assertEqual(self.bytes_of_store(), before)

    def test_a_newer_format(self):
        with sqlite3.connect(self.store) as connection:
            (format_now,) = connection.execute("PRAGMA user_version").fetchone()
            self.assertGreater(format_now, 0, "the store says its format")
            connection.execute(f"PRAGMA user_version = {format_now + 1}")
        connection.close()
        done = self.refused("run", "good.rbk", exit=rbk.USAGE, names=["store.db", "newer"])
        self.assertIn(str(format_now + 1), done.err)
        with sqlite3.connect(self.store) as connection:
            self.assertEqual(connection.execute("PRAGMA user_version").fetchone(), (format_now + 1,))
            connection.execute(f"PRAGMA user_version = {format_now}")
        connection.close()
        self.rbk("run", "good.rbk")

    def test_no_database_at_all(self):
        for path in self.store.parent.glob("store.db-*"):
            path.unlink()
        self.store.write_bytes(b"this is no database, but somebody's notes\n" * 100)
        before = self.store.read_bytes()
        self.refused("run", "good.rbk", exit=rbk.FAILED, names="store.db")
        self.assertEqual(self.store.read_bytes(), before)

    def test_another_programs_database(self):
        for path in self.store.parent.glob("store.db*"):
            path.unlink()
        with sqlite3.connect(self.store) as connection:
            connection.execute("CREATE TABLE mine (x)")
        connection.close()
        self.refused("run", "good.rbk", exit=rbk.USAGE, names="store.db")
        with sqlite3.connect(self.store) as connection:
            self.assertEqual(connection.execute("SELECT name FROM sqlite_master").fetchall(), [("mine",)])
        connection.close()

    def test_damaged_in_the_middle(self):
        for path in self.store.parent.glob("store.db-*"):
            path.unlink()
        size = self.store.stat().st_size
        with open(self.store, "r+b") as file:
            for at in range(4096, size, 4096):
                file.seek(at)
                file.write(os.urandom(64))
        done = self.rbk("run", "good.rbk", exit=None)
        self.assertEqual(done.code, rbk.FAILED, str(done))
        self.assertIn("store.db", done.err)
        self.assertNotIn("terminate called", done.err)

    def test_a_folder_that_cannot_be_made(self):
        self.write("file", "")
        self.refused("run", "good.rbk", "--store", "sqlite:file/store.db", exit=rbk.FAILED, names="file")


class Full(Bad):
    """On a small file system of its own, which takes the right to mount one."""

    def setUp(self):
        super().setUp()
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.disk], capture_output=True, check=False
        )
        if mounted.returncode:
            self.skipTest("no right to mount a file system")
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=False)
        self.url = f"sqlite:{self.disk}/store.db"
        self.write(
            "many.rbk",
            'runbook many(n: int, file: string) {\n  for i in 1..n {\n    step s = shell("echo ${i} >> ${file}; head -c 3000 /dev/urandom | base64")'
            ' rollback none "a line"\n  }\n}\n',
        )

    def test_full_in_the_middle_of_a_run_then_resumed(self):
        effects = self.folder / "effects"
        done = self.rbk("run", "many.rbk", "--n", "400", "--file", effects, "--store", self.url, exit=None, timeout=300)
        self.assertEqual(done.code, rbk.SUSPENDED, str(done))
        self.assertIn("no space", done.err)
        self.assertIn("store.db", done.err)
        count = len(effects.read_text().splitlines())
        self.assertGreater(count, 3)
        subprocess.run(["mount", "-o", "remount,size=64m", self.disk], check=True)
        self.rbk("resume", "--store", self.url, timeout=300)
        self.assertEqual(effects.read_text().split(), [str(n) for n in range(1, 401)], "each effect exactly once")

    def test_full_from_the_start(self):
        filler = self.disk / "filler"
        descriptor = os.open(filler, os.O_CREAT | os.O_WRONLY)
        try:
            while os.write(descriptor, b"x" * 4096):
                pass
        except OSError:
            os.close(descriptor)
        self.refused("run", "good.rbk", "--store", self.url, exit=rbk.FAILED, names="store.db")
        filler.unlink()
        self.rbk("run", "good.rbk", "--store", self.url)


class Compiled(Bad):
    def setUp(self):
        super().setUp()
        self.rbk("compile", "good.rbk", "-o", "good.rbkc")
        self.compiled = self.folder / "good.rbkc"

    def test_a_good_one_runs(self):
        self.rbk("run", "good.rbkc", "--n", "4")
        self.assertEqual((self.folder / "mark").read_text(), "4\n")

    def test_cut_short_at_every_length(self):
        whole = self.compiled.read_bytes()
        for length in [0, 1, 3, 4, 7, 8, len(whole) // 2, len(whole) - 1]:
            self.compiled.write_bytes(whole[:length])
            self.refused("run", "good.rbkc", exit=rbk.USAGE, names="good.rbkc")

    def test_a_bit_turned(self):
        whole = self.compiled.read_bytes()
        for at in range(0, len(whole), max(1, len(whole) // 40)):
            turned = bytearray(whole)
            turned[at] ^= 0x10
            self.compiled.write_bytes(turned)
            self.refused("run", "good.rbkc", exit=rbk.USAGE, names="good.rbkc")

    def test_of_a_newer_version(self):
        whole = bytearray(self.compiled.read_bytes())
        self.assertEqual(whole[:4], b"RBKC")
        whole[4] = 0xEE
        self.compiled.write_bytes(whole)
        self.refused("run", "good.rbkc", exit=rbk.USAGE, names=["good.rbkc", "format"])

    def test_text_under_its_name(self):
        self.write("good.rbkc", GOOD)
        self.refused("run", "good.rbkc", exit=rbk.USAGE, names="good.rbkc")

    def test_compiling_leaves_no_half_file(self):
        self.write("bad.rbk", "runbook r( {")
        self.refused("compile", "bad.rbk", "-o", "bad.rbkc", exit=rbk.USAGE, names="bad.rbk")
        self.assertEqual(list(self.folder.glob("bad.rbkc*")), [])
        self.refused("compile", "good.rbk", "-o", "no/such/folder/x.rbkc", exit=rbk.USAGE, names="no/such/folder")
        kept = self.compiled.read_bytes()
        self.refused("compile", "bad.rbk", "-o", "good.rbkc", exit=rbk.USAGE, names="bad.rbk")
        self.assertEqual(self.compiled.read_bytes(), kept)


class Snapshots(Bad):
    def test_a_broken_one_is_thrown_away_and_the_run_goes_on(self):
        self.write(
            "asks.rbk",
            'runbook asks() -> int {\n  for i in 1..40 {\n    step a = shell("echo ${i} >> did") rollback none "a line"\n  }\n'
            '  approval go "Go?" {\n    allow starter\n  }\n'
            '  step b = shell("echo end >> did") rollback none "a line"\n  return 5\n}\n',
        )
        for damage in ("substr(bytes, 1, length(bytes) / 2)", "zeroblob(length(bytes))", "x''"):
            run = rbk.run_id(self.rbk("run", "asks.rbk", "--json", exit=rbk.SUSPENDED))
            connection = sqlite3.connect(self.folder / ".runbook/store.db")
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            (table,) = [name for name in tables if "snapshot" in name]
            (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            self.assertGreater(count, 0, "a run that waits has a snapshot")
            connection.execute(f"UPDATE {table} SET bytes = {damage}")
            connection.commit()
            connection.close()
            done = self.rbk("approve", run, "go", "--json")
            self.assertEqual(rbk.ending(done)["output"], 5)
        once = [str(n) for n in range(1, 41)] + ["end"]
        self.assertEqual((self.folder / "did").read_text().split(), once * 3)


class TooLarge(rbk.Case):
    """What no compiler should have to read gets an error at once, and in bounded memory."""

    LIMIT = 400 << 20

    def check(self, text):
        path = self.write("large.rbk", text)
        done = subprocess.run(
            [rbk.PROGRAM, "check", "--json", path.name], cwd=self.folder, capture_output=True, text=True, timeout=60,
            check=False, env=rbk.environment(),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (self.LIMIT, self.LIMIT)) if bounded else None,
        )  # fmt: skip
        self.assertEqual(done.returncode, rbk.USAGE, done.stderr)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return [(one["code"], one["message"]) for one in found if "code" in one]

    def test_a_file_of_50_mb(self):
        runbook = "runbook r{}() {{\n  step a = shell(\"true\") reads\n}}\n"
        text = "".join(runbook.format(i) for i in range(50_000_000 // 50))
        self.assertEqual(self.check(text), [("RBK0010", "this file is larger than 8 MiB: nothing of it is read")])
        self.rbk("fmt", "large.rbk", exit=rbk.USAGE)
        self.assertEqual((self.folder / "large.rbk").read_text(), text)

    def test_a_list_of_a_million_elements(self):
        found = self.check(f"const xs = [{','.join(map(str, range(1_000_000)))}]\n")
        self.assertEqual(found, [("RBK0010", "this has more than 100000 elements")])

    def test_an_expression_without_end(self):
        found = self.check(f"fn f() -> int {{\n  return {'+'.join(['1'] * 300_000)}\n}}\n")
        self.assertEqual(found, [("RBK0010", "this has more than 500 parts within each other")])

    def test_blocks_within_each_other(self):
        found = self.check(f"fn f() -> int {{\n  return {'if true { ' * 5000}1{' } else { 2 }' * 5000}\n}}\n")
        self.assertEqual(found, [("RBK0010", "brackets are nested deeper than 200")])


if __name__ == "__main__":
    unittest.main()
