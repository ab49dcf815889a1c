"""Compiles checked and shaped conditions to SQL expressions that choose the same rows on SQLite and PostgreSQL as the evaluator does.

Negation is pushed to the leaves. Each leaf has a form for "holds" and one for "fails"; either may be NULL where it is not
true, never where it should be. Values are parameters only, names come from the schema.

What is many-valued is chosen as the evaluator chooses it: each `?` group asks for one element that fits, in an EXISTS of its own for
each many-valued step; without `?` no element may fail.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlalchemy import FromClause, and_, false, not_, or_, true

from adapters.outbound.sql.rules_absence import all_when_absent, when_absent
from adapters.outbound.sql.rules_binds import Bind, bind_values, listed_text
from adapters.outbound.sql.rules_dialects import Expression, Truth
from adapters.outbound.sql.rules_gathering import (
    beyond_first,
    first_step,
    gathered,
    looked_up,
    match_of,
    without_target,
)
from adapters.outbound.sql.rules_pairs import compared, contained
from adapters.outbound.sql.rules_places import Element, Place
from adapters.outbound.sql.rules_targets import by_record, needs_record, of_record, spot_of
from adapters.outbound.sql.rules_tests import Test, Tests
from adapters.outbound.sql.rules_values import TEXT, Operands
from domain.rules.manys import Many, Variables, alike, free, groups_of, inner, is_listed
from domain.rules.tree import (
    And,
    Call,
    Compare,
    Condition,
    Constant,
    In,
    Literal,
    Not,
    Operand,
    Or,
    Path,
    Slot,
)
from domain.rules.walk import parts, sides
from domain.schema.collection import Schema

__all__ = ["Bind", "RuleCompiler", "bind_values"]

_PREDICATES = ("startsWith", "contains")
_ABSENT = Literal(None, None)
Atom = Compare | In


class RuleCompiler:
    """Compiles for one statement. Where several bounds meet in it, each gets a compiler with a `prefix` of its own, so that
    parameters and aliases keep apart; `binds` then tells how each compiler's parameters are made from `Bound.values`."""

    def __init__(self, schema: Schema, tables: Mapping[str, FromClause], dialect: str, *, prefix: str = "") -> None:
        self._schema, self._dialect = schema, dialect
        self._operands = Operands(schema, tables, dialect, prefix, self.condition, self._found)
        self._tests = Tests(self._operands)
        self._variables = Variables()

    @property
    def binds(self) -> tuple[Bind, ...]:
        return tuple(self._operands.binds.values())

    def condition(self, shape: Condition, source: FromClause, *, whole: bool = False) -> Truth:
        """True for the rows of `source` that fulfil the condition, false or NULL for the others. `whole`: the statement looks at all
        of them, as a count does."""
        return self._compile(shape, Place(source, {}, whole and self._dialect == "sqlite"), truth=True, beside=False)

    def path(self, path: Path, source: FromClause) -> Expression:
        """The value to sort by: e-mail addresses by their key, paths as a subselect of one value."""
        return self._operands.term(path, Place(source), path.kind).value

    def whole(self, path: Path, source: FromClause) -> Expression:
        """What a field holds, documents as they are."""
        return self._operands.steps.through(Place(source).spot(path), lambda row: self._operands.whole(path, row))

    # --- the tree

    def _compile(self, condition: Condition, place: Place, *, truth: bool, beside: bool) -> Truth:
        """`beside`: the condition is one of several alternatives."""
        if isinstance(condition, Constant):
            return true() if condition.value is truth else false()
        if isinstance(condition, Not):
            # It chooses elements of its own.
            return self._compile(condition.item, place.anew(), truth=not truth, beside=beside)
        if isinstance(condition, Or):
            found = [self._compile(item, place, truth=truth, beside=beside or truth) for item in condition.items]
            return or_(false(), *found) if truth else and_(true(), *found)
        if isinstance(condition, And):
            return self._together(condition.items, place, truth=truth, beside=beside or not truth)
        if (by_target := self._gathered(condition, place, truth=truth)) is not None:
            return by_target
        if not condition.any:
            return self._for_all((condition,), place.anew(), truth=truth, beside=beside)
        if free(condition, place.chosen, self._variables.of):  # type: ignore[arg-type]
            return self._for_some((condition,), place, truth=truth, beside=beside)
        return self._atom(condition, place, truth=truth, beside=beside)

    def _together(self, items: tuple[Condition, ...], place: Place, *, truth: bool, beside: bool) -> Truth:
        """Items that share an element are asked of the same one, all others each by itself."""
        linked: list[Condition] = []
        apart: list[Condition] = []
        for item in items:
            (linked if free(item, place.chosen, self._variables.of) else apart).append(item)  # type: ignore[arg-type]
        groups = alike(apart, self._variables.of)
        found = [self._each(group, place, truth=truth, beside=beside) for group in groups if len(group) > 1]
        found += self._alone([group[0] for group in groups if len(group) == 1], place, truth=truth, beside=beside)
        sharing = groups_of(linked, place.chosen, self._variables.of)  # type: ignore[arg-type]
        found += [self._for_some(group, place, truth=truth, beside=beside) for group in sharing]
        return and_(true(), *found) if truth else or_(false(), *found)

    def _each(self, group: tuple[Condition, ...], place: Place, *, truth: bool, beside: bool) -> Truth:
        if place.whole and not place.chosen and first_step(group[0]) is not None:
            # Each may be answered by few targets.
            found = [self._compile(item, place, truth=truth, beside=beside or not truth) for item in group]
            return and_(*found) if truth else or_(*found)
        return self._for_all(group, place.anew(), truth=truth, beside=beside)  # type: ignore[arg-type]

    def _alone(self, items: list[Condition], place: Place, *, truth: bool, beside: bool) -> list[Truth]:
        if len(items) < 2 or (place.whole and not place.chosen):
            return [self._compile(item, place, truth=truth, beside=beside) for item in items]
        found = []
        for group in by_record(items, place, self._variables, chosen=False):
            if len(group) > 1 and needs_record(group):
                found.append(self._of_record(group, place, truth=truth, beside=beside))
            else:
                found += [self._compile(item, place, truth=truth, beside=beside) for item in group]
        return found

    def _of_record(self, group: tuple[Condition, ...], place: Place, *, truth: bool, beside: bool) -> Truth:
        spot, asked = spot_of(group[0], place), of_record(group)

        def holds(row: FromClause) -> Truth:
            return self._compile(asked, Place(row), truth=True, beside=False)

        if truth and any(self._is_keyed(item) for item in group):
            return self._operands.steps.among(spot, holds, beside=beside)
        found = self._operands.steps.reaches(spot, holds)
        return found if truth else not_(found)

    def _is_keyed(self, item: Condition) -> bool:
        operand, slots = _wanted(item)
        return bool(slots) and isinstance(operand, Path) and self._is_indexed(operand)

    # --- elements

    def _for_some(self, group: tuple[Condition, ...], place: Place, *, truth: bool, beside: bool) -> Truth:
        if len(group) == 1 and not isinstance(group[0], Compare | In):
            return self._compile(group[0], place, truth=truth, beside=beside)
        many = free(group[0], place.chosen, self._variables.of)[0]  # type: ignore[arg-type]
        rest = group[0] if len(group) == 1 else And(group)
        if len(group) > 1 and (by_target := self._gathered(rest, place, truth=truth)) is not None:
            return by_target
        if truth and len(group) == 1 and (held := self._held(group[0], many, place)) is not None:
            return held
        if truth and (matched := self._looked_up(group, many, place, beside=beside)) is not None:
            return matched
        found = self._operands.elements.some(
            many,
            place,
            lambda chosen: self._compile(rest, chosen, truth=True, beside=False),
            absent=when_absent(rest, self._through(many)),
            narrow=truth and (self._narrows(rest, many) or self._fans_out(rest, many, place)),
            beside=beside,
        )
        return found if truth else not_(found)

    def _for_all(self, group: tuple[Atom, ...], place: Place, *, truth: bool, beside: bool) -> Truth:
        """Whether no element fails one of the group, which speaks of the same elements; where an absent one does, there has to be an
        element that does not."""
        many = next((many for many in self._variables.of(group[0]) if many not in place.chosen), None)
        if many is None:
            beside = beside or len(group) > 1
            found = self._all_chosen(group, place, truth=truth, beside=beside)
            return found[0] if len(found) == 1 else and_(*found) if truth else or_(*found)
        absent = all_when_absent(group, self._through(many))
        needs_one = truth and absent is False
        failing = self._operands.elements.some(
            many,
            place,
            lambda chosen: self._for_all(group, chosen, truth=False, beside=False),
            absent=False if needs_one else None if absent is None else not absent,
            narrow=all(self._fans_out(atom, many, place) for atom in group),
            beside=beside,
        )
        if not truth:
            return failing
        if not needs_one:
            return not_(failing)
        some = tuple(replace(atom, any=True) for atom in group)
        return and_(self._for_some(some, place, truth=True, beside=beside), not_(failing))

    def _all_chosen(self, group: tuple[Atom, ...], place: Place, *, truth: bool, beside: bool) -> list[Truth]:
        found = []
        for same in by_record(group, place, self._variables, chosen=True) if len(group) > 1 else (group,):
            if len(same) > 1 and needs_record(same):
                found.append(self._of_record(same, place, truth=truth, beside=beside))
            else:
                found += [self._atom(atom, place, truth=truth, beside=beside) for atom in same]  # type: ignore[arg-type]
        return found

    def _gathered(self, condition: Condition, place: Place, *, truth: bool) -> Truth | None:
        """Where all rows are looked at, and few targets may answer for them."""
        step = first_step(condition) if place.whole and not place.chosen else None
        if step is None or (without := without_target(condition)) is None:
            return None
        steps = self._operands.steps
        target = steps.table(step.target)
        asked = self._compile(beyond_first(condition), Place(target, {}, whole=True), truth=not without, beside=False)
        return gathered(steps, step, steps.table(step.source), place, target, asked, truth=truth is not without)

    def _looked_up(self, group: tuple[Condition, ...], many: Many, place: Place, *, beside: bool) -> Truth | None:
        """Where an index finds few records of another collection, and they name those of this one."""
        match = match_of(group, many)
        if match is None or not self._narrows(match.rest, many):
            return None
        others = self._operands.steps.table(many.path.root)  # type: ignore[union-attr, arg-type]
        asked = self._compile(match.rest, place.choosing(many, Element(others)), truth=True, beside=False)
        return looked_up(self._operands.steps, match, place, others, asked, beside=beside)

    def _held(self, atom: Condition, many: Many, place: Place) -> Truth | None:
        """Where PostgreSQL's index on a list of choices answers."""
        operand, slots = _wanted(atom)
        if not slots or not isinstance(operand, Path) or operand.modifier is not None or inner(operand) != many:
            return None
        if not self._operands.elements.keeps_choices(many, place):
            return None
        wanted = [self._operands.bind(slot, "_listed", listed_text, TEXT) for slot in slots]
        return self._operands.elements.holding(many, place, wanted)

    def _narrows(self, condition: Condition, many: Many) -> bool:
        """Whether an index finds the few elements for which it holds, without a look at the record that asks."""
        items = condition.items if isinstance(condition, And) else (condition,)
        atoms = [item for item in items if isinstance(item, Compare | In)]
        return (
            len(atoms) == len(items)
            and any(self._is_found(atom, many) for atom in atoms)
            and all(self._asks_only_of(many, atom) for atom in atoms)
        )

    def _fans_out(self, condition: Condition, many: Many, place: Place) -> bool:
        """Many elements of many elements: SQLite would go through all of these for each record, where one look at the collection tells
        which of its records fulfil the condition."""
        if self._dialect != "sqlite" or not place.chosen:
            return False
        items = condition.items if isinstance(condition, And) else (condition,)
        return all(isinstance(item, Compare | In) and self._asks_only_of(many, item) for item in items)

    def _is_found(self, atom: Atom, many: Many) -> bool:
        operand, slots = _wanted(atom)
        return bool(slots) and isinstance(operand, Path) and many in self._variables.on(operand) and self._is_indexed(operand)

    def _is_indexed(self, path: Path) -> bool:
        if path.json or path.modifier is not None:
            return False
        collection = self._schema.collection(path.collection)
        if path.elements:
            return self._dialect == "postgresql" or collection.every_field[path.name].type == "relation"
        return path.name == "id" or any(index.fields[0] == path.name for index in collection.every_index)

    def _through(self, many: Many) -> Callable[[Path], bool]:
        return lambda path: many in self._variables.on(path)

    def _asks_only_of(self, many: Many, atom: Atom) -> bool:
        return all(many in self._variables.on(path) for path in _paths(atom))

    # --- comparisons of single values

    def _atom(self, atom: Atom, place: Place, *, truth: bool, beside: bool) -> Truth:
        if isinstance(atom, In):
            return self._member(atom, place, truth=truth is not atom.negated, beside=beside)
        return self._comparison(atom, place, truth=truth, beside=beside)

    def _member(self, member: In, place: Place, *, truth: bool, beside: bool) -> Truth:
        slots = [item for item in member.items if isinstance(item, Slot)]
        others = [item for item in member.items if not isinstance(item, Slot)]
        beside = beside or bool(others and truth)
        found = [
            self._comparison(Compare("=", member.operand, item, member.kind), place, truth=truth, beside=beside) for item in others
        ]
        if slots:
            # Whole numbers in a list of decimals, say, are compared as what the column holds.
            test = self._tests.is_one_of(slots, slots[0].kind)
            found.append(self._ask(test, member.operand, place, truth=truth, beside=beside))
        return or_(false(), *found) if truth else and_(true(), *found)

    def _comparison(self, compare: Compare, place: Place, *, truth: bool, beside: bool) -> Truth:
        if compare.op in ("!=", "!~"):
            return self._comparison(replace(compare, op=compare.op[1:]), place, truth=not truth, beside=beside)
        left, right = compare.left, compare.right
        if right == _ABSENT:
            return self._ask(self._tests.is_present(compare.kind), left, place, truth=not truth, beside=beside)
        if isinstance(left, Call) and left.name in _PREDICATES and isinstance(right, Literal):
            return self._answer(left, place, truth=truth is right.value, beside=beside)
        if isinstance(right, Slot):
            return self._ask(self._against(compare, right), left, place, truth=truth, beside=beside)
        return (contained if compare.op == "~" else compared)(self._operands, compare, place, truth=truth)

    def _against(self, compare: Compare, value: Slot) -> Test:
        if compare.op == "~":
            return self._tests.is_like(value)
        if compare.op == "=":
            return self._tests.equals(value, compare.kind)
        return self._tests.is_ordered(compare.op, value, compare.kind)

    def _answer(self, call: Call, place: Place, *, truth: bool, beside: bool) -> Truth:
        text, part = call.args
        if isinstance(part, Slot):
            return self._ask(self._tests.answers(call, part), text, place, truth=truth, beside=beside)
        found = self._found(call, place)
        return found if truth else not_(found)

    def _found(self, call: Call, place: Place) -> Truth:
        return self._tests.found(call, place)

    def _ask(self, test: Test, operand: Operand, place: Place, *, truth: bool, beside: bool) -> Truth:
        if not isinstance(operand, Path) or is_listed(operand) or operand.modifier == "length":
            return test.holds(operand, place) if truth else test.fails(operand, place)
        spot, end = place.spot(operand), _end_of(operand)
        if not spot.steps and not truth and operand.guard is None:
            return test.fails(end, Place(spot.row))

        def holds(row: FromClause) -> Truth:
            found = test.holds(end, Place(row))
            return found if operand.guard is None else and_(self.condition(operand.guard, row), found)

        if truth and test.keyed and self._is_indexed(operand):
            return self._operands.steps.among(spot, holds, beside=beside)
        found = self._operands.steps.reaches(spot, holds)
        if truth:
            return found
        return not_(found) if spot.steps else found.is_not(true())


def _end_of(path: Path) -> Path:
    """The field that it ends at. Most paths are one already, and a copy costs more than the look."""
    is_field = not path.steps and path.root is None and path.guard is None
    return path if is_field else replace(path, steps=(), root=None, guard=None)


def _wanted(condition: Condition) -> tuple[Operand | None, tuple[Slot, ...]]:
    """The operand, and the values to one of which it has to be equal; none where something else is asked."""
    if isinstance(condition, In) and not condition.negated:
        slots = tuple(item for item in condition.items if isinstance(item, Slot))
        return condition.operand, slots if len(slots) == len(condition.items) else ()
    if isinstance(condition, Compare) and condition.op == "=" and isinstance(condition.right, Slot):
        return condition.left, (condition.right,)
    return None, ()


def _paths(atom: Atom) -> list[Path]:
    return [part for side in sides(atom) for part in parts(side) if isinstance(part, Path)]
