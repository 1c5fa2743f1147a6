#!/usr/bin/env python3
"""Workers of a store on PostgreSQL: as on SQLite, and those that stand still past their lease, die elsewhere, or lose their server."""
import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import families_test  # noqa: E402
import notify_test  # noqa: E402
import on_postgres  # noqa: E402
import placing_test  # noqa: E402
import rbk  # noqa: E402
import schedules_test  # noqa: E402
import worker_test  # noqa: E402

FAMILY = """
runbook family(file: string, name: string) -> int {
  let done = parallel for b in 1..2 {
    step child = start _child(file: file, name: "${name}${b}")
    child
  }
  return done.sum()
}
runbook _child(file: string, name: string) -> int {
  for i in 1..3 {
    step write = shell("sleep 0.2; echo ${name} ${i} >> ${file}") rollback none "a line"
  }
  return 1
}
"""
FIRES = """
runbook note(file: string) {
  step write = shell("echo fired >> ${file}") rollback none "a line"
}
schedule often for note(file: "FILE") {
  cron "* * * * * *"
  overlap queue
}
"""
GATED = """
runbook gated(file: string, name: string) {
  for i in 1..3 {
    step write = shell("echo began ${name} ${i} >> ${file}; while ! test -e go${i}; do sleep 0.05; done; echo ${name} ${i} >> ${file}") rollback none "a line"
  }
}
"""
READS = """
runbook looks(file: string) {
  step look = shell("echo began >> ${file}; while ! test -e go; do sleep 0.05; done") reads
}
"""
MANY = 120.0  # seconds that a slow machine may take


class Workers(on_postgres.Case, worker_test.Worker):
    """What workers do on SQLite they do here."""


class Schedules(on_postgres.Case, schedules_test.Schedules):
    pass


class Placing(on_postgres.Case, placing_test.Placing):
    pass


class Families(on_postgres.Case, families_test.Families):
    def anew(self):
        self.new_store()


class Hosts(on_postgres.Case):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "lines"
        self.workers = []
        self.addCleanup(self.end_workers)

    def end_workers(self):
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.kill()
            worker.communicate()

    def lines(self):
        return self.file.read_text().splitlines() if self.file.exists() else []

    def worker(self, *wrapped, **options):
        """Its output goes into a file, so that nothing that it says can hold it up."""
        said = open(self.folder / f"worker{len(self.workers)}", "w")
        worker = subprocess.Popen(
            [*wrapped, rbk.PROGRAM, "worker", "--json"], cwd=self.folder, env=rbk.environment(), stdin=subprocess.DEVNULL, stdout=said, **options
        )  # fmt: skip
        said.close()
        self.workers.append(worker)
        rbk.eventually("it works", lambda: self.said(worker), MANY)
        return worker

    def said(self, worker, *events):
        lines = (self.folder / f"worker{self.workers.index(worker)}").read_text().split("\n")[:-1]
        return [event for event in map(json.loads, lines) if not events or event["event"] in events]

    def drain(self, worker):
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(MANY), rbk.SUCCEEDED)

    def detach(self, *words):
        return self.rbk("run", *words, "--detach", "--json").lines()[0]["run"]

    def all_over(self, count):
        rbk.eventually("the end of all runs", lambda: collections.Counter(self.statuses()) == {"succeeded": count}, MANY)

    def expect_steps(self, *names):
        self.assertEqual(collections.Counter(self.lines()), {f"{name} {i}": 1 for name in names for i in range(1, 5)})

    def expect_gated(self, *names):
        self.assertEqual(collections.Counter(self.lines()), {f"{began}{name} {i}": 1 for began in ("began ", "") for name in names for i in range(1, 4)})

    def rows(self):
        return self.sql("select id, head, token, status, updated, log_bytes from run order by key")

    def test_one_that_stood_still_past_its_lease_writes_nothing_any_more(self):
        self.new_store(lease="2s")
        self.write("gated.rbk", GATED)
        first = self.worker()
        run = self.detach("gated.rbk", "--file", self.file, "--name", "a")
        (self.folder / "go1").write_text("")
        rbk.eventually("it is under way", lambda: "began a 2" in self.lines(), MANY)
        first.send_signal(signal.SIGSTOP)
        second = self.worker()
        rbk.eventually("the other has it", lambda: self.said(second, "taken"), MANY)
        for at in (2, 3):
            (self.folder / f"go{at}").write_text("")
        self.all_over(1)
        self.assertEqual([event["run"] for event in self.said(second, "taken")], [run])
        rbk.eventually("it was let go", lambda: self.sql("select holder from run") == "0", MANY)
        after, journal = self.rows(), self.sql("select count(*) from journal")
        first.send_signal(signal.SIGCONT)
        rbk.eventually("it has seen that the run is not its own", lambda: self.said(first, "end"), MANY)
        self.drain(first)
        self.assertEqual((self.rows(), self.sql("select count(*) from journal")), (after, journal))
        self.expect_gated("a")
        # It works on.
        third = self.worker()
        self.detach("gated.rbk", "--file", self.file, "--name", "b")
        self.all_over(2)
        self.expect_gated("a", "b")
        for worker in (second, third):
            self.drain(worker)
        self.assertEqual(self.sql("select count(*) from engine where lease is not null or works = 1"), "0", "all have left")

    def test_one_that_stood_still_works_on_when_it_wakes(self):
        self.new_store(lease="1s")
        self.write("steps.rbk", worker_test.STEPS)
        worker = self.worker()
        worker.send_signal(signal.SIGSTOP)
        rbk.eventually("it counts as dead", lambda: self.sql("select count(*) from engine where lease > clock_timestamp()") == "0", MANY)
        self.assertIn("no worker", self.rbk("run", "steps.rbk", "--file", self.file, "--name", "a", "--pause", "0", "--detach").err)
        worker.send_signal(signal.SIGCONT)
        self.all_over(1)
        self.expect_steps("a")
        self.drain(worker)

    def test_families_go_on_when_workers_are_killed(self):
        self.new_store(lease="10m")  # whoever dies on this host is seen to be dead
        self.write("family.rbk", FAMILY)
        first = self.worker()
        for name in "abc":
            self.detach("family.rbk", "--file", self.file, "--name", name)
        rbk.eventually("they are on their way", lambda: len(self.lines()) >= 3, MANY)
        second = self.worker()
        first.kill()
        first.wait()
        self.all_over(9)
        self.assertEqual(collections.Counter(self.lines()), {f"{name}{b} {i}": 1 for name in "abc" for b in (1, 2) for i in (1, 2, 3)})
        self.assertEqual(self.sql("select count(*) from message where taken = 0"), "0", "all were told")
        self.drain(second)

    def test_one_that_dies_elsewhere_is_followed_after_its_lease(self):
        """In a pid namespace of its own nothing of it can be seen, as on another host."""
        if os.geteuid() != 0:
            self.skipTest("a namespace of its own needs root")
        self.new_store(lease="3s")
        self.write("looks.rbk", READS)
        first = self.worker("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", start_new_session=True)
        run = self.detach("looks.rbk", "--file", self.file)
        rbk.eventually("it is under way", self.lines, MANY)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        second = self.worker()
        (self.folder / "go").write_text("")
        self.all_over(1)
        self.assertEqual(self.lines(), ["began", "began"], "it only reads, and so is done again")
        self.assertEqual([event["run"] for event in self.said(second, "taken")], [run])
        self.drain(second)

    def test_each_firing_once_though_one_stands_still(self):
        self.new_store(lease="2s")
        self.write("fires.rbk", FIRES.replace("FILE", str(self.file)))
        self.rbk("schedule", "add", "fires.rbk")
        first, second = self.worker(), self.worker()
        for _ in range(2):
            before = len(self.lines())
            rbk.eventually("they fire", lambda: len(self.lines()) > before, MANY)
            first.send_signal(signal.SIGSTOP)
            rbk.eventually("it counts as dead", lambda: self.sql("select count(*) from engine where works = 1 and lease > clock_timestamp()") == "1", MANY)
            before = len(self.lines())
            rbk.eventually("the other fires on", lambda: len(self.lines()) > before + 1, MANY)
            first.send_signal(signal.SIGCONT)
            rbk.eventually("it lives again", lambda: self.sql("select count(*) from engine where works = 1 and lease > clock_timestamp()") == "2", MANY)
        self.rbk("schedule", "pause", "often")
        rbk.eventually("all are over", lambda: set(self.statuses()) == {"succeeded"}, MANY)
        for worker in (first, second):
            self.drain(worker)
        fired = [one for one in self.rbk("schedule", "list", "often", "-n", 1000, "--json").lines()[1:] if one["outcome"] == "started"]
        self.assertEqual(len(fired), len({one["reading"] for one in fired}))
        self.assertEqual(int(self.sql("select count(*) from run")), len(fired))
        self.assertEqual(len(self.lines()), len(fired))

    def test_a_server_that_is_restarted(self):
        self.new_store(lease="30s")
        self.write("steps.rbk", worker_test.STEPS)
        workers = [self.worker(), self.worker()]
        names = [f"n{i}" for i in range(6)]
        for name in names:
            self.detach("steps.rbk", "--file", self.file, "--name", name, "--pause", "0.3")
        for count in (4, 12):
            rbk.eventually("they are on their way", lambda: len(self.lines()) >= count, MANY)
            self.server.restart("immediate")
        self.all_over(6)
        self.expect_steps(*names)
        for worker in workers:
            self.drain(worker)


class Notices(on_postgres.Case):
    def setUp(self):
        super().setUp()
        self.receiver = notify_test.Receiver()
        self.addCleanup(self.receiver.close)
        with open(self.folder / "runbook.toml", "a") as project:
            project.write(f'[groups]\nsre = ["bob"]\n[notify.hook]\nwebhook = "{self.receiver.url}"\n')
        self.write("asks.rbk", notify_test.ASKS)

    def test_each_is_sent_once_whoever_works(self):
        workers = [rbk.start(self.folder, "worker") for _ in range(2)]
        try:
            runs = {self.rbk("run", "asks.rbk", "--detach", "--json").lines()[0]["run"] for _ in range(8)}
            delivered = lambda: self.sql("select count(*) from notice where state = 1") == "8"
            rbk.eventually("all are delivered", delivered, MANY)
        finally:
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
                worker.wait()
        self.assertEqual({body["run"] for _, body in self.receiver.got}, runs)
        self.assertEqual(len(self.receiver.got), 8)
        self.assertEqual(self.sql("select count(*) from notice where attempts = 1"), "8")

    def test_what_was_not_delivered_is_tried_again_by_another(self):
        self.receiver.status = 500
        self.rbk("run", "asks.rbk", exit=rbk.SUSPENDED)
        self.assertEqual(len(self.receiver.got), 1)
        self.receiver.status = 204
        self.sql("update notice set due = 0")
        self.rbk("resume", exit=None)
        rbk.eventually("it is delivered", lambda: self.sql("select state from notice") == "1")
        self.assertEqual({headers["Idempotency-Key"] for headers, _ in self.receiver.got}, {self.receiver.got[0][1]["id"]})
        (notice,) = self.rbk("notices", "--json").lines()
        self.assertEqual((notice["state"], notice["attempts"]), ("delivered", 2))


if __name__ == "__main__":
    unittest.main()
