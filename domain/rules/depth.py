"""How deep a condition nests once it is SQL: SQLite's parser has room for a hundred symbols at a time, so what nests too deep cannot be
compiled there, and is refused before it is kept or asked, whatever the engine.

Counted as the compiler writes it: each many-valued step is a SELECT within the one before it, each guard within what it guards.
"""

from domain.rules.manys import Many, Variables, alike, free, groups_of, inner, is_listed, reached
from domain.rules.tree import And, Call, Compare, Condition, In, Not, Operand, Or, Path, Shift, Step
from domain.rules.walk import parts, paths_of, sides

# The room for a condition beside the deepest statement that it stands in: a page after a cursor, with its total.
MAX_DEPTH = 80
# A view is a statement within the condition that goes by it: its own filter may nest so deep, and such a condition.
MAX_VIEW_DEPTH, MAX_DEPTH_TO_VIEWS = 30, 45
# Symbols that stand open on the parser's stack.
_SELECT, _AND, _OR, _NOT, _GUARDED, _JOINED, _WITHIN = 9, 2, 3, 1, 8, 10, 3

Chosen = dict[Many, None]


def depth(condition: Condition) -> int:
    return _Measure().depth(condition, {})


class _Measure:
    """Of one condition: each comparison's variables are found once."""

    def __init__(self) -> None:
        self._of = Variables().of

    def depth(self, condition: Condition, chosen: Chosen) -> int:
        if isinstance(condition, Not):
            return _NOT + self.depth(condition.item, {})
        if isinstance(condition, Or):
            return _OR + max(self.depth(item, chosen) for item in condition.items)
        if isinstance(condition, And):
            return _AND + self._together(condition.items, chosen)
        if not isinstance(condition, (Compare, In)):
            return 0
        if not condition.any:
            return _AND + _NOT + self._for_all(condition, {})
        return self._chosen((condition,), chosen) if free(condition, chosen, self._of) else self._compared(condition, chosen)

    def _together(self, items: tuple[Condition, ...], chosen: Chosen) -> int:
        linked: list[Condition] = []
        apart: list[Condition] = []
        for item in items:
            (linked if free(item, chosen, self._of) else apart).append(item)
        alone = alike(apart, self._of)
        deepest = [_OR * (len(group) > 1) + max(self.depth(item, chosen) for item in group) for group in alone]
        return max([0, *deepest, *(self._chosen(group, chosen) for group in groups_of(linked, chosen, self._of))])

    def _chosen(self, group: tuple[Condition, ...], chosen: Chosen) -> int:
        if len(group) == 1 and not isinstance(group[0], (Compare, In)):
            return self.depth(group[0], chosen)
        many = free(group[0], chosen, self._of)[0]
        rest = group[0] if len(group) == 1 else And(group)
        return _SELECT + max(self.depth(rest, {**chosen, many: None}), self._way_to(many, chosen))

    def _for_all(self, atom: Compare | In, chosen: Chosen) -> int:
        many = next((many for many in self._of(atom) if many not in chosen), None)
        if many is None:
            return self._compared(atom, chosen)
        return _SELECT + max(self._for_all(atom, {**chosen, many: None}), self._way_to(many, chosen))

    def _way_to(self, many: Many, chosen: Chosen) -> int:
        """What stands where the elements of one record are joined: the way to that record, and the guards on both."""
        path = many.path
        if not isinstance(path, Path):
            return 0
        steps = path.steps if many.each else path.steps[:-1]
        own = path.guard if many.each else path.steps[-1].guard if path.steps else None
        return _JOINED + max(self._guard(own), self._steps(path, steps, chosen))

    def _compared(self, atom: Compare | In, chosen: Chosen) -> int:
        within = _WITHIN if chosen or any(path.steps for side in sides(atom) for path in paths_of(side)) else 0
        return within + max(self._operand(side, chosen) for side in sides(atom))

    def _operand(self, operand: Operand, chosen: Chosen) -> int:
        if not isinstance(operand, (Call, Shift)):
            return self._path(operand, chosen) if isinstance(operand, Path) else 0
        nesting = sum(isinstance(part, (Call, Shift)) for part in parts(operand))
        paths = [part for part in parts(operand) if isinstance(part, Path)]
        return 2 * nesting + max((self._path(path, chosen) for path in paths), default=0)

    def _path(self, path: Path, chosen: Chosen) -> int:
        if is_listed(path) and inner(path) in chosen:
            return 0
        return max(self._guard(path.guard), self._steps(path, path.steps, chosen))

    def _steps(self, path: Path, steps: tuple[Step, ...], chosen: Chosen) -> int:
        """Those behind the last one that is chosen are joined in one SELECT."""
        if not steps:
            return 0
        start = max((at for at in range(1, len(steps) + 1) if steps[at - 1].back and reached(path, at) in chosen), default=0)
        rest = steps[start:]
        if not rest:
            return 0
        return _SELECT + max(max(self._guard(step.guard), self._guard(step.field_guard)) for step in rest)

    def _guard(self, guard: Condition | None) -> int:
        return 0 if guard is None else _GUARDED + self.depth(guard, {})
