"""Going through a checked tree: its comparisons, operands, paths and joins."""

from collections.abc import Callable, Iterator
from typing import Any

from domain.rules.tree import (
    TRUE,
    And,
    Call,
    Compare,
    Condition,
    In,
    Not,
    Operand,
    Or,
    Path,
    Request,
    Shift,
)


def atoms(condition: Condition) -> Iterator[Compare | In]:
    """Every comparison, those in the guards of paths included."""
    pending = [condition]
    while pending:
        item = pending.pop()
        if isinstance(item, (And, Or)):
            pending.extend(item.items)
        elif isinstance(item, Not):
            pending.append(item.item)
        elif isinstance(item, (Compare, In)):
            yield item
            pending.extend(guards_of(item))


def sides(atom: Compare | In) -> tuple[Operand, ...]:
    return (atom.left, atom.right) if isinstance(atom, Compare) else (atom.operand, *atom.items)


def parts(operand: Operand) -> Iterator[Operand]:
    """The operand and all that it is made of."""
    pending = [operand]
    while pending:
        item = pending.pop()
        yield item
        if isinstance(item, Call):
            pending.extend(item.args)
        elif isinstance(item, Shift):
            pending.append(item.operand)


def paths_of(operand: Operand) -> list[Path]:
    return [part for part in parts(operand) if isinstance(part, Path)]


def guards_of(atom: Compare | In) -> list[Condition]:
    return [guard for side in sides(atom) for path in paths_of(side) for guard in path_guards(path)]


def path_guards(path: Path) -> list[Condition]:
    """The conditions under which the path leads somewhere."""
    guards = [guard for step in path.steps for guard in (step.field_guard, step.guard)]
    return [guard for guard in (*guards, path.guard) if guard is not None]


def every_operand(condition: Condition) -> Iterator[Operand]:
    for atom in atoms(condition):
        for side in sides(atom):
            yield from parts(side)


def every_path(condition: Condition) -> Iterator[Path]:
    return (part for part in every_operand(condition) if isinstance(part, Path))


def all_of(*conditions: Condition) -> Condition:
    """All of them at once, as a rule and a filter. What one says of the elements of a many-valued path says nothing of the
    elements that another speaks of."""
    asked = [each for each in conditions if each != TRUE]
    if len(asked) < 2:
        return asked[0] if asked else TRUE
    return And(tuple(Not(Not(each)) if needs_many(each) else each for each in asked))


def needs_many(condition: Condition) -> bool:
    """Whether it reads paths of many values: back relations, `@collection`, fields of many values, `:each`, guards included."""
    for operand in every_operand(condition):
        if isinstance(operand, Request) and operand.lists:
            return True
        if isinstance(operand, Path) and (operand.many or operand.root or operand.elements or any(step.many for step in operand.steps)):
            return True
    return False


Place = tuple[Any, ...]


IsMany = Callable[[str, str], bool]


def joins(condition: Condition, is_many: IsMany = lambda collection, relation: False) -> int:
    """How many tables a statement joins at most: different steps from one place, those of guards from the place that they guard, and
    different `@collection`s. `is_many` tells of a relation (collection, field) whether it has a table of its own to go through."""
    weights: dict[Place, int] = {}
    pending: list[tuple[Condition, Place]] = [(condition, ())]
    while pending:
        asked, at = pending.pop()
        for path in _own_paths(asked):
            pending += _enter(path, at, weights, is_many)
    return sum(weights.values())


def _enter(path: Path, at: Place, weights: dict[Place, int], is_many: IsMany) -> Iterator[tuple[Condition, Place]]:
    """Counts the places that the path leads to, and gives the guards of those that are new."""
    here: Place = (*at, path.root, path.alias)
    if path.root is not None:
        weights[here] = 1
    for step in path.steps:
        before, here = here, (*here, step.field, step.target, step.back)
        if here in weights:
            continue
        holder = step.target if step.back else step.source
        weights[here] = 2 if is_many(holder, step.field) else 1
        yield from ((guard, place) for guard, place in ((step.field_guard, before), (step.guard, here)) if guard is not None)
    if path.elements:
        weights[(*here, path.name)] = 1
    if path.guard is not None:
        yield path.guard, here


def _own_paths(condition: Condition) -> Iterator[Path]:
    """Those of its comparisons, not those of their guards."""
    pending = [condition]
    while pending:
        item = pending.pop()
        if isinstance(item, (And, Or)):
            pending.extend(item.items)
        elif isinstance(item, Not):
            pending.append(item.item)
        elif isinstance(item, (Compare, In)):
            yield from (path for side in sides(item) for path in paths_of(side))
