"""Where paths lead in a world of records: the elements of what is many-valued, the record that a path has reached, what a field holds.

Whether a guard lets a record through is for whoever asks to say.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.rules.budget import Budget
from domain.rules.comparing import points_at
from domain.rules.conversions import dug
from domain.rules.manys import Env, Many, Variables, placed
from domain.rules.tree import Condition, Path, Request, Step
from domain.rules.values import Values, elements_of
from domain.schema.kinds import Kind

Record = Mapping[str, Any]
World = Mapping[str, Mapping[str, Record]]


@dataclass(frozen=True, slots=True)
class Finder:
    """For one record. `holds` tells whether a record fulfils a guard."""

    record: Record
    values: Values
    world: World | None
    budget: Budget
    variables: Variables
    holds: Callable[[Condition, Record], bool]

    def raw(self, path: Path, env: Env) -> Any:
        element = self._element(path, len(path.steps), env)
        value = element.get(path.name) if element is not None and self._passes(path.guard, element) else None
        for key in path.json:
            value = dug(value, key)
        return value

    def length(self, path: Path, env: Env) -> int:
        if path.kind is Kind.JSON or path.elements:
            raw = self.raw(path, env)
            return len(raw) if isinstance(raw, (list, tuple)) else 0
        return sum(element is not None for element in self._all(path, len(path.steps)))

    def _all(self, path: Path, length: int) -> list[Record | None]:
        """Every record at the end of that many steps, whichever way leads there."""
        if length == 0:
            return [self.record] if path.root is None else self._roots(path.root)
        step = path.steps[length - 1]
        return [found for element in self._all(path, length - 1) for found in self._next(element, step)]

    def _next(self, element: Record | None, step: Step) -> Sequence[Record | None]:
        if step.back:
            return self._pointing_at(element, step)
        held = self._relation(element, step)
        return [self._target(id_, step) for id_ in held] if step.many and held else [self._target(None if step.many else held, step)]

    def elements(self, many: Many, env: Env) -> Sequence[Any]:
        """The values to choose from; never none: what leads nowhere counts as one absent value."""
        found = self._choices(many, env)
        self.budget.spend(len(found))
        return found

    def _choices(self, many: Many, env: Env) -> Sequence[Any]:
        if many.each:
            return self._each(many.path, env)
        assert isinstance(many.path, Path)
        if not many.path.steps:
            return self._roots(many.path.root or "")
        element = self._element(many.path, len(many.path.steps) - 1, env)
        return self._pointing_at(element, many.path.steps[-1])

    def _each(self, source: Path | Request, env: Env) -> Sequence[Any]:
        if isinstance(source, Request):
            return elements_of(self.values, placed(source, env).path)
        raw = self.raw(source, env)
        if isinstance(raw, (list, tuple)):
            return raw or [None]
        return [raw]

    def _element(self, path: Path, length: int, env: Env) -> Record | None:
        """The record that the path has reached after `length` steps, None where it leads nowhere."""
        if length == 0:
            return self.record if path.root is None else env[self.variables.after(path, 0)]
        step = path.steps[length - 1]
        if step.back:
            return env[self.variables.after(path, length)]
        if step.many:
            return self._target(env[self.variables.after(path, length)], step)
        return self._target(self._relation(self._element(path, length - 1, env), step), step)

    def _relation(self, element: Record | None, step: Step) -> Any:
        """What the record's relation holds: an id, or ids."""
        return element.get(step.field) if element is not None and self._passes(step.field_guard, element) else None

    def _target(self, id_: str | None, step: Step) -> Record | None:
        target = self._records(step.target).get(id_) if id_ else None
        return target if target is not None and self._passes(step.guard, target) else None

    def _pointing_at(self, element: Record | None, step: Step) -> list[Record | None]:
        if element is None:
            return [None]
        found = [each for each in self._records(step.target).values() if points_at(each.get(step.field), element["id"])]
        return [each for each in found if self._passes(step.guard, each)] or [None]

    def _roots(self, name: str) -> list[Record | None]:
        return [*self._records(name).values()] or [None]

    def _records(self, name: str) -> Mapping[str, Record]:
        if self.world is None:
            raise ValueError(f"this condition looks into `{name}`: it needs a world")
        return self.world.get(name, {})

    def _passes(self, guard: Condition | None, target: Record) -> bool:
        return guard is None or self.holds(guard, target)
