#!/usr/bin/env python3
"""The commands over a store on PostgreSQL, and servers and databases as they should not be."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

import on_postgres
import postgres_server
import rbk

FEW = 'runbook few(n: int = 3) -> int {\n  step a = shell("echo one; echo two") reads\n  return n\n}\n'
ASKS = """
runbook asks(file: string) -> string {
  approval go "really?" { allow starter }
  lock "db" {
    step a = shell("echo done >> ${file}") rollback { shell("echo undone >> ${file}") }
  }
  return "went"
}
"""
BIG = 'runbook big() -> int {\n  step a = shell("head -c 700000 /dev/urandom | base64 -w 0") reads\n  return a.stdout.length\n}\n'


class Commands(on_postgres.Case):
    def test_all_of_them_work(self):
        self.write("few.rbk", FEW)
        self.write("asks.rbk", ASKS)
        run = rbk.run_id(self.rbk("run", "few.rbk", "--label", "team=sre", "--json"))
        self.assertIn("two", self.rbk("logs", run).out)
        self.assertIn("succeeded", self.rbk("show", run).out)
        self.assertIn(run, self.rbk("runs", "--label", "team=sre").out)
        self.assertNotIn(run, self.rbk("runs", "--label", "team=db").out)
        effects = self.folder / "effects"
        asked = self.rbk("run", "asks.rbk", "--file", effects, "--json", exit=rbk.SUSPENDED)
        waits = rbk.run_id(asked)
        self.assertIn(waits, self.rbk("approvals").out)
        self.assertIn(waits, self.rbk("inbox", "--as", os.environ.get("USER") or "root").out)
        self.rbk("approve", waits, "go")
        self.rbk("resume")
        self.assertEqual(self.statuses(), ["succeeded", "succeeded"])
        self.assertEqual(self.rbk("locks", "--json").lines(), [])
        self.rbk("rollback", waits)
        self.assertEqual(effects.read_text().split(), ["done", "undone"])
        detached = self.rbk("run", "few.rbk", "--detach", "--json")
        self.assertEqual(self.rbk("runs", "--json", "--limit", "1").lines()[0]["driven"], False, str(detached))
        self.rbk("resume")
        self.assertEqual(self.sql("select count(*) from run where status = 6"), "4")
        self.assertEqual(self.sql("select count(*) from engine where lease is not null"), "0", "all have left")

    def test_its_upkeep(self):
        self.write("few.rbk", FEW)
        self.write("asks.rbk", ASKS)
        self.write("big.rbk", BIG)
        self.rbk("run", "few.rbk")
        self.rbk("run", "big.rbk")
        waits = rbk.run_id(self.rbk("run", "asks.rbk", "--file", self.folder / "effects", "--json", exit=rbk.SUSPENDED))
        checked = self.rbk("store", "check", "--json").lines()
        self.assertEqual([(line["event"], line["runs"], line["waiting"]) for line in checked], [("checked", 3, 1)])
        self.assertIn("before", self.rbk("store", "vacuum").out)
        last = self.rbk("store", "retain", "--older-than", "0s", "--json").lines()[-1]
        self.assertEqual((last["removed"], last["kept_unfinished"], last["outputs"] > 0), (2, 1, True))
        self.assertEqual(self.sql("select count(*) from journal where run not in (select key from run)"), "0")
        self.assertEqual(self.sql("select count(*) from blob"), "0")
        self.rbk("store", "check")
        self.assertEqual(self.rbk("runs", "--json").lines()[0]["run"], waits)
        self.sql(f"update {self.schema}.program set bytes = hash")
        self.assertIn("help: ", self.rbk("store", "check", exit=rbk.FAILED).out)

    def test_the_command_that_copies_it_is_printed_and_works(self):
        self.write("few.rbk", FEW)
        self.rbk("run", "few.rbk")
        refused = self.rbk("store", "backup", "the copy", "--json", exit=rbk.USAGE)
        cure = json.loads(refused.err)["cure"]
        command = cure.split("`")[1]
        self.assertTrue(command.startswith(f"pg_dump --format=custom --schema={self.schema} "), command)
        path = f"{postgres_server.programs()}:{os.environ['PATH']}"
        subprocess.run(["sh", "-c", command], cwd=self.folder, env=dict(os.environ, PATH=path), check=True, timeout=60)
        self.assertGreater((self.folder / "the copy").stat().st_size, 1000)

    def test_where_the_store_is_named(self):
        self.write("few.rbk", FEW)
        self.rbk("run", "few.rbk")
        (self.folder / "runbook.toml").unlink()
        self.assertEqual(len(self.rbk("runs", "--json", "--store", self.url).lines()), 1)
        self.assertEqual(len(self.rbk("runs", "--json", env={"RBK_STORE": self.url}).lines()), 1)
        self.rbk("runs", exit=rbk.USAGE)
        self.assertFalse((self.folder / ".runbook").exists())

    def test_one_store_for_all_who_come_first(self):
        self.write("few.rbk", FEW)
        first = [rbk.start(self.folder, "run", "few.rbk") for _ in range(8)]
        self.assertEqual({process.wait(60) for process in first}, {rbk.SUCCEEDED})
        self.assertEqual(self.statuses(), ["succeeded"] * 8)
        self.assertEqual(self.sql("select count(*) from meta"), "1")

    def test_what_is_large(self):
        self.write("big.rbk", BIG)
        done = self.rbk("run", "big.rbk", "--json")
        self.assertEqual(rbk.ending(done)["output"], 933336)

    def test_it_is_read_where_nothing_may_be_written(self):
        self.write("few.rbk", FEW)
        run = rbk.run_id(self.rbk("run", "few.rbk", "--json"))
        self.server.sql("create role reader login")
        self.server.sql(f"grant usage on schema {self.schema} to reader; grant select on all tables in schema {self.schema} to reader")
        url = self.server.url(user="reader", schema=self.schema, durability="best_effort")
        self.assertIn("two", self.rbk("logs", run, "--store", url).out)
        done = self.rbk("run", "few.rbk", "--store", url, exit=rbk.REFUSED)
        self.assertIn("permission denied", done.err)

    def test_migrated_under_an_open_store(self):
        self.write("few.rbk", FEW)
        self.rbk("run", "few.rbk")
        self.sql("update meta set format = 99")
        for words in (["runs"], ["resume"], ["run", "few.rbk"]):
            self.assertIn("format 99", self.rbk(*words, exit=rbk.USAGE).err)

    def test_a_disk_that_is_full(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a tmpfs needs root")
        disk = tempfile.mkdtemp(prefix="rbk-disk-", dir="/tmp")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], check=True)
        try:
            shutil.chown(disk, "postgres")
            self.server.sql(f"create tablespace small location '{disk}'")
            self.write("big.rbk", BIG)
            self.write("few.rbk", FEW)
            self.rbk("run", "few.rbk")
            for table in ("log", "blob", "journal"):
                self.sql(f"alter table {table} set tablespace small")
            done = None
            for _ in range(10):
                done = self.rbk("run", "big.rbk", "--json", exit=None)
                if done.code != rbk.SUCCEEDED:
                    break
            self.assertEqual(done.code, rbk.SUSPENDED, done.err)
            self.assertIn("disk is full", done.err)
            for table in ("log", "blob", "journal"):
                self.sql(f"alter table {table} set tablespace pg_default")
            self.rbk("resume", exit=None)
            self.assertEqual(set(self.statuses()), {"succeeded"})
        finally:
            for table in ("log", "blob", "journal"):
                self.sql(f"alter table {table} set tablespace pg_default")
            self.server.sql("drop tablespace small")
            subprocess.run(["umount", disk], check=False)
            os.rmdir(disk)


class Refused(on_postgres.Case):
    """Each names what it is about and what to do; no password is ever shown."""

    def expect(self, url, exit, *texts, words=("run", "few.rbk"), **options):
        self.write("few.rbk", FEW)
        done = self.rbk(*words, "--store", url, exit=exit, **options)
        for text in texts:
            self.assertIn(text, done.err)
        self.assertIn("help:", done.err)
        self.assertNotIn("s3cret", done.out + done.err)
        return done

    def test_a_server_that_is_not_there(self):
        self.expect("postgresql://ann:s3cret@/x?host=/nowhere", rbk.FAILED, "connect", "/nowhere")
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            port = nobody.getsockname()[1]
            self.expect(f"postgresql://ann:s3cret@127.0.0.1:{port}/x", rbk.FAILED, "connect", str(port))
            nobody.listen()  # and never answers
            self.expect(f"postgresql://ann:s3cret@127.0.0.1:{port}/x?connect_timeout=2", rbk.FAILED, "2 seconds")

    def test_a_database_and_a_user_that_are_not_there(self):
        self.expect(self.server.url("nowhere"), rbk.USAGE, "nowhere", "createdb")
        self.expect(self.server.url(user="nobody_here"), rbk.REFUSED, "nobody_here")

    def test_a_password_that_is_wrong_or_missing(self):
        self.server.sql("create role ann login password 's3cret'; create schema ann authorization ann")
        rules = self.server.folder / "data/pg_hba.conf"
        before = rules.read_text()
        rules.write_text("local all ann scram-sha-256\n" + before)
        self.server.pg_ctl("reload")
        try:
            base = f"/postgres?host={self.server.folder}&schema=ann&durability=best_effort"
            self.expect(f"postgresql://ann:s3cretx@{base}", rbk.REFUSED, "password", ".pgpass")
            self.expect(f"postgresql://ann@{base}", rbk.REFUSED, "password", ".pgpass", env={"HOME": str(self.folder)})
            self.rbk("run", "few.rbk", "--store", f"postgresql://ann:s3cret@{base}")
            self.rbk("runs", "--store", f"postgresql://ann@{base}", env={"PGPASSWORD": "s3cret"})
            passwords = self.write("passwords", "*:*:*:ann:s3cret\n")
            passwords.chmod(0o600)
            self.rbk("runs", "--store", f"postgresql://ann@{base}", env={"PGPASSFILE": passwords})
            service = self.write("services", f"[mine]\nhost={self.server.folder}\nuser=ann\npassword=s3cret\ndbname=postgres\n")
            self.rbk("runs", "--store", "postgresql:///?service=mine&schema=ann", env={"PGSERVICEFILE": service})
            # What a suspended run says how to go on leaves the password out.
            self.write("asks.rbk", ASKS)
            url = f"postgresql://ann:s3cret@{base}"
            done = self.rbk("run", "asks.rbk", "--file", "x", "--store", url, exit=rbk.SUSPENDED)
            self.assertIn("--store", done.out + done.err)
            self.assertNotIn("s3cret", done.out + done.err)
        finally:
            rules.write_text(before)
            self.server.pg_ctl("reload")

    def test_a_url_that_is_malformed(self):
        for url in ("postgresql://ann:s3cret@h/x?lease=soon", "postgresql://ann:s3cret@h/x?mode=fast", "postgresql://ann:s3cret@[h/x"):
            self.expect(url, rbk.USAGE)

    def test_a_schema_of_something_else(self):
        self.server.sql("create schema other; create table other.mine(x int)")
        self.expect(self.server.url(schema="other", durability="best_effort"), rbk.USAGE, "other")
        self.server.sql("create table other.meta(x int)")
        self.expect(self.server.url(schema="other", durability="best_effort"), rbk.USAGE, "other")
        self.assertEqual(self.server.sql("select count(*) from pg_tables where schemaname='other'"), "2")

    def test_no_store_is_made_by_who_only_asks(self):
        self.expect(self.url, rbk.USAGE, "no store", self.schema, words=("runs",))
        self.assertEqual(self.server.sql(f"select count(*) from pg_namespace where nspname='{self.schema}'"), "0")

    def test_a_server_that_may_lose_what_it_confirms(self):
        self.expect(self.server.url(schema="lossy"), rbk.REFUSED, "fsync", "durability=best_effort")

    def test_a_database_of_another_encoding_or_that_takes_no_writes(self):
        self.server.sql("create database latin encoding 'LATIN1' locale 'C' template template0")
        self.expect(self.server.url("latin", durability="best_effort"), rbk.USAGE, "LATIN1", "UTF8")
        self.server.sql("create database still")
        self.server.sql("alter database still set default_transaction_read_only = on")
        self.expect(self.server.url("still", durability="best_effort"), rbk.REFUSED, "takes no writes")

    def test_too_many_connections(self):
        self.server.sql("create role one login connection limit 0; create schema one authorization one")
        self.expect(self.server.url(user="one", schema="one", durability="best_effort"), rbk.FAILED, "connection")


class Standby(on_postgres.Case):
    fsync = True

    def test_a_standby_is_read_and_not_written_and_must_be_waited_for(self):
        self.write("few.rbk", FEW)
        run = rbk.run_id(self.rbk("run", "few.rbk", "--json"))
        standby = postgres_server.Server(copy_of=self.server)
        self.addCleanup(standby.stop)
        there = standby.url(schema=self.schema)
        rbk.eventually("it is replicated", lambda: run in self.rbk("runs", "--store", there, exit=None).out)
        done = self.rbk("run", "few.rbk", "--store", there, exit=rbk.REFUSED)
        self.assertIn("standby", done.err)
        self.assertIn("target_session_attrs", done.err)
        either = f"postgresql://postgres@/postgres?host={standby.folder},{self.server.folder}&target_session_attrs=read-write&schema={self.schema}"
        rbk.eventually("it streams", lambda: self.server.sql("select count(*) from pg_stat_replication") == "1")
        done = self.rbk("run", "few.rbk", exit=rbk.REFUSED)
        self.assertIn("asynchronously", done.err)
        self.assertIn("synchronous_standby_names", done.err)
        self.rbk("run", "few.rbk", "--store", either + "&durability=best_effort")
        self.server.sql("alter system set synchronous_standby_names = '*'")
        self.server.sql("select pg_reload_conf()")
        rbk.eventually("it is waited for", lambda: self.server.sql("select sync_state from pg_stat_replication") == "sync")
        self.rbk("run", "few.rbk", "--store", either)
        self.server.sql("alter role postgres set synchronous_commit = off")
        self.rbk("run", "few.rbk")
        self.assertEqual(len(self.rbk("runs", "--json", "--store", there).lines()), 4, "confirmed is there, too")


if __name__ == "__main__":
    unittest.main()
