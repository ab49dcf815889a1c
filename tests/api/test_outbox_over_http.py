"""The outbox over HTTP and on the terminal: what waits is seen, told again, or dropped."""

from contextlib import nullcontext

import click
import pytest
from click.testing import CliRunner

from adapters.inbound.cli import outbox
from app.testing import backend, client
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts

FACTS, PASSWORD = RequestFacts("POST"), "a stillroom of herbs"
OUTBOX = "/api/v1/outbox"


@pytest.fixture
def room():
    with backend() as room:
        room.accounts.create_admin("ann@example.org", PASSWORD)
        room.collections.create({"name": "posts", "fields": [{"name": "title", "type": "text"}]}, actor=SYSTEM)
        yield room


@pytest.fixture
def heard(room):
    """What the subscriber heard; what is titled `bad` it cannot handle."""
    heard = []

    def handle(event):
        if event.after["title"] == "bad":
            raise ValueError("a secret of the record")
        heard.append(event.event.record)

    room.events.subscribe("search", ["records.created", "records.updated"], handle)
    return heard


@pytest.fixture
def web(room):
    web = client(room)
    sent = {"identity": "ann@example.org", "password": PASSWORD}
    token = web.post("/api/v1/auth/_admins/sign-in", json=sent).get_json()["access_token"]
    web.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return web


def post(room, id, title):
    room.records.create("posts", {"id": id, "title": title}, actor=SYSTEM, facts=FACTS)


def test_what_could_not_be_handled_is_seen_and_told_again(room, heard, web):
    post(room, "p1", "bad")
    post(room, "p2", "good")
    room.records.update("posts", "p1", {"title": "good"}, actor=SYSTEM, facts=FACTS)
    room.events.drain()
    [backlog] = web.get(OUTBOX).get_json()["items"]
    assert [backlog[key] for key in ("subscriber", "unheard", "oldest", "waiting", "dead")] == ["search", 0, None, 2, 0]
    failed, behind = web.get(f"{OUTBOX}/deferred?subscriber=search").get_json()["items"]
    told = [failed[key] for key in ("kind", "collection", "record", "tries", "reason", "dead_since")]
    assert told == ["records.created", "posts", "p1", 1, "ValueError", None]
    assert (behind["record"], behind["tries"], behind["again"]) == ("p1", 0, None)
    assert "secret" not in web.get(f"{OUTBOX}/deferred").get_data(as_text=True)
    assert web.get(f"{OUTBOX}/deferred?subscriber=other").get_json()["items"] == []
    place = f"{OUTBOX}/deferred/search/{failed['event']}"
    assert web.post(f"{place}/retry").status_code == 204
    assert web.get(f"{OUTBOX}/deferred").get_json()["items"][0]["tries"] == 0
    assert web.delete(place).status_code == 204
    room.events.drain()
    assert heard == ["p2", "p1"]
    assert web.get(f"{OUTBOX}/deferred").get_json()["items"] == []


@pytest.mark.parametrize("place", ["search/1", "nobody/1", "search/x", "search/-1", "search/٣", f"search/{'9' * 40}", "%00/1"])
def test_what_is_not_there_is_told_so(heard, web, place):
    for answer in (web.post(f"{OUTBOX}/deferred/{place}/retry"), web.delete(f"{OUTBOX}/deferred/{place}")):
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_an_unknown_parameter_is_refused(web):
    assert web.get(f"{OUTBOX}/deferred?subscribers=x").get_json()["code"] == "unknown_parameter"


def test_the_terminal_tells_the_same(room, heard):
    run = lambda command, *arguments: CliRunner().invoke(
        _as_command(command, lambda: nullcontext(room.deliveries)), arguments, catch_exceptions=False
    ).output  # fmt: skip
    assert run(outbox.status) == "search: has heard everything; 0 to be told again, 0 given up\n"
    post(room, "p1", "bad")
    assert run(outbox.status).startswith("search: 1 not heard yet, since 20")
    room.events.drain()
    told = run(outbox.status)
    assert "search: has heard everything; 1 to be told again, 0 given up" in told
    event = room.deliveries.deferred(actor=SYSTEM)[0][1].event.id
    assert f"search {event}: records.created of posts p1, 1 tries (ValueError), again at" in told
    assert run(outbox.retry, "search", str(event)) == f"Event {event} is told to search again.\n"
    assert run(outbox.drop, "search", str(event)) == f"Event {event} is told to search no more.\n"
    assert room.deliveries.deferred(actor=SYSTEM) == []


def _as_command(function, opened):
    bare = lambda **options: function(opened, **options)
    bare.__click_params__ = getattr(function, "__click_params__", [])
    return click.command("x")(bare)
