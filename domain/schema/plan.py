"""What a change would do, told before it is done."""

from dataclasses import dataclass, field
from typing import Any

from domain.compatibility.findings import Finding
from domain.schema.changes import (
    AddField,
    AddIndex,
    ConvertField,
    CreateTable,
    Derive,
    DropField,
    DropIndex,
    DropTable,
    Narrow,
    RenameField,
    RenameTable,
    Require,
    Step,
)
from domain.schema.conversions import form
from domain.schema.misfits import NONE, Misfits


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """`rows` are the records that it touches or looks at, `misfits` those that stand against it (for `narrow` those that stay as
    they are although the new options would refuse them)."""

    step: Step
    locks: str
    rows: int
    misfits: Misfits = NONE
    lossless: bool = True

    @property
    def is_possible(self) -> bool:
        return isinstance(self.step, Narrow) or not self.misfits.count

    def definition(self) -> dict[str, Any]:
        return {
            **told(self.step),
            "locks": self.locks,
            "rows": self.rows,
            "lossless": self.lossless,
            "offending_count": self.misfits.count,
            "offending": self.misfits.definition(),
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """`would_lose` tells how many records hold something in each field that goes; `unsaid` are those that the body does not
    name in `drop`."""

    steps: tuple[PlannedStep, ...]
    would_lose: dict[str, int] = field(default_factory=dict)
    unsaid: frozenset[str] = frozenset()
    # Whom the change breaks among clients.
    breaking: tuple[Finding, ...] = ()

    def definition(self) -> dict[str, Any]:
        possible = all(each.is_possible for each in self.steps) and not self.unsaid
        return {
            "steps": [each.definition() for each in self.steps],
            "would_lose": self.would_lose,
            "possible": possible,
            "breaking": [each.as_object() for each in self.breaking],
        }


def told(step: Step) -> dict[str, Any]:
    """The step and what it is about."""
    if isinstance(step, CreateTable | DropTable):
        return {"step": "create_collection" if isinstance(step, CreateTable) else "delete_collection", "collection": step.collection.name}
    if isinstance(step, RenameTable):
        return {"step": "rename_collection", "collection": step.old, "to": step.new}
    if isinstance(step, RenameField):
        return {"step": "rename_field", "field": step.old, "to": step.field.name}
    if isinstance(step, AddIndex | DropIndex):
        return {"step": "add_index" if isinstance(step, AddIndex) else "drop_index", "index": step.index.definition()}
    if isinstance(step, ConvertField):
        return {"step": "change_type", "field": step.after.name, "from": form(step.before), "to": form(step.after)}
    if isinstance(step, Narrow):
        return {"step": "narrow", "field": step.after.name}
    if isinstance(step, Derive):
        return {"step": "derive", "field": step.new.name}
    return {"step": _NAMES[type(step)], "field": step.field.name}


_NAMES: dict[type, str] = {AddField: "add_field", DropField: "drop_field", Require: "require"}
