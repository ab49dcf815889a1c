"""A value that a field would take, for documents and for those who learn by them; nothing where none can be told in advance."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from domain.schema.fields import Field, Tools, Unfit

PLACE = {"lon": 13.4, "lat": 52.5}
_INSTANT, _DAY = "2026-11-22T13:00:00.000Z", "2026-11-22"
# Of usual forms: a pattern is an owner's own, and the first of these that it lets in will do.
_FORMS = (
    "Hello", "hello", "HELLO", "a", "A", "ab", "AB", "abc", "ABC", "1", "12", "123", "1234", "12345", "123456", "1234567890", "a1", "A1",
    "AB12", "AB-12", "AB-123", "AB-1234", "ABC-123", "ABC-1234", "abc-def", "abc_def", "1.2", "1.2.3", "1.50", "12:30", "12:30:00", _DAY,
    "#aabbcc", "+491701234567", "ann@example.org", "https://example.org/", "en-GB", "10115", "0198c5a0-0000-7000-8000-000000000000",
)  # fmt: skip


def example(field: Field, tools: Tools) -> Any:
    """None where there is none: of a relation, of a pattern or a schema of an unusual form."""
    for value in (field.literal_default, *_CANDIDATES[field.type](field)):
        if _is_taken(field, value, tools):
            return value
    return None


def _is_taken(field: Field, value: Any, tools: Tools) -> bool:
    if value is None:
        return False
    try:
        return field.accept(value, tools) not in ("", ())
    except Unfit:
        return False


def _texts(field: Any) -> Iterator[str]:
    """The word itself, or as much of it, or as often, as its limits want."""
    yield from _FORMS
    yield ("Hello " * ((field.min or 0) // 6 + 1))[: field.max].strip().ljust(field.min or 0, "o")


def _numbers(field: Any) -> Iterator[Any]:
    yield from (each for each in (1, 0, field.min, field.max) if each is not None)


def _decimals(field: Any) -> Iterator[str]:
    exponent = Decimal(1).scaleb(-field.scale)
    for each in (Decimal("12.5"), Decimal(1), Decimal(0), *field.bounds):
        if each is not None and each == each.quantize(exponent):
            yield format(each.quantize(exponent), "f")


def _times(value: str) -> Callable[[Any], Iterator[Any]]:
    return lambda field: iter((value, field.min, field.max))


def _choices(field: Any) -> Iterator[Any]:
    if field.many:
        yield list(field.values[: max(field.min or 0, 1)])
    else:
        yield from field.values


def _documents(field: Any) -> Iterator[Any]:
    schema = field.schema or {}
    yield schema.get("default")
    yield from schema["examples"] if isinstance(schema.get("examples"), list) else ()
    yield from ({"any": "thing"}, {}, [], "text", 1, True)


_CANDIDATES: Mapping[str, Callable[[Any], Iterator[Any]]] = {
    "text": _texts,
    "richtext": lambda field: iter(("<p>Hello</p>", "Hello", "H")),
    "email": lambda field: iter(("ann@example.org",)),
    "url": lambda field: iter(("https://example.org/",)),
    "integer": _numbers,
    "number": lambda field: iter((1.5, *_numbers(field))),
    "decimal": _decimals,
    "bool": lambda field: iter((True,)),
    "date": _times(_INSTANT),
    "day": _times(_DAY),
    "autodate": lambda field: iter((_INSTANT,)),
    "select": _choices,
    "relation": lambda field: iter(()),
    "geo": lambda field: iter((PLACE,)),
    "json": _documents,
    "file": lambda field: iter(()),
}
