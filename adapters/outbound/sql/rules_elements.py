"""The elements of many-valued paths as something to select from: the rows of a collection, those that point at a record, the rows
of a link table, the values in a JSON array.

An empty path counts as one absent value. So "some element" is an EXISTS over the elements joined to one row from the left; where the
absent value cannot fulfil what is asked, over the elements alone, or as a set of those that have one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import FromClause, Select, and_, cast, exists, func, join, or_, select, true
from sqlalchemy.dialects.postgresql import JSONB

from adapters.outbound.sql.columns import targets_of
from adapters.outbound.sql.names import link_name
from adapters.outbound.sql.rules_dialects import Expression, Forms, Truth
from adapters.outbound.sql.rules_places import Element, Place, Spot
from adapters.outbound.sql.rules_steps import ONE, Read, Steps
from domain.rules.manys import Many
from domain.rules.tree import Path, Step
from domain.schema.collection import Schema

Ask = Callable[[Place], Truth]


@dataclass(frozen=True, slots=True)
class Source:
    """What holds the elements. Those of one record are the ones whose `key` is its id; a source without `key` has no others.
    `around` is the same in a form that a left join takes, where `rows` is a join."""

    rows: FromClause
    element: Element
    own: tuple[FromClause, ...]
    key: Expression | None = None
    on: tuple[Truth, ...] = ()
    spot: Spot | None = None
    anchor: Read | None = None
    around: Callable[[Expression], tuple[FromClause, Truth]] | None = None

    def some(self, anchor: Expression | None, asked: Truth) -> Truth:
        here = select(ONE).select_from(self.rows).where(asked, *self._of(anchor), *self.on)
        return exists(here.correlate_except(*self.own))

    def some_or_absent(self, anchor: Expression | None, asked: Truth, name: str) -> Truth:
        one = select(ONE.label("one")).subquery(name)
        rows, held = self.rows, and_(true(), *self._of(anchor))
        if self.around is not None and anchor is not None:
            rows, held = self.around(anchor)
        here = select(ONE).select_from(one.outerjoin(rows, and_(held, *self.on))).where(asked)
        return exists(here.correlate_except(one, *self.own))

    def holders(self, asked: Truth) -> Select[Any]:
        """The ids of those who have such an element."""
        assert self.key is not None
        return select(self.key).select_from(self.rows).where(asked, *self.on).correlate_except(*self.own)

    def _of(self, anchor: Expression | None) -> tuple[Truth, ...]:
        return () if self.key is None else (self.key == anchor,)


class Elements:
    def __init__(self, schema: Schema, steps: Steps, forms: Forms, dialect: str) -> None:
        self._schema, self._steps, self._forms, self._dialect = schema, steps, forms, dialect

    def some(self, many: Many, place: Place, ask: Ask, *, absent: bool | None, narrow: bool, beside: bool) -> Truth:
        """Whether `ask` holds where one of the elements is chosen. `absent` is its answer for the absent one, where that is known;
        `narrow` where an index finds the few elements for which it holds; `beside` in one of several alternatives."""
        source = self._source(many, place)
        asked = ask(place.choosing(many, source.element))
        if source.spot is None or source.anchor is None:
            return source.some(None, asked) if absent is False else source.some_or_absent(None, asked, self._steps.name())
        spot, anchor = source.spot, source.anchor
        if absent is not False:
            return source.some_or_absent(self._steps.through(spot, anchor), asked, self._steps.name())
        if not narrow:
            return self._steps.reaches(spot, lambda row: source.some(anchor(row), asked))
        outermost = beside and not spot.steps
        return self._steps.among(
            spot, lambda row: self._steps.one_of(anchor(row), source.holders(asked), beside=outermost), beside=beside
        )

    def keeps_choices(self, many: Many, place: Place) -> bool:
        """Whether these are the choices in a list that PostgreSQL keeps as JSON, whose index finds them."""
        path = many.path
        if not isinstance(path, Path) or not path.elements or self._dialect != "postgresql":
            return False
        return not self._is_linked(path, place.spot(path))

    def holding(self, many: Many, place: Place, wanted: Sequence[Expression]) -> Truth:
        """Whether the list has one of these values, each of which is written as a JSON list."""
        path = many.path
        assert isinstance(path, Path)

        def held(row: FromClause) -> Truth:
            column = row.c[path.name]
            return and_(*self._steps.allowed(path.guard, row), or_(*(column.op("@>")(cast(each, JSONB)) for each in wanted)))

        return self._steps.among(place.spot(path), held, beside=False)

    def count(self, path: Path, place: Place) -> Expression:
        """How many values a field of many holds, or how many records a path that ends in a back relation leads to."""
        return self._count_of_list(path, place) if path.elements else self._count_of_records(path, place)

    def whole(self, path: Path, row: FromClause) -> Expression:
        """The list that the field of the row holds, in its order."""
        if not self._is_linked(path, Spot(row)):
            return row.c[path.name]
        return targets_of(self._steps.unnamed(self._link(path.collection, path.name)), row, self._dialect)

    # --- sources

    def _source(self, many: Many, place: Place) -> Source:
        path = many.path
        assert isinstance(path, Path)
        if many.each:
            return self._links(path, place) if self._is_linked(path, place.spot(path)) else self._values(path, place)
        return self._pointing(path, place) if path.steps else self._all(path)

    def _all(self, path: Path) -> Source:
        rows = self._steps.table(path.root or "")
        return Source(rows, Element(rows), (rows,))

    def _links(self, path: Path, place: Place) -> Source:
        link = self._steps.table(self._link(path.collection, path.name))
        spot, anchor = self._steps.end(place.spot(path)) if path.guard is None else (place.spot(path), self._guarded_id(path))
        return Source(link, Element(link, link.c.target), (link,), link.c.source, (), spot, anchor)

    def _guarded_id(self, path: Path) -> Read:
        return lambda row: self._steps.guarded(row.c.id, path.guard, row)

    def _values(self, path: Path, place: Place) -> Source:
        """The array is read as one value; what it holds stands behind no index."""

        def array(row: FromClause) -> Expression:
            column = row.c[path.name]
            held = column if path.elements else self._forms.json_array(column, path.json)
            return self._steps.guarded(held, path.guard, row)

        found = self._steps.through(place.spot(path), array)
        rows, value = (self._forms.texts if path.elements else self._forms.documents)(found, self._steps.name())
        return Source(rows, Element(rows, value), (rows,))

    def _pointing(self, path: Path, place: Place) -> Source:
        step = path.steps[-1]
        spot, anchor = self._steps.end(place.spot(path, len(path.steps) - 1))
        rows = self._steps.table(step.target)
        allowed = self._steps.allowed(step.guard, rows)
        if not self._schema.collection(step.target).every_field[step.field].many:
            return Source(rows, Element(rows), (rows,), rows.c[step.field], allowed, spot, anchor)
        link = self._steps.table(self._link(step.target, step.field))
        both = join(rows, link, link.c.source == rows.c.id)

        def around(id_: Expression) -> tuple[FromClause, Truth]:
            """SQLite would build the whole join before it looks for what belongs to the row."""
            if self._dialect == "postgresql":
                return both, link.c.target == id_
            return rows, rows.c.id.in_(select(link.c.source).where(link.c.target == id_).correlate_except(link))

        return Source(both, Element(rows), (rows, link), link.c.target, allowed, spot, anchor, around)

    def _link(self, collection: str, field: str) -> str:
        return link_name(self._schema.collection(collection), field)

    def _is_linked(self, path: Path, spot: Spot) -> bool:
        """Whether its values are rows of a link table: those of many relations are, but for a draft's."""
        if not path.elements or self._schema.collection(path.collection).every_field[path.name].type != "relation":
            return False
        return bool(spot.steps) or path.name not in spot.row.c

    # --- counting

    def _count_of_list(self, path: Path, place: Place) -> Expression:
        spot = place.spot(path)
        if not self._is_linked(path, spot):
            length = self._steps.through(
                spot, lambda row: self._steps.guarded(self._forms.list_length(row.c[path.name]), path.guard, row)
            )
            return func.coalesce(length, 0)
        source = self._links(path, place)
        assert source.spot is not None
        assert source.anchor is not None
        assert source.key is not None
        anchor = self._steps.through(source.spot, source.anchor)
        count = select(func.count()).select_from(source.rows).where(source.key == anchor)
        return count.correlate_except(*source.own).scalar_subquery()

    def _count_of_records(self, path: Path, place: Place) -> Expression:
        """Whichever way leads there: a record is counted once for each."""
        walk = _Walk([], [])
        row = place.row
        if path.root is not None:
            row = walk.enter(self._steps.table(path.root))
        for step in path.steps:
            row = self._stepped(walk, step, row)
        count = select(func.count()).select_from(*walk.rows).where(*walk.conditions)
        return count.correlate_except(*walk.rows).scalar_subquery()

    def _stepped(self, walk: "_Walk", step: Step, row: FromClause) -> FromClause:
        target = self._steps.table(step.target)
        if not step.back:
            walk.conditions.extend(self._steps.allowed(step.field_guard, row))
        walk.conditions.append(self._meets(walk, step, row, target))
        walk.conditions.extend(self._steps.allowed(step.guard, target))
        return walk.enter(target)

    def _meets(self, walk: "_Walk", step: Step, row: FromClause, target: FromClause) -> Truth:
        if step.back and not self._schema.collection(step.target).every_field[step.field].many:
            return target.c[step.field] == row.c.id
        if not step.back and not step.many:
            return target.c.id == row.c[step.field]
        if not step.back and step.field in row.c:
            values, value = self._forms.texts(row.c[step.field], self._steps.name())
            walk.enter(values)
            return target.c.id == value
        link = walk.enter(self._steps.table(self._link(step.target if step.back else step.source, step.field)))
        holder, held = (target, row) if step.back else (row, target)
        return and_(link.c.source == holder.c.id, link.c.target == held.c.id)


@dataclass(frozen=True, slots=True)
class _Walk:
    """The tables that a way goes through, and how each is joined."""

    rows: list[FromClause]
    conditions: list[Truth]

    def enter(self, rows: FromClause) -> FromClause:
        self.rows.append(rows)
        return rows
