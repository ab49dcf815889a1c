"""What becomes of a PocketBase: collections in an order in which each finds what it points at, and a report of what is not the same."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from domain.errors import Conflict, Invalid
from domain.pocketbase.fields import check, definition, lost
from domain.pocketbase.indexes import index
from domain.pocketbase.names import Names, is_stamp, names_of
from domain.pocketbase.source import ForeignCollection, Note
from domain.pocketbase.texts import differences, in_our_words, unlike_lists, with_lists
from domain.pocketbase.values import Read, reader
from domain.schema.collection import Collection, Schema, define_collection, rule_names
from domain.schema.fields import RelationField, Tools, define
from domain.schema.fields.relations import RECORD_ID

# What judges a collection under a schema, and raises Invalid: the rule language is asked by whoever has it.
Judge = Callable[[Schema, Collection], None]


@dataclass(frozen=True, slots=True)
class Column:
    """Which column there feeds which field here."""

    source: str
    field: str
    read: Read


@dataclass(frozen=True, slots=True)
class Moved:
    """`collection` as it will be, without rules and indexes; those come when its records are there. `late` are relations that lead to
    itself or to a collection that comes after it."""

    source: ForeignCollection
    collection: Collection
    columns: tuple[Column, ...]
    rules: Mapping[str, str | None] = field(default_factory=dict)
    indexes: tuple[Mapping[str, Any], ...] = ()
    late: tuple[RelationField, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)  # values that no column has, by field


@dataclass(frozen=True, slots=True)
class Plan:
    moved: tuple[Moved, ...]
    notes: tuple[Note, ...]


@dataclass(slots=True)
class Planning:
    """`new_id` names collections where the id from there cannot be kept."""

    schema: Schema
    tools: Tools
    judge: Judge
    new_id: Callable[[], str]
    now: str
    notes: list[Note] = field(default_factory=list)

    def plan(self, collections: tuple[ForeignCollection, ...]) -> Plan:
        kept = tuple(each for each in collections if not each.system and each.type in ("base", "auth"))
        self._leave_out(collections, kept)
        names = names_of(kept)
        taken = [name for name in names.collections.values() if name in self.schema.collections]
        if taken:
            hint = "import into a backend that has none of them"
            raise Conflict(f"there is a collection `{taken[0]}` already", code="not_unique", hint=hint)
        self._tell_names(names)
        moved = [self._moved(each, names, {one.id: names.collections[one.name] for one in kept}) for each in kept]
        return Plan(tuple(self._with_texts(_in_order(moved), names)), tuple(self.notes))

    def _note(self, kind: str, place: str, text: str) -> None:
        self.notes.append(Note(kind, place, text))

    def _leave_out(self, collections: tuple[ForeignCollection, ...], kept: tuple[ForeignCollection, ...]) -> None:
        for each in collections:
            if not each.system and each not in kept:
                self._note("left out", each.name, "a view is SQL there; make it anew as a view with a `query`")

    def _tell_names(self, names: Names) -> None:
        for old, new in names.collections.items():
            if old != new:
                self._note("renamed", old, f"`{new}`")
        for (collection, old), new in names.fields.items():
            if old != new:
                self._note("renamed", f"{collection}.{old}", f"`{new}`")

    def _moved(self, source: ForeignCollection, names: Names, targets: Mapping[str, str]) -> Moved:
        fields: list[dict[str, Any]] = []
        checks: list[dict[str, str]] = []
        columns: list[Column] = []
        for each in source.fields:
            old = str(each.get("name"))
            place, name = f"{source.name}.{old}", names.fields.get((source.name, old))
            if old == "id" or is_stamp(each):
                continue
            for kind, text in lost(each, source):
                self._note(kind, place, text)
            made = None if name is None or (source.type == "auth" and each.get("system")) else self._field(each, name, place, targets)
            if made is not None:
                fields.append(made)
                required = check(each, made["name"])
                checks += [required] if required else []
            if name is not None and (made is not None or (source.type == "auth" and old in ("email", "emailVisibility", "verified"))):
                nothing = each.get("type") == "number" and "default" not in (made or {})
                columns.append(Column(old, name, reader(each, zero_is_nothing=nothing)))
        body = {"name": names.collections[source.name], "type": _TYPES[source.type], "fields": fields, "checks": checks}
        return Moved(source, define_collection(body, id=self._id(source), now=self.now, tools=self.tools), tuple(columns))

    def _id(self, source: ForeignCollection) -> str:
        """The one from there, as rules may name it (`@request.auth.collectionId`)."""
        taken = {each.id for each in self.schema.collections.values()}
        return source.id if RECORD_ID.fullmatch(source.id) and source.id not in taken else self.new_id()

    def _field(self, field: Mapping[str, Any], name: str, place: str, targets: Mapping[str, str]) -> dict[str, Any] | None:
        target = targets.get(str(field.get("collectionId")))
        made = definition(field, name, target)
        if made is None:
            if field.get("type") == "relation":
                self._note("left out", place, "it leads to a collection that is not imported")
            return None
        for candidate in (made, {key: value for key, value in made.items() if key in _BARE}):
            try:
                define(candidate, "", self.tools)
            except Invalid as refused:
                self._note("left out", place, f"its limits: {refused.detail}" if candidate is made else refused.detail)
            else:
                return candidate
        return None

    # --- rules and indexes, once all collections are known

    def _with_texts(self, moved: tuple[Moved, ...], names: Names) -> Iterator[Moved]:
        after = self.schema
        for each in moved:
            after = after.with_collection(each.collection)
        for each in moved:
            rules = {name: self._rule(after, each, name, names) for name in rule_names(each.collection.type)}
            yield replace(each, rules=rules, indexes=tuple(self._indexes(after, each, names)))

    def _rule(self, after: Schema, moved: Moved, name: str, names: Names) -> str | None:
        """None (locked) where it cannot be kept: a rule that means something else must not open what it closed."""
        rule = moved.source.rules.get(name)
        if not rule:
            return rule
        place = f"{moved.source.name}: {name} rule"
        lists = {field.name for each in after.collections.values() for field in each.fields if field.many}
        words = in_our_words(rule, names.words)
        compared = unlike_lists(words, lists)
        if compared:
            told = f"`{compared}` is compared as the JSON text of a list there; write `{compared}:each ?= …` where one element is meant"
            self._note("locked", place, f"{told}; it was: {rule[:200]}")
            return None
        text = with_lists(words, lists)
        try:
            self.judge(after, replace(moved.collection, rules=replace(moved.collection.rules, **{name: text})))
        except Invalid as refused:
            self._note("locked", place, f"{refused.detail}; it was: {rule[:200]}")
            return None
        for told in differences(text):
            self._note("differs", place, f"{told}: {rule[:200]}")
        if text != rule:
            self._note("changed", place, f"now {text[:200]}")
        return text

    def _indexes(self, after: Schema, moved: Moved, names: Names) -> Iterator[dict[str, Any]]:
        fields = {column.source: column.field for column in moved.columns} | {name: name for name in ("id", "created", "updated")}
        for text in moved.source.indexes:
            if moved.source.type == "auth" and ("tokenKey" in text or "email" in text):
                continue  # accounts have theirs
            made = index(text, fields)
            told = "its form has no counterpart" if made is None else self._refusal(after, moved, made)
            if told:
                self._note("left out", f"{moved.source.name}: index", f"{told}: {text[:200]}")
            elif made is not None:
                yield made

    def _refusal(self, after: Schema, moved: Moved, made: Mapping[str, Any]) -> str:
        own = moved.collection
        body = {"name": own.name, "type": own.type, "fields": [each.definition() for each in own.fields], "indexes": [made]}
        try:
            self.judge(after, define_collection(body, id=own.id, now=self.now, tools=self.tools))
        except Invalid as refused:
            return refused.detail
        return ""


_TYPES = {"base": "base", "auth": "accounts"}
# What a field keeps where its limits cannot be kept.
_BARE = ("name", "type", "collection", "values", "many", "max", "on_delete", "hidden")


def _in_order(moved: list[Moved]) -> tuple[Moved, ...]:
    """Targets first, as far as there is such an order."""
    done: dict[str, Moved] = {}
    waiting = {each.collection.name: each for each in moved}
    while waiting:
        ready = [each for each in waiting.values() if not _ahead(each, waiting)] or [next(iter(waiting.values()))]
        for each in ready:
            name = each.collection.name
            late = tuple(one for one in each.collection.relations if one.collection == name or one.collection in waiting)
            done[name] = replace(each, late=tuple(one for one in late if one.collection not in done))
            del waiting[name]
    return tuple(done.values())


def _ahead(moved: Moved, waiting: Mapping[str, Moved]) -> list[str]:
    name = moved.collection.name
    return [each.collection for each in moved.collection.relations if each.collection != name and each.collection in waiting]
