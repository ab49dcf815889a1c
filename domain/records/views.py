"""A view as it is read: its columns as paths and measures over the source, and its filter ready to be compiled.

The rules of the source say nothing here; who may see the records of a view is told by the view's own.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.errors import Invalid, invalid
from domain.rules.bound import Bound
from domain.rules.check import check
from domain.rules.depth import MAX_VIEW_DEPTH, depth
from domain.rules.parse import parse_name
from domain.rules.paths import Scope, resolve
from domain.rules.shape import shape
from domain.rules.syntax import Source
from domain.rules.tree import Condition, Literal, Path, Request
from domain.rules.values import Values
from domain.rules.walk import every_operand
from domain.schema.collection import Collection, Schema
from domain.schema.view_fields import check_query
from domain.schema.views import ViewQuery

# Nothing in a view's filter asks what time it is.
_WHENEVER = Values(datetime(2000, 1, 1, tzinfo=UTC))
_FILTER = "/query/filter"


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """`function` is empty where the column shows what `path` leads to; `path` is None where records are counted."""

    name: str
    function: str
    path: Path | None
    is_group: bool


@dataclass(frozen=True, slots=True)
class ViewPlan:
    source: Collection
    where: Bound
    columns: tuple[ViewColumn, ...]
    is_grouped: bool


def check_view(schema: Schema, query: ViewQuery) -> None:
    """Invalid where the query means nothing under this schema, or where its filter asks what no view can know."""
    check_query(query, schema.collections)
    condition = _condition(schema, query)
    if depth(condition) > MAX_VIEW_DEPTH:
        detail = "beyond the limit `nesting`: parentheses and relations to many nest too deep for the filter of a view"
        raise _refused("limit_exceeded", detail, "keep what it asks for in a field")
    for operand in every_operand(condition):
        if isinstance(operand, Request):
            detail = "a view is the same for everyone, so its filter cannot ask `@request`"
            raise _refused("not_allowed", detail, "ask it in the view's rules")
        if isinstance(operand, Literal) and operand.macro:
            detail = f"the filter of a view cannot ask for `{operand.value}`"
            raise _refused("not_allowed", detail, "show the date as a column, and ask in the view's rules or in a filter of its lists")
        if isinstance(operand, Path):
            _refuse_views(schema, operand)


def view_plan(schema: Schema, query: ViewQuery) -> ViewPlan:
    """For a query that was found to be sound."""
    scope = Scope(schema, schema.collection(query.source))
    columns = tuple(
        ViewColumn(
            each.name,
            each.measure.function if each.measure else "",
            _path(each.measure.name if each.measure else each.path, scope),
            each.name in query.group_by,
        )
        for each in query.columns
    )
    return ViewPlan(scope.collection, shape(_condition(schema, query), _WHENEVER), columns, query.is_grouped)


def _condition(schema: Schema, query: ViewQuery) -> Condition:
    return check(query.filter, Scope(schema, schema.collection(query.source), _FILTER))


def _path(name: str, scope: Scope) -> Path | None:
    found = resolve(parse_name(name, Source(name, "/query"), 0), scope, Source(name, "/query")).operand if name else None
    return found if isinstance(found, Path) else None


def _refuse_views(schema: Schema, path: Path) -> None:
    names = [step.target for step in path.steps] + ([path.root] if path.root else [])
    for name in names:
        if schema.collection(name).query:
            raise _refused("not_allowed", f"`{name}` is a view, and a view reads no other", "ask what that one reads")


def _refused(code: str, detail: str, hint: str) -> Invalid:
    return invalid(_FILTER, code, detail, hint=hint)
