"""Conditions that are asked of others first, and then of the records that belong to those.

Where all records are looked at anyway, few targets of a relation may answer for many records; only SQLite needs that to be spelt out,
PostgreSQL's planner sees to it. And the few records of another collection that fulfil a rule may name those of this one.
"""

from dataclasses import dataclass, replace
from typing import TypeGuard

from sqlalchemy import FromClause, and_, exists, or_, select

from adapters.outbound.sql.rules_absence import comparison_when_absent, when_absent
from adapters.outbound.sql.rules_dialects import EMPTY, Expression, Truth
from adapters.outbound.sql.rules_places import Place
from adapters.outbound.sql.rules_steps import ONE, Steps
from adapters.outbound.sql.rules_tests import is_not_true
from domain.rules.manys import Many, manys
from domain.rules.tree import And, Call, Compare, Condition, In, Not, Operand, Or, Path, Shift, Step
from domain.rules.walk import parts, sides
from domain.schema.kinds import Kind


def first_step(condition: Condition) -> Step | None:
    """The relation to one record by which all of its paths begin."""
    steps: set[Step] = set()
    for path in _paths(condition):
        if path.root is not None or not path.steps or path.steps[0].many:
            return None
        steps.add(path.steps[0])
        if len(steps) > 1:
            return None
    return steps.pop() if steps else None


def beyond_first(condition: Condition) -> Condition:
    """The same, asked of the target of that relation."""
    if isinstance(condition, And | Or):
        return type(condition)(tuple(beyond_first(item) for item in condition.items))
    if isinstance(condition, Compare):
        return replace(condition, left=_shorter(condition.left), right=_shorter(condition.right))
    if isinstance(condition, In):
        return replace(condition, operand=_shorter(condition.operand), items=tuple(_shorter(item) for item in condition.items))
    return condition


def without_target(condition: Condition) -> bool | None:
    """What it answers where the relation leads nowhere, if its form tells."""
    if isinstance(condition, Compare | In):
        return comparison_when_absent(condition, _leads_nowhere)
    return when_absent(condition, _leads_nowhere)


def gathered(steps: Steps, step: Step, holder: FromClause, place: Place, target: FromClause, asked: Truth, *, truth: bool) -> Truth:
    """The records whose target fulfils what is asked of it; with `truth` false all others. Only targets that some record
    has are asked, as there may be far more of them than records."""
    held = target.c.id.in_(select(holder.c[step.field]).correlate_except(holder))
    ids = select(target.c.id).where(asked, held, *steps.allowed(step.guard, target)).correlate_except(target)
    found = and_(place.row.c[step.field].in_(ids), *steps.allowed(step.field_guard, place.row))
    return found if truth else is_not_true(found)


def _leads_nowhere(path: Path) -> bool:
    return True


def _paths(condition: Condition) -> list[Path]:
    if isinstance(condition, And | Or):
        return [path for item in condition.items for path in _paths(item)]
    if isinstance(condition, Not):
        return _paths(condition.item)
    if not isinstance(condition, Compare | In):
        return []
    return [part for side in sides(condition) for part in parts(side) if isinstance(part, Path)]


def _shorter(operand: Operand) -> Operand:
    if isinstance(operand, Path):
        return replace(operand, steps=operand.steps[1:])
    if isinstance(operand, Shift):
        return replace(operand, operand=_shorter(operand.operand))
    if isinstance(operand, Call):
        return replace(operand, args=tuple(_shorter(arg) for arg in operand.args))
    return operand


@dataclass(frozen=True, slots=True)
class Match:
    """`@collection.members.team ?= team` beside `rest`, which asks nothing of the record: `theirs` is a column of the other collection,
    `own` one of the record."""

    own: Path
    theirs: Path
    rest: Condition


def match_of(group: tuple[Condition, ...], many: Many) -> Match | None:
    """So that the values of the few others may be looked up among the records, instead of the others for each record."""
    if not isinstance(many.path, Path) or many.path.root is None or many.path.steps or many.each:
        return None
    for at, item in enumerate(group):
        own, theirs = _sides_of(item, many)
        rest = (*group[:at], *group[at + 1 :])
        if own is not None and theirs is not None and rest:
            return Match(own, theirs, rest[0] if len(rest) == 1 else And(rest))
    return None


def _sides_of(item: Condition, many: Many) -> tuple[Path | None, Path | None]:
    if isinstance(item, Compare) and item.op == "=" and item.kind is Kind.TEXT:
        for own, theirs in ((item.left, item.right), (item.right, item.left)):
            if _is_column(own) and _is_column(theirs) and own.root is None and list(manys(theirs)) == [many]:
                return own, theirs
    return None, None


def _is_column(operand: Operand) -> TypeGuard[Path]:
    """Whether it is a column of the record or of the other collection, as it stands there."""
    if not isinstance(operand, Path) or operand.kind is not Kind.TEXT:
        return False
    return not any((operand.steps, operand.json, operand.modifier, operand.guard, operand.elements, operand.email, operand.fold))


def looked_up(steps: Steps, match: Match, place: Place, others: FromClause, asked: Truth, *, beside: bool) -> Truth:
    """Nothing equals nothing too: where the record has no value, one of the others may have none either."""
    own, theirs = place.row.c[match.own.name], others.c[match.theirs.name]
    nullable = match.own.name != "id"
    values = select(theirs).where(asked, theirs.is_not(None)).correlate_except(others)
    found = steps.one_of(own, values, beside=beside or nullable)
    if not nullable:
        return found
    none = exists(select(ONE).select_from(others).where(asked, _is_absent(theirs)).correlate_except(others))
    # Alternatives side by side, so that an index on the column serves each.
    return or_(found, and_(own.is_(None), none), and_(own == EMPTY, none))


def _is_absent(column: Expression) -> Truth:
    return or_(column.is_(None), column == EMPTY)
