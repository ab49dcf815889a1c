"""What a set of definitions means for every collection at once: judged beside each other as they all will be, carried out one by one.

What one collection's change means is told by `schema_changes`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.usecases.rulebook import Rulebook
from app.usecases.schema_changes import Intended
from domain.errors import Conflict, Fault, Invalid, Problem, invalid
from domain.rules.following import followed
from domain.schema.changes import check_names_apart, check_relations, steps
from domain.schema.collection import Collection, Schema, define_collection
from domain.schema.fields import Tools
from domain.schema.files import file_text, placed
from domain.schema.renames import Renames, with_origins
from domain.schema.view_fields import settled
from domain.schema.wanted import Wanted, creations, deletions, due_renames, read_wanted


@dataclass(frozen=True, slots=True)
class Asked:
    """A set of definitions. With `prune` collections that it does not define go; `drop` names what may be lost."""

    wanted: tuple[Wanted, ...]
    prune: bool = False
    drop: frozenset[str] = frozenset()


def read_asked(definitions: Mapping[str, Any], *, prune: bool, drop: frozenset[str]) -> Asked:
    """By name. Invalid with everything that is wrong in any of them."""
    wanted = _each(sorted(definitions), lambda name: read_wanted(name, definitions[name]))
    wases = [each.was for each in wanted if each.was]
    twice = sorted({was for was in wases if wases.count(was) > 1})
    if twice:
        raise invalid("/was", "duplicate_name", f"two collections say that they were `{twice[0]}`")
    return Asked(tuple(wanted), prune, drop)


@dataclass(frozen=True, slots=True)
class Renaming:
    """The schema under its new names, and for each collection that got some how it was called at first."""

    schema: Schema
    steps: tuple[Renames, ...]

    def origin(self, name: str) -> Renames:
        """From what the collection and its fields are called now to what they will be."""
        former = name
        fields: dict[str, str] = {}  # as they will be → as they are
        for step in reversed(self.steps):
            if step.name == former:
                back = {new: old for old, new in step.fields}
                fields = {each: back.pop(was, was) for each, was in fields.items()} | back
                former = step.collection
        return Renames(former, name, tuple((was, each) for each, was in fields.items()))


def renaming(schema: Schema, asked: Asked) -> Renaming:
    """One after another, until none is due: a name may be free only when another one has left it."""
    _refuse_two_heirs(schema, asked)
    taken: list[Renames] = []
    moved = True
    while moved:
        moved = False
        for each in asked.wanted:
            due = due_renames(schema, each)
            if due and due not in taken and len(taken) < 1000:
                schema, moved = followed(schema, due), True
                taken.append(due)
    return Renaming(schema, tuple(taken))


def _refuse_two_heirs(schema: Schema, asked: Asked) -> None:
    """A file that was forgotten under the former name would begin an empty collection there."""
    stays = {each.name for each in asked.wanted if not each.was}
    for each in asked.wanted:
        if each.was in stays and each.was in schema.collections and each.name not in schema.collections:
            detail = f"`{each.name}` says that it was `{each.was}`, which has a file too"
            hint = "remove that file; what is to come under the name comes later"
            raise invalid(f"/{each.name}/was", "duplicate_name", detail, hint=hint)


@dataclass(frozen=True, slots=True)
class Target:
    """Where it leads: `before` has its new names, `after` is as asked. Names of what differs are in `changed`, of what goes in `gone`."""

    before: Schema
    after: Schema
    changed: tuple[str, ...]
    gone: tuple[str, ...]

    def losable(self) -> list[str]:
        """All that could be named as lost: collections, and fields as `collection.field`."""
        return [*self.gone, *(f"{name}.{field}" for name in self.changed for field in self.leaving(name))]

    def leaving(self, name: str) -> list[str]:
        old, new = self.before.collections.get(name), self.after.collections[name]
        return [each.name for each in old.fields if each.name not in new.every_field] if old and not old.is_view else []


class SchemaSets:
    def __init__(self, rulebook: Rulebook, tools: Tools) -> None:
        self._rulebook, self._tools = rulebook, tools

    def target(self, schema: Schema, asked: Asked, *, now: str, new_id: Callable[[], str]) -> Target:
        """`schema` has its new names. Invalid or Conflict with everything that does not go together."""
        defined = _each(asked.wanted, lambda each: self._defined(schema, each, now, new_id))
        changed = {each.name: each for each in defined if not _is_same(schema.collections.get(each.name), each)}
        names = {each.name for each in asked.wanted}
        gone = [name for name, each in schema.collections.items() if asked.prune and name not in names and not each.system]
        kept = {name: each for name, each in schema.collections.items() if name not in gone}
        after = Schema(schema.version + 1, settled({**kept, **changed}))
        self._check(after, changed)
        return Target(schema, after, tuple(sorted(changed)), tuple(sorted(gone)))

    def _defined(self, schema: Schema, wanted: Wanted, now: str, new_id: Callable[[], str]) -> Collection:
        base = schema.collections.get(wanted.name)
        new = define_collection(wanted.body, id=base.id if base else new_id(), now=now, tools=self._tools)
        if new.is_view and "fields" in wanted.body:
            raise invalid("/fields", "unchangeable", "the fields of a view follow from its query", hint="leave out `fields`")
        if base is None:
            return new
        if new.type != base.type:
            raise invalid("/type", "unchangeable", f"it is of type {base.type}, and the type of a collection cannot be changed")
        return with_origins(base, replace(new, version=base.version + 1, created=base.created, origins=base.origins))

    def _check(self, after: Schema, changed: Mapping[str, Collection]) -> None:
        """Every definition beside all the others; then those that nobody changes, which may not lose what they name."""
        _each(sorted(changed), lambda name: self._check_one(after, after.collections[name]))
        faults: list[Fault] = []
        for name, each in after.collections.items():
            if name not in changed and not each.system:
                try:
                    self._check_one(after, each)
                except Problem as broken:
                    faults += placed(name, broken)
        if faults:
            what = "collections that stay as they are name what would go"
            raise Conflict(what, code="collection_in_use", hint="change these too, or keep what they name", faults=tuple(faults))

    def _check_one(self, after: Schema, collection: Collection) -> None:
        check_relations(after, collection)
        check_names_apart(after, collection)
        self._rulebook.check_collection(after, collection)


def in_order(target: Target) -> Iterator[Intended]:
    """Each change by itself, in an order in which all of them can be carried out: what comes, what changes, what goes."""
    before, after = target.before.collections, target.after.collections
    coming = {name: after[name] for name in target.changed if name not in before}
    for old, new in creations(before, coming):
        yield change_between(old, new, target.after)
    for name in target.changed:
        if name in before:
            yield change_between(before[name], after[name], target.after)
    for gone, rest in deletions({name: before[name] for name in target.gone}):
        yield change_between(gone, rest, target.after)


def change_between(old: Collection | None, new: Collection | None, after: Schema) -> Intended:
    """What is lost on the way was consented to, or refused, for all of the changes together."""
    leaving = {each.name for each in old.fields} - set(new.every_field) if old and new else set()
    renames = Renames(old.name, old.name) if old and new else None
    return Intended(old, old, new, steps(old, new), after, renames=renames, drop=frozenset(leaving))


def _is_same(old: Collection | None, new: Collection) -> bool:
    return old is not None and file_text(old) == file_text(new)


def _each(items: Any, do: Callable[[Any], Any]) -> list[Any]:
    """What `do` answers for each; Invalid with the faults of all that it refuses."""
    done, refused, faults = [], [], []
    for item in items:
        try:
            done.append(do(item))
        except Problem as problem:
            name = item if isinstance(item, str) else item.name
            refused.append(problem)
            faults += placed(name, problem)
    if refused:
        code = refused[0].code if len(refused) == 1 else "invalid"
        detail = faults[0].detail if len(faults) == 1 else f"{len(refused)} definitions are wrong"
        raise Invalid(detail, code=code, faults=tuple(faults)) from refused[0]
    return done
