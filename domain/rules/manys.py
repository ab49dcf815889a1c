"""Many-valued paths as variables: which of their elements a comparison speaks of, and which comparisons speak of the same one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from domain.rules.tree import And, Compare, Condition, In, Operand, Or, Path, Request
from domain.rules.walk import parts, sides
from domain.schema.kinds import Kind


@dataclass(frozen=True, slots=True)
class Many:
    """A place where a path has many values: `@collection` itself, a back step, or with `each` the elements of a list (a many
    relation or select, a JSON array, a list in the request)."""

    path: Path | Request
    each: bool = False


Env = dict[Many, Any]


def manys(operand: Operand) -> Iterator[Many]:
    """From the outside in: what comes later can only be found once what comes before is chosen."""
    for part in parts(operand):
        if isinstance(part, Request):
            yield from (listed(part, at) for at in range(len(part.lists)))
        elif isinstance(part, Path) and part.many:
            yield from _manys_of(part)


def _manys_of(path: Path) -> Iterator[Many]:
    if path.root is not None:
        yield reached(path, 0)
    for at, step in enumerate(path.steps):
        if step.many:
            yield reached(path, at + 1) if step.back else linked(path, at + 1)
    if is_listed(path):
        yield inner(path)


def reached(path: Path, length: int) -> Many:
    """The same for every path that goes the same way so far."""
    return Many(Path("", Kind.JSON, "", path.steps[:length], root=path.root, alias=path.alias))


def linked(path: Path, length: int) -> Many:
    """The relations that a forward step takes one of; those whose path ends there (`tags` beside `tags.name`) take the same."""
    step, before = path.steps[length - 1], path.steps[: length - 1]
    field = Path(
        step.field, Kind.TEXT, step.source, before, root=path.root, alias=path.alias, elements=True, guard=step.field_guard
    )  # fmt: skip
    return Many(field, each=True)


def listed(request: Request, at: int) -> Many:
    """The elements of one of the lists that a value of the request lies in."""
    return Many(Request(request.path[: request.lists[at]], lists=request.lists[:at]), each=True)


def placed(request: Request, env: Env) -> Request:
    """The value of the request in those elements that have been chosen."""
    for at in reversed(range(len(request.lists))):
        many = listed(request, at)
        if many in env:
            return Request(env[many] + request.path[request.lists[at] :], request.modifier)
    return replace(request, lists=())


def is_listed(path: Path) -> bool:
    """Whether it stands for each element of what the field itself holds."""
    return path.modifier == "each" or (path.elements and path.modifier not in ("length", "whole"))


def inner(path: Path) -> Many:
    """The elements of what the path itself holds."""
    field = Path(
        path.name, path.kind, path.collection, path.steps, path.json, root=path.root, alias=path.alias, elements=path.elements,
        guard=path.guard,
    )  # fmt: skip
    return Many(field, each=True)


def free(condition: Condition, env: Env) -> list[Many]:
    """The elements that its `?` comparisons leave to be chosen, outer ones first; a `!( )` chooses its own."""
    pending, found = [condition], dict[Many, None]()
    while pending:
        item = pending.pop()
        if isinstance(item, (And, Or)):
            pending.extend(reversed(item.items))
        elif isinstance(item, (Compare, In)) and item.any:
            found.update((many, None) for side in sides(item) for many in manys(side) if many not in env)
    return list(found)


def groups_of(items: list[Condition], env: Env) -> list[tuple[Condition, ...]]:
    """Items that share an element, directly or through others."""
    groups: list[tuple[set[Many], list[Condition]]] = []
    for item in items:
        shared, members = set(free(item, env)), [item]
        apart = []
        for group in groups:
            if group[0] & shared:
                shared, members = shared | group[0], group[1] + members
            else:
                apart.append(group)
        groups = [*apart, (shared, members)]
    return [tuple(members) for _, members in groups]
