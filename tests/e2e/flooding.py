"""Clients of a flood, in a process of their own, and one that measures beside them.

    python -m tests.e2e.flooding PORT SECONDS WHAT

WHAT is `sign-in` (a password of nobody), `cheap` (as much, but refused before anything is hashed), or either with `-rude` behind: such
clients do not wait as they are told.
"""

import http.client
import json
import random
import sys
import threading
import time
from contextlib import closing

CLIENTS = 100


def main(port: int, seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    clients = [threading.Thread(target=_client, args=(port, until, what)) for _ in range(CLIENTS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()


def _client(port: int, until: float, what: str) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        while time.monotonic() < until:
            body = {"identity": f"{random.random()}@example.org"}
            if what.startswith("sign-in"):
                body["password"] = "a wrong password"
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/api/v1/auth/_admins/sign-in", json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 401 and not what.endswith("-rude"):
                wait = float(answer.headers.get("Retry-After", random.randint(1, 4)))
                time.sleep(max(0.0, min(wait, until - time.monotonic())))


def gets(port: int, path: str, seconds: float) -> list[float]:
    """Milliseconds of gets that two clients send every few milliseconds, sorted."""
    taken: list[float] = []
    until = time.monotonic() + seconds

    def ask() -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            while time.monotonic() < until:
                began = time.perf_counter()
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                taken.append((time.perf_counter() - began) * 1000)
                assert answer.status == 200
                time.sleep(0.003)

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for each in askers:
        each.start()
    for each in askers:
        each.join()
    return sorted(taken)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
