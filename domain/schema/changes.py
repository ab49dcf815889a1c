"""From an old collection to a new one as ordered steps; what has no meaning is refused here."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.errors import Conflict, Fault, did_you_mean, invalid
from domain.schema.collection import Collection, Schema
from domain.schema.conversions import form, is_converted, keeps_form, way_between
from domain.schema.fields import TRUSTING, Field, RelationField
from domain.schema.indexes import Index
from domain.schema.renames import Renames


@dataclass(frozen=True, slots=True)
class CreateTable:
    collection: Collection


@dataclass(frozen=True, slots=True)
class DropTable:
    collection: Collection


@dataclass(frozen=True, slots=True)
class RenameTable:
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class RenameField:
    """`field` as it is under its new name."""

    old: str
    field: Field


@dataclass(frozen=True, slots=True)
class AddField:
    """`fill` is the Python form that existing records get, or None."""

    field: Field
    fill: object = None


@dataclass(frozen=True, slots=True)
class DropField:
    field: Field


@dataclass(frozen=True, slots=True)
class ConvertField:
    """Another type under the same name; refused by the store where a value has no counterpart."""

    before: Field
    after: Field


@dataclass(frozen=True, slots=True)
class Narrow:
    """Other options: records that are there stay as they are, a plan tells how many the new ones would refuse."""

    before: Field
    after: Field


@dataclass(frozen=True, slots=True)
class AddIndex:
    index: Index


@dataclass(frozen=True, slots=True)
class DropIndex:
    index: Index


@dataclass(frozen=True, slots=True)
class Derive:
    """The field stays; what is kept beside its values (see Field.forms) is dropped, added and made for the records that are there."""

    old: Field
    new: Field


@dataclass(frozen=True, slots=True)
class Require:
    """Existing records must all hold something in the field; the use case counts before it goes on."""

    field: Field


Step = (
    CreateTable | DropTable | RenameTable | RenameField | AddField | DropField | ConvertField | Derive | Narrow | AddIndex | DropIndex
    | Require
)  # fmt: skip

# Options that say which values are let in.
_NARROWING = ("min", "max", "pattern", "values", "schema")


def steps(old: Collection | None, new: Collection | None, renames: Renames | None = None) -> tuple[Step, ...]:
    """What turns `old` into `new`, in an order in which each step can be carried out. With `renames`, `old` is the collection
    under its new names already. A view has no table."""
    if (old and old.is_view) or (new and new.is_view):
        return ()
    if old is None:
        return (CreateTable(new), *(AddIndex(index) for index in new.every_index)) if new else ()
    if new is None:
        return (DropTable(old),)
    before, after = {each.name: each for each in old.fields}, {each.name: each for each in new.fields}
    both = [(before[name], each) for name, each in after.items() if name in before]
    changed = tuple(ConvertField(here, there) for here, there in both if is_converted(here, there))
    _refuse_senseless(changed, new)
    derived = tuple(Derive(here, there) for here, there in both if not is_converted(here, there) and here.forms != there.forms)
    gone, come = _indexes(old, new, (*changed, *derived))
    return (
        *_renamed(old, renames),
        *(DropIndex(index) for index in gone),
        *(DropField(each) for name, each in before.items() if name not in after),
        *(AddField(each, filling(each)) for name, each in after.items() if name not in before),
        *changed,
        *derived,
        *(Narrow(here, there) for here, there in both if _is_narrowed(here, there)),
        *(Require(each) for name, each in after.items() if _needs_values(before.get(name), each)),
        *(AddIndex(index) for index in come),
    )


def _renamed(old: Collection, renames: Renames | None) -> Iterator[Step]:
    if renames is None:
        return
    if renames.name != renames.collection:
        yield RenameTable(renames.collection, renames.name)
    for was, name in renames.fields:
        yield RenameField(was, old.every_field[name])


def _indexes(old: Collection, new: Collection, changed: tuple[ConvertField | Derive, ...]) -> tuple[list[Index], list[Index]]:
    """Those that go and those that come. An index over a column that is made anew goes first and comes back; what a condition
    names is not known here, so one with a condition does so with any of these."""
    moved = {
        step.new.name if isinstance(step, Derive) else step.after.name
        for step in changed
        if (step.old.key is not step.new.key if isinstance(step, Derive) else not keeps_form(step.before, step.after))
    }
    same = {
        index for index in old.every_index
        if index in new.every_index and moved.isdisjoint(index.fields) and not (moved and index.where)
    }  # fmt: skip
    return [each for each in old.every_index if each not in same], [each for each in new.every_index if each not in same]


def filling(field: Field) -> object:
    """A literal default also fills the records that are there; `@now` and the actor's id mean the moment of a create."""
    literal = field.literal_default
    return None if literal is None else field.accept(literal, TRUSTING)


def _needs_values(old: Field | None, new: Field) -> bool:
    return new.required and not (old and old.required)


def _is_narrowed(old: Field, new: Field) -> bool:
    options = [(getattr(old, name, None), getattr(new, name, None)) for name in _NARROWING]
    return not is_converted(old, new) and any(here != there and there is not None for here, there in options)


def _refuse_senseless(changed: tuple[ConvertField, ...], new: Collection) -> None:
    for step in changed:
        if way_between(step.before, step.after) is None:
            at = [each.name for each in new.fields].index(step.after.name)
            detail = f"`{step.after.name}` cannot become {form(step.after)}: nothing says what a {form(step.before)} would be then"
            hint = "add a field with another name, move the data, then remove the old one"
            raise invalid(f"/fields/{at}", "unchangeable", detail, hint=hint)


def check_names_apart(schema: Schema, collection: Collection) -> None:
    """What one collection is called, no other one is, nor was as long as that is understood."""
    others = [each for each in schema.collections.values() if each.id != collection.id]
    theirs = {alias.name: each.name for each in others for alias in each.aliases if not alias.of}
    if collection.name in theirs:
        detail = f"`{theirs[collection.name]}` was called `{collection.name}`, which is still understood"
        raise Conflict(detail, code="not_unique", faults=(Fault("/name", "not_unique", detail),), hint="end that alias first")
    for at, alias in enumerate(collection.aliases):
        if not alias.of and alias.name in {*theirs, collection.name, *(each.name for each in others)}:
            detail = f"`{alias.name}` is the name of a collection"
            raise Conflict(detail, code="not_unique", faults=(Fault(f"/aliases/{at}/name", "not_unique", detail),))


def check_relations(schema: Schema, collection: Collection) -> None:
    """Relations point at collections that are there (or at the collection itself), and hold records of their own."""
    known = {**schema.collections, collection.name: collection}
    for at, each in enumerate(collection.fields if not collection.is_view else ()):
        target = known.get(each.collection) if isinstance(each, RelationField) else collection
        if target is None:
            detail = f"there is no collection `{each.collection}`"  # type: ignore[attr-defined]
            hint = did_you_mean(each.collection, list(known)) or "create it first"  # type: ignore[attr-defined]
            raise invalid(f"/fields/{at}/collection", "unknown_collection", detail, hint=hint)
        if target.is_view:
            detail = f"`{target.name}` is a view: its records are not kept anywhere that a relation could point at"
            raise invalid(f"/fields/{at}/collection", "not_allowed", detail, hint="point at what the view reads")


def check_unreferred(schema: Schema, name: str) -> None:
    """A collection that relations of others point at is not deleted."""
    others = [(each, relation) for each, relation in schema.referring(name) if each.name != name]
    if others:
        faults = tuple(
            Fault("", "referred", f"`{each.name}.{relation.name}` points at it") for each, relation in others
        )
        raise Conflict(
            f"relations point at `{name}`", code="collection_in_use", hint="remove these fields first", faults=faults
        )
