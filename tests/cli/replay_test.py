#!/usr/bin/env python3
"""`rbk replay`: what a run was at each of its events, forwards and backwards, and that looking changes nothing."""
import unittest

import rbk

ROLLOUT = """record Host { name: string, port: int }

runbook rollout(service: string, token: secret) -> list<string> {
  let hosts = ["a", "b"]
  let first = Host { name: "a", port: 80 }
  step before = shell("echo ${service}") reads
  let seen = parallel for host in hosts limit 2 {
    step look = shell("echo ${host} ${service}") reads
    approval go "go on with ${host}?" { allow starter }
    step probe = shell("echo probe ${host} $t", env: env { t: token }) reads
    probe.stdout
  }
  log.info("${service} ${seen.join(", ")} ${first.port}")
  step last = shell("echo ${before.stdout}") reads
  return seen
}
"""


class Replay(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("token", "s3cr3t-value\n")
        self.write("rollout.rbk", ROLLOUT)
        words = ("rollout.rbk", "--service", "api", "--token", "@file:token")
        self.run_id = rbk.run_id(self.rbk("run", *words, "--json", exit=rbk.SUSPENDED))

    def replay(self, *words, **options):
        return self.rbk("replay", self.run_id, *words, **options)

    def events(self):
        return self.replay("--all", "--json").lines()

    def variables(self, event, path):
        fiber = next(one for one in event["fibers"] if one["path"] == path)
        return fiber["frames"][0]["variables"]

    def test_variables_places_and_what_waits_at_each_event(self):
        events = self.events()
        self.assertEqual([event["number"] for event in events], list(range(1, len(events) + 1)))
        self.assertEqual(events[0]["what"]["kind"], "started")
        self.assertEqual(events[0]["what"]["arguments"]["token"], {"secret": "file:token"})
        first = events[0]["fibers"][0]
        self.assertEqual(first["waits_for"], "perform")
        self.assertEqual(first["frames"][0]["place"], {"file": "rollout.rbk", "line": 6, "column": 3})
        self.assertEqual(first["frames"][0]["variables"]["first"], {"name": "a", "port": 80})
        # The branches are fibers of their own, beneath the one that waits for them.
        second = events[1]
        self.assertEqual(second["what"]["output"]["stdout"], "api\n")
        branches = [fiber for fiber in second["fibers"] if "parent" in fiber]
        self.assertEqual(len(branches), 2, second)
        self.assertEqual(second["fibers"][0]["waits_for"], "branches")
        hosts = [branch["frames"][0]["variables"]["host"] for branch in branches]
        self.assertEqual(hosts, ["a", "b"])
        self.assertEqual({one["what"] for one in events[-1]["pending"]}, {"approval"})

    def test_an_event_is_the_same_from_both_sides(self):
        count = len(self.events())
        alone = [self.replay("--at", n).out for n in range(1, count + 1)]
        walk = self.replay("--step", stdin="goto 1\n" + "next\n" * (count - 1) + "back\n" * (count - 1)).out
        there_and_back = alone + alone[-2::-1]
        self.assertEqual(walk, f"before the first of {count} events\n" + "".join(there_and_back))

    def test_secrets_stay_names(self):
        self.rbk("approve", self.run_id, "go[a]", exit=None)
        for words in ([], ["--json"]):
            self.assertNotIn("s3cr3t", self.replay("--all", *words).out)

    def test_nothing_is_claimed_or_done(self):
        before = self.rbk("show", self.run_id, "--json").out
        self.events()
        self.replay("--step", stdin="last\nback\nvars\n")
        self.assertEqual(self.rbk("show", self.run_id, "--json").out, before)

    def test_commands_of_the_stepper(self):
        out = self.replay("--step", stdin="step look\nvars\nwhere\nlist 1\nfibers\npending\nevents\nhelp\nquit\nnext\n").out
        self.assertIn("event 2 of", out)
        self.assertIn('host = "a"', out)
        self.assertIn(">     8 │     step look", out)
        self.assertIn("asks", out)
        self.assertEqual(out.count("> event 2 of"), 1)
        self.assertIn("An empty line does", out)

    def test_every_command_of_the_stepper_gives_json(self):
        done = self.replay("--step", "--json", stdin="step look\nvars\nwhere\nlist 1\nfibers\npending\nhelp\nevents\n")
        events = done.lines()
        self.assertEqual([event["number"] for event in events[:6]], [2] * 6)
        self.assertEqual(events[6:], self.events())
        self.assertIn("An empty line does", done.err)

    def test_an_empty_line_repeats(self):
        out = self.replay("--step", stdin="goto 1\nnext\n\n").out
        self.assertIn("event 3 of", out)

    def test_the_text_is_shown_only_as_it_was(self):
        self.assertIn("│   step before", self.replay("--at", 1).out)
        self.write("rollout.rbk", ROLLOUT.replace('"a", "b"', '"c"'))
        out = self.replay("--at", 1).out
        self.assertIn("rollout.rbk:6", out)
        self.assertNotIn("│", out)
        self.assertIn("has changed", self.replay("--step", "--at", 1, stdin="where\n").out)

    def test_mistakes_name_what_there_is(self):
        count = len(self.events())
        done = self.replay("--at", count + 1, exit=rbk.USAGE)
        self.assertIn(f"its events are 1 to {count}", done.err)
        self.assertIn("takes a number", self.replay("--at", "x", exit=rbk.USAGE).err)
        self.assertIn("--all", self.replay("--at", 1, "--all", exit=rbk.USAGE).err)
        done = self.replay("--step", stdin="nxt\nstep nowhere\nback\nfibres\n", exit=rbk.USAGE)
        for word in ("did you mean `next`", "nothing happens to a step `nowhere`", "first event", "`fibers`"):
            self.assertIn(word, done.err)
        self.rbk("replay", "zzzz", exit=rbk.USAGE)

    def test_a_finished_run_has_an_ending(self):
        for host in ("a", "b"):
            self.rbk("approve", self.run_id, f"go[{host}]", exit=None)
        last = self.events()[-1]
        self.assertEqual(last["fibers"], [])
        self.assertIn(last["ending"]["status"], ("succeeded", "failed"))


if __name__ == "__main__":
    unittest.main()
