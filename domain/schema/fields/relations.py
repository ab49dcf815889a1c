"""A reference to a record of another collection, or of the same one."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from domain.schema.fields.base import AUTH_ID, Field, Tools, Unfit, field_type
from domain.schema.kinds import Kind

RECORD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class RelationField(Field):
    """`on_delete` says what happens here when the target goes: `restrict` refuses, `cascade` deletes this record too,
    `clear` sets the field to null."""

    type: ClassVar[str] = "relation"
    kind: ClassVar[Kind] = Kind.TEXT
    absent_text: ClassVar[bool] = True
    magic_defaults: ClassVar[frozenset[str]] = frozenset({AUTH_ID})
    collection: str
    on_delete: str = "restrict"

    def check_options(self) -> None:
        Field.check_options(self)
        if not isinstance(self.collection, str):
            raise Unfit("invalid_option", "`collection` is the name of a collection")
        if self.on_delete not in ("restrict", "cascade", "clear"):
            raise Unfit("invalid_option", "`on_delete` is restrict, cascade or clear")
        if self.required and self.on_delete == "clear":
            raise Unfit("invalid_option", "a required relation cannot be cleared; use restrict or cascade")

    def accept(self, value: Any, tools: Tools) -> str:
        if value == "":
            return ""
        if not isinstance(value, str) or not RECORD_ID.fullmatch(value):
            raise Unfit("not_an_id", "this must be the id of a record")
        return value
