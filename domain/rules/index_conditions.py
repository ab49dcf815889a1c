"""The condition of a partial index: a rule over what the record itself holds and literals, so that it means the same for ever."""

from domain.errors import Fault, Invalid
from domain.rules.check import Scope, check
from domain.rules.tree import TRUE, And, Compare, Condition, In, Literal, Not, Or, Path
from domain.rules.walk import sides
from domain.schema.kinds import Kind

_OPERATORS = ("=", "!=", "<", "<=", ">", ">=")


def check_index_condition(text: str, scope: Scope) -> Condition:
    """Invalid where an index over such records would depend on anything but the record. `""` is every record."""
    condition = check(text, scope)
    reason = _reason_against(condition)
    if reason:
        hint = "write conditions over the record's own single fields and literals, such as status = 'live' && views > 0"
        detail = f"an index cannot have this condition: {reason}"
        raise Invalid(detail, code="not_allowed", hint=hint, faults=(Fault(scope.pointer, "not_allowed", detail),))
    return condition


def _reason_against(condition: Condition) -> str | None:
    if isinstance(condition, (And, Or)):
        return next((reason for item in condition.items if (reason := _reason_against(item))), None)
    if isinstance(condition, Not):
        return _reason_against(condition.item)
    if isinstance(condition, (Compare, In)):
        return _of_comparison(condition)
    return None if condition == TRUE else "it is the same for every record"


def _of_comparison(atom: Compare | In) -> str | None:
    if isinstance(atom, Compare) and atom.op not in _OPERATORS:
        return f"`{atom.op}` looks into texts"
    for side in sides(atom):
        if isinstance(side, Path):
            if side.steps or side.root is not None or side.many or side.elements or side.modifier or side.kind is Kind.JSON:
                return f"`{side.name}` is more than a single field of the record"
        elif not isinstance(side, Literal) or side.macro:
            return "it asks the request, the clock or a function"
    return None if any(isinstance(side, Literal) for side in sides(atom)) else "it compares fields with each other"
