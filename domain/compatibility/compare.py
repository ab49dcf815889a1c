"""Two documents side by side: operations, what they take, what they answer, and who may ask."""

from collections.abc import Iterator
from typing import Any

from domain.compatibility.documents import Document, Operation
from domain.compatibility.findings import Finding, Weight, found
from domain.compatibility.schemas import Comparison

_KEEP = "keep it for a time, marked as deprecated, and say with `Sunset` when it goes"


def compared(old: Document, new: Document) -> tuple[Finding, ...]:
    """Every difference that means something to a client, the gravest first. Invalid (`limit_exceeded`) where there is too much."""
    pairs = _Pairs(old, new)
    before, now = old.operations(), new.operations()
    findings = [Finding(Weight.BREAKS, each.place, "the operation is gone", _KEEP) for key, each in before.items() if key not in now]
    findings += [Finding(Weight.HARMLESS, each.place, "the operation is new") for key, each in now.items() if key not in before]
    findings += [each for key in before if key in now for each in pairs.of(before[key], now[key])]
    findings += _components(old, new)
    return tuple(sorted(dict.fromkeys(findings), key=lambda each: (-each.weight, each.place, each.what)))


def breaks(findings: tuple[Finding, ...]) -> bool:
    return any(each.weight is Weight.BREAKS for each in findings)


class _Pairs:
    def __init__(self, old: Document, new: Document) -> None:
        self._old, self._new, self._schemas = old, new, Comparison(old, new)

    def of(self, old: Operation, new: Operation) -> Iterator[Finding]:
        yield from self._name(old, new)
        yield from self._security(old, new)
        yield from self._parameters(old, new)
        yield from self._body(old, new)
        yield from self._answers(old, new)

    def _name(self, old: Operation, new: Operation) -> Iterator[Finding]:
        before, now = old.item.get("operationId"), new.item.get("operationId")
        if before and before != now:
            yield Finding(Weight.BREAKS, new.place, f"the operation was called `{before}` and is called `{now}`",
                          "keep its id: generated clients name their methods after it")  # fmt: skip

    def _security(self, old: Operation, new: Operation) -> Iterator[Finding]:
        before, now = self._old.security(old), self._new.security(new)
        lost = [each for each in before if not any(other <= each for other in now)]
        for each in lost:
            who = f"with {', '.join(sorted(each))} alone" if each else "without signing in"
            yield Finding(Weight.BREAKS, new.place, f"it cannot be called {who} any more", "go on letting them in, and answer less")

    def _parameters(self, old: Operation, new: Operation) -> Iterator[Finding]:
        before, now = self._old.parameters(old), self._new.parameters(new)
        for (where, name), each in before.items():
            place = f"{new.place}, {where} parameter `{name}`"
            other = now.get((where, name))
            if other is None:
                yield Finding(Weight.BREAKS, place, "the parameter is gone", _KEEP)
                continue
            if other.get("required") and not each.get("required"):
                yield Finding(Weight.BREAKS, place, "the parameter has to be there now", "give it a default")
            yield from self._shapes(each.get("schema", {}), other.get("schema", {}), place, sent=True)
        for (where, name), each in now.items():
            if (where, name) not in before:
                needed = bool(each.get("required"))
                what = "a new parameter that has to be there" if needed else "a new parameter"
                yield Finding(Weight.BREAKS if needed else Weight.HARMLESS, f"{new.place}, {where} parameter `{name}`", what,
                              "give it a default" if needed else "")  # fmt: skip

    def _body(self, old: Operation, new: Operation) -> Iterator[Finding]:
        before, now = self._old.followed(old.item.get("requestBody")), self._new.followed(new.item.get("requestBody"))
        if now.get("required") and not before.get("required"):
            yield Finding(Weight.BREAKS, new.place, "a body has to be sent now", "go on without one where none comes")
        yield from self._media(self._old.contents(before), self._new.contents(now), f"{new.place}, body", sent=True)

    def _answers(self, old: Operation, new: Operation) -> Iterator[Finding]:
        before, now = self._old.responses(old), self._new.responses(new)
        for status, answer in before.items():
            place = f"{new.place}, answer {status}"
            if status in now:
                yield from self._media(self._old.contents(answer), self._new.contents(now[status]), place, sent=False)
                yield from self._headers(answer, now[status], place)
            elif status.startswith("2"):
                yield Finding(Weight.BREAKS, place, "it is not answered any more", "go on answering with this status")
        for status in now:
            if status not in before and status.startswith("2"):
                yield Finding(Weight.MAY_BREAK, f"{new.place}, answer {status}", "a new status of success",
                              "tell clients: they go by the statuses that they know")  # fmt: skip

    def _headers(self, old: Any, new: Any, place: str) -> Iterator[Finding]:
        for name in self._old.followed(old.get("headers")):
            if name not in self._new.followed(new.get("headers")):
                yield Finding(Weight.MAY_BREAK, place, f"the header `{name}` is gone", "go on sending it")

    def _media(self, before: dict[str, Any], now: dict[str, Any], place: str, *, sent: bool) -> Iterator[Finding]:
        for kind, schema in before.items():
            if kind in now:
                yield from self._shapes(schema, now[kind], place, sent=sent)
            else:
                what = f"`{kind}` is not {'taken' if sent else 'answered'} any more"
                yield Finding(Weight.BREAKS, place, what, "keep the media type beside the new one")

    def _shapes(self, old: Any, new: Any, place: str, *, sent: bool) -> Iterator[Finding]:
        yield from (found(each, place, sent=sent) for each in self._schemas.differences(old, new))


def _components(old: Document, new: Document) -> Iterator[Finding]:
    """Generated clients name their types after the schemas."""
    before, now = (each.followed(each.content.get("components")).get("schemas", {}) for each in (old, new))
    for name in before:
        if name not in now:
            remedy = "keep its name: generated clients name their types after it"
            yield Finding(Weight.MAY_BREAK, f"schema {name}", "the schema is gone", remedy)
