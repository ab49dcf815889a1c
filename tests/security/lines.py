"""Connections that stay open to every worker process of a server, so that a test asks each of them and none is asked by chance."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.server import Answer, Server


class Lines:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._open: dict[int, http.client.HTTPConnection] = {}

    def reach(self) -> "Lines":
        """One line to each worker; the kernel deals connections out, so some are made for nothing."""
        spare = []
        for _ in range(200):
            line = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=20)
            _exchange(line, "GET", "/livez", None, "")
            pid = self._worker_of(line)
            if pid in self._open:
                spare.append(line)
            else:
                self._open[pid] = line
            if set(self._open) == set(self._server.worker_pids()):
                break
        for line in spare:
            line.close()
        assert len(self._open) == len(self._server.worker_pids()) > 1
        return self

    def _worker_of(self, line: http.client.HTTPConnection) -> int:
        assert line.sock is not None
        mine = line.sock.getsockname()[1]
        inodes = _inodes(mine, self._server.port)
        return next(pid for pid in self._server.worker_pids() if inodes & _sockets(pid))

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> list[Answer]:
        """The same request to every worker, one after another."""
        return [_exchange(line, method, path, body, token) for line in self._open.values()]

    def close(self) -> None:
        for line in self._open.values():
            line.close()


@contextmanager
def lines(server: Server) -> Iterator[Lines]:
    made = Lines(server)
    try:
        yield made.reach()
    finally:
        made.close()


def _exchange(line: http.client.HTTPConnection, method: str, path: str, body: Any, token: str) -> Answer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    line.request(method, path, None if body is None else json.dumps(body), headers)
    response = line.getresponse()
    content = response.read()
    is_json = "json" in response.headers.get("Content-Type", "")
    return Answer(response.status, dict(response.headers), json.loads(content) if is_json else content)


def _inodes(client: int, server: int) -> set[str]:
    """Of the server's end of the connection, as the kernel lists it."""
    found = set()
    for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        columns = row.split()
        ports = tuple(int(columns[at].rpartition(":")[2], 16) for at in (1, 2))
        if ports == (server, client):
            found.add(columns[9])
    return found


def _sockets(pid: int) -> set[str]:
    found = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(str(each.readlink()).removeprefix("socket:[").removesuffix("]"))
        except OSError:
            pass  # closed meanwhile
    return found
