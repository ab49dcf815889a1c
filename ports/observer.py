"""What is worth noticing, as types; logging and metrics adapters decide what of it to show."""

from dataclasses import dataclass
from typing import Protocol


class Observation:
    """One thing that happened. Holds no secret and no value of a record."""


@dataclass(frozen=True, slots=True)
class SchemaReloaded(Observation):
    version: int


@dataclass(frozen=True, slots=True)
class CommitFailed(Observation):
    """The outcome of the transaction is unknown."""

    reason: str
    members: int


@dataclass(frozen=True, slots=True)
class Retried(Observation):
    """A unit of work was run again."""

    reason: str
    attempt: int


@dataclass(frozen=True, slots=True)
class RequestRefusedByRule(Observation):
    """Why a request got its 403 or 404; for the development log."""

    collection: str
    action: str
    rule: str | None


class Observer(Protocol):
    def observe(self, observation: Observation) -> None:
        """Takes note; never raises and never waits."""
        ...
