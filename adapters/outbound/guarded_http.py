"""Requests to addresses that others have a say in, by the standard library: it follows no redirect, and reads no proxy and no password
from the environment (other clients do all three unless told). Where they may go is decided by domain.outgoing."""

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from domain.outgoing import Target, may_connect, read_target

_OURS = {
    "User-Agent": "Stillroom",
    # Nothing that unpacks to more than was read.
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_FAILURES = (OSError, http.client.HTTPException, ValueError)
# For the head of an answer, and for what stands around its chunks.
_FRAMING = 65_536

Resolve = Callable[[str, int], list[str]]


class NoAnswer(Exception):
    """The text is for the log: shown to whoever named the address, it would tell them about our network which ports are open in it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` by lower-case names; `body` is no longer than was asked for, and one byte more where there was more of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def resolved(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedHttp:
    """`seconds` bound the whole of a request, however slowly bytes come. Resolving the name takes as long as the system lets it; where
    that takes longer, nothing is connected to any more. `loopback` is for development and tests, and so are `resolve` and `tls`."""

    def __init__(self, *, seconds: float, loopback: bool = False, resolve: Resolve = resolved, tls: ssl.SSLContext | None = None) -> None:
        self._loopback, self._seconds, self._resolve = loopback, seconds, resolve
        self._tls = tls

    def check(self, url: str) -> None:
        """NoAnswer for an address that would not be asked now."""
        try:
            self._judged(read_target(url, loopback=self._loopback))
        except _FAILURES as failed:
            raise NoAnswer(f"it cannot be asked: {type(failed).__name__}") from failed

    def exchange(self, url: str, headers: Mapping[str, str], body: bytes | None, *, longest: int) -> Answer:
        """With a body it is a POST. NoAnswer where there is none, or not the whole of it in time; any status is an answer."""
        try:
            target = read_target(url, loopback=self._loopback)
            return self._asked(target, headers, body, longest)
        except _FAILURES as failed:
            raise NoAnswer(f"no answer that can be used: {type(failed).__name__}") from failed

    def _judged(self, target: Target) -> list[str]:
        # Resolved once: the address that was judged is the one that is connected to, whatever the name says a moment later.
        addresses = self._resolve(target.host, target.port)
        if not may_connect(target, addresses, loopback=self._loopback):
            raise NoAnswer("the name leads to an address that is not public")
        return addresses

    def _asked(self, target: Target, headers: Mapping[str, str], body: bytes | None, longest: int) -> Answer:
        ends = time.monotonic() + self._seconds
        addresses = self._judged(target)
        with closing(self._connected(target, addresses, ends)) as connection, _hung_up_at(ends, connection) as is_late:
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            answer = _exchange(connection, target, headers, body, longest)
            # Cut off by ourselves, an answer without a length would look like a whole one.
            if is_late.is_set():
                raise NoAnswer("it took too long")
            return answer

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


def _exchange(connection: socket.socket, target: Target, headers: Mapping[str, str], body: bytes | None, longest: int) -> Answer:
    client = http.client.HTTPConnection(target.host, target.port)
    client.sock = _Bounded(connection, 2 * longest + _FRAMING)  # so that the library does not resolve the name again
    client.request("GET" if body is None else "POST", target.path, body, {**_OURS, **headers, "Host": target.authority})
    with client.getresponse() as answer:
        named = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, named, answer.read(longest + 1))


class _Bounded:
    """A connection of which no more than so many bytes are read. The library bounds a line and the number of headers, but neither the
    answers before an answer (100) nor what stands beside and behind chunks, and a chunk of the size -1 it reads to its end: whoever is
    asked could fill our memory, or keep a thread busy for as long as it may take."""

    def __init__(self, connection: socket.socket, most: int) -> None:
        self.sendall = connection.sendall
        self._file: io.BufferedIOBase = io.BufferedReader(_Metered(connection, most))

    def makefile(self, *_: Any) -> io.BufferedIOBase:
        return self._file

    def close(self) -> None:
        """The library is done with it before the answer is read; whoever opened it closes it."""


class _Metered(io.RawIOBase):
    def __init__(self, connection: socket.socket, left: int) -> None:
        self._connection, self._left = connection, left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            raise OSError("the answer is longer than any that is of use")
        count = self._connection.recv_into(buffer, min(len(buffer), self._left))
        self._left -= count
        return count
