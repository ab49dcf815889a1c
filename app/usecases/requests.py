"""Who asks what: travels together through every step of a use case."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.actor import Actor
from domain.events import Origin
from domain.records.reading import Guard, guard_of
from domain.rules.values import RequestFacts, Values

# Gathers what a request holds of these paths.
ValuesOf = Callable[[frozenset[tuple[str, ...]]], Values]


def origin_of(actor: Actor, facts: RequestFacts) -> Origin:
    return Origin(actor, facts.request_id, facts.visit.address if facts.visit else "")


@dataclass(frozen=True, slots=True)
class Request:
    """`into` is the collection that the body is for. What a dry run does is undone."""

    actor: Actor
    facts: RequestFacts
    body: Mapping[str, Any] | None = None
    into: str = ""
    dry_run: bool = False

    @property
    def guard(self) -> Guard | None:
        return guard_of(self.actor)

    @property
    def origin(self) -> Origin:
        return origin_of(self.actor, self.facts)
