#!/usr/bin/env python3
"""Runbooks that speak to a real HTTP server: what it received, and what the run made of its answers."""
import http.server
import json
import threading
import time
import unittest

import rbk


class Server(http.server.BaseHTTPRequestHandler):
    """Answers as its `plan` says: path -> list of (status, headers, body), the last one again and again."""

    plan: dict = {}
    seen: list = []
    slow = 0.0

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        self.seen.append((self.command, self.path, dict(self.headers), body))
        answers = self.plan.get(self.path.split("?")[0], [(404, {}, "nothing here")])
        status, headers, text = answers.pop(0) if len(answers) > 1 else answers[0]
        if self.path.startswith("/slow"):
            time.sleep(self.slow)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = answer

    def log_message(self, *_):
        pass


class Http(rbk.Case):
    def setUp(self):
        super().setUp()
        Server.plan, Server.seen = {}, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.port = self.server.server_port

    def runs(self, text, *words, exit=rbk.SUCCEEDED):
        self.write("r.rbk", text)
        return rbk.ending(self.rbk("run", "r.rbk", "--port", self.port, "--json", *words, exit=exit))

    def test_json_both_ways(self):
        Server.plan = {"/hosts": [(200, {"Content-Type": "application/json"}, '{"hosts": [{"name": "a", "port": 80}]}')]}
        end = self.runs(
            """
record Host { name: string, port: int }
runbook r(port: int) -> list<Host> {
  let base: Url = "http://127.0.0.1:${port}"
  step made = http.post("${base}/hosts", json: json { name: "ä \\"q\\"", tags: [1, 2] }) rollback none "a test"
  step got = http.get("${base}/hosts", query: map { "zone": "a&b" })
  log.info("${made.status} ${got.headers["content-type"] ?? "-"}")
  return got.json.hosts as list<Host>
}
"""
        )
        self.assertEqual(end["output"], [{"name": "a", "port": 80}])
        (method, _, headers, body), (_, path, _, _) = Server.seen
        self.assertEqual((method, json.loads(body)), ("POST", {"name": 'ä "q"', "tags": [1, 2]}))
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertTrue(headers["Idempotency-Key"])
        self.assertEqual(path, "/hosts?zone=a%26b")

    def test_a_server_that_recovers_is_tried_again(self):
        Server.plan = {"/flaky": [(503, {}, "not yet"), (503, {}, "not yet"), (200, {}, "fine")]}
        end = self.runs(
            """
runbook r(port: int) -> string {
  step got = http.get("http://127.0.0.1:${port}/flaky") retry 5 times backoff 1ms..5ms on http.ServerError
  return got.body
}
"""
        )
        self.assertEqual(end["output"], "fine")
        self.assertEqual(len(Server.seen), 3)

    def test_the_kinds_of_errors(self):
        Server.plan = {
            "/500": [(500, {}, "broken")], "/404": [(404, {}, "gone")], "/302": [(302, {"Location": "/x"}, "")],
        }  # fmt: skip
        end = self.runs(
            """
fn kind(e: error) -> string {
  return match e {
    case http.ServerError { status, body } => "server ${status} ${body}"
    case http.ClientError { status } => "client ${status}"
    case http.StatusError { status } => "status ${status}"
    case http.ConnectionError { } => "connection"
    case _ => e.kind
  }
}
runbook r(port: int) -> list<string> {
  let kinds = parallel for path in ["500", "404", "302"] limit 1 {
    try {
      step got = http.get("http://127.0.0.1:${port}/${path}", redirects: 0)
      got.body
    } catch e {
      kind(e)
    }
  }
  let nobody = try {
    step got = http.get("http://127.0.0.1:1/")
    got.body
  } catch e {
    kind(e)
  }
  return kinds.append(nobody)
}
"""
        )
        self.assertEqual(end["output"], ["server 500 broken", "client 404", "status 302", "connection"])

    def test_a_timeout_ends_the_request(self):
        Server.plan, Server.slow = {"/slow": [(200, {}, "late")]}, 3.0
        began = time.monotonic()
        end = self.runs(
            'runbook r(port: int) {\n  step got = http.get("http://127.0.0.1:${port}/slow") timeout 200ms\n}\n', exit=rbk.FAILED
        )
        self.assertEqual(end["error"]["kind"], "Timeout")
        self.assertLess(time.monotonic() - began, 2.5)

    def test_what_is_put_into_a_url_stays_in_its_place(self):
        Server.plan = {}
        self.runs(
            """
runbook r(port: int, name: string) {
  step got = http.get("http://127.0.0.1:${port}/users/${name}/x?q=${name}", accept: 200..499)
}
""",
            "--name",
            "../admin?x=1&y#z\r\nHost: evil",
        )
        ((_, path, headers, _),) = Server.seen
        self.assertEqual(path, "/users/..%2Fadmin%3Fx%3D1%26y%23z%0D%0AHost%3A%20evil/x?q=..%2Fadmin%3Fx%3D1%26y%23z%0D%0AHost%3A%20evil")
        self.assertEqual(headers["Host"], f"127.0.0.1:{self.port}")

    def test_a_health_check_that_waits_until_it_is_up(self):
        Server.plan = {"/health": [(503, {}, "")] * 4 + [(200, {}, "ok")]}
        self.runs(
            """
runbook r(port: int) {
  repeat every 5ms at most 10s {
    step probe = http.get("http://127.0.0.1:${port}/health", accept: 100..599)
    until probe.status == 200
  }
}
"""
        )
        self.assertEqual(len(Server.seen), 5)

    def test_a_retryable_error_in_repeat_means_not_yet(self):
        Server.plan = {"/health": [(503, {}, "")] * 4 + [(200, {}, "ok")]}
        self.runs(
            """
runbook r(port: int) {
  repeat every 5ms at most 10s {
    step probe = http.get("http://127.0.0.1:${port}/health")
    until probe.status == 200
  }
}
"""
        )
        self.assertEqual(len(Server.seen), 5)

    def test_rollback_over_http(self):
        Server.plan = {"/drain": [(200, {}, "")], "/undrain": [(200, {}, "")]}
        end = self.runs(
            """
runbook r(port: int) {
  let base: Url = "http://127.0.0.1:${port}"
  step drain = http.post("${base}/drain") rollback { http.post("${base}/undrain") }
  fail "on purpose"
}
""",
            exit=rbk.FAILED,
        )
        self.assertTrue(end["rolled_back"])
        self.assertEqual([path for _, path, _, _ in Server.seen], ["/drain", "/undrain"])


if __name__ == "__main__":
    unittest.main()
