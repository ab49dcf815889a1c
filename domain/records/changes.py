"""What a write will do to a record, fully judged: the plain data that goes to the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.errors import Fault, Invalid


@dataclass(frozen=True, slots=True)
class Draft:
    """A new record: every field by name in its Python form, `id`, `version`, `created`, `updated` among them. `secrets` are
    columns that no field shows (an account's password hash and epoch)."""

    values: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Increment:
    """`n+` or `n-` as the database will carry it out: the new value is coalesce(n, 0) + by and must stay within the limits."""

    by: int | float | Decimal
    low: int | float | Decimal | None
    high: int | float | Decimal | None

    def fits(self, present: int | float | Decimal | None) -> bool:
        """Whether the result stays within the limits; what the UPDATE asked in SQL, for telling why it changed nothing."""
        result = (present or 0) + self.by  # type: ignore[operator]
        return (self.low is None or result >= self.low) and (self.high is None or result <= self.high)


@dataclass(frozen=True, slots=True)
class ListChange:
    """`tags+` and `tags-`: what they add, each value with the place where the body has it, and what they take away. The record is
    held while it is applied. A list that is longer or shorter than it may be (its limits came later) may be mended step by step."""

    name: str
    add: Mapping[str, str]
    remove: frozenset[str]
    fewest: int
    most: int
    required: bool

    def applied(self, present: tuple[str, ...]) -> tuple[str, ...]:
        """The list after the change; Invalid where it would be too long or too short."""
        there = frozenset(present)
        result = tuple(each for each in present if each not in self.remove) + tuple(each for each in self.add if each not in there)
        if len(result) > max(self.most, len(present)):
            raise self._refusal("+", "too_many", f"`{self.name}` holds at most {self.most} values")
        if len(result) < len(present) and not result and self.required:
            raise self._refusal("-", "required", f"`{self.name}` is required, so its last value stays")
        if len(result) < len(present) and 0 < len(result) < self.fewest:
            raise self._refusal("-", "too_few", f"`{self.name}` holds at least {self.fewest} values")
        return result

    def _refusal(self, sign: str, code: str, detail: str) -> Invalid:
        return Invalid(detail, code="invalid_record", faults=(Fault(f"/{self.name}{sign}", code, detail),))


@dataclass(frozen=True, slots=True)
class FilesChange:
    """`photos+` and `photos-`: files that come behind those that are there, and names of those that go."""

    name: str
    add: Sequence[Mapping[str, Any]]
    remove: Mapping[str, str]  # with the place where the body has each
    fewest: int
    most: int
    required: bool

    def applied(self, present: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
        """As of `ListChange`; Invalid too where a name is none of the record's."""
        there = {each["name"] for each in present}
        missing = [place for name, place in self.remove.items() if name not in there]
        if missing:
            detail = f"`{self.name}` holds no such file"
            raise Invalid(detail, code="invalid_record", faults=tuple(Fault(place, "no_such_file", detail) for place in missing))
        result = tuple(each for each in present if each["name"] not in self.remove) + tuple(self.add)
        if len(result) > max(self.most, len(present)):
            raise self._refusal("+", "too_many", f"`{self.name}` holds at most {self.most} files")
        if len(result) < len(present) and not result and self.required:
            raise self._refusal("-", "required", f"`{self.name}` is required, so its last file stays")
        if len(result) < len(present) and 0 < len(result) < self.fewest:
            raise self._refusal("-", "too_few", f"`{self.name}` holds at least {self.fewest} files")
        return result

    def _refusal(self, sign: str, code: str, detail: str) -> Invalid:
        return Invalid(detail, code="invalid_record", faults=(Fault(f"/{self.name}{sign}", code, detail),))


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The record that the client means: its version and `created` (an id may have been used again)."""

    version: int
    created: str | None = None

    def means(self, version: int, created: str) -> bool:
        return self.version == version and self.created in (None, created)


@dataclass(frozen=True, slots=True)
class Changes:
    """`values` are set (the stamps `updated` and autodates among them), `increments` are added to, `lists` grow and shrink, by
    field name. `secrets` as in Draft; the epoch grows with `end_sessions`. `if_match`: any one of these must be the present record;
    None asks nothing."""

    values: Mapping[str, Any]
    increments: Mapping[str, Increment] = field(default_factory=dict)
    lists: Mapping[str, ListChange | FilesChange] = field(default_factory=dict)
    if_match: tuple[IfMatch, ...] | None = None
    secrets: Mapping[str, Any] = field(default_factory=dict)
    end_sessions: bool = False

    def pointer(self, name: str, element: str) -> str:
        """Where the body names this element of the list."""
        change = self.lists.get(name)
        if isinstance(change, ListChange):
            return change.add.get(element, f"/{name}+")
        return f"/{name}/{self.values[name].index(element)}"
