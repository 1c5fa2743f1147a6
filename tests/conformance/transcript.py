"""Turns what rbk printed into the lines of a transcript (README.md)."""
import json


def lines_of(text):
    """Split at newlines only: what a runbook says may hold other separators."""
    return text.split("\n")[:-1] if text.endswith("\n") else text.split("\n") if text else []


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def of_error(error):
    """`KIND: MESSAGE` of an error in rbk's JSON."""
    if isinstance(error, str):
        return error
    return f"{error.get('kind', '?')}: {error.get('message', '')}"


def _step_line(event):
    path = event["path"]
    match event["event"]:
        case "step_began":
            title = event.get("title")
            return f'began {path} "{title}"' if title else f"began {path}"
        case "step_ended":
            more = ""
            if "error" in event:
                more = " " + of_error(event["error"])
            elif "output" in event:
                more = " " + compact(event["output"])
            return f"ended {path} {event['status']}{more}"
        case "attempt_failed":
            return f"retry {path} {event['attempt']} {of_error(event['error'])}"
        case "undo_began":
            return f"undo {path}"
        case "undo_ended":
            return f"undone {path}" + (f" failed {of_error(event['error'])}" if "error" in event else "")
    return None


def _said_line(event):
    match event["event"]:
        case "log":
            return f"log {event['level']} {event['text']}"
        case "note":
            return f"note {event['text']}"
        case "label":
            return f"label {event['key']}={event['value']}"
        case "progress":
            return f"progress {event['done']}/{event['total']}"
        case "committed":
            return f"committed {event['text']}"
        case "approval" | "question":
            return f'waits {event["event"]} {event["name"]} "{event["question"]}"'
        case "awaits_signal":
            return f"waits signal {event['name']}"
        case "failure":
            return f"waits failure {event['path']}"
        case "queued" | "locked" | "unlocked":
            return f"{event['event']} {event['kind']} {event['lock']}"
        case "signalled":
            return f"signal {event['name']} {event['by']}"
        case "run_started":
            return f"{'detaches' if event['detached'] else 'starts'} {event['path']} {event['runbook']}"
        case "run_ended":
            return f"ends {event['path']} {event['status']}"
        case "in_doubt":
            return f"waits doubt {event['path']}"
    return None


STEPS = {"step_began", "step_ended", "attempt_failed", "undo_began", "undo_ended"}
USUAL = {0: "succeeded", 1: "failed", 4: "partial", 5: "rollback_failed", 75: "waiting", 76: "in_doubt", 130: "cancelled"}


def of_test(event):
    if event["passed"]:
        return [f"passed {event['title']}"]
    said = [f"  {line}" for line in event["message"].split("\n")]
    return [f"failed {event['title']} at {event['failed_line']}"] + said


def of_explored(event):
    ends = ", ".join(f"{count} {status}" for status, count in event["ends"].items())
    lines = [f"explored {event['runbook']} from {event['test']}: {event['paths']} paths ({ends})"]
    for broken in event["broken"]:
        lines += [f"broken on {broken['paths']} paths: {broken['message']}"]
        lines += [f"  goes wrong: {fault}" for fault in broken["faults"]]
        lines += [f"  {line}" for line in lines_of(broken["test"])]
    return lines


def _whose(event, run):
    """`-1 ` for a line of the first run that this one began."""
    of = event.get("run") or ""
    return of.removeprefix(run) + " " if run and of.startswith(run + "-") else ""


def of_events(done, quiet, first=None):
    """The transcript of a call with --json, and the run's id. `first`: the first run of the case."""
    lines, run, ended, root = [], None, False, first
    for text in lines_of(done.out):
        try:
            event = json.loads(text)
        except json.JSONDecodeError:
            lines.append(f"stdout {text}")
            continue
        kind = event.get("event")
        if kind == "run":
            root = run = event["run"]
        elif kind in STEPS:
            if not quiet:
                lines.append(_whose(event, root) + _step_line(event))
        elif kind == "end":
            ended = True
            for wait in event.get("waits", []):
                line = f'waits {wait["kind"]} {wait["name"]}'
                if wait["kind"] not in ("signal", "failure"):
                    line += f' "{wait["question"]}"'
                line = _whose(wait, root) + line
                if wait["kind"] != "doubt" and line not in lines:
                    lines.append(line)
            if "error" in event:
                lines.append(f"error {of_error(event['error'])}")
            if event["status"] != USUAL.get(done.code):
                lines.append(f"status {event['status']}")
            if event.get("output") is not None:
                lines.append(f"output {compact(event['output'])}")
        elif kind == "test":
            lines += of_test(event)
        elif kind == "explored":
            lines += of_explored(event)
        elif kind == "not_explored":
            lines.append(event["message"])
        elif kind == "tests":
            ended = True
        elif line := _said_line(event) if kind else None:
            lines.append(_whose(event, root) + line)
    if not ended or done.code in (2, 3, 75):
        for text in lines_of(done.err):
            try:
                error = json.loads(text)
                said = lines_of(error["error"]) + ([f"help: {error['cure']}"] if error.get("cure") else [])
                lines += [f"stderr {line}" for line in said]
            except (json.JSONDecodeError, KeyError, TypeError):
                lines.append(f"stderr {text}")
    return [line.rstrip() for line in lines] + [f"exit {done.code}"], run


def matches(expected, found):
    """`…` in the expected line stands for any text."""
    parts = expected.split("…")
    if len(parts) == 1:
        return expected == found
    if not found.startswith(parts[0]) or not found.endswith(parts[-1]):
        return False
    at = len(parts[0])
    for part in parts[1:-1]:
        at = found.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return at <= len(found) - len(parts[-1])


def same(expected, found, in_any_order):
    if len(expected) != len(found):
        return False
    if in_any_order:
        left = list(found)
        for line in sorted(expected, key=lambda text: "…" in text):
            hit = next((i for i, other in enumerate(left) if matches(line, other)), None)
            if hit is None:
                return False
            del left[hit]
        return True
    return all(matches(e, f) for e, f in zip(expected, found))


def keep_wildcards(expected, found):
    """The found lines, but those that an expected one with `…` fits stay as they were written."""
    patterns = [line for line in expected or [] if "…" in line]
    result = []
    for line in found:
        hit = next((p for p in patterns if matches(p, line)), None)
        if hit:
            patterns.remove(hit)
        result.append(hit or line)
    return result
