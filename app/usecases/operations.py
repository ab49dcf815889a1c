"""What operators and clients ask about the backend itself: whether it can serve, and what it can do."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import OutOfSpace, Problem
from domain.records.page import DEFAULT_LIMIT, MAX_LIMIT
from domain.schema.fields import TYPES
from ports.clock import Clock
from ports.files import Files
from ports.unit_of_work import Stores, UnitOfWork

# Whoever asks us whether we are ready does so often, and a store of files may count what it is asked.
_KEPT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Readiness:
    """`files` is `ready`, `unavailable` or `full`: what needs no files is served all the same."""

    schema_version: int
    files: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this backend can do, for clients that adapt to it. Later features add names; none are taken away within v1."""

    collection_types: tuple[str, ...]
    field_types: tuple[str, ...]
    sign_in: tuple[str, ...]
    mail: bool
    mail_links: bool
    default_limit: int
    max_limit: int


class OperationsUseCases:
    def __init__(self, work: UnitOfWork, files: Files, clock: Clock, *, mail: bool, links: bool) -> None:
        self._work, self._mail, self._links = work, mail, links
        self._files, self._clock, self._looking = files, clock, threading.Lock()
        self._seen: tuple[datetime, str] | None = None

    def ready(self) -> Readiness:
        """The schema version is read from the database in one statement; Unavailable where that does not answer."""
        return Readiness(self._work.read(_present_version), self._state_of_files())

    def _state_of_files(self) -> str:
        """What was seen some seconds ago is good enough; one asks at a time, since a store that is away takes its second to say so."""
        seen = self._seen
        if seen and self._looking.locked():
            return seen[1]
        with self._looking:
            if self._seen is None or self._clock.now() - self._seen[0] >= _KEPT:
                self._seen = self._clock.now(), _look_at(self._files)
            return self._seen[1]

    def capabilities(self) -> Capabilities:
        return Capabilities(
            collection_types=("base", "accounts"),
            field_types=tuple(sorted(TYPES)),
            sign_in=("password", "code", "link") if self._mail else ("password",),
            mail=self._mail,
            mail_links=self._links,
            default_limit=DEFAULT_LIMIT,
            max_limit=MAX_LIMIT,
        )


def _look_at(files: Files) -> str:
    try:
        files.check()
    except OutOfSpace:
        return "full"
    except Problem:
        return "unavailable"
    return "ready"


def _present_version(stores: Stores) -> int:
    stores.records.check_guard(None)
    return stores.schema.version
