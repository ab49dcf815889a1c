"""Columns against values that are known: the comparison that the column itself can answer."""

from typing import Any

from domain.rules.conversions import MIDNIGHT
from domain.rules.exact import storable_bound
from domain.rules.tree import Call, Operand, Path
from domain.schema.kinds import Kind


def verdict(op: str, operand: Operand, value: Any, kind: Kind) -> bool | str | tuple[str, Any, Kind]:
    """The comparison that the column itself can answer."""
    own, scale = _own_kind(operand)
    if kind in (Kind.INTEGER, Kind.DECIMAL) and own in (Kind.INTEGER, Kind.DECIMAL):
        found = storable_bound(op, value, own, scale)
        return (*found, own) if isinstance(found, tuple) else found
    if kind is Kind.DATE and own is Kind.DAY and value:
        return _day_bound(op, value)
    return op, value, kind


def _own_kind(operand: Operand) -> tuple[Kind, int]:
    if not isinstance(operand, Path):
        return (operand.kind, 0) if isinstance(operand, Call) else (Kind.DATE, 0)
    if operand.modifier == "length":
        return Kind.INTEGER, 0
    return operand.kind, operand.scale


def _day_bound(op: str, instant: str) -> bool | tuple[str, str, Kind]:
    """A day is its first instant: one that is later than that lies between two days."""
    day = instant[:10]
    if instant.endswith(MIDNIGHT):
        return op, day, Kind.DAY
    if op in ("=", "!="):
        return op == "!="
    return ("<=" if op in ("<", "<=") else ">"), day, Kind.DAY
