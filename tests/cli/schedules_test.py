#!/usr/bin/env python3
"""`rbk schedule add` and its like: schedules of a store, which workers fire, each time once."""
import collections
import json
import re
import signal
import subprocess
import time
import unittest

import rbk

FILE = """
const place = "eu"
calendar always {
  closed "2000-01-01".."2999-12-31" "the long freeze"
}
fn both(a: string, b: string) -> string {
  return "${a}-${b}"
}
runbook note(file: string, name: string = "x", pause: string = "0") {
  step write = shell("sleep ${pause}; echo ${name} >> ${file}") rollback none "a line"
}
runbook closed(file: string)
  outside always
{
  step write = shell("echo closed >> ${file}") rollback none "a line"
}
schedule often for note(file: "FILE", name: both("often", place)) {
  cron "* * * * * *"
  overlap queue
}
schedule slow for note(file: "FILE", name: "slow", pause: "3") {
  every 1s
}
schedule nightly for note(file: "FILE", name: "nightly") {
  cron "30 2 * * *" in "Europe/Berlin"
  missed run once within 6h
}
schedule held for closed(file: "FILE") {
  every 1s
}
schedule waits for note(file: "FILE", name: "waits") {
  every 1s
  outside later then delay
}
schedule yearly for note(file: "FILE", name: "yearly") {
  cron "0 0 29 2 *"
  outside later then skip
}
calendar later {
  closed "2000-01-01".."2998-12-31" "later"
}
"""


class Schedules(rbk.Case):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "lines"
        self.write("a.rbk", FILE.replace("FILE", str(self.file)))
        self.workers = []
        self.addCleanup(self.end_workers)

    def lines(self):
        return self.file.read_text().splitlines() if self.file.exists() else []

    def worker(self, *words):
        worker = rbk.start(self.folder, "worker", "--json", *words, stdout=subprocess.PIPE, text=True)
        self.workers.append(worker)
        self.assertEqual(json.loads(worker.stdout.readline())["event"], "works")
        return worker

    def end_workers(self):
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.communicate()

    def stop(self, worker):
        worker.send_signal(signal.SIGTERM)
        out, _ = worker.communicate(timeout=60)
        self.assertEqual(worker.returncode, rbk.SUCCEEDED, out)
        return [json.loads(line) for line in out.splitlines()]

    def add(self, name, *words):
        return self.rbk("schedule", "add", f"a.rbk:{name}", *words)

    def firings(self, name, count=1000):
        return self.rbk("schedule", "list", name, "-n", count, "--json").lines()[1:]

    def one(self, name):
        return self.rbk("schedule", "list", name, "--json").lines()[0]

    def test_add_list_and_what_is_changed(self):
        done = self.add("nightly")
        self.assertRegex(done.out, r"^nightly is new\n  next \d{4}-\d\d-\d\dT0[23]:[03]0:00\+0[12]:00\n  next ")
        self.assertIn("no worker is alive that fires it: rbk worker", done.err)
        self.assertEqual(self.add("nightly").out.splitlines()[0], "nightly is as it was")
        listed = self.one("nightly")
        self.assertEqual(listed["arguments"]["name"], "nightly")
        self.assertEqual(listed["when"], 'cron "30 2 * * *" in "Europe/Berlin"')
        self.assertEqual((listed["overlap"], listed["missed"], listed["file"]), ("skip", "run once within 6h", "a.rbk:nightly"))
        text = (self.folder / "a.rbk").read_text().replace('name: "nightly"', 'name: "nightlier"').replace("30 2 * * *", "0 4 * * *")
        self.write("a.rbk", text)
        self.rbk("schedule", "add", "a.rbk:nightly", "a.rbk:often")
        changed = self.rbk("schedule", "add", "a.rbk:nightly").out
        self.assertIn("nightly is as it was", changed)
        self.assertIn("nightly  note", self.rbk("schedule", "list", "nightly").out)
        table = self.rbk("schedule", "list").out.splitlines()
        self.assertEqual([line.split()[0] for line in table], ["SCHEDULE", "nightly", "often"])
        self.assertRegex(self.rbk("schedule", "next", "nightly", "-n", 1, "--json").out, '"reading":"[0-9-]+ 04:00"')

    def test_a_change_is_told(self):
        self.add("nightly")
        self.write("a.rbk", (self.folder / "a.rbk").read_text().replace("30 2 * * *", "0 4 * * *"))
        done = self.add("nightly")
        self.assertIn("nightly is changed\n", done.out)
        self.write("a.rbk", (self.folder / "a.rbk").read_text().replace('name: "nightly"', 'name: "nightlier"'))
        self.assertRegex(self.add("nightly").out, r'arguments: \{.*"name":"nightlier".*\}, was \{.*"name":"nightly".*\}')
        self.assertIn('  fires: cron "0 4 * * *" in "Europe/Berlin", was cron "30 2 * * *" in "Europe/Berlin"\n', done.out)

    def test_each_firing_once_with_several_workers(self):
        self.add("often")
        workers = [self.worker() for _ in range(3)]
        rbk.eventually("five firings", lambda: len(self.lines()) >= 5, 30)
        for worker in workers:
            self.stop(worker)
        fired = [one for one in self.firings("often") if one["outcome"] == "started"]
        self.assertEqual(len(fired), len({one["reading"] for one in fired}))
        self.assertEqual(set(self.lines()), {"often-eu"})
        runs = self.rbk("runs", "--json").lines()
        self.assertEqual({run["firing"]["reading"] for run in runs}, {one["reading"] for one in fired})
        self.assertEqual({run["starter"] for run in runs}, {self.one("often")["by"]})
        self.assertIn("schedule often, 2", runs[0]["reason"])
        shown = self.rbk("show", runs[0]["run"]).out
        self.assertIn(f"by schedule often of {runs[0]['starter']}: schedule often, ", shown)
        self.assertEqual([one for one in self.firings("often") if one["outcome"] == "skipped"], [], "none is left out")

    def test_killed_while_it_fires(self):
        self.add("often")
        end = time.monotonic() + 8
        while time.monotonic() < end:
            worker = self.worker()
            time.sleep(0.9)
            worker.kill()
        worker = self.worker()
        # What was cut off ends.
        self.rbk("schedule", "pause", "often")
        rbk.eventually("all are over", lambda: all(run["status"] == "succeeded" for run in self.rbk("runs", "--limit", 0, "--json").lines()), 30)
        self.stop(worker)
        fired = collections.Counter((one["reading"], one["fold"]) for one in self.firings("often") if one["outcome"] == "started")
        self.assertEqual(set(fired.values()), {1})
        runs = self.rbk("runs", "--limit", 0, "--json").lines()
        self.assertEqual(len(runs), len(fired))
        self.assertEqual(len(self.lines()), len(runs))

    def test_overlap_skip_tells_why(self):
        self.add("slow")
        worker = self.worker()
        rbk.eventually("it ran twice", lambda: len(self.lines()) >= 2, 30)
        said = self.stop(worker)
        skipped = [one for one in self.firings("slow") if one["outcome"] == "skipped"]
        self.assertTrue(skipped)
        self.assertRegex(skipped[0]["why"], r"^run \w+ goes on still$")
        self.assertIn("skipped", [event.get("outcome") for event in said if event["event"] == "firing"])

    def test_a_runbook_that_must_not_run_is_skipped(self):
        self.add("held")
        worker = self.worker()
        rbk.eventually("two were skipped", lambda: len(self.firings("held")) >= 2)
        self.stop(worker)
        self.assertIn("`closed` must not run now: `always` is closed", self.firings("held")[0]["why"])
        self.assertEqual(self.lines(), [])

    def test_pause_resume_remove(self):
        self.add("often")
        self.assertEqual(self.rbk("schedule", "pause", "often").out, "often is paused\n")
        self.assertIn("is paused already", self.rbk("schedule", "pause", "often", exit=rbk.REFUSED).err)
        self.assertRegex(self.rbk("schedule", "list").out, "often +paused by ")
        worker = self.worker()
        time.sleep(2)
        self.assertEqual(self.firings("often"), [])
        self.rbk("schedule", "resume", "often")
        rbk.eventually("it fires again", self.lines)
        self.rbk("schedule", "remove", "often")
        self.assertEqual(self.rbk("schedule", "list").out, "no schedules\n")
        self.stop(worker)
        self.assertIn("schedule often of", self.rbk("runs").out)

    def test_run_by_hand(self):
        self.add("nightly")
        worker = self.worker()
        done = self.rbk("schedule", "run", "nightly")
        self.assertRegex(done.out, r"^by hand .* started run \w{9} by ")
        rbk.eventually("it ran", self.lines)
        self.stop(worker)
        self.assertEqual(self.lines(), ["nightly"])
        self.assertEqual(self.firings("nightly")[0]["kind"], "hand")
        self.assertIn("no worker is alive that goes on with it", self.rbk("schedule", "run", "nightly").err)
        self.assertIn("goes on still", self.rbk("schedule", "run", "nightly", exit=rbk.REFUSED).err)

    def test_run_by_hand_keeps_calendars_without_an_override(self):
        for name, calendar in (("waits", "later"), ("held", "always")):
            self.add(name)
            told = self.rbk("schedule", "run", name, exit=rbk.REFUSED).err
            self.assertIn(f"`{calendar}` is closed", told)
            self.assertIn(f'`rbk schedule run {name} --override {calendar} --reason "…"`', told)
            told = self.rbk("schedule", "run", name, "--override", calendar, exit=rbk.USAGE).err
            self.assertIn("overridden without a reason", told)
            told = self.rbk("schedule", "run", name, "--override", "nope", "--reason", "x", exit=rbk.USAGE).err
            self.assertIn("is outside of no calendar `nope`", told)
            done = self.rbk("schedule", "run", name, "--override", calendar, "--reason", "it burns", "--json").lines()[0]
            self.assertIn(f"although `{calendar}` is closed", done["why"])
            self.assertIn("it burns", done["why"])
            self.assertIn("it burns", self.rbk("show", done["run"]).out)
            self.assertIn("it burns", self.firings(name)[0]["why"])
            self.rbk("resume", done["run"])
        self.assertEqual(self.lines(), ["waits", "closed"])

    def test_what_the_calendar_of_a_runbook_holds_back_is_let_go_with_a_reason(self):
        self.add("held")
        worker = self.worker()
        rbk.eventually("one is refused", lambda: [one for one in self.firings("held") if one["outcome"] == "skipped"])
        self.stop(worker)
        done = self.rbk("calendar", "override", "held", "--reason", "it burns", "--json").lines()[0]
        self.assertIn("`always` is closed", done["why"])
        self.rbk("resume", done["run"])
        self.assertEqual(self.lines(), ["closed"])

    def test_what_was_not_due_is_not_held_back(self):
        self.add("yearly")
        told = self.rbk("calendar", "override", "yearly", "--reason", "x", exit=rbk.REFUSED).err
        self.assertIn("nothing of yearly is held back: it has not been due", told)
        self.assertIn("rbk schedule run yearly --override later --reason", told)

    def test_none_is_added_if_one_is_refused(self):
        self.write(
            "b.rbk",
            'runbook plain() { log.info("x") }\nrunbook secret_one(s: secret) { step a = shell("true", env: env { S: s }) reads }\n'
            'schedule first for plain() { every 1h }\nschedule second for secret_one(s: secrets.nope) { every 1h }\n'
            'schedule third for plain() { every 1h }\n',
        )
        told = self.rbk("schedule", "add", "b.rbk", exit=rbk.REFUSED).err
        self.assertIn("schedule second: ", told)
        self.assertEqual(self.rbk("schedule", "list").out, "no schedules\n")

    def test_backfill(self):
        self.add("nightly")
        worker = self.worker()
        words = ["schedule", "backfill", "nightly", "--from", "2026-03-28T00:00:00Z", "--to", "2026-03-30T12:00:00Z", "--json"]
        done = self.rbk(*words).lines()
        self.assertEqual([one["reading"] for one in done], ["2026-03-28 02:30", "2026-03-29 02:30", "2026-03-30 02:30"])
        rbk.eventually("they ran", lambda: len(self.lines()) == 3)
        rbk.eventually("they are over", lambda: all(one["outcome"] == "started" for one in self.firings("nightly")))
        self.assertEqual([one["outcome"] for one in self.rbk(*words).lines()], ["started"] * 3)
        self.stop(worker)
        self.assertEqual(len(self.lines()), 3)

    def test_what_a_calendar_holds_back_is_let_go_with_a_reason(self):
        self.add("waits")
        worker = self.worker()
        rbk.eventually("one is delayed", lambda: [one for one in self.firings("waits") if one["outcome"] == "delayed" or one["outcome"] == "skipped"])
        self.assertIn("overridden without a reason", self.rbk("calendar", "override", "waits", exit=rbk.USAGE).err)
        done = self.rbk("calendar", "override", "waits", "--reason", "it burns", "--json").lines()[0]
        rbk.eventually("it ran", self.lines)
        self.stop(worker)
        self.assertEqual(self.lines(), ["waits"])
        self.assertIn("although `later` is closed until 2999-01-01", done["why"])
        self.assertIn("it burns", self.rbk("show", done["run"]).out)
        self.add("nightly")
        self.assertIn("no calendar holds nightly back now", self.rbk("calendar", "override", "nightly", "--reason", "x", exit=rbk.REFUSED).err)

    def test_what_is_refused(self):
        self.add("nightly")
        for words, told in [
            (["add"], "a FILE is missing"),
            (["add", "a.rbk:nightli"], "did you mean a.rbk:nightly?"),
            (["pause", "nightli"], "did you mean nightly?"),
            (["backfill", "nightly", "--from", "2026-03-28T00:00:00Z"], "--to is missing"),
            (["backfill", "nightly", "--from", "2026-03-28T00:00:00Z", "--to", "2999-03-28T00:00:00Z"], "can't be made up for"),
            (["nothing", "x"], "there is no `rbk schedule nothing`"),
        ]:
            done = self.rbk("schedule", *words, exit=rbk.USAGE)
            self.assertIn(told, done.err)
        self.write("b.rbk", 'runbook r(n: int where n < 3) {\n  log.info("${n}")\n}\nfn four() -> int {\n  return 2 + 2\n}\nschedule s for r(n: four()) {\n  every 1h\n}\n')
        done = self.rbk("schedule", "add", "b.rbk", exit=None)
        self.assertIn(done.code, (rbk.REFUSED, rbk.USAGE), str(done))
        self.assertIn("n < 3", done.err)
        self.write("c.rbk", 'runbook r(token: secret) {\n  step x = http.get("http://localhost:1/", bearer: token)\n}\nschedule s for r(token: secrets.nothing) {\n  every 1h\n}\n')
        self.assertIn("nothing", self.rbk("schedule", "add", "c.rbk", exit=None).err)
        for words in [[], ["lst"], ["ad", "a.rbk"]]:
            done = self.rbk("schedule", *words, exit=rbk.USAGE)
            self.assertIn("add, list, pause, resume, remove, run, backfill, next", done.err)
        self.assertIn("did you mean `rbk schedule list`?", self.rbk("schedule", "lst", exit=rbk.USAGE).err)
        self.assertIn("there are list, override", self.rbk("calendar", exit=rbk.USAGE).err)

    def test_all_of_a_file_or_none(self):
        text = 'runbook r(n: int) {\n  log.info("${n}")\n}\nrunbook p(token: secret) {\n  step x = http.get("http://localhost:1/", bearer: token)\n}\n'
        text += "schedule one for r(n: 1) {\n  every 1h\n}\nschedule two for p(token: secrets.nope) {\n  every 1h\n}\nschedule three for r(n: 3) {\n  every 1h\n}\n"
        self.write("b.rbk", text)
        self.add("nightly")
        done = self.rbk("schedule", "add", "b.rbk", exit=rbk.REFUSED)
        self.assertIn("schedule two: ", done.err)
        self.assertIn("nope", done.err)
        self.assertEqual(done.out, "")
        self.assertEqual([one["schedule"] for one in self.rbk("schedule", "list", "--json").lines()], ["nightly"])

    def test_a_calendar_is_closed_and_nothing_was_due(self):
        self.write("b.rbk", (self.folder / "a.rbk").read_text().replace("every 1s\n  outside", 'cron "0 0 1 1 *"\n  outside'))
        self.rbk("schedule", "add", "b.rbk:waits")
        told = self.rbk("calendar", "override", "waits", "--reason", "x", exit=rbk.REFUSED).err
        self.assertIn("nothing of waits is held back: it has not been due since", told)

    def test_a_full_worker_leaves_what_fires_and_goes_on_with_what_it_has(self):
        """It takes up a run that was answered, and before that has begun anything a firing finds no room."""
        self.write("answered.rbk", """
runbook answered(file: string)
  on worker "here"
{
  approval go "go on?" {
    allow starter
    expires 1h then reject
  }
  step write = shell("echo answered >> ${file}") rollback none "a line"
}
runbook tick(file: string) {
  step write = shell("echo tick >> ${file}") rollback none "a line"
}
schedule ticks for tick(file: "FILE") {
  every 1s
  overlap skip
}
""".replace("FILE", str(self.file)))  # fmt: skip
        run = self.rbk("run", "answered.rbk:answered", "--file", self.file, "--detach").out.strip()
        approval = rbk.start(self.folder, "approve", run)
        rbk.eventually("it is answered", lambda: "approve" in [row["verb"] for row in self.rbk("audit", "--json").lines()])
        self.rbk("schedule", "add", "answered.rbk:ticks")
        time.sleep(2)  # it is due
        self.worker("--slots", "1", "--label", "here")
        self.assertEqual(approval.wait(60), rbk.SUCCEEDED)
        rbk.eventually("both lines", lambda: {"answered", "tick"} <= set(self.lines()))


if __name__ == "__main__":
    unittest.main()
