"""What the values of one column have in common, gathered in chunks and in bounded memory, however long the file is."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.records.cells import TRUTHS, read_json
from domain.schema.fields import TRUSTING, EmailField, Unfit, UrlField
from domain.schema.fields.relations import RECORD_ID
from domain.schema.fields.times import read_day, read_instant
from domain.schema.kinds import DECIMAL_DIGITS, INT64_MAX, INT64_MIN

# Different values that are remembered of a column, none of them longer than this.
MOST_SEEN, LONGEST_SEEN = 5_000, 200
# Hashes by which values are told to be different, over all columns of a file: about 90 bytes each.
MOST_HASHED = 400_000
# What programs write where nothing is known.
NULLS = frozenset({"NA", "N/A", "n/a", "NULL", "null", "None", "none", "NaN", "nan", "\\N", "-", "?", "#N/A"})

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_PLAIN_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(?:\.([0-9]+))?")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_CODE = re.compile(r"(?=.*[A-Z])[A-Z0-9][A-Z0-9_-]{0,15}")
_EMAIL, _URL = EmailField(name="e"), UrlField(name="u")


def _accepts(judge: Any) -> Callable[[str], bool]:
    def accepted(text: str) -> bool:
        try:
            return bool(judge(text))
        except Unfit:
            return False

    return accepted


def _is_document(text: str) -> bool:
    return text[:1] in "{[" and _accepts(lambda each: read_json(each) is not None)(text)


def _is_decimal(text: str) -> bool:
    match = _PLAIN_DECIMAL.fullmatch(text)
    return match is not None and len(text) <= 40 and len((match[1] + (match[2] or "")).lstrip("0")) <= DECIMAL_DIGITS


def _is_number(text: str) -> bool:
    """A double gives it back as it is written, but for zeros at its end."""
    if not _FLOAT.fullmatch(text) or len(text) > 30:
        return False
    number = float(text)
    return abs(number) < 1e300 and Decimal(repr(number)) == Decimal(text)


# In the order of preference; text is what is left.
TESTS: dict[str, Callable[[str], bool]] = {
    "integer": lambda text: _INTEGER.fullmatch(text) is not None and INT64_MIN <= int(text) <= INT64_MAX,
    "decimal": _is_decimal,
    "number": _is_number,
    "float": lambda text: _FLOAT.fullmatch(text) is not None and len(text) <= 40,
    "bool": lambda text: text.lower() in TRUTHS,
    "day": lambda text: read_day(text) is not None,
    "date": lambda text: text[:1].isdigit() and read_instant(text) is not None,
    "email": _accepts(lambda text: "@" in text and _EMAIL.accept(text, TRUSTING)),
    "url": _accepts(lambda text: "://" in text and _URL.accept(text, TRUSTING)),
    "json": _is_document,
    "id": lambda text: RECORD_ID.fullmatch(text) is not None,
    "code": lambda text: _CODE.fullmatch(text) is not None,
}


@dataclass(slots=True)
class Evidence:
    """Of one column. `kinds` are the tests that all its values pass, `against` a value that fails each of the others; `nulls` are
    words for nothing that were met, which count as values only where nothing else speaks for a type."""

    name: str
    rows: int = 0
    empty: int = 0
    seen: dict[str, int] = field(default_factory=dict)  # value -> in how many rows, as long as there are few of them
    overflown: bool = False
    distinct: bool = True
    kinds: set[str] = field(default_factory=lambda: set(TESTS))
    against: dict[str, str] = field(default_factory=dict)
    nulls: dict[str, int] = field(default_factory=dict)
    scales: set[int] = field(default_factory=set)
    digits: int = 0  # before the point
    longest: int = 0
    most_hashed: int = MOST_HASHED
    _hashes: set[int] = field(default_factory=set)

    @property
    def values(self) -> int:
        """Rows that hold something."""
        return self.rows - self.empty - sum(self.nulls.values())

    @property
    def examples(self) -> tuple[str, ...]:
        return tuple(self.seen)[:3]

    def add(self, values: Iterable[str | None]) -> None:
        counts: dict[str, int] = {}
        for value in values:
            self.rows += 1
            if value is None or value == "":
                self.empty += 1
            else:
                counts[value] = counts.get(value, 0) + 1
        for text, count in counts.items():
            if text in NULLS:
                self.nulls[text] = self.nulls.get(text, 0) + count
                continue
            self._note(text, count)

    def settle(self, null: frozenset[str]) -> None:
        """Words of nothing: those in `null` are empty, the others are the values that they are."""
        for word, count in self.nulls.items():
            if word in null:
                self.empty += count
            else:
                self._note(word, count)
        self.nulls = {}

    def _note(self, text: str, count: int) -> None:
        known = text in self.seen
        if self.distinct:
            self._hash(text, count, known)
        if known:
            self.seen[text] += count
            return
        if len(self.seen) < MOST_SEEN and len(text) <= LONGEST_SEEN:
            self.seen[text] = count
        else:
            self.overflown = True
        self._test(text)

    def _hash(self, text: str, count: int, known: bool) -> None:
        """Whether it was there before; beyond what is remembered nobody knows, so the column counts as none of different values."""
        mark = hash(text)
        if count > 1 or known or mark in self._hashes or len(self._hashes) >= self.most_hashed:
            self.distinct = False
            self._hashes.clear()
        else:
            self._hashes.add(mark)

    def _test(self, text: str) -> None:
        self.longest = max(self.longest, len(text))
        failed = [kind for kind in self.kinds if not TESTS[kind](text)]
        for kind in failed:
            self.kinds.discard(kind)
            self.against[kind] = text
        if "decimal" in self.kinds:
            whole, _, fraction = text.lstrip("-").partition(".")
            self.scales.add(len(fraction))
            self.digits = max(self.digits, len(whole))
