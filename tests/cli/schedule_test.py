#!/usr/bin/env python3
"""`rbk schedule next` and `rbk calendar list`: when what fires, and what is closed."""
import unittest

import rbk

FILE = """
calendar freeze in "Europe/Berlin" {
  closed "2026-12-20".."2027-01-02" "year end"
  closed every fri after "16:00"
}
calendar nights {
  closed every day after "22:00" before "06:00"
}
runbook restart(service: string) {
  log.info(service)
}
schedule nightly for restart(service: "a") {
  cron "30 2 * * *" in "Europe/Berlin"
}
schedule fridays for restart(service: "b") {
  cron "0 17 * * thu,fri" in "Europe/Berlin"
  every 70h
  outside freeze then delay
}
"""


class Next(rbk.Case):
    def next(self, *words, **options):
        return self.rbk("schedule", "next", *words, **options)

    def test_a_cron(self):
        done = self.next("0 4 * * mon-fri", "--in", "Europe/Berlin", "--from", "2026-03-27T12:00:00Z", "-n", 2)
        self.assertEqual(done.out, "2026-03-30T04:00:00+02:00\n2026-03-31T04:00:00+02:00\n")

    def test_in_utc_and_from_now(self):
        done = self.next("* * * * *")
        self.assertEqual(len(done.out.splitlines()), 5)
        self.assertTrue(all(line.endswith(":00+00:00") for line in done.out.splitlines()))

    def test_over_a_change_of_the_clock(self):
        done = self.next("30 2 * * *", "--in", "Europe/Berlin", "--from", "2026-03-28T12:00:00Z", "-n", 1, "--json")
        self.assertEqual(
            done.lines(),
            [{"at": "2026-03-29T03:00:00+02:00", "zone": "Europe/Berlin", "reading": "2026-03-29 02:30", "clock": "skipped"}],
        )

    def test_a_schedule_of_a_file(self):
        self.write("a.rbk", FILE)
        done = self.next("a.rbk:nightly", "--from", "2026-10-24T12:00:00Z", "-n", 2)
        self.assertEqual(done.out, "2026-10-25T02:30:00+02:00\n2026-10-26T02:30:00+01:00\n")
        done = self.next("a.rbk:fridays", "--from", "2026-12-17T12:00:00Z", "-n", 4, "--in", "Europe/Berlin")
        self.assertEqual(
            done.out,
            "2026-12-17T15:00:00+01:00\n2026-12-17T17:00:00+01:00\n2026-12-19T00:00:00+01:00\n2027-01-03T00:00:00+01:00\n",
        )
        self.assertEqual(self.next("a.rbk:nightly", "--json", "-n", 1).lines()[0]["schedule"], "nightly")

    def test_what_is_refused(self):
        self.write("a.rbk", FILE)
        for words, told in [
            (["a.rbk"], "a.rbk has several schedules"),
            (["a.rbk:nightli"], "did you mean a.rbk:nightly?"),
            (["nightly"], '"nightly" is neither a file nor a cron'),
            (["0 25 * * *"], "the hour `25` is not in 0..23"),
            (["0 4 31 2 *"], "never fires"),
            (["0 4 * * *", "--in", "Berlin"], "there is no time zone `Berlin`"),
            (["0 4 * * *", "--from", "2026-01-01"], "--from: "),
            (["0 4 * * *", "-n", "0"], "-n 0: a number from 1 to 1000 is wanted"),
        ]:
            done = self.next(*words, exit=None)
            self.assertIn(done.code, (rbk.USAGE, rbk.FAILED), str(done))
            self.assertEqual(done.code, rbk.USAGE, str(done))
            self.assertIn(told, done.err)
            self.assertEqual(done.out, "")


class Check(rbk.Case):
    def test_it_says_nothing_of_schedules_without_a_mistake(self):
        self.write("a.rbk", FILE)
        done = self.rbk("check", "a.rbk")
        self.assertIn("1 file checked: no errors", done.out)
        self.assertNotIn("start", done.err)


class List(rbk.Case):
    def test_open_and_closed(self):
        self.write("a.rbk", FILE)
        done = self.rbk("calendar", "list", "a.rbk", "--from", "2026-12-18T15:30:00Z", "-n", 2)
        self.assertEqual(
            done.out,
            "freeze  Europe/Berlin  closed until 2026-12-19T00:00:00+01:00\n"
            "  2026-12-18T16:00:00+01:00  2026-12-19T00:00:00+01:00\n"
            "  2026-12-20T00:00:00+01:00  2027-01-03T00:00:00+01:00  year end\n"
            "nights  UTC  open until 2026-12-18T22:00:00+00:00\n"
            "  2026-12-18T22:00:00+00:00  2026-12-19T06:00:00+00:00\n"
            "  2026-12-19T22:00:00+00:00  2026-12-20T06:00:00+00:00\n",
        )

    def test_as_json(self):
        self.write("a.rbk", FILE)
        done = self.rbk("calendar", "list", "a.rbk:freeze", "--from", "2026-12-19T15:30:00Z", "-n", 1, "--json")
        self.assertEqual(
            done.lines(),
            [
                {
                    "calendar": "freeze",
                    "zone": "Europe/Berlin",
                    "closed": False,
                    "until": "2026-12-20T00:00:00+01:00",
                    "closings": [
                        {"begin": "2026-12-20T00:00:00+01:00", "end": "2027-01-03T00:00:00+01:00", "why": "year end"}
                    ],
                }
            ],
        )

    def test_what_is_refused(self):
        self.write("a.rbk", "runbook r() {\n  log.info(\"x\")\n}\n")
        self.assertIn("a.rbk declares no calendar", self.rbk("calendar", "list", "a.rbk", exit=rbk.USAGE).err)
        self.assertIn("there is no `rbk calendar lst`", self.rbk("calendar", "lst", "a.rbk", exit=rbk.USAGE).err)
        self.assertIn("rbk run FILE --override CALENDAR", self.rbk("calendar", "override", "a.rbk", exit=rbk.USAGE).err)
        self.write("b.rbk", 'calendar a { closed "2026-13-01" }\n')
        self.assertIn("RBK0509", self.rbk("calendar", "list", "b.rbk", exit=rbk.USAGE).err)


CLOSED = """
calendar ages in "Europe/Berlin" {
  closed "2000-01-01".."2999-12-31" "the long freeze"
}
runbook main() {
  ask go "sure?" {
  }
  step inner = _deploy()
}
runbook _deploy()
  outside ages
{
  log.info("deploying")
}
"""


class Outside(rbk.Case):
    """A run that waits is held to its calendars, and to its overrides, by whatever process goes on with it."""

    def suspended(self, *words):
        self.write("a.rbk", CLOSED)
        done = self.rbk("run", "a.rbk", *words, exit=rbk.SUSPENDED)
        return done.out.split()[1]

    def test_what_is_called_later_is_closed(self):
        run = self.suspended()
        done = self.rbk("answer", run, "go", exit=rbk.FAILED)
        self.assertIn("Closed: `ages` is closed until 3000-01-01T00:00:00+01:00: the long freeze", done.out + done.err)

    def test_an_override_holds_and_is_in_the_history(self):
        run = self.suspended("--override", "ages", "--reason", "it burns")
        self.rbk("answer", run, "go")
        self.assertIn("runs although `ages` may be closed: it burns", self.rbk("show", run, "--events").out)

    def test_a_compiled_program_needs_no_zones(self):
        self.write("a.rbk", CLOSED)
        self.rbk("compile", "a.rbk", "-o", "a.rbkc")
        done = self.rbk("run", "a.rbkc", env={"TZDIR": self.folder}, exit=rbk.SUSPENDED)
        self.rbk("answer", done.out.split()[1], "go", env={"TZDIR": self.folder}, exit=rbk.FAILED)

    def test_a_system_without_zones_is_told_so(self):
        self.write("a.rbk", CLOSED)
        done = self.rbk("run", "a.rbk", env={"TZDIR": self.folder}, exit=rbk.USAGE)
        self.assertIn("there is no time zone `Europe/Berlin`", done.err)
        self.assertIn("install its package tzdata", done.err)

    def test_effects_and_reference_name_it(self):
        self.write("a.rbk", FILE.replace("runbook restart(service: string) {", "runbook restart(service: string)\n  outside freeze\n{"))
        self.write("b.rbk", FILE)
        effects = self.rbk("check", "--effects", "a.rbk").out
        self.assertIn('outside     freeze  in "Europe/Berlin", closed "2026-12-20".."2027-01-02" "year end"', effects)
        self.assertIn('schedules   nightly  cron "30 2 * * *" in "Europe/Berlin"', effects)
        self.assertIn("! may begin while the calendar `freeze` is closed", self.rbk("diff", "a.rbk", "b.rbk", exit=rbk.FAILED).out)
        self.assertEqual(self.rbk("schema", "a.rbk", "--json").lines()[0]["x-runbook-outside"], ["freeze"])
        doc = self.rbk("doc", "a.rbk").out
        self.assertIn("schedules\n  nightly", doc)
        self.assertIn("calendars\n  freeze", doc)
        self.assertIn('closed every fri after "16:00"', self.rbk("doc", "a.rbk:freeze").out)


if __name__ == "__main__":
    unittest.main()
