"""Asking a provider that is a real server on this machine, and one that means us harm."""

import json
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from adapters.outbound.http_oauth import LONGEST, HttpProviderDoor
from ports.oauth import NotAnswered, Question
from tests.certificates import certificate, curve_key, key_file


class Provider(BaseHTTPRequestHandler):
    seen: list

    def do_GET(self):
        self.seen.append((self.command, self.path, dict(self.headers)))
        getattr(self, self.path.strip("/").partition("?")[0])()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(json.dumps({"form": body.decode(), "type": self.headers["Content-Type"]}).encode())

    def answer(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def good(self):
        self.answer(b'{"issuer": "me"}')

    def away(self):
        self.answer(b"{}", 302, Location=f"http://127.0.0.1:{self.server.server_port}/good")

    def refused(self):
        self.answer(b'{"error": "invalid_grant"}', 400)

    def full(self):
        self.answer(b'"' + b"a" * (LONGEST - 2) + b'"')

    def long(self):
        self.answer(b'"' + b"a" * 10_000_000 + b'"')

    def packed(self):
        self.answer(b"{}", Content_Encoding="gzip")

    def words(self):
        self.answer(b"<html>")

    def deep(self):
        self.answer(b"[" * 200_000)

    def slow(self):
        """A whole answer at every moment at which it might be cut off."""
        self.answer(b"{}")
        self.drip(b" ")

    def slow_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.drip(b"X-A: b\r\n")

    def drip(self, piece):
        for _ in range(60):
            self.wfile.write(piece)
            time.sleep(0.1)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_):
        """We hang up on some of them: that is what is tested."""


@pytest.fixture(scope="module")
def provider():
    seen = []
    server = Server(("127.0.0.1", 0), type("Asked", (Provider,), {"seen": seen}))
    server.seen = seen
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def ask(provider, path, **options):
    return HttpProviderDoor(**{"loopback": True, "seconds": 5.0} | options).ask(
        Question(f"http://127.0.0.1:{provider.server_port}/{path}")
    )


def test_an_answer_is_read(provider):
    assert ask(provider, "good") == {"issuer": "me"}
    assert len(ask(provider, "full")) == LONGEST - 2
    told = provider.seen[0][2]
    assert told["Accept-Encoding"] == "identity"
    assert told["Host"] == f"127.0.0.1:{provider.server_port}"


def test_a_form_is_posted(provider):
    url = f"http://127.0.0.1:{provider.server_port}/token"
    answer = HttpProviderDoor(loopback=True).ask(Question(url, {"code": "a&b", "x": "ü"}))
    assert answer == {"form": "code=a%26b&x=%C3%BC", "type": "application/x-www-form-urlencoded"}


def test_no_proxy_of_the_environment_is_told(provider, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert ask(provider, "good") == {"issuer": "me"}


@pytest.mark.parametrize("path, reason", [
    ("refused", "400"), ("long", "more than"), ("packed", "packed"), ("words", "JSONDecodeError"), ("deep", "RecursionError"),
])  # fmt: skip
def test_what_cannot_be_used_is_no_answer(provider, path, reason):
    with pytest.raises(NotAnswered, match=reason):
        ask(provider, path)


def test_a_redirect_is_not_followed(provider):
    before = len(provider.seen)
    with pytest.raises(NotAnswered, match="302"):
        ask(provider, "away")
    assert [path for _, path, _ in provider.seen[before:]] == ["/away"]


@pytest.mark.parametrize("path", ["slow", "slow_headers"])
def test_dripping_bytes_do_not_hold_a_thread(provider, path):
    began = time.monotonic()
    with pytest.raises(NotAnswered):
        ask(provider, path, seconds=0.5)
    assert time.monotonic() - began < 3


def test_nothing_inside_is_connected_to(provider):
    before = len(provider.seen)
    url = f"https://id.example.org:{provider.server_port}/good"
    for inside in (["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::ffff:127.0.0.1"]):
        with pytest.raises(NotAnswered, match="not public"):
            HttpProviderDoor(resolve=lambda host, port, given=inside: given).ask(Question(url))
    with pytest.raises(NotAnswered):
        HttpProviderDoor().ask(Question(f"http://127.0.0.1:{provider.server_port}/good"))
    assert len(provider.seen) == before


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "017700000001", "localhost", "[::1]", "0"])
def test_other_spellings_of_this_machine_are_known(host):
    with pytest.raises(NotAnswered, match="not public"):
        HttpProviderDoor().ask(Question(f"https://{host}/x"))


def test_a_name_is_resolved_once(provider):
    asked = []

    def resolve(host, port):
        asked.append(host)
        return ["127.0.0.1"]

    url = f"http://rebound.example:{provider.server_port}/good"
    assert HttpProviderDoor(loopback=True, resolve=resolve).ask(Question(url)) == {"issuer": "me"}
    assert asked == ["rebound.example"]
    assert provider.seen[-1][2]["Host"] == f"rebound.example:{provider.server_port}"


@contextmanager
def mute():
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_says_nothing_is_left(scheme):
    began = time.monotonic()
    with mute() as port, pytest.raises(NotAnswered):
        HttpProviderDoor(loopback=True, seconds=0.5).ask(Question(f"{scheme}://127.0.0.1:{port}/"))
    assert time.monotonic() - began < 3


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory):
    """The same over TLS, by a certificate for `localhost`; and what trusts it."""
    folder, key = tmp_path_factory.mktemp("tls"), curve_key()
    chain, secret = certificate(folder / "chain.pem", key), key_file(folder / "key.pem", key)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(chain, secret)
    server = Server(("127.0.0.1", 0), type("Asked", (Provider,), {"seen": []}))
    server.socket = serving.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.server_port, ssl.create_default_context(cafile=str(chain))
    server.shutdown()
    server.server_close()


def test_the_certificate_is_for_the_name_and_not_for_the_address(over_tls):
    port, trusting = over_tls
    door = HttpProviderDoor(loopback=True, tls=trusting, resolve=lambda host, port: ["127.0.0.1"])
    assert door.ask(Question(f"https://localhost:{port}/good")) == {"issuer": "me"}
    with pytest.raises(NotAnswered, match="SSLCertVerificationError"):
        door.ask(Question(f"https://other.example:{port}/good"))


def test_a_certificate_that_nobody_vouches_for_is_refused(over_tls):
    with pytest.raises(NotAnswered, match="SSLCertVerificationError"):
        HttpProviderDoor(loopback=True).ask(Question(f"https://localhost:{over_tls[0]}/good"))


def test_dripping_bytes_over_tls_do_not_hold_a_thread(over_tls):
    port, trusting = over_tls
    began = time.monotonic()
    with pytest.raises(NotAnswered):
        HttpProviderDoor(loopback=True, tls=trusting, seconds=0.5).ask(Question(f"https://localhost:{port}/slow"))
    assert time.monotonic() - began < 3
