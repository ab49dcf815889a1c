"""Cases in which rules are tried: records that are there, who asks for what, and what is expected; as their author writes them down."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from domain.errors import Invalid, did_you_mean, invalid
from domain.records.visibility import ACTIONS

EXPECTED = ("allowed", "denied", "invalid")
_FILE = ("now", "records", "case")
_CASE = ("name", "actor", "action", "collection", "record", "values", "filter", "query", "headers",
         "expected", "visible", "masked", "shown")  # fmt: skip
_READING = ("list", "view")


@dataclass(frozen=True, slots=True)
class RuleCase:
    """One actor's request. `record` is the name of a fixture; `visible` the fixtures that a list shows, no more and no fewer, or None
    where that is not asked; `masked` and `shown` are fields of what is read."""

    name: str
    actor: str
    action: str
    collection: str
    record: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    filter: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    expected: str = ""
    visible: frozenset[str] | None = None
    masked: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleCases:
    """`records` are the fixtures: values by name, by collection. A fixture's name is its record's id."""

    records: Mapping[str, Mapping[str, Mapping[str, Any]]]
    cases: tuple[RuleCase, ...]
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`told` says what went otherwise than expected, line by line; nothing where the case holds."""

    name: str
    told: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.told

    def __str__(self) -> str:
        return "\n  ".join((self.name, *self.told))


def read_cases(document: Mapping[str, Any]) -> RuleCases:
    """Invalid with the place of what is wrong: a case with a typo must not pass for one that holds."""
    _known(document, _FILE, "")
    records, cases = document.get("records", {}), document.get("case", [])
    now = document.get("now")
    if now is not None and not (isinstance(now, datetime) and now.tzinfo):
        raise _wrong("now", "an instant with its zone, as 2026-11-22T13:00:00Z")
    if not (isinstance(records, Mapping) and all(_are_records(each) for each in records.values())):
        raise _wrong("records", "tables: [records.posts], and in it hello = {title = \"Hello\"}")
    if not (isinstance(cases, list) and cases):
        raise _wrong("case", "at least one [[case]]")
    kept = {name: {alias: _plain(values) for alias, values in each.items()} for name, each in records.items()}
    read = tuple(each for at, case in enumerate(cases) for each in _cases(case, f"case {at + 1}", kept))
    return RuleCases(kept, read, now.astimezone(UTC) if now else None)


def _are_records(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(each, Mapping) for each in value.values())


def _cases(case: Any, place: str, records: Mapping[str, Mapping[str, Any]]) -> Iterator[RuleCase]:
    """One for each actor that it names."""
    if not isinstance(case, Mapping):
        raise _wrong(place, "a table")
    _known(case, _CASE, f"{place}: ")
    for name, (fits, wanted) in _FORMS.items():
        if name in case and not fits(case[name]):
            raise _wrong(f"{place}: {name}", wanted)
    action, collection, record = _about(case, place, records)
    _check_expectations(case, place, action, collection, record, records)
    actors = case.get("actor", "guest")
    parts = {name: _plain(case[name]) for name in ("values", "filter", "query", "expected") if name in case}
    headers = {name.lower().replace("-", "_"): text for name, text in case.get("headers", {}).items()}
    visible = frozenset(case["visible"]) if "visible" in case else None
    masked, shown = tuple(case.get("masked", ())), tuple(case.get("shown", ()))
    for actor in [actors] if isinstance(actors, str) else actors:
        title = f"{case['name']} ({actor})" if "name" in case else f"{actor}: {action} {collection}{'/' if record else ''}{record}"
        yield RuleCase(title, actor, action, collection, record, headers=headers, visible=visible, masked=masked, shown=shown, **parts)


def _about(case: Mapping[str, Any], place: str, records: Mapping[str, Mapping[str, Any]]) -> tuple[str, str, str]:
    action = case.get("action", "")
    if action not in ACTIONS:
        raise _wrong(f"{place}: action", f"one of {', '.join(ACTIONS)}")
    if action == "create" or (action == "list" and "record" not in case):
        if "record" in case or "collection" not in case:
            raise _wrong(f"{place}: collection", f"needed for {action}, and `record` has no meaning there")
        return action, case["collection"], ""
    collection, _, record = case.get("record", "").partition("/")
    if "collection" in case or record not in records.get(collection, {}):
        known = [f"{name}/{alias}" for name, each in records.items() for alias in each]
        hint = did_you_mean(f"{collection}/{record}", known)
        raise invalid("", "invalid_case", f"{place}: record is one of [records], as posts/hello" + (f"; {hint}" if hint else ""))
    return action, collection, record


def _check_expectations(
    case: Mapping[str, Any], place: str, action: str, collection: str, record: str, records: Mapping[str, Mapping[str, Any]]
) -> None:
    if not {"expected", "visible", "masked", "shown"} & case.keys():
        raise _wrong(place, "without anything expected: say `expected`, `visible`, `masked` or `shown`")
    if "visible" in case and (action != "list" or record):
        raise _wrong(f"{place}: visible", "for the list of a `collection`")
    if {"masked", "shown"} & case.keys() and (action not in _READING or not record or case.get("expected", "allowed") != "allowed"):
        raise _wrong(f"{place}: masked and shown", "for a `record` that is listed or viewed")
    for alias in case.get("visible", ()):
        # The rows of a view have ids of their own kind.
        if collection in records and alias not in records[collection]:
            hint = did_you_mean(alias, list(records[collection])) or "a fixture's name is its record's id"
            raise invalid("", "invalid_case", f"{place}: visible: there is no `{collection}/{alias[:80]}`; {hint}")


def _known(given: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for key in given:
        if key not in known:
            hint = did_you_mean(key, list(known)) or f"known are {', '.join(known)}"
            raise invalid("", "unknown_field", f"{place}nothing here is called `{key[:80]}`; {hint}")


def _wrong(place: str, wanted: str) -> Invalid:
    return invalid("", "invalid_case", f"{place}: this is {wanted}")


def _plain(value: Any) -> Any:
    """As JSON would have it: days and instants are texts there."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


_FORMS = {
    **dict.fromkeys(("name", "action", "collection", "record", "filter"), (_is_text, "text")),
    "actor": (lambda value: _is_text(value) or (_are_texts(value) and value), "guest, admin or the name of an account, or a list of these"),
    "expected": (lambda value: value in EXPECTED, f"one of {', '.join(EXPECTED)}"),
    **dict.fromkeys(("visible", "masked", "shown"), (_are_texts, "a list of names")),
    "values": (lambda value: isinstance(value, Mapping), "a table, as the body of a request"),
    **dict.fromkeys(
        ("query", "headers"), (lambda value: isinstance(value, Mapping) and all(map(_is_text, value.values())), "a table of texts")
    ),
}
