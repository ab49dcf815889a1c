"""From an old collection to a new one as ordered steps; what cannot be done without losing data is refused here."""

from dataclasses import dataclass

from domain.errors import Conflict, Fault, invalid
from domain.schema.collection import Collection, Index, Schema
from domain.schema.fields import TRUSTING, Field, RelationField


@dataclass(frozen=True, slots=True)
class CreateTable:
    collection: Collection


@dataclass(frozen=True, slots=True)
class DropTable:
    collection: Collection


@dataclass(frozen=True, slots=True)
class AddField:
    """`fill` is the Python form that existing records get, or None."""

    field: Field
    fill: object = None


@dataclass(frozen=True, slots=True)
class DropField:
    field: Field


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


Step = CreateTable | DropTable | AddField | DropField | AddIndex | DropIndex | Derive | Require

# What a column is made of: a change of these would rewrite stored values, which this version does not do.
_STORED_FORM = ("type", "kind", "scale", "collection", "many")


def steps(old: Collection | None, new: Collection | None) -> tuple[Step, ...]:
    """What turns `old` into `new`, in an order in which each step can be carried out. A view has no table."""
    if (old and old.is_view) or (new and new.is_view):
        return ()
    if old is None:
        return (CreateTable(new), *(AddIndex(index) for index in new.every_index)) if new else ()
    if new is None:
        return (DropTable(old),)
    before, after = {each.name: each for each in old.fields}, {each.name: each for each in new.fields}
    dropped = [DropField(each) for name, each in before.items() if name not in after]
    added = [AddField(each, _fill(each)) for name, each in after.items() if name not in before]
    required = [Require(each) for name, each in after.items() if _needs_values(before.get(name), each)]
    for at, each in enumerate(new.fields):
        _refuse_rewrite(before.get(each.name), each, f"/fields/{at}")
    derived = [Derive(before[name], each) for name, each in after.items() if name in before and before[name].forms != each.forms]
    rekeyed = {step.new.name for step in derived if step.old.key is not step.new.key}
    gone = [DropIndex(index) for index in old.every_index if index not in new.every_index or rekeyed & {*index.fields}]
    come = [AddIndex(index) for index in new.every_index if index not in old.every_index or rekeyed & {*index.fields}]
    return (*gone, *dropped, *added, *derived, *required, *come)


def _fill(field: Field) -> object:
    """A literal default also fills the records that are there; `@now` and the actor's id mean the moment of a create."""
    literal = field.literal_default
    return None if literal is None else field.accept(literal, TRUSTING)


def _needs_values(old: Field | None, new: Field) -> bool:
    return new.required and not (old and old.required)


def _refuse_rewrite(old: Field | None, new: Field, pointer: str) -> None:
    for option in _STORED_FORM if old else ():
        if getattr(old, option, None) != getattr(new, option, None):
            detail = f"the {option} of `{new.name}` cannot be changed while it holds data"
            raise invalid(
                pointer,
                "unchangeable",
                detail,
                hint="add a field with another name, move the data, then remove the old one",
            )


def check_relations(schema: Schema, collection: Collection) -> None:
    """Relations point at collections that are there (or at the collection itself), and hold records of their own."""
    known = {**schema.collections, collection.name: collection}
    for at, each in enumerate(collection.fields if not collection.is_view else ()):
        target = known.get(each.collection) if isinstance(each, RelationField) else collection
        if target is None:
            detail = f"there is no collection `{each.collection}`"  # type: ignore[attr-defined]
            raise invalid(f"/fields/{at}/collection", "unknown_collection", detail, hint="create it first")
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
