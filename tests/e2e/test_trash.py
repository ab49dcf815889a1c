"""Trash and housekeeping over real server processes: many at once, rounds that come by themselves, and processes that are killed."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.server import Server
from tests.e2e.test_races import at_once

USERS = {"name": "users", "fields": [{"name": "name", "type": "text"}], "trash": {"days": 30}}
POSTS = {
    "name": "posts",
    "fields": [
        {"name": "ends", "type": "date"},
        {"name": "author", "type": "relation", "collection": "users", "on_delete": "cascade"},
    ],
    "trash": {"days": 30},
    "expires": {"field": "ends"},
}
PAST = "2020-01-01T00:00:00.000Z"
SECRET = "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"


class Room:
    """A server and its admin."""

    def __init__(self, running: Server) -> None:
        self.server, self.token = running, running.admin_token()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        return self.server.request(method, f"/api/v1/collections{path}", body, self.token)

    def define(self) -> None:
        for definition in (USERS, POSTS):
            made = self.ask("POST", "", definition)
            assert made.status == 201, made

    def add(self, name: str, /, **values: Any) -> str:
        made = self.ask("POST", f"/{name}/records", values)
        assert made.status == 201, made
        return str(made.body["id"])

    def total(self, name: str) -> int:
        return int(self.ask("GET", f"/{name}/records?count=exact&limit=1").body["total"])

    def trashed(self, name: str) -> int:
        seen, cursor = 0, ""
        while True:
            page = self.ask("GET", f"/{name}/trash?limit=500{cursor}").body
            seen += len(page["items"])
            if page["next"] is None:
                return seen
            cursor = f"&cursor={page['next']}"


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "sqlite":
        return {}
    return {"STILLROOM_DATABASE_URL": request.getfixturevalue("postgres_url"), "STILLROOM_SECRET_KEY": SECRET}


@pytest.fixture
def open_room(server: Callable[..., Server], settings: dict[str, str]) -> Callable[..., Room]:
    def opened(**more: Any) -> Room:
        return Room(server(workers=2, **settings, **{"STILLROOM_HOUSEKEEPING": 0, **more}))

    return opened


def test_of_many_restorations_one_succeeds(open_room):
    room = open_room()
    room.define()
    ann = room.add("users", name="Ann")
    for _ in range(20):
        room.add("posts", author=ann)
    for _ in range(5):
        assert room.ask("DELETE", f"/users/records/{ann}").status == 204
        answers = at_once(12, lambda at: room.ask("POST", f"/users/trash/{ann}/restore"))
        assert Counter(answer.status for answer in answers) == {200: 1, 404: 11}
        assert (room.total("users"), room.total("posts"), room.trashed("users"), room.trashed("posts")) == (1, 20, 0, 0)


def test_restorations_against_removals_and_deletions_leave_nothing_half_done(open_room):
    room = open_room()
    room.define()

    def act(ann: str, at: int) -> int:
        asked = [("POST", f"/users/trash/{ann}/restore"), ("DELETE", f"/users/records/{ann}"), ("DELETE", f"/users/trash/{ann}")][at % 3]
        return int(room.ask(*asked).status)

    for _ in range(4):
        ann = room.add("users", name="Ann")
        for _ in range(5):
            room.add("posts", author=ann)
        assert room.ask("DELETE", f"/users/records/{ann}").status == 204
        statuses = at_once(9, lambda at: act(ann, at))  # noqa: B023 - done within the round
        assert set(statuses) <= {200, 204, 404}
        there = room.ask("GET", f"/users/records/{ann}").status == 200
        kept = room.ask("DELETE", f"/users/trash/{ann}").status == 204
        assert not (there and kept)
        assert room.total("posts") == (5 if there else 0)
        assert room.trashed("posts") == 0
        if there:
            room.ask("DELETE", f"/users/records/{ann}")
            room.ask("DELETE", "/users/trash")
            room.ask("DELETE", "/posts/trash")


def test_rounds_come_by_themselves_and_several_servers_share_the_work(open_room):
    room = open_room(STILLROOM_HOUSEKEEPING=1)
    room.define()
    made = at_once(8, lambda at: [room.add("posts", ends=PAST) for _ in range(20)])
    assert sum(len(each) for each in made) == 160
    until = time.monotonic() + 20
    while room.total("posts") and time.monotonic() < until:
        time.sleep(0.1)
    assert (room.total("posts"), room.trashed("posts")) == (0, 160)
    assert '"event":"records_expired"' in room.server.output
    assert room.server.interrupt() == 0
    assert "Traceback" not in room.server.output
    assert "housekeeping_failed" not in room.server.output


def test_commands_beside_each_other_sweep_each_record_once(open_room):
    room = open_room()
    room.define()
    held = room.add("users")
    for _ in range(130):
        room.add("posts", ends=PAST, author=held)
    done = at_once(3, lambda at: room.server.command("housekeeping"))
    assert [each.returncode for each in done] == [0, 0, 0], [each.stderr for each in done]
    assert (room.total("posts"), room.trashed("posts")) == (0, 130)
    again = room.server.command("housekeeping")
    assert again.stdout == "0 records expired, 0 records purged from the trash.\n"


def test_a_server_that_is_killed_in_the_middle_leaves_each_record_in_one_place(open_room):
    room = open_room(STILLROOM_HOUSEKEEPING=1)
    room.define()
    at_once(8, lambda at: [room.add("posts", ends="2100-01-01") for _ in range(60)])
    # All fall due at once; the kill comes while they are swept, at another moment in each run.
    ids = [each["id"] for each in room.ask("GET", "/posts/records?limit=500&fields=id").body["items"]]
    statuses = at_once(8, lambda at: {room.ask("PATCH", f"/posts/records/{id}", {"ends": PAST}).status for id in ids[at::8]})
    assert set().union(*statuses) <= {200, 404}
    room.server.kill()
    again = Room(room.server.start())
    assert again.total("posts") + again.trashed("posts") == 480
