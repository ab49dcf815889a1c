"""How records are grouped and measured: the list rule joined with the client's filter, as in a list, and one statement."""

from dataclasses import replace

from app.usecases.record_reads import RecordReads, entered, guard_paths
from app.usecases.requests import Request
from app.usecases.rulebook import Rulebook, Sayable
from domain.records.aggregates import (
    AggregateQuery,
    Dimension,
    Grouping,
    Groups,
    Measure,
    check_group,
    check_measures,
    check_names,
    check_order,
    paths_of,
    with_paths,
)
from domain.rules.scope import Scope
from domain.rules.shape import shape_with
from domain.rules.steps import check_together, joins_of
from domain.schema.collection import Collection
from ports.unit_of_work import Stores

Asked = tuple[tuple[Dimension, ...], tuple[Measure, ...]]


class Aggregates:
    """What happens inside a transaction or snapshot that reads; `RecordUseCases` opens it."""

    def __init__(self, rulebook: Rulebook, reads: RecordReads) -> None:
        self._rulebook, self._reads = rulebook, reads

    def groups(self, stores: Stores, name: str, query: AggregateQuery, request: Request) -> Groups:
        collection = entered(stores.schema, name, self._reads.moment(stores.schema))
        self._rulebook.rule(stores.schema, collection, "list", request.actor)
        sayable = self._reads.sights(stores, request).sayable(collection, query.filter, query.group, query.measures)
        ruling = self._rulebook.readable(stores.schema, collection, "list", request.actor, query.filter, sayable)
        dimensions, measures = self._asked(stores, collection, query, request, sayable)
        order = check_order(query.sort, dimensions, measures)
        paths = paths_of(dimensions, measures)
        asked = replace(ruling, paths=ruling.paths | (guard_paths(paths) or frozenset()))
        where, shaped = shape_with(ruling.condition, paths, self._reads.values(stores, asked, request))
        ready = iter(shaped)
        grouping = Grouping(
            collection, where, with_paths(dimensions, ready), with_paths(measures, ready), order,
            limit=query.limit, offset=(query.page - 1) * query.limit,
        )  # fmt: skip
        rows, more = stores.records.groups(grouping, request.guard)
        names = tuple(each.name for each in grouping.asked)
        return Groups(names, rows, query.page + 1 if more else None)

    def _asked(self, stores: Stores, collection: Collection, query: AggregateQuery, request: Request, sayable: Sayable) -> Asked:
        named = self._rulebook.named
        dimensions = named(stores.schema, collection, request.actor, "group", query.group, check_group, sayable)
        measures = named(stores.schema, collection, request.actor, "measures", query.measures, check_measures, sayable)
        check_names(dimensions, measures)
        steps = self._rulebook.steps(stores.schema, collection, request.actor, query.filter, "", sayable)
        is_many = Scope(stores.schema, collection).is_many
        check_together(steps + joins_of(paths_of(dimensions, measures), is_many), "group" if query.group else "measures")
        return dimensions, measures
