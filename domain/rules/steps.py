"""How many tables one statement joins: a limit of SQLite's, and of what a request may cost. What an owner's rule and a client's
parameters ask together is counted together, as it is one statement."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from domain.errors import invalid
from domain.rules.syntax import MAX_RELATION_STEPS
from domain.rules.tree import And, Compare, Condition, In, Not, Or, Path
from domain.rules.walk import paths_of, sides

Place = tuple[Any, ...]
# Whether the relation (collection, field) has a table of its own to go through.
IsMany = Callable[[str, str], bool]
TOO_MANY = (
    f"beyond the limit `relation_steps`: at most {MAX_RELATION_STEPS} different relation steps, those of the targets' list rules included; "
    "a step through a relation of many counts as two"
)


def joins(condition: Condition, is_many: IsMany) -> int:
    """At most: different steps from one place, those of guards from the place that they guard, and different `@collection`s."""
    weights: dict[Place, int] = {}
    _count(((path, ()) for path in _own_paths(condition)), weights, is_many)
    return sum(weights.values())


def joins_of(paths: Iterable[Path], is_many: IsMany) -> int:
    """Where paths stand by themselves, to be sorted or grouped by: each is read on a way of its own."""
    found = 0
    for path in paths:
        weights: dict[Place, int] = {}
        _count([(path, ())], weights, is_many)
        found += sum(weights.values())
    return found


def check_together(steps: int, pointer: str) -> None:
    """Invalid where the rule and all parameters of one request take too many steps together, though none does alone."""
    if steps > MAX_RELATION_STEPS:
        hint = "ask for fewer values behind relations: the rule, the filter and what is sorted, grouped or searched by count together"
        raise invalid(pointer, "limit_exceeded", f"{TOO_MANY}; here are {steps}", hint=hint)


def _count(paths: Iterable[tuple[Path, Place]], weights: dict[Place, int], is_many: IsMany) -> None:
    pending = list(paths)
    while pending:
        path, at = pending.pop()
        for guard, place in _enter(path, at, weights, is_many):
            pending += ((each, place) for each in _own_paths(guard))


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
