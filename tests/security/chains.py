"""Random chains of writes, schema changes, undos, deletions and restores over HTTP, each step held to the model."""

from decimal import Decimal
from typing import Any

from tests.security.chain_changes import Changes
from tests.security.chain_ground import Table
from tests.security.chain_model import (
    DECIMALS,
    OPTIONS,
    VALUES,
    Definition,
    is_many,
    kept,
)  # fmt: skip
from tests.security.target import COLLECTIONS

READ = {"list": "", "view": ""}


class Chain(Changes):
    """`run` takes so many steps; `end` removes what it made."""

    def run(self, steps: int) -> None:
        self._begin()
        ways = [self._create] * 5 + [self._patch] * 3 + [self._delete] * 2 + [self._restore] * 3 + [self._change] * 6 + [self._undo] * 3
        for _ in range(steps):
            self._chance.choice(ways)()
            self._agree()

    def end(self) -> None:
        for name in ("seen", "notes", "posts", "tags"):
            shape = self._shapes.get(name)
            for each in self._targets:
                each.ask("DELETE", f"{COLLECTIONS}/{shape.name if shape else name + self._suffix}", by="admin")

    def _begin(self) -> None:
        trash = {"trash": {"days": 9}}
        self._define("tags", {"label": {"type": "text"}}, {"rules": READ, **trash})
        fields = {each: dict(self._chance.choice(OPTIONS)) for each in "abc"}
        self._keeps = {"tags", "notes", *(["posts"] if self._chance.random() < 0.85 else [])}
        self._define("posts", {"mark": {"type": "text"}, **fields}, {"rules": READ, **(trash if "posts" in self._keeps else {})})
        on = {"type": "relation", "collection": "posts", "on_delete": self._chance.choice(["restrict", "cascade", "clear"])}
        within = {"type": "relation", "collection": "notes", "on_delete": "cascade"}
        self._define("notes", {"on": on, "with": within, "text": {"type": "text"}}, {"rules": READ, **trash})
        simple = [each for each in "ab" if not is_many(fields[each]) and fields[each]["type"] not in ("json", "geo")]
        columns = [{"name": f"c_{each}", "path": each} for each in simple]
        query = {"source": f"posts{self._suffix}", "columns": [{"name": "post", "path": "id"}, *columns]}
        self._viewed = [column["path"] for column in columns]
        made = self._ask("POST", "", {"name": f"seen{self._suffix}", "type": "view", "query": query, "rules": READ})
        assert made.status == 201, made
        for name, how_many in (("tags", 3), ("posts", 4), ("notes", 3)):
            for _ in range(how_many):
                self._create(name)

    def _define(self, name: str, fields: dict[str, Definition], more: dict[str, Any]) -> None:
        shape = self._shapes[name]
        shape.fields = {f"{name}.{each}": {"name": each, **definition} for each, definition in fields.items()}
        made = self._ask("POST", "", {"name": shape.name, "fields": [self._sent(each) for each in shape.fields.values()], **more})
        assert made.status == 201, made

    # --- records

    def _value(self, definition: Definition) -> Any:
        kind = definition["type"]
        if self._chance.random() < 0.15:
            return None
        if kind == "relation":
            known = [*self._rows[definition["collection"]]] or ["none"]
            some = self._chance.sample(known, min(len(known), self._chance.randint(0, 3)))
            return some if is_many(definition) else self._chance.choice(known)
        if is_many(definition):
            return self._chance.sample(definition["values"], self._chance.randint(0, 3))
        given = definition["values"] if kind == "select" else VALUES[kind]
        if kind == "decimal":
            given = (*given, *DECIMALS[definition["scale"]])
        if kind in ("text", "json") and self._chance.random() < 0.85:
            given = self._theme
        return self._chance.choice(given)

    def _values(self, name: str) -> dict[str, Any]:
        fields = self._shapes[name].fields
        return {key: self._value(each) for key, each in fields.items() if self._chance.random() < 0.85}

    def _create(self, name: str = "") -> None:
        name = name or self._chance.choice(["posts", "posts", "posts", "notes", "tags"])
        self._made += 1
        id = f"{name[0]}{self._made - 1}"
        if self._trash[name] and self._chance.random() < 0.1:
            id = self._chance.choice(self._trash[name])
        values, fields = self._values(name), self._shapes[name].fields
        made = self._ask("POST", self._path(name), {"id": id, **{fields[key]["name"]: value for key, value in values.items()}})
        self._seen[f"create {made.status} {made.code}"] += 1
        if made.status == 201:
            assert id not in self._rows[name]
            self._rows[name][id] = {key: kept(values.get(key), each) for key, each in fields.items()}
            self._take_rich(name, id, made.body)

    def _take_rich(self, name: str, id: str, body: dict[str, Any]) -> None:
        """How HTML is cleaned is told elsewhere."""
        for key, each in self._shapes[name].fields.items():
            if each["type"] == "richtext":
                self._rows[name][id][key] = body[each["name"]]

    def _patch(self) -> None:
        name = self._chance.choice(["posts", "posts", "notes"])
        if not self._rows[name]:
            return
        id = self._chance.choice([*self._rows[name]])
        fields, row = self._shapes[name].fields, self._rows[name][id]
        key = self._chance.choice([*fields])
        value, sign = self._value(fields[key]), ""
        if fields[key]["type"] in ("integer", "decimal") and value is not None and self._chance.random() < 0.7:
            sign = self._chance.choice("+-")
        done = self._ask("PATCH", self._path(name, f"/records/{id}"), {fields[key]["name"] + sign: value})
        self._seen[f"patch{sign} {done.status} {done.code}"] += 1
        if done.status != 200:
            return
        if sign:
            now = done.body[fields[key]["name"]]
            exact = float if fields[key]["type"] == "number" else Decimal
            assert exact(now) == exact(row[key] or 0) + (1 if sign == "+" else -1) * exact(value), (row[key], sign, value, now)
            row[key] = now
        else:
            row[key] = kept(value, fields[key])
            self._take_rich(name, id, done.body)

    def _delete(self) -> None:
        name = self._chance.choice(["posts", "posts", "tags", "notes"])
        if not self._rows[name]:
            return
        id = self._chance.choice([*self._rows[name]])
        done = self._ask("DELETE", self._path(name, f"/records/{id}"))
        self._seen[f"delete {done.status} {done.code}"] += 1
        gone, held = self._closure(name, id)
        assert done.status == 204 or held, ("refused without a reason", done.content)
        if done.status == 204:
            self._bury(gone)

    def _closure(self, name: str, id: str) -> tuple[set[tuple[str, str]], bool]:
        """What goes with it, and whether something may stand against it."""
        gone, grew = {(name, id)}, True
        while grew:
            size = len(gone)
            for holder, key, each in self._references():
                if each["on_delete"] != "cascade":
                    continue
                for other, row in self._rows[holder].items():
                    named = row[key] if is_many(each) else [row[key]]
                    targets = [(each["collection"], one) for one in named if one is not None]
                    if targets and all(one in gone for one in targets):
                        gone.add((holder, other))
            grew = len(gone) > size
        held = any(
            (each["collection"], one) in gone
            for holder, key, each in self._references() if each["on_delete"] == "restrict"
            for row in self._rows[holder].values() for one in (row[key] if is_many(each) else [row[key]])
        )  # fmt: skip
        return gone, held

    def _bury(self, gone: set[tuple[str, str]]) -> None:
        shapes = {name: shape.copy().fields for name, shape in self._shapes.items()}
        entries = {(name, id): (self._rows[name][id], shapes[name]) for name, id in gone}
        self._seen["cascaded"] += len(gone) > 1
        cleared = set()
        for name, id in gone:
            del self._rows[name][id]
            if name in self._keeps:
                self._trash[name].append(id)
        for holder, key, each in self._references():
            for other, row in self._rows[holder].items():
                named = row[key] if is_many(each) else [row[key]]
                left = [one for one in named if (each["collection"], one) not in gone]
                if left != named:
                    cleared.add((holder, other, key))
                    row[key] = left if is_many(each) else None
        for each in gone:
            self._buried.setdefault(each, []).append({"entries": entries, "cleared": cleared})

    def _restore(self) -> None:
        name = self._chance.choice(["posts", "posts", "tags", "notes"])
        if not self._trash[name]:
            return
        id = self._chance.choice(self._trash[name])
        relations = [each["name"] for each in self._shapes[name].fields.values() if each["type"] == "relation"]
        clear = relations if self._chance.random() < 0.3 else []
        query = {"clear": ",".join(clear)} if clear else None
        before, known = self._rows, dict(self._buried)
        done = self._ask("POST", self._path(name, f"/trash/{id}/restore"), query=query)
        codes = ",".join(sorted({each["code"] for each in done.body["errors"]})) if done.code else ""
        self._seen[f"restore {done.status} {done.code} {codes}"] += 1
        assert done.status != 404, "it is not in the trash"
        if done.status != 200:
            return
        now = self._read()
        assert id in now[name]
        back = {(each, one) for each in now for one in now[each] if one not in before[each]}
        self._seen["restored several"] += len(back) > 1
        self._only_pointing_again(before, now, {one for _, one in back})
        for each in back:
            group = known[each][-1]
            row, fields = group["entries"][each]
            for key, value in row.items():
                here = self._shapes[each[0]].fields.get(key)
                if here is None or {**here, "name": 0} != {**fields[key], "name": 0}:
                    self._seen["restored into another type"] += here is not None
                elif here["type"] == "relation" and clear:
                    pass
                else:
                    assert now[each[0]][each[1]][key] == value, ("restored another value", each, key, value, now[each[0]][each[1]][key])
            self._trash[each[0]].remove(each[1])
            self._buried[each] = self._buried[each][:-1]
        self._rows = now

    def _only_pointing_again(self, before: Table, now: Table, back: set[str]) -> None:
        """Of what was there nothing changed but relations that were empty, and lists, which point at what came back."""
        for holder, rows in before.items():
            for other, row in rows.items():
                for key, value in row.items():
                    again = now[holder][other][key]
                    if again == value:
                        continue
                    assert self._shapes[holder].fields[key]["type"] == "relation", (holder, other, key, value, again)
                    assert value is None or isinstance(value, list), (holder, other, key, value, again)
                    pointed = set(again if isinstance(again, list) else [again]) - set(value or [])
                    assert pointed <= back, (holder, other, key, value, again, back)
