"""Letters of a real server with two worker processes: what is in them is good once, however many use it at the same moment."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.server import Answer, Server, free_port

AUTH = "/api/v1/auth/users"
ANN, PASSWORD = "ann@example.org", "a quiet room at the back"
USERS = {"name": "users", "type": "accounts", "fields": [], "rules": {"create": ""}}
AT_ONCE = 20
WATCHER = "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"


@pytest.fixture(params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, server: Callable[..., Server]) -> Server:
    settings = {"STILLROOM_THREADS": "16"}
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        settings |= {"STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"}
    running = server(workers=2, **settings)
    assert running.request("POST", "/api/v1/collections", USERS, running.admin_token()).status == 201
    made = running.request("POST", "/api/v1/collections/users/records", {"email": ANN, "password": PASSWORD})
    assert made.status == 201, made
    return running


def posted(server: Server, path: str, **body: str) -> Answer:
    return server.request("POST", f"{AUTH}/{path}", body)


def read(server: Server, pattern: str) -> str:
    """The newest thing of this form in the letters on the terminal, once there is one."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if found := re.findall(pattern, server.output, re.M):
            return str(found[-1])
        time.sleep(0.1)
    raise AssertionError(f"no letter came:\n{server.output}")


def statuses(act: Callable[[int], Answer]) -> list[int]:
    gate = Barrier(AT_ONCE)

    def one(at: int) -> Any:
        gate.wait()
        return act(at).status

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sorted(pool.map(one, range(AT_ONCE)))


def test_codes_and_links_are_good_once_over_two_processes(served: Server) -> None:
    ticket = posted(served, "code", email=ANN).body["ticket"]
    typed = read(served, r"^(\d{8})$")
    assert statuses(lambda at: posted(served, "code/confirm", ticket=ticket, code=typed)) == [200] + [401] * (AT_ONCE - 1)

    assert posted(served, "password-reset", email=ANN).status == 204
    link = read(served, r"password-reset\?token=(sot_\S+)")
    taken = statuses(lambda at: posted(served, "password-reset/confirm", token=link, password=f"the river at dawn {at}"))
    # The pool that hashes passwords turns some away; none of those has used the link.
    assert (taken.count(204), set(taken[1:]) <= {401, 503}) == (1, True)
    tried = [posted(served, "sign-in", identity=ANN, password=f"the river at dawn {at}").status for at in range(AT_ONCE)]
    assert sorted(tried) == [200] + [401] * (AT_ONCE - 1)


def test_an_address_without_an_account_is_answered_alike_and_gets_nothing(served: Server) -> None:
    answers = [posted(served, "verification", email=email) for email in (ANN, "nobody@example.org")]
    assert [(each.status, each.body) for each in answers] == [(204, b"")] * 2
    assert read(served, r"verification\?token=(sot_\S+)")
    time.sleep(1.5)
    assert "nobody@example.org" not in served.output


class _Inbox:
    def __init__(self) -> None:
        self.received: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.received.append(envelope.content.decode().replace("=\r\n", "").replace("=3D", "="))
        return "250 OK"


def test_letters_go_out_by_smtp_and_their_secrets_stand_in_no_log(server: Callable[..., Server]) -> None:
    inbox = _Inbox()
    relay = Controller(inbox, hostname="127.0.0.1", port=free_port())
    relay.start()
    try:
        url = "https://planes.example"
        handed_in = f"smtp+plain://127.0.0.1:{relay.port}"
        more = {"STILLROOM_LOG_LEVEL": "debug", "STILLROOM_METRICS_TOKEN": WATCHER}
        running = server(workers=2, STILLROOM_SMTP_URL=handed_in, STILLROOM_PUBLIC_URL=url, **more)
        assert running.request("POST", "/api/v1/collections", USERS, running.admin_token()).status == 201
        assert running.request("POST", "/api/v1/collections/users/records", {"email": ANN, "password": PASSWORD}).status == 201
        assert posted(running, "verification", email=ANN).status == 204
        until = time.monotonic() + 20
        while not inbox.received and time.monotonic() < until:
            time.sleep(0.1)
        token = re.search(rf"{url}/auth/users/verification\?token=(sot_[\w-]+)", inbox.received[0])
        assert token
        assert running.request("GET", f"/auth/users/verification?token={token[1]}").status == 200
        assert posted(running, "verification/confirm", token=token[1]).status == 204
        assert (token[1] in running.output, ANN in running.output) == (False, False)
        _is_counted(running)
    finally:
        relay.stop()


def _is_counted(server: Server) -> None:
    """By both workers, whichever answers; each connection may come to either."""
    for _ in range(40):
        assert server.request("GET", "/api/v1/capabilities").status == 200
    for _ in range(4):
        told = server.request("GET", "/metrics", token=WATCHER)
        assert told.status == 200, told
        families = text_string_to_metric_families(told.body.decode())
        found = {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}
        assert found["stillroom_request_seconds_count", "capabilities", "2xx"] == 40
        assert found["stillroom_job_runs_total", "mail.send", "done"] == 1
        assert found["stillroom_database_up",] == 1
    assert WATCHER not in server.output
