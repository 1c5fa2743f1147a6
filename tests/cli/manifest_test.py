#!/usr/bin/env python3
"""`rbk run --manifest FILE`: a run is held to what a manifest lets it reach, wherever it goes on."""
import http.server
import json
import threading
import unittest

import rbk

TEXT = """runbook work(word: string, file: string) {
  step first = shell("echo first >> ${file}") rollback { shell("echo undo >> ${file}") }
  step second = shell("echo ${word} >> ${file}") rollback none "a line"
}
"""

# Values that are known and not, in and out of quotes, lists, variables of the shell, raw text.
RICH = """const odd = "it's; $HOME"
const both = "; echo"
const many = ["a b", "c;d"]

runbook work(word: string, words: list<string>, file: string) {
  let mixed = "known ${odd}|${word}"
  step a = shell("printf '%s\\\\n' ${mixed} ${many} ${words} >> ${file}") rollback none "a line"
  step b = shell($$"x=$${word}; printf 'x=%s\\\\n' \\"${x}\\" >> $${file}") rollback none "a line"
  step c = shell("echo ${word.length + 1} ${5m} ${1.5} ${true} >> ${file}") rollback none "a line"
  for one in words {
    step d = shell(shell.raw("echo raw ${words.length} ${both} ${words[0].length} >> ${file}")) rollback none "a line"
  }
}
"""

PARENT = """runbook part(word: string, file: string) {
  step say = shell("echo ${word} >> ${file}") rollback none "a line"
}
runbook work(word: string, file: string) {
  step child = start part(word, file)
}
"""

WAITS = """runbook work(word: string, file: string) {
  wait for signal go
  step say = shell("echo ${word} >> ${file}") rollback none "a line"
}
"""


class Manifest(rbk.Case):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "lines"

    def lines(self):
        return self.file.read_text().split("\n")[:-1] if self.file.exists() else []

    def manifest(self, text, change=None, runbook="work"):
        """Writes the runbook and what it can reach, changed by `change`."""
        self.write("work.rbk", text)
        lines = self.rbk("check", "--effects", "--json", "work.rbk").lines()
        for line in lines:
            if change is not None and line.get("runbook") == runbook:
                change(line)
        self.write("work.json", "".join(json.dumps(line) + "\n" for line in lines))

    @staticmethod
    def only_said(word):
        """What `say` and `second` may say is this word alone."""

        def change(summary):
            for command in summary["commands"]:
                command["text"] = command["text"].replace("${word}", word)

        return change

    def run_held(self, word, *more, exit=rbk.SUCCEEDED, program="work.rbk"):
        return self.rbk(
            "run", program, "--manifest", "work.json", "--word", word, "--file", self.file, "--json", *more, exit=exit
        )

    def test_a_run_keeps_to_what_it_can_reach(self):
        self.manifest(TEXT)
        self.run_held("it's; a $word")
        self.assertEqual(self.lines(), ["first", "it's; a $word"])

    def test_no_value_leads_past_what_its_own_text_says(self):
        self.manifest(RICH)
        odd = "it's; `a` $(b) $c \"d\" > e & ä|{f}"
        for word in ["plain", odd, "", "a b"]:
            self.run_held(word, "--words", word, "--words", "x y")
        self.assertIn(f"known it's; $HOME|{odd}", self.lines())
        self.assertIn(f"x={odd}", self.lines())

    def test_a_step_that_reaches_past_it_does_not_begin(self):
        self.manifest(TEXT, self.only_said("hello"))
        self.run_held("hello")
        self.file.unlink()
        done = self.run_held("other", exit=rbk.FAILED)
        error = rbk.ending(done)["error"]
        self.assertEqual(error["kind"], "OutOfManifest")
        self.assertFalse(error["retryable"])
        self.assertIn(f"the command echo other >> {self.file} lies outside of the manifest work.json", error["message"])
        self.assertIn("echo hello >> ${file}", error["message"])
        self.assertIn("rbk check --effects --json", error["message"])
        # What was done before is undone, and that is in the manifest.
        self.assertEqual(self.lines(), ["first", "undo"])

    def test_a_program_that_can_reach_further_is_refused_before_it_runs(self):
        self.manifest(TEXT)
        self.write("work.rbk", TEXT.replace("echo ${word} >> ${file}", "ssh db-1 reboot"))
        done = self.run_held("x", exit=rbk.REFUSED)
        self.assertIn("the command ssh db-1 reboot lies outside of the manifest work.json", done.err + done.out)
        self.assertIn("db-1", done.err + done.out)
        tried = self.run_held("x", "--dry-run", exit=rbk.REFUSED)
        self.assertIn("lies outside of the manifest work.json", tried.err + tried.out)
        self.assertEqual(self.rbk("runs", "--json", exit=None).lines(), [])
        self.assertEqual(self.lines(), [])

    def test_a_compiled_program_is_held_when_it_runs(self):
        self.manifest(TEXT)
        self.write("other.rbk", TEXT.replace("echo ${word} >> ${file}", "echo ${word} > ${file}"))
        self.rbk("compile", "other.rbk", "-o", "other.rbkc")
        done = self.run_held("x", exit=rbk.FAILED, program="other.rbkc")
        self.assertEqual(rbk.ending(done)["error"]["kind"], "OutOfManifest")
        self.assertEqual(self.lines(), ["first", "undo"])

    def test_whoever_goes_on_with_it_holds_it(self):
        self.manifest(WAITS, self.only_said("hello"))
        run = rbk.run_id(self.run_held("other", exit=rbk.SUSPENDED))
        (self.folder / "work.json").unlink()
        (self.folder / "work.rbk").unlink()
        done = self.rbk("signal", run, "go", "--json", exit=rbk.FAILED)
        self.assertEqual(rbk.ending(done)["error"]["kind"], "OutOfManifest")
        self.assertEqual(self.lines(), [])

    def test_the_runs_that_it_starts_are_held(self):
        self.manifest(PARENT, self.only_said("hello"))
        words = ["run", "work.rbk:work", "--manifest", "work.json", "--file", self.file, "--json", "--word"]
        self.rbk(*words, "hello")
        done = self.rbk(*words, "other", exit=rbk.FAILED)
        self.assertEqual(rbk.ending(done)["error"]["kind"], "RunFailed")
        self.assertIn("OutOfManifest", done.out)
        self.assertEqual(self.lines(), ["hello"])

    def test_a_run_that_is_moved_stays_held(self):
        self.manifest(WAITS, self.only_said("hello"))
        run = rbk.run_id(self.run_held("other", exit=rbk.SUSPENDED))
        self.write("work.rbk", WAITS.replace("echo ${word} >> ${file}", "ssh db-1 reboot"))
        refused = self.rbk("upgrade", run, "--to", "work.rbk", exit=rbk.REFUSED)
        self.assertIn("ssh db-1 reboot", refused.err + refused.out)
        self.write("work.rbk", WAITS.replace('"a line"', '"one line"'))
        self.rbk("upgrade", run, "--to", "work.rbk")
        done = self.rbk("signal", run, "go", "--json", exit=rbk.FAILED)
        self.assertEqual(rbk.ending(done)["error"]["kind"], "OutOfManifest")

    def test_people_are_held(self):
        text = """runbook work(team: string) {
  approval go "on?" { by group team }
}
"""
        self.write("work.rbk", text.replace("group team", 'group "${team}"'))
        lines = self.rbk("check", "--effects", "--json", "work.rbk").lines()
        self.write("work.json", "".join(json.dumps(line) + "\n" for line in lines))
        self.rbk("run", "work.rbk", "--manifest", "work.json", "--team", "sre", exit=rbk.SUSPENDED)
        summary = next(line for line in lines if "runbook" in line)
        summary["people"] = ['group "leads"']
        self.write("work.json", json.dumps(summary))
        refused = self.rbk("run", "work.rbk", "--manifest", "work.json", "--team", "sre", exit=rbk.REFUSED)
        self.assertIn('group "leads"', refused.err)
        self.write("other.rbk", text.replace(" by group team ", ""))
        refused = self.rbk("run", "other.rbk", "--manifest", "work.json", "--team", "sre", exit=rbk.REFUSED)
        self.assertIn("a decision of anybody", refused.err)
        self.rbk("compile", "work.rbk", "-o", "work.rbkc")
        done = self.rbk("run", "work.rbkc", "--manifest", "work.json", "--team", "sre", "--json", exit=rbk.FAILED)
        self.assertEqual(rbk.ending(done)["error"]["kind"], "Rejected")
        self.assertIn('a decision of group "sre" lies outside', rbk.ending(done)["error"]["message"])

    def test_secrets_are_held(self):
        self.write("runbook.toml", '[secrets]\na = "env:SECRET_A"\nb = "env:SECRET_B"\n')
        text = """runbook work(key: secret) {
  step one = shell("true", env: env { KEY: key }) reads
  step two = shell("true", env: env { KEY: secrets.a }) reads
}
"""
        self.manifest(text)
        env = {"SECRET_A": "aaaaaaaa", "SECRET_B": "bbbbbbbb"}
        words = ["--manifest", "work.json", "--key", "@b"]
        self.rbk("run", "work.rbk", *words, env=env)
        self.write("work.rbk", text.replace("secrets.a", "secrets.b"))
        refused = self.rbk("run", "work.rbk", *words, env=env, exit=rbk.REFUSED)
        self.assertIn("the secret secrets.b", refused.err)
        self.rbk("compile", "work.rbk", "-o", "work.rbkc")
        # It was given `b`, which is the parameter's.
        self.rbk("run", "work.rbkc", *words, env=env)
        done = self.rbk("run", "work.rbkc", "--manifest", "work.json", "--key", "@a", "--json", env=env, exit=rbk.FAILED)
        self.assertIn("the secret b lies outside", rbk.ending(done)["error"]["message"])

    def test_what_is_no_manifest_is_refused(self):
        self.manifest(TEXT)
        words = ["run", "work.rbk", "--manifest", "work.json", "--word", "x", "--file", self.file]
        summary = next(line for line in map(json.loads, (self.folder / "work.json").read_text().splitlines()) if "runbook" in line)
        for text, said in [
            ("{", "what begins in its line 1 is no JSON"),
            (f"{json.dumps(summary)}\n{json.dumps(summary)}", "it has the runbook work twice"),
            (json.dumps(summary | {"commands": [{"text": f"echo {n}"} for n in range(10_001)]}), "it has more than 10000 entries"),
            ("", "it says nothing of the runbook work"),
            (json.dumps({**summary, "runbook": "other"}), "it does of other"),
            (json.dumps({k: v for k, v in summary.items() if k != "queries"}), "its list `queries` is missing"),
            (json.dumps({**summary, "hosts": [3]}), "`hosts[0]` is no object"),
            (json.dumps({**summary, "people": [3]}), "`people[0]` is no text"),
            (json.dumps({**summary, "commands": [{"text": 3}]}), "`commands[0]`.text is no text"),
            (json.dumps({**summary, "cut_short": True}), "it is cut short"),
        ]:
            with self.subTest(text):
                self.write("work.json", text)
                done = self.rbk(*words, exit=rbk.USAGE)
                self.assertIn(said, done.err)
        (self.folder / "work.json").unlink()
        self.rbk(*words, exit=rbk.USAGE)
        self.assertEqual(self.lines(), [])

    def test_a_manifest_may_stand_on_several_lines(self):
        self.manifest(TEXT)
        lines = map(json.loads, (self.folder / "work.json").read_text().splitlines())
        self.write("work.json", "\n".join(json.dumps(line, indent=2) for line in lines))
        self.run_held("x")

    def test_a_redirect_does_not_lead_out(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                there = self.path == "/there"
                self.send_response(200 if there else 302)
                self.send_header("Content-Length", "0")
                if not there:
                    self.send_header("Location", f"http://{self.path[1:]}:{self.server.server_port}/there")
                self.end_headers()

            def log_message(self, *words):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        text = """runbook work(port: int, to: string) {
  step page = http.get("http://127.0.0.1:${port}/${to}")
}
"""
        self.manifest(text)
        words = ["run", "work.rbk", "--manifest", "work.json", "--port", server.server_port, "--json", "--to"]
        self.rbk(*words, "127.0.0.1")
        done = self.rbk(*words, "localhost", exit=rbk.FAILED)
        self.assertIn("its host lies outside of the manifest", rbk.ending(done)["error"]["message"])


if __name__ == "__main__":
    unittest.main()
