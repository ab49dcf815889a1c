"""Deleted records become records again: judged by the collections as they are now, targets before what points at them, all or nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from app.usecases.announcing import announced
from app.usecases.request_values import request_values
from app.usecases.rulebook import Rulebook
from domain.actor import SYSTEM, Actor
from domain.errors import Conflict, Fault, Problem, did_you_mean, invalid
from domain.records.changes import Changes
from domain.records.trash import Entry, Key, Restored, Revival, Step, in_order, references, revive
from domain.records.visibility import present
from domain.rules.bound import ANYTHING
from domain.rules.shape import shape
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection, Schema
from domain.schema.fields import RelationField, Tools
from domain.schema.fields.lists import is_absent
from domain.schema.fields.times import write_instant
from ports.unit_of_work import Stores, UnitOfWork

# So many things that stand against it are listed.
_SHOWN = 50
_FACTS = RequestFacts("POST")


class Restoration:
    """One request to restore. `clear` names relations that may be left empty where their target is gone."""

    def __init__(self, work: UnitOfWork, rulebook: Rulebook, tools: Tools, now: datetime, clear: frozenset[str]) -> None:
        self._work, self._rulebook, self._tools, self._clear = work, rulebook, tools, clear
        self._instant, self._now = now, write_instant(now)

    def carry_out(self, stores: Stores, root: Entry, others: Sequence[Entry], actor: Actor) -> Restored:
        """Conflict with everything that stands against it, as far as it can be told at once."""
        entries = [root, *others]
        collections = _by_id(stores.schema)
        revivals = [revive(collections[each.collection], each, now=self._now, tools=self._tools) for each in entries]
        self._check_clear(revivals)
        _refuse([_placed(each, fault) for each in revivals for fault in each.faults])
        revivals = self._with_targets(stores, revivals)
        _refuse_taken_ids(stores, revivals)
        steps = in_order(revivals, lambda name: stores.schema.collection(name).id)
        for step in steps:
            self._insert(step)
        for step in steps:
            _fill_later(stores, step)
        self._satisfy_checks(stores, revivals)
        relations = self._set_again(stores, entries)
        stores.trash.remove([each.id for each in entries], restored=True)
        return _told(stores, revivals, relations)

    def _check_clear(self, revivals: Sequence[Revival]) -> None:
        known = {relation.name for each in revivals for relation in each.collection.relations}
        for name in sorted(self._clear - known):
            hint = did_you_mean(name, sorted(known)) or "relations of what is restored can be left empty"
            raise invalid("/clear", "unknown_field", f"no relation `{name[:80]}`", hint=hint)

    def _with_targets(self, stores: Stores, revivals: Sequence[Revival]) -> list[Revival]:
        """What they point at is there or comes back with them, or is left out where that was asked for."""
        missing = _missing_targets(stores, revivals)
        faults, found = list[Fault](), list[Revival]()
        for each in revivals:
            lost = [(field, id) for field, id in references(each.collection, each.draft.values) if (field.collection, id) in missing]
            cut = each.without_targets((field.name, id) for field, id in lost if field.name in self._clear)
            faults += [_gone(stores, each, field, id) for field, id in lost if not _may_do_without(cut, field, self._clear)]
            found.append(cut)
        _refuse(faults)
        return found

    def _insert(self, step: Step) -> None:
        """In as few statements as there are collections; where one is refused, each record by itself, so that all faults are told."""
        try:
            self._work.run(lambda stores: _insert_all(stores, step))
        except Problem as refused:
            if refused.code not in _REFUSED_BY_STORE:
                raise
            _refuse([fault for each in step.revivals for fault in self._faults_of(_first_form(each, step))])
            raise

    def _faults_of(self, revival: Revival) -> Sequence[Fault]:
        try:
            self._work.run(lambda stores: stores.records.insert(revival.collection, revival.draft))
        except Problem as refused:
            if refused.code not in _REFUSED_BY_STORE:
                raise
            return [_placed(revival, fault) for fault in refused.faults or (Fault("", refused.code, refused.detail),)]
        return ()

    def _satisfy_checks(self, stores: Stores, revivals: Sequence[Revival]) -> None:
        """Those that speak of `@request` do not bind admins."""
        faults: list[Fault] = []
        for each in revivals:
            for check in each.collection.checks:
                ruling = self._rulebook.condition(stores.schema, each.collection, check.rule)
                values = request_values(stores, ruling.paths, SYSTEM, _FACTS, None, self._instant)
                where = shape(ruling.condition, values)
                if not ruling.paths and not stores.records.matches(each.collection, each.entry.record, where):
                    faults.append(_placed(each, Fault("", check.name, check.message)))
        _refuse(faults)

    def _set_again(self, stores: Stores, entries: Sequence[Entry]) -> int:
        """Relations that were cleared when these went, where they are still empty and still point into the same collection."""
        ids, collections = [each.id for each in entries], _by_id(stores.schema)
        return sum(
            self._pointed_again(stores, holder, relation, ids)
            for collection_id, name in stores.trash.cleared(ids)
            if (holder := collections.get(collection_id)) is not None
            for relation in holder.relations
            if relation.name == name
        )


    def _pointed_again(self, stores: Stores, holder: Collection, relation: RelationField, entries: Sequence[str]) -> int:
        with announced(stores, holder, stores.trash.holders(holder, relation, entries)):
            return stores.trash.set_again(holder, relation, entries, self._now)


_REFUSED_BY_STORE = ("not_unique", "no_such_record")


def _by_id(schema: Schema) -> dict[str, Collection]:
    return {each.id: each for each in schema.collections.values()}


def _missing_targets(stores: Stores, revivals: Sequence[Revival]) -> set[Key]:
    """As (name of the collection, id)."""
    wanted = {(field.collection, id) for each in revivals for field, id in references(each.collection, each.draft.values)}
    wanted -= {(each.collection.name, each.entry.record) for each in revivals}
    return {
        (name, id)
        for name, ids in _grouped(wanted).items()
        for id in set(ids) - stores.records.standing(stores.schema.collection(name), ids)
    }


def _may_do_without(cut: Revival, relation: RelationField, clear: frozenset[str]) -> bool:
    return relation.name in clear and not (relation.required and is_absent(relation, cut.draft.values[relation.name]))


def _gone(stores: Stores, revival: Revival, relation: RelationField, id: str) -> Fault:
    target = stores.schema.collection(relation.collection)
    where = "is in the trash: restore it first" if stores.trash.holds(target.id, [id]) else "is not there any more"
    return _placed(revival, Fault(f"/{relation.name}", "target_gone", f"`{target.name}/{id}`, which it points at, {where}"))


def _refuse_taken_ids(stores: Stores, revivals: Sequence[Revival]) -> None:
    by_key = {(each.collection.name, each.entry.record): each for each in revivals}
    taken = [
        by_key[name, id]
        for name, ids in _grouped(by_key).items()
        for id in sorted(stores.records.standing(stores.schema.collection(name), ids))
    ]
    _refuse([_placed(each, Fault("/id", "id_taken", "another record has this id now")) for each in taken])


def _grouped(keys: Iterable[Key]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, id in sorted(keys):
        grouped.setdefault(name, []).append(id)
    return grouped


def _insert_all(stores: Stores, step: Step) -> None:
    drafts: dict[str, list[Revival]] = {}
    for each in step.revivals:
        drafts.setdefault(each.collection.name, []).append(_first_form(each, step))
    for revivals in drafts.values():
        stores.records.insert_many(revivals[0].collection, [each.draft for each in revivals])


def _first_form(revival: Revival, step: Step) -> Revival:
    """Without the relations that are filled later, and a version before: filling them is what makes the next one."""
    names = step.later.get(revival.key, ())
    if not names:
        return revival
    emptied = revival.without(names)
    return replace(emptied, draft=replace(emptied.draft, values={**emptied.draft.values, "version": revival.entry.document["version"]}))


def _fill_later(stores: Stores, step: Step) -> None:
    for each in step.revivals:
        names = step.later.get(each.key, ())
        if names:
            filled = Changes({name: each.draft.values[name] for name in names})
            stores.records.update(each.collection, each.entry.record, filled, ANYTHING)


def _placed(revival: Revival, fault: Fault) -> Fault:
    """The fault, with the record that it speaks of: several come back at once."""
    return Fault(fault.pointer, fault.code, f"`{revival.collection.name}/{revival.entry.record}`: {fault.detail}")


def _refuse(faults: Sequence[Fault]) -> None:
    if not faults:
        return
    detail = faults[0].detail if len(faults) == 1 else f"{len(faults)} things stand against it"
    gone = any(fault.code == "target_gone" for fault in faults)
    hint = "restore what is missing first, or leave relations empty with `clear`" if gone else "change the other records first"
    raise Conflict(detail, code="not_restorable", hint=hint, faults=tuple(faults[:_SHOWN]))


def _told(stores: Stores, revivals: Sequence[Revival], relations: int) -> Restored:
    collection, id = revivals[0].collection, revivals[0].entry.record
    record = stores.records.load(collection, id)
    assert record is not None
    shown = dict(zip(collection.field_names, present(collection.field_names, record), strict=True))
    lost = dict.fromkeys(f"{each.collection.name}.{name}" for each in revivals for name in each.lost)
    return Restored(shown, Counter(each.collection.name for each in revivals), relations, tuple(lost))
