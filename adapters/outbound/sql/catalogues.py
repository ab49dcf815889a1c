"""The schema that this process works under, and its replacement when the database has moved on."""

from collections.abc import Callable
from threading import Lock

from adapters.outbound.sql.engines import Rows
from adapters.outbound.sql.schema import load_schema
from adapters.outbound.sql.session import Catalogue
from ports.observer import Observer, SchemaReloaded


class Catalogues:
    """Replacing happens under a lock from reading to keeping, so that what was read last is what stays."""

    def __init__(self, run: Callable[[str], Rows], observer: Observer) -> None:
        self._run, self._observer = run, observer
        self._changing = Lock()
        self._current: Catalogue | None = None

    def current(self) -> Catalogue:
        return self._current or self._load(None, self._run)

    def reload(self, stale: Catalogue) -> bool:
        """Whether there is another one now than `stale`."""
        return self._load(stale, self._run).schema.version != stale.schema.version

    def at(self, version: int, run: Callable[[str], Rows]) -> Catalogue:
        """The one of this version; `run` reads in the transaction that found
        the version, and so finds it too."""
        current = self._current
        return (
            current if current is not None and current.schema.version == version else self._load(current, run)
        )

    def keep(self, catalogue: Catalogue) -> None:
        with self._changing:
            self._current = catalogue

    def forget(self) -> None:
        """After a change whose outcome is not known."""
        with self._changing:
            self._current = None

    def _load(self, stale: Catalogue | None, run: Callable[[str], Rows]) -> Catalogue:
        with self._changing:
            if self._current is None or self._current is stale:
                self._current = Catalogue(load_schema(run))
                self._observer.observe(SchemaReloaded(self._current.schema.version))
            return self._current
