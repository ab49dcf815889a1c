"""A server that is killed while it sends letters: none that was wanted is missing, and each kill brings one more copy at most."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes
from threading import Event, Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.e2e.server import Server, free_port

USERS = {"name": "users", "type": "accounts", "fields": [], "rules": {"create": ""}}
ANN, PASSWORD = "ann@example.org", "a quiet room at the back"
KILLS = 6


class _Inbox:
    """Takes its time, so that a kill comes between the letter and the answer."""

    def __init__(self) -> None:
        self.received: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.received.append(str(message_from_bytes(envelope.content)["Message-ID"]))
        await asyncio.sleep(0.03)
        return "250 OK"


def _asking(server: Server, over: Event, answered: list[int]) -> None:
    while not over.is_set():
        try:
            answered.append(server.request("POST", "/api/v1/auth/users/password-reset", {"email": ANN}).status)
        except (OSError, ValueError):
            pass  # it is down
        # As many as are sent meanwhile.
        time.sleep(0.05)


def _waiting(server: Server, token: str) -> int:
    found = server.request("GET", "/api/v1/jobs?name=mail.send", token=token).body["depths"]
    return sum(each["count"] for each in found if each["state"] in ("waiting", "running"))


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_kills_lose_no_letter(engine: str, request: pytest.FixtureRequest, unstarted: Callable[..., Server]) -> None:
    inbox, chance = _Inbox(), random.Random(7)
    relay = Controller(inbox, hostname="127.0.0.1", port=free_port())
    relay.start()
    settings = {"STILLROOM_SMTP_URL": f"smtp+plain://127.0.0.1:{relay.port}", "STILLROOM_PUBLIC_URL": "https://planes.example"}
    if engine == "postgresql":
        settings |= {"STILLROOM_DATABASE_URL": request.getfixturevalue("postgres_url")}
        settings |= {"STILLROOM_SECRET_KEY": "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"}
    running = unstarted(workers=2, **settings).start()
    try:
        assert running.request("POST", "/api/v1/collections", USERS, running.admin_token()).status == 201
        assert running.request("POST", "/api/v1/collections/users/records", {"email": ANN, "password": PASSWORD}).status == 201
        answered = _through_kills(running, chance)
        token, until = running.admin_token(), time.monotonic() + 180
        while _waiting(running, token) and time.monotonic() < until:
            time.sleep(1)
        assert _waiting(running, token) == 0
    finally:
        relay.stop()
    copies = Counter(inbox.received)
    print(f"{engine}: {answered} asked for, {len(copies)} letters, {sum(copies.values()) - len(copies)} copies, {KILLS} kills")
    # What was committed and not answered any more is sent too.
    assert answered <= len(copies) <= answered + KILLS
    assert sum(copies.values()) - len(copies) <= KILLS


def _through_kills(running: Server, chance: random.Random) -> int:
    over, answered = Event(), list[int]()
    asking = Thread(target=_asking, args=(running, over, answered))
    asking.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(1.5, 3))
        running.kill()
        running.start()
    over.set()
    asking.join()
    assert set(answered) == {204}
    return len(answered)
