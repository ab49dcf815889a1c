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


@dataclass(frozen=True, slots=True)
class RequestServed(Observation):
    """A request was answered. `path` is without the query, which may hold a private filter; `size` are the body's bytes,
    None where they were streamed."""

    request_id: str
    method: str
    path: str
    status: int
    milliseconds: float
    size: int | None
    actor_kind: str
    actor_id: str


@dataclass(frozen=True, slots=True)
class RequestFailed(Observation):
    """A request ended in an error that nobody foresaw. `trace` says where, and repeats no value."""

    request_id: str
    trace: str


class Observer(Protocol):
    def observe(self, observation: Observation) -> None:
        """Takes note; never raises and never waits."""
        ...
