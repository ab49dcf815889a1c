"""What operators and clients ask about the backend itself: whether it can serve, and what it can do."""

from dataclasses import dataclass

from domain.records.page import DEFAULT_LIMIT, MAX_LIMIT
from domain.schema.fields import TYPES
from ports.unit_of_work import Stores, UnitOfWork


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
    def __init__(self, work: UnitOfWork, *, mail: bool, links: bool) -> None:
        self._work, self._mail, self._links = work, mail, links

    def ready(self) -> int:
        """The schema version, read from the database in one statement; Unavailable where that does not answer."""
        return self._work.read(_present_version)

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


def _present_version(stores: Stores) -> int:
    stores.records.check_guard(None)
    return stores.schema.version
