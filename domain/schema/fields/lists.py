"""What fields with many values have in common: the form of a list, how many values it may hold, and none of them twice."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from domain.schema.fields.base import AUTH_ID, Field, Unfit, checked_bounds


def check_list_options(field: Any, most: int) -> None:
    """Raises Unfit where the options of a field that may be `many` contradict each other; `most` is as many as it can hold."""
    if not isinstance(field.many, bool):
        raise Unfit("invalid_option", "`many` is true or false")
    if not field.many:
        if field.min is not None or field.max is not None:
            raise Unfit("invalid_option", "`min` and `max` say how many values there may be, so they need `many`")
        return
    checked_bounds(field.min, field.max, lambda n: type(n) is int and 1 <= n <= most, f"a whole number from 1 to {most}")
    if field.unique:
        raise Unfit("invalid_option", "a field with many values cannot be unique")


def listed(value: Any, one: Callable[[Any], str], what: str) -> tuple[str, ...]:
    """The list in its order, each value judged by `one`; none is absent and none stands twice."""
    if not isinstance(value, (list, tuple)):
        raise Unfit("not_a_list", f"this must be a list of {what}")
    found: dict[str, None] = {}
    for at, item in enumerate(value):
        try:
            found[_element(item, one, found)] = None
        except Unfit as unfit:
            raise Unfit(unfit.code, unfit.detail, [(f"/{at}", unfit.detail)]) from unfit
    return tuple(found)


def _element(item: Any, one: Callable[[Any], str], found: Collection[str]) -> str:
    accepted = one(item)
    if accepted == "":
        raise Unfit("empty_element", "a list holds no empty values")
    if accepted in found:
        raise Unfit("named_twice", f"`{accepted[:80]}` is listed twice")
    return accepted


def counted(values: Sequence[str], low: int | None, high: int) -> tuple[str, ...]:
    """The values, if there are neither too few nor too many; an empty list is absence, which `required` judges."""
    if low is not None and 0 < len(values) < low:
        raise Unfit("too_few", f"at least {low} values")
    if len(values) > high:
        raise Unfit("too_many", f"at most {high} values")
    return tuple(values)


def is_absent(field: Field, value: Any) -> bool:
    """Whether the Python form of a value says that the record holds nothing there."""
    return value == () if field.many else value is None


def default_list(field: Field, author_id: str | None) -> tuple[str, ...]:
    """What the magic default of a field with many values stands for: a list of the author alone, or of nobody."""
    return (author_id,) if field.default == AUTH_ID and author_id else ()
