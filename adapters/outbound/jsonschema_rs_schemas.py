"""The JSON Schema port on jsonschema-rs: draft 2020-12 alone, nothing fetched, patterns on an engine that does not backtrack."""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import unquote

from domain.schema.fields import Unfit

MAX_SCHEMA = 20_000  # characters of JSON
MAX_DEPTH = 32
# Definitions that refer to each other twice unfold to 2ⁿ objects, each of which may be wrong about one value.
MAX_UNFOLDED = 2_000
MAX_FAULTS = 12
_LONGEST = 200
_PATTERN_MEMORY = 1 << 20
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DYNAMIC = ("$dynamicRef", "$recursiveRef")


class JsonschemaRsSchemas:
    def faults(self, schema: Any, value: Any) -> Sequence[tuple[str, str]]:
        found = _compiled(json.dumps(schema, ensure_ascii=False)).iter_errors(value)
        return [(_pointer(each.instance_path), _short(each.message)) for each in islice(found, MAX_FAULTS)]


@lru_cache(maxsize=256)
def _compiled(text: str) -> Any:
    import jsonschema_rs  # eight megabytes that only those carry who use it

    schema = json.loads(text)
    _check_extent(text, schema)
    try:
        return jsonschema_rs.Draft202012Validator(
            schema, offline=True, validate_formats=True, mask="this",
            pattern_options=jsonschema_rs.RegexOptions(size_limit=_PATTERN_MEMORY, dfa_size_limit=_PATTERN_MEMORY),
        )  # fmt: skip
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as broken:
        raise _unsound(f"not sound: {_short(getattr(broken, 'message', None) or str(broken))}") from broken


def _check_extent(text: str, schema: Any) -> None:
    if not isinstance(schema, dict):
        raise _unsound("an object")
    if len(text) > MAX_SCHEMA:
        raise _unsound(f"too long: at most {MAX_SCHEMA} characters")
    if schema.get("$schema", _DRAFT) != _DRAFT:
        raise _unsound(f"of draft 2020-12: leave `$schema` out or write {_DRAFT}")
    for depth, item in _objects(schema):
        if depth > MAX_DEPTH:
            raise _unsound(f"too deep: at most {MAX_DEPTH} levels")
        if any(key in item for key in _DYNAMIC) or not _is_inside(item.get("$ref", "#")):
            raise _unsound("complete in itself: the one reference is `$ref`, and it is `#` or begins with `#/`")
    _check_unfolded(schema)


def _is_inside(reference: Any) -> bool:
    """What is no text is no reference: a property may be called so."""
    return not isinstance(reference, str) or reference == "#" or reference.startswith("#/")


def _check_unfolded(schema: dict[str, Any]) -> None:
    """Counts objects with those that references lead to; one that leads back to itself goes on with the value, not with the schema."""
    pending: list[tuple[Any, frozenset[str]]] = [(schema, frozenset())]
    count = 0
    while pending:
        item, entered = pending.pop()
        if isinstance(item, list):
            pending.extend((each, entered) for each in item)
        if not isinstance(item, dict):
            continue
        count += 1
        if count > MAX_UNFOLDED:
            raise _unsound(f"too large: at most {MAX_UNFOLDED} objects, counting those behind each reference")
        pending.extend((each, entered) for each in item.values())
        reference = item.get("$ref")
        if isinstance(reference, str) and reference not in entered:
            pending.append((_led_to(schema, reference), entered | {reference}))


def _led_to(schema: Any, reference: str) -> Any:
    """None where it leads nowhere; the library says so."""
    for part in unquote(reference).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and key.isdecimal() and int(key) < len(schema):
            schema = schema[int(key)]
        else:
            schema = schema.get(key) if isinstance(schema, dict) else None
    return schema


def _objects(schema: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every object in it, with its depth. By a stack: how deep it goes is what is asked."""
    pending: list[tuple[int, Any]] = [(1, schema)]
    while pending:
        depth, item = pending.pop()
        if isinstance(item, dict):
            yield depth, item
            pending.extend((depth + 1, each) for each in item.values())
        elif isinstance(item, list):
            pending.extend((depth + 1, each) for each in item)


def _unsound(what: str) -> Unfit:
    return Unfit("invalid_schema", f"`schema` must be {what}" if not what.startswith(("not ", "too ")) else f"`schema` is {what}")


def _pointer(path: Sequence[str | int]) -> str:
    return "".join("/" + str(each).replace("~", "~0").replace("/", "~1") for each in path)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
