"""A case whose store is on a PostgreSQL server of the test's own; each test has a schema of its own."""
import os
import urllib.parse

import postgres_server
import rbk


class Case(rbk.Case):
    fsync = False
    settings = {}
    schemas = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = postgres_server.Server(fsync=cls.fsync, settings=cls.settings)
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        super().setUp()
        before = os.environ.get("XDG_STATE_HOME")
        os.environ["XDG_STATE_HOME"] = str(self.folder / "state")
        self.addCleanup(lambda: os.environ.pop("XDG_STATE_HOME") if before is None else os.environ.update(XDG_STATE_HOME=before))
        self.new_store()

    def new_store(self, **parameters):
        """From here on the project's store is a new one."""
        Case.schemas += 1
        self.schema = f"s{Case.schemas}"
        if not self.fsync:
            parameters.setdefault("durability", "best_effort")
        self.url = self.server.url(schema=self.schema, **parameters)
        self.write("runbook.toml", f'[store]\nurl = "{self.url}"\n')

    def sql(self, text):
        return self.server.sql(f"set search_path to {self.schema}; {text}")

    def statuses(self):
        return [run["status"] for run in self.rbk("runs", "--json").lines()]


def quoted(text):
    return urllib.parse.quote(str(text), safe="")
