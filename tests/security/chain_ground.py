"""The collections of a chain on several servers that are asked the same in step, and what must be there by the model."""

import random
from collections import Counter
from typing import Any

from tests.security.chain_model import THEMES, Definition, Shape, is_absent, is_many
from tests.security.target import COLLECTIONS, Seen, Target

# What differs from server to server, and what no model needs to know.
_OWN = {"request_id", "created", "updated", "deleted", "kept_until", "deletion", "by", "at", "deleted_by", "locks"}
Rows = dict[str, dict[str, Any]]
Table = dict[str, Rows]


class Ground:
    """`said` tells what was done, so that a failure can be read; `seen` counts what occurred."""

    def __init__(self, targets: list[Target], seed: int, seen: Counter[str]) -> None:
        self._targets, self._chance, self._seen = targets, random.Random(seed), seen
        self.said: list[Any] = []
        self._suffix = f"_{seed}"
        self._shapes = {name: Shape(name + self._suffix, {}) for name in ("tags", "posts", "notes")}
        self._rows: dict[str, Rows] = {name: {} for name in self._shapes}
        self._trash: dict[str, list[str]] = {name: [] for name in self._shapes}
        self._buried: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._last: tuple[dict[str, Shape], dict[str, Shape], dict[str, Rows], dict[str, Rows]] | None = None
        self._made = 0
        # Mostly of one kind, so that conversions find what they can convert.
        self._theme = self._chance.choice(THEMES)

    # --- asking every server the same

    def _ask(self, method: str, path: str, *body: Any, by: str = "admin", query: dict[str, str] | None = None) -> Seen:
        answers = [each.ask(method, COLLECTIONS + path, *body, by=by, query=query) for each in self._targets]
        first = answers[0]
        if method != "GET":
            self.said.append((method, path, *body, first.status, first.code, first.body.get("errors", [])[:2] if first.code else ""))
        for each, target in zip(answers[1:], self._targets[1:], strict=True):
            assert each.status == first.status, (target.engine, method, path, body, query, first.content[:600], each.content[:600])
            if first.content and first.status < 300 and "restore" not in path and "undo" not in path:
                here, there = alike(first.body), alike(each.body)
                if method != "GET" or "cursor" not in path:
                    differing = [*_differences(_unplaced(here), _unplaced(there))]
                    assert not differing, (target.engine, method, path, differing, body, query)
        return first

    def _path(self, name: str, rest: str = "/records") -> str:
        return f"/{self._shapes[name].name}{rest}"

    def _sent(self, definition: Definition) -> Definition:
        """With its target under the name that it has now."""
        target = definition.get("collection")
        return {**definition, "collection": self._shapes[target].name} if target else dict(definition)

    def _references(self) -> list[tuple[str, str, Definition]]:
        fields = [(name, key, each) for name, shape in self._shapes.items() for key, each in shape.fields.items()]
        return [(name, key, each) for name, key, each in fields if each["type"] == "relation"]

    def _copied(self) -> Table:
        return {each: {id: dict(row) for id, row in found.items()} for each, found in self._rows.items()}

    # --- what is there

    def _read(self) -> dict[str, Rows]:
        found: dict[str, Rows] = {}
        for name, shape in self._shapes.items():
            page = self._ask("GET", self._path(name), query={"limit": "500", "sort": "id"})
            assert page.status == 200, page
            found[name] = {each["id"]: {key: each[one["name"]] for key, one in shape.fields.items()} for each in page.body["items"]}
        return found

    def _agree(self) -> None:
        now = self._read()
        for name, rows in self._rows.items():
            unlike = {id: (rows.get(id), now[name].get(id)) for id in {*rows, *now[name]} if rows.get(id) != now[name].get(id)}
            assert not unlike, ("another state", name, unlike)
        posts = self._shapes["posts"].fields
        for shape in self._shapes.values():
            definition = self._ask("GET", f"/{shape.name}").body
            assert [one["name"] for one in definition["fields"]] == [one["name"] for one in shape.fields.values()], definition
            assert len(definition["indexes"]) == len(shape.indexes), definition
        seen = self._ask("GET", f"/seen{self._suffix}/records", query={"limit": "500", "sort": "post"})
        assert seen.status == 200, seen
        assert [{key: one[f"c_{key}"] for key in self._viewed} | {"post": one["post"]} for one in seen.body["items"]] == [
            {key: row[f"posts.{key}"] for key in self._viewed} | {"post": id} for id, row in sorted(now["posts"].items())
        ], ("the view", seen.body["items"])
        key = self._chance.choice([*posts])
        self._filtered(key, posts[key], now["posts"])

    def _filtered(self, key: str, definition: Definition, rows: Rows) -> None:
        if is_many(definition) or definition["type"] in ("json", "geo"):
            return
        told = self._ask("GET", self._path("posts"), query={"filter": f"{definition['name']} = null", "limit": "500", "sort": "id"})
        assert told.status == 200, told
        empty = sorted(id for id, row in rows.items() if is_absent(row[key]))
        assert [each["id"] for each in told.body["items"]] == empty, (key, definition)
        for id, row in rows.items():
            if isinstance(row[key], str) and len(row[key]) < 100 and not {"'", "\\"} & {*row[key]}:
                told = self._ask("GET", self._path("posts"), query={"filter": f"{definition['name']} = '{row[key]}'", "limit": "500"})
                assert told.status != 200 or id in [each["id"] for each in told.body["items"]], (definition, row[key], told.body)
                assert told.status == 200 or definition["type"] == "decimal", told
                break


def alike(body: Any) -> Any:
    if isinstance(body, dict):
        return {key: alike(each) for key, each in body.items() if key not in _OWN}
    return [alike(each) for each in body] if isinstance(body, list) else body


def _differences(here: Any, there: Any, place: str = "") -> Any:
    """Of two answers; 0 and 0.0 are one number in JSON, true is none."""
    if isinstance(here, dict) and isinstance(there, dict) and here.keys() == there.keys():
        for key in here:
            yield from _differences(here[key], there[key], f"{place}/{key}")
    elif isinstance(here, list) and isinstance(there, list) and len(here) == len(there):
        for at, (one, other) in enumerate(zip(here, there, strict=True)):
            yield from _differences(one, other, f"{place}/{at}")
    elif here != there or isinstance(here, bool) != isinstance(there, bool):
        yield place, here, there


def _unplaced(body: Any) -> Any:
    """Without ids that servers make."""
    if isinstance(body, dict):
        return {key: _unplaced(each) for key, each in body.items() if not (key == "id" and isinstance(each, str) and len(each) == 36)}
    return [_unplaced(each) for each in body] if isinstance(body, list) else body
