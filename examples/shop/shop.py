#!/usr/bin/env python3
"""The shop of docs/tutorial: a small service that went bad with its last release. Called as `shop.py FOLDER`.

FOLDER holds `port`, `current` (a link to the release that is live), `orders/new`, `orders/taken` and `orders/done`. What
differs between releases stands in `current/release.json`. The shop ends when its folder is gone.

    GET  /                        the page that customers see; 503 while there is a file `maintenance`
    GET  /health                  200 if all is well, else 503; in both cases as JSON
    POST /vouchers?ticket=OPS-1   a voucher for each order that was stuck; doing it twice gives two
    GET  /vouchers?ticket=OPS-1   how many were given for that ticket
"""
import http.server
import json
import os
import pathlib
import sys
import threading
import time
import urllib.parse

folder = pathlib.Path(sys.argv[1])
release = (folder / "current").resolve()
settings = json.loads((release / "release.json").read_text())
started = time.monotonic()


def orders(state):
    return sorted((folder / "orders" / state).iterdir())


def work():
    """Takes orders and works them off. Release 1.5 never gets further than taking them."""
    try:
        while True:
            for order in orders("new"):
                taken = order.rename(folder / "orders/taken" / order.name)
                if not settings.get("stuck"):
                    taken.rename(folder / "orders/done" / order.name)
            time.sleep(0.05)
    except FileNotFoundError:  # the folder is gone
        os._exit(0)


def health():
    warm = time.monotonic() - started >= settings.get("warm_up", 0)
    stuck = len(orders("taken")) if settings.get("stuck") else 0
    return {"ok": warm and not stuck, "release": release.name, "warm": warm, "stuck": stuck}


def vouchers(ticket):
    file = folder / "vouchers"
    lines = file.read_text().splitlines() if file.exists() else []
    return [line for line in lines if line.startswith(f"{ticket} ")]


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, value):
        body = (json.dumps(value) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def ticket(self):
        return urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("ticket", ["none"])[0]

    def do_GET(self):
        if self.path == "/health":
            state = health()
            self.answer(200 if state["ok"] else 503, state)
        elif self.path.startswith("/vouchers"):
            self.answer(200, {"given": len(vouchers(self.ticket()))})
        elif (folder / "maintenance").exists():
            self.answer(503, "back in a minute")
        else:
            self.answer(200, "welcome")

    def do_POST(self):
        if not self.path.startswith("/vouchers"):
            return self.answer(404, "no such page")
        if (folder / "mail_is_busy").exists():  # just once
            (folder / "mail_is_busy").unlink()
            return self.answer(503, "the mail server is busy, no voucher was given")
        given = [order.name for order in orders("taken")]
        with (folder / "vouchers").open("a") as file:
            file.writelines(f"{self.ticket()} {name}\n" for name in given)
        if (folder / "mail_is_slow").exists():  # the vouchers are out, only the answer takes its time
            time.sleep(3)
        self.answer(200, {"given": len(given)})

    def log_message(self, form, *words):
        print(time.strftime("%H:%M:%S"), form % words, flush=True)


print(f"release {release.name}", flush=True)
for name in settings.get("needs", []):
    if not (folder / name).exists():
        sys.exit(f"release {release.name} needs {name}, which is not there")
threading.Thread(target=work, daemon=True).start()
port = int((folder / "port").read_text())
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
