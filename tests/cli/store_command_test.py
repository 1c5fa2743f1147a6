#!/usr/bin/env python3
"""`rbk store`: looks a store over, copies it, removes old runs, gives room back; and what a migration says."""
import os
import pathlib
import signal
import sqlite3
import unittest

import rbk

FEW = """
runbook few(n: int = 3) -> int {
  step a = shell("echo one; echo two") reads
  return n
}
runbook big() -> int {
  step a = shell("head -c 700000 /dev/urandom | base64 -w 0") reads
  return a.stdout.length
}
runbook fails() {
  step a = shell("exit 3") reads
}
runbook asks() {
  approval go "really?" { allow starter }
}
runbook undoes(file: string) {
  step a = shell("echo done >> ${file}") rollback { shell("echo undone >> ${file}") }
}
runbook works(file: string) {
  step a = shell("touch ${file}; sleep 60") reads
}
"""
NIGHTLY = """
runbook night() {
  step a = shell("true") reads
}
schedule nightly for night() {
  cron "0 3 * * *" in "UTC"
}
"""


class StoreCommand(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("few.rbk", FEW)
        self.store = self.folder / ".runbook/store.db"

    def run_of(self, name, *words, exit=rbk.SUCCEEDED):
        return rbk.run_id(self.rbk("run", f"few.rbk:{name}", *words, "--json", exit=exit))

    def sql(self, text):
        with sqlite3.connect(self.store) as store:
            rows = store.execute(text).fetchall()
        store.close()
        return rows

    def clean(self, **options):
        """The last line of a check without findings."""
        lines = self.rbk("store", "check", "--json", **options).lines()
        self.assertEqual(len(lines), 1, lines)
        self.assertEqual((lines[0]["event"], lines[0]["findings"]), ("checked", 0))
        return lines[0]

    def removed(self, *words):
        done = self.rbk("store", "retain", *words, "--json").lines()
        return {line["run"]: line["runs"] for line in done if line["event"] in ("removed", "would_remove")}, done[-1]

    def ids(self, **options):
        return {run["run"] for run in self.rbk("runs", "--json", "--limit", "0", **options).lines()}

    def starts_working(self):
        process = rbk.start(self.folder, "run", "few.rbk:works", "--file", "begun")
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        rbk.eventually("the step", (self.folder / "begun").exists)
        return process

    # ---- check

    def test_a_sound_store_says_so_while_it_is_in_use(self):
        self.run_of("few")
        self.run_of("big")
        self.run_of("asks", exit=rbk.SUSPENDED)
        process = self.starts_working()
        found = self.clean()
        self.assertEqual((found["runs"], found["driven"], found["waiting"], found["outputs"] > 0), (4, 1, 1, True))
        text = self.rbk("store", "check").out
        self.assertIn("4 runs", text)
        self.assertIn("not over: 1 driven, 1 waiting", text)
        self.assertIn("nothing is wrong", text)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        self.assertEqual(self.clean()["can_go_on"], 1)

    def test_a_finding_names_its_run_and_the_cure(self):
        run = self.run_of("few")
        self.sql("delete from journal where number=2")
        done = self.rbk("store", "check", exit=rbk.FAILED)
        self.assertIn(run, done.out)
        self.assertIn("help: restore the store from a backup", done.out)
        self.assertRegex(done.out, r"[1-9] findings?\n")
        lines = self.rbk("store", "check", "--json", exit=rbk.FAILED).lines()
        self.assertEqual({(line["kind"], line["run"]) for line in lines[:-1]}, {("journal", run)})
        self.assertEqual(lines[-1]["findings"], len(lines) - 1)

    def test_a_run_that_nobody_will_go_on_with_is_found_and_cured(self):
        run = self.run_of("asks", exit=rbk.SUSPENDED)
        self.sql("delete from wait")
        finding = self.rbk("store", "check", "--json", exit=rbk.FAILED).lines()[0]
        self.assertEqual((finding["kind"], finding["run"]), ("stuck", run))
        self.assertIn(f"rbk resume {run}", finding["cure"])

    def test_check_writes_nothing(self):
        self.run_of("few")
        before = self.store.read_bytes()
        files = sorted(os.listdir(self.store.parent))
        self.clean()
        self.assertEqual(self.store.read_bytes(), before)
        self.assertEqual(sorted(os.listdir(self.store.parent)), files)
        self.rbk("store", "check", "--store", "sqlite:no.db", exit=rbk.USAGE)
        self.assertFalse((self.folder / "no.db").exists())

    def test_what_is_not_known_is_named(self):
        self.assertIn("did you mean `rbk store check`", self.rbk("store", "chek", exit=rbk.USAGE).err)
        self.assertIn("check, backup, retain, vacuum, accept", self.rbk("store", exit=rbk.USAGE).err)

    # ---- backup

    def test_a_copy_takes_the_place_of_a_store_that_is_lost(self):
        waits = self.run_of("asks", exit=rbk.SUSPENDED)
        process = self.starts_working()
        done = self.rbk("store", "backup", "copy.db", "--json").lines()[0]
        copy = self.folder / "copy.db"
        self.assertEqual((done["event"], done["bytes"]), ("backed_up", copy.stat().st_size))
        self.assertEqual(copy.stat().st_mode & 0o777, 0o600)
        self.assertIsNone(process.poll())
        process.kill()
        process.wait(30)
        late = self.run_of("few")
        self.assertIn("there is a file", self.rbk("store", "backup", "copy.db", exit=rbk.REFUSED).err)
        self.assertIn("KiB", self.rbk("store", "backup", "copy.db", "--force").out)
        self.assertIn(late, self.ids(env={"RBK_STORE": f"sqlite:{copy}"}))
        self.clean(env={"RBK_STORE": f"sqlite:{copy}"})
        for file in self.store.parent.glob("store.db*"):
            file.unlink()
        for part in ("-wal", "-shm", "-lock"):
            pathlib.Path(f"{copy}{part}").unlink(missing_ok=True)
        copy.rename(self.store)
        self.assertIn("rbk store accept", self.rbk("approve", waits, "go", exit=rbk.REFUSED).err)
        self.rbk("store", "accept", "--yes")
        self.rbk("approve", waits, "go")
        self.clean()

    def test_the_store_itself_is_not_overwritten(self):
        run = self.run_of("few")
        for name in ("store.db", "store.db-wal", "store.db-lock"):
            self.rbk("store", "backup", f".runbook/{name}", "--force", exit=rbk.USAGE)
        self.assertEqual(self.ids(), {run})
        self.clean()

    def test_a_migration_says_where_its_copy_lies(self):
        self.run_of("few")
        with sqlite3.connect(self.store) as old:
            old.executescript(rbk.AS_FORMAT_3)
        old.close()
        done = self.rbk("runs", "--json")
        self.assertIn("from format 3 to 6", done.err)
        self.assertIn(f"{self.store}-format-3", done.err)
        self.assertEqual(len(done.lines()), 1)
        self.assertEqual(self.rbk("runs").err, "")
        self.clean()

    # ---- retain

    def test_what_is_old_goes_and_nothing_else(self):
        over = self.run_of("few")
        failed = self.run_of("fails", exit=rbk.FAILED)
        waits = self.run_of("asks", exit=rbk.SUSPENDED)
        big = self.run_of("big")
        self.assertEqual(self.removed("--older-than", "1h")[0], {})
        self.assertEqual(set(self.removed("--older-than", "0s", "--dry-run")[0]), {over, failed, big})
        self.assertEqual(self.ids(), {over, failed, waits, big})
        self.assertEqual(set(self.removed("--older-than", "0s", "--status", "failed")[0]), {failed})
        self.clean()
        gone, last = self.removed("--older-than", "0s")
        self.assertEqual((set(gone), last["removed"], last["kept_unfinished"]), ({over, big}, 2, 1))
        self.assertEqual(last["outputs"] > 0, True)
        self.assertEqual(self.ids(), {waits})
        found = self.clean()
        self.assertEqual((found["runs"], found["outputs"]), (1, 0))
        for table in ("log", "journal", "message"):
            self.assertEqual(self.sql(f"select count(*) from {table} where run not in (select key from run)"), [(0,)], table)
        self.assertEqual(self.sql("select count(*) from blob"), [(0,)])
        self.rbk("show", over, exit=rbk.USAGE)
        self.rbk("approve", waits, "go")
        self.assertIn("1 run removed", self.rbk("store", "retain", "--older-than", "0s").out)

    def test_logs_go_before_their_runs(self):
        over = self.run_of("big")
        self.assertNotEqual(self.rbk("logs", over).out, "")
        self.assertEqual(self.removed("--logs-older-than", "1h")[1]["logs"], 0)
        self.assertEqual(self.removed("--logs-older-than", "0s", "--dry-run")[1]["logs"], 1)
        self.assertNotEqual(self.rbk("logs", over).out, "")
        gone, last = self.removed("--logs-older-than", "0s")
        self.assertEqual((gone, last["removed"], last["logs"]), ({}, 0, 1))
        self.assertEqual(self.sql("select count(*) from log"), [(0,)])
        done = self.rbk("logs", over)
        self.assertEqual(done.out, "")
        self.assertIn("rbk store retain", done.err)
        self.rbk("show", over)
        self.clean()
        rows = [row for row in self.rbk("audit", "--json").lines() if row["verb"] == "store retain"]
        self.assertEqual([(row["kind"], row["payload"]["runs"]) for row in rows], [("store", 1)])
        self.rbk("audit", "verify")
        again = self.run_of("big")
        # What would go whole is not counted twice; by runbook.toml both go.
        self.write("runbook.toml", '[store]\nretain = "90d"\nretain_logs = "14d"\n')
        self.sql(f"update run set updated=updated-20*86400*1000000 where id = '{again}'")
        self.sql(f"update run set updated=updated-100*86400*1000000 where id = '{over}'")
        gone, last = self.removed()
        self.assertEqual((set(gone), last["removed"], last["logs"]), ({over}, 1, 1))
        self.assertEqual(self.ids(), {again})
        self.assertIn("by age", self.rbk("store", "retain", "--logs-older-than", "1d", "--status", "failed", exit=rbk.USAGE).err)

    def test_a_rollback_by_hand_goes_with_what_it_undid(self):
        run = self.run_of("undoes", "--file", str(self.folder / "lines"))
        self.rbk("rollback", run)
        self.assertEqual(self.removed("--older-than", "0s")[0], {run: 2})
        self.assertEqual(self.ids(), set())
        self.clean()

    def test_a_run_that_goes_on_is_not_touched(self):
        process = self.starts_working()
        over = self.run_of("few")
        self.assertEqual(self.removed("--older-than", "0s")[0], {over: 1})
        self.assertIsNone(process.poll())
        self.assertEqual(self.clean()["driven"], 1)

    def test_what_is_known_of_firings_stays(self):
        self.write("nightly.rbk", NIGHTLY)
        self.rbk("schedule", "add", "nightly.rbk")
        self.rbk("schedule", "run", "nightly")
        self.rbk("resume")
        self.assertEqual(len(self.removed("--older-than", "0s")[0]), 1)
        self.clean()
        self.assertIn("started", self.rbk("schedule", "list", "nightly").out)
        self.rbk("schedule", "run", "nightly")
        self.rbk("resume")
        self.clean()

    def test_how_old_runs_get_stands_in_runbook_toml(self):
        self.write("runbook.toml", '[store]\nretain = "90d"\n')
        run = self.run_of("few")
        self.assertEqual(self.removed()[0], {})
        self.sql("update run set updated=updated-100*86400*1000000")
        self.assertEqual(self.removed()[0], {run: 1})
        self.write("runbook.toml", '[store]\nretain = "long"\n')
        self.assertIn("retain = \"90d\"", self.rbk("store", "retain", exit=rbk.USAGE).err)

    def test_what_is_asked_for_has_to_make_sense(self):
        self.run_of("few")
        self.assertIn("--older-than 90d", self.rbk("store", "retain", exit=rbk.USAGE).err)
        self.assertIn("--older-than 90d", self.rbk("store", "retain", "--older-than", "old", exit=rbk.USAGE).err)
        self.assertIn("not over", self.rbk("store", "retain", "--older-than", "1d", "--status", "waiting", exit=rbk.USAGE).err)
        self.assertEqual(len(self.ids()), 1)

    # ---- vacuum

    def test_room_is_given_back(self):
        for _ in range(3):
            self.run_of("big")
        self.removed("--older-than", "0s")
        process = self.starts_working()
        self.assertIn("stop its workers", self.rbk("store", "vacuum", exit=rbk.FAILED).err)
        process.kill()
        process.wait(30)
        done = self.rbk("store", "vacuum", "--json").lines()[0]
        self.assertEqual(done["event"], "vacuumed")
        self.assertLess(done["after"], done["before"] // 3)
        self.assertRegex(self.rbk("store", "vacuum").out, r"before, .*B now")
        self.assertEqual(self.clean()["runs"], 1)
        self.run_of("few")


if __name__ == "__main__":
    unittest.main()
