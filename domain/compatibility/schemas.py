"""Two JSON Schemas side by side: where the new one takes less than the old one, where it takes more, and where nobody can say."""

from collections.abc import Iterator, Mapping
from typing import Any

from domain.compatibility.documents import Document
from domain.compatibility.findings import Difference
from domain.errors import Invalid

# More than any honest document has; it ends rings and what was made to cost time.
MOST_COMPARED, DEEPEST = 200_000, 60
# Whether a greater value takes more.
_LIMITS = {
    "maximum": True, "exclusiveMaximum": True, "maxLength": True, "maxItems": True, "maxProperties": True,
    "minimum": False, "exclusiveMinimum": False, "minLength": False, "minItems": False, "minProperties": False,
}  # fmt: skip
_FORMS = ("pattern", "format", "multipleOf", "uniqueItems", "contentEncoding", "contentMediaType")
_EVERY_TYPE = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
_COMPOSED = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "prefixItems", "patternProperties", "dependentRequired")


class Comparison:
    """Of schemas in two documents; each pair is compared once, so that rings end."""

    def __init__(self, old: Document, new: Document) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[int, int]] = set()
        self._held: list[Any] = []  # what was seen by its identity must not go

    def differences(self, old: Any, new: Any) -> list[Difference]:
        self._seen, self._held = set(), []
        return list(self._compared(old, new, "", 0))

    def _compared(self, old: Any, new: Any, at: str, depth: int) -> Iterator[Difference]:
        first, second = _schema(self._old, old), _schema(self._new, new)
        pair = (id(first), id(second))
        if pair in self._seen or (first == second and not _refers(first)):
            return
        self._seen.add(pair)
        self._held += (first, second)
        if len(self._seen) > MOST_COMPARED or depth > DEEPEST:
            raise Invalid("beyond the limit `schemas`: these documents nest or repeat too much to be compared", code="limit_exceeded")
        yield from _types(first, second, at)
        yield from _values(first, second, at)
        yield from _limits(first, second, at)
        yield from _forms(first, second, at)
        yield from self._composed(first, second, at, depth)
        yield from self._objects(first, second, at, depth)
        if "items" in first or "items" in second:
            yield from self._compared(first.get("items", {}), second.get("items", {}), f"{at}/items", depth + 1)

    def _composed(self, old: Mapping[str, Any], new: Mapping[str, Any], at: str, depth: int) -> Iterator[Difference]:
        """Alternatives that stand at the same place are compared; where their number differs, nobody can say."""
        for word in _COMPOSED:
            first, second = old.get(word), new.get(word)
            if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
                for number, (one, other) in enumerate(zip(first, second, strict=True)):
                    yield from self._compared(one, other, f"{at}/{word}/{number}", depth + 1)
            elif first != second:
                yield Difference("unlike", at, f"`{word}` is another one")

    def _objects(self, old: Mapping[str, Any], new: Mapping[str, Any], at: str, depth: int) -> Iterator[Difference]:
        first, second = _named(old.get("properties")), _named(new.get("properties"))
        for name in first:
            place = f"{at}/{name}"
            if name in second:
                yield from self._compared(first[name], second[name], place, depth + 1)
            else:
                yield Difference("missing", place, f"`{name}` is gone")
        yield from (Difference("offered", f"{at}/{name}", f"`{name}` is new") for name in second if name not in first)
        before, now = _names(old.get("required")), _names(new.get("required"))
        yield from (Difference("needed", f"{at}/{name}", f"`{name}` has to be there now") for name in sorted(now - before))
        gone = sorted(name for name in before - now if name in second)
        yield from (Difference("spared", f"{at}/{name}", f"`{name}` need not be there any more") for name in gone)
        yield from self._others(old, new, at, depth)

    def _others(self, old: Mapping[str, Any], new: Mapping[str, Any], at: str, depth: int) -> Iterator[Difference]:
        """What properties that are not listed may be."""
        first, second = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if first is not False and second is False:
            yield Difference("narrower", at, "other properties are not taken any more")
        elif first is False and second is not False:
            yield Difference("wider", at, "other properties may come as well")
        elif isinstance(first, Mapping) or isinstance(second, Mapping):
            yield from self._compared(first, second, f"{at}/*", depth + 1)


def _types(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Difference]:
    before, now = _types_of(old), _types_of(new)
    gone, come = sorted(before - now), sorted(now - before)
    if gone and come and not before & now - {"null"}:
        yield Difference("unlike", at, f"{_listed(sorted(before))} became {_listed(sorted(now))}")
        return
    if gone:
        yield Difference("narrower", at, f"{_listed(gone)} is not taken any more")
    if come:
        yield Difference("wider", at, f"it may be {_listed(come)} now")


def _types_of(schema: Mapping[str, Any]) -> frozenset[str]:
    told = schema.get("type")
    types = frozenset({told}) if isinstance(told, str) else _names(told) or _EVERY_TYPE
    return types | {"integer"} if "number" in types else types


def _values(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Difference]:
    before, now = _enum(old), _enum(new)
    if before is None and now is None:
        return
    if now is not None and (gone := [each for each in before or () if each not in now]):
        yield Difference("narrower", at, f"{_listed(gone)} is no value any more")
    if before is not None and (come := [each for each in now or () if each not in before]):
        yield Difference("wider", at, f"{_listed(come)} is a value now")
    if before is None:
        yield Difference("narrower", at, "only listed values are left")
    if now is None:
        yield Difference("wider", at, "values are not listed any more")


def _enum(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    listed = schema.get("enum")
    return listed if isinstance(listed, list) else None


def _limits(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Difference]:
    for word, upper in _LIMITS.items():
        before, now = _number(old.get(word)), _number(new.get(word))
        if before == now:
            continue
        if before is None:
            yield Difference("narrower", at, f"`{word}` is {now}, there was none")
        elif now is None:
            yield Difference("wider", at, f"`{word}` was {before}, there is none now")
        else:
            yield Difference("wider" if (now > before) is upper else "narrower", at, f"`{word}` was {before} and is {now}")


def _forms(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Difference]:
    for word in _FORMS:
        before, now = old.get(word), new.get(word)
        if before == now:
            continue
        if before is None or now is None:
            yield Difference("wider" if now is None else "narrower", at, f"`{word}` " + ("is gone" if now is None else f"is {_short(now)}"))
        else:
            yield Difference("unlike", at, f"`{word}` was {_short(before)} and is {_short(now)}")


def _schema(document: Document, value: Any) -> Mapping[str, Any]:
    """True takes everything, as an empty schema does; False takes nothing."""
    return {"enum": []} if value is False else document.followed(value)


def _refers(schema: Any) -> bool:
    """Whether equal texts may mean different things, since they refer to what stands elsewhere."""
    pending = [schema]
    while pending:
        each = pending.pop()
        if isinstance(each, Mapping):
            if "$ref" in each:
                return True
            pending += each.values()
        elif isinstance(each, list):
            pending += each
    return False


def _named(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _names(value: Any) -> frozenset[str]:
    return frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset()


def _number(value: Any) -> float | int | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _listed(values: Any) -> str:
    texts = [_short(each) for each in values]
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")


def _short(value: Any) -> str:
    text = f"`{value}`"
    return text if len(text) <= 80 else text[:79] + "…"
