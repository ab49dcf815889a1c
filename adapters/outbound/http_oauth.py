"""Requests to providers of sign-in, by the standard library: it follows no redirect, and reads no proxy and no password from the
environment (other clients do all three unless told). Where they may go is decided by domain.outgoing."""

import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlencode

from domain.outgoing import Target, may_connect, read_target
from ports.oauth import NotAnswered, Question, TurnedDown

_SECONDS = 10.0
LONGEST = 1_000_000  # bytes of an answer
_OURS = {
    "User-Agent": "Stillroom",
    "Accept": "application/json",
    # Nothing that unpacks to more than was read.
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_LONGEST_REFUSAL = 10_000
_ERROR = re.compile(rb'"error"\s*:\s*"([a-z_]{1,50})"')
_FORM = "application/x-www-form-urlencoded"
_FAILURES = (OSError, http.client.HTTPException, ValueError, RecursionError)

Resolve = Callable[[str, int], list[str]]


def resolved(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class HttpProviderDoor:
    """Keeps ports.oauth.ProviderDoor. `seconds` bound the whole of it, however slowly bytes come, but for resolving the name: that takes as
    long as the system lets it. `loopback` is for development and tests, and so are `resolve` and `tls`."""

    def __init__(
        self, *, loopback: bool = False, seconds: float = _SECONDS, resolve: Resolve = resolved, tls: ssl.SSLContext | None = None
    ) -> None:
        self._loopback, self._seconds, self._resolve = loopback, seconds, resolve
        self._tls = tls

    def ask(self, question: Question) -> Any:
        try:
            target = read_target(question.url, loopback=self._loopback)
            return json.loads(self._answer(target, question))
        except _FAILURES as failed:
            raise NotAnswered(f"the provider gave no answer that can be used: {type(failed).__name__}") from failed

    def _answer(self, target: Target, question: Question) -> bytes:
        # Resolved once: the address that was judged is the one that is connected to, whatever the name says a moment later.
        addresses = self._resolve(target.host, target.port)
        if not may_connect(target, addresses, loopback=self._loopback):
            raise NotAnswered("the provider's name leads to an address that is not public")
        ends = time.monotonic() + self._seconds
        with closing(self._connected(target, addresses, ends)) as connection, _hung_up_at(ends, connection) as is_late:
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            body = _exchange(connection, target, question)
            # Cut off by ourselves, an answer without a length would look like a whole one.
            if is_late.is_set():
                raise NotAnswered("the provider took too long")
            return body

    def _connected(self, target: Target, addresses: list[str], ends: float) -> socket.socket:
        plain = _first_open(addresses, target.port, ends)
        if target.scheme != "https":
            return plain
        # The name is still what the certificate must be for.
        return (self._tls or _everybodys()).wrap_socket(plain, server_hostname=target.host, do_handshake_on_connect=False)


@cache
def _everybodys() -> ssl.SSLContext:
    """Of the certificates that this machine trusts; reading them takes tens of milliseconds, and most never need them."""
    return ssl.create_default_context()


def _first_open(addresses: list[str], port: int, ends: float) -> socket.socket:
    failed: OSError = TimeoutError()
    for address in addresses:
        left = ends - time.monotonic()
        if left <= 0:
            break
        try:
            return socket.create_connection((address, port), timeout=left)
        except OSError as error:
            failed = error
    raise failed


@contextmanager
def _hung_up_at(ends: float, connection: socket.socket) -> Iterator[threading.Event]:
    """A socket's own timeout begins again with every byte: somebody who sends one a second would hold a thread for good."""
    late = threading.Event()

    def hang_up() -> None:
        late.set()
        try:
            # Of the plain socket: TLS would wait for its lock, which the reader holds.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
        except OSError:
            pass  # it is closed already

    timer = threading.Timer(max(0.0, ends - time.monotonic()), hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _exchange(connection: socket.socket, target: Target, question: Question) -> bytes:
    client = http.client.HTTPConnection(target.host, target.port)
    client.sock = connection  # so that the library does not resolve the name again
    form = None if question.form is None else urlencode(question.form).encode()
    headers = {**_OURS, **question.headers, "Host": target.authority}
    if form is not None:
        headers["Content-Type"] = _FORM
    client.request("GET" if form is None else "POST", target.path, form, headers)
    with client.getresponse() as answer:
        if answer.status in (400, 401):
            kind = TurnedDown if answer.status == 400 else NotAnswered
            raise kind(f"the provider answered {answer.status}{_word_of(answer.read(_LONGEST_REFUSAL))}")
        if answer.status != 200:
            raise NotAnswered(f"the provider answered {answer.status}")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise NotAnswered("the provider packed an answer that was to come as it is")
        body = answer.read(LONGEST + 1)
    if len(body) > LONGEST:
        raise NotAnswered(f"the provider's answer has more than {LONGEST} bytes")
    return body


def _word_of(refusal: bytes) -> str:
    """The code of the error (RFC 6749, 5.2), which tells an operator of a wrong secret from a code that is spent. Nothing else of it is
    kept: what a provider says in words may hold anything."""
    found = _ERROR.search(refusal)
    return f": {found[1].decode()}" if found else ""
