"""How records are read: the collection's rule joined with the client's filter, one statement, and one more for each relation expanded."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from app.usecases.expanding import Expander
from app.usecases.expansion import Expansion, Expansions
from app.usecases.passing import kept_passes
from app.usecases.reasons import Reasons, Subject
from app.usecases.request_values import request_values
from app.usecases.requests import Request
from app.usecases.rulebook import Rulebook, Ruling, Sayable
from app.usecases.sights import Pen, Sights, masked_in, sights_for
from domain.actor import Actor
from domain.errors import NotFound
from domain.records.cursors import read_cursor, write_cursor
from domain.records.page import ListQuery, Page, Shown
from domain.records.reading import Reading, Search, SortKey, Window
from domain.records.search import by_rank, search_of, snippets
from domain.records.visibility import Sight, answered_fields, is_nothing, present
from domain.rules.scope import Scope
from domain.rules.shape import ANYTHING, shape, shape_with
from domain.rules.steps import check_together, joins
from domain.rules.tree import Path
from domain.rules.values import Values, request_paths
from domain.rules.walk import path_guards
from domain.schema.aliases import Deprecated
from domain.schema.collection import Collection, Schema
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.observer import Observer, RequestRefusedByRule
from ports.unit_of_work import Stores

Order = tuple[SortKey, ...]
NOT_RENAMED: Mapping[str, str] = {}
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Asked:
    """A list as it goes to the store; `text` is what its cursors belong to."""

    names: tuple[str, ...]
    reading: Reading
    window: Window
    expansion: Expansion
    sights: Sights
    text: str
    deprecated: Deprecated | None


class RecordReads:
    """What happens inside a transaction or snapshot that reads; `RecordUseCases` opens it."""

    def __init__(self, rulebook: Rulebook, clock: Clock, observer: Observer) -> None:
        self._rulebook, self._clock, self._observer = rulebook, clock, observer

    def list(self, stores: Stores, name: str, query: ListQuery, request: Request) -> Page:
        asked = self.asked(stores, name, query, request)
        listing = stores.records.list(asked.reading, asked.window, request.guard)
        expands = self._expander(stores, request, asked.sights).expand(asked.expansion, asked.reading.columns, listing.rows)
        following = None if listing.last is None else write_cursor(asked.window.order, asked.text, listing.last)
        search = asked.window.search
        found = None if search is None else _snippets(asked.reading.collection, search, asked.reading.columns, listing.rows)
        return Page(asked.names, listing.rows, expands, following, listing.total, found, asked.deprecated)

    def asked(self, stores: Stores, name: str, query: ListQuery, request: Request) -> Asked:
        """What a list asks of the store."""
        now = self.moment(stores.schema)
        collection, sights = entered(stores.schema, name, now), self.sights(stores, request)
        before = collection.called_before(now) if query.aliases else NOT_RENAMED
        self._rulebook.rule(stores.schema, collection, "list", request.actor)
        sayable = sights.sayable(collection, query.filter, query.sort)
        ruling = self._rulebook.readable(stores.schema, collection, "list", request.actor, query.filter, sayable)
        order = self._rulebook.order(stores.schema, collection, request.actor, query.sort, sayable)
        names, fields = answered_fields(sights.of(collection).names, query.fields, before)
        expansion = self._expansion(stores, collection, query.expand, request, sights)
        reading = self._reading(stores, collection, fields + expansion.needed(fields), ruling, request, sights)
        reading, order = self._ordered(stores, reading, ruling, order, request)
        search = search_of(collection, sights.of(collection), query.search) if query.search else None
        if search is not None:
            reading = self._with_searched(reading, search, sights)
            order = order if query.sort else by_rank(collection, order)
        if query.filter or query.sort or search is not None:
            self._check_steps(stores, collection, query, request, sayable, search)
        text = "\n".join((collection.name, query.filter, query.sort, *((query.search,) if search else ())))
        after = None if query.cursor is None else read_cursor(order, text, query.cursor)
        offset = (query.page - 1) * query.limit if query.page else 0
        window = Window(order=order, limit=query.limit, after=after, offset=offset, count=query.count, search=search)
        told = deprecated(collection, name, _used(collection, sights, names, query, now), now)
        return Asked(names, reading, window, expansion, sights, text, told)

    def _check_steps(
        self, stores: Stores, collection: Collection, query: ListQuery, request: Request, sayable: Sayable, search: Search | None
    ) -> None:
        """All of it is one statement."""
        steps = self._rulebook.steps(stores.schema, collection, request.actor, query.filter, query.sort, sayable)
        if search is not None:
            is_many = Scope(stores.schema, collection).is_many
            steps += sum(joins(condition, is_many) for _, condition in search.masks.conditions)
        check_together(steps, "filter" if query.filter else "sort" if query.sort else "search")

    def get(self, stores: Stores, name: str, id: str, request: Request, fields: str, expand: str) -> Shown:
        now = self.moment(stores.schema)
        collection, sights = entered(stores.schema, name, now), self.sights(stores, request)
        ruling = self._rulebook.rule(stores.schema, collection, "view", request.actor)
        sight = sights.of(collection)
        names, selected = answered_fields(sight.names, fields, collection.called_before(now))
        told = deprecated(collection, name, names, now)
        expansion = self._expansion(stores, collection, expand, request, sights)
        behind = () if collection.is_view else tuple(each for each in ("version", "created") if each not in selected)
        columns = selected + behind + expansion.needed(selected + behind)
        row = stores.records.get(self._reading(stores, collection, columns, ruling, request, sights), id, request.guard)
        if row is None:
            raise self.hidden(stores, collection, "view", id, request)
        expands = self._expander(stores, request, sights).expand(expansion, columns, [row])
        if collection.is_view:
            # Its records have no version of their own, so that nothing tells whether they are still the same.
            return Shown(id, 0, "", names, row, expands[0] if expands else None, deprecated=told)
        extra = None if expands else etag_extra(stores, sight, selected, row, request.actor, names)
        version, created = row[columns.index("version")], row[columns.index("created")]
        return Shown(id, version, created, names, row, expands[0] if expands else None, extra, told)

    def moment(self, schema: Schema) -> str:
        """Now, where it matters which names are still understood; telling the time costs some."""
        return write_instant(self._clock.now()) if schema.aliased else ""

    def sights(self, stores: Stores, request: Request) -> Sights:
        """What this request sees of fields with rules of their own."""
        return sights_for(self._rulebook, stores, request.actor, request.facts, self._clock.now())

    def pen(self, stores: Stores, collection: Collection, request: Request, *, creating: bool = False) -> Pen:
        """What of the collection's fields this request may write."""
        now = self._clock.now()

        def values(paths: frozenset[tuple[str, ...]]) -> Values:
            return _values(stores, paths, request, now, creating=creating)

        return self.sights(stores, request).pen(collection, values, creating=creating)

    def shown(self, stores: Stores, collection: Collection, record: Mapping[str, Any], request: Request, only: str) -> Shown:
        """A record that was written in this transaction, as a get would show it now."""
        sight = self.sights(stores, request).of(collection)
        now = self.moment(stores.schema)
        names, selected = answered_fields(sight.names, only, collection.called_before(now))
        masks = sight.masks.of(selected)
        if sight.local or not masks.conditions:
            row: Sequence[Any] | None = present(selected, record, masked_in(masks, record))
        else:
            row = stores.records.get(Reading(collection, selected, ANYTHING, masks), record["id"], request.guard)
        if row is None:
            raise self.hidden(stores, collection, "view", record["id"], request)
        extra = etag_extra(stores, sight, selected, row, request.actor, names)
        told = deprecated(collection, collection.name, names, now)
        return Shown(record["id"], record["version"], record["created"], names, row, None, extra, told)

    def _reading(
        self, stores: Stores, collection: Collection, columns: tuple[str, ...], ruling: Ruling, request: Request, sights: Sights
    ) -> Reading:
        where = shape(ruling.condition, self.values(stores, ruling, request))
        return Reading(collection, columns, where, sights.of(collection).masks.of(columns))

    def _with_searched(self, reading: Reading, search: Search, sights: Sights) -> Reading:
        """Snippets are made of the fields themselves, behind what the answer holds."""
        columns = reading.columns + tuple(each for each in search.fields if each not in reading.columns)
        return replace(reading, columns=columns, masks=sights.of(reading.collection).masks.of(columns))

    def _ordered(
        self, stores: Stores, reading: Reading, ruling: Ruling, order: Order, request: Request
    ) -> tuple[Reading, Order]:
        """Sorting through a relation goes by nothing of a record that the actor may not list: what guards the relation is asked
        for this request, as the condition is."""
        paths = tuple(key.path for key in order)
        asked = guard_paths(paths)
        if asked is None:
            return reading, order
        values = self.values(stores, replace(ruling, paths=ruling.paths | asked), request)
        where, shaped = shape_with(ruling.condition, paths, values)
        return replace(reading, where=where), tuple(replace(key, path=path) for key, path in zip(order, shaped, strict=True))

    def _expansion(self, stores: Stores, collection: Collection, text: str, request: Request, sights: Sights) -> Expansion:
        return Expansions(stores.schema, sights, self._rulebook, request.actor).tree(collection, text)

    def _expander(self, stores: Stores, request: Request, sights: Sights) -> Expander:
        def reading(collection: Collection, columns: tuple[str, ...], ruling: Ruling) -> Reading:
            return self._reading(stores, collection, columns, ruling, request, sights)

        return Expander(stores, self._rulebook, request.actor, sights, reading)

    def values(self, stores: Stores, ruling: Ruling, request: Request, *, creating: bool = False) -> Values:
        return _values(stores, ruling.paths, request, self._clock.now(), creating=creating)

    def hidden(self, stores: Stores, collection: Collection, action: str, id: str, request: Request) -> NotFound:
        """What is told of a record that is missing or hidden; the development log is told which."""
        because = self._because(stores, collection, action, id, request) if self._observer.wants(RequestRefusedByRule) else ()
        self._observer.observe(RequestRefusedByRule(collection.name, action, getattr(collection.rules, action), because))
        return NotFound("there is no such record, or you may not see it")

    def _because(self, stores: Stores, collection: Collection, action: str, id: str, request: Request) -> tuple[str, ...]:
        record = stores.records.load(collection, id)
        if record is None:
            return ("there is no such record",)
        subject = Subject(record, partial(kept_passes, stores, collection, record))
        return self.reasons(stores, collection, request, subject).of(f"{action} rule", getattr(collection.rules, action)).because

    def reasons(self, stores: Stores, collection: Collection, request: Request, subject: Subject) -> Reasons:
        def values(paths: frozenset[tuple[str, ...]]) -> Values:
            return _values(stores, paths, request, self._clock.now(), creating=subject.creating)

        return Reasons(self._rulebook, stores.schema, collection, request.actor, values, subject)


def _values(stores: Stores, paths: frozenset[tuple[str, ...]], request: Request, now: datetime, *, creating: bool) -> Values:
    return request_values(stores, paths, request.actor, request.facts, request.body, now, creating=creating, into=request.into)


def _snippets(collection: Collection, search: Search, columns: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> Any:
    places = [(name, columns.index(name)) for name in search.fields]
    return snippets(collection, search, [{name: row[at] for name, at in places} for row in rows])


def guard_paths(paths: tuple[Path, ...]) -> frozenset[tuple[str, ...]] | None:
    """The `@request` values that the guards of these paths read; None where there are no guards."""
    guards = [guard for path in paths for guard in path_guards(path)]
    return frozenset().union(*(request_paths(guard) for guard in guards)) if guards else None


def entered(schema: Schema, name: str, now: str) -> Collection:
    """By its name, or by one that it had before and that is still understood."""
    return schema.collections.get(name) or schema.called_before(name, now) or schema.collection(name)


def _used(collection: Collection, sights: Sights, names: Iterable[str], query: ListQuery, now: str) -> Iterable[str]:
    """The names in an answer, and the old ones in the texts of its request: not those of fields that the actor may not see, which
    the headers would betray to whoever writes one between quotes."""
    if not collection.aliases:
        return ()
    before, visible = collection.called_before(now), sights.of(collection).names
    words = _WORD.findall(f"{query.filter} {query.sort} {query.expand}")
    return {*names, *(word for word in words if before.get(word) in visible)}


def deprecated(collection: Collection, name: str, used: Iterable[str], now: str) -> Deprecated | None:
    """What is to be told where `name` is an old one of the collection, or `used` holds old names of its fields."""
    if not collection.aliases:
        return None
    fields = collection.deprecated(used, now)
    ends = [each.until for each in collection.aliases if not each.of and each.name == name]
    if not ends:
        return fields
    return Deprecated(collection.updated, min([*ends, *([fields.until] if fields else [])]), collection.name)


def etag_extra(
    stores: Stores, sight: Sight, fields: tuple[str, ...], row: Sequence[Any], actor: Actor, names: tuple[str, ...] | None = None
) -> str:
    """What an answer depends on besides the record's version: the schema, who asks, which fields it holds, and which of them
    read as null since the record does not show them (which may rest on other records)."""
    masked = sight.masks.names
    shown = "".join("-" if is_nothing(value) else "+" for name, value in zip(fields, row, strict=False) if name in masked)
    return f"{stores.schema.version}{'a' if actor.passes_rules else 'p'}{','.join(names or fields)}{shown}"
