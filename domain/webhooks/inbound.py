"""Sources: other servers that tell us what happens there. What each makes of a message is an event, and a record if its owner says so."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.errors import Invalid, Unauthenticated, did_you_mean, invalid
from domain.schema.collection import Schema
from domain.webhooks.endpoints import Reader, read_reader, written_reader
from domain.webhooks.schemes import SCHEMES, check_secret

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_POINTER = re.compile(r"(/([^~]|~[01])*)?")
_PARTS = ("scheme", "secret", "record", "enabled")
_OF_RECORD = ("collection", "as", "values", "by")
_MOST_VALUES = 100
# How deep a pointer goes.
_DEEPEST = 32
MISSING: Any = object()

TAKEN, FAILED = "taken", "failed"


@dataclass(frozen=True, slots=True)
class Making:
    """A record in `collection` (its id), written by `actor`: each field from a place in the message (a JSON Pointer, RFC 6901), or the
    same for all. With `by` one that has the same values in these fields is changed instead."""

    collection: str
    actor: Reader
    places: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    by: tuple[str, ...] = ()

    def values(self, message: Any) -> dict[str, Any]:
        """What is not in the message is left out."""
        found = {name: at(message, place) for name, place in self.places.items()}
        return {**self.constants, **{name: value for name, value in found.items() if value is not MISSING}}


@dataclass(frozen=True, slots=True)
class Source:
    name: str
    scheme: str
    created: str
    enabled: bool = True
    making: Making | None = None

    def as_object(self, names: Mapping[str, str]) -> dict[str, Any]:
        """`names` are those of collections by their ids."""
        return {
            "name": self.name, "scheme": self.scheme, "enabled": self.enabled, "created": self.created,
            "record": _written(self.making, names) if self.making else None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """One that came: when, in milliseconds, and what was made of it. `record` is the id of the record; `reason` says why none was."""

    id: str
    kind: str
    came: int
    state: str = TAKEN
    record: str = ""
    reason: str = ""


def read_source(name: str, body: Mapping[str, Any], schema: Schema, *, created: str) -> tuple[Source, str | None]:
    """As an owner wrote it, and the secret if one was given; Invalid with a pointer for each part that cannot be."""
    _check_names(body, _PARTS, "")
    if not _NAME.fullmatch(name):
        told = "the name of a source is of a to z, 0 to 9 and `-`, begins with a letter, and has 40 characters at most"
        raise invalid("", "invalid_source", told)
    scheme, secret, enabled = body.get("scheme"), body.get("secret"), body.get("enabled", True)
    if not isinstance(scheme, str) or scheme not in SCHEMES:
        raise invalid("/scheme", "invalid_source", f"`scheme` says who signs: {', '.join(SCHEMES)}")
    if not isinstance(enabled, bool):
        raise invalid("/enabled", "wrong_type", "`enabled` is true or false")
    if secret is not None:
        _check_secret(scheme, secret)
    return Source(name, scheme, created, enabled, _making(body.get("record"), schema)), secret


def not_theirs() -> Unauthenticated:
    """The same for a source that is not there, one that is disabled, and a signature that is not good."""
    return Unauthenticated("this message is signed by nobody who is known here", code="invalid_signature")


def at(document: Any, pointer: str) -> Any:
    """What stands there, or MISSING."""
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(key, MISSING)
        elif isinstance(document, list) and key.isascii() and key.isdigit() and len(key) < 10 and int(key) < len(document):
            document = document[int(key)]
        else:
            return MISSING
    return document


def check_numbers(message: Any) -> None:
    """Invalid where there is a whole number that events do not carry."""
    pending = [message]
    while pending:
        each = pending.pop()
        if isinstance(each, dict | list):
            pending += each.values() if isinstance(each, dict) else each
        elif isinstance(each, int) and not -(2**63) <= each < 2**63:
            raise Invalid("a whole number in this message has more than 64 bits", code="number_too_large")


def _check_secret(scheme: str, secret: Any) -> None:
    if not isinstance(secret, str):
        raise invalid("/secret", "wrong_type", "`secret` is a text")
    try:
        check_secret(scheme, secret)
    except ValueError as wrong:
        raise invalid("/secret", "invalid_source", str(wrong)) from wrong


def _making(written: Any, schema: Schema) -> Making | None:
    if written is None:
        return None
    if not isinstance(written, dict):
        told = '`record` is like {"collection": "payments", "as": "admin", "values": {"sum": "/amount"}}'
        raise invalid("/record", "not_an_object", told)
    _check_names(written, _OF_RECORD, "/record")
    collection = schema.collections.get(written["collection"]) if isinstance(written.get("collection"), str) else None
    if collection is None or collection.system or collection.is_view:
        raise invalid("/record/collection", "unknown_collection", "`collection` is one that records can be written to")
    places, constants = _values(written.get("values"), list(collection.every_field))
    by = written.get("by", [])
    if not isinstance(by, list) or any(each not in {**places, **constants} for each in by):
        raise invalid("/record/by", "invalid_source", "`by` are fields among the values, by which a record is known again")
    reader = read_reader(written.get("as"), schema, "/record/as")
    return Making(collection.id, reader, places, constants, tuple(by))


def _values(written: Any, fields: Sequence[str]) -> tuple[dict[str, str], dict[str, Any]]:
    if not isinstance(written, dict) or not 1 <= len(written) <= _MOST_VALUES:
        raise invalid("/record/values", "wrong_type", '`values` are places in the message by field: {"sum": "/data/amount"}')
    places: dict[str, str] = {}
    constants: dict[str, Any] = {}
    for name, value in written.items():
        if name not in fields:
            raise invalid(f"/record/values/{name[:80]}", "unknown_field", f"no field `{name[:80]}`", hint=did_you_mean(name, list(fields)))
        if isinstance(value, str) and _POINTER.fullmatch(value) and value.count("/") <= _DEEPEST:
            places[name] = value
        elif isinstance(value, dict) and list(value) == ["value"]:
            constants[name] = value["value"]
        else:
            hint = '"/data/amount" for a place in the message (RFC 6901), {"value": …} for the same in all records'
            raise invalid(f"/record/values/{name[:80]}", "invalid_source", "this is neither a place nor a value", hint=hint)
    return places, constants


def _written(making: Making, names: Mapping[str, str]) -> dict[str, Any] | None:
    if making.collection not in names:
        return None
    values = {**making.places, **{name: {"value": value} for name, value in making.constants.items()}}
    return {
        "collection": names[making.collection], "as": written_reader(making.actor, names), "values": values, "by": list(making.by),
    }  # fmt: skip


def _check_names(body: Mapping[str, Any], known: Sequence[str], pointer: str) -> None:
    for key in body:
        if key not in known:
            hint = did_you_mean(key, list(known))
            raise invalid(f"{pointer}/{key[:80]}", "unknown_field", f"there is no `{key[:80]}` here", hint=hint)

