"""What one comparison of two values comes to, and whose values they are."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from domain.rules.conversions import TEXTUAL, same_json
from domain.rules.tree import Operand, Path, Request
from domain.rules.walk import parts, paths_of
from domain.schema.fields import email_key, fold_key
from domain.schema.fields.times import read_instant
from domain.schema.kinds import Kind

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda l, r: l < r,
    "<=": lambda l, r: l <= r,
    ">": lambda l, r: l > r,
    ">=": lambda l, r: l >= r,
}


def decide(op: str, kind: Kind, left: Any, right: Any, *, unowned: bool = False) -> bool:
    """One comparison of two values, None being absent. `unowned`: one of them is an absent `@request` value and the other
    no literal, so they are not equal, whatever the other is."""
    if op in ("=", "!="):
        if kind in TEXTUAL:
            left, right = left or None, right or None
        equal = same_json(left, right) if kind is Kind.JSON else left == right
        return (equal and not unowned) == (op == "=")
    return left is not None and right is not None and _ORDER[op](left, right)


def is_request(operand: Operand) -> bool:
    """A value of the request, or made of one without any field of a record."""
    found = list(parts(operand))
    return any(isinstance(part, Request) for part in found) and not any(isinstance(part, Path) for part in found)


def is_literal(operand: Operand) -> bool:
    return not any(isinstance(part, (Path, Request)) for part in parts(operand))


def owns_nothing(operand: Operand, value: Any, other: Operand) -> bool:
    """An absent `@request` value equals nothing but a literal, and is like nothing else: a guest does not own the records
    without an owner, and `title ~ @request.auth.name` is no open door to whoever has no name."""
    return value in (None, "") and is_request(operand) and not is_literal(other)


def key_between(left: Operand, right: Operand) -> Callable[[str], str] | None:
    """What makes the keys by which two sides are compared, where they are e-mail addresses or folded texts: the field's side, and
    a value of the request or the text."""
    fields = [side for side in (left, right) if isinstance(side, Path)]
    plain = all(not paths_of(side) for side in (left, right) if not isinstance(side, Path))
    if not fields or not plain or any(path.modifier is not None for path in fields):
        return None
    if all(path.email for path in fields):
        return email_key
    return fold_key if all(path.fold for path in fields) else None


def folds(left: Operand, right: Operand) -> bool:
    """Whether also order and likeness go by the keys."""
    return key_between(left, right) is fold_key


def points_at(relation: Any, id_: str) -> bool:
    return id_ in relation if isinstance(relation, (list, tuple)) else relation == id_


def instant_of(text: str | None) -> datetime | None:
    return read_instant(text) if text else None
