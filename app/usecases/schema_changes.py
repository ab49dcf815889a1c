"""How collections change: what a body means for every collection, whether it may be done, what it would do, and doing it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.usecases.happenings import happens
from app.usecases.key_rules import keep_key_rules
from app.usecases.own_key_ends import end_renamed
from app.usecases.rulebook import Rulebook
from app.usecases.webhook_filters import keep_filters
from domain.actor import Actor
from domain.errors import Conflict, Fault, Invalid
from domain.hooks.changes import CollectionChange
from domain.rules.following import followed
from domain.rules.values import RequestFacts
from domain.schema.changes import (
    ConvertField,
    DropField,
    DropTable,
    Require,
    Step,
    check_names_apart,
    check_relations,
    check_unreferred,
    filling,
    steps,
)
from domain.schema.collection import Collection, Schema, change_collection, check_told_fields
from domain.schema.conversions import way_between
from domain.schema.edits import followed_body, read_drop
from domain.schema.fields import FileField, Tools, Unfit
from domain.schema.history import Change, kept, not_undoable
from domain.schema.misfits import required_is_empty, would_lose_data
from domain.schema.preparing import Preparation
from domain.schema.renames import Renames, check_name_is_free, read_renames, with_origins
from domain.schema.view_fields import settled
from ports.unit_of_work import Stores


@dataclass(frozen=True, slots=True)
class Intended:
    """A change that makes sense. `old` is the collection as it is, `base` the same under its new names; `followers` are other
    collections whose texts follow a rename; `after` is the schema of the end."""

    old: Collection | None
    base: Collection | None
    new: Collection | None
    steps: tuple[Step, ...]
    after: Schema
    followers: tuple[Collection, ...] = ()
    renames: Renames | None = None
    drop: frozenset[str] = frozenset()
    # Fields that go and hold in every record what a new field of their definition would be filled with.
    refilled: frozenset[str] = frozenset()

    @property
    def leaving(self) -> tuple[str, ...]:
        return tuple(step.field.name for step in self.steps if isinstance(step, DropField))


class SchemaChanges:
    def __init__(self, rulebook: Rulebook, tools: Tools) -> None:
        self._rulebook, self._tools = rulebook, tools

    # --- what is meant

    def creation(self, schema: Schema, new: Collection, body: Mapping[str, Any] | None = None) -> Intended:
        """`body` is what its author wrote."""
        if new.name in schema.collections:
            fault = Fault("/name", "not_unique", "this name is taken")
            raise Conflict(f"there is a collection `{new.name}` already", code="not_unique", faults=(fault,))
        check_relations(schema, new)
        check_names_apart(schema, new)
        after = schema.with_collection(new)
        new = after.collection(new.name)  # with the fields that follow, where it is a view
        self._rulebook.check_collection(after, new)
        check_told_fields(body or {}, new)
        return Intended(None, None, new, steps(None, new), after)

    def deletion(self, schema: Schema, old: Collection) -> Intended:
        check_unreferred(schema, old.name)
        after = schema.without(old.name)
        self._check_others(after, old.name)
        return Intended(old, old, None, steps(old, None), after)

    def change(self, schema: Schema, old: Collection, body: Mapping[str, Any], *, now: str) -> Intended:
        """From the body of a PATCH."""
        renames = read_renames(old, body)
        check_name_is_free(schema.collections, renames)
        moved = followed(schema, renames) if renames else schema
        base = moved.collections[renames.name]
        return self._change(schema, moved, old, followed_body(body, old, base, renames), renames, now)

    def change_back(self, schema: Schema, old: Collection, body: Mapping[str, Any], renames: Renames, *, now: str) -> Intended:
        """To a definition that was there before, whose texts are under the names of then."""
        check_name_is_free(schema.collections, renames)
        moved = followed(schema, renames) if renames else schema
        return self._change(schema, moved, old, body, renames, now)

    def _change(
        self, schema: Schema, moved: Schema, old: Collection, body: Mapping[str, Any], renames: Renames, now: str
    ) -> Intended:
        base = moved.collections[renames.name]
        new = with_origins(base, change_collection(base, body, now=now, tools=self._tools))
        check_relations(moved, new)
        check_names_apart(moved, new)
        followers = _followers(schema, moved, new.name, now)
        after = moved.with_collection(new)
        for each in followers:
            after = replace(after, collections=settled({**after.collections, each.name: each}))
        new = after.collection(new.name)
        check_told_fields(body, new, base, old)
        self._rulebook.check_collection(after, new)
        self._check_others(after, new.name)
        planned = steps(base, new, renames)
        return Intended(old, base, new, planned, after, followers, renames, read_drop(body, base, new))

    def _check_others(self, after: Schema, changed: str) -> None:
        """Rules of other collections that no longer hold together are listed, all of them."""
        faults: list[Fault] = []
        for collection in after.collections.values():
            if collection.name != changed:
                faults += self._faults_of(after, collection)
        if faults:
            detail, hint = "rules of other collections name what would go", "change these rules first"
            raise Conflict(detail, code="collection_in_use", hint=hint, faults=tuple(faults))

    def _faults_of(self, after: Schema, collection: Collection) -> Sequence[Fault]:
        try:
            self._rulebook.check_collection(after, collection)
        except Invalid as broken:
            return [
                Fault("", "rule_in_use", f"`{collection.name}`: {fault.pointer}: {fault.detail}") for fault in broken.faults
            ]
        return []

    # --- doing it

    def carry_out(
        self, stores: Stores, intended: Intended, actor: Actor, *, now: str, action: str, prepared: Preparation | None = None,
        facts: RequestFacts | None = None,
    ) -> None:  # fmt: skip
        """Conflict where stored records stand against it, or would be lost without a word of the author."""
        keep_key_rules(stores, intended.after, intended.renames)
        keep_filters(stores, intended.after, intended.renames)
        end_renamed(stores, intended.old, intended.new, intended.renames)
        loss = self._loss(stores, intended)
        if intended.new is None and intended.old is not None:
            stores.trash.empty(intended.old.id)
        if intended.old is not None and intended.renames and intended.renames.fields:
            stores.trash.rename(intended.old.id, dict(intended.renames.fields))
        if intended.old is not None and any(map(_lets_files_go, intended.steps)):
            stores.files.doubt(intended.old.id, now)
        stores.collections.apply(intended.base, intended.new, intended.steps, intended.followers, prepared)
        self._check_required(stores, intended)
        happens(stores, _told(intended, actor, facts), now, intended.new or intended.old, facts=facts)
        stores.collections.keep_change(_entry(intended, stores.schema.version, actor, now, action, loss))

    def _loss(self, stores: Stores, intended: Intended) -> str:
        """Why this cannot be brought back once it is done, "" where it can."""
        lost = self.losses(stores, intended)
        unsaid = {name: count for name, count in lost.items() if name not in intended.drop}
        if unsaid:
            raise would_lose_data(unsaid)
        reasons = [f"`{name}` held something in {count} records" for name, count in lost.items() if name not in intended.refilled]
        reasons += [
            f"the values of `{step.after.name}` were written in another way before"
            for step in intended.steps if isinstance(step, ConvertField) and not _returns(step)
        ]  # fmt: skip
        reasons += [
            f"`{step.collection.name}` had {count} records"
            for step in intended.steps if isinstance(step, DropTable) and (count := stores.collections.count(step.collection))
        ]  # fmt: skip
        return "; ".join(reasons)

    def losses(self, stores: Stores, intended: Intended) -> dict[str, int]:
        """How many records hold something in each field that goes, where any do."""
        if intended.old is None or intended.new is None:
            return {}
        back = intended.renames.reversed() if intended.renames else Renames("", "")
        counts = {name: stores.collections.count_held(intended.old, back.field(name)) for name in intended.leaving}
        return {name: count for name, count in counts.items() if count}

    def untouched(self, stores: Stores, intended: Intended) -> Intended:
        """For undoing: what would go again holds nothing but what it was filled with when it was added, or Conflict."""
        lost = self.losses(stores, intended)
        going = [step for step in intended.steps if isinstance(step, DropField) and step.field.name in lost]
        for step in going:
            if not self._is_as_filled(stores, intended, step):
                raise not_undoable(f"{lost[step.field.name]} records hold something in `{step.field.name}` since")
        count = stores.collections.count(intended.old) if intended.old and going else 0
        return replace(intended, refilled=frozenset(name for name, held in lost.items() if held == count))

    def _is_as_filled(self, stores: Stores, intended: Intended, step: DropField) -> bool:
        assert intended.old is not None
        fill, back = filling(step.field), intended.renames.reversed() if intended.renames else Renames("", "")
        field = intended.old.every_field[back.field(step.field.name)]
        if field.many:
            return False
        return fill is not None and not stores.collections.misfits(intended.old, field, field, _only(fill)).count

    def _check_required(self, stores: Stores, intended: Intended) -> None:
        for step in intended.steps:
            if isinstance(step, Require) and intended.new is not None:
                found = stores.collections.empties(intended.new, step.field.name)
                if found.count:
                    raise required_is_empty(step.field.name, found)


def _followers(schema: Schema, moved: Schema, changed: str, now: str) -> tuple[Collection, ...]:
    """Other collections that a rename touched: for their readers they are at another version now."""
    return tuple(
        replace(each, version=each.version + 1, updated=now)
        for name, each in moved.collections.items()
        if name != changed and each != schema.collections.get(name)
    )


def _only(value: Any) -> Callable[[Any], Any]:
    def judge(stored: Any) -> Any:
        if stored != value:
            raise Unfit("not_convertible", "another value")
        return stored

    return judge


def _lets_files_go(step: object) -> bool:
    fields = step.collection.fields if isinstance(step, DropTable) else (step.field,) if isinstance(step, DropField) else ()
    return any(isinstance(each, FileField) for each in fields)


def _returns(step: ConvertField) -> bool:
    way, back = way_between(step.before, step.after), way_between(step.after, step.before)
    return way is not None and way.returns and back is not None


def _told(intended: Intended, actor: Actor, facts: RequestFacts | None) -> CollectionChange:
    before, after = kept(intended.old), kept(intended.new)
    what = "create" if before is None else "delete" if after is None else "change"
    name = str((before or after or {})["name"])
    request = facts.request_id if facts else ""
    return CollectionChange(event=f"collections.{what}", actor=actor, request=request, collection=name, before=before, after=after)


def _entry(intended: Intended, version: int, actor: Actor, now: str, action: str, loss: str) -> Change:
    renamed = dict(intended.renames.fields) if intended.renames else {}
    return Change(version, now, actor, action, kept(intended.old), kept(intended.new), renamed, loss)
