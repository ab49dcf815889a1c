"""Making a condition ready for one request: what is known is folded away, every value that is left stands in a numbered slot.

Two requests whose conditions have the same shape run the same statement with other values, so stores keep what they compiled by it.

In a shape
- a null test is a Compare with `=` or `!=` whose right side is `Literal(None, None)`; for texts and dates `''` counts as null in it;
- what is known stands on the right, but for `~` with a field on its right; comparisons among known values are gone;
- `Literal(True, BOOL)` stays beside a function that answers yes or no, and the format of `strftime` stays a Literal; all other
  values are Slots, e-mail addresses as they were written;
- `In` lists Slots only, unless its operand has many values: fields, null and what a column cannot hold are split off;
- an `In` whose operand has many values lists Slots, `Literal(None, None)`, and operands of the record that are single; `negated` stands
  in it, where other lists are negated by a Not around them;
- of lists in the request nothing is left: what speaks of their elements is an Or (with `any`) or an And of what speaks of each,
  equalities with one operand gathered in one `In`, whose last value may stand there several times;
- a `Slot` of kind JSON holds a whole value: `:changed` compares a json field with it, or a list (its `modifier` is whole, the value
  a tuple in its order, never an empty one); `domain.rules.conversions.same_json` says when two are one;
- a bound of an integer or decimal column is one that the column could hold, a bound of a day column beside an instant is a day.

Of many values, `manys.py` tells which variables an operand speaks of: one for each `@collection` alias, one for each back step, and one
for each list (the elements of a many relation or select, of a JSON array with `:each`). A forward step through a many relation
is the variable of that relation's elements, the same that a path has that ends at the relation: `tags` and `tags.name` speak of one
row of the link table. A path's values are the left join of its steps:
- the elements of a list that is empty, absent or hidden by a guard are one absent value;
- an element of a many relation whose target fails its step's `guard` keeps its id, and leads to an absent record;
- a back step leads to the records that point here *and* pass its `guard`; where there are none, to one absent record;
- `Step.field_guard` and `Path.guard` ask the record that holds the field: where one fails, the field holds nothing;
- without `any`, a comparison holds for all combinations of its own variables; with it, for one choice. Free variables of `any` comparisons
  are chosen together for all that is joined by And or Or around them, up to the whole condition or the next Not, which chooses its own
  (`manys.free` lists them, `manys.groups_of` the items of an And that have to be decided together); `Not(Not(x))` stays for that reason;
- `:length` of a list counts the ids or choices that the field holds, for each record that holds it; of a path that ends in a back
  step it is one number, of all records there that pass their guards.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from domain.rules.bound import ANYTHING, Bound
from domain.rules.shaper import Shaper
from domain.rules.tree import (
    Condition,
    Constant,
    Literal,
    Path,
    Request,
)
from domain.rules.values import Values
from domain.rules.walk import all_of, every_operand, needs_many, path_guards

__all__ = ["ANYTHING", "Bound", "all_of", "needs_many", "shape", "shape_after", "shape_each", "shape_with"]


@dataclass(slots=True)
class _Kept:
    """A condition with what became of it where that cannot differ: `always` where it asks nothing of the request, `by_nobody` for
    requests that answer nothing of what it asks (a guest's, mostly) where it does not ask for the time either. The condition is
    held, so that no other can come to have its identity; equality would walk the whole tree at every request."""

    condition: Condition
    always: Bound | None
    is_timeless: bool
    has_lists: bool
    by_nobody: Bound | None = None


_KEPT: dict[int, _Kept] = {}
# Clients choose how long a condition is: the long ones are made ready anew each time, or they would fill our memory.
_MOST_KEPT, _MOST_OPERANDS = 1000, 100


def shape(condition: Condition, values: Values) -> Bound:
    """The condition for this request. Raises Invalid (`limit_exceeded`) where a list in the request has too many elements."""
    kept = _KEPT.get(id(condition)) or _keep(condition, values)
    if kept.always is not None:
        return kept.always
    if values.request or values.creating or not kept.is_timeless:
        return _shaped(condition, values, kept.has_lists)
    if kept.by_nobody is None:
        kept.by_nobody = _shaped(condition, values, kept.has_lists)
    return kept.by_nobody


def shape_with(
    condition: Condition, paths: tuple[Path, ...], values: Values
) -> tuple[Bound, tuple[Path, ...]]:
    """A condition with paths to sort by: their guards ask the request too, and take their values from the same `Bound`."""
    if not any(path_guards(path) for path in paths):
        return shape(condition, values), paths
    shaper = Shaper(values)
    found = shaper.condition(condition)
    shaped = tuple(shaper.path(path) for path in paths)
    return Bound(found, tuple(shaper.slots)), shaped


def shape_after(first: Bound, condition: Condition, values: Values) -> Bound:
    """Both at once in one statement, where the second reads another request than the first was made ready for."""
    if first.constant is False:
        return first
    shaper = Shaper(values)
    shaper.slots.extend(first.values)
    found = shaper.condition(condition)
    if isinstance(found, Constant):
        return first if found.value else Bound(found)
    return Bound(all_of(first.shape, found), tuple(shaper.slots))


def shape_each(conditions: Iterable[Condition], values: Values) -> tuple[tuple[Condition, ...], tuple[Any, ...]]:
    """Several conditions that stay apart in one statement, and the values of all their slots."""
    shaper = Shaper(values)
    found = tuple(shaper.condition(condition) for condition in conditions)
    return found, tuple(shaper.slots)


def _keep(condition: Condition, values: Values) -> _Kept:
    operands = list(every_operand(condition))
    is_timeless = not any(isinstance(each, Literal) and each.macro for each in operands)
    asks = not is_timeless or any(isinstance(each, Request) for each in operands)
    has_lists = any(isinstance(each, Request) and each.lists for each in operands)
    kept = _Kept(condition, None if asks else _shaped(condition, values, has_lists), is_timeless, has_lists)
    if len(operands) <= _MOST_OPERANDS:
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.clear()
        _KEPT[id(condition)] = kept
    return kept


def _shaped(condition: Condition, values: Values, has_lists: bool) -> Bound:
    shaper = Shaper(values, has_lists=has_lists)
    found = shaper.condition(condition)
    return Bound(found, tuple(shaper.slots))
