"""E01 to E03 over HTTP: whether there is an account for an address is told by no answer and by no time. Long, with a control that leaks."""

import random
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from tests.e2e.engines import served_on
from tests.e2e.server import Server
from tests.e2e.test_schema_reach import Process

pytestmark = pytest.mark.long

AUTH = "/api/v1/auth/users"
# As long as each other, letter for letter of the same kind.
KNOWN = [f"ann.{at:03}@example.org" for at in range(20)]
UNKNOWN = [f"bob.{at:03}@example.org" for at in range(20)]
USERS = {
    "name": "users", "type": "accounts", "fields": [], "rules": {"create": ""},
    "mail": {"pages": {"link": "https://planes.example/link"}},
}  # fmt: skip
SETTINGS = {"STILLROOM_LOG_LEVEL": "error"}
WAYS: dict[str, Callable[[str], tuple[str, dict[str, str]]]] = {
    "sign-in": lambda email: ("sign-in", {"identity": email, "password": "not the password"}),
    "password-reset": lambda email: ("password-reset", {"email": email}),
    "verification": lambda email: ("verification", {"email": email}),
    "code": lambda email: ("code", {"email": email}),
    "link": lambda email: ("link", {"email": email}),
}
SAMPLES = 2_000
# Of the normal distribution: a fair comparison exceeds it once in some ten thousand.
LOUD = 4.0


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served_on(request.param, request, tmp_path_factory, **SETTINGS) as running:
        prepare(running)
        yield running


def prepare(server: Server) -> None:
    made = server.request("POST", "/api/v1/collections", USERS, server.admin_token())
    assert made.status == 201, made
    for email in KNOWN:
        body = {"email": email, "password": "a quiet room at the back"}
        assert server.request("POST", "/api/v1/collections/users/records", body).status == 201


class Line:
    """One connection, and so one worker: what differs between two of them is not asked here."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._socket.close()

    def ask(self, path: str, body: dict[str, str]) -> tuple[float, bytes]:
        """Seconds until all of the answer was there, and its status with its body's length."""
        content = orjson.dumps(body)
        head = f"POST {AUTH}/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        began = time.perf_counter()
        self._socket.sendall(head.encode() + content)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._socket.recv(65_536)
        headers, _, rest = received.partition(b"\r\n\r\n")
        length = next((int(each.split(b":")[1]) for each in headers.lower().split(b"\r\n") if each.startswith(b"content-length")), 0)
        while len(rest) < length:
            rest += self._socket.recv(65_536)
        return time.perf_counter() - began, headers.split(b"\r\n")[0] + f" {length}".encode()


def taken(port: int, way: str, samples: int) -> tuple[list[float], list[float]]:
    """Known and unknown addresses in random order, so that what drifts drifts for both."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    seen: dict[bool, set[bytes]] = {True: set(), False: set()}
    order = [True, False] * (samples + 20)
    random.Random(way).shuffle(order)
    with closing(Line(port)) as line:
        for is_known in order:
            path, body = WAYS[way](random.choice(KNOWN if is_known else UNKNOWN))
            took, answer = line.ask(path, body)
            seconds[is_known].append(took)
            seen[is_known].add(answer)
    assert seen[True] == seen[False], seen
    return seconds[True][20:], seconds[False][20:]


def loudness(one: list[float], other: list[float]) -> float:
    """How many standard deviations of the rank sum (Mann and Whitney) the two are apart: it asks nothing of how times are distributed."""
    ranked = sorted([(each, True) for each in one] + [(each, False) for each in other])
    ranks = sum(at for at, (_, is_one) in enumerate(ranked, 1) if is_one)
    m, n = len(one), len(other)
    return float((ranks - m * (m + n + 1) / 2) / (m * n * (m + n + 1) / 12) ** 0.5)


def told(way: str, known: list[float], unknown: list[float]) -> float:
    z = loudness(known, unknown)
    medians = " and ".join(f"{statistics.median(each) * 1000:.3f}" for each in (known, unknown))
    print(f"{way}: z = {z:.2f}, medians {medians} ms")
    return z


@pytest.mark.parametrize("way", WAYS)
def test_an_account_is_told_by_no_time(served: Server, way: str) -> None:
    assert abs(told(way, *taken(served.port, way, SAMPLES))) < LOUD


@pytest.mark.parametrize("way", ["sign-in", "password-reset"])
def test_a_server_that_looks_first_is_found_out(tmp_path: Path, way: str) -> None:
    """The control: one that hashes for accounts alone, and one that notes letters for them alone."""
    first = Server(tmp_path / "data", settings=SETTINGS).start()
    prepare(first)
    first.stop()
    process = Process(first.environment(), "tests.e2e.looking_first:app")
    try:
        z = told(way, *taken(process.port, way, 300))
    finally:
        process.end()
    assert z > 2 * LOUD
