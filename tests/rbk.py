"""Calls the built `rbk`, for the tests that cross layers.

The program is $RBK, or the one that `./dev test` builds. Each test works in a folder of its own, so that the store, which lies in
`.runbook/` of the current folder, is its own too.
"""
import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What came to the SQLite store with the formats since 3 (engine/sqlite/schema.cpp), taken away again.
AS_FORMAT_3 = """
alter table blob drop column plain_size; alter table log drop column plain_size;
drop index run_retries; drop index run_follows;
alter table run drop column retries; alter table run drop column retry_rule;
alter table run drop column stood; alter table engine drop column epoch; delete from meta where name = 'home';
drop index run_ready; drop index run_wake; drop index run_held; drop index run_schedule; drop index engine_works;
alter table run drop column placement; alter table engine drop column takes;
drop index run_parent; alter table run drop column parent; alter table run drop column link;
alter table run drop column parent_request; alter table run drop column parent_path;
alter table run drop column parent_under; alter table run drop column claims; alter table run drop column schedule;
alter table engine drop column works;
drop table schedule; drop table firing; drop table notice; drop table audit;
pragma user_version = 3;
"""
PROGRAM = os.environ.get("RBK") or str(ROOT / "build/release/bin/rbk")

SUCCEEDED, FAILED, USAGE, REFUSED, PARTIAL, ROLLBACK_FAILED = range(6)
SUSPENDED, IN_DOUBT, CANCELLED = 75, 76, 130


def environment(**more):
    """Ours, without what would lead rbk to another store or colour its output."""
    env = {k: v for k, v in os.environ.items() if k != "RBK_STORE"}
    env.update(NO_COLOR="1", TZ="UTC", LC_ALL="C.UTF-8")
    env.update({k: str(v) for k, v in more.items()})
    return env


@dataclasses.dataclass
class Done:
    """What one call of rbk left."""

    words: list
    code: int
    out: str
    err: str

    def lines(self):
        """The objects of a call with --json, one a line."""
        return [json.loads(line) for line in self.out.split("\n") if line.strip()]

    def __str__(self):
        return f"rbk {' '.join(self.words)}\nexit {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


def call(folder, *words, stdin="", env=None, timeout=300, program=None, umask=-1):
    """Runs rbk to its end. A hang is an error: TimeoutExpired."""
    words = [str(word) for word in words]
    done = subprocess.run(
        [program or PROGRAM, *words],
        cwd=folder,
        input=stdin,
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        umask=umask,
        check=False,
    )
    return Done(words, done.returncode, done.stdout, done.stderr)


def start(folder, *words, env=None, **options):
    """Starts rbk and leaves it running; its output is thrown away unless `stdout` says otherwise."""
    options.setdefault("stdout", subprocess.DEVNULL)
    options.setdefault("stderr", subprocess.DEVNULL)
    return subprocess.Popen(
        [PROGRAM, *map(str, words)], cwd=folder, stdin=subprocess.DEVNULL, env=environment(**(env or {})), **options
    )


def eventually(what, test, seconds=60.0):
    """Waits until `test()` is true; fails naming `what` after so many seconds."""
    end = time.monotonic() + seconds
    while not (value := test()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)
    return value


def alive(pid):
    """Whether a process with this number runs; one that has ended and was not waited for yet does not."""
    try:
        return bool(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def supervisors(folder):
    """The processes that own commands for the store in this folder."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"__supervise" in words and any(word.startswith(bytes(folder)) for word in words):
                found.append(int(entry.name))
    return found


def ending(done):
    """The last event of a call with --json: how the run stands."""
    return next(line for line in reversed(done.lines()) if line.get("event") == "end")


def run_id(done):
    """The id of the run that a call with --json began."""
    return next(line["run"] for line in done.lines() if line.get("event") == "run")


def steps(done):
    """The steps that `rbk show RUN --json` listed."""
    return [line for line in done.lines() if line.get("event") == "step"]


class Case(unittest.TestCase):
    """A test with a folder of its own, removed after it passed."""

    maxDiff = None

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="rbk-test-", ignore_cleanup_errors=True)
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def rbk(self, *words, exit=SUCCEEDED, **options):
        """Calls rbk and checks its exit status (None: any)."""
        done = call(options.pop("folder", self.folder), *words, **options)
        if exit is not None:
            self.assertEqual(done.code, exit, str(done))
        return done
