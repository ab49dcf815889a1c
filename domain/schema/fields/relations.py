"""A reference to a record of another collection, or of the same one; or a list of such references."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from domain.schema.fields.base import AUTH_ID, Field, Tools, Unfit, field_type
from domain.schema.fields.lists import check_list_options, counted, listed
from domain.schema.kinds import Kind

RECORD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Every answer holds the whole list: an owner who wants more per record wants a collection between the two.
MOST_TARGETS, USUAL_MOST = 1000, 200


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class RelationField(Field):
    """`on_delete` says what happens here when a target goes: `restrict` refuses, `cascade` deletes this record too (with `many`:
    when its last target goes), `clear` takes the target out of the field. With `many` it holds a list of different ids, from `min`
    to `max` of them, in the order of the writer."""

    type: ClassVar[str] = "relation"
    kind: ClassVar[Kind] = Kind.TEXT
    absent_text: ClassVar[bool] = True
    magic_defaults: ClassVar[frozenset[str]] = frozenset({AUTH_ID})
    collection: str
    on_delete: str = "restrict"
    many: bool = False
    min: int | None = None
    max: int | None = None

    def check_options(self) -> None:
        Field.check_options(self)
        if not isinstance(self.collection, str):
            raise Unfit("invalid_option", "`collection` is the name of a collection")
        if self.on_delete not in ("restrict", "cascade", "clear"):
            raise Unfit("invalid_option", "`on_delete` is restrict, cascade or clear")
        if self.required and self.on_delete == "clear":
            raise Unfit("invalid_option", "a required relation cannot be cleared; use restrict or cascade")
        check_list_options(self, MOST_TARGETS)
        if self.min is not None and self.min > 1 and self.on_delete != "restrict":
            raise Unfit("invalid_option", "targets that go leave the list one by one, so `min` would not be kept; use restrict")

    @property
    def most(self) -> int:
        """How many targets a record may hold, where it may hold many."""
        return max(USUAL_MOST, self.min or 0) if self.max is None else self.max

    def accept(self, value: Any, tools: Tools) -> Any:
        return counted(self.elements(value), self.min, self.most) if self.many else self.one(value)

    def elements(self, value: Any) -> tuple[str, ...]:
        """A list of different ids, however many."""
        return listed(value, self.one, "ids")

    def one(self, value: Any) -> str:
        if value == "":
            return ""
        if not isinstance(value, str) or not RECORD_ID.fullmatch(value):
            raise Unfit("not_an_id", "this must be the id of a record")
        return value
