#!/usr/bin/env python3
"""A server for the tests of http: test_server.py [CERTIFICATE KEY]. Prints its port, then serves until its standard
input ends. What a path does is in `answer`; POST /count/NAME counts, GET /count/NAME tells."""
import gzip
import http.server
import json
import ssl
import sys
import threading
import time

counts = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        path, _, query = self.path.partition("?")
        word, _, rest = path[1:].partition("/")
        if word == "echo":
            headers = [[k.lower(), v] for k, v in self.headers.items()]
            text = json.dumps({"method": self.command, "path": self.path, "headers": headers, "body": body})
            self.reply(200, text.encode(), Content_Type="application/json")
        elif word == "status":
            self.reply(int(rest), b"the body\nof " + rest.encode(), X_Twice="a")
        elif word == "redirect":  # redirect/STATUS/N, or ?to=URL
            status, _, left = rest.partition("/")
            to = query[3:] if query.startswith("to=") else f"/redirect/{status}/{int(left) - 1}" if int(left) else "/echo"
            self.reply(int(status), Location=to)
        elif word == "slow":
            time.sleep(float(rest))
            self.reply(200, b"late")
        elif word == "drop":  # read the request, never answer
            self.close_connection = True
            self.connection.close()
        elif word == "cut":  # promise more than is sent
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            self.wfile.flush()
            self.close_connection = True
        elif word == "headless":  # an answer that ends in its headers
            self.wfile.write(b"HTTP/1.1 200 OK\r\nConte")
            self.wfile.flush()
            self.close_connection = True
        elif word == "large":
            self.reply(200, b"x" * int(rest))
        elif word == "bomb":
            self.reply(200, gzip.compress(b"\0" * int(rest)), Content_Encoding="gzip")
        elif word == "headers":
            self.send_response(200)
            self.send_header("X-Many", "one")
            self.send_header("X-Many", "two")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif word == "once":  # answers one request a connection, then closes it without a word
            self.reply(200, b"once")
            self.close_connection = True
        elif word == "count":
            if self.command != "GET":
                counts[rest] = counts.get(rest, 0) + 1
                if query == "drop":
                    self.close_connection = True
                    return
            self.reply(200, str(counts.get(rest, 0)).encode())
        else:
            self.reply(404, b"no such path")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_PURGE = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) == 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
