#!/usr/bin/env python3
"""Secrets from a variable, a file or a name: read anew for each attempt, and nowhere to be found afterwards."""
import base64
import http.server
import json
import os
import pathlib
import threading
import unittest
import urllib.parse

import rbk

SECRET = "p@ss/wörd 'of' \"the\" day+1"
EVERYWHERE = r"""
record Login { user: string, password: secret }
action plugin(login: Login) -> json writes = exec "plugins/plugin"

runbook main(token: secret) {
  step made = shell("./show", env: env { TOKEN: token }) rollback { shell("./show; echo undone", env: env { TOKEN: token }) }
  step own = plugin(Login { user: "ann", password: token }) rollback none "a test"
  log.info("got ${own} and ${made.stderr}")
  step held = shell("./show; touch ready; while [ ! -e go ]; do sleep 0.02; done", env: env { TOKEN: token }) reads
  run.label("made", made.stdout)
  step bad = shell("./show; exit 7", env: env { TOKEN: token }) rollback none "a test"
}
"""
SHOW = r"""#!/usr/bin/env python3
import base64, json, os, shlex, sys, time, urllib.parse
token = os.environ["TOKEN"]
for before in ("", "u", "us", "use"):
    text = (before + token).encode()
    print(base64.b64encode(text).decode(), base64.urlsafe_b64encode(text).decode(), text.hex())
print(urllib.parse.quote(token), urllib.parse.quote_plus(token), urllib.parse.quote(token, safe=""))
print(json.dumps({"token": token}), json.dumps({"token": token}, ensure_ascii=False), shlex.quote(token))
for half in (token[:9], token[9:] + "\n"):
    sys.stderr.write(half)
    sys.stderr.flush()
    time.sleep(0.01)
"""
PLUGIN = r"""#!/usr/bin/env python3
import json, sys
request = json.load(sys.stdin)
token = request["arguments"]["login"]["password"]
print("with", token, file=sys.stderr)
print(json.dumps({"ok": {"token": token, token: "as a key", "twice": [token + token]}}))
"""


def forms(secret):
    """What may be found of it: itself, and encoded, without the digits at either end that other text decides."""
    found = [secret, json.dumps(secret)[1:-1], urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret)]
    found += [secret.encode().hex(), secret.encode().hex().upper()]
    for before in range(3):
        digits = base64.b64encode(b"." * before + secret.encode()).decode()[before + 1 if before else 0 : -4]
        found += [digits, digits.replace("+", "-").replace("/", "_")]
    return [form.encode() for form in found]


def reachable():
    """The words of all processes."""
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                yield folder.name, (folder / "cmdline").read_bytes()
            except OSError:
                pass


class Secrets(rbk.Case):
    def assert_nowhere(self, secret=SECRET):
        for path in (self.folder / ".runbook").rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                for form in forms(secret):
                    self.assertNotIn(form, content, path)
        for pid, words in reachable():
            self.assertNotIn(secret.encode(), words, pid)

    def assert_not_told(self, *texts, secret=SECRET):
        for text in texts:
            for form in forms(secret):
                self.assertNotIn(form, text.encode())

    def told(self, run):
        """All that rbk says of a run afterwards."""
        for words in (["show", run], ["logs", run], ["runs"], ["inbox"]):
            for json_too in ([], ["--json"]):
                done = self.rbk(*words, *json_too, exit=None)
                yield done.out + done.err

    def program(self, name, text):
        self.write(name, text).chmod(0o755)

    def secret(self, name, text):
        path = self.write(name, text)
        path.chmod(0o600)
        return path

    def test_nothing_keeps_or_tells_it(self):
        self.write("main.rbk", EVERYWHERE)
        self.program("show", SHOW)
        self.program("plugins/plugin", PLUGIN)
        process = rbk.start(self.folder, "run", "main.rbk", "--token", "@env:TOKEN", "--json",
                            env={"TOKEN": SECRET}, stdout=rbk.subprocess.PIPE, stderr=rbk.subprocess.PIPE)
        rbk.eventually("the step that waits", (self.folder / "ready").exists)
        self.assert_nowhere()
        self.write("go", "")
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, rbk.FAILED, err)
        self.assert_nowhere()
        self.assert_not_told(out.decode(), err.decode())
        run = json.loads(out.splitlines()[0])["run"]
        told = list(self.told(run))
        self.assert_not_told(*told)
        # It was there, and was masked.
        self.assertIn("undone", told[2])
        self.assertGreater(told[2].count("***"), 40)
        step = next(one for one in rbk.steps(self.rbk("show", run, "--json")) if one["path"] == "own")
        self.assertEqual(step["output"], {"token": "***", "***": "as a key", "twice": ["***"]})

    def test_it_is_read_anew_for_each_attempt(self):
        self.write("main.rbk", r"""
            runbook main(token: secret) {
              step a = shell("./try", env: env { TOKEN: token }) reads retry 3 times backoff 1ms..2ms
            }
            """)
        self.program("try", """#!/bin/sh
            echo "$TOKEN" | rev >> tried
            echo "the ${TOKEN#the } one" > token.txt.new && chmod 600 token.txt.new && mv token.txt.new token.txt
            test "$TOKEN" != first-one
            """)
        self.secret("token.txt", "first-one\n")
        self.rbk("run", "main.rbk", "--token", "@file:token.txt")
        self.assertEqual((self.folder / "tried").read_text(), "eno-tsrif\neno eno-tsrif eht\n")
        self.assert_nowhere("first-one")

    def test_a_rotated_one_works_after_a_crash_and_in_a_rollback(self):
        self.write("runbook.toml", '[secrets]\ntoken = "file:conf/token"\n')
        self.write("main.rbk", r"""
            runbook main() {
              step a = shell("echo \"a $TOKEN\" | rev >> used", env: env { TOKEN: secrets.token })
                rollback { shell("echo \"undo $TOKEN\" | rev >> used", env: env { TOKEN: secrets.token }) }
              step held = shell("touch ready; while [ ! -e go ]; do sleep 0.02; done") reads
              step b = shell("echo \"b $TOKEN\" | rev >> used; echo $TOKEN old-value", env: env { TOKEN: secrets.token }) rollback none "a test"
            }
            """)
        used = self.folder / "used"
        self.secret("conf/token", "old-value")
        process = rbk.start(self.folder, "run", "main.rbk")
        rbk.eventually("the step that waits", (self.folder / "ready").exists)
        process.kill()
        process.wait()
        self.secret("conf/token", "new-value")
        self.write("go", "")
        self.rbk("resume")
        self.assertEqual(used.read_text(), "eulav-dlo a\neulav-wen b\n")
        run = self.rbk("runs", "--json").lines()[0]["run"]
        self.secret("conf/token", "newest-value\n")
        self.rbk("rollback", run)
        self.assertEqual(used.read_text(), "eulav-dlo a\neulav-wen b\neulav-tsewen odnu\n")
        self.assert_nowhere("new-value")
        self.assert_nowhere("newest-value")

    def test_without_it_a_run_waits_and_goes_on(self):
        self.write("main.rbk", r"""
            runbook main(token: secret) {
              step a = shell("echo a >> done; mv token.txt kept") rollback { shell("echo undo >> done") }
              step b = shell("echo b >> done; test -n \"$TOKEN\"", env: env { TOKEN: token })
                rollback { shell("echo undo b", env: env { TOKEN: token }) }
            }
            """)
        token = self.secret("token.txt", "a-token")
        held = self.rbk("run", "main.rbk", "--token", "@file:token.txt", exit=rbk.SUSPENDED)
        self.assertIn("the secret `file:token.txt` can't be read", held.err)
        self.assertIn("rbk resume", held.out + held.err)
        self.assertEqual((self.folder / "done").read_text(), "a\n")
        self.assertIn("token.txt", self.rbk("resume", exit=rbk.SUSPENDED).err)
        (self.folder / "kept").rename(token)
        self.rbk("resume")
        self.assertEqual((self.folder / "done").read_text(), "a\nb\n")
        # One that nobody brings back: it is given up.
        again = self.rbk("run", "main.rbk", "--token", "@file:token.txt", "--json", exit=rbk.SUSPENDED)
        self.rbk("cancel", rbk.run_id(again), "--rollback", "--now", exit=None)
        self.rbk("resume", exit=None)
        shown = self.rbk("show", rbk.run_id(again), exit=None)
        self.assertIn("cancelled", shown.out)
        self.assertEqual((self.folder / "done").read_text(), "a\nb\na\nundo\n")

    def test_files_that_others_reach(self):
        self.write("main.rbk", 'runbook main(token: secret) {\n  step a = shell("true", env: env { T: token }) reads\n}\n')
        token = self.secret("token.txt", "a-token")
        self.assertEqual(self.rbk("run", "main.rbk", "--token=@file:token.txt").err, "")
        token.chmod(0o644)
        self.assertIn(f"chmod 600 {token}", self.rbk("run", "main.rbk", "--token=@file:token.txt").err)
        token.chmod(0o602)
        refused = self.rbk("run", "main.rbk", "--token=@file:token.txt", exit=rbk.REFUSED)
        self.assertIn("everybody may write", refused.err)
        os.mkfifo(self.folder / "pipe", 0o600)
        refused = self.rbk("run", "main.rbk", "--token=@file:pipe", exit=rbk.REFUSED)
        self.assertIn("no plain file", refused.err)
        self.secret("token.txt", "x" * 20000)
        self.assertIn("16KiB", self.rbk("run", "main.rbk", "--token=@file:token.txt", exit=rbk.REFUSED).err)
        token.write_bytes(b"\xff\xfe\xfd\xfc")
        self.assertIn("no text", self.rbk("run", "main.rbk", "--token=@file:token.txt", exit=rbk.REFUSED).err)

    def test_what_is_refused_leaves_nothing(self):
        self.write("main.rbk", 'runbook main(token: secret) {\n  step a = shell("true", env: env { T: token }) reads\n}\n')
        refused = self.rbk("run", "main.rbk", "--token", "hunter2", exit=rbk.REFUSED)
        self.assertNotIn("hunter2", refused.out + refused.err)
        self.rbk("run", "main.rbk", "--token", "@env:NOBODY", exit=rbk.REFUSED)
        self.assertFalse((self.folder / ".runbook").exists())
        self.write("runbook.toml", '[secrets]\ntoken = "hunter2"\n')
        refused = self.rbk("run", "main.rbk", "--token", "@token", exit=rbk.USAGE)
        self.assertIn("runbook.toml:2: secrets.token does not say where it comes from", refused.err)
        self.assertNotIn("hunter2", refused.err)

    def test_http(self):
        class Echo(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                told = self.headers["Authorization"]
                self.send_response(200 if self.path == "/ok" else 403)
                self.send_header("X-Seen", told)
                self.end_headers()
                pad = "" if self.path == "/ok" else "." * 169
                self.wfile.write(json.dumps({"pad": pad, "seen": told, "basic": self.headers["X-Basic"]}).encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        self.write("main.rbk", """
            runbook main(url: string, token: secret) {
              step a = http.get("http://${url}/ok", bearer: token, headers: env { X-Basic: token })
              log.info("${a.json.seen} ${a.headers["x-seen"] ?? "none"} ${a.body}")
              step b = http.get("http://${url}/no", bearer: token)
            }
            """.replace("X-Basic:", '"X-Basic":'))
        done = self.rbk("run", "main.rbk", "--token=@env:TOKEN", "--url", f"127.0.0.1:{server.server_port}",
                        "--json", env={"TOKEN": "tok-12345"}, exit=rbk.FAILED)
        self.assertIn('Bearer ***', done.out)
        self.assertIn("was answered with 403", done.out)
        self.assertNotIn("tok", done.out.replace("token", ""))  # not even where its message is cut
        self.assert_not_told(done.out, done.err, *self.told(rbk.run_id(done)), secret="tok-12345")
        self.assert_nowhere("tok-12345")


if __name__ == "__main__":
    unittest.main()
