#!/usr/bin/env python3
"""Locks between processes: who waits for whom, and what becomes of them."""
import sqlite3
import unittest

import rbk

TEXT = """
runbook has() {
  lock "db" expires 1h {
    approval go "Go on?" {
      allow starter
    }
  }
}
runbook wants(time: duration = 1h) {
  lock "db" timeout time {
    log.info("got it")
  }
}
runbook two(first: string, second: string) {
  lock first {
    step a = shell("touch ${first}; while ! test -e ${second}; do sleep 0.01; done") rollback none "x"
    lock second {
      log.info("both")
    }
  }
}
runbook newest(asks: bool) exclusive "newest" cancel_running {
  if asks {
    approval go "Go on?" {
      allow starter
    }
  }
}
runbook refuses() exclusive "only" reject {
  approval go "Go on?" {
    allow starter
  }
}
"""


class Locks(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("locks.rbk", TEXT)

    def begin(self, runbook, *words, exit=rbk.SUSPENDED):
        return rbk.run_id(self.rbk("run", f"locks.rbk:{runbook}", *words, "--json", exit=exit))

    def queue(self):
        locks = self.rbk("locks", "--json").lines()
        return [claim["run"] for claim in locks[0]["queue"]] if locks else []

    def test_who_waits_is_told_for_whom_and_goes_on(self):
        holder = self.begin("has")
        log = self.folder / "log"
        with log.open("w") as out:
            waits = rbk.start(self.folder, "run", "locks.rbk:wants", stdout=out)
            rbk.eventually("it waits", self.queue)
            (run,) = self.queue()
            waiting = f"waiting for the lock `db`, which run {holder} has"
            self.assertIn(waiting, self.rbk("runs").out)
            shown = self.rbk("show", run).out
            self.assertIn(f"waits for the lock `db`, which run {holder} has", shown)
            self.assertIn(f"run {holder}, which has the lock `db`, is waiting, nobody drives it: `rbk resume {holder}`", shown)
            self.assertIn("has the lock `db` since ", self.rbk("show", holder).out)
            told = self.rbk("locks").out
            self.assertIn("the lock `db`, 1 at once", told)
            self.assertIn(f"run {holder} has, has it since", told)
            self.assertIn(f"1. run {run} wants, waits since", told)
            self.rbk("approve", holder, "go")
            self.assertEqual(waits.wait(20), rbk.SUCCEEDED)
        self.assertIn(
            f"waits for the lock `db`, which run {holder} has; nobody drives run {holder}: `rbk resume {holder}`",
            log.read_text(),
        )
        self.assertIn("info got it", log.read_text())
        self.assertEqual(self.rbk("locks").out, "nobody has a lock\n")

    def test_what_is_left_waiting_goes_on_by_resume(self):
        holder = self.begin("has")
        waiting = self.rbk("run", "locks.rbk:wants", "--detach").out.strip()
        self.assertEqual(self.queue(), [waiting])
        left = self.rbk("resume")  # nothing of it can go on
        self.assertIn("nothing to resume", left.out)
        self.rbk("approve", holder, "go")
        self.rbk("resume")
        self.assertEqual(self.rbk("runs", "--json").lines()[0]["status"], "succeeded")

    def test_a_deadlock_fails_the_one_who_closes_it(self):
        words = ("run", "locks.rbk:two", "--json", "--first", "one", "--second", "two")
        other = rbk.start(self.folder, *words)
        done = self.rbk("run", "locks.rbk:two", "--json", "--first", "two", "--second", "one", exit=None)
        codes = sorted((other.wait(20), done.code))
        self.assertEqual(codes, [rbk.SUCCEEDED, rbk.FAILED])
        errors = [run["error"] for run in self.rbk("runs", "--json").lines() if "error" in run]
        self.assertEqual([error["kind"] for error in errors], ["Deadlock"])
        self.assertIn("a circle would close: run ", errors[0]["message"])

    def test_reject_refuses_and_leaves_no_run(self):
        holder = self.begin("refuses")
        done = self.rbk("run", "locks.rbk:refuses", exit=rbk.REFUSED)
        self.assertIn(f"nothing was run: `exclusive \"only\"` is taken by run {holder}", done.err)
        self.assertEqual(len(self.rbk("runs", "--json").lines()), 1)
        self.rbk("cancel", holder, exit=rbk.CANCELLED)
        self.begin("refuses")

    def test_cancel_running_ends_who_has_it_and_who_waits(self):
        first = self.begin("newest", "--asks", "true")
        second = self.rbk("run", "locks.rbk:newest", "--asks", "false", "--detach").out.strip()
        third = self.rbk("run", "locks.rbk:newest", "--asks", "false", "--detach").out.strip()
        for _ in range(3):
            self.rbk("resume", exit=None)
        status = {run["run"]: run["status"] for run in self.rbk("runs", "--json").lines()}
        self.assertEqual(status, {first: "cancelled", second: "cancelled", third: "succeeded"})
        self.assertEqual(self.queue(), [])

    def test_time_is_up_for_who_waits_and_is_not_held_on(self):
        self.begin("has")
        done = self.rbk("run", "locks.rbk:wants", "--time", "100ms", exit=rbk.FAILED)
        self.assertIn("Timeout: the lock `db` was not free in time", done.err)
        self.assertEqual(self.queue(), [])

    def test_what_a_quarantined_run_has_is_freed_by_hand(self):
        holder = self.begin("has")
        self.rbk("locks", "--free", holder, exit=rbk.REFUSED)
        store = sqlite3.connect(self.folder / ".runbook/store.db")
        with store:
            store.execute("update run set status=5, ending='broken'")
        store.close()
        self.assertIn(f"`rbk locks --free {holder}` frees it, once it is known what the run left", self.rbk("locks").out)
        self.assertEqual(self.rbk("locks", "--free", holder).out, "1 lock freed\n")
        self.rbk("run", "locks.rbk:wants")


if __name__ == "__main__":
    unittest.main()
