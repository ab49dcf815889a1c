"""Deleting a record with what its relations ask for, set by set, so that versions and stamps follow and nothing is left dangling."""

from collections.abc import Iterable, Sequence

from app.usecases.admission import keep_an_owner
from app.usecases.announcing import Records, announce_updates, announced, loaded
from app.usecases.audit import note
from app.usecases.discarding import discard, note_cleared
from app.usecases.hooked_records import DELETE, ask_of_deletion
from domain.accounts.impersonation import check_itself
from domain.actor import ADMINS, Actor
from domain.errors import Conflict, Fault
from domain.records.trash import Deletion
from domain.records.visibility import may_know
from domain.schema.collection import Collection
from domain.schema.fields import RelationField
from ports.clock import Ids
from ports.unit_of_work import Stores

Doomed = dict[str, dict[str, None]]  # collection -> ids, in the order in which they were found


def delete_with_relations(
    stores: Stores, collection: Collection, ids: Sequence[str], *, actor: Actor, now: str, new_ids: Ids, erased: bool = False
) -> Doomed:
    """First everything that goes is known, then what restricts is asked, then what is kept goes into the trash, references are
    cleared and links taken away, and rows are deleted. What is `erased` goes into no trash and leaves no values in its events."""
    keep_an_owner(stores, collection, ids, {})
    doomed = _doomed(stores, collection, ids, actor)
    if actor.id in doomed.get(actor.collection, ()):
        # By its id, by a filter, or because something else goes.
        check_itself(actor)
    _refuse_restricted(stores, doomed, actor)
    deletion = Deletion(new_ids.new(), now, actor, erased)
    for id in ids if collection.name == ADMINS and not erased else ():
        note(stores, new_ids.new(), now, "admin.deleted", id, actor=actor)
    discard(stores, doomed, deletion, new_ids)
    _clear_references(stores, doomed, deletion)
    _take_links_away(stores, doomed, deletion)
    for name in _referrers_first(stores, doomed, now):
        stores.records.delete(stores.schema.collection(name), list(doomed[name]))
    forget_sign_in(stores, doomed)
    return doomed


def _doomed(stores: Stores, collection: Collection, ids: Sequence[str], actor: Actor) -> Doomed:
    """All that goes. Hooks are asked about each; since they may make or move what would go too, it is found again until none is new."""
    asked = set[tuple[str, str]]()
    while True:
        doomed: Doomed = {collection.name: dict.fromkeys(ids)}
        _follow_cascades(stores, collection.name, list(ids), doomed)
        hooked = [(name, found) for name, found in doomed.items() if stores.hooks.any_of(DELETE, name)]
        new = {name: [id for id in found if (name, id) not in asked] for name, found in hooked}
        if not any(new.values()):
            return doomed
        for name, found in new.items():
            ask_of_deletion(stores, stores.schema.collection(name), found, actor)
            asked.update((name, id) for id in found)


def _follow_cascades(stores: Stores, name: str, ids: list[str], doomed: Doomed) -> None:
    pending, fading = [(name, ids)], _Fading()
    while pending:
        name, ids = pending.pop()
        for other, relation in stores.schema.referring(name):
            if relation.on_delete != "cascade":
                continue
            known = doomed.setdefault(other.name, {})
            falling = fading.emptied(stores, other, relation, ids) if relation.many else stores.records.referrers(other, relation.name, ids)
            found = [each for each in falling if each not in known]
            known.update(dict.fromkeys(found))
            if found:
                pending.append((other.name, found))


class _Fading:
    """How many targets of each list go, summed up over the sets in which they are found: a record goes with the last of them."""

    def __init__(self) -> None:
        self._gone: dict[tuple[str, str, str], int] = {}

    def emptied(self, stores: Stores, other: Collection, relation: RelationField, ids: list[str]) -> list[str]:
        """The records whose list has nothing left once these go too."""
        emptied = []
        for id, (found, whole) in stores.records.held_counts(other, relation, ids).items():
            key = (other.name, relation.name, id)
            self._gone[key] = self._gone.get(key, 0) + found
            if self._gone[key] == whole:
                emptied.append(id)
        return emptied


def _refuse_restricted(stores: Stores, doomed: Doomed, actor: Actor) -> None:
    for name, ids in doomed.items():
        for other, relation in stores.schema.referring(name):
            if relation.on_delete == "restrict":
                _refuse_if_any(other, relation, _survivors(stores, other, relation.name, ids, doomed), actor)


def _refuse_if_any(other: Collection, relation: RelationField, standing: list[str], actor: Actor) -> None:
    """How many they are, and of a collection or by a field that is not shown, is for admins to know."""
    if not standing:
        return
    known = f"records of `{other.name}` refer to it by `{relation.name}`"
    if actor.passes_rules:
        known = f"{len(standing)} {known}"
    detail = known if may_know(other, relation, actor) else "other records refer to it"
    hint = "delete or change these first"
    raise Conflict(detail, code="restricted", hint=hint, faults=(Fault("", "restricted", detail),))


def _clear_references(stores: Stores, doomed: Doomed, deletion: Deletion) -> None:
    for name, ids in list(doomed.items()):
        for other, relation in stores.schema.referring(name):
            if relation.on_delete == "clear" and ids and not relation.many:
                note_cleared(stores, other, relation, list(ids), deletion)
                holders = stores.records.referrers(other, relation.name, list(ids))
                with announced(stores, other, _staying(other, holders, doomed)):
                    stores.records.clear(other, relation.name, holders, deletion.now)


def _take_links_away(stores: Stores, doomed: Doomed, deletion: Deletion) -> None:
    """What goes stands in no list any more, whatever the relation says: a record that goes too needs no list, and one that stays has
    one more version, however many of its lists became shorter."""
    shortened: dict[str, Records] = {}
    for name, ids in doomed.items():
        for other, relation in stores.schema.referring(name):
            if relation.many and ids:
                note_cleared(stores, other, relation, list(ids), deletion)
                known = shortened.setdefault(other.name, {})
                holders = _staying(other, stores.records.referrers(other, relation.name, list(ids)), doomed)
                known.update(loaded(stores, other, [id for id in holders if id not in known]))
                stores.records.unlink(other, relation, list(ids))
    for name, before in shortened.items():
        if before:
            stores.records.touch(stores.schema.collection(name), list(before), deletion.now)
            announce_updates(stores, stores.schema.collection(name), before)


def forget_sign_in(stores: Stores, doomed: Doomed) -> None:
    """They ended with their account already; but one that comes back under its id must not find them."""
    for name, ids in doomed.items():
        collection = stores.schema.collection(name)
        if collection.is_accounts and ids:
            stores.sessions.forget(collection, list(ids))
            stores.one_time.forget(collection, list(ids))
            stores.factors.forget(collection, list(ids))
            stores.identities.forget(collection, list(ids))
            stores.own_keys.forget(collection, list(ids))


def _survivors(stores: Stores, other: Collection, relation: str, ids: Iterable[str], doomed: Doomed) -> list[str]:
    return _staying(other, stores.records.referrers(other, relation, list(ids)), doomed)


def _staying(other: Collection, ids: Sequence[str], doomed: Doomed) -> list[str]:
    going = doomed.get(other.name, {})
    return [each for each in ids if each not in going]


def _referrers_first(stores: Stores, doomed: Doomed, now: str) -> list[str]:
    """An order of collections in which no row still points at one that was deleted before it. Where collections refer to each other
    in a ring, the references into the next one are cleared: the rows that hold them go in the same transaction."""
    remaining, order = [name for name, ids in doomed.items() if ids], list[str]()
    while remaining:
        name = next((each for each in remaining if not _pointed_at(stores, each, remaining)), None)
        if name is None:
            name = remaining[0]
            for other, relation in stores.schema.referring(name):
                if other.name in remaining and other.name != name and not relation.many:
                    stores.records.clear(
                        other, relation.name, stores.records.referrers(other, relation.name, list(doomed[name])), now
                    )
        order.append(name)
        remaining.remove(name)
    return order


def _pointed_at(stores: Stores, name: str, remaining: list[str]) -> bool:
    """By columns: links are gone already."""
    return any(
        other.name in remaining and other.name != name and not relation.many
        for other, relation in stores.schema.referring(name)
    )
