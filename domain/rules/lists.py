"""Lists in the request: which comparisons speak of their elements, and the same comparisons of one element.

What a request holds is known before any record is looked at, so that a comparison with a list becomes one comparison for each of its
elements. A list is told by its path; an element by the path that takes its place.
"""

from collections.abc import Iterator
from dataclasses import replace

from domain.rules.tree import And, Call, Compare, Condition, In, Operand, Or, Request, Shift
from domain.rules.values import Path
from domain.rules.walk import parts, sides


def first_list(atom: Compare | In) -> Path | None:
    """The list that has to be chosen from first, of those that the comparison speaks of."""
    return next(_lists_of(atom), None)


def groups_by_list(items: tuple[Condition, ...]) -> list[tuple[Path | None, tuple[Condition, ...]]]:
    """The items of an And: those whose `?` comparisons speak of one element together with its list, the others alone."""
    groups: list[tuple[set[Path], list[Condition]]] = []
    for item in items:
        shared, members, apart = set(_free(item)), [item], []
        for group in groups:
            if group[0] & shared:
                shared, members = shared | group[0], group[1] + members
            else:
                apart.append(group)
        groups = [*apart, (shared, members)]
    return [(min(shared) if len(members) > 1 else None, tuple(members)) for shared, members in groups]


def in_element(group: tuple[Condition, ...], list_: Path, element: Path) -> Condition:
    """What the group says, said of this element."""
    if len(group) == 1 and isinstance(group[0], (Compare, In)):
        return _atom_in(group[0], list_, element)
    return And(tuple(_condition_in(item, list_, element) for item in group))


def _condition_in(condition: Condition, list_: Path, element: Path) -> Condition:
    """A comparison without `?` and a `!( )` choose elements of their own."""
    if isinstance(condition, (And, Or)):
        return type(condition)(tuple(_condition_in(item, list_, element) for item in condition.items))
    return _atom_in(condition, list_, element) if isinstance(condition, (Compare, In)) and condition.any else condition


def _atom_in(atom: Compare | In, list_: Path, element: Path) -> Compare | In:
    if isinstance(atom, In):
        return replace(atom, operand=_operand_in(atom.operand, list_, element))
    return replace(atom, left=_operand_in(atom.left, list_, element), right=_operand_in(atom.right, list_, element))


def _operand_in(operand: Operand, list_: Path, element: Path) -> Operand:
    if isinstance(operand, Call):
        return replace(operand, args=tuple(_operand_in(arg, list_, element) for arg in operand.args))
    if isinstance(operand, Shift):
        return replace(operand, operand=_operand_in(operand.operand, list_, element))
    if not isinstance(operand, Request) or not operand.lists or operand.path[: operand.lists[0]] != list_:
        return operand
    longer = len(element) - len(list_)
    lists = tuple(length + longer for length in operand.lists[1:])
    return replace(operand, path=element + operand.path[len(list_) :], lists=lists)


def _free(condition: Condition) -> Iterator[Path]:
    if isinstance(condition, (And, Or)):
        for item in condition.items:
            yield from _free(item)
    elif isinstance(condition, (Compare, In)) and condition.any:
        yield from _lists_of(condition)


def _lists_of(atom: Compare | In) -> Iterator[Path]:
    for side in sides(atom):
        for part in parts(side):
            if isinstance(part, Request) and part.lists:
                yield part.path[: part.lists[0]]
