"""Changes of collections as they are kept: what was before, what came after, and whether that can be taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.actor import Actor
from domain.errors import Conflict
from domain.schema.collection import Collection, stored_collection
from domain.schema.fields import TRUSTING
from domain.schema.renames import Renames


@dataclass(frozen=True, slots=True)
class Change:
    """One entry. `version` is the schema version that it led to. `before` and `after` are definitions as they are stored, None
    where there was or is no collection. `loss` says why what was cannot be brought back, "" where it can."""

    version: int
    at: str
    by: Actor
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    renamed: Mapping[str, str] = field(default_factory=dict)
    loss: str = ""

    @property
    def collection(self) -> str:
        return str((self.after or self.before or {})["name"])

    def definition(self) -> dict[str, Any]:
        """As the API tells it."""
        return {
            "version": self.version,
            "at": self.at,
            "by": self.by.as_object(),
            "action": self.action,
            "collection": self.collection,
            "before": _told(self.before),
            "after": _told(self.after),
            "renamed": dict(self.renamed),
            "lossless": not self.loss,
            "loss": self.loss or None,
        }


def kept(collection: Collection | None) -> dict[str, Any] | None:
    """A definition with all that makes the same collection of it again."""
    if collection is None:
        return None
    stamps: dict[str, Any] = {"id": collection.id, "name": collection.name, "type": collection.type}
    stamps |= {"version": collection.version, "created": collection.created}
    return {**stamps, **collection.stored()}


def _told(definition: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Without what is for the database alone."""
    if definition is None:
        return None
    told = {key: value for key, value in definition.items() if key != "origins"}
    if "indexes" not in told:
        return told  # a view: it has a query
    return {**told, "indexes": [{key: value for key, value in each.items() if key != "first"} for each in told["indexes"]]}


def undoing(change: Change) -> tuple[dict[str, Any], Renames]:
    """The body of the change that takes this one back, and its renames."""
    assert change.before is not None
    assert change.after is not None
    back = Renames(change.after["name"], change.before["name"], tuple((new, old) for old, new in change.renamed.items()))
    body = _told(change.before) or {}
    remaining = {each["name"] for each in change.before.get("fields", ())}
    gone = [each["name"] for each in change.after.get("fields", ()) if back.field(each["name"]) not in remaining]
    return {**body, "drop": gone}, back


def not_undoable(reason: str) -> Conflict:
    hint = "what is lost comes back from a backup alone; a change that you write yourself may come close"
    return Conflict(f"the last change cannot be undone: {reason}", code="not_undoable", hint=hint)


def brought_back(definition: Mapping[str, Any], *, now: str) -> Collection:
    """The collection of this definition as it was, without its records, at a version that nobody has seen."""
    stamps = {key: definition[key] for key in ("id", "name", "type", "created")}
    version = definition["version"] + 1
    return stored_collection({**stamps, "version": version, "updated": now, "definition": definition}, TRUSTING)
