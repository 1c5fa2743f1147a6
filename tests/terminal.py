"""Runs a program on a terminal of its own, and tells what a person would see there."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios

import rbk

ESCAPE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")


def run(folder, *words, columns=100, rows=40, term="xterm-256color", extra=None, act=None):
    """Everything a command writes to a terminal of this size, and its exit status. `act(process, written, master)` is called
    again and again while it runs."""
    master, slave = pty.openpty()
    os.set_inheritable(slave, True)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    env = rbk.environment(TERM=term, **(extra or {}))
    env.pop("NO_COLOR", None)
    env.update(extra or {})
    process = subprocess.Popen(
        [*map(str, words)], cwd=folder, stdin=slave, stdout=slave, stderr=slave, env=env, close_fds=True
    )
    os.close(slave)
    data = b""
    while True:
        if act:
            act(process, data.decode(errors="replace"), master)
        ready, _, _ = select.select([master], [], [], 0.1)
        if ready:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            data += piece
        elif process.poll() is not None:
            break
    os.close(master)
    return data.decode(errors="replace"), process.wait(30)


def screen(written):
    """The lines that stand on the screen at last, of a program that only goes up, clears and writes on."""
    lines, row = [""], 0
    at = 0
    column = 0
    while at < len(written):
        escape = ESCAPE.match(written, at)
        if escape:
            count, what = escape.groups()
            if what == "A":
                row = max(0, row - int(count or 1))
            elif what == "K":
                lines[row] = lines[row][:column]
            elif what == "J":
                lines[row] = lines[row][:column]
                del lines[row + 1 :]
            at = escape.end()
            continue
        letter = written[at]
        at += 1
        if letter == "\r":
            column = 0
        elif letter == "\n":
            row, column = row + 1, 0
            if row == len(lines):
                lines.append("")
        else:
            lines[row] = lines[row][:column].ljust(column) + letter + lines[row][column + 1 :]
            column += 1
    return "\n".join(line.rstrip() for line in lines)
