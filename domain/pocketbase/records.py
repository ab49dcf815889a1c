"""A row of PocketBase as a record here: judged by the fields that it goes to, with its id, its stamps and its password's hash."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import Fault
from domain.pocketbase.plan import Moved
from domain.records.changes import Draft
from domain.schema.fields import AutodateField, Field, Tools, Unfit
from domain.schema.fields.lists import is_absent
from domain.schema.fields.relations import RECORD_ID
from domain.schema.fields.times import read_instant, write_instant

# bcrypt as PocketBase writes it. The cost is in the hash: one of 31 would keep a core busy for days at each sign-in, so a folder
# that somebody else has made may not bring more than a little above the usual 10.
_BCRYPT = re.compile(r"\$2[aby]\$(?:0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Judged:
    """`cleaned` are fields whose text was changed to be kept, `locked_out` says that the password's hash is of no known form."""

    id: str
    draft: Draft
    faults: tuple[Fault, ...]
    cleaned: tuple[str, ...] = ()
    locked_out: bool = False


def judged(moved: Moved, row: Row, now: str, tools: Tools) -> Judged:
    faults: list[Fault] = []
    id = row["id"] if isinstance(row["id"], str) else ""
    if not RECORD_ID.fullmatch(id):
        faults.append(Fault("/id", "invalid_id", "an id has 1 to 64 characters of A-Z a-z 0-9 _ -"))
    values: dict[str, Any] = {"id": id, "version": 1, **{name: _stamp(row.get(name), now) for name in ("created", "updated")}}
    read = {column.field: column for column in moved.columns}
    cleaned = []
    for field in moved.collection.own_fields:
        column = read.get(field.name)
        given = None
        try:
            given = column.read(row[column.source]) if column else moved.given.get(field.name)
            values[field.name] = _accepted(field, given, now, tools)
        except Unfit as unfit:
            values[field.name] = () if field.many else None
            faults.append(Fault(f"/{field.name}", unfit.code, unfit.detail))
        if field.type == "richtext" and values[field.name] != given:
            cleaned.append(field.name)
    hashed = row.get("password")
    known = isinstance(hashed, str) and _BCRYPT.fullmatch(hashed) is not None
    secrets = {"password_hash": hashed if known else None, "epoch": 1} if moved.collection.is_accounts else {}
    return Judged(id, Draft(values, secrets), tuple(faults), tuple(cleaned), bool(secrets) and not known)


def _stamp(value: Any, now: str) -> str:
    instant = read_instant(value) if isinstance(value, str) else None
    return write_instant(instant) if instant else now


def _accepted(field: Field, value: Any, now: str, tools: Tools) -> Any:
    nothing: Any = () if field.many else None
    if isinstance(field, AutodateField):
        return None if value is None else _stamp(value, now)
    accepted = nothing if value is None else field.accept(value, tools)
    accepted = None if accepted == "" and field.absent_text else accepted
    if field.required and is_absent(field, accepted):
        raise Unfit("required", f"`{field.name}` is required")
    return accepted
