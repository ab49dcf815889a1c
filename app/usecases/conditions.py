"""A client's condition on a write (`if=stock > 0`), with no more sight than a filter has.

It is asked of what the actor may view, by the same names: what a filter would not tell of a field, a mask or a relation, no
write tells either. How it is carried out together with the write is the business of `record_writes`.
"""

from dataclasses import dataclass

from app.usecases.record_reads import RecordReads
from app.usecases.requests import Request
from app.usecases.rulebook import Rulebook, Ruling
from domain.errors import PreconditionFailed, Problem
from domain.rules.scope import Scope
from domain.rules.shape import Bound, needs_many, shape, shape_after
from domain.rules.steps import check_together, joins
from domain.schema.collection import Collection
from ports.unit_of_work import Stores

PARAMETER = "if"


@dataclass(frozen=True, slots=True)
class WriteCondition:
    """`seen` is what must hold for the record to be viewed, `met` that and the condition. `alone`: the record's own row decides it, so
    that one statement can ask it and write; what other rows decide is asked once the record is held."""

    seen: Bound
    met: Bound
    alone: bool
    joined: Ruling
    plain: Request
    reads: RecordReads

    def with_rule(self, stores: Stores, where: Bound) -> Bound:
        """The write's own condition and this one, for its one statement."""
        values = self.reads.values(stores, self.joined, self.plain)
        return shape_after(where, self.joined.condition, values)

    def refusal(self, stores: Stores, collection: Collection, id: str, action: str, request: Request) -> Problem | None:
        """Why the record, which is there and may be written, does not meet the condition now; None where it does."""
        if not stores.records.matches(collection, id, self.seen):
            return self.reads.hidden(stores, collection, action, id, request)
        if stores.records.matches(collection, id, self.met):
            return None
        record = stores.records.load(collection, id) or {}
        return PreconditionFailed(
            f"the condition in `{PARAMETER}` does not hold; the record is at version {record.get('version')} now",
            code="condition_failed", hint="read it again, and decide anew",
        )  # fmt: skip


def write_condition(
    rulebook: Rulebook, reads: RecordReads, stores: Stores, collection: Collection, text: str, request: Request
) -> WriteCondition | None:
    """None where nothing is asked. The body is kept out of it: a view rule must not be answered by what is about to be written."""
    if not text:
        return None
    plain = Request(request.actor, request.facts)
    view = rulebook.rule(stores.schema, collection, "view", plain.actor)
    sayable = reads.sights(stores, plain).sayable(collection, text)
    joined = rulebook.readable(stores.schema, collection, "view", plain.actor, text, sayable, PARAMETER)
    check_together(joins(joined.condition, Scope(stores.schema, collection).is_many), PARAMETER)
    seen = shape(view.condition, reads.values(stores, view, plain))
    met = shape(joined.condition, reads.values(stores, joined, plain))
    alone = joined.local and not needs_many(joined.condition)
    return WriteCondition(seen, met, alone, joined, plain, reads)
