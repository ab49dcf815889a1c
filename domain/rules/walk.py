"""Going through a checked tree: its comparisons, operands and paths."""

from collections.abc import Iterator

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


def own_fields(condition: Condition) -> frozenset[str]:
    """The fields of the record itself that the condition reads, also as the first step to others."""
    own = [path for path in every_path(condition) if path.root is None and not (path.steps and path.steps[0].back)]
    return frozenset(path.steps[0].field if path.steps else path.name for path in own)


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
