"""A server that takes messages of webhooks, on this machine: it keeps what comes, and answers as it is told."""

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook


@dataclass
class Message:
    """As it came, and when (monotonic)."""

    path: str
    headers: dict
    body: bytes
    at: float

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def said(self):
        return json.loads(self.body)

    def verified(self, secret):
        """What it says, by the official package, which raises where the signature is not good."""
        return Webhook(secret).verify(self.body, {name.lower(): value for name, value in self.headers.items()})


@dataclass
class Receiver:
    """`manner` is asked with each message for (status, headers, body), or does as it likes with the handler and answers None."""

    port: int
    manner: object = None
    got: list = field(default_factory=list)

    def url(self, path="/hook"):
        return f"http://127.0.0.1:{self.port}{path}"

    def wait(self, count, seconds=10.0):
        """Once so many came, and no later than that."""
        until = time.monotonic() + seconds
        while len(self.got) < count and time.monotonic() < until:
            time.sleep(0.005)
        assert len(self.got) >= count, f"{len(self.got)} of {count} messages came"
        return self.got


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, *_):
        """They may hang up on us."""


def good(_):
    return 200, {}, b""


@contextmanager
def receiving(manner=good, port=0):
    receiver = Receiver(port, manner)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            message = Message(self.path, dict(self.headers), body, time.monotonic())
            receiver.got.append(message)
            answer = receiver.manner(message) if receiver.manner.__code__.co_argcount == 1 else receiver.manner(message, self)
            if answer is not None:
                status, headers, text = answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(text)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = _Server(("127.0.0.1", port), Handler)
    receiver.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
