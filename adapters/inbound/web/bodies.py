"""JSON bodies, read strictly: what two readers could understand in two ways is refused, and nothing is rounded or dropped.

The standard library parses, because it can be asked at each object and number; limits that protect it are checked before.
How many bytes a body may have is Flask's MAX_CONTENT_LENGTH, which also holds for bodies without a Content-Length.
"""

import json
import math
import re
from collections.abc import Iterator
from itertools import accumulate, islice
from typing import Any, NoReturn

from flask import Request

from domain.errors import Fault, Invalid, TooLarge, UnsupportedMedia, invalid

MEDIA_TYPE = "application/json"
MAX_DEPTH = 64
MAX_VALUES = 100_000
MAX_KEYS = 20_000
MAX_DIGITS = 1000
# What a double is sure to keep of a decimal text.
DOUBLE_DIGITS = 17

# A string, closed or not; possessive, so that no text makes it go back over what it has read.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
# Escapes of what no engine stores as text: NUL, and surrogates, which may turn out to be alone.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class _DuplicateKey(ValueError):
    pass


def has_body(request: Request) -> bool:
    """For doors where it may be left out."""
    return request.environ.get("CONTENT_LENGTH") not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in request.environ


def read_json(request: Request) -> Any:
    """What the body says. UnsupportedMedia, TooLarge, or Invalid with the place where it can be told."""
    _check_media_type(request)
    raw = request.get_data(cache=False)  # what a door has read for itself is there already
    # Werkzeug ends a body without a length at the limit, as if it had been sent so.
    if request.content_length is None and len(raw) >= (request.max_content_length or len(raw) + 1):
        raise TooLarge("the body is larger than allowed")
    return parse(raw)


def read_object(request: Request) -> dict[str, Any]:
    """The same where only an object makes sense."""
    value = read_json(request)
    if not isinstance(value, dict):
        raise invalid("", "not_an_object", "the body must be a JSON object")
    return value


def parse(raw: bytes) -> Any:
    if not raw.strip(b" \t\r\n"):
        raise invalid("", "empty_body", "the body is empty", hint="send a JSON object")
    text = _decoded(raw)
    _check_size_of_tree(raw)
    try:
        value = _STRICT.decode(text)
    except _DuplicateKey:
        _refuse_duplicates(text)
    except json.JSONDecodeError as wrong:
        detail = f"the body is not JSON: {wrong.msg} at line {wrong.lineno} column {wrong.colno}"
        raise invalid("", "invalid_json", detail) from None
    if _SUSPECT.search(raw):
        _refuse_unstorable(value)
    return value


def _check_media_type(request: Request) -> None:
    sent = request.environ.get("CONTENT_TYPE", "")
    if sent != MEDIA_TYPE:
        charset = request.mimetype_params.get("charset", "utf-8").lower()
        if request.mimetype != MEDIA_TYPE or charset not in ("utf-8", "utf8"):
            raise UnsupportedMedia("the body must be JSON in UTF-8", hint=f"send it with Content-Type: {MEDIA_TYPE}")
    if request.environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedMedia("compressed bodies are not read here", hint="send the body without Content-Encoding")


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise invalid("", "byte_order_mark", "the body begins with a byte order mark", hint="send plain UTF-8")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise invalid("", "invalid_utf8", f"the body is not UTF-8 at byte {wrong.start}") from None


def _check_size_of_tree(raw: bytes) -> None:
    """Before the parser sees it: depth costs stack, breadth costs memory. A body too small for either is not looked at."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH and len(raw) <= MAX_KEYS:
        return
    bare = _STRING.sub(b"", raw)
    if bare.count(b",") >= MAX_VALUES or bare.count(b":") > MAX_KEYS:
        raise TooLarge(f"the body holds more than {MAX_VALUES} values or {MAX_KEYS} keys", code="too_many_values")
    if _deepest(bare.translate(None, _ALL_BUT_BRACKETS)) > MAX_DEPTH:
        raise TooLarge(f"the body nests deeper than {MAX_DEPTH} levels", code="too_deep")


def _deepest(brackets: bytes) -> int:
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _refuse_constant(name: str) -> NoReturn:
    raise invalid("", "invalid_number", f"{name} is not a JSON number")


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise invalid("", "invalid_number", f"a number has more than {MAX_DIGITS} digits")
    return int(text)


def _fraction(text: str) -> float:
    """Only what a double gives back as it was sent: too large, too small or too long a number is refused, never bent."""
    number = float(text)
    if len(text) <= DOUBLE_DIGITS and "e" not in text and "E" not in text:
        return number
    if not math.isfinite(number):
        raise invalid("", "invalid_number", f"{text[:40]} is larger than a double holds")
    if len(_significant(text)) > DOUBLE_DIGITS or (number == 0 and _significant(text)):
        hint = "send it as text in a field of type decimal"
        raise invalid("", "invalid_number", f"{text[:40]} would not be kept exactly", hint=hint)
    return number


def _significant(text: str) -> str:
    mantissa = re.split("[eE]", text)[0].lstrip("-")
    whole, _, rest = mantissa.partition(".")
    return (whole + rest).strip("0")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _DuplicateKey
    return made


def _decoder(pairs: Any) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=pairs, parse_int=_integer, parse_float=_fraction, parse_constant=_refuse_constant)


_STRICT = _decoder(_unique)


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written, twice named keys and all."""


def _refuse_duplicates(text: str) -> NoReturn:
    """Read once more, slowly, to say where they are."""
    places = islice(_duplicates(_decoder(_Pairs).decode(text), ""), 20)
    faults = tuple(Fault(place, "duplicate_key", f"{place[:200]} is there twice") for place in places)
    raise Invalid(faults[0].detail, code="duplicate_key", faults=faults)


def _duplicates(value: Any, pointer: str) -> Iterator[str]:
    seen: set[str] = set()
    for key, inner in _members(value):
        place = f"{pointer}/{_escaped(key)}"
        if isinstance(value, _Pairs) and key in seen:
            yield place
        seen.add(str(key))
        yield from _duplicates(inner, place)


def _refuse_unstorable(value: Any) -> None:
    for pointer in _unstorable(value, ""):
        raise invalid(pointer, "invalid_text", "text may not hold NUL or a lone surrogate")


def _unstorable(value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, str) and _UNSTORABLE.search(value):
        yield pointer
    for key, inner in _members(value):
        if isinstance(key, str) and _UNSTORABLE.search(key):
            yield pointer
        yield from _unstorable(inner, f"{pointer}/{_escaped(key)}")


def _members(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, _Pairs):
        yield from value
    elif isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _escaped(key: Any) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
