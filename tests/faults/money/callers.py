"""Clients as they are in the world: their connections break, their answers get lost, and then they ask again."""

import http.client
import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.e2e.server import Answer, Server

BROKEN = (OSError, http.client.HTTPException)


class Unanswered(Exception):
    """Nobody knows whether it was done."""


@dataclass
class Caller:
    """One client, in a thread of its own; a guest without a token.

    `losing` is the chance that it hangs up before it has read an answer to a write."""

    server: Server
    token: str
    losing: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    # What went wrong on the side of the server, by status and code: a client may not see any of it.
    failures: list[str] = field(default_factory=list)
    # Tries that ended without an answer.
    broken: int = 0
    _connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: Any = None, key: str = "") -> Answer:
        """Once; Unanswered where the connection broke."""
        hangs_up = method != "GET" and self.chance.random() < self.losing
        try:
            return self._exchanged(method, path, body, key, hangs_up=hangs_up)
        except BROKEN as error:
            self.broken += 1
            raise Unanswered from error
        finally:
            if hangs_up:
                self.close()

    def surely(self, method: str, path: str, body: Any = None, key: str = "", patience: float = 60) -> Answer:
        """Again and again until somebody answers."""
        until = time.monotonic() + patience
        while True:
            try:
                answer = self.ask(method, path, body, key)
            except Unanswered:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01 + self.chance.random() * 0.02)
                continue
            if answer.status < 500 or time.monotonic() > until:
                return answer
            self.failures.append(f"{answer.status} {answer.body.get('code')}")
            time.sleep(0.05)

    def _exchanged(self, method: str, path: str, body: Any, key: str, *, hangs_up: bool) -> Answer:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        if key:
            headers["Idempotency-Key"] = key
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body), headers)
            if hangs_up:
                # Half of them while the server is at it, so that the repetition meets its rival.
                time.sleep(self.chance.choice((0, 0.02)))
                raise ConnectionAbortedError("hung up")
            response = self._connection.getresponse()
            content = response.read()
        except BROKEN:
            self.close()
            raise
        is_json = "json" in response.headers.get("Content-Type", "")
        return Answer(response.status, dict(response.headers), json.loads(content) if is_json else content)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def records(collection: str, id: str = "", **query: Any) -> str:
    path = f"/api/v1/collections/{collection}/records" + (f"/{id}" if id else "")
    return f"{path}?{urlencode(query)}" if query else path


class Crew:
    """Threads that end together. What one of them raises ends the experiment."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []
        self.over = threading.Event()

    def start(self, act: Any, *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=self._guarded, args=(act, *arguments), daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _guarded(self, act: Any, *arguments: Any) -> None:
        try:
            act(*arguments)
        except BaseException as error:
            self._errors.append(error)
            self.over.set()

    def join(self) -> None:
        for each in self._threads:
            each.join()
        if self._errors:
            raise self._errors[0]
