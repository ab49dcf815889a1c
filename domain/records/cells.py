"""How a cell of a file is read as the type of its field. What other programs write without loss is taken ("5.0" is 5, "TRUE" is true);
nothing is rounded."""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from domain.records.formulas import unguarded
from domain.schema.fields import Field, Unfit
from domain.schema.kinds import Kind

_WHOLE = re.compile(r"([+-]?[0-9]{1,40})(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
TRUTHS = {"true": True, "false": False, "yes": True, "no": False, "t": True, "f": False, "y": True, "n": False, "1": True, "0": False}


def reader(field: Field) -> Callable[[str], Any]:
    """What turns a cell that is not empty into a value for this field; Unfit where it is none."""
    return _listed if field.many else _READERS[field.kind]


@lru_cache(maxsize=10_000)  # columns of numbers repeat themselves: hours, counts, years
def _whole(text: str) -> int:
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise Unfit("not_integer", f"`{text[:40]}` is no whole number")
    return int(match[1])


def _number(text: str) -> int | float:
    if len(text) > 400 or not _NUMBER.fullmatch(text):
        raise Unfit("not_number", f"`{text[:40]}` is no number")
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _truth(text: str) -> bool:
    truth = TRUTHS.get(text.lower())
    if truth is None:
        raise Unfit("not_bool", f"`{text[:40]}` is neither true nor false")
    return truth


def read_json(text: str) -> Any:
    """Strict JSON: no NaN, and no name twice in one object."""
    try:
        return STRICT.decode(text)
    except Unfit:
        raise
    except (ValueError, RecursionError) as broken:
        raise Unfit("invalid_json", "this is no JSON") from broken


def _listed(text: str) -> Any:
    """Several values in one cell: a JSON array, or the values with `;` between them."""
    return read_json(text) if text.lstrip().startswith("[") else [part.strip() for part in text.split(";")]


def _no_constant(text: str) -> Any:
    raise Unfit("invalid_json", f"{text} is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unfit("duplicate_key", "an object names a key twice")
    return found


STRICT = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_unique)

_READERS: dict[Kind, Callable[[str], Any]] = {
    Kind.TEXT: unguarded,
    Kind.INTEGER: _whole,
    Kind.NUMBER: _number,
    Kind.DECIMAL: str,
    Kind.BOOL: _truth,
    Kind.DATE: str,
    Kind.DAY: str,
    Kind.JSON: read_json,
}


def exact_text(number: float) -> str | float:
    """A fraction of a JSON file for a decimal field, as it was written; one of more digits than a double is sure to keep stays a
    double, which such a field refuses."""
    text = repr(number)
    return text if "e" not in text and len(text.replace("-", "").replace(".", "").strip("0")) <= 15 else number
