"""Comparisons with values of one and the same record that relations lead to: that record is looked up once for all of them."""

from collections.abc import Hashable, Iterable
from dataclasses import replace

from adapters.outbound.sql.rules_absence import comparison_when_absent
from adapters.outbound.sql.rules_places import Place, Spot
from domain.rules.manys import Many, Variables, is_listed
from domain.rules.tree import And, Call, Compare, Condition, In, Operand, Path, Shift
from domain.rules.walk import parts, sides

Atom = Compare | In


def by_record(items: Iterable[Condition], place: Place, variables: Variables, *, chosen: bool) -> list[tuple[Condition, ...]]:
    """Those that ask one record stand together, all others alone. `chosen`: a comparison without `?` speaks of the elements that are
    chosen too, as it does where it is asked of each."""
    groups: dict[Hashable, list[Condition]] = {}
    for item in items:
        record = _record(item, place, variables, chosen=chosen)
        groups.setdefault(id(item) if record is None else record, []).append(item)
    return [tuple(group) for group in groups.values()]


def spot_of(item: Condition, place: Place) -> Spot:
    return place.spot(_paths(item)[0])


def needs_record(group: Iterable[Condition]) -> bool:
    """Whether one of them fails where there is no record, so that the others need not say what they do there."""
    return any(isinstance(item, Compare | In) and comparison_when_absent(item, lambda path: True) is False for item in group)


def of_record(group: Iterable[Condition]) -> And:
    """The same, asked of the record itself."""
    return And(tuple(_ended(item) for item in group))


def _record(item: Condition, place: Place, variables: Variables, *, chosen: bool) -> Hashable | None:
    paths = _paths(item)
    if not paths or any(not path.steps or path.steps[-1].back or is_listed(path) or path.modifier == "length" for path in paths):
        return None
    if not isinstance(item, Compare | In) or not _is_single(variables.of(item), item, place, chosen=chosen):
        return None
    spots = [place.spot(path) for path in paths]
    found = {(id(spot.row), id(spot.id), spot.steps) for spot in spots}
    return found.pop() if len(found) == 1 and spots[0].steps else None


def _is_single(many: tuple[Many, ...], item: Atom, place: Place, *, chosen: bool) -> bool:
    return not many or ((chosen or item.any) and all(each in place.chosen for each in many))


def _paths(item: Condition) -> list[Path]:
    if not isinstance(item, Compare | In):
        return []
    return [part for side in sides(item) for part in parts(side) if isinstance(part, Path)]


def _ended(item: Condition) -> Condition:
    if isinstance(item, Compare):
        return replace(item, left=_field(item.left), right=_field(item.right), any=False)
    if isinstance(item, In):
        return replace(item, operand=_field(item.operand), items=tuple(_field(each) for each in item.items), any=False)
    return item


def _field(operand: Operand) -> Operand:
    if isinstance(operand, Path):
        return replace(operand, steps=(), root=None, alias=None, many=False)
    if isinstance(operand, Shift):
        return replace(operand, operand=_field(operand.operand))
    return replace(operand, args=tuple(_field(arg) for arg in operand.args)) if isinstance(operand, Call) else operand
