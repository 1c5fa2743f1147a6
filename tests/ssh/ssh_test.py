#!/usr/bin/env python3
"""Commands on other hosts: an sshd of the test's own on a port of this host, with keys that are made here."""
import getpass
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import unittest

import rbk

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")

ODD = "it's \"odd\" $HOME `id` $(id) \\n %s ! -rf ü 😀 {a,b} * ~ ;& |"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def running(word):
    """Processes with this word in their arguments."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if word.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                pass
    return found


class Ssh(rbk.Case):
    @classmethod
    def setUpClass(cls):
        assert SSHD, "sshd is missing: install openssh-server (packages.txt)"
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)

    def setUp(self):
        super().setUp()
        for name in ("host", "id"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True)
        key = (self.folder / "host.pub").read_text().split()
        self.port = free_port()
        self.write("known", f"[127.0.0.1]:{self.port} {key[0]} {key[1]}\n")
        self.write(
            "sshd_config",
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {self.folder}/id.pub\nStrictModes no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\n",
        )
        self.write("runbook.toml", '[ssh]\nconfig = "/dev/null"\nidentity = "id"\nknown_hosts = "known"\n')
        self.server = None
        self.serve()

    def serve(self):
        log = open(self.folder / "sshd.log", "wb")
        self.addCleanup(log.close)
        self.server = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", self.folder / "sshd_config"], stdin=subprocess.DEVNULL, stderr=log
        )
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)

        def listens():
            with socket.socket() as one:
                return one.connect_ex(("127.0.0.1", self.port)) == 0

        rbk.eventually("sshd listens", listens)

    def host(self):
        return f"{getpass.getuser()}@127.0.0.1:{self.port}"

    def runs(self, text, *words, exit=rbk.SUCCEEDED, **options):
        self.write("r.rbk", text)
        done = self.rbk("run", "r.rbk", "--host", self.host(), "--json", *words, exit=exit, **options)
        return rbk.ending(done)

    def test_output_status_and_input(self):
        end = self.runs(
            """
runbook r(host: string) -> list<string> {
  step a = shell("echo out; echo err >&2; cat; exit 3", on: host, stdin: "in\\n", accept: [3])
    rollback none "prints"
  step b = shell("pwd", on: host, cwd: "/usr") reads
  step c = shell("echo one; false; echo two", on: host) reads on failure continue
  return [a.stdout, a.stderr, "${a.exit_code}", b.stdout, c.error?.message ?? ""]
}
""",
            exit=rbk.PARTIAL,
        )
        self.assertEqual(end["output"][:4], ["out\nin\n", "err\n", "3", "/usr\n"])
        self.assertIn("status 1", end["output"][4])

    def test_nothing_is_reinterpreted(self):
        end = self.runs(
            r'''
runbook r(host: string, odd: string) -> list<string> {
  step a = shell("printf '<%s>' ${odd}; printf '<%s>' \"$ODD\"; cat", on: host, env: env { ODD: odd }, stdin: odd) reads
  step b = shell("""
    # 'a comment's quote
    x='two
    lines'; printf '%s|' "$x"
    cat <<'END'
    $x `id` \\n "
    END
    """, on: host) reads
  return [a.stdout, b.stdout]
}
''',
            "--odd",
            ODD + "\n-n\nrbk end\n'",
        )
        odd = ODD + "\n-n\nrbk end\n'"
        self.assertEqual(end["output"][0], f"<{odd}><{odd}>{odd}")
        self.assertEqual(end["output"][1], "two\nlines|$x `id` \\n \"\n")

    def test_secrets_are_in_no_arguments(self):
        end = self.runs(
            """
runbook r(host: string, token: secret) -> string {
  step a = shell("cat /proc/[0-9]*/cmdline | tr '\\\\0' '\\\\n' | grep -c \\"$(echo $T | cut -c 1-9)\\" || true; echo \\"$T\\" | rev", on: host, env: env { T: token }) reads
  return a.stdout
}
""",
            "--token",
            "@env:TOKEN",
            env={"TOKEN": "hunter2-hunter3"},
        )
        count, value = end["output"].split("\n")[:2]
        self.assertEqual(value, "3retnuh-2retnuh")
        self.assertLessEqual(int(count), 1)  # grep's own

    def test_what_cant_be_reached_had_no_effect(self):
        text = """
runbook r(host: string) -> string {
  step a = shell("touch ran", on: host, cwd: "/no/such") on failure continue rollback none "x"
  let e = a.error
  if e != null {
    return "${e.kind} ${e.retryable} ${e.message}"
  }
  return "ran"
}
"""
        self.assertIn("folder is not there", self.runs(text, exit=rbk.PARTIAL)["output"])
        port, self.port = self.port, free_port()
        said = self.runs(text, exit=rbk.PARTIAL)["output"]
        self.assertTrue(said.startswith("shell.Unreachable true"), said)
        self.assertIn("refused", said)
        self.port = port
        self.write("known", "")
        said = self.runs(text, exit=rbk.PARTIAL)["output"]
        self.assertTrue(said.startswith("shell.Unreachable false"), said)
        self.assertIn("Host key verification failed", said)

    def test_a_host_is_no_option(self):
        self.write("r.rbk", 'runbook r(host: string) {\n  step a = shell("date", on: host) reads\n}\n')
        self.write("p.json", '{"host": "-oProxyCommand=touch ran"}')
        done = self.rbk("run", "r.rbk", "--params", "p.json", exit=rbk.FAILED)
        self.assertIn("can't be a host", done.out + done.err)
        self.assertFalse((self.folder / "ran").exists())

    def test_a_timeout_ends_the_hosts_processes(self):
        mark = f"7{time.monotonic_ns()}"
        end = self.runs(
            f"""
runbook r(host: string) {{
  step a = shell("trap '' TERM; sleep {mark} & sleep {mark}", on: host, grace: 1s) reads timeout 6s
}}
""",
            exit=rbk.FAILED,
        )
        self.assertEqual(end["error"]["kind"], "Timeout")
        rbk.eventually("its processes are gone", lambda: not running(mark))

    def test_a_lost_connection_is_doubt_and_ends_the_hosts_processes(self):
        mark = f"7{time.monotonic_ns()}"
        self.write(
            "r.rbk",
            f"""
runbook r(host: string) {{
  step a = shell("echo up; exec sleep {mark}", on: host) on doubt fail rollback none "sleeps"
}}
""",
        )
        process = rbk.start(self.folder, "run", "r.rbk", "--host", self.host())
        self.addCleanup(process.kill)
        rbk.eventually("it runs", lambda: running(mark))
        for pid in running(f"-p\0{self.port}"):
            os.kill(pid, signal.SIGKILL)
        process.wait(30)
        self.assertEqual(process.returncode, rbk.FAILED)
        rbk.eventually("its processes are gone", lambda: not running(mark))
        run = self.rbk("runs", "--json").lines()[0]["run"]
        self.assertIn("not known", self.rbk("show", run, "--json").out)

    def test_settings_are_checked(self):
        self.write("r.rbk", 'runbook r(host: string) {\n  step a = shell("date", on: host) reads\n}\n')
        for text, word in (
            ("[ssh]\nidentiy = 'x'\n", "identity"),
            ("[ssh]\nuser = '-x'\n", "ssh.user"),
            ("[ssh.options]\nLocalCommand = 'x'\n", "LocalCommand"),
            ("[ssh.options]\nPort = 22\n", "Port"),
        ):
            self.write("runbook.toml", text)
            done = self.rbk("run", "r.rbk", "--host", "h", exit=None)
            self.assertEqual(done.code, rbk.USAGE, str(done))
            self.assertIn(word, done.err)


if __name__ == "__main__":
    unittest.main()
