#!/usr/bin/env python3
"""A PostgreSQL server of a test's own: in a folder of its own, on a Unix socket alone, gone with whoever started it.

  postgres_server.py start FILE   starts one and writes its store URL into FILE; it ends when the caller's process does
  postgres_server.py stop FILE    ends that one

A server refuses to run as root: then it runs as the user `postgres`, which Debian's package makes. No cluster of the system's
is touched or needed. Flushing to disk is off for `start` (tests that need it start their own): nothing that a process's death
could show depends on it. RBK_TEST_POSTGRES_DURABLE turns it on, for measuring.
"""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time


def programs():
    """The folder of the newest server that is installed."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    if initdb is None:
        raise SystemExit("no PostgreSQL server is installed: apt install postgresql")
    return pathlib.Path(initdb).parent


class Server:
    """Runs from its making to `stop`."""

    def __init__(self, *, fsync=True, auth="trust", settings=None, copy_of=None):
        self.bin = programs()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rbk-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.folder.chmod(0o755)
        try:
            if copy_of is None:
                words = ["-A", auth, "-U", "postgres", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8"]
                self.as_owner(self.bin / "initdb", "-D", self.data, *words)
            else:
                self.as_owner(self.bin / "pg_basebackup", "-D", self.data, "-h", copy_of.folder, "-U", "postgres", "-R", "-c", "fast")
            self.settings = {
                "listen_addresses": "", "unix_socket_directories": str(self.folder), "max_connections": "200",
                "shared_buffers": "32MB", "fsync": "on" if fsync else "off", "wal_level": "replica", **(settings or {}),
            }  # fmt: skip
            self.start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def as_owner(self, *words, check=True):
        who = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        done = subprocess.run(
            [str(word) for word in words], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", check=False, timeout=120, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, **who,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise RuntimeError(f"{words[0]} failed:\n{done.stdout}\n{self.log()}")
        return done.stdout

    def log(self):
        try:
            return (self.folder / "log").read_text(errors="replace")
        except OSError:
            return ""

    def pg_ctl(self, *words, check=True):
        return self.as_owner(self.bin / "pg_ctl", "-D", self.data, "-w", "-s", "-l", self.folder / "log", *words, check=check)

    def start(self):
        options = " ".join(f"-c {name}='{value}'" for name, value in self.settings.items())
        self.pg_ctl("-o", options, "start")

    def halt(self, mode="immediate"):
        self.pg_ctl("-m", mode, "stop", check=False)

    def restart(self, mode="immediate"):
        self.halt(mode)
        self.start()

    def signal(self, number):
        """To the server and to all of its processes."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        of = {int(path.name): path for path in pathlib.Path("/proc").iterdir() if path.name.isdigit()}
        for process, path in of.items():
            try:
                parent = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue  # it has just ended
            if first in (process, parent):
                os.kill(process, number)

    def stop(self):
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database="postgres", user="postgres", **parameters):
        more = "".join(f"&{name}={value}" for name, value in parameters.items())
        return f"postgresql:///{database}?host={self.folder}&user={user}{more}"

    def sql(self, text, database="postgres"):
        """What a statement gives, as text: a row a line, `|` between columns."""
        words = ["-h", self.folder, "-U", "postgres", "-d", database, "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-c", text]
        return self.as_owner(self.bin / "psql", *words).strip()


def watch(server, caller, file):
    """Until the caller is gone, or FILE is."""
    while file.exists() and pathlib.Path(f"/proc/{caller}").exists():
        time.sleep(0.5)
    server.stop()
    file.unlink(missing_ok=True)


def start(file):
    stop(file)
    caller = os.getppid()
    server = Server(fsync=bool(os.environ.get("RBK_TEST_POSTGRES_DURABLE")))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(server.url(durability="best_effort"))
    if os.fork() > 0:
        return
    os.setsid()
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    watch(server, caller, file)
    os._exit(0)


def stop(file):
    if not file.exists():
        return
    folder = pathlib.Path(file.read_text().split("host=")[1].split("&")[0])
    file.unlink()
    for _ in range(1000):  # thousands of files
        if not folder.exists():
            return
        time.sleep(0.1)
    raise SystemExit(f"the server in {folder} does not end")


if __name__ == "__main__":
    {"start": start, "stop": stop}[sys.argv[1]](pathlib.Path(sys.argv[2]))
