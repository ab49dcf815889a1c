"""docs/blog.md: the blog behind a real server, with a real mail server and a receiver; by itself, and then, by changing the environment
alone, on PostgreSQL and Redis with two workers."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.docs.blocks import blocks
from tests.e2e.job_room import Room, until
from tests.e2e.server import Server, free_port
from tests.postgres import fresh_database
from tests.receiver import receiving
from tests.redis_server import RedisServer

COLLECTIONS, SEARCH = (json.loads(each) for each in blocks("blog.md", "json"))


@pytest.fixture
def alone() -> dict[str, str]:
    return {}


@pytest.fixture
def spread(postgres_server: str, redis_server: RedisServer) -> Iterator[dict[str, str]]:
    with fresh_database(postgres_server) as url:
        yield {
            "STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa",
            "STILLROOM_REDIS_URL": redis_server.url, "STILLROOM_JOB_WORKERS": "0",
        }  # fmt: skip


class _Inbox:
    def __init__(self) -> None:
        self.letters: list[tuple[str, str]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        letter = message_from_bytes(envelope.content)
        self.letters.append((str(letter["To"]), str(letter["Subject"])))
        return "250 OK"


@contextmanager
def mail() -> Iterator[tuple[_Inbox, str]]:
    inbox = _Inbox()
    relay = Controller(inbox, hostname="127.0.0.1", port=free_port())
    relay.start()
    try:
        yield inbox, f"smtp+plain://127.0.0.1:{relay.port}"
    finally:
        relay.stop()


@pytest.mark.parametrize(("environment", "workers"), [("alone", 0), ("spread", 2)])
def test_the_blog_does_what_the_page_says(environment: str, workers: int, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with ExitStack() as running:
        inbox, smtp = running.enter_context(mail())
        receiver = running.enter_context(receiving())
        own = {"STILLROOM_SMTP_URL": smtp, "STILLROOM_LOOPBACK_WEBHOOKS": "on"}
        room = Room(tmp_path / "room", request.getfixturevalue(environment) | own)
        (room.folder / "extensions" / "work.py").unlink()
        (room.folder / "extensions" / "blog.py").write_text(blocks("blog.md", "python")[0], encoding="utf-8")
        server = Server(room.folder / "data", workers=1, settings=room.settings)
        server.data_dir.mkdir()
        running.callback(server.end)
        server.start()
        for _ in range(workers):
            running.enter_context(room.worker("--processes", "1"))
        blogged(server, receiver, inbox)


def blogged(server: Server, receiver: Any, inbox: _Inbox) -> None:
    token = server.admin_token()
    send = lambda path, body: server.request("POST", f"/api/v1/{path}", body, token)
    for each in COLLECTIONS:
        assert send("collections", each).status == 201
    made = send("webhooks", {**SEARCH, "url": receiver.url()})
    assert made.status == 201, made
    for name in ("ann", "bob"):
        assert send("collections/followers/records", {"email": f"{name}@example.org"}).status == 201
    posted = send("collections/posts/records", {"title": "Quince and sloe"})
    assert (posted.status, posted.body["slug"]) == (201, "quince-and-sloe")
    assert send("schedules/digest/run", None).status == 202

    (message,) = receiver.wait(1, seconds=30)
    said = message.verified(made.body["secret"])
    assert (said["type"], said["data"]["record"]["slug"]) == ("records.created", "quince-and-sloe")
    until(lambda: sorted(inbox.letters) == [("ann@example.org", "Quince and sloe"), ("bob@example.org", "Quince and sloe")], 30)
    digests = lambda: server.request("GET", "/api/v1/collections/digests/records").body["items"]
    until(lambda: [each["text"] for each in digests()] == ["Quince and sloe"], 30)
