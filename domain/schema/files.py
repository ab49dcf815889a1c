"""A collection as one file that people read and compare: its definition as the API takes it, one field, index, rule or check on a line,
and nothing that is another one in the next database (ids, versions, stamps)."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from domain.errors import Fault, Problem, invalid
from domain.schema.collection import Collection, as_object, stored_collection
from domain.schema.fields import TRUSTING

# What is another one in the next database.
_OF_ONE_DATABASE = ("id", "version", "created", "updated")
# Whose entries have a line each.
_OPENED = ("rules", "query")


def definition_of(collection: Collection) -> dict[str, Any]:
    """What a file tells. The fields of a view follow from its query; what is empty is left out, `fields` and `rules` never."""
    told = collection.definition()
    if collection.is_view:
        del told["fields"]
        told["query"] = {key: value for key, value in told["query"].items() if value not in ("", [])}
    return {key: part for key, part in told.items() if key not in _OF_ONE_DATABASE and (part or key in ("fields", "rules"))}


def file_text(collection: Collection) -> str:
    parts = (f"{_json(key)}: {_opened(key, value, '  ')}" for key, value in definition_of(collection).items())
    return _block("{}", parts, "") + "\n"


def digest(collection: Collection) -> str:
    """Of the file; equal where the files are."""
    return sha256(file_text(collection).encode()).hexdigest()


def text_of_kept(kept: Mapping[str, Any]) -> str:
    """The file of a definition as the history of changes keeps it."""
    row = {**kept, "updated": "", "definition": kept}
    return file_text(stored_collection(row, TRUSTING))


def _opened(key: str, value: Any, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return _block("[]", map(_json, value), indent)
    if key in _OPENED and value:
        return _block("{}", (f"{_json(name)}: {_opened(name, each, inner)}" for name, each in value.items()), indent)
    return _json(value)


def _block(ends: str, lines: Iterable[str], indent: str) -> str:
    listed = f",\n{indent}  ".join(lines)
    return f"{ends[0]}\n{indent}  {listed}\n{indent}{ends[1]}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def named_definition(name: str, value: Any) -> Mapping[str, Any]:
    """The definition in the file of this name. One that calls the collection otherwise would make two of it one day."""
    body = as_object(value)
    if body.get("name") != name:
        raise invalid("/name", "invalid_name", f"its name is `{str(body.get('name'))[:80]}`", hint="name the file after its collection")
    return body


def placed(name: str, problem: Problem) -> list[Fault]:
    """What is wrong with one definition among many, saying in which one and where."""
    faults = problem.faults or (Fault("", problem.code, problem.detail),)
    hint = f" ({problem.hint})" if problem.hint and len(faults) == 1 else ""
    return [Fault(f"/{name}{each.pointer}", each.code, f"{_place(name, each.pointer)}: {each.detail}{hint}") for each in faults]


def _place(name: str, pointer: str) -> str:
    return f"`{name}`" + (f" at {pointer}" if pointer else "")
