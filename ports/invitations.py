"""Invitations that wait for an answer, by address."""

from collections.abc import Sequence
from typing import Protocol

from domain.accounts.invitations import Invitation
from domain.schema.collection import Collection


class InvitationStore(Protocol):
    def add(self, invitation: Invitation, email_key: str) -> bool:
        """False where the address is invited to this collection already, by an invitation that is not over."""
        ...

    def get(self, collection: Collection, id: str) -> Invitation | None: ...

    def waiting(self, collection: Collection, limit: int, before: str | None) -> Sequence[Invitation]:
        """The newest first, of those older than the one with the id `before`."""
        ...

    def issue(self, id: str, digest: str) -> bool:
        """The invitation is taken by this secret from now on, and by no earlier one. False where it is gone."""
        ...

    def renew(self, collection: Collection, id: str, expires: str) -> Invitation | None:
        """It lasts until then, and no secret of before takes it."""
        ...

    def find(self, collection: Collection, digest: str, now: str) -> Invitation | None: ...

    def take(self, collection: Collection, digest: str, now: str) -> Invitation | None:
        """The invitation that this secret takes, which is gone then. One conditional statement: of many takers one has it."""
        ...

    def remove(self, collection: Collection, id: str) -> bool: ...

    def forget(self, collection: Collection, email_key: str) -> None:
        """All of this address."""
        ...

    def sweep(self, over_since: str, limit: int) -> int:
        """Removes those that were over by then; how many."""
        ...
