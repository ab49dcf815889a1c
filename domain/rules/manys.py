"""Many-valued paths as variables: which of their elements a comparison speaks of, and which comparisons speak of the same one."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from domain.rules.tree import And, Call, Compare, Condition, In, Operand, Or, Path, Request, Shift
from domain.rules.walk import parts, sides
from domain.schema.kinds import Kind


@dataclass(frozen=True, slots=True)
class Many:
    """A place where a path has many values: `@collection` itself, a back step, or with `each` the elements of a list (a many
    relation or select, a JSON array, a list in the request)."""

    path: Path | Request
    each: bool = False
    # A search looks it up at every turn, and a path may hold whole conditions.
    hashed: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashed", hash((self.path, self.each)))

    def __hash__(self) -> int:
        return self.hashed


Env = dict[Many, Any]


def manys(operand: Operand) -> Iterator[Many]:
    """From the outside in: what comes later can only be found once what comes before is chosen."""
    for part in parts(operand) if isinstance(operand, (Call, Shift)) else (operand,):
        if isinstance(part, Path):
            if part.many:
                yield from _manys_of(part)
        elif isinstance(part, Request):
            yield from (listed(part, at) for at in range(len(part.lists)))


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


def manys_of(atom: Compare | In) -> tuple[Many, ...]:
    return tuple(many for side in sides(atom) for many in manys(side))


Of = Callable[[Compare | In], Iterable[Many]]


def free(condition: Condition, env: Env, of: Of = manys_of) -> list[Many]:
    """The elements that its `?` comparisons leave to be chosen, outer ones first; a `!( )` chooses its own. `of` tells those of
    one comparison."""
    if isinstance(condition, (Compare, In)):
        return list(dict.fromkeys(many for many in of(condition) if many not in env)) if condition.any else []
    pending: list[Condition] = [condition]
    found: dict[Many, None] = {}
    while pending:
        item = pending.pop()
        if isinstance(item, (And, Or)):
            pending.extend(reversed(item.items))
        elif isinstance(item, (Compare, In)) and item.any:
            found.update((many, None) for many in of(item) if many not in env)
    return list(found)


def groups_of(items: list[Condition], env: Env, of: Of = manys_of) -> list[tuple[Condition, ...]]:
    """Items that share an element, directly or through others."""
    groups: list[tuple[set[Many], list[Condition]]] = []
    for item in items:
        shared, members = set(free(item, env, of)), [item]
        apart = []
        for group in groups:
            if group[0] & shared:
                shared, members = shared | group[0], group[1] + members
            else:
                apart.append(group)
        groups = [*apart, (shared, members)]
    return [tuple(members) for _, members in groups]


def alike(items: Iterable[Condition], of: Of = manys_of) -> list[tuple[Condition, ...]]:
    """Comparisons that ask the same of all elements of the same places stand together: that each holds of all of them is that all of
    them hold of each. All others stand alone."""
    groups: dict[tuple[Many, ...] | int, list[Condition]] = {}
    for item in items:
        asked = tuple(of(item)) if isinstance(item, (Compare, In)) and not item.any else ()
        groups.setdefault(asked or id(item), []).append(item)
    return [tuple(group) for group in groups.values()]


class Variables:
    """Those of one condition, found once and looked up by the identity of what they were found in: a search asks for them again
    and again. What they were found in is held, so that no other can come to have its identity."""

    def __init__(self) -> None:
        self._atoms: dict[int, tuple[Compare | In, tuple[Many, ...]]] = {}
        self._paths: dict[tuple[int, int], tuple[Path, Many]] = {}
        self._on: dict[int, tuple[Path, tuple[Many, ...]]] = {}

    def of(self, atom: Compare | In) -> tuple[Many, ...]:
        found = self._atoms.get(id(atom))
        if found is None:
            found = self._atoms[id(atom)] = (atom, manys_of(atom))
        return found[1]

    def on(self, path: Path) -> tuple[Many, ...]:
        """Those that the path goes through."""
        found = self._on.get(id(path))
        if found is None:
            found = self._on[id(path)] = (path, tuple(manys(path)))
        return found[1]

    def inner(self, path: Path) -> Many:
        return self._kept(path, -1, lambda: inner(path))

    def after(self, path: Path, length: int) -> Many:
        """The variable of the many step that ends there, or with no steps of the collection that the path begins in."""
        is_link = length > 0 and not path.steps[length - 1].back
        return self._kept(path, length, lambda: linked(path, length) if is_link else reached(path, length))

    def _kept(self, path: Path, length: int, make: Callable[[], Many]) -> Many:
        found = self._paths.get((id(path), length))
        if found is None:
            found = self._paths[id(path), length] = (path, make())
        return found[1]
