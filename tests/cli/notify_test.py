#!/usr/bin/env python3
"""What targets are told: a webhook that really listens, one that is down, a command, and an engine that dies between a cause and its delivery."""
import getpass
import http.server
import json
import os
import signal
import sqlite3
import threading
import time
import unittest

import rbk

ASKS = """
runbook asks() {
  approval go "restart web-1?" {
    by group "sre"
    notify "hook"
  }
  log.info("approved")
}
"""


class Receiver:
    """A webhook; what it answers can be changed."""

    def __init__(self):
        self.got = []
        self.status = 204
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), json.loads(body)))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Notify(rbk.Case):
    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.write("asks.rbk", ASKS)

    def project(self, target, more=""):
        people = f'[groups]\nsre = ["bob"]\n[permissions]\nact_as = ["{getpass.getuser()}"]\n'
        self.write("runbook.toml", f"{people}[notify.hook]\n{target}\n{more}")

    def only_run(self):
        return self.rbk("runs", "--json").lines()[-1]["run"]

    def due_now(self):
        """As if the pause before the next attempt were over."""
        with sqlite3.connect(self.folder / ".runbook/store.db") as store:
            store.execute("update notice set due=0 where state=0")
        store.close()

    def test_a_webhook_is_posted_to(self):
        self.project(f'webhook = "{self.receiver.url}"\nbearer = "env:HOOK_TOKEN"')
        self.rbk("run", "asks.rbk", env={"HOOK_TOKEN": "s3cret-token"}, exit=rbk.SUSPENDED)
        ((headers, body),) = self.receiver.got
        self.assertEqual(headers["Authorization"], "Bearer s3cret-token")
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual(headers["Idempotency-Key"], body["id"])
        self.assertEqual((body["kind"], body["name"], body["question"]), ("approval", "go", "restart web-1?"))
        self.assertEqual(body["run"], self.only_run())
        (notice,) = self.rbk("notices", "--json").lines()
        self.assertEqual((notice["state"], notice["attempts"]), ("delivered", 1))

    def test_a_url_that_is_a_secret_is_never_shown(self):
        self.project('webhook = "env:HOOK_URL"')
        self.rbk("run", "asks.rbk", env={"HOOK_URL": self.receiver.url}, exit=rbk.SUSPENDED)
        self.assertEqual(len(self.receiver.got), 1)
        self.receiver.status = 500
        self.rbk("run", "asks.rbk", env={"HOOK_URL": self.receiver.url}, exit=rbk.SUSPENDED)
        shown = self.rbk("notices", "--failed").out + self.rbk("show", self.only_run()).out
        self.assertIn("it answers 500", shown)
        self.assertNotIn("127.0.0.1", shown)

    def test_one_that_is_down_holds_up_nothing_and_is_told_later(self):
        self.project(f'webhook = "{self.receiver.url}"')
        self.receiver.status = 503
        self.rbk("run", "asks.rbk", exit=rbk.SUSPENDED)
        run = self.only_run()
        self.assertIn("tried again", self.rbk("notices", run).out)
        self.assertIn("it answers 503", self.rbk("show", run).out)
        self.receiver.status = 200
        self.due_now()
        self.rbk("resume")
        first, second = (body["id"] for _, body in self.receiver.got)
        self.assertEqual(first, second)
        self.assertIn("delivered", self.rbk("notices", run).out)
        self.rbk("approve", run, "--as", "bob", exit=rbk.SUCCEEDED)

    def test_killed_between_cause_and_delivery(self):
        self.project('command = "echo begun >> begun; test -e ready || sleep 20; cat >> told"')
        process = rbk.start(self.folder, "run", "asks.rbk")
        rbk.eventually("the delivery begins", lambda: (self.folder / "begun").exists())
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertFalse((self.folder / "told").exists())
        self.write("ready", "")
        self.due_now()
        self.rbk("resume")
        told = [json.loads(line) for line in (self.folder / "told").read_text().splitlines()]
        self.assertEqual([one["kind"] for one in told], ["approval"])
        self.rbk("approve", told[0]["run"], "--as", "bob", exit=rbk.SUCCEEDED)

    def test_a_command_that_hangs_is_left_behind(self):
        self.project('command = "sleep 60"')
        began = time.monotonic()
        self.rbk("run", "asks.rbk", exit=rbk.SUSPENDED)
        self.assertLess(time.monotonic() - began, 20)
        (notice,) = self.rbk("notices", "--json").lines()
        self.assertEqual(notice["state"], "open")

    def test_the_file_is_checked(self):
        for text, said in (
            ("[notify.a]\n", "notify.a has nothing that it does"),
            ('[notify.a]\nwebhook = "ftp://x"\n', "notify.a.webhook is no URL"),
            ('[notify.a]\nwebhok = "x"\n', "did you mean webhook?"),
            ('[notify.a]\ncommand = "x"\nrunbook = "y"\n', "several ways at once"),
            ('[notify.a]\ncommand = "x"\nbearer = "env:A"\n', "belongs to a webhook"),
            ('[notify.a]\nwebhook = "http://x"\nbearer = "abc"\n', "does not say where it comes from"),
            ('[notify.defaults]\napproval = "b"\n[notify.bb]\ncommand = "x"\n', "there is no target b"),
            ('[notify.defaults]\napprovals = "b"\n', "did you mean approval?"),
            ('[groups]\ncommand = "x"\ncache = "soon"\n', "groups.cache is no duration"),
        ):
            self.write("runbook.toml", text)
            done = self.rbk("run", "asks.rbk", exit=rbk.USAGE)
            self.assertIn(said, done.err, text)

    def test_groups_from_a_command(self):
        self.write("groups.sh", "#!/bin/sh\ncat groups.json\n")
        os.chmod(self.folder / "groups.sh", 0o755)
        self.write("groups.json", '{"sre": ["bob"]}')
        user = getpass.getuser()
        self.write("asks.rbk", 'runbook asks() {\n  approval go "?" {\n    by group "sre"\n    quorum 2\n  }\n}\n')
        self.write(
            "runbook.toml",
            f'[groups]\nsre = ["ann"]\ncommand = "./groups.sh"\ncache = "0s"\n[permissions]\nact_as = ["{user}"]\n',
        )
        self.rbk("check", "asks.rbk", exit=rbk.SUCCEEDED)
        self.rbk("run", "asks.rbk", exit=rbk.SUSPENDED)
        run = self.only_run()
        self.rbk("approve", run, "--as", "ann", exit=rbk.SUSPENDED)
        for text, said in (('{"sre": "bob"}', "the group `sre` is no list"), ("bob", "is no JSON")):
            self.write("groups.json", text)
            done = self.rbk("approve", run, "--as", "bob", exit=rbk.REFUSED)
            self.assertIn(said, done.err)
        self.write("groups.json", '{"sre": ["bob"]}')
        self.rbk("approve", run, "--as", "bob", exit=rbk.SUCCEEDED)


if __name__ == "__main__":
    unittest.main()
