"""Going on with a list after a given row: one branch for each contiguous range of keys, so that every branch is an index seek.

Nulls are smallest, as SQLite has it by itself; PostgreSQL is told so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Select,
    UnaryExpression,
    and_,
    bindparam,
    select,
    tuple_,
    union_all,
)

from adapters.outbound.sql.rules_values import BIND_TYPES
from domain.schema.kinds import Kind

LIMIT: BindParameter[Any] = bindparam("limit")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an order. `name` is its parameter's and `label` its column's in the select; `scale` is a decimal's."""

    name: str
    expression: ColumnElement[Any]
    descending: bool
    nullable: bool
    kind: Kind
    scale: int
    dialect: str

    @property
    def label(self) -> str:
        return self.name.replace("k", "o", 1)

    @property
    def parameter(self) -> BindParameter[Any]:
        converted = self.dialect == "sqlite" and self.kind in (Kind.DECIMAL, Kind.BOOL)
        return bindparam(self.name, type_=None if converted else BIND_TYPES[self.kind])

    def of(self, expression: ColumnElement[Any]) -> "Key":
        """The same key read from elsewhere."""
        return replace(self, expression=expression)

    def encode(self, value: Any) -> Any:
        """Python form -> parameter."""
        if value is None or self.dialect != "sqlite":
            return value
        if self.kind is Kind.DECIMAL:
            return int(value.scaleb(self.scale))
        return int(value) if self.kind is Kind.BOOL else value

    def decode(self, value: Any) -> Any:
        """What the driver gives -> Python form."""
        if value is None or self.dialect != "sqlite":
            return value
        if self.kind is Kind.DECIMAL:
            return Decimal(value).scaleb(-self.scale)
        return bool(value) if self.kind is Kind.BOOL else value


def order_by(keys: Sequence[Key], dialect: str) -> list[UnaryExpression[Any]]:
    """A lone key that is never null keeps the plain order, as the primary key's index has it on PostgreSQL; every other index
    is made with nulls first, the id's column in it too."""
    plain = dialect == "sqlite" or (len(keys) == 1 and not keys[0].nullable)
    return [_ordered(key, plain) for key in keys]


def _ordered(key: Key, plain: bool) -> UnaryExpression[Any]:
    if plain:
        return key.expression.desc() if key.descending else key.expression.asc()
    return key.expression.desc().nulls_last() if key.descending else key.expression.asc().nulls_first()


def keyset_values(keys: Sequence[Key], after: Sequence[Any] | None) -> dict[str, Any]:
    """The parameters for going on after these values."""
    if after is None:
        return {}
    return {key.name: key.encode(value) for key, value in zip(keys, after, strict=True) if value is not None}


def keyset(base: Select[Any], keys: Sequence[Key], after: Sequence[Any], dialect: str) -> Select[Any]:
    """`base` from behind the row whose keys are `after`, in order, at most `:limit` rows. Of `after` only which values are null
    matters here. `base` selects every key under its label, the last key being unique and never null."""
    branches = [_limited(base.where(condition), keys, dialect) for condition in _ranges(keys, after)]
    if len(branches) == 1:
        return branches[0]
    # SQLite takes an ORDER BY within a UNION ALL only inside a subselect.
    together = _united(branches).subquery("_ranges")
    columns = [together.c[key.label] for key in keys]
    return _limited(select(*together.c), [key.of(column) for key, column in zip(keys, columns, strict=True)], dialect)


def _limited(statement: Select[Any], keys: Sequence[Key], dialect: str) -> Select[Any]:
    return statement.order_by(*order_by(keys, dialect)).limit(LIMIT)


def _united(branches: Sequence[Select[Any]]) -> CompoundSelect[Any]:
    return union_all(*(select(branch.subquery(f"_range{at}")) for at, branch in enumerate(branches)))


def _ranges(keys: Sequence[Key], after: Sequence[Any]) -> list[ColumnElement[bool]]:
    """What follows, as ranges that do not meet, the deepest tie first."""
    if _is_one_range(keys, after):
        return [_beyond(keys)]
    ranges: list[ColumnElement[bool]] = []
    for depth in reversed(range(len(keys))):
        ties = [_tie(key, value) for key, value in zip(keys[:depth], after, strict=False)]
        ranges += [and_(*ties, behind) for behind in _behind(keys[depth], after[depth])]
    return ranges


def _is_one_range(keys: Sequence[Key], after: Sequence[Any]) -> bool:
    """Whether one comparison of rows says it all: it is never true for a null, which is right where nulls come first and are past."""
    if any(value is None for value in after):
        return False
    ascending = not any(key.descending for key in keys)
    return ascending or all(key.descending and not key.nullable for key in keys)


def _beyond(keys: Sequence[Key]) -> ColumnElement[bool]:
    if len(keys) == 1:
        return _passed(keys[0])
    row, bound = tuple_(*(key.expression for key in keys)), tuple_(*(key.parameter for key in keys))
    return row < bound if keys[0].descending else row > bound


def _passed(key: Key) -> ColumnElement[bool]:
    return key.expression < key.parameter if key.descending else key.expression > key.parameter


def _tie(key: Key, value: Any) -> ColumnElement[bool]:
    return key.expression.is_(None) if value is None else key.expression == key.parameter


def _behind(key: Key, value: Any) -> list[ColumnElement[bool]]:
    """The ranges of one key that follow a value."""
    if value is None:
        return [] if key.descending else [key.expression.is_not(None)]
    return [_passed(key), key.expression.is_(None)] if key.descending and key.nullable else [_passed(key)]
