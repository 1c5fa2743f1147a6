#!/usr/bin/env python3
"""A server's database that was copied, and a standby that takes over: each is a new epoch of the store."""
import unittest

import on_postgres
import postgres_server
import rbk

ASKS = """
runbook asks() -> string {
  approval go "really?" { allow starter }
  return "went"
}
"""


class Accept(on_postgres.Case):
    def setUp(self):
        super().setUp()
        self.write("asks.rbk", ASKS)
        self.run_id = rbk.run_id(self.rbk("run", "asks.rbk", "--json", exit=rbk.SUSPENDED))

    def lives_at(self, server, database="postgres"):
        url = server.url(database=database, schema=self.schema, durability="best_effort")
        self.write("runbook.toml", f'[store]\nurl = "{url}"\n')

    def held_for(self, why):
        self.assertEqual(self.statuses(), ["waiting"])  # who only reads looks at it as it is
        done = self.rbk("approve", self.run_id, "go", exit=rbk.REFUSED)
        self.assertIn(why, done.err)
        self.assertIn("rbk store accept", done.err)
        self.assertEqual(self.statuses(), ["quarantined"])
        self.assertEqual(self.rbk("store", "accept", "--yes", "--json").lines()[-1]["runs"], 1)
        self.assertEqual(self.rbk("approve", self.run_id, "go").err, "")
        self.rbk("audit", "verify")

    def test_a_server_that_restarts_is_the_same(self):
        self.server.restart()
        self.assertEqual(self.rbk("approve", self.run_id, "go").err, "")

    def test_a_database_made_from_another(self):
        self.server.sql("create database twin template postgres", database="template1")
        self.addCleanup(lambda: self.server.sql("drop database twin", database="template1"))
        self.lives_at(self.server, "twin")
        self.held_for("another database")
        self.lives_at(self.server)
        self.assertEqual(self.rbk("approve", self.run_id, "go").err, "")

    def test_a_standby_that_takes_over(self):
        standby = postgres_server.Server(fsync=False, copy_of=self.server)
        self.addCleanup(standby.stop)
        self.lives_at(standby)
        self.assertEqual(self.statuses(), ["waiting"])  # as a standby it can be read
        standby.pg_ctl("promote")
        self.held_for("timeline 00000002")


if __name__ == "__main__":
    unittest.main()
