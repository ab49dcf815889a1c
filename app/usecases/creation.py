"""Many creates of one collection by one actor: what holds for all of them is found out once, and they go into the database together.

Only where the request and the new record alone decide: a rule that asks the database has to see the records that were made before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.usecases.hooked_records import CREATE
from app.usecases.record_reads import RecordReads
from app.usecases.record_writes import author_of, telling_without
from app.usecases.requests import Request
from app.usecases.rulebook import Rulebook, Ruling
from domain.errors import Fault, Forbidden, Invalid, Problem
from domain.records.changes import Draft
from domain.records.draft import Author, Moment, draft, writable
from domain.records.page import Shown
from domain.records.visibility import present
from domain.rules.evaluate import holds_bound
from domain.rules.shape import Bound, shape
from domain.schema.collection import Check, Collection
from domain.schema.fields import Field, Tools
from ports.unit_of_work import Stores


@dataclass(frozen=True, slots=True)
class Creation:
    collection: Collection
    author: Author
    fields: Mapping[str, Field]  # those that it may write
    rule: Bound
    checks: tuple[tuple[Check, Bound], ...]
    view: Bound | None  # None where nothing can be seen
    names: tuple[str, ...]

    def judged(self, body: Mapping[str, Any], moment: Moment, tools: Tools) -> Draft:
        """The new record; Invalid or Forbidden as a create of its own would be."""
        with telling_without(self.author.unknown):
            made = draft(self.collection, body, author=self.author, moment=moment, tools=tools, fields=self.fields)
        if not _holds(self.rule, made.values):
            raise Forbidden(f"the create rule of `{self.collection.name}` does not allow this record")
        faults = tuple(Fault("", check.name, check.message) for check, where in self.checks if not _holds(where, made.values))
        if faults:
            raise Invalid(faults[0].detail, code="check_failed", faults=faults)
        return made

    def insert(self, stores: Stores, drafts: Sequence[Draft]) -> None:
        with telling_without(self.author.unknown):
            stores.records.insert_many(self.collection, drafts)

    def insert_one(self, stores: Stores, made: Draft) -> None:
        with telling_without(self.author.unknown):
            stores.records.insert(self.collection, made)

    def shown(self, made: Draft) -> Shown:
        """As the actor may see it now."""
        values = made.values
        names = self.names if self.view is not None and _holds(self.view, values) else ("id", "version")
        return Shown(values["id"], values["version"], values["created"], names, present(names, values))


class Creations:
    def __init__(self, rulebook: Rulebook, reads: RecordReads) -> None:
        self._rulebook, self._reads = rulebook, reads

    def of(self, stores: Stores, collection: Collection, request: Request) -> Creation | None:
        """None where each record has to be looked at for itself, and where the actor may create none at all."""
        if collection.is_accounts or collection.aliases or self._has_field_rules(stores, collection):
            return None
        if stores.hooks.any_of(CREATE, collection.name):
            return None
        ruling = self._rulebook.rule(stores.schema, collection, "create", request.actor)
        checks = [(check, self._rulebook.condition(stores.schema, collection, check.rule)) for check in collection.checks]
        binding = [(check, asked) for check, asked in checks if not (asked.paths and request.actor.passes_rules)]
        if not all(map(_is_plain, (ruling, *(asked for _, asked in binding)))):
            return None
        rule = self._bound(stores, ruling, request)
        view, can_be_told = self._view(stores, collection, request)
        if rule.constant is False or not can_be_told:
            return None
        author = author_of(request.actor, self._reads.pen(stores, collection, request, creating=True))
        bounds = tuple((check, self._bound(stores, asked, request)) for check, asked in binding)
        names = self._reads.sights(stores, request).of(collection).names
        return Creation(collection, author, writable(collection, author), rule, bounds, view, names)

    def _has_field_rules(self, stores: Stores, collection: Collection) -> bool:
        schema = stores.schema
        return bool(self._rulebook.views(schema, collection) or self._rulebook.writes(schema, collection, creating=True))

    def _view(self, stores: Stores, collection: Collection, request: Request) -> tuple[Bound | None, bool]:
        """What decides whether a new record is seen, and whether that can be told without asking the database."""
        try:
            ruling = self._rulebook.rule(stores.schema, collection, "view", request.actor)
        except Problem:
            return None, True
        return (self._bound(stores, ruling, request), True) if _is_plain(ruling) else (None, False)

    def _bound(self, stores: Stores, ruling: Ruling, request: Request) -> Bound:
        return shape(ruling.condition, self._reads.values(stores, ruling, request, creating=True))


def _is_plain(ruling: Ruling) -> bool:
    """Decided by the record, for every body in the same way."""
    return ruling.local and not any(path[0] == "body" for path in ruling.paths)


def _holds(where: Bound, record: Mapping[str, Any]) -> bool:
    return where.constant if where.constant is not None else holds_bound(where, record)
