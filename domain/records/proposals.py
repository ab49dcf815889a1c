"""A definition proposed from the rows of a file: which type each column has and why, before anything is written.

It would rather keep text than lose something: leading zeros, phone numbers and dates that could be read in two ways stay text, and
what looks like money is never a float.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.errors import Fault, Invalid
from domain.records.cells import TRUTHS
from domain.records.column_names import field_names
from domain.records.evidence import MOST_HASHED, NULLS, TESTS, Evidence
from domain.records.imports import REASON, Options, Row
from domain.schema.collection import MAX_FIELDS
from domain.schema.kinds import DECIMAL_DIGITS

MOST_CHOICES, LONGEST_CHOICE, ROWS_PER_CHOICE = 12, 40, 8
_MONEY = re.compile(
    r"price|amount|cost|total|fees?|salary|balance|tax|vat|fare|budget|revenue|paid|payment|income|discount|money|credit|debit|wage|rent"
    r"|eur|usd|gbp|chf|preis|betrag|prix|montant"
)
_TEXTUAL = re.compile(r"phone|mobile|fax|tel|zip|zipcode|postal|postcode|plz|iban|isbn|ean|ssn|vin|sku|account_number|telefon")
_FLAG = re.compile(
    r"(is|has|can|was|did|should|allow|allows)_.*"
    r"|active|enabled|disabled|deleted|verified|public|archived|featured|published|done|paid|hidden"
)
_KEYS = re.compile(r"(.*_)?(id|uuid|guid|key|code|slug|sku|isbn|iban|username|login|email|e_mail|nr|no|number)")
# Degrees are often written with more digits than mean anything: there a double is what is wanted.
_DEGREES = re.compile(r"(.*_)?(lat|lon|lng|long|latitude|longitude)")
_SLASHED = re.compile(r"\d{1,2}[/.]\d{1,2}[/.]\d{2,4}.*")
_PRICED = re.compile(r"[-+]?\s*[$€£¥]?\s*-?\d{1,3}(?:[,.' ]\d{3})*(?:[.,]\d+)?\s*[$€£¥%]?")


@dataclass(frozen=True, slots=True)
class Proposed:
    """A column as a field. `definition` is None where it is passed over or gives the ids. `reason` is for people."""

    column: str
    name: str
    definition: Mapping[str, Any] | None
    reason: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """`options` are those with which the rows are imported as they were proposed."""

    collection: str
    columns: tuple[Proposed, ...]
    options: Options
    rows: int

    def definition(self, rules: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What creates the collection. Without rules it is for admins only."""
        fields = [dict(each.definition) for each in self.columns if each.definition is not None]
        return {"name": self.collection, "fields": fields, **({"rules": dict(rules)} if rules else {})}


@dataclass(frozen=True, slots=True)
class Target:
    """A collection that a column may name records of: by `key`, a unique field, or by id where that is None. `there` tells which of
    these values it has."""

    collection: str
    key: str | None
    there: Callable[[Sequence[str]], frozenset[str]]


@dataclass(slots=True)
class Gathered:
    """What was seen of a file. `header` is None where rows are objects: then columns are added as they come."""

    header: tuple[str, ...] | None
    rows: int = 0
    evidence: dict[str, Evidence] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.header or ():
            if name in self.evidence:
                fault = Fault(name, "duplicate_column", f"there are two columns `{name}`")
                raise Invalid(fault.detail, code="invalid_columns", hint="give them different names", faults=(fault,))
            self.evidence[name] = Evidence(name, most_hashed=MOST_HASHED // len(self.header or ()))

    def add(self, rows: Sequence[Row]) -> None:
        """A chunk of them. Rows of another width tell nothing; the import will refuse them."""
        if self.header is None:
            self._add_objects([row.content for row in rows if isinstance(row.content, Mapping)])
        else:
            width = len(self.header)
            cells = [row.content for row in rows if len(row.content) == width]
            for name, values in zip(self.header, zip(*cells, strict=True), strict=False):
                self.evidence[name].add(values)  # type: ignore[arg-type]
        self.rows += len(rows)

    def _add_objects(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for name in (name for row in rows for name in row if name not in self.evidence):
            if len(self.evidence) > MAX_FIELDS:
                raise Invalid(f"the objects have more than {MAX_FIELDS} names between them", code="invalid_columns")
            # Where it was not there before, it was empty.
            self.evidence[name] = Evidence(name, rows=self.rows, empty=self.rows, most_hashed=MOST_HASHED // 20)
        for name, each in self.evidence.items():
            each.add([_written(row.get(name)) for row in rows])


def _written(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else "{}" if isinstance(value, dict) else "[]"


def propose(collection: str, gathered: Gathered, options: Options, targets: Iterable[Target]) -> Proposal:
    """`options` are what the owner said already."""
    found = [each for name, each in gathered.evidence.items() if name != REASON]
    names, known_targets = field_names([each.name for each in found]), tuple(targets)
    null = options.null | frozenset(word for each in found if _type_of(each, names[each.name]) for word in each.nulls)
    id_column = options.id_column or _id_column(found, gathered.rows)
    columns: list[Proposed] = []
    match: dict[str, str] = {}
    for each in found:
        each.settle(null)
        if each.name in options.ignore:
            columns.append(Proposed(each.name, "", None, "ignored"))
        elif each.name == id_column:
            columns.append(Proposed(each.name, "id", None, "gives the ids", each.examples))
        else:
            proposed, key = _proposed(each, _field_name(each.name, names), gathered.rows, known_targets)
            columns.append(proposed)
            if key:
                match[proposed.name] = key
    return Proposal(collection, tuple(columns), _with(options, id_column, null, match), gathered.rows)


def _with(options: Options, id_column: str | None, null: frozenset[str], match: Mapping[str, str]) -> Options:
    return Options(id_column, options.ignore, null, options.clear_missing, {**match, **options.match}, options.key)


def _field_name(column: str, names: Mapping[str, str]) -> str:
    return "id_value" if names[column] == "id" else names[column]


def _id_column(found: Sequence[Evidence], rows: int) -> str | None:
    """A column `id`, where it holds ids that are all different."""
    for each in found:
        if each.name == "id" and "id" in each.kinds and each.distinct and each.values == rows > 0:
            return "id"
    return None


def _type_of(each: Evidence, name: str) -> str | None:
    """The type that the values alone speak for; None for text of any sort."""
    if not each.values:
        return None
    if "bool" in each.kinds and _is_flag(each, name):
        return "bool"
    if "float" in each.kinds and not each.kinds & {"integer"} and _DEGREES.fullmatch(name):
        return "number"
    if _TEXTUAL.search(name) and each.kinds & {"integer", "decimal", "number"}:
        return None
    for kind in ("integer", "decimal", "number", "day", "date", "email", "url", "json"):
        if kind in each.kinds:
            return _number_type(each, name) if kind == "decimal" else kind
    return None


def _is_flag(each: Evidence, name: str) -> bool:
    """Words say it themselves; 0 and 1 may be counted just as well, so there the name decides, and of y, n, t and f both must be there."""
    words = {value.lower() for value in each.seen}
    if words <= {"0", "1"}:
        return _FLAG.fullmatch(name) is not None
    if words & {"0", "1"}:
        return False
    return bool(words & {"true", "false"}) or {TRUTHS[word] for word in words} == {True, False}


def _number_type(each: Evidence, name: str) -> str | None:
    """Money by its name, or by two digits behind every point; else a double, if that keeps what is written."""
    if _is_money(each, name) and each.digits + max(each.scales) <= DECIMAL_DIGITS:
        return "decimal"
    return "number" if "number" in each.kinds else "decimal" if each.digits + max(each.scales) <= DECIMAL_DIGITS else None


def _is_money(each: Evidence, name: str) -> bool:
    return _MONEY.search(name) is not None or each.scales == {2}


def _proposed(each: Evidence, name: str, rows: int, targets: Sequence[Target]) -> tuple[Proposed, str | None]:
    """And the key by which the column names records of a relation's target."""
    definition: dict[str, Any]
    target, near = _related(each, name, targets)
    if target is not None:
        by = f"`{target.key}`" if target.key else "id"
        definition = {"type": "relation", "collection": target.collection}
        reason = f"every value is the {by} of one of {target.collection}"
    else:
        definition, reason = _typed(each, name, rows)
        reason = f"{reason}; {near}" if near else reason
    definition = dict[str, Any](name=name, **definition)
    if rows and not each.empty and definition["type"] != "bool":
        definition["required"] = True
    if target is None and _is_key(each, name, rows) and definition["type"] in ("text", "integer", "email"):
        definition["unique"], reason = True, f"{reason}, all different"
    return Proposed(each.name, name, definition, reason, each.examples), target.key if target else None


def _is_key(each: Evidence, name: str, rows: int) -> bool:
    """All different is not enough: three people with three cities are different too."""
    return rows > 1 and each.distinct and each.values == rows and (_KEYS.fullmatch(name) is not None or "code" in each.kinds)


def _typed(each: Evidence, name: str, rows: int) -> tuple[dict[str, Any], str]:
    if not each.values and not each.seen:
        return {"type": "text"}, "always empty, so text"
    kind = _type_of(each, name)
    if kind is None:
        return _textual(each, name, rows)
    if kind == "decimal":
        scale = max(each.scales)
        return {"type": "decimal", "scale": scale}, f"exact, with up to {scale} digits behind the point"
    told = {
        "integer": "whole numbers", "number": "numbers", "bool": f"only {_listed(each.seen)}", "day": "days, YYYY-MM-DD",
        "date": "dates with times" + ("" if _zoned(each) else "; without a zone, so taken as UTC"),
        "email": "e-mail addresses", "url": "links", "json": "JSON",
    }  # fmt: skip
    return {"type": kind}, told[kind]


def _zoned(each: Evidence) -> bool:
    return all(re.search(r"(Z|[+-]\d\d:\d\d)$", value) for value in each.seen)


def _textual(each: Evidence, name: str, rows: int) -> tuple[dict[str, Any], str]:
    if _is_choice(each):
        values = sorted(each.seen)
        return {"type": "select", "values": values}, f"one of {len(values)} values"
    for told, holds in (
        ("numbers that are names, such as phone numbers, stay text", bool(_TEXTUAL.search(name)) and "number" in each.kinds),
        ("leading zeros (or a sign) would be lost in a number", _mostly(each, re.compile(r"[+]?\d+"))),
        ("03/04 could be March or April: write dates as YYYY-MM-DD to make this a day", _mostly(each, _SLASHED)),
        ("numbers with signs or separators: leave these out to make it a decimal", _mostly(each, _PRICED)),
    ):
        if holds:
            return {"type": "text"}, told
    kinds = [kind for kind in ("integer", "number", "day", "date", "email", "url") if kind in each.against]
    for kind in kinds:
        misfit = each.against[kind]
        others = [value for value in each.seen if value != misfit]
        if others and _all_but_one(each, kind, misfit):
            return {"type": "text"}, f"{kind}, were it not for `{misfit[:30]}`"
    return {"type": "text"}, "text"


def _all_but_one(each: Evidence, kind: str, misfit: str) -> bool:
    sample = [value for value in list(each.seen)[:200] if value != misfit]
    return len(sample) >= 3 and all(TESTS[kind](value) for value in sample)


def _mostly(each: Evidence, pattern: re.Pattern[str]) -> bool:
    return bool(each.seen) and all(pattern.fullmatch(value) for value in list(each.seen)[:200])


def _is_choice(each: Evidence) -> bool:
    values = each.seen
    return (
        not each.overflown and 1 < len(values) <= MOST_CHOICES and each.longest <= LONGEST_CHOICE
        and each.values >= ROWS_PER_CHOICE * len(values) and not any(value != value.strip() for value in values)
    )  # fmt: skip


def _listed(values: Iterable[str]) -> str:
    return ", ".join(list(values)[:4])


def _related(each: Evidence, name: str, targets: Sequence[Target]) -> tuple[Target | None, str]:
    """The one collection that has every value of the column; numbers are too alike to go by without its name. And what is to be told
    where it has most of them."""
    if not each.seen or each.kinds & {"decimal", "day", "date", "json"} - ({"decimal"} if _names_any(name, targets) else set()):
        return None, ""
    values = [value for value in each.seen if value not in NULLS]
    full: list[Target] = []
    near = ""
    for target in targets:
        named = _names(name, target.collection)
        if not named and (len(values) < 2 or "integer" in each.kinds or "bool" in each.kinds):
            continue
        there = target.there(values)
        if len(there) == len(values) and (named or not each.overflown):
            full.append(target)
        elif len(there) == len(values):  # of more values than are remembered: the others may be anything
            near = f"its first {len(values):,} values are of {target.collection}, so if the others are too it could be a relation"
        elif len(there) * 2 > len(values) and len(values) > 1:
            near = f"{len(there):,} of {len(values):,} values are of {target.collection}, so with the others it could be a relation"
    named_ones = [target for target in full if _names(name, target.collection)]
    chosen = (named_ones or full)[:1]
    return (chosen[0], "") if chosen and len({each.collection for each in named_ones or full}) == 1 else (None, near)


def _names_any(name: str, targets: Sequence[Target]) -> bool:
    return any(_names(name, target.collection) for target in targets)


def _names(column: str, collection: str) -> bool:
    """`author`, `author_id` and `authors` name `authors`; `city` names `cities`."""
    bare = re.sub(r"_(id|key|code|ref|email|slug|name)$", "", column)
    singular = re.sub(r"(?<=[a-z])s$", "", re.sub(r"ies$", "y", collection))
    return bare in (collection, singular, re.sub(r"es$", "", collection))
