"""What each part of a rule says about one record: the questions behind a refusal, asked one by one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.usecases.requests import ValuesOf
from app.usecases.rulebook import Rulebook, Ruling, Sayable
from domain.actor import Actor
from domain.records.questions import Judged
from domain.rules.check import Scope
from domain.rules.parse import parse
from domain.rules.parts import Part, judged
from domain.rules.paths import resolve
from domain.rules.shape import Bound, shape
from domain.rules.syntax import Expr, Name, Source
from domain.rules.tree import Path
from domain.rules.tree import Request as Asked
from domain.rules.values import MISSING, lookup
from domain.rules.writing import names_in, written_operand
from domain.schema.collection import Collection, Schema

Passes = Callable[[Ruling, Bound], bool]


@dataclass(frozen=True, slots=True)
class Subject:
    """The record that is asked about, None where there is none to ask."""

    record: Mapping[str, Any] | None
    passes: Passes
    creating: bool = False


class Reasons:
    """For one request about one record; runs inside a transaction or snapshot that reads."""

    def __init__(
        self, rulebook: Rulebook, schema: Schema, collection: Collection, actor: Actor, values: ValuesOf, subject: Subject
    ) -> None:
        self._rulebook, self._schema, self._collection, self._actor = rulebook, schema, collection, actor
        self._values, self._subject = values, subject

    def of(self, what: str, text: str | None, client: Sayable | None = None) -> Judged:
        """`client` tells what a client's text may name; None is for the owner's texts. A rule that is null holds for nobody."""
        if not text:
            return Judged(what, text, None if text is None else Part("", "all", True))
        return Judged(what, text, judged(parse(text, what), lambda expr: self._holds(expr, client), self._seen))

    def _holds(self, expr: Expr, client: Sayable | None) -> bool | None:
        ruling = self._rulebook.part(self._schema, self._collection, expr, client=client, actor=self._actor)
        where = shape(ruling.condition, self._values(ruling.paths))
        if where.constant is not None or self._subject.record is None:
            return where.constant
        return self._subject.passes(ruling, where)

    def _seen(self, expr: Expr) -> dict[str, Any]:
        """The names of a comparison with what they stood for, where that is one value."""
        found = {written_operand(name): self._value(name) for name in names_in(expr)}
        return {name: _plain(value) for name, value in found.items() if value is not MISSING}

    def _value(self, name: Name) -> Any:
        scope = Scope(self._schema, self._collection, "", client=False)
        operand = resolve(name, scope, Source("", "")).operand
        if isinstance(operand, Asked) and operand.modifier is None and not operand.lists:
            found = lookup(self._values(frozenset({operand.path})), operand.path)
            return None if found is MISSING else found
        if not isinstance(operand, Path) or operand.steps or operand.root or operand.json or operand.modifier:
            return MISSING
        return MISSING if self._subject.record is None else self._subject.record.get(operand.name, MISSING)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return list(value) if isinstance(value, tuple) else value
