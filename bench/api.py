"""Single requests to a server under measurement: to fill it, and to look at what it answers before it is timed."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

_PATIENCE = 60


class NotAsExpected(Exception):
    """A server answered something else than the benchmark needs; a sentence for the person who runs it."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Api:
    name: str
    port: int

    def send(self, method: str, path: str, body: Any = None, *, token: str = "") -> Answer:
        """`body` is JSON text, or a value to be written as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        try:
            connection.request(method, path, _text(body), headers(token, has_body=body is not None))
            response = connection.getresponse()
            return Answer(response.status, _value(response.read()))
        finally:
            connection.close()

    def expect(self, status: int, method: str, path: str, body: Any = None, *, token: str = "") -> Any:
        """The body of the answer; NotAsExpected where its status is another."""
        answer = self.send(method, path, body, token=token)
        if answer.status != status:
            told = json.dumps(answer.body, ensure_ascii=False, default=str)[:400]
            raise NotAsExpected(f"{self.name} answers {method} {path} with {answer.status} instead of {status}: {told}")
        return answer.body


def headers(token: str, *, has_body: bool) -> dict[str, str]:
    """The headers of each request, the same to every server."""
    signed = {"Authorization": f"Bearer {token}"} if token else {}
    return {**signed, **({"Content-Type": "application/json"} if has_body else {})}


def _text(body: Any) -> bytes | None:
    if body is None:
        return None
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def _value(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
