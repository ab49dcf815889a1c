"""What a search asks of the rows of a table: which of them hold the words, and how well.

Which rows is answered by the indexes, how well by comparing texts, alike on both engines: the words of the fields are text with single
spaces between, so a word stands where it stands between two. Words are parameters only.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import FromClause, Table, and_, bindparam, case, cast, func, literal_column, or_, select, true
from sqlalchemy import Text as PlainText
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.dialects.postgresql import TSQUERY

from adapters.outbound.sql.rules_dialects import Expression, Truth
from adapters.outbound.sql.search_indexes import index_table, words_column
from domain.records.reading import Search
from domain.records.search import BEGUN, FARTHEST, WHOLE
from domain.rules.tree import Condition
from domain.schema.collection import Collection
from domain.schema.words import Word

Shown = Callable[[Condition, FromClause], Truth]
_SPACE: Expression = literal_column("' '", PlainText())
_ONE: Expression = literal_column("1")
_ZERO: Expression = literal_column("0")


class Searching:
    """Over the rows of `table`; `shown` compiles the masks."""

    def __init__(self, collection: Collection, search: Search, table: Table, dialect: str, shown: Shown) -> None:
        self._collection, self._search, self._table, self._dialect = collection, search, table, dialect
        masks = {name: shown(condition, table) for name, condition in search.masks.conditions}
        self._masks = {name: masks.get(name) for name in search.fields}

    @property
    def condition(self) -> Truth:
        """True for rows that hold every word in some field that they show."""
        if self._dialect == "sqlite" and not any(mask is not None for mask in self._masks.values()):
            return self._matching("find")
        return and_(true(), *(self._found(at) for at in range(len(self._search.words))))

    @property
    def rank(self) -> Expression:
        """As domain.records.search.rank measures it."""
        scores = [self._masked(name, self._score(name, at)) for name in self._masks for at in range(len(self._search.words))]
        total = scores[0]
        for each in scores[1:]:
            total = total + each
        return total

    # --- which rows

    def _found(self, at: int) -> Truth:
        held = [(self._held(name, at), mask) for name, mask in self._masks.items()]
        return or_(*(found if mask is None else and_(found, mask) for found, mask in held))

    def _held(self, name: str, at: int) -> Truth:
        if self._dialect == "sqlite":
            return self._matching(f"find{at}_{self._search.fields.index(name)}")
        words = func.array_to_tsvector(func.string_to_array(self._table.c[words_column(name)], _SPACE))
        return words.op("@@", is_comparison=True)(cast(bindparam(f"find{at}", type_=PlainText()), TSQUERY()))

    def _matching(self, parameter: str) -> Truth:
        name = index_table(self._collection)
        index = sql_table(name, sql_column("rowid"), sql_column(name))
        row: Expression = sql_column("rowid", _selectable=self._table)
        return row.in_(select(index.c.rowid).where(index.c[name].op("MATCH")(bindparam(parameter, type_=PlainText()))))

    # --- how well

    def _masked(self, name: str, score: Expression) -> Expression:
        mask = self._masks[name]
        return score if mask is None else case((mask, score), else_=_ZERO)

    def _score(self, name: str, at: int) -> Expression:
        words = _SPACE.concat(self._table.c[words_column(name)]).concat(_SPACE)
        place = func.instr if self._dialect == "sqlite" else func.strpos
        whole = place(words, bindparam(f"whole{at}", type_=PlainText()))
        branches = [(whole > _ZERO, self._near(WHOLE, whole))]
        if self._search.words[at].open:
            begun = place(words, bindparam(f"begun{at}", type_=PlainText()))
            branches.append((begun > _ZERO, self._near(BEGUN, begun)))
        return case(*branches, else_=_ZERO)

    def _near(self, best: int, place: Expression) -> Expression:
        least = func.min if self._dialect == "sqlite" else func.least
        return literal_column(str(best)).op("-")(least(place.op("-")(_ONE), literal_column(str(FARTHEST))))


def search_values(search: Search | None, dialect: str) -> Mapping[str, Any]:
    """The parameters of a search."""
    if search is None:
        return {}
    values: dict[str, Any] = {}
    for at, word in enumerate(search.words):
        values |= {f"whole{at}": f" {word.text} ", f"begun{at}": f" {word.text}"}
        if dialect == "postgresql":
            values[f"find{at}"] = f"'{word.text}'{':*' if word.open else ''}"
        else:
            values |= {f"find{at}_{place}": _match(word, name) for place, name in enumerate(search.fields)}
    if dialect == "sqlite":
        values["find"] = " AND ".join(_match(word, *search.fields) for word in search.words)
    return values


def _match(word: Word, *fields: str) -> str:
    """In FTS5's own language. A word is letters and digits, so it cannot leave its quotes."""
    columns = " ".join(words_column(name) for name in fields)
    return f'({{{columns}}} : "{word.text}"{" *" if word.open else ""})'
