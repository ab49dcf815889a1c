"""Generated schemas: whatever can be defined is exported and applied and exported to the same bytes, from nothing and from any other
generated schema, on every engine."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from app.testing import backend as make_backend
from domain.actor import SYSTEM
from domain.schema.fields import TYPES
from tests.unit.schema.convertible import FIELDS

NAMES = ("alpha", "beta", "gamma", "delta")
TEXTS = ("x", "it's 100%", 'quo"te', "„ß“ \u2028 😀", "back\\slash")


class Generated:
    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._names = self._chance.sample(NAMES, self._chance.randint(2, 4))

    def schema(self) -> dict[str, Any]:
        made = {name: self._collection(name) for name in self._names}
        if self._chance.random() < 0.7:
            source = self._chance.choice(self._names)
            columns = [{"name": "n", "path": "number"}, {"name": "source_id", "path": "id"}]
            query = {"source": source, "columns": columns, "filter": self._chance.choice(["", "number > 2"])}
            made["seen"] = {"name": "seen", "type": "view", "query": query, "rules": {"list": "n > 1"}}
        return made

    def _collection(self, name: str) -> dict[str, Any]:
        types = [each for each in FIELDS if "relation" not in each]
        fields = [self._field(at, self._chance.choice(types)) for at in range(self._chance.randint(0, 5))]
        fields += [self._relation(at) for at in range(self._chance.randint(0, 3))]
        fields += [{"name": "number", "type": "integer"}, {"name": "text", "type": "text", "default": self._chance.choice(TEXTS)}]
        self._chance.shuffle(fields)
        body: dict[str, Any] = {"name": name, "type": self._chance.choice(["base", "base", "accounts"]) if name == "delta" else "base"}
        body["fields"] = [*fields, {"name": "until", "type": "date"}]
        body["rules"] = {action: self._rule() for action in ("list", "view", "create", "update", "delete") if self._maybe()}
        body["checks"] = [{"name": "sound", "rule": "number != 13", "message": self._chance.choice(TEXTS)}] if self._maybe() else []
        indexes = [{"fields": ["number", "text"], "unique": self._maybe()}, {"fields": ["until"], "where": "number > 0"}]
        body["indexes"] = indexes[: self._chance.randint(0, 2)]
        body["trash"] = {"days": self._chance.randint(1, 90)} if self._maybe() else None
        body["expires"] = {"field": "until"} if self._maybe() else None
        return body

    def _field(self, at: int, kind: str) -> dict[str, Any]:
        options: dict[str, Any] = {"hidden": self._maybe(), "required": kind != "autodate" and self._maybe()}
        if self._maybe():
            options["rules"] = {"view": self._chance.choice(["number > 1", "@request.auth.id != ''", None])}
        # Each name keeps its type, for not every type becomes every other one.
        return {"name": f"{kind.replace(' ', '_')}_{at}", **FIELDS[kind], **options}

    def _relation(self, at: int) -> dict[str, Any]:
        many = {"many": True} if at == 1 else {}
        target = self._chance.choice(self._names)
        deleted = self._chance.choice(["restrict", "cascade", "clear"])
        return {"name": f"to_{target}_{at}", "type": "relation", "collection": target, "on_delete": deleted, **many}

    def _rule(self) -> str:
        elsewhere = f"@collection.{self._names[0]}.number ?= number"
        return self._chance.choice(["", "number > 3 && text != 'x'", "@request.auth.id != ''", elsewhere])

    def _maybe(self) -> bool:
        return self._chance.random() < 0.4


@pytest.fixture
def room(database_url: str) -> Iterator[Any]:
    with make_backend(database=database_url) as made:
        yield made


def export(room: Any) -> dict[str, str]:
    return dict(room.schema.export(actor=SYSTEM).files)


def read(files: dict[str, str]) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in files.items()}


def test_every_type_is_generated_that_exists() -> None:
    assert {each["type"] for each in FIELDS.values()} >= TYPES.keys()


def test_one_after_another_they_are_applied_to_the_byte(room: Any, request: pytest.FixtureRequest) -> None:
    """Each from what the one before left: fields, indexes, rings and whole collections come and go."""
    seeds = range(60 if request.config.getoption("--long") else 6)
    for seed in seeds:
        wanted = Generated(seed).schema()
        before = room.collections.list(actor=SYSTEM)
        # A collection does not change its type: one that would is taken away before.
        unlike = {each.name for each in before if each.name in wanted and each.type != wanted[each.name].get("type", "base")}
        if unlike:
            room.schema.apply({}, actor=SYSTEM, prune=True)
        planned = room.schema.plan(wanted, actor=SYSTEM, prune=True)
        assert planned.is_possible
        done = room.schema.apply(wanted, actor=SYSTEM, prune=True)
        assert [(each.action, each.name) for each in planned.changes] == [(each.action, each.name) for each in done.changes]
        files = export(room)
        assert files.keys() == wanted.keys()
        assert room.schema.apply(read(files), actor=SYSTEM, prune=True).changes == ()
        assert export(room) == files
        with make_backend() as fresh:
            fresh.schema.apply(wanted, actor=SYSTEM)
            assert export(fresh) == files
