"""What is told to other servers is what their readers see, and differs by nothing that they do not."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from adapters.outbound.memory.clock import CountedIds
from app.testing import TestBackend, backend
from domain.actor import GUEST, SYSTEM, Actor, account
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.rules.values import RequestFacts
from tests.security.target import DEFINITIONS, PASSWORD, address

FACTS = RequestFacts("GET")
READERS = ("guest", "alice", "bob", "admin")


@dataclass
class World:
    """`people` are ids by names."""

    room: TestBackend
    people: dict[str, str] = field(default_factory=dict)

    def actor(self, reader: str) -> Actor:
        return {"guest": GUEST, "admin": SYSTEM}.get(reader) or account(self.people[reader], "users")

    def write(self, collection: str, id: str = "", **values: Any) -> str:
        own = ({"id": id} if id else {}) | values | ({"owner": self.people[values["owner"]]} if "owner" in values else {})
        made: str = self.room.records.create(collection, own, actor=SYSTEM, facts=FACTS).as_object()["id"]
        return made

    def change(self, collection: str, id: str, **values: Any) -> None:
        own = values | ({"owner": self.people[values["owner"]]} if "owner" in values else {})
        self.room.records.update(collection, id, own, actor=SYSTEM, facts=FACTS)

    def delete(self, collection: str, id: str) -> None:
        self.room.records.delete(collection, id, actor=SYSTEM, facts=FACTS)

    def seen(self, collection: str, id: str, reader: str) -> Any:
        """As they get it over HTTP; None where they do not."""
        try:
            found = self.room.records.get(collection, id, actor=self.actor(reader), facts=FACTS)
        except (NotFound, Forbidden, Unauthenticated):
            return None
        return orjson.loads(orjson.dumps(found.as_object()))

    def told(self, reader: str) -> list[str]:
        """The bodies, in the order of what they tell of."""
        self.room.events.drain()
        (own,) = (each["id"] for each in self.room.webhooks.list(actor=SYSTEM) if each["name"] == reader)
        found = sorted(self.room.webhooks.deliveries(own, actor=SYSTEM), key=lambda each: each.place)
        return [self.room.webhooks.delivery(own, each.id, actor=SYSTEM).body for each in found]


@contextmanager
def told_to_all(definitions: tuple[dict[str, Any], ...] = DEFINITIONS) -> Iterator[World]:
    """Somebody with each pair of eyes is told of everything."""
    with backend(ids=CountedIds(), loopback_webhooks=True) as room:
        world = World(room)
        for definition in definitions:
            room.collections.create(definition, actor=SYSTEM)
        for name in ("alice", "bob"):
            world.people[name] = world.write("users", email=address(name), password=PASSWORD)
        subscriptions = [{"collection": each["name"]} for each in definitions]
        for reader in READERS:
            eyes = f"users/{world.people[reader]}" if reader in world.people else reader
            room.webhooks.create({"name": reader, "url": "http://127.0.0.1:9/", "as": eyes, "subscriptions": subscriptions}, actor=SYSTEM)
        yield world


MADE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("vaults", "gold", {"owner": "alice", "body": "gold", "rank": 1}),
    ("posts", "live", {"owner": "alice", "title": "x", "status": "live", "secret": "s", "cost": "c", "phone": "p", "vault": "gold",
                       "locker": "gold", "source": "gold", "meta": {"a": [1, None]}}),
    ("posts", "draft", {"owner": "bob", "title": "y", "secret": "s", "phone": "p"}),
    ("posts", "nobodys", {"title": "z", "status": "live", "phone": "p"}),
    ("guarded", "key", {"key": "k", "owner": "bob"}),
    ("locked", "locked", {"body": "b"}),
    ("halfopen", "half", {"body": "b"}),
    ("values", "values", {"t": "t", "i": 2**53, "n": 1.5, "d": "1.50", "b": True, "e": "a@example.org", "at": "2026-01-31T08:00:00.000Z",
                          "day": "2026-01-31", "s": "one", "r": None, "j": {"x": [1.0, "é"]}}),
    ("users", "", {"email": address("carol"), "password": PASSWORD, "name": "Carol", "balance": 7, "clearance": "top"}),
)  # fmt: skip


def test_a_message_has_what_its_reader_gets() -> None:
    """The same fields with the same values, or there is no message."""
    with told_to_all() as world:
        made = [(collection, world.write(collection, id, **values)) for collection, id, values in MADE]
        for reader, count in {"guest": 5, "alice": 6, "bob": 7, "admin": len(MADE)}.items():
            said = [json.loads(each)["data"] for each in world.told(reader)]
            told = {(each["collection"], each["id"]): each["record"] for each in said}
            wanted = {key: world.seen(*key, reader) for key in made}
            assert told == {key: record for key, record in wanted.items() if record is not None}
            assert len(told) == len(said) == count


# Two courses of events that differ in what only the owner, staff or admins see, by what is different in the second.
OF_COURSES = tuple(each for each in DEFINITIONS if each["name"] in ("users", "vaults", "posts"))
Course = Callable[[World, str], None]


def _hidden(world: World, unseen: str) -> None:
    world.write("posts", "one", owner="alice", title="x", status="live", secret=unseen, cost=unseen, phone=unseen)
    world.change("posts", "one", secret="known", cost="known", phone="known", title="y")
    world.delete("posts", "one")


def _given_away(world: World, unseen: str) -> None:
    """Bob sees the telephone once it is his post, and not what it was before."""
    world.write("posts", "one", owner="alice", title="x", status="live", phone=unseen)
    world.change("posts", "one", owner="bob", phone="known")


def _published(world: World, unseen: str) -> None:
    world.write("posts", "one", owner="alice", title=unseen)
    world.change("posts", "one", title="known", status="live")


def _withdrawn(world: World, unseen: str) -> None:
    world.write("posts", "one", owner="alice", title="x", status="live")
    world.change("posts", "one", title=unseen, status="draft")
    world.delete("posts", "one")


def _elsewhere(world: World, unseen: str) -> None:
    world.write("vaults", "gold", owner="alice", body=unseen)
    world.write("posts", "one", owner="alice", title="x", status="live", locker="gold" if unseen == "known" else None)
    world.change("posts", "one", title="y")


def _accounts(world: World, unseen: str) -> None:
    dave = world.write("users", email=address(unseen), password=f"a good long {unseen}", balance=len(unseen))
    world.change("users", dave, email=address("known"), password="a good long known", name="Dave")


@pytest.mark.parametrize(("course", "readers"), [
    (_hidden, ("guest", "bob")), (_given_away, ("guest", "bob")), (_published, ("guest", "bob")), (_withdrawn, ("guest",)),
    (_elsewhere, ("guest", "bob")), (_accounts, ("guest", "bob")),
])  # fmt: skip
def test_what_they_do_not_see_changes_no_message_by_a_byte(course: Course, readers: tuple[str, ...]) -> None:
    told = []
    for unseen in ("known", "otherwise"):
        with told_to_all(OF_COURSES) as world:
            course(world, unseen)
            told.append({reader: world.told(reader) for reader in (*readers, "admin")})
    one, other = told
    for reader in readers:
        assert one[reader] == other[reader]
        assert one[reader]
    assert one["admin"] != other["admin"], "what differs is there for those who see it"
