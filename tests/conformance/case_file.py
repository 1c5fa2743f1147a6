"""Reads a file of conformance cases, and writes new expectations into it. The format: README.md."""
import dataclasses
import pathlib
import re

CASE = re.compile(r"// --- (.+)$")
EXTRA = re.compile(r"// \+\+\+ (\S+)$")
CARET = re.compile(r"\s*//\s*(\^+) (RBK\d{4})(?: (.*))?$")
PLACED = re.compile(r"\s*//@ (\d+):(\d+) (RBK\d{4})(?: (.*))?$")
COMMAND = re.compile(r"//: (.*)$")
TRANSCRIPT = re.compile(r"//\| ?(.*)$")
LOGGED = re.compile(r"//= ?(.*)$")


@dataclasses.dataclass(frozen=True, order=True)
class Diagnostic:
    file: str
    line: int  # within its file, from 1
    column: int
    code: str
    message: str  # empty in an expectation: any
    severity: str = dataclasses.field(default="", compare=False)

    def __str__(self):
        return f"{self.file}:{self.line}:{self.column} {self.code} {self.message}"


@dataclasses.dataclass
class Command:
    """One `//:` line that calls something, with the modifiers before it."""

    words: str
    stdin: list = dataclasses.field(default_factory=list)
    env: dict = dataclasses.field(default_factory=dict)
    sorted: bool = False
    quiet: bool = False
    exit: int = 0  # where there is no transcript
    transcript: list = None
    at: int = 0  # the line in the whole file, from 0, after which a transcript belongs


@dataclasses.dataclass
class Case:
    path: pathlib.Path
    title: str
    first: int  # index of its first line in the whole file
    last: int  # one past its last line
    files: dict = dataclasses.field(default_factory=dict)  # name -> text
    starts: dict = dataclasses.field(default_factory=dict)  # name -> index of its first line
    diagnostics: list = dataclasses.field(default_factory=list)
    commands: list = dataclasses.field(default_factory=list)
    logged: list = dataclasses.field(default_factory=list)
    logged_at: list = dataclasses.field(default_factory=list)  # line index of each

    @property
    def name(self):
        return f"{self.path}: {self.title}" if self.title else str(self.path)

    def has_runbook(self):
        return re.search(r"^runbook ", self.files["case.rbk"], re.M) is not None


def _read_case(case, lines):
    """Fills in what the lines of the case hold."""
    name, body = "case.rbk", []
    case.starts[name] = case.first
    pending = Command("")
    command = None

    def close():
        kept = body
        if not name.endswith(".rbk"):  # there they are no comments
            kept = [line for line in body if not line.startswith(("//:", "//|"))]
        case.files[name] = "\n".join(kept) + "\n"

    code_line = 0
    for index in range(case.first, case.last):
        line = lines[index]
        if extra := EXTRA.match(line):
            close()
            name, body, code_line = extra.group(1), [], 0
            case.starts[name] = index + 1
            continue
        stripped = line.strip()
        if found := CARET.match(line):
            case.diagnostics.append(
                Diagnostic(name, code_line, line.index("^") + 1, found.group(2), found.group(3) or "")
            )
        elif found := PLACED.match(line):
            case.diagnostics.append(
                Diagnostic(name, int(found.group(1)), int(found.group(2)), found.group(3), found.group(4) or "")
            )
        elif found := COMMAND.match(stripped):
            words = found.group(1).strip()
            verb, _, rest = words.partition(" ")
            if verb == "stdin":
                pending.stdin.append(rest)
            elif verb == "env":
                key, _, value = rest.partition("=")
                pending.env[key] = value
            elif verb in ("sorted", "quiet"):
                setattr(pending, verb, True)
            elif verb == "exit":
                if command is None:
                    raise ValueError(f"{case.path}:{index + 1}: `exit` stands after a command")
                command.exit = int(rest)
            else:
                command, pending = pending, Command("")
                command.words = words
                command.at = index
                case.commands.append(command)
        elif found := TRANSCRIPT.match(stripped):
            if command is None:
                raise ValueError(f"{case.path}:{index + 1}: a transcript stands after a command")
            command.transcript = (command.transcript or []) + [found.group(1)]
        elif not stripped.startswith("//"):
            code_line = index - case.starts[name] + 1
            if found := LOGGED.search(line):
                case.logged.append(found.group(1))
                case.logged_at.append(index)
        body.append(line)
    close()
    if not case.commands and case.has_runbook():
        case.commands.append(Command("run", at=-1))


def read(path, shown):
    """The cases of one file; `shown` is its path as people should see it."""
    lines = path.read_text().split("\n")
    if lines[-1] == "":
        lines.pop()
    heads = [(i, CASE.match(line)) for i, line in enumerate(lines) if CASE.match(line)]
    borders = [(i + 1, match.group(1)) for i, match in heads] or [(0, "")]
    ends = [i for i, _ in heads[1:]] + [len(lines)]
    cases = []
    for (first, title), last in zip(borders, ends):
        case = Case(shown, title, first, last)
        _read_case(case, lines)
        cases.append(case)
    return cases


def _with_carets(case, lines, found):
    """The case's lines without old diagnostics and with the new ones: (new lines, old index -> new index)."""
    by_line = {}
    for item in found:
        by_line.setdefault(case.starts[item.file] + item.line - 1, []).append(item)
    kept, moved = [], {}
    for index in range(case.first, case.last):
        if CARET.match(lines[index]) or PLACED.match(lines[index]):
            continue
        moved[index] = len(kept)
        kept.append([lines[index]])
    # A diagnostic's line counts the annotation lines that are taken away now, so all is placed by the old index.
    for index, items in by_line.items():
        place = kept[moved[min(index, max(moved))]] if moved else None
        for item in sorted(items):
            message = f" {item.message}" if item.message else ""
            if item.column >= 3:
                indent = len(place[0]) - len(place[0].lstrip(" "))
                indent = indent if item.column - indent >= 3 else 0
                place.append(" " * indent + "//" + " " * (item.column - 3 - indent) + "^" + f" {item.code}{message}")
            else:
                place.append(f"//@ {item.line}:{item.column} {item.code}{message}")
    return kept, moved


def rewritten(case, lines, diagnostics, transcripts, logged):
    """The case's lines with what came out as its expectations.

    `transcripts` has one list of lines a command, or None to leave it as it is; `logged` is None to leave the `//=` comments.
    """
    fresh = list(lines)
    if logged is not None and len(logged) == len(case.logged_at):
        for index, text in zip(case.logged_at, logged):
            fresh[index] = LOGGED.sub(lambda _: f"//= {text}", fresh[index])
    same = set(d for d in diagnostics)
    kept, moved = _with_carets(case, fresh, sorted(same))
    for command, transcript in zip(case.commands, transcripts):
        if transcript is None:
            continue
        block = [f"//| {line}".rstrip() for line in transcript]
        if command.at < 0:
            kept.append(["//: run", *block])
        else:
            at = command.at + 1
            while at < case.last and TRANSCRIPT.match(fresh[at].strip()):
                kept[moved[at]][:1] = []
                at += 1
            kept[moved[command.at]].extend(block)
    return [line for group in kept for line in group]
