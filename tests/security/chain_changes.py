"""The schema changes and undos of a chain, and what they make of the records by the model."""

from typing import Any

from tests.security.chain_ground import Ground, Table
from tests.security.chain_model import OPEN, OPTIONS, REFUSED, Shape, converted, is_convertible, nothing


class Changes(Ground):
    """What a chain does to its definitions."""

    def _change(self) -> None:
        name = self._chance.choice(["posts", "posts", "posts", "notes"])
        old = {each: shape.copy() for each, shape in self._shapes.items()}
        new = old[name].copy()
        what = self._reshape(new)
        was = {key: each["name"] for key, each in old[name].fields.items()}
        sent = []
        for key, each in new.fields.items():
            renamed = {"was": was[key]} if key in was and was[key] != each["name"] else {}
            target = each.get("collection")
            sent.append({**each, **renamed, **({"collection": (new if target == name else self._shapes[target]).name} if target else {})})
        body: dict[str, Any] = {"fields": sent}
        if new.name != old[name].name:
            body["name"] = new.name
        if new.indexes != old[name].indexes:
            body["indexes"] = new.indexes
        if self._chance.random() < 0.5:
            self._ask("POST", self._path(name, "/plan"), body)
        done = self._ask("PATCH", self._path(name, ""), body)
        self._seen[f"change {what} {done.status} {done.code}"] += 1
        for before, after in ((old[name].fields[key], each) for key, each in new.fields.items() if key in was):
            if before["type"] != after["type"]:
                self._seen[f"{before['type']} to {after['type']}: {'done' if done.status == 200 else 'refused'}"] += 1
        if done.status == 200:
            rows = self._copied()
            self._shapes = {**self._shapes, name: new}
            self._move(old, self._shapes, None)
            self._last = (old, {each: shape.copy() for each, shape in self._shapes.items()}, rows, self._copied())

    def _reshape(self, new: Shape) -> str:
        keys = [key for key, each in new.fields.items()]
        done = []
        if self._chance.random() < 0.7:
            key = self._chance.choice(keys)
            likely = [each for each in OPTIONS if is_convertible(new.fields[key], each)]
            chosen = self._chance.choice(likely if likely and self._chance.random() < 0.93 else OPTIONS)
            new.fields[key] = {"name": new.fields[key]["name"], **chosen}
            done.append("type")
        if self._chance.random() < 0.35:
            names = [new.fields[key]["name"] for key in keys]
            if self._chance.random() < 0.1:
                self._chance.shuffle(names)
            else:
                names[self._chance.randrange(len(names))] = f"n{self._chance.randrange(1000)}"
            for key, name in zip(keys, names, strict=True):
                new.fields[key]["name"] = name
            done.append("names")
        if self._chance.random() < 0.15:
            self._made += 1
            new.fields[f"new{self._made}"] = {"name": f"f{self._made}", **self._chance.choice(OPTIONS)}
            done.append("add")
        if self._chance.random() < 0.15:
            base = new.name.removesuffix(self._suffix)
            new.name = ("x" + base if not base.startswith("x") else base[1:]) + self._suffix
            done.append("rename")
        if self._chance.random() < 0.2:
            first, second = (new.fields[key]["name"] for key in self._chance.sample(keys, 2))
            new.indexes = [{"fields": [first], "unique": True, "where": f"{second} != null"}] if self._chance.random() < 0.7 else []
            done.append("index")
        elif new.indexes:
            new.indexes = []
        return "+".join(done)

    def _move(self, old: dict[str, Shape], new: dict[str, Shape], taken_back: tuple[Table, Table] | None) -> None:
        """The rows as the new shapes say, asking the server only for what is left open."""
        now = self._read()
        for name, rows in self._rows.items():
            for id, row in rows.items():
                moved = {}
                for key, after in new[name].fields.items():
                    before = old[name].fields.get(key)
                    wanted = nothing(after) if before is None else converted(row[key], before, after)
                    if taken_back and key in taken_back[1][name].get(id, {}) and taken_back[1][name][id][key] == row.get(key):
                        wanted = taken_back[0][name][id].get(key, nothing(after))
                    got = now[name][id][key]
                    assert wanted is not REFUSED, ("converted what has no counterpart", name, id, row[key], before, after, got)
                    if wanted is OPEN:
                        self._seen["left open"] += 1
                        wanted = got
                    assert wanted == got, ("another value", name, id, key, row.get(key), before, after, wanted, got)
                    moved[key] = wanted
                rows[id] = moved

    def _undo(self) -> None:
        if self._last is None:
            return
        done = self._ask("POST", "/undo")
        self._seen[f"undo {done.status} {done.code}"] += 1
        if done.status != 200:
            return
        old, new, before, after = self._last
        here = self._shapes
        self._shapes = {each: shape.copy() for each, shape in old.items()}
        rows = self._copied()
        self._move(here, self._shapes, (before, after))
        self._last = (new, old, rows, self._copied())
