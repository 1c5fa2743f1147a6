#!/usr/bin/env python3
"""Runs every example for real, and looks at what it did to the machine."""
import gzip
import json
import os
import pathlib
import signal
import socket
import sqlite3
import tarfile
import threading
import time
import unittest
import urllib.request

import rbk

EXAMPLES = rbk.ROOT / "examples"


class Example(rbk.Case):
    """Each test runs an example from a folder of its own, with its store there."""

    def run_example(self, name, *words, exit=rbk.SUCCEEDED, **options):
        return self.rbk("run", EXAMPLES / f"{name}.rbk", *words, exit=exit, **options)

    def output(self, done):
        """What the run of a call with --json returned."""
        return rbk.ending(done)["output"]

    def old_file(self, name, size, days):
        path = self.write(name, "x" * size)
        past = time.time() - days * 86400
        os.utime(path, (past, past))
        return path

    def names(self, folder):
        return sorted(item.name for item in folder.iterdir())


class All(Example):
    def test_nothing_to_complain_about(self):
        files = sorted(EXAMPLES.rglob("*.rbk"))
        self.assertGreaterEqual(len(files), 7)
        done = self.rbk("check", "--strict", "--json", *files)
        self.assertEqual([line for line in done.lines() if "code" in line], [])

    def test_formatted(self):
        self.rbk("fmt", "--check", *sorted(EXAMPLES.rglob("*.rbk")))

    def test_each_has_a_test(self):
        tested = pathlib.Path(__file__).read_text()
        for file in EXAMPLES.glob("*.rbk"):
            self.assertIn(f'"{file.stem}"', tested)


class First(Example):
    def test_publishes_the_page(self):
        page = self.folder / "page"
        self.run_example("first", "--folder", page)
        self.assertIn("Linux", (page / "status.txt").read_text())
        self.assertEqual(self.names(page), ["status.txt"])

    def test_needs_no_arguments(self):
        self.run_example("first")
        self.assertIn("Linux", pathlib.Path("/tmp/rbk-first/status.txt").read_text())

    def test_a_drill_leaves_the_old_page(self):
        page = self.write("page/status.txt", "the old page\n")
        done = self.run_example("first", "--folder", page.parent, "--drill", "true", exit=rbk.FAILED)
        self.assertEqual(page.read_text(), "the old page\n")
        self.assertEqual(self.names(page.parent), ["status.txt"])
        self.assertIn("this is a drill", done.out + done.err)

    def test_a_drill_without_an_old_page_leaves_none(self):
        page = self.folder / "page"
        self.run_example("first", "--folder", page, "--drill", "true", exit=rbk.FAILED)
        self.assertEqual(self.names(page), [])


class FreeDiskSpace(Example):
    def setUp(self):
        super().setUp()
        self.old = self.old_file("disk/a b's.tmp", 1000, 30)
        self.older = self.old_file("disk/sub/older.tmp", 2000, 60)
        self.young = self.write("disk/young.tmp", "x")
        self.other = self.old_file("disk/old.db", 10, 90)

    def test_does_nothing_while_enough_is_free(self):
        done = self.run_example("free_disk_space", "--folder", self.folder / "disk", "--least_free", "1B", "--json")
        self.assertEqual(self.output(done)["removed"], [])
        self.assertTrue(self.old.exists() and self.older.exists())

    def test_removes_old_files_oldest_first(self):
        done = self.run_example("free_disk_space", "--folder", self.folder / "disk", "--least_free", "900TiB", "--json")
        output = self.output(done)
        self.assertEqual(output["removed"], [str(self.older), str(self.old)])
        self.assertEqual(output["freed"], "3kB")
        self.assertTrue(output["low"])
        self.assertFalse(self.old.exists() or self.older.exists())
        self.assertTrue(self.young.exists() and self.other.exists())

    def test_no_more_than_asked_for(self):
        self.run_example("free_disk_space", "--folder", self.folder / "disk", "--least_free", "900TiB", "--most", "1")
        self.assertTrue(self.old.exists())
        self.assertFalse(self.older.exists())

    def test_never_the_root_nor_everything(self):
        self.run_example("free_disk_space", "--folder", "/", exit=rbk.REFUSED)
        self.run_example("free_disk_space", "--folder", self.folder, "--pattern", "*", exit=rbk.REFUSED)
        self.run_example("free_disk_space", "--folder", self.folder, "--older_than", "1h", exit=rbk.REFUSED)


class RotateLogs(Example):
    def test_rotates_the_large_ones(self):
        self.write("logs/app.log", "line\n" * 1000)
        self.write("logs/it's mine.log", "other\n" * 1000)
        self.write("logs/small.log", "x\n")
        logs = self.folder / "logs"
        done = self.run_example("rotate_logs", "--folder", logs, "--larger_than", "1kB", "--keep", "2", "--json")
        archives = [pathlib.Path(name) for name in self.output(done)["rotated"]]
        self.assertEqual(len(archives), 2)
        contents = {path.name.split(".log")[0]: gzip.decompress(path.read_bytes()).decode() for path in archives}
        self.assertEqual(contents, {"app": "line\n" * 1000, "it's mine": "other\n" * 1000})
        self.assertEqual((logs / "app.log").read_text(), "")
        self.assertEqual((logs / "small.log").read_text(), "x\n")
        self.assertEqual(len(self.names(logs)), 5)

    def test_keeps_the_newest(self):
        for day in range(4):
            self.write(f"logs/app.log-2026010{day + 1}-000000.gz", "")
        self.write("logs/app.log", "line\n" * 1000)
        logs = self.folder / "logs"
        done = self.run_example("rotate_logs", "--folder", logs, "--larger_than", "1kB", "--keep", "2", "--json")
        self.assertEqual(self.output(done)["removed"], 3)
        left = [name for name in self.names(logs) if name.endswith(".gz")]
        self.assertEqual(len(left), 2)
        self.assertIn("app.log-20260104-000000.gz", left)

    def test_puts_everything_back_when_compressing_fails(self):
        self.write("logs/app.log", "line\n" * 1000)
        self.write("logs/b.log", "b\n" * 1000)
        tools = self.write("bin/gzip", '#!/bin/sh\ncase "$*" in *b.log*) exit 1;; esac\nexec /bin/gzip "$@"\n').parent
        (tools / "gzip").chmod(0o755)
        logs = self.folder / "logs"
        path = f"{tools}:{os.environ['PATH']}"
        self.run_example("rotate_logs", "--folder", logs, "--larger_than", "1kB", exit=rbk.FAILED, env={"PATH": path})
        self.assertEqual(self.names(logs), ["app.log", "b.log"])
        self.assertEqual((logs / "app.log").read_text(), "line\n" * 1000)
        self.assertEqual((logs / "b.log").read_text(), "b\n" * 1000)

    def test_tells_the_writer(self):
        self.write("logs/app.log", "line\n" * 1000)
        told = []
        previous = signal.signal(signal.SIGHUP, lambda *_: told.append(True))
        self.addCleanup(signal.signal, signal.SIGHUP, previous)
        pid_file = self.write("app.pid", f"{os.getpid()}\n")
        self.run_example("rotate_logs", "--folder", self.folder / "logs", "--larger_than", "1kB", "--pid_file", pid_file)
        rbk.eventually("SIGHUP", lambda: told)


class HaproxyOnASocket(threading.Thread):
    """What HAProxy answers at its admin socket, to the two commands that the example's program knows."""

    def __init__(self, path, sessions):
        super().__init__(daemon=True)
        self.sessions = sessions  # of web-1: one ends at each look
        self.state, self.told = "ready", []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        self.start()

    def run(self):
        while True:
            line, _ = self.socket.accept()
            with line:
                command = line.recv(1000).decode().strip()
                self.told.append(command)
                line.sendall(self.answer(command).encode())

    def answer(self, command):
        if command == "show stat":
            status = {"ready": "UP", "drain": "DRAIN", "maint": "MAINT"}[self.state]
            lines = f"# pxname,svname,scur,status,\nweb,FRONTEND,3,OPEN,\nweb,web-1,{self.sessions},{status},\n"
            if self.state == "drain":
                self.sessions = max(0, self.sessions - 1)
            return lines + "\n"
        if command.startswith("set server web/web-1 state "):
            self.state = command.rpartition(" ")[2]
            return "\n"
        return "No such server.\n\n"


class DrainServer(Example):
    def setUp(self):
        super().setUp()
        self.admin = self.folder / "admin.sock"
        self.work = self.write("work", '#!/bin/sh\necho "works on $1" > worked\n')
        self.work.chmod(0o755)

    def drain(self, *words, server="web-1", exit=rbk.SUCCEEDED):
        words = ("--backend", "web", "--server", server, "--work", self.work, "--socket", self.admin, "--json", *words)
        return self.run_example("drain_server", *words, exit=exit)

    def changes(self, haproxy):
        return [command.rpartition(" ")[2] for command in haproxy.told if command.startswith("set ")]

    def test_works_once_nobody_is_served(self):
        haproxy = HaproxyOnASocket(self.admin, 2)
        done = self.drain()
        self.assertEqual(self.output(done), {"status": "UP", "sessions": 0})
        self.assertEqual((self.folder / "worked").read_text(), "works on web-1\n")
        self.assertEqual(self.changes(haproxy), ["drain", "ready"])

    def test_serves_again_when_the_work_fails(self):
        haproxy = HaproxyOnASocket(self.admin, 0)
        self.work.write_text("#!/bin/sh\nexit 3\n")
        done = self.drain(exit=rbk.FAILED)
        self.assertTrue(rbk.ending(done)["rolled_back"])
        self.assertEqual((haproxy.state, self.changes(haproxy)), ("ready", ["drain", "ready"]))

    def test_serves_again_when_sessions_do_not_end(self):
        haproxy = HaproxyOnASocket(self.admin, 1000)
        done = self.drain("--patience", "1s", exit=rbk.FAILED)
        self.assertEqual(rbk.ending(done)["error"]["kind"], "Timeout")
        self.assertEqual(haproxy.state, "ready")
        self.assertFalse((self.folder / "worked").exists())

    def test_errors_are_of_the_kinds_that_are_declared(self):
        error = rbk.ending(self.drain(exit=rbk.FAILED))["error"]
        self.assertTrue(error["kind"].endswith("lib/haproxy.Unreachable"), error)
        self.assertEqual(error["fields"]["socket"], str(self.admin))
        HaproxyOnASocket(self.admin, 0)
        error = rbk.ending(self.drain(server="web-9", exit=rbk.FAILED))["error"]
        self.assertTrue(error["kind"].endswith("lib/haproxy.NoSuchServer"), error)
        self.assertEqual((error["fields"]["backend"], error["fields"]["server"]), ("web", "web-9"))


class BackupSqlite(Example):
    def setUp(self):
        super().setUp()
        self.database = self.folder / "my app.db"
        with sqlite3.connect(self.database) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE t (n INTEGER, text TEXT)")
            connection.executemany("INSERT INTO t VALUES (?, ?)", [(n, "x" * 100) for n in range(1000)])
        connection.close()
        self.backups = self.folder / "backups"

    def backup(self, *words, exit=rbk.SUCCEEDED):
        return self.run_example(
            "backup_sqlite", "--database", self.database, "--folder", self.backups, "--json", *words, exit=exit
        )

    def test_the_copy_holds_the_data(self):
        output = self.output(self.backup())
        copy = sqlite3.connect(f"file:{output['file']}?mode=ro", uri=True)
        self.addCleanup(copy.close)
        self.assertEqual(copy.execute("SELECT count(*), sum(n) FROM t").fetchone(), (1000, 499500))
        self.assertEqual(output["tables"], 1)
        self.assertEqual(self.names(self.backups), [pathlib.Path(output["file"]).name])

    def test_while_somebody_writes(self):
        writer = sqlite3.connect(self.database)
        self.addCleanup(writer.close)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES (1000, 'not committed')")
        output = self.output(self.backup())
        copy = sqlite3.connect(f"file:{output['file']}?mode=ro", uri=True)
        self.addCleanup(copy.close)
        self.assertEqual(copy.execute("SELECT count(*) FROM t").fetchone(), (1000,))

    def test_keeps_the_last(self):
        for day in range(5):
            self.write(f"backups/my app-2026010{day + 1}-000000.db", "")
        self.write("backups/other-20260101-000000.db", "")
        output = self.output(self.backup("--keep", "3"))
        left = [name for name in self.names(self.backups) if name.startswith("my app")]
        self.assertEqual(len(left), 3)
        self.assertIn("my app-20260105-000000.db", left)
        self.assertEqual(len(output["removed"]), 3)
        self.assertTrue((self.backups / "other-20260101-000000.db").exists())

    def test_a_damaged_database_gives_no_backup(self):
        with open(self.database, "r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 8192)
        self.backups.mkdir()
        self.backup(exit=rbk.FAILED)
        self.assertEqual(self.names(self.backups), [])

    def test_no_database_at_all(self):
        self.database.unlink()
        self.backup(exit=rbk.FAILED)
        self.assertFalse(self.database.exists())


class RestartHttp(Example):
    def setUp(self):
        super().setUp()
        self.site = self.write("site/index.html", "hello").parent
        self.pid_file = self.site / ".service.pid"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.addCleanup(self.stop)

    def stop(self):
        try:
            os.kill(int(self.pid_file.read_text()), signal.SIGTERM)
        except (OSError, ValueError):
            pass

    def restart(self, *words, exit=rbk.SUCCEEDED):
        return self.run_example("restart_http", "--folder", self.site, "--port", self.port, *words, exit=exit)

    def read(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/index.html", timeout=5) as answer:
            return answer.read().decode()

    def test_starts_it_and_starts_it_anew(self):
        self.restart()
        self.assertEqual(self.read(), "hello")
        first = int(self.pid_file.read_text())
        self.restart()
        self.assertEqual(self.read(), "hello")
        second = int(self.pid_file.read_text())
        self.assertNotEqual(first, second)
        self.assertFalse(rbk.alive(first))

    def test_it_outlives_the_run(self):
        self.restart()
        time.sleep(1.0)
        self.assertEqual(self.read(), "hello")

    def test_one_that_never_answers_is_taken_down(self):
        self.restart("--probe", "not-there.html", "--patience", "1s", exit=rbk.FAILED)
        self.assertFalse(self.pid_file.exists())
        with self.assertRaises(OSError):
            self.read()

    def test_what_ran_before_runs_again(self):
        self.restart()
        first = int(self.pid_file.read_text())
        self.restart("--probe", "not-there.html", "--patience", "1s", exit=rbk.FAILED)
        rbk.eventually("the service answers", self.answers)
        self.assertNotEqual(int(self.pid_file.read_text()), first)

    def answers(self):
        try:
            return self.read() == "hello"
        except OSError:
            return False


class SwitchRelease(Example):
    def setUp(self):
        super().setUp()
        self.root = self.folder / "app"
        self.release("blue", "exit 0")
        self.release("green", "exit 0")
        (self.root / "current").symlink_to("releases/blue")

    def release(self, name, health):
        path = self.write(f"app/releases/{name}/bin/health", f"#!/bin/sh\n{health}\n")
        path.chmod(0o755)

    def switch(self, release, *words, exit=rbk.SUCCEEDED):
        return self.run_example(
            "switch_release", "--root", self.root, "--release", release, "--soak", "10ms", *words, exit=exit
        )

    def live(self):
        return os.readlink(self.root / "current")

    def test_switches(self):
        done = self.switch("green", "--json")
        self.assertEqual(self.live(), "releases/green")
        self.assertEqual(self.output(done), {"before": "blue", "now_live": "green"})

    def test_the_first_release(self):
        (self.root / "current").unlink()
        self.assertEqual(self.output(self.switch("green", "--json"))["before"], None)
        self.assertEqual(self.live(), "releases/green")

    def test_goes_back_when_it_is_not_fit_once_live(self):
        # Fit while idle, unfit when asked through the link.
        self.release("green", 'case "$0" in */current/*) exit 1;; esac')
        self.switch("green", exit=rbk.FAILED)
        self.assertEqual(self.live(), "releases/blue")
        self.assertEqual(self.names(self.root), ["current", "releases"])

    def test_goes_back_when_it_fails_in_the_soak(self):
        self.release("green", 'case "$0" in */current/*) test ! -e "$0.seen" && touch "$0.seen";; esac')
        self.switch("green", exit=rbk.FAILED)
        self.assertEqual(self.live(), "releases/blue")

    def test_an_unfit_release_is_never_live(self):
        self.release("green", f"readlink {self.root}/current >> {self.folder}/seen; exit 1")
        self.switch("green", exit=rbk.FAILED)
        self.assertEqual((self.folder / "seen").read_text().split(), ["releases/blue"] * 3)

    def test_refuses_names_that_are_paths(self):
        self.switch("../green", exit=rbk.REFUSED)
        self.switch("blue", exit=rbk.FAILED)
        self.assertEqual(self.live(), "releases/blue")


class CollectDiagnostics(Example):
    def test_what_fails_is_missing_and_named(self):
        self.write("own.txt", "mine\n")
        files = ["/etc/os-release", self.folder / "own.txt", self.folder / "not-there.txt"]
        words = [word for file in files for word in ("--files", file)]
        done = self.run_example(
            "collect_diagnostics", "--folder", self.folder / "out", "--json", *words, exit=rbk.PARTIAL
        )
        output = self.output(done)
        self.assertEqual(output["missing"], [str(files[2])])
        with tarfile.open(output["archive"]) as archive:
            names = {pathlib.Path(name).name for name in archive.getnames()}
            self.assertLessEqual({"kernel.txt", "disks.txt", "processes.txt", "_etc_os-release"}, names)
            self.assertFalse([name for name in names if "not-there" in name])
            own = next(item for item in archive.getmembers() if item.name.endswith("own.txt"))
            self.assertEqual(archive.extractfile(own).read(), b"mine\n")
        self.assertEqual(self.names(self.folder / "out"), [pathlib.Path(output["archive"]).name])

    def test_all_there(self):
        self.run_example("collect_diagnostics", "--folder", self.folder / "out")


class ChangeConfig(Example):
    def setUp(self):
        super().setUp()
        self.file = self.write("app.conf", "port = 80\nhost = a\n")
        self.proposal = self.write("app.conf.new", "port = 8080\nhost = a\n")

    def ask(self, *words):
        done = self.run_example(
            "change_config", "--file", self.file, "--proposal", self.proposal, "--json", *words, exit=rbk.SUSPENDED
        )
        return rbk.run_id(done)

    def test_changes_after_approval(self):
        run = self.ask("--must_have", "port = 8080")
        self.assertEqual(self.file.read_text(), "port = 80\nhost = a\n")
        self.assertIn("Change 2 lines", self.rbk("approvals").out)
        self.rbk("approve", run, "go", "--set", "ticket=OPS-1")
        self.assertEqual(self.file.read_text(), "port = 8080\nhost = a\n")
        self.assertEqual((self.folder / "app.conf.before").read_text(), "port = 80\nhost = a\n")

    def test_a_rejection_changes_nothing(self):
        run = self.ask()
        self.rbk("reject", run, "go", "--reason", "not today", exit=rbk.FAILED)
        self.assertEqual(self.file.read_text(), "port = 80\nhost = a\n")
        self.assertFalse((self.folder / "app.conf.before").exists())

    def test_without_proof_the_old_file_is_back(self):
        run = self.ask("--must_have", "port = 9999")
        self.rbk("approve", run, "go", "--set", "ticket=OPS-1", exit=rbk.FAILED)
        self.assertEqual(self.file.read_text(), "port = 80\nhost = a\n")
        self.assertEqual(sorted(p.name for p in self.folder.glob("app.conf*")), ["app.conf", "app.conf.new"])

    def test_a_wrong_ticket_is_refused_and_still_waits(self):
        run = self.ask()
        self.rbk("approve", run, "go", "--set", "ticket=nonsense", exit=rbk.USAGE)
        self.assertEqual(json.loads(self.rbk("show", run, "--json").out.splitlines()[0])["status"], "waiting")


class NightlyCopies(Example):
    NAME = "nightly_copies"

    def setUp(self):
        super().setUp()
        self.write("one/a.txt", "a")
        self.write("two/b.txt", "b")
        self.target = self.folder / "copies"

    def copy(self, *folders, **options):
        words = [word for folder in folders for word in ("--folders", folder)]
        target = f"{EXAMPLES / self.NAME}.rbk:copy_folders"
        return self.rbk("run", target, *words, "--target", self.target, "--json", **options)

    def file_of(self, folder):
        return self.target / (str(folder).replace("/", "_") + ".tar.gz")

    def test_each_folder_is_a_run_of_its_own(self):
        one, two = self.folder / "one", self.folder / "two"
        copied = self.output(self.copy(one, two))
        self.assertEqual([copy["folder"] for copy in copied], [str(one), str(two)])
        runs = {line["run"]: line for line in self.rbk("runs", "--json").lines()}
        for copy in copied:
            self.assertEqual(runs[copy["run"]]["runbook"], "copy_folder")
            self.assertEqual(pathlib.Path(copy["file"]).stat().st_size, copy["bytes"])
        with tarfile.open(self.file_of(two)) as archive:
            self.assertIn(f"{str(two)[1:]}/b.txt", archive.getnames())

    def test_one_that_fails_holds_up_no_other_and_replaces_nothing(self):
        one, missing = self.folder / "one", self.folder / "missing"
        self.target.mkdir()
        self.file_of(missing).write_text("of the night before")
        done = self.copy(missing, one, exit=rbk.FAILED)
        self.assertIn(f"not copied: {missing}", rbk.ending(done)["error"]["message"])
        self.assertTrue(self.file_of(one).exists())
        self.assertEqual(self.file_of(missing).read_text(), "of the night before")
        self.assertEqual([path for path in self.target.iterdir() if path.suffix == ".part"], [])

    def test_the_schedule_keeps_out_of_the_calendar(self):
        file = EXAMPLES / f"{self.NAME}.rbk"
        next_ones = self.rbk("schedule", "next", f"{file}:nightly", "--from", "2026-12-30T00:00:00Z", "-n", "3").out
        # Neither on the 31st nor on the first two days of the year.
        self.assertEqual(
            [line[:10] for line in next_ones.split()], ["2026-12-30", "2027-01-03", "2027-01-04"], next_ones
        )
        closings = self.rbk("calendar", "list", file, "--from", "2026-12-28T00:00:00Z", "-n", "1").out
        self.assertIn("2026-12-31T00:00:00+01:00  2027-01-03T00:00:00+01:00  year end", closings)
        self.rbk("schedule", "add", f"{file}:nightly")
        self.assertIn("nightly", self.rbk("schedule", "list").out)


class FullDisks(Example):
    def test_each_site_is_asked_where_it_is_and_one_that_is_silent_is_named(self):
        worker = rbk.start(self.folder, "worker", "--label", "site-fra", "--only-labelled")
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        words = ("--sites", "fra", "--sites", "ber", "--percent", "0", "--patience", "10s", "--json")
        report = self.output(self.run_example("full_disks", *words, exit=rbk.PARTIAL))
        self.assertEqual(report["silent"], ["ber"])
        self.assertEqual({disk["site"] for disk in report["full"]}, {"fra"})


class SwitchOnSignal(Example):
    def setUp(self):
        super().setUp()
        self.write("shop/releases/1.4/health", "ok\n")
        self.write("shop/releases/1.5/health", "ok\n")
        self.live = self.folder / "shop/current"
        self.live.symlink_to("releases/1.4")

    def begin(self, *more):
        words = ["--folder", self.folder / "shop", "--release", "1.5", "--watch", "0s", "--json", *more]
        return rbk.run_id(self.run_example("switch_on_signal", *words, exit=rbk.SUSPENDED))

    def test_somebody_says_so(self):
        run = self.begin()
        refused = self.rbk("signal", run, "switch", '{"ticket": "none"}', exit=rbk.USAGE)
        self.assertIn("ticket", refused.err)
        output = self.output(self.rbk("signal", run, "switch", '{"ticket": "OPS-12"}', "--json"))
        self.assertEqual((output["before"], output["why"].split(",")[0]), ("releases/1.4", "OPS-12"))
        self.assertEqual(os.readlink(self.live), "releases/1.5")

    def test_somebody_calls_it_off(self):
        run = self.begin()
        done = self.rbk("signal", run, "call_off", '{"why": "the database is slow"}', "--json", exit=rbk.FAILED)
        self.assertEqual(rbk.ending(done)["error"]["kind"], "CalledOff")
        self.assertEqual(os.readlink(self.live), "releases/1.4")

    def test_a_release_that_is_not_well_goes_back(self):
        self.write("shop/releases/1.5/health", "no\n")
        run = self.begin()
        done = self.rbk("signal", run, "switch", '{"ticket": "OPS-12"}', "--json", exit=rbk.FAILED)
        self.assertIn("1.5 says no", rbk.ending(done)["error"]["message"])
        self.assertEqual(os.readlink(self.live), "releases/1.4")
        self.assertIn("the link stays or goes back", self.rbk("logs", run).out)

    def test_cancelled_it_says_so(self):
        run = self.begin()
        self.rbk("cancel", run, exit=None)
        self.assertIn("somebody cancelled the switch to 1.5", self.rbk("logs", run).out)
        self.assertEqual(os.readlink(self.live), "releases/1.4")


if __name__ == "__main__":
    unittest.main()
