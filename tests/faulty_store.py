"""Stands between us and an object store, and does what networks and stores do on bad days. What it passes on is real."""

import http.client
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_XML = "<?xml version='1.0'?><Error><Code>{}</Code><Message>no</Message></Error>"
_REFUSALS = {"busy": (503, "SlowDown"), "broken": (500, "InternalError"), "full": (507, "XMinioStorageFull")}
_OF_THE_WAY = {"transfer-encoding", "connection", "content-length", "date", "server"}


class FaultyStore:
    """`asked` tells each request that came, `sent` how many bytes of bodies went back."""

    def __init__(self, behind: str) -> None:
        self.asked: list[str] = []
        self.sent = 0
        self._fault: str | None = None
        self._method, self._times, self._after = "", 0, 0
        self._lock = threading.Lock()
        self._behind = urlsplit(behind).netloc
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FaultyStore":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def fail(self, fault: str | None, *, method: str = "", times: int = 10**9, after: int = 0) -> None:
        """From the request on that follows `after` others of this method, so many times."""
        self._fault, self._method, self._times, self._after = fault, method, times, after

    def _now(self, method: str) -> str | None:
        with self._lock:
            if not self._fault or self._times == 0 or self._method not in ("", method):
                return None
            if self._after:
                self._after -= 1
                return None
            self._times -= 1
            return self._fault

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                store.asked.append(f"{self.command} {self.path}")
                store._serve(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _serve(self, at: BaseHTTPRequestHandler, body: bytes) -> None:
        fault = self._now(at.command)
        if fault in _REFUSALS:
            status, code = _REFUSALS[fault]
            return self._answer(at, status, {"Content-Type": "application/xml"}, _XML.format(code).encode())
        if fault == "closed":
            at.close_connection = True
            return None
        if fault == "hung":
            self._over.wait(20)
            at.close_connection = True
            return None
        if fault == "lost":
            return self._answer(at, 200, {"ETag": '"0"'}, b"")
        if fault == "kept half":
            body = body[: len(body) // 2]
        status, headers, found = self._passed_on(at, body)
        if fault == "slow":
            self._over.wait(3)
        if fault == "other mark":
            headers = {name: value for name, value in headers.items() if name.lower() != "etag"} | {"ETag": '"another"'}
            found = found.replace(b"<ETag>", b"<ETag>0")
        if fault == "half" and at.headers.get("Range"):
            found = found[: len(found) // 2]
        return self._answer(at, status, headers, found, fault)

    def _passed_on(self, at: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        there = http.client.HTTPConnection(self._behind, timeout=30)
        headers = {name: value for name, value in at.headers.items() if name.lower() not in ("content-length", "connection")}
        there.request(at.command, at.path, body, headers)
        answer = there.getresponse()
        found = answer.read()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _OF_THE_WAY}
        if at.command == "HEAD":
            kept["Content-Length"] = answer.getheader("Content-Length") or "0"
        there.close()
        return answer.status, kept, found

    def _answer(self, at: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes, fault: str | None = None) -> None:
        at.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            at.send_header(name, value)
        at.end_headers()
        if at.command == "HEAD":
            return
        with suppress(ConnectionError):  # whoever asked has had enough
            self._send(at, body, fault)

    def _send(self, at: BaseHTTPRequestHandler, body: bytes, fault: str | None) -> None:
        if fault == "cut":
            body, at.close_connection = body[: len(body) // 2], True
        self.sent += len(body)
        at.wfile.write(body)
