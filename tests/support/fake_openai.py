"""A small server of OpenAI's API that also misbehaves, as a request's path tells it to."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MIB = b"x" * 2**20


def event(piece=None, finish=None):
    """A piece of a reply as it goes over the line."""
    choice = {"index": 0, "delta": {"content": piece} if piece else {}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


class Handler(BaseHTTPRequestHandler):
    """The first part of the path says how the reply goes wrong."""

    server: Server

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.route("GET")

    def do_POST(self):
        self.route("POST")

    def route(self, method):
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        _, way, _, *rest = self.path.split("/")
        self.server.requests.append((method, "/".join(rest), dict(self.headers), body))
        answer = getattr(self, f"models_{way}", self.models) if rest == ["models"] else getattr(self, way)
        try:
            answer()
        except (BrokenPipeError, ConnectionResetError):
            self.server.left.set()

    def begin(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def write(self, data):
        self.wfile.write(data)
        self.wfile.flush()

    def models(self):
        self.begin()
        self.write(json.dumps({"data": [{"id": "served"}, {"id": "other"}]}).encode())

    def models_bare(self):
        self.begin()
        self.write(b'{"data": []}')

    def models_locked(self):
        self.begin(401)

    def models_odd(self):
        self.begin()
        self.write(b"<html>")

    def models_silent(self):
        self.server.over.wait(30)

    def good(self):
        self.begin()
        self.write(b": a comment\n\n" + event("Well") + event(" met") + event(finish="stop"))
        self.write(b"data: [DONE]\n\n")

    def crlf(self):
        self.begin()
        self.write((event("Well") + event(" met", "stop")).replace(b"\n", b"\r\n"))

    def slices(self):
        self.begin()
        for byte in event("Привет") + event(finish="stop"):
            self.write(bytes([byte]))

    def long(self):
        self.begin()
        self.write(event("No end") + event(finish="length"))

    def forever(self):
        self.begin()
        while True:
            self.write(event("more "))

    def text(self):
        self.begin()
        self.write(b'data: {"choices": [{"text": " Paris", "finish_reason": "stop"}]}\n\n')

    def broken(self):
        self.begin(500)
        self.write(b"a secret trace")

    def garbage(self):
        self.begin()
        self.write(b"data: {not json\n\n")

    def array(self):
        self.begin()
        self.write(b"data: [1, 2]\n\n")

    def shapeless(self):
        self.begin()
        self.write(b'data: {"choices": [3]}\n\n')

    def choiceless(self):
        self.begin()
        self.write(b'data: {"id": 1}\n\n')

    def failing(self):
        self.begin()
        self.write(event("Well") + b'data: {"error": {"message": "a secret"}}\n\n')

    def empty(self):
        self.begin()
        self.write(b"data: [DONE]\n\n")

    def huge(self):
        self.begin()
        while True:
            self.write(b": " + MIB + b"\n")

    def endless_line(self):
        self.begin()
        while True:
            self.write(MIB)

    def silent(self):
        self.begin()
        self.write(event("Well"))
        self.server.over.wait(30)

    def dripping(self):
        self.begin()
        while not self.server.over.wait(0.02):
            self.write(b": still here\n")

    def hanging(self):
        self.begin(Content_Length="1000")
        self.write(event("Well"))

    def moved(self):
        self.begin(307, Location=f"http://127.0.0.1:{self.server.server_port}/good/v1/chat/completions")


class Server(ThreadingHTTPServer):
    """Listens on a free port; keeps what was asked of it and notices who left."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.over = threading.Event()
        self.left = threading.Event()
