"""The JSON Schema port on jsonschema-rs: draft 2020-12 alone, nothing fetched, patterns on an engine that does not backtrack."""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from domain.schema.fields import Unfit

MAX_SCHEMA = 20_000  # characters of JSON
MAX_DEPTH = 32
# Definitions that refer to each other twice unfold to 2ⁿ steps: so many references stay far below a tenth of a second.
MAX_REFERENCES = 40
MAX_FAULTS = 12
_LONGEST = 200
_PATTERN_MEMORY = 1 << 20
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_REFERRING = ("$ref", "$dynamicRef", "$recursiveRef")


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
    references = 0
    for depth, item in _objects(schema):
        if depth > MAX_DEPTH:
            raise _unsound(f"too deep: at most {MAX_DEPTH} levels")
        named = [item[key] for key in _REFERRING if isinstance(item.get(key), str)]
        references += len(named)
        if any(not each.startswith("#") for each in named):
            raise _unsound("complete in itself: `$ref` begins with `#`")
    if references > MAX_REFERENCES:
        raise _unsound(f"simpler: at most {MAX_REFERENCES} references")


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
