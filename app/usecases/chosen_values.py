"""What somebody may choose of an account that is made for them in another way than by a create: as much as anybody who signs up."""

from collections.abc import Collection as Names
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.usecases.record_reads import RecordReads
from app.usecases.record_writes import author_of
from app.usecases.requests import Request
from domain.accounts.invitations import check_names, in_values
from domain.actor import GUEST
from domain.errors import Invalid
from domain.records.draft import Author, changes
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields import Tools
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.unit_of_work import Stores


class ChosenValues:
    def __init__(self, reads: RecordReads, tools: Tools, clock: Clock) -> None:
        self._reads, self._tools, self._clock = reads, tools, clock

    def judge(
        self, stores: Stores, collection: Collection, values: Mapping[str, Any], facts: RequestFacts, *, preset: Names[str] = ()
    ) -> None:
        """Invalid where they name what no sign-up writes, or what is `preset`; a field whose record decides who writes it is closed too."""
        request = Request(GUEST, facts, dict(values), collection.name)
        pen = self._reads.pen(stores, collection, request, creating=True)
        self.judge_for(collection, values, author_of(GUEST, replace(pen, closed=pen.closed | frozenset(pen.asked))), preset=preset)

    def judge_for(self, collection: Collection, values: Mapping[str, Any], author: Author, *, preset: Names[str] = ()) -> None:
        check_names(values, preset)
        try:
            changes(collection, values, author=author, now=write_instant(self._clock.now()), tools=self._tools)
        except Invalid as wrong:
            raise in_values(wrong) from wrong
