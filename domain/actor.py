"""Who asks: a guest, an account, an admin, or the system itself."""

from collections.abc import Hashable
from dataclasses import dataclass

ADMINS = "_admins"
OWNER = "owner"
API_KEYS = "_api_keys"


@dataclass(frozen=True, slots=True)
class Actor:
    """`kind` is guest, account, admin, key (another program's, which may do what `scopes` say) or system. `epoch` is the one that the
    actor's token repeats: it is compared with the account's own in the first statement of each request, so that a token that was ended
    stops working at once. So is `session`, the id of the session that the token belongs to; a token without one stands by itself. `role`
    is what an admin may do: with another one its epoch grows, so a token never says an old one."""

    kind: str
    id: str = ""
    collection: str = ""
    epoch: int = 0
    session: str = ""
    role: str = ""
    scopes: frozenset[tuple[str, str]] = frozenset()
    # Of a key, by the id of a collection in its scopes: which of the records there it is about.
    rules: frozenset[tuple[str, str]] = frozenset()
    # The key by which an account asks that made it for itself: it may do then what it may do, as far as `scopes` and `rules` go.
    key: str = ""
    # The admin who acts as this account, where it is not the account itself.
    behind: "Actor | None" = None

    @property
    def is_guest(self) -> bool:
        return self.kind == "guest"

    @property
    def passes_rules(self) -> bool:
        return self.kind in ("admin", "system")

    @property
    def account_id(self) -> str:
        """To rules and defaults a key is nobody."""
        return "" if self.kind == "key" else self.id

    @property
    def standing(self) -> Hashable:
        """What rules make of the actor before they are asked: the same for everybody whom they bind alike."""
        return self.passes_rules or (self.kind == "key", self.scopes, self.rules)

    def as_object(self) -> dict[str, str | None]:
        """Who did it, for an answer."""
        return {"kind": self.kind, "collection": self.collection or None, "id": self.id or None}


GUEST = Actor("guest")
SYSTEM = Actor("system")


def account(id: str, collection: str, epoch: int = 1, session: str = "", role: str = OWNER) -> Actor:
    """The actor for a record of an accounts collection; members of `_admins` are admins, with this role."""
    if collection == ADMINS:
        return Actor("admin", id, collection, epoch, session, role)
    return Actor("account", id, collection, epoch, session)
