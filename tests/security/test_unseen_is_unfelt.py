"""Two databases that differ only in what an actor may not see answer that actor byte for byte the same, over generated requests:
lists, filters, sorts, expands, cursors, totals, entity tags, aggregates, refusals, and writes to what is hidden."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from hypothesis import settings

from app.testing import client
from tests.postgres import fresh_schema
from tests.security.unseen_requests import Sent, requests
from tests.security.unseen_world import ACTORS, FACTS, PASSWORD, World

# Hundreds for each actor in every run; as many as are asked for in a long one.
CASES = max(160, settings.default.max_examples)
Definition = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def database_of(request: pytest.FixtureRequest, engine: str) -> Iterator[str]:
    if engine == "sqlite":
        yield "sqlite:///:memory:"
        return
    with fresh_schema(request.getfixturevalue("postgres_worker_database")) as url:
        yield url


@contextmanager
def twins(
    request: pytest.FixtureRequest, engine: str, actor: str, lifted: Callable[[Definition], Definition] = lambda each: each
) -> Iterator[tuple[World, World]]:
    with ExitStack() as stack:
        urls = [stack.enter_context(database_of(request, engine)) for _ in range(2)]
        first = stack.enter_context(closing(World(urls[0], lifted=lifted)))
        yield first, stack.enter_context(closing(World(urls[1], hidden_from=actor, lifted=lifted)))


def door(world: World, actor: str) -> tuple[FlaskClient, dict[str, str]]:
    web = client(world.room)
    if actor == "guest":
        return web, {}
    signed = web.post("/api/v1/auth/users/sign-in", json={"identity": f"{actor}@example.org", "password": PASSWORD})
    assert signed.status_code == 200, signed.data
    return web, {"Authorization": f"Bearer {signed.get_json()['access_token']}"}


class Asker:
    """Asks both worlds the same and holds their answers against each other."""

    def __init__(self, worlds: tuple[World, World], actor: str) -> None:
        self._doors = [door(world, actor) for world in worlds]
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.differing: list[tuple[Sent, list[Answer]]] = []

    def ask(self, sent: Sent) -> Answer:
        told = [_asked(web, {**auth, **sent.headers}, sent) for web, auth in self._doors]
        self.statuses[(sent.method, told[0][0])] += 1
        assert told[0][0] < 500, (sent, told[0])
        if told[0] != told[1]:
            self.differing.append((sent, told))
        return told[0]

    def accepts(self, sent: Sent) -> bool:
        return self.ask(sent)[0] == 200

    def follow(self, sent: Sent) -> None:
        """The request, and what a client would ask next."""
        status, headers, content = self.ask(sent)
        if sent.conditional and "ETag" in headers:
            self.ask(Sent(sent.method, sent.path, sent.query, headers={"If-None-Match": headers["ETag"]}))
        for _ in range(sent.walk):
            cursor = _next(content) if status == 200 else None
            if cursor is None or "page" in sent.query:
                return
            status, headers, content = self.ask(Sent("GET", sent.path, {**sent.query, "cursor": cursor}))


def _asked(web: FlaskClient, headers: dict[str, str], sent: Sent) -> Answer:
    answer = web.open(sent.url, method=sent.method, json=sent.body, headers={"X-Request-Id": "the-same", **headers})
    return answer.status_code, dict(answer.headers), answer.data


def _next(content: bytes) -> str | None:
    found: str | None = orjson.loads(content)["next"]
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("engine", "actor"), [
    # What differs between the engines is the same for all of them.
    pytest.param(engine, actor, marks=pytest.mark.long if actor == "carol" or (engine == "postgresql" and actor != "bob") else ())
    for engine in ("sqlite", "postgresql")
    for actor in ACTORS
])
def test_what_may_not_be_seen_changes_no_answer(request: pytest.FixtureRequest, engine: str, actor: str, capsys: Any) -> None:
    with twins(request, engine, actor) as worlds:
        asker = Asker(worlds, actor)
        for sent in requests(actor, CASES, worlds[0].ids, asker.accepts):
            asker.follow(sent)
            assert asker.differing == [], told_apart(asker)
    with capsys.disabled():
        print(f"\n{engine}, {actor}: {dict(sorted(asker.statuses.items()))}")
    enough = {("GET", 200): CASES // 2, ("GET", 400): CASES // 20, ("GET", 404): 2, ("GET", 304): CASES // 400}
    enough |= {("PATCH", 404): CASES // 250}
    assert [each for each, least in enough.items() if asker.statuses[each] < least] == []


def told_apart(asker: Asker) -> str:
    sent, (first, second) = asker.differing[0]
    return f"{sent}\n\n{first}\n\n{second}"


# --- controls: each of these protections, lifted, is felt


def without_rules_of(collection: str, name: str) -> Callable[[Definition], Definition]:
    def lift(definition: Definition) -> Definition:
        if definition["name"] != collection:
            return definition
        fields = [{**each, "rules": {}, "hidden": False} if each["name"] == name else each for each in definition["fields"]]
        return {**definition, "fields": fields}

    return lift


def open_to_all(collection: str, *rules: str) -> Callable[[Definition], Definition]:
    def lift(definition: Definition) -> Definition:
        return {**definition, "rules": {**definition["rules"], **dict.fromkeys(rules,
        "")}} if definition["name"] == collection else definition

    return lift


def with_column_shown(view: str, name: str) -> Callable[[Definition], Definition]:
    def lift(definition: Definition) -> Definition:
        if definition["name"] != view:
            return definition
        columns = [{**each, "hidden": False} if each["name"] == name else each for each in definition["query"]["columns"]]
        return {**definition, "query": {**definition["query"], "columns": columns}}

    return lift


LIFTED = {
    "a column of a view": with_column_shown("board", "phone"), "a measure of a view": with_column_shown("tallies", "secret"),
    "rows of a view": open_to_all("board", "list"),
    "a hidden field": without_rules_of("posts", "secret"), "a hidden relation": without_rules_of("posts", "locker"),
    "a hidden field of accounts": without_rules_of("users", "pin"), "a field of admins": without_rules_of("posts", "audit"),
    "a field of staff": without_rules_of("posts", "margin"), "a field of the owner": without_rules_of("posts", "phone"),
    "a field that another record decides on": without_rules_of("posts", "score"), "choices": without_rules_of("posts", "marks"),
    "links": without_rules_of("posts", "stars"), "a relation": without_rules_of("posts", "parent"), "json": without_rules_of("posts",
        "meta"),
    "a date": without_rules_of("posts", "due"), "a relation back": without_rules_of("replies", "about"),
    "a list rule": open_to_all("vaults", "list"), "a view rule": open_to_all("vaults", "view"), "rows": open_to_all("posts", "list"),
    "rows of others": open_to_all("replies", "list"), "a note of tags": without_rules_of("tags", "note"),
        "wages": without_rules_of("users", "wage"),
}  # fmt: skip


@pytest.mark.parametrize("protection", LIFTED)
def test_a_protection_that_is_lifted_is_felt(request: pytest.FixtureRequest, protection: str) -> None:
    with twins(request, "sqlite", "bob", LIFTED[protection]) as worlds:
        asker = Asker(worlds, "bob")
        for sent in requests("bob", 400, worlds[0].ids, asker.accepts):
            asker.follow(sent)
            if asker.differing:
                return
    pytest.fail(f"nobody felt that {protection} was open")


def test_an_address_that_is_shown_is_felt(request: pytest.FixtureRequest) -> None:
    with twins(request, "sqlite", "bob") as worlds:
        for world in worlds:
            ann = world.ids["alice"]
            world.room.records.update("users", ann, {"email_visible": True}, actor=world.actor("alice"), facts=FACTS)
        asker = Asker(worlds, "bob")
        asker.ask(Sent("GET", f"/api/v1/collections/users/records/{ann}"))
        assert asker.differing
