"""Many clients change the same lists at once over two server processes, on SQLite and on PostgreSQL: nothing is lost, nothing dangles."""

from collections import Counter
from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pytest

from tests.e2e.engines import served_on
from tests.e2e.server import Server
from tests.e2e.test_races import at_once

OPEN = {"list": "", "view": "", "create": "", "update": "", "delete": ""}
TAGS = {"name": "tags", "rules": OPEN}
POSTS = {
    "name": "posts",
    "fields": [
        {"name": "tags", "type": "relation", "collection": "tags", "many": True, "on_delete": "clear"},
        {"name": "few", "type": "relation", "collection": "tags", "many": True, "max": 5, "on_delete": "cascade"},
        {"name": "marks", "type": "select", "values": [f"m{at:02}" for at in range(60)], "many": True},
        {"name": "n", "type": "integer", "default": 0},
    ],
    "rules": OPEN,
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served_on(request.param, request, tmp_path_factory) as running:
        for definition in (TAGS, POSTS):
            made = running.request("POST", "/api/v1/collections", definition, running.admin_token())
            assert made.status == 201, made
        yield running


def path(collection: str, id: str = "") -> str:
    return f"/api/v1/collections/{collection}/records" + (f"/{id}" if id else "")


def create(served: Server, collection: str, **values: Any) -> str:
    made = served.request("POST", path(collection), values)
    assert made.status == 201, made
    return made.body["id"]


def patch(served: Server, id: str, **changes: Any) -> int:
    return served.request("PATCH", path("posts", id), changes).status


def get(served: Server, id: str) -> dict[str, Any]:
    return served.request("GET", path("posts", id)).body


@pytest.fixture
def tags(served: Server) -> list[str]:
    of_this_test = token_hex(4)
    return [create(served, "tags", id=f"{of_this_test}-{at:02}") for at in range(48)]


def test_what_parallel_writers_add_is_all_there(served: Server, tags: list[str]) -> None:
    id = create(served, "posts")

    def add(at: int) -> list[int]:
        mine = range(at * 6, at * 6 + 6)
        return [patch(served, id, **{"tags+": tags[each], "marks+": [f"m{each:02}"], "n+": 1}) for each in mine]

    statuses = Counter(status for each in at_once(8, add) for status in each)
    after = get(served, id)
    assert statuses == {200: 48}
    assert sorted(after["tags"]) == tags
    assert sorted(after["marks"]) == [f"m{at:02}" for at in range(48)]
    assert (after["n"], after["version"]) == (48, 49)


def test_adding_and_removing_at_once_loses_neither(served: Server, tags: list[str]) -> None:
    id = create(served, "posts", tags=tags[:24], marks=[f"m{at:02}" for at in range(24)])

    def act(at: int) -> list[int]:
        mine = range(at * 3, at * 3 + 3)
        gone = [patch(served, id, **{"tags-": tags[each], "marks-": f"m{each:02}"}) for each in mine]
        return gone + [patch(served, id, **{"tags+": tags[each + 24], "marks+": f"m{each + 24:02}"}) for each in mine]

    assert Counter(status for each in at_once(8, act) for status in each) == {200: 48}
    after = get(served, id)
    assert sorted(after["tags"]) == tags[24:]
    assert sorted(after["marks"]) == [f"m{at:02}" for at in range(24, 48)]


def test_no_list_grows_beyond_its_limit(served: Server, tags: list[str]) -> None:
    id = create(served, "posts")
    statuses = Counter(at_once(24, lambda at: patch(served, id, **{"few+": tags[at]})))
    assert statuses == {200: 5, 400: 19}
    after = get(served, id)
    assert (len(after["few"]), after["version"]) == (5, 6)


def test_the_answer_of_each_change_holds_what_it_added(served: Server, tags: list[str]) -> None:
    """On PostgreSQL a statement that waited for the row would still see the links of before."""
    id = create(served, "posts")
    answers = at_once(16, lambda at: served.request("PATCH", path("posts", id), {"tags+": tags[at], "n+": 1}))
    assert [answer.status for answer in answers] == [200] * 16
    for at, answer in enumerate(answers):
        assert answer.body["tags"][-1] == tags[at]
        assert len(answer.body["tags"]) == answer.body["n"] == answer.body["version"] - 1


def test_a_change_of_something_else_answers_the_list_of_its_version(served: Server, tags: list[str]) -> None:
    id = create(served, "posts")

    def act(at: int) -> Any:
        return served.request("PATCH", path("posts", id), {"tags+": tags[at], "n+": 1} if at % 2 else {"marks+": f"m{at:02}"})

    for answer in at_once(24, act):
        assert answer.status == 200
        assert len(answer.body["tags"]) == answer.body["n"]
        assert len(answer.body["tags"]) + len(answer.body["marks"]) == answer.body["version"] - 1


def test_a_target_that_goes_while_it_is_added_dangles_nowhere(served: Server, tags: list[str]) -> None:
    posts = [create(served, "posts", few=[tags[0], tags[1]]) for _ in range(6)]

    def act(at: int) -> int:
        if at % 3 == 0:
            return served.request("DELETE", path("tags", tags[at // 3])).status
        return patch(served, posts[at % 6], **{"tags+": [tags[at // 3], tags[40]]})

    statuses = Counter(at_once(24, act))
    assert set(statuses) <= {200, 204, 400, 404, 409, 503}, statuses
    assert statuses[204] >= 1
    there = {item["id"] for item in served.request("GET", f"{path('tags')}?limit=500").body["items"]}
    for item in served.request("GET", f"{path('posts')}?limit=500&expand=tags,few").body["items"]:
        assert set(item["tags"]) | set(item["few"]) <= there
        assert len(item["expand"]["tags"]) == len(item["tags"])


def test_targets_deleted_at_once_take_their_last_holder_along(served: Server, tags: list[str]) -> None:
    """Each of them finds another one left, unless they take turns."""
    held = [create(served, "posts", few=tags[at * 2 : at * 2 + 2]) for at in range(6)]
    statuses = Counter(at_once(12, lambda at: _deleted(served, tags[at])))
    assert statuses == {204: 12}
    assert [served.request("GET", path("posts", id)).status for id in held] == [404] * 6


def _deleted(served: Server, tag: str) -> int:
    for _ in range(5):
        status = served.request("DELETE", path("tags", tag)).status
        if status not in (409, 503):
            break
    return status
